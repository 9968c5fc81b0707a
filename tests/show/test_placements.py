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
        "     85  TFLite_Detection_PostProcess              no [2]     no [2]",
        "operators                                          82 of 86   85 of 86",
        "multiply-accumulates                               100.0%     100.0%",
        "",
        "[1] ethos_u55, operators 82-84 (DEQUANTIZE): it gives float32, and the Ethos-U55 takes int8, int16 and int32",
        "    cure: quantize.output_dtype=int8",
        "[2] ethos_u55, cpu, operator 85 (TFLite_Detection_PostProcess): it is no custom operator of the Ethos-U55",
        "",
        "ethos_u55: as the compiler placed them (vela 5.2.0)",
        "ethos_u55: figures are vela's estimates",
        "cpu: as measured (LiteRT 2.3, 2026-01-02)",
    ]


def alternating(kinds: int = 2) -> dict[str, Any]:
    """Give a device that leaves every operator but the last, for reasons that take turns."""
    whole = second()["operators"]
    operators = [
        one | {"on": False, "fits": False, "reason": f"is {place % kinds}"} for place, one in enumerate(whole)
    ]
    operators[-1] = whole[-1] | {"on": True, "reason": "", "cure": ""}
    return second(operators=operators, delegated=1)


def test_many_rows_become_few_where_only_reasons_differ() -> None:
    made = Placements("a.tflite", 1, [alternating()])
    assert [(one.indices, one.marks) for one in made.stretches()] == [
        ("0-84", ["no [1, 2]"]),
        ("85", ["yes"]),
    ]
    assert len(made.stretches(whole=True)) == 86
    many = Placements("a.tflite", 1, [alternating(5)]).stretches()
    assert many[0].marks == ["no [1, 2, 3, ...]"]


def test_few_rows_keep_a_row_for_each_reason() -> None:
    device = alternating()
    few = second(operators=device["operators"][-6:], delegated=1)
    assert [one.marks for one in Placements("a.tflite", 1, [few]).stretches()] == [
        ["no [1]"],
        ["no [2]"],
        ["no [1]"],
        ["no [2]"],
        ["no [1]"],
        ["yes"],
    ]


def test_a_table_of_three_devices_fits_80_columns() -> None:
    devices = [made_up.placement(), second(), second(device="tflite_micro")]
    table = Placements("a.tflite", 1, devices).table()
    assert max(map(len, table)) <= 80
    assert table[1].startswith("   0-81  82 operators: CONV_2D, ...")
    assert (
        Placements("a.tflite", 1, devices[:1])
        .table()[1]
        .startswith("   0-81  82 operators: CONV_2D, DEPTHWISE_CONV_2D  yes")
    )


def test_a_reason_is_shared_only_by_devices_that_leave_the_same_operators() -> None:
    found = made_up.placement()
    operators = [one | {"reason": "is x", "cure": ""} if not one["on"] else one for one in found["operators"]]
    more = [*operators]
    more[0] = more[0] | {"on": False, "reason": "is x", "fits": False}
    lines = Placements(
        "a.tflite", 1, [second(operators=operators), second(device="gpu", operators=more)]
    ).reasons()
    assert [line for line in lines if line.startswith("[")] == [
        "[1] gpu, operators 0, 82-85 (CONV_2D, DEQUANTIZE, TFLite_Detection_PostProcess): it is x",
        "[2] cpu, operators 82-85 (DEQUANTIZE, TFLite_Detection_PostProcess): it is x",
    ]


def test_what_is_said_of_several_devices_is_said_once() -> None:
    devices = [
        second(device=name, remarks=["It is deprecated.", f"{name} alone."]) for name in ("android", "remote")
    ]
    said = [line for line in Placements("a.tflite", 1, devices).reasons() if line and line[0] not in "[ "]
    assert said == [
        "android, remote: as measured (LiteRT 2.3, 2026-01-02)",
        "android, remote: It is deprecated.",
        "android: android alone.",
        "remote: remote alone.",
    ]


def test_the_overview_has_a_line_for_each_device_and_no_remarks() -> None:
    whole = [one | {"on": True, "reason": "", "cure": ""} for one in made_up.placement()["operators"]]
    made = Placements("a.tflite", 1, [made_up.placement(), second(operators=whole, delegated=86)])
    assert made.overview() == [
        "device     operators  multiply-accumulates  first that it leaves",
        "ethos_u55  82 of 86   100.0%                82 DEQUANTIZE",
        "cpu        86 of 86   100.0%",
    ]
    assert made.sources() == [
        "ethos_u55: as the compiler placed them (vela 5.2.0)",
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
