"""How runs are shown side by side: cells, changes and names, by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tflbuild.commands.compare import _change, _equal, _folder, _names, _show, _text
from tflbuild.commands.compare import compare as command
from tflbuild.core.errors import RecipeError
from tflbuild.show.comparison import Comparison, causes_of, compare, figures_of, flat, recipe_of

MEASURED = {"value": 0.61234, "unit": "1", "low": 0.5, "high": 0.7}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (1234567, "1,234,567"),
        (True, "true"),
        (0.0, "0"),
        (1234.5678, "1234.57"),
        ("a\x1b", "a\\x1b"),
        ("[red]", "\\[red]"),
        ("0123456789" * 6 + "abcd", "0123456789"),
        ("x" * 63, "x" * 63),
        (MEASURED, "0.6123 [0.5000, 0.7000]"),
        ({"value": 0.0, "unit": "1"}, "0.0000"),
        ({"value": 0.0, "unit": "1", "low": 0.0, "high": 0.0}, "0.0000 [0.0000, 0.0000]"),
        ({"value": 643384.0, "unit": "bytes"}, "628.3 KiB"),
        ({"value": None, "unit": "1"}, "not measured"),
    ],
)
def test_a_cell_says_its_value_as_people_read_it(value: Any, text: str) -> None:
    assert _text(value) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1000, 3500, "+2,500"),
        (3500, 1000, "-2,500"),
        (0, 0, "+0"),
        (0.5, 0.48, "-0.0200"),
        (0.0078125, 0.00784314, "+3.06e-05"),
        (0.5, 0.5, "+0.0000"),
        (1, 1.5, "+0.5000"),
        (MEASURED, MEASURED | {"value": 0.7}, "+0.0877"),
        (MEASURED, MEASURED | {"value": None}, ""),
        (None, 1, ""),
        ("a", "b", ""),
        (True, 1, ""),
        (1, False, ""),
    ],
)
def test_a_change_is_what_came_after_less_what_was_before(before: Any, after: Any, text: str) -> None:
    assert _change([before, after]) == text


def test_sizes_are_written_in_kib() -> None:
    assert _text(312345, "quantize.bytes") == "305.0 KiB"
    assert _change([312345, 300000], "compressed_bytes") == "-12.1 KiB"
    assert _change([300000, 312345], "cpu.bytes") == "+12.1 KiB"


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        (["out/a/1", "out/a/2"], ["1", "2"]),
        (["out/a/1", "out/b/1"], ["a/1", "b/1"]),
        (["out/a", "out/a"], ["a", "a"]),
        (["out", "out/b"], ["out", "out/b"]),
        (["x/a", "y/a"], ["x/a", "y/a"]),
        (["x/a/1", "x/a/2", "x/b"], ["a/1", "a/2", "b"]),
    ],
)
def test_folders_that_all_names_begin_with_are_left_out(runs: list[str], names: list[str]) -> None:
    assert _names(runs) == names


def made(runs: tuple[str, ...]) -> Comparison:
    return Comparison(
        runs=runs,
        differing={
            "recipe": {"a.b": [1, 3][: len(runs)] + [9] * (len(runs) - 2)},
            "causes": {},
            "figures": {},
        },
        equal={"recipe": ["x", "y"], "causes": ["z"], "figures": []},
    )


def test_a_section_with_a_difference_has_its_heading_and_two_runs_their_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _show(made(("o/1", "o/2")), [])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == ["1 2 change", "recipe", "a.b 1 3 +2", "equal: 2 of recipe, 1 of causes, 0 of figures"]
    _show(made(("o/1", "o/2", "o/3")), [])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == ["1 2 3", "recipe", "a.b 1 3 9"]
    assert _equal(made(("o/1", "o/2"))) == lines[-1]


def test_long_values_and_colons_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    long = f":cat: {'x' * 120}"
    comparison = replace(made(("o/1", "o/2")), differing={"recipe": {"a": [long, 1]}})
    _show(replace(comparison, differing={"causes": {}, "figures": {}, **comparison.differing}), [])
    assert f"a {long} 1" in [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_the_folder_of_a_report_is_the_one_that_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("")
    assert _folder(tmp_path) == _folder(tmp_path / "report.json") == tmp_path


STEP: dict[str, Any] = {
    "label": "prune",
    "pass": "prune",
    "action": "a",
    "options": {"sparsity": 0.5, "calibration": {"images": 3}},
    "metrics": {"map": MEASURED},
    "bytes": 10,
    "cost_seconds": 1.5,
    "seconds": 0.0,
    "output": "d1",
    "outcome": "cached",
}
TARGET: dict[str, Any] = {
    "name": "cpu",
    "bytes": 7,
    "compressed_bytes": 5,
    "sha256": "d2",
    "metrics": {"map": MEASURED, "size": {"value": 7, "unit": "bytes"}},
    "latency_ms": {"median": 1.25, "p90": 2.0},
}
REPORT: dict[str, Any] = {
    "recipe": "r",
    "status": "built",
    "resolved": {
        "recipe": "r",
        "description": "d",
        "outputs": "o",
        "store": {"path": "s"},
        "seed": 3,
        "prune": {"sparsity": None},
        "strict": False,
        "hooks": {},
    },
    "seed": 4,
    "toolchain": {"tensorflow": "2.20.0"},
    "environment": {"threads": 2},
    "data": {"splits": {"train": {"n": 9, "digest": "d0"}}, "dropped": ["x", "y"]},
    "base": {"label": "train", "metrics": {"map": MEASURED}},
    "targets": [TARGET],
    "passes": [STEP],
}


def test_a_recipe_is_compared_by_what_decides_and_with_resolved_options() -> None:
    assert recipe_of(REPORT) == {
        "recipe": "r",
        "strict": False,
        "hooks": {},
        "prune.sparsity": 0.5,
        "prune.calibration.images": 3,
    }


def test_other_causes_are_seed_tools_environment_and_data_by_content() -> None:
    assert causes_of(REPORT) == {
        "seed": 4,
        "toolchain.tensorflow": "2.20.0",
        "environment.threads": 2,
        "data.content.train": "d0",
        "data.images.train": 9,
        "data.dropped": 2,
    }


def test_figures_are_those_of_targets_base_and_passes() -> None:
    assert figures_of(REPORT) == {
        "status": "built",
        "map": MEASURED,
        "bytes": 7,
        "compressed_bytes": 5,
        "sha256": "d2",
        "latency_ms": 1.25,
        "base (train).map": MEASURED,
        "prune.map": MEASURED,
        "prune.bytes": 10,
        "prune.seconds": 1.5,
        "prune.output": "d1",
        "prune.outcome": "ran",
    }
    two = REPORT | {"targets": [TARGET, TARGET | {"name": "npu", "latency_ms": None}], "passes": []}
    assert {key: value for key, value in figures_of(two).items() if "latency" in key or "map" in key} == {
        "cpu.map": MEASURED,
        "cpu.latency_ms": 1.25,
        "npu.map": MEASURED,
        "npu.latency_ms": None,
        "base (train).map": MEASURED,
    }
    assert figures_of(REPORT | {"passes": [STEP | {"outcome": "skipped"}]})["prune.outcome"] == "skipped"


def test_nested_mappings_are_one_and_an_empty_one_is_a_value() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": {}}, "e": [1]}) == {"a.b.c": 1, "a.d": {}, "e": [1]}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give folders of two runs, whose reports and locks are made up; the second has no lock."""
    reports = {"one": REPORT, "two": REPORT | {"passes": [STEP | {"action": "b"}]}}
    for name in reports:
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text("")
    (tmp_path / "one" / "recipe.lock.yaml").write_text("")
    locks: list[Path] = []

    def read_lock(path: Path) -> Any:
        locks.append(path)
        return {"steps": {"prune": {"causes": {"code": "1"}}}}

    def read_report(path: Path) -> Any:
        return reports[path.name if path.is_dir() else path.parent.name]

    monkeypatch.setattr("tflbuild.commands.compare.read_report", read_report)
    monkeypatch.setattr("tflbuild.commands.compare.read_lock", read_lock)
    return [str(tmp_path / "one"), str(tmp_path / "two" / "report.json")]


