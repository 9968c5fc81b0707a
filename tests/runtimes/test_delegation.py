"""What XNNPACK took, read off LiteRT's plan; LiteRT's profiler said the same of these files when this was written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.runtimes import delegation
from tflbuild.runtimes.delegation import Node, members
from tflbuild.tflite.tiny import brightness_detector
from xnnpack_cases import CASES


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("two parts", [1]),
        ("one part behind another operator", [0]),
        ("what nobody reads", []),
        ("what nobody reads, of two", []),
        ("what nobody reads, left", [0]),
        ("what nobody reads, alone", []),
        ("what nobody reads, of what is left", [0]),
        ("a constant unpacked for two parts", [2]),
        ("a constant unpacked for nobody", []),
        ("a constant unpacked for one that is left", [0, 1]),
        ("RESHAPE to a shape computed", [0]),
        ("a counter", []),
        ("a variable", []),
        ("a variable that is only assigned", []),
        ("a variable that is only read", []),
        ("a variable of int32", [0, 1, 2, 3]),
        ("a variable of int8", [1]),
        ("a variable read in another shape", [3]),
        ("a loop", [1]),
    ],
)
def test_operators_that_litert_executes_itself(name: str, left: list[int], tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(CASES[name]())
    found = delegation.taken(path).on
    assert [index for index, taken in found.items() if not taken] == left
    assert list(found) == list(range(len(found)))


def test_delegation_names_what_xnnpack_leaves(tmp_path: Path, float_classifier: Path) -> None:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    assert delegation.taken(path).told("xnnpack") == {
        "name": "xnnpack",
        "delegated": 5,
        "total": 6,
        "left": ["TFLite_Detection_PostProcess"],
    }
    assert delegation.taken(float_classifier).told("xnnpack") == {
        "name": "xnnpack",
        "delegated": 2,
        "total": 2,
        "left": [],
    }


def test_litert_says_nothing_while_it_is_asked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    load = delegation.interpreter

    def loud(asked: Path) -> object:
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.")  # once in a process
        return load(asked)

    monkeypatch.setattr(delegation, "interpreter", loud)
    delegation.taken(path)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_litert_cannot_load_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(CASES["CONCATENATION int8, other scale"]())
    with pytest.raises(RecipeError, match="LiteRT cannot load it"):
        delegation.taken(path)


def node(index: int, reads: set[int], writes: set[int]) -> Node:
    return Node(index, f"OP{index}", frozenset(reads), frozenset(writes))


@pytest.mark.parametrize(
    ("own", "partitions", "ends", "silent", "taken"),
    [
        # 0 -> 1 -> 2 in one part; tensor 10 comes in
        ([({10}, {0}), ({0}, {1}), ({1}, {2})], [({10}, {2})], {2}, set(), {0, 1, 2}),
        # the second is left, the others are two parts
        ([({10}, {0}), ({0}, {1}), ({1}, {2})], [({10}, {0}), ({1}, {2})], {2}, set(), {0, 2}),
        # the second keeps what the first makes, which is not given out
        ([({10}, {0, 1}), ({0}, set())], [({10}, {1})], {1}, set(), {0, 1}),
        # the second keeps what the first makes, which is not given out, with what comes in for both
        ([({10, 11}, {0, 1}), ({0, 11}, set())], [({10, 11}, {1})], {1}, set(), {0, 1}),
        # nobody reads what the second makes of what is given out, and LiteRT has memory for it
        ([({10}, {0}), ({0}, {1})], [({10}, {0})], {0}, set(), {0}),
        # the second keeps what is given out: into a variable that comes from outside
        ([({10}, {0}), ({0, 11}, set())], [({10}, {0})], {0}, set(), {0}),
        # nobody reads what the second makes, and only it reads tensor 11, which comes in
        ([({10}, {0}), ({11}, {1})], [({10, 11}, {0})], {0}, set(), {0, 1}),
        # nobody reads what the second makes, and LiteRT has no memory for it
        ([({10}, {0}), ({10}, {1})], [({10}, {0})], {0}, {1}, {0, 1}),
        ([({10}, {0}), ({10}, {1})], [({10}, {0})], {0}, set(), {0}),
        # without parts LiteRT may lack memory for sizes that only a run tells
        ([({10}, {0}), ({10}, {1})], [], {0}, {1}, set()),
        # what a run needs has no memory before it where its size is told by one
        ([({10}, {0}), ({0}, {1}), ({1}, {2})], [({10}, {0})], {2}, {1, 2}, {0}),
    ],
)
def test_members_of_parts_follow_from_what_parts_read_and_write(
    own: list[tuple[set[int], set[int]]],
    partitions: list[tuple[set[int], set[int]]],
    ends: set[int],
    silent: set[int],
    taken: set[int],
) -> None:
    nodes = [node(place, *ways) for place, ways in enumerate(own)]
    parts = [node(len(own) + place, *ways) for place, ways in enumerate(partitions)]
    assert members(nodes, parts, ends, lambda tensor: tensor not in silent) == taken
