"""What a lock holds, field by field, and each comparison that it makes: by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from durability import Recorded
from tflbuild.core import toolchain
from tflbuild.core.digest import of_json
from tflbuild.core.errors import Drift, RecipeError
from tflbuild.core.recipe import RUN_KEYS
from tflbuild.engine import lock as module
from tflbuild.engine.contents import changed_contents, keep_contents
from tflbuild.engine.lock import (
    Lock,
    altered_steps,
    metric_drift,
    read_lock,
    tool_drift,
    write_lock,
)
from tflbuild.engine.report import Report, StepReport
from tflbuild.engine.yaml_file import read_mapping

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.setattr(module, "cpu_name", lambda: "this processor")
    step = {
        "label": "thin",
        "pass": "prune",
        "options": {"cost": 0.5},
        "action": A,
        "input": None,
        "output": B,
    }
    target = {"name": "cpu", "path": "model.tflite", "sha256": C, "bytes": 5, "more": 1}
    target["metrics"] = {"score": {"value": 0.5, "unit": "1"}, "time": {"value": 3.0, "unit": "ms"}}
    content = {
        "recipe": "small",
        "resolved": {
            "recipe": "small",
            "seed": 7,
            "worker": {"threads": 2, "max_rss": 9},
            "seeds": [1],
            **dict.fromkeys(RUN_KEYS, "x"),
        },
        "model": {"type": "own"},
        "passes": [step | {"seconds": 3.0}],
        "data": {"splits": {"test": {"n": 1, "digest": C}}, "root": "x"},
        "toolchain": {"numpy": "1.0"},
        "environment": {"device": "gpu", "threads": 2},
        "targets": [target],
        "seconds": 9.0,
    }
    return Report(folder=tmp_path, content=content)


def test_a_lock_holds_what_was_built_by_its_causes_and_no_time(report: Report) -> None:
    write_lock(report, {"thin": {"pass": "prune", "options": {"sizes": (1, 2)}}})
    content = yaml.safe_load((report.folder / "recipe.lock.yaml").read_text())
    target = {"path": "model.tflite", "sha256": C, "bytes": 5, "metrics": report["targets"][0]["metrics"]}
    assert content == {
        "schema": "tflbuild.lock/1",
        "recipe": "small",
        "resolved": {"recipe": "small", "seed": 7, "worker": {"threads": 2}},
        "model": {"type": "own"},
        "steps": {
            "thin": {
                "pass": "prune",
                "options": {"cost": 0.5},
                "action": A,
                "input": None,
                "output": B,
                "causes": {"pass": "prune", "options": {"sizes": [1, 2]}},
            }
        },
        "data": {"test": {"n": 1, "digest": C}},
        "toolchain": {"numpy": "1.0"},
        "environment": {"device": "gpu", "threads": 2, "cpu": "this processor"},
        "targets": {"cpu": target},
    }
    assert read_lock(report.folder / "recipe.lock.yaml") == content


def test_a_lock_is_flushed_before_it_gets_its_name(report: Report, recorded: Recorded) -> None:
    write_lock(report, {"thin": {}})
    assert [what for what, *_ in recorded.done] == ["flush", "rename"]


def test_a_recipe_without_worker_options_has_none_in_its_lock(report: Report) -> None:
    del report.content["resolved"]["worker"]
    write_lock(report, {"thin": {}})
    assert "worker" not in yaml.safe_load((report.folder / "recipe.lock.yaml").read_text())["resolved"]


class Keys:
    """Stands for what a recipe's data and code are now."""

    def __init__(self, **now: Any) -> None:
        self.recipe = SimpleNamespace(mapping={"seed": 7}, steps={"thin": SimpleNamespace(options=Prune())})
        self.index = SimpleNamespace(splits={"test": 1, "val": 1}, digest=lambda split: C)
        self._now = now

    def preimage_but_input(self, step: Any) -> dict[str, Any]:
        return {**CAUSES, **self._now}

    def listing(self, source: str) -> dict[str, str]:
        return {"1.jpg": "one", "2.jpg": "two"}


