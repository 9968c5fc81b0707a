"""A diagnosis as a page: every cause with its cures, and nothing of a file as markup."""

from __future__ import annotations

from typing import Any

from tflbuild.show.diagnosis import lines_of
from tflbuild.show.pages.diagnosis import render

COST = {"value": 0.25, "low": 0.125, "high": 0.375, "n": 40}
RUNGS: list[dict[str, Any]] = [
    {"name": "base", "label": "the base", "value": 0.75, "kind": "TFLiteModel", "file": ""},
    {
        "name": "weights",
        "label": "weights quantized",
        "value": 0.5,
        "cost": COST,
        "beyond": True,
        "blamed": True,
    },
]
LADDER = {
    "metric": "top1",
    "split": "test",
    "n": 40,
    "rungs": RUNGS,
    "total": COST,
    "text": "top1 fell by 0.2500",
}
CURE = {"text": "use one scale per channel", "override": "quantize.granularity=channel", "gain": 0.25}
CAUSE: dict[str, Any] = {
    "name": "weights",
    "stage": "weights",
    "text": "rounding the weights lost accuracy",
    "cost": 0.25,
    "low": 0.125,
    "high": 0.375,
    "n": 40,
    "found_by": "ladder",
    "cures": [{**CURE, "tried": {"gain": 0.2, "low": 0.1, "high": 0.3, "value": 0.7, "run": "r"}}],
}


def diagnosis(*causes: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": "tflbuild.diagnosis/1",
        "subject": {"file": "<b>old</b>.tflite", "base": "model.h5"},
        "command": ["diagnose", "<b>old</b>.tflite", "base=model.h5"],
        "causes": list(causes),
        "analyses": [{"name": "ladder", "key": "", "findings": [LADDER]}],
    }


def test_the_page_has_the_verdict_every_step_every_cause_and_what_its_cures_gave() -> None:
    page = render(diagnosis(CAUSE))
    for text in ("Top1 fell by 0.2500.", "weights quantized", "0.2500 [0.1250, 0.3750]"):
        assert text in page
    for text in (
        "quantize.granularity=channel",
        "+0.2000 [+0.1000, +0.3000]",
        "found by the analysis ladder",
    ):
        assert text in page


def test_text_of_a_file_is_no_markup() -> None:
    page = render(diagnosis({**CAUSE, "text": "<script>alert(1)</script>"}))
    assert "<b>old" not in page
    assert "<script>alert" not in page


def test_a_page_without_a_cause_says_so() -> None:
    assert "No cause was found." in render(diagnosis())


def test_the_terminal_says_the_same() -> None:
    lines = lines_of(diagnosis(CAUSE))
    assert "top1 on 40 samples of the test split" in lines
    assert any("weights quantized" in line and line.endswith("<- lost here") for line in lines)
    assert "cause 1: rounding the weights lost accuracy (cost 0.2500 [0.1250, 0.3750])" in lines
    assert (
        "  cure: use one scale per channel (up to +0.2500): quantize.granularity=channel; tried: +0.2000 "
        "[+0.1000, +0.3000], to 0.7000"
    ) in lines
    assert lines_of(diagnosis())[-1] == "no cause was found"
