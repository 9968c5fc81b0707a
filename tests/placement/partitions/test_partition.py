"""How devices take the operators that fit, on graphs drawn by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from one_operator import zeros
from quantized_files import Held, held
from tflbuild.placement.facts import ModelFacts, OperatorFacts, facts_of, read
from tflbuild.placement.partitions.partition import PARTITIONS
from tflbuild.placement.partitions.turns import turns
from tflbuild.placement.placement import stretches
from tflbuild.runtimes.delegation import PART, Part, _node
from tflbuild.runtimes.interpreter import interpreter
from tflbuild.tflite import flatbuffer
from tflite_files import network, step


def chain(*edges: tuple[tuple[int, ...], tuple[int, ...]]) -> list[OperatorFacts]:
    """Give operators by the tensors that they read and write."""
    return [
        OperatorFacts(
            index=place,
            name=f"OP{place}",
            version=1,
            custom=False,
            options={},
            inputs=(),
            outputs=(),
            reads=reads,
            writes=writes,
        )
        for place, (reads, writes) in enumerate(edges)
    ]


BRANCHED = chain(((0,), (1,)), ((1,), (2,)), ((1,), (3,)), ((2,), (4,)), ((3, 4), (5,)))
"""0 -> 1 -> 3 -> 4, and 0 -> 2 -> 4."""


def test_each_takes_whatever_fits() -> None:
    assert PARTITIONS["each"](BRANCHED, [True, False, True, True, True], {}) == [""] * 5


@pytest.mark.parametrize(
    ("fits", "reasons"),
    [
        ([True] * 5, [""] * 5),
        (
            [True, False, True, True, True],
            ["", "", "", "comes after operator 1 (OP1)", "comes after operator 1 (OP1)"],
        ),
        ([False, True, True, True, True], ["", *["comes after operator 0 (OP0)"] * 4]),
        ([True, True, True, True, False], [""] * 5),
    ],
)
def test_prefix_leaves_what_depends_on_an_operator_that_does_not_fit(
    fits: list[bool], reasons: list[str]
) -> None:
    assert PARTITIONS["prefix"](BRANCHED, fits, {}) == reasons


def test_stretches_of_neighbours_are_counted() -> None:
    assert stretches([]) == stretches([False]) == 0
    assert stretches([True, True, False, True]) == 2


CROSSED = chain(((0,), (1,)), ((0,), (2,)), ((1,), (3,)), ((2,), (4,)), ((3, 4), (5,)), ((5,), (6,)))
"""Two branches, 0 -> 2 and 1 -> 3, that 4 joins; then 5."""


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        ([True] * 6, [[0, 1, 2, 3, 4, 5]]),
        ([True, False, True, True, True, True], [[0, 2], [3, 4, 5]]),  # 0 and 2 are ready before 1 has run
        ([False, True, True, True, True, True], [[1, 2, 3, 4, 5]]),  # 0 runs first, then all are ready
        ([True, True, True, True, False, True], [[0, 1, 2, 3], [5]]),
        ([False] * 6, []),
    ],
)
def test_parts_are_all_that_is_ready_of_one_side(taken: list[bool], wanted: list[list[int]]) -> None:
    assert [list(one.places) for one in turns(CROSSED, taken) if one.taken] == wanted


def test_the_largest_parts_are_taken_as_many_as_the_target_says() -> None:
    fits = [True, False, True, True, True, True]
    one = PARTITIONS["largest"](CROSSED, fits, {"partitions": 1})
    assert [bool(reason) for reason in one] == [True, False, True, False, False, False]
    assert one[0] == (
        "is in a part of 2 operators, and the delegate takes the largest part alone, of 3 operators (option "
        "'partitions' of the target)"
    )
    assert PARTITIONS["largest"](CROSSED, fits, {"partitions": 2}) == [""] * 6
    assert PARTITIONS["largest"](CROSSED, fits, {"partitions": 0}) == [""] * 6


def test_of_parts_of_one_size_the_first_is_taken() -> None:
    line = chain(((0,), (1,)), ((1,), (2,)), ((2,), (3,)))
    found = PARTITIONS["largest"](line, [True, False, True], {"partitions": 1})
    assert [bool(reason) for reason in found] == [False, False, True]


def test_parts_below_the_smallest_are_left() -> None:
    fits = [True, True, True, True, False, True]
    found = PARTITIONS["largest"](CROSSED, fits, {"partitions": 0, "smallest": 2})
    assert found[5] == "is in a part of 1 operator, and the delegate takes parts of 2 and more"
    assert found[:4] == [""] * 4


def halves(last: str) -> ModelFacts:
    """Give a layer whose weights are unpacked from float16, and an operator behind it."""
    tensors = {"x": (1, 3), "w16": zeros(2, 3), "w": (2, 3), "b": zeros(2), "h": (1, 2), "y": (1, 2)}
    steps = [
        step("DEQUANTIZE", ["w16"], ["w"]),
        step("FULLY_CONNECTED", ["x", "w", "b"], ["h"]),
        step(last, ["h"], ["y"]),
    ]
    content = network(tensors, steps, ["x"], ["y"])
    return facts_of(flatbuffer.unpack(held(content, {"w16": Held("float16", levels=np.zeros((2, 3)))})))


def test_what_unpacks_float16_goes_with_the_whole_graph_or_stays() -> None:
    """The delegates take a constant in float16 for one that their layers read; they never take DEQUANTIZE alone."""
    model = halves("RELU")
    unpacked = model.operators[1].inputs[1]
    assert unpacked is not None
    assert (unpacked.stored, unpacked.constant, unpacked.dtype) == (True, False, "float32")
    assert PARTITIONS["largest"](model.operators, [True, True, True], {"partitions": 1}) == ["", "", ""]
    found = PARTITIONS["largest"](model.operators, [True, True, False], {"partitions": 1})
    assert found[0] == "unpacks constants in float16, and other operators stay on the processor"
    assert found[1:] == ["", ""]
    small = PARTITIONS["largest"](model.operators, [True, True, False], {"partitions": 0, "smallest": 2})
    assert small[1] == "is in a part of 1 operator, and the delegate takes parts of 2 and more"


@pytest.mark.parametrize(
    "name", ["odapi/ssd_mobilenet_v2_fpnlite/tflite/float_regular_nms100", "mlperf_tiny/vww_96_int8"]
)
def test_parts_are_those_that_litert_makes(shared_models: Path, name: str) -> None:
    """XNNPACK's delegate leaves some operators; what it takes is divided by LiteRT itself."""
    path = shared_models / f"{name}.tflite"
    nodes = [_node(one) for one in interpreter(path)._get_ops_details()]
    producers = {tensor: one for one in nodes if one.name != PART for tensor in one.writes}
    wanted = [set(Part(one, producers).members) for one in nodes if one.name == PART]
    model = read(path)
    taken = [any(one.index in part for part in wanted) for one in model.operators]
    assert sum(taken) > 0
    assert sorted(map(sorted, wanted)) == sorted(
        list(one.places) for one in turns(model.operators, taken) if one.taken
    )
