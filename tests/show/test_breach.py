"""Everything about a limit that ended a build, told once; by hand."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from tflbuild.show.breach import breach_lines, next_commands


def verdict(
    metric: str, limit: dict[str, Any], value: float | None, baseline: float | None = None
) -> dict[str, Any]:
    return {
        "metric": metric,
        "limit": limit,
        "value": value,
        "baseline": baseline,
        "ok": False,
        "decided": True,
        "text": f"{metric} is over",
    }


FELL = verdict("map", {"max_drop": 0.03}, 0.5, 0.62034)
LARGE = verdict("size", {"max": 300_000.0}, 312_345.0)


def report(*verdicts: dict[str, Any], total: bool = False, **step: Any) -> dict[str, Any]:
    last = {"label": "quantize", "verdicts": [] if total else list(verdicts), "tried": [{"run": "quantize"}]}
    last["kind"] = "TFLiteModel"
    convert = {"label": "convert", "kind": "TFLiteModel", "verdicts": [], "tried": []}
    return {
        "status": "over_budget",
        "recipe": "mine",
        "overrides": ["prune.sparsity=0.9", "data.classes=[a,b c]", "quantize.budget.map.max_drop=0.03"],
        "passes": [convert, last | step],
        "budget": {"verdicts": list(verdicts) if total else []},
        "resolved": {"quantize": {"on_breach": "fail"}},
    }


def test_a_breach_says_what_is_over_what_was_tried_where_the_file_lies_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "rejected").mkdir()
    (tmp_path / "rejected" / "quantize.tflite").touch()
    folder = str(tmp_path)
    assert breach_lines(report(FELL), folder) == [
        "over budget: quantize: map is over; 0.0903 too much",
        "nothing else was tried: quantize has no fallback that can run, and its on_breach is fail",
        f"the rejected file: {folder}/rejected/quantize.tflite",
        "next:",
        f"  tflbuild diagnose {folder}",
        "  tflbuild recipe=mine prune.sparsity=0.9 'data.classes=[a,b c]' quantize.budget.map.max_drop=0.121",
    ]


def test_a_recipe_that_was_given_by_its_path_is_named_by_its_path(tmp_path: Path) -> None:
    """`recipe=mine` would be another one, or none."""
    commands = next_commands(report(FELL) | {"file": "my recipes/mine.yaml"}, str(tmp_path))
    assert shlex.split(commands[1])[:2] == ["tflbuild", "recipe=my recipes/mine.yaml"]


def test_what_was_tried_is_told_with_how_it_ended(tmp_path: Path) -> None:
    tried = [
        {"run": "quantize"},
        {
            "run": "quantize_mixed",
            "verdicts": [{"ok": False, "text": "map fell by 0.04"}, {"ok": True, "text": "x"}],
        },
        {"run": "qat -> convert from prune", "error": "pass 'qat' failed: no"},
    ]
    lines = breach_lines(report(FELL, tried=tried), str(tmp_path))
    assert lines[1] == (
        "tried instead of quantize: quantize_mixed (map fell by 0.04); qat -> convert from prune (pass "
        "'qat' failed: no); on_breach is fail"
    )
    assert lines[2] == "no file was kept"


NEXT = [
    ("a size of a pass", report(LARGE), ["quantize.budget.size.max=313000", "quantize.on_breach=skip"]),
    ("a size of the whole", report(LARGE, total=True), ["budget.size.max=313000", "report RUN"]),
    ("accuracy of the whole", report(FELL, total=True), ["diagnose RUN", "budget.map.max_drop=0.121"]),
    (
        "what is not converted yet",
        report(FELL, kind="KerasModel"),
        ["quantize.budget.map.max_drop=0.121", "report RUN"],
    ),
    (
        "undecided, and strict",
        report(verdict("map", {"max_drop": 0.2}, 0.5, 0.62)),
        ["diagnose RUN", "strict=false"],
    ),
    (
        "a floor",
        report(verdict("map", {"min": 0.7}, 0.61234)),
        ["diagnose RUN", "quantize.budget.map.min=0.612"],
    ),
    (
        "a share",
        report(verdict("map", {"max_relative_drop": 0.05}, 0.45, 0.5)),
        ["diagnose RUN", "quantize.budget.map.max_relative_drop=0.101"],
    ),
    (
        "what could not be measured",
        report(verdict("map", {"min": 0.7}, None)),
        ["diagnose RUN", "quantize.on_breach=skip"],
    ),
]


@pytest.mark.parametrize(("made", "ends"), [case[1:] for case in NEXT], ids=[case[0] for case in NEXT])
def test_two_commands_are_named_that_a_shell_takes(made: dict[str, Any], ends: list[str]) -> None:
    commands = next_commands(made, "RUN")
    assert [command.endswith(end) for command, end in zip(commands, ends, strict=True)] == [True, True], (
        commands
    )
    assert all(shlex.split(command)[0] == "tflbuild" for command in commands)


def test_an_override_takes_the_place_of_an_older_one_and_folders_are_quoted() -> None:
    first, second = next_commands(report(FELL), "my runs/latest")
    assert first == "tflbuild diagnose 'my runs/latest'"
    assert second.count("quantize.budget.map.max_drop=") == 1


def test_a_build_that_ended_otherwise_has_no_breach() -> None:
    assert breach_lines(report(FELL) | {"status": "built"}, "RUN") == []
    assert breach_lines(report(FELL) | {"passes": []}, "RUN") == []


def test_a_limit_that_several_devices_break_is_accepted_by_one_override_that_all_pass() -> None:
    over = [verdict("npu_coverage", {"min": 0.9}, value) for value in (0.72, 0.0, 0.41)]
    over += [verdict("size", {"max": 100.0}, value) for value in (112.0, 103.0)]
    command = next_commands(report(*over, total=True), "RUN")[0]
    assert shlex.split(command)[-2:] == ["budget.npu_coverage.min=0", "budget.size.max=113"]