class Prune:
    name = "prune"


CAUSES = {
    "code": A,
    "options": {"cost": 0.5},
    "data": {"data.train": A, "data.val": A, "photos": A},
    "model": {"code": A, "files": [], "type": "own"},
    "reader": {"code": A, "preprocess": {"scale": 1}},
    "environment": {"threads": 2},
    "seed": 7,
}


def locked(tmp_path: Path, keys: Keys, **changed: Any) -> Lock:
    content = {
        "schema": "tflbuild.lock/1",
        "recipe": "small",
        "resolved": {"seed": 7},
        "model": {},
        "steps": {
            "thin": {
                "pass": "prune",
                "options": {},
                "action": of_json(CAUSES),
                "input": None,
                "output": B,
                "causes": CAUSES,
            }
        },
        "data": {"test": {"n": 1, "digest": C}, "val": {"n": 1, "digest": C}},
        "toolchain": {},
        "environment": {"cpu": "this processor"},
        "targets": {
            "cpu": {"path": "m", "sha256": C, "bytes": 1, "metrics": {"score": {"value": 0.5, "unit": "1"}}}
        },
    }
    path = tmp_path / "recipe.lock.yaml"
    path.write_text(yaml.safe_dump(content | changed))
    return Lock(path, cast(Any, keys), tmp_path)


def said(lock: Lock, check: Any) -> str:
    with pytest.raises(Drift) as caught:
        check()
    text = str(caught.value)
    assert text.startswith(f"{lock.path}: ")
    return text.removeprefix(f"{lock.path}: ")


def test_what_is_the_same_is_no_drift(tmp_path: Path) -> None:
    locked(tmp_path, Keys()).check_causes()
    # what the recipe, the splits and the tools say themselves is not said again by a step
    locked(tmp_path, Keys(options={"cost": 9}, seed=9, reader={"code": A, "preprocess": {}})).check_causes()
    locked(tmp_path, Keys(data=CAUSES["data"] | {"data.val": B})).check_causes()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ({"code": B}, "source of pass prune changed."),
        ({"model": {"code": B, "files": [], "type": "own"}}, "source of the model changed."),
        ({"model": {"code": A, "files": ["x"], "type": "own"}}, "model.path content changed."),
        ({"reader": {"code": B}}, "source of the data's reader changed."),
        ({"environment": {"threads": 4}}, "worker.threads 2 -> 4."),
        ({"data": {"data.train": A, "data.val": A, "photos": B}}, "photos content changed."),
        ({"data": {"data.train": B, "data.val": A, "photos": A}}, "data.train content changed."),
    ],
)
def test_what_only_a_step_s_causes_tell_is_drift(tmp_path: Path, now: dict[str, Any], text: str) -> None:
    lock = locked(tmp_path, Keys(**now))
    assert said(lock, lock.check_causes) == text


def test_a_step_that_is_another_pass_now_is_left_to_the_recipe(tmp_path: Path) -> None:
    keys = Keys(code=B)
    keys.recipe.steps["thin"].options = type("Other", (), {"name": "other"})()
    locked(tmp_path, keys).check_causes()
    keys.recipe.steps.clear()
    locked(tmp_path, keys).check_causes()


def test_other_data_are_drift_with_what_changed(tmp_path: Path) -> None:
    keep_contents(tmp_path, B, {"1.jpg": "one", "2.jpg": "other", "3.jpg": "x"})
    lock = locked(tmp_path, Keys(), data={"test": {"n": 1, "digest": B}, "val": {"n": 1, "digest": A}})
    assert said(lock, lock.check_causes) == (
        "data.test content changed: 1 file removed, 1 changed; data.val content changed."
    )


