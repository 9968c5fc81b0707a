"""The layers under a step that is blamed, in a terminal and on a page."""

from __future__ import annotations

from typing import Any

from tflbuild.analyses.attribution import told
from tflbuild.analyses.attribution.judging import Cost
from tflbuild.analyses.attribution.told import exhibit_of, lines_of


def finding(**row: Any) -> dict[str, Any]:
    cost = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 96}
    first = {"name": "base", "label": "the base", "value": 0.8}
    last = {
        "name": "activations",
        "label": "activations quantized",
        "value": 0.6,
        "cost": cost,
        "blamed": True,
        **row,
    }
    return {
        "metric": "top1",
        "n": 96,
        "split": "test",
        "total": cost,
        "rungs": [first, last],
        "text": "top1 fell",
    }


def test_layers_stand_under_their_step() -> None:
    made = finding(layers=["conv_1 (SQNR 3.7 dB by channel)", "dw_2 (SQNR 7.1 dB by channel)"])
    lines = lines_of(made)
    place = next(number for number, line in enumerate(lines) if "<- lost here" in line)
    assert (
        lines[place + 1] == "      under it: conv_1 (SQNR 3.7 dB by channel), dw_2 (SQNR 7.1 dB by channel)"
    )
    exhibit = exhibit_of(made)
    assert exhibit is not None
    assert exhibit.text[1].startswith("The noisiest layers of 'activations quantized': conv_1 (SQNR 3.7 dB")


def test_a_step_without_layers_has_no_line_for_them() -> None:
    assert not any("under it" in line for line in lines_of(finding()))
    exhibit = exhibit_of(finding())
    assert exhibit is not None
    assert exhibit.text == ("top1 fell",)


def test_a_loss_that_other_steps_won_back_is_not_told_as_one_of_the_whole() -> None:
    said = told.verdict("map", Cost(-0.01, -0.02, 0.01, 50), ["scale"], 50)
    assert said.startswith("map did not fall: ")
    assert said.endswith("; scale lost some, and other steps gained it back")
    assert told.verdict("map", Cost(0.1, 0.05, 0.2, 50), ["scale"], 50).endswith("; lost at: scale")
