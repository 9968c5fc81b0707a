"""Where operators run, in lines for a terminal and as a table of a page."""

from __future__ import annotations

from typing import Any

import made_up
from tflbuild.core.exhibit import Table
from tflbuild.show.placements import Placements


def second(**more: Any) -> dict[str, Any]:
    """Give another device that takes everything but the last operator."""
    found = made_up.placement()
    operators = [one | {"on": True, "reason": "", "cure": "", "fits": True} for one in found["operators"]]
    operators[-1] = found["operators"][-1]
    return found | {
        "device": "cpu",
        "title": "XNNPACK",
        "basis": "measured",
        "source": "LiteRT 2.3",
        "date": "2026-01-02",
        "operators": operators,
        "delegated": 85,
        "remarks": [],
        **more,
    }


def test_neighbours_that_all_devices_treat_alike_share_a_line() -> None:
    made = Placements("a.tflite", 1234, [made_up.placement(), second()])
    assert [(one.indices, one.said) for one in made.stretches()] == [
        ("0-81", "82 operators: CONV_2D, DEPTHWISE_CONV_2D"),
        ("82-84", "3 operators: DEQUANTIZE"),
        ("85", "TFLite_Detection_PostProcess"),
    ]
    assert len(made.stretches(whole=True)) == 86


def test_the_terminal_has_a_column_for_each_device_and_a_note_for_each_reason() -> None:
    assert Placements("a.tflite", 1234, [made_up.placement(), second()]).lines() == [
        "                                                   ethos_u55  cpu",
        "   0-81  82 operators: CONV_2D, DEPTHWISE_CONV_2D  yes        yes",
        "  82-84  3 operators: DEQUANTIZE                   no [1]     yes",
        "     85  TFLite_Detection_PostProcess              no [2]     no [3]",
        "operators                                          82 of 86   85 of 86",
        "multiply-accumulates                               100.0%     100.0%",
        "",
        "[1] ethos_u55, operators 82-84 (DEQUANTIZE): it gives float32, and the Ethos-U55 takes int8, int16 and int32",
        "    cure: quantize.output_dtype=int8",
        "[2] ethos_u55, operator 85 (TFLite_Detection_PostProcess): it is no custom operator of the Ethos-U55",
        "[3] cpu, operator 85 (TFLite_Detection_PostProcess): it is no custom operator of the Ethos-U55",
        "",
        "ethos_u55: as the compiler placed them (vela 5.2.0)",
        "ethos_u55: figures are vela's estimates",
        "cpu: as measured (LiteRT 2.3, 2026-01-02)",
    ]


def test_a_device_that_takes_everything_has_no_notes() -> None:
    whole = [one | {"on": True, "reason": "", "cure": ""} for one in made_up.placement()["operators"]]
    lines = Placements("a.tflite", 1, [second(operators=whole, delegated=86)]).lines()
    assert lines[1] == "   0-85  86 operators: CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, ...  yes"
    assert not [line for line in lines if line.startswith("[")]


def test_the_page_has_the_same_rows_and_reasons() -> None:
    exhibit = Placements("a.tflite", 1234, [made_up.placement()]).exhibit()
    (rows,) = exhibit.parts
    assert isinstance(rows, Table)
    assert [row.cells for row in rows.rows] == [
        ("0-81", "yes", "82 operators: CONV_2D, DEPTHWISE_CONV_2D"),
        ("82-84", "no [1]", "3 operators: DEQUANTIZE"),
        ("85", "no [2]", "TFLite_Detection_PostProcess"),
    ]
    assert exhibit.text[0] == "ethos_u55: as the compiler placed them (vela 5.2.0)"
    assert exhibit.text[2].startswith("[1] ethos_u55, operators 82-84 (DEQUANTIZE): it gives float32")
    assert exhibit.text[3] == "cure: quantize.output_dtype=int8"