def test_runs_are_compared_in_a_table_or_as_json(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(runs) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "one two/report.json change",
        "causes",
        "prune.action a b, why is not known: a run that was not built keeps no lock",
        "two/report.json and one are not paired: they delivered the same file",
        "equal: 5 of recipe, 6 of causes, 12 of figures",
    ]
    for words in (["--json", *runs], [*runs, "--json"]):
        assert command(words) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["runs"] == runs
        assert printed["causes"] == {
            "prune.action": ["a", "b, why is not known: a run that was not built keeps no lock"]
        }


def test_what_decided_an_action_is_read_from_the_locks(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two" / "recipe.lock.yaml").write_text("")
    assert command(["--json", *runs]) == 0
    assert json.loads(capsys.readouterr().out)["causes"] == {"prune.action": ["a", ""]}


def test_a_run_alone_is_not_compared(runs: list[str]) -> None:
    for words in ([runs[1]], [runs[1], "--json"], [*runs, "--all"]):
        with pytest.raises(RecipeError, match=r"^usage: tflbuild compare RUN_OR_SWEEP"):
            command(words)


def test_what_one_run_lacks_differs_and_the_rest_is_equal() -> None:
    other = REPORT | {"passes": [STEP | {"action": "b", "output": "d3"}], "environment": {}}
    found = compare(["one", "two"], [REPORT, other], lambda position, label: None)
    assert found.to_json() == {
        "schema": "tflbuild.compare/1",
        "runs": ["one", "two"],
        "recipe": {},
        "causes": {
            "environment.threads": [2, None],
            "environment": [None, {}],
            "prune.action": ["a", "b, why is not known: a run that was not built keeps no lock"],
        },
        "figures": {"prune.output": ["d1", "d3"]},
        "equal": {
            "recipe": ["prune.sparsity", "strict", "hooks", "recipe", "prune.calibration.images"],
            "causes": [
                "seed",
                "toolchain.tensorflow",
                "data.content.train",
                "data.images.train",
                "data.dropped",
            ],
            "figures": [
                *("status", "map", "bytes", "compressed_bytes", "sha256", "latency_ms", "base (train).map"),
                *("prune.map", "prune.bytes", "prune.seconds", "prune.outcome"),
            ],
        },
    }