def test_all_that_drifted_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", {"numpy": "2", "scipy": "1"}.get)
    lock = locked(
        tmp_path,
        Keys(code=B),
        resolved={"seed": 8},
        toolchain={"numpy": "1", "scipy": "1", "gone": "3", "never": None},
    )
    assert said(lock, lock.check_causes) == (
        "seed is 7, locked is 8; gone is None, locked is 3; numpy is 2, locked is 1; source of pass prune changed."
    )


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (StepReport(label="thin", pass_name="", action=of_json(CAUSES), output=B), ""),
        (StepReport(label="more", pass_name=""), "more is not in it."),
        (
            StepReport(label="thin", pass_name="", action=of_json(CAUSES), output=A),
            f"thin gave {A[:10]}, locked is {B[:10]}, although everything that the lock names is unchanged.",
        ),
        (
            StepReport(label="thin", pass_name="", action=A, output=B),
            f"the key of thin is {A[:10]}, locked is {of_json(CAUSES)[:10]}.",
        ),
    ],
)
def test_what_a_step_gave_is_held_to_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: StepReport, text: str
) -> None:
    monkeypatch.setattr(module, "cpu_name", lambda: "this processor")
    lock = locked(tmp_path, Keys())
    if not text:
        lock.check_step(step)
    else:
        assert said(lock, lambda: lock.check_step(step)) == text


def test_another_processor_is_named_where_bytes_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cpu_name", lambda: "another one")
    lock = locked(tmp_path, Keys())
    step = StepReport(label="thin", pass_name="", action=of_json(CAUSES), output=A)
    assert said(lock, lambda: lock.check_step(step)).endswith(
        ", although everything that the lock names is unchanged except the processor: another one, locked on "
        "this processor."
    )


SAME = {"sha256": C, "metrics": {"score": {"value": 0.5}}}


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        ({"cpu": SAME}, ""),
        ({"cpu": SAME, "npu": SAME}, "other targets."),
        ({}, "other targets."),
        ({"cpu": SAME | {"sha256": A}}, f"cpu: file {A[:10]}, locked is {C[:10]}."),
        ({"cpu": SAME | {"metrics": {"score": {"value": 0.4}}}}, "cpu: score is 0.4, locked is 0.5."),
        (
            {"cpu": {"sha256": A, "metrics": {}}},
            f"cpu: file {A[:10]}, locked is {C[:10]}; cpu: score is None, locked is 0.5.",
        ),
    ],
)
def test_what_is_delivered_is_held_to_the_lock(tmp_path: Path, targets: Any, text: str) -> None:
    lock = locked(tmp_path, Keys())
    if not text:
        lock.check_delivery(targets)
    else:
        assert said(lock, lambda: lock.check_delivery(targets)) == text


def test_a_time_is_never_the_same_twice_and_is_left_out() -> None:
    claims = {"time": {"value": 1, "unit": "ms"}, "size": {"value": 1, "unit": "bytes"}, "bare": {"value": 1}}
    assert metric_drift(claims, {"time": {"value": 2}, "size": {"value": 2}, "bare": {"value": 1}}) == [
        "size is 2, locked is 1"
    ]
    assert metric_drift({}, {"more": {"value": 1}}) == []


def test_only_tools_that_a_lock_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", {"numpy": "2", "more": "9"}.get)
    assert tool_drift({"numpy": "2"}) == []
    assert tool_drift({"numpy": None}) == ["numpy is 2, locked is None"]


def test_a_step_whose_key_is_not_that_of_its_causes_was_changed_afterwards() -> None:
    steps = {
        "good": {"action": of_json({"a": 1}), "causes": {"a": 1}},
        "bad": {"action": A, "causes": {"a": 1}},
    }
    assert altered_steps({"steps": steps}) == [
        f"steps.bad.action is {A[:10]}, which is not the key of its causes, {of_json({'a': 1})[:10]}"
    ]


