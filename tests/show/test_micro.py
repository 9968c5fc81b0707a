"""What is said of a file that was delivered to LiteRT for Microcontrollers."""

from __future__ import annotations

from typing import Any

import made_up
from tflbuild.show.micro import CAUSES, micro_lines
from tflbuild.show.outcome import outcome_lines
from tflbuild.show.pages.page import render

FIRST = {"sample": "a/7.jpg", "place": 3, "value": 5, "expected": 6}
MEMORY = {"smallest": 85_488, "used": 85_488, "head": 55_296, "tail": 30_192, "parts": {}}


def target(equal: int = 64, resolver: tuple[str, ...] = ("AddConv2D",), **output: Any) -> dict[str, Any]:
    said = {"equal": equal, "values": 640, "differing": 0, "largest": 0.0, "first": None, **output}
    return {
        "equality": {
            "split": "test",
            "runtime": "tflite_micro",
            "peer": "reference",
            "samples": 64,
            "equal": equal,
            "outputs": {"scores": said},
        },
        "micro": {"version": "0.dev1", "resolver": [*resolver], "memory": MEMORY},
        "arena": 85_488,
        "beside": ["tflite_micro/micro/model.cc", "tflite_micro/micro/main.cc"],
    }


def test_equal_outputs_memory_and_sources_are_said() -> None:
    assert micro_lines(target()) == [
        "outputs equal to those of LiteRT's reference kernels, byte for byte, on 64 of 64 test samples",
        "arena 83.5 KiB: tensors 54.0 KiB, structures 29.5 KiB, measured on 64 bits with the kernels of tflite-micro",
        "C++ sources with a sample: tflite_micro/micro/",
    ]


def test_a_difference_is_named_with_its_sample() -> None:
    lines = micro_lines(target(60, differing=12, largest=2.0, first=FIRST))
    assert lines[0].endswith("on 60 of 64 test samples")
    assert (
        lines[1] == "'scores' differs at 12 of 640 values, by up to 2; first on a/7.jpg at 3: 5, expected 6"
    )
    assert len(lines) == 4


def test_another_shape_has_no_distance() -> None:
    lines = micro_lines(target(0, differing=10, largest=None, first={**FIRST, "value": "(1, 2) int8"}))
    assert lines[1] == "'scores' differs at 10 of 640 values; first on a/7.jpg at 3: (1, 2) int8, expected 6"


def test_a_known_cause_is_said_where_it_may_be_one() -> None:
    differing = {"differing": 1, "largest": 1.0, "first": FIRST}
    for method, cause in CAUSES.items():
        assert cause in micro_lines(target(63, (method,), **differing))
        assert cause not in micro_lines(target(64, (method,)))


def test_of_other_targets_there_is_nothing_to_say() -> None:
    assert [micro_lines(one) for one in made_up.targets()] == [[], []]


def test_the_terminal_and_the_page_say_the_same() -> None:
    report = made_up.report()
    report["targets"] = [{**report["targets"][0], **target()}]
    lines, page = outcome_lines(report, "outputs"), render(report)
    for line in micro_lines(target()):
        assert f"  {line}" in lines
        assert line.replace("'", "&#39;") in page
