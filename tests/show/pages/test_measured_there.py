"""What the page shows of the device that a target measured on."""

from __future__ import annotations

from typing import Any

from tflbuild.show.pages.measured_there import TITLE, exhibit_there

TIMES: dict[str, Any] = {
    "cpu": "Google Pixel 7 (Android 14, arm64-v8a)",
    "threads": 2,
    "runs": 20,
    "whole_ms": 4.5,
    "operators": [
        {"name": "Convolution (NHWC, F32) IGEMM", "delegated": True, "ms": 3.0},
        {"name": "SOFTMAX", "delegated": False, "ms": 1.0},
    ],
}


def test_operators_are_listed_by_time_with_what_runs_them() -> None:
    shown = exhibit_there({"operator_times": TIMES, "delegate": {"name": "gpu"}})
    assert shown is not None
    assert shown.title == TITLE
    assert shown.text[0].startswith(
        "One run takes 4.500 ms on 2 threads of Google Pixel 7 (Android 14, arm64-v8a) while its operators are watched"
    )
    bars, table = shown.parts
    assert [bar.text for bar in bars.bars] == ["75 %", "25 %"]  # type: ignore[attr-defined]
    assert [row.cells[1:3] for row in table.rows] == [  # type: ignore[attr-defined]
        ("Convolution (NHWC, F32) IGEMM", "GPU"),
        ("SOFTMAX", "LiteRT"),
    ]


def test_a_delegate_of_somebody_s_goes_by_its_own_name() -> None:
    shown = exhibit_there({"operator_times": TIMES, "delegate": {"name": "edgetpu\x1b"}})
    assert shown is not None
    assert shown.parts[1].rows[0].cells[2] == "edgetpu\\x1b"  # type: ignore[attr-defined]


def test_where_nothing_was_timed_nothing_is_shown() -> None:
    assert exhibit_there({}) is None
    assert exhibit_there({"operator_times": {**TIMES, "operators": []}}) is None
