"""What differs between reports, on reports written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.show.comparison import compare, figures_of, flat

ACCURACY = {"value": 0.5, "unit": "1"}
SIZE = {"value": 700, "unit": "bytes"}


def step(label: str, **changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"label": label, "pass": label, "options": {}, "metrics": {}, "bytes": 700}
    made |= {
        "cost_seconds": 1.5,
        "output": f"output of {label}",
        "outcome": "ran",
        "action": f"action {label}",
    }
    return made | changed


def target(name: str, **changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "metrics": {"map": ACCURACY, "size": SIZE}, "bytes": 700}
    made |= {"compressed_bytes": 300, "sha256": f"sha of {name}", "latency_ms": {"median": 2.5, "p90": 9.0}}
    return made | changed


def report(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "recipe": "signs",
        "status": "built",
        "seed": 0,
        "resolved": {
            "recipe": "not compared",
            "description": "not compared",
            "outputs": "not compared",
            "store": {"path": "not compared"},
            "seed": 0,
            "data": {"type": "signs"},
        },
        "toolchain": {"numpy": "2"},
        "environment": {"threads": 1},
        "data": {
            "splits": {"train": {"n": 10, "digest": "t"}, "val": {"n": 5, "digest": "v"}},
            "dropped": ["a", "b"],
        },
        "base": {"label": "train", "metrics": {"map": ACCURACY}},
        "targets": [target("cpu")],
        "passes": [step("train", options={"epochs": 3}, metrics={"map": ACCURACY})],
    }
    return made | changed


def unknown(position: int, label: str) -> Mapping[str, Any] | None:
    return None


def test_a_report_has_three_sections_of_dotted_keys() -> None:
    made = compare(["one"], [report()], unknown)
    assert {section: set(keys) for section, keys in made.equal.items()} == {
        "recipe": {"data.type", "recipe", "train.epochs"},
        "causes": {
            "seed",
            "toolchain.numpy",
            "environment.threads",
            "data.content.train",
            "data.content.val",
            "data.images.train",
            "data.images.val",
            "data.dropped",
        },
        "figures": {
            "status",
            "map",
            "bytes",
            "compressed_bytes",
            "sha256",
            "latency_ms",
            "base (train).map",
            "train.map",
            "train.bytes",
            "train.seconds",
            "train.output",
            "train.outcome",
        },
    }
    assert made.differing == {"recipe": {}, "causes": {}, "figures": {}}


def test_figures_are_those_of_the_report() -> None:
    figures = figures_of(report())
    assert figures["latency_ms"] == 2.5
    assert (figures["bytes"], figures["compressed_bytes"], figures["sha256"]) == (700, 300, "sha of cpu")
    assert figures["train.seconds"] == 1.5
    assert figures["train.output"] == "output of train"
    assert figures["map"] == figures["base (train).map"] == ACCURACY
    cached = report(passes=[step("train", outcome="cached")])
    assert figures_of(cached)["train.outcome"] == "ran", "whether it was built before is no difference"
    assert figures_of(report(passes=[step("train", outcome="fell_back")]))["train.outcome"] == "fell_back"
    assert figures_of(report(targets=[target("cpu", latency_ms=None)]))["latency_ms"] is None


def test_of_several_targets_each_has_its_name_before_its_figures() -> None:
    figures = figures_of(report(targets=[target("cpu"), target("ethos", bytes=800)]))
    assert (figures["cpu.bytes"], figures["ethos.bytes"]) == (700, 800)
    assert figures["ethos.latency_ms"] == 2.5
    assert figures["cpu.map"] == ACCURACY
    assert "bytes" not in figures


def test_each_cause_that_differs_is_shown() -> None:
    other = report(
        seed=1,
        toolchain={"numpy": "3"},
        environment={"threads": 2},
        data={
            "splits": {"train": {"n": 11, "digest": "u"}, "val": {"n": 5, "digest": "v"}},
            "dropped": ["a"],
        },
    )
    assert compare(["one", "two"], [report(), other], unknown).differing["causes"] == {
        "seed": [0, 1],
        "toolchain.numpy": ["2", "3"],
        "environment.threads": [1, 2],
        "data.content.train": ["t", "u"],
        "data.images.train": [10, 11],
        "data.dropped": [2, 1],
    }


def test_a_key_that_one_run_lacks_differs() -> None:
    other = report(passes=[step("train"), step("prune", options={"sparsity": 0.5})])
    made = compare(["one", "two"], [report(), other], unknown)
    assert made.differing["recipe"] == {
        "train.epochs": [3, None],
        "train": [None, {}],
        "prune.sparsity": [None, 0.5],
    }
    assert made.differing["figures"]["prune.bytes"] == [None, 700]
    assert list(made.equal["recipe"]) == ["data.type", "recipe"]


def test_each_run_is_explained_beside_the_first() -> None:
    def run(action: str) -> dict[str, Any]:
        return report(passes=[step("train", action=action)])

    causes = [{"seed": 0}, {"seed": 5}, {"seed": 7}, None]

    def preimages(position: int, label: str) -> Mapping[str, Any] | None:
        assert label == "train"
        return causes[position]

    made = compare(list("abcd"), [run("x"), run("x"), run("y"), run("z")], preimages)
    assert made.differing["causes"]["train.action"] == [
        "x",
        "x",
        "seed 0 -> 7",
        "z, why is not known: a run that was not built keeps no lock",
    ]


def test_the_printed_form_holds_everything() -> None:
    made = compare(["a", "b"], [report(), report(seed=3, status="failed")], unknown).to_json()
    assert list(made) == ["schema", "runs", "recipe", "causes", "figures", "equal"]
    assert (made["schema"], made["runs"]) == ("tflbuild.compare/1", ["a", "b"])
    assert made["causes"] == {"seed": [0, 3]}
    assert made["figures"] == {"status": ["built", "failed"]}
    assert list(made["equal"]) == ["recipe", "causes", "figures"]


def test_an_empty_mapping_is_a_value() -> None:
    assert flat({"a": {"b": {}, "c": {"d": None}}, "e": [1]}) == {"a.b": {}, "a.c.d": None, "e": [1]}
