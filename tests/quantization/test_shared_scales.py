"""Outputs whose parts share a scale: found, said, and mended; no TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.quantization import quantizer, sharing
from tflbuild.quantization.observation import Executable, observe
from tflbuild.quantization.ranges import ranges_of
from tflbuild.quantization.shared_scales import Shared, with_own_scales
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflite_files import network, step

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

RNG = np.random.default_rng(11)
SAMPLES = [{"x": RNG.normal(size=(8, 8, 6)).astype(np.float32)} for _ in range(8)]


def yolov8() -> bytes:
    """Give (1, 4 + 2, 64): boxes in pixels of a picture of 640, and two scores, like the head of YOLOv8."""
    made = Assembly({"x": (1, 8, 8, 6)})
    rows = made.reshape("x", (1, 64, 6))
    boxes = made.transpose(
        made.binary("MUL", made.unary("LOGISTIC", made.part(rows, 0, 4)), 640.0), (0, 2, 1)
    )
    scores = made.transpose(made.unary("LOGISTIC", made.part(rows, 4, 2)), (0, 2, 1))
    return made.content([made.join([boxes, scores], 1)])


def layer(widths: list[float]) -> bytes:
    """Give a layer whose channels have weights of the given sizes."""
    weights = RNG.uniform(0.5, 1, size=(len(widths), 1, 1, 6)) * np.array(widths).reshape(-1, 1, 1, 1)
    tensors: dict[str, Any] = {
        "x": (1, 8, 8, 6),
        "w": weights.astype(np.float32),
        "b": np.zeros(len(widths), np.float32),
        "y": (1, 8, 8, len(widths)),
    }
    return network(tensors, [step("CONV_2D", ["x", "w", "b"], ["y"])], ["x"], ["y"])


def int8(content: bytes) -> bytes:
    packed = Packed(content)
    groups = sharing.shared(packed.graph)
    ranges = ranges_of(observe(packed.graph, SAMPLES), "minmax", groups)
    return quantizer.quantize(packed, "int8", ranges, float_input=True, float_output=True).packed()


def mended_of(content: bytes) -> tuple[bytes, list[Shared]]:
    graph, found = with_own_scales(Graph.unpacked(content), SAMPLES)
    return graph.packed(), found


def errors(content: bytes, float_content: bytes) -> np.ndarray:
    """Give the mean absolute error of each number of a box."""
    one, two = Executable(content), Executable(float_content)
    found = [np.abs(one.run(sample)[0] - two.run(sample)[0]).mean(axis=1) for sample in SAMPLES]
    return np.mean(found, axis=0)


def test_scores_that_share_the_scale_of_boxes_are_lost_and_kept_with_their_own() -> None:
    content = yolov8()
    mended, found = mended_of(content)
    assert [(one.axis, [part.side for part in one.parts], one.reason) for one in found] == [(1, [4, 2], "")]
    plain, own = (errors(int8(one), content) for one in (content, mended))
    assert plain[4:].min() > 0.2  # a step is 640 / 255: every score is 0 or 2.5
    assert own[4:].max() < 0.004  # a step is 1 / 256
    assert own[:4].max() < 2.0  # as before, of 640 pixels


def test_the_file_gives_the_same_as_before_under_the_same_name() -> None:
    content = yolov8()
    mended, _ = mended_of(content)
    for sample in SAMPLES:
        (before,), (after,) = Executable(content).run(sample), Executable(mended).run(sample)
        assert np.array_equal(before, after)
    ends = [list(flatbuffer.ends_of(flatbuffer.unpack(one))[1]) for one in (content, mended)]
    assert ends[0] == ends[1]


def test_what_is_found_is_said_with_ranges_and_ratio() -> None:
    _, (found,) = mended_of(yolov8())
    assert isinstance(found, Shared)
    assert found.text.startswith(f"'{found.tensor}' holds parts whose ranges are ")
    assert "x apart along axis 1: 0..3 in " in found.text
    assert found.text.endswith("; each has a scale of its own now")
    assert found.to_json()["mended"] is True


@pytest.mark.parametrize(
    ("widths", "sides"),
    [
        ([100.0, 100, 1, 1], [2, 2]),
        ([1.0, 90, 90, 1], [1, 2, 1]),
        ([1.0, 2, 3, 4], None),
        ([1.0, 1, 1, 1], None),
    ],
)
def test_channels_of_a_layer_are_parted_where_their_ranges_lie_apart(
    widths: list[float], sides: list[int] | None
) -> None:
    mended, found = mended_of(layer(widths))
    assert [[part.side for part in one.parts] for one in found] == ([sides] if sides else [])
    graph = Graph(flatbuffer.unpack(mended))
    layers = sum(graph.kind(one) == "CONV_2D" for one in graph.operators)
    assert layers == len(sides or [4])


def constant_layer(values: list[float]) -> bytes:
    """Give a layer whose channels are numbers, whatever goes in."""
    tensors: dict[str, Any] = {
        "x": (1, 8, 8, 6),
        "w": np.zeros((len(values), 1, 1, 6), np.float32),
        "b": np.array(values, np.float32),
        "y": (1, 8, 8, len(values)),
    }
    return network(tensors, [step("CONV_2D", ["x", "w", "b"], ["y"])], ["x"], ["y"])


def test_parts_have_the_ranges_that_their_channels_reach() -> None:
    (found,) = mended_of(constant_layer([-50, 100, 75, 0.5, -0.25]))[1]
    # By hand: 150 wide with 0 in it, and 0.75.
    assert found.text == (
        "'y' holds parts whose ranges are 200 x apart along axis 3: 0..2 in -50..100, 3..4 in -0.25..0.5; "
        "each has a scale of its own now"
    )
    assert found.to_json()["parts"] == [
        {"start": 0, "side": 3, "low": -50.0, "high": 100.0},
        {"start": 3, "side": 2, "low": -0.25, "high": 0.5},
    ]


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ([8.0, 8, 1, 1], 0),  # exactly 8 x
        ([8.5, 8.5, 1, 1], 2),
        ([-8.5, -8.5, 1, 1], 2),
        ([8.5, 8.5, 0, 0], 0),  # what is always 0 needs no scale
        ([9.0, 1] * 3, 6),
        ([9.0, 1] * 3 + [9.0], 0),  # too many runs to be things of their own
    ],
)
def test_ranges_8_x_apart_are_parted_into_six_at_most(values: list[float], parts: int) -> None:
    found = mended_of(constant_layer(values))[1]
    assert [len(one.parts) for one in found] == ([parts] if parts else [])


def test_a_row_of_scores_and_scores_of_a_softmax_are_left_alone() -> None:
    for shape in ((1, 384), (1, 64, 6)):
        made = Assembly({"x": (1, 8, 8, 6)})
        content = made.content([made.softmax(made.reshape("x", shape))])
        graph = Graph.unpacked(content)
        assert with_own_scales(graph, SAMPLES) == (graph, [])


def test_an_integer_output_keeps_its_one_scale_and_that_is_said() -> None:
    graph = Graph.unpacked(yolov8())
    same, (found,) = with_own_scales(graph, SAMPLES, float_outputs=False)
    assert same is graph
    assert found.text.endswith(
        "since an integer output has one scale; output_dtype=float32 would give each its own"
    )


def test_parts_that_are_made_together_are_said_and_left() -> None:
    made = Assembly({"x": (1, 8, 8, 6)})
    sizes = np.array([100, 100, 100, 100, 1, 1], np.float32)
    pooled = made.largest_around(made.binary("MUL", "x", sizes), 1)
    content = made.content([pooled])
    graph = Graph.unpacked(content)
    same, (found,) = with_own_scales(graph, SAMPLES)
    assert same is graph
    assert "they share a scale, since MAX_POOL_2D" in found.text
    assert found.to_json()["mended"] is False