LISTED = {"1": "a", "2": "b", "3": "c"}


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ({**LISTED, "4": "d"}, "1 file added"),
        ({**LISTED, "4": "d", "5": "e"}, "2 files added"),
        ({"1": "a"}, "2 files removed"),
        ({**LISTED, "1": "x"}, "1 file changed"),
        ({"1": "x", "2": "b", "4": "d"}, "1 file added, 1 removed, 1 changed"),
        (dict(reversed(LISTED.items())), "only the order of its files or of the classes"),
    ],
)
def test_what_a_source_held_and_holds(tmp_path: Path, now: dict[str, str], text: str) -> None:
    keep_contents(tmp_path, A, LISTED)
    keep_contents(tmp_path, A, {"an earlier one": "stays"})
    assert changed_contents(tmp_path, A, now) == text
    assert [path.name for path in (tmp_path / "memo" / "contents").iterdir()] == [f"{A}.json"]


def test_what_is_not_remembered_is_not_spoken_of(tmp_path: Path) -> None:
    keep_contents(tmp_path, A, LISTED)
    assert changed_contents(tmp_path, B, LISTED) == ""
    assert changed_contents(tmp_path, f"../contents/{A}", LISTED) == ""
    (tmp_path / "memo" / "contents" / f"{A}.json").write_text("{")
    assert changed_contents(tmp_path, A, LISTED) == ""
    keep_contents(tmp_path, C, {})
    assert changed_contents(tmp_path, C, LISTED) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "it holds an alias ('*x'), which tflbuild never writes"),
        ("- 1", "it holds a list, not a mapping"),
        ("1: 2", "it holds a key that is not text: 1"),
        ("a: {2020-01-01: 1}", "it holds a key that is not text: 2020-01-01"),
        ("a: [{b: 2020-01-01}]", "it holds a date, which JSON does not know"),
        ("a: .nan", "it holds a number that is not finite, or has more than 400 digits"),
        ("a: -.inf", "it holds a number that is not finite, or has more than 400 digits"),
        (f"a: 1{'0' * 400}", "it holds a number that is not finite, or has more than 400 digits"),
        (f"a: -1{'0' * 400}", "it holds a number that is not finite, or has more than 400 digits"),
    ],
)
def test_yaml_that_no_build_writes_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match="it holds") as caught:
        read_mapping(tmp_path / "a.yaml")
    assert str(caught.value) == said


def test_yaml_is_read_to_its_limits_and_not_beyond(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"

    def read(text: str) -> Any:
        file.write_text(text, encoding="utf-8")
        return read_mapping(file)

    assert read("\ufeffa: [1, 0.5, true, null, x]") == {"a": [1, 0.5, True, None, "x"]}
    assert read(f"a: {'9' * 400}") == {"a": int("9" * 400)}
    deepest = module.yaml_file.DEEPEST
    assert read("{a: " + "[" * (deepest - 1) + "]" * (deepest - 1) + "}")
    with pytest.raises(ValueError, match=f"nested more than {deepest} levels deep"):
        read("{a: " + "[" * deepest + "]" * deepest + "}")
    assert read("a: [" + "[], " * (2 * deepest) + "]")
    file.write_bytes(b"a: \xff")
    with pytest.raises(ValueError, match=r"it is not UTF-8 text \(byte 3\)"):
        read_mapping(file)


def test_a_lock_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "no.yaml"
    with pytest.raises(RecipeError, match=f"{path} cannot be read as a lock: No such file or directory"):
        read_lock(path)
    path.write_text("- a")
    with pytest.raises(RecipeError, match=f"{path} cannot be read as a lock: it holds a list, not a mapping"):
        read_lock(path)
    path.write_text("schema: other")
    with pytest.raises(RecipeError, match=f"{path} is not a lock: its schema is not tflbuild.lock/1"):
        read_lock(path)
    path.write_text("schema: tflbuild.lock/1")
    with pytest.raises(RecipeError, match=f"{path} is not a lock: recipe is missing"):
        read_lock(path)
