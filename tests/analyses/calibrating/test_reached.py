"""The ranges that samples reach, and the grids that hold them; figures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from conv_network import FUSED, SIDE, Network
from quantized_files import Held as Quantized
from quantized_files import held as quantized
from tflbuild.analyses.calibrating import held, reached
from tflbuild.analyses.calibrating.reached import Ends
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid

TWO = Ends(["a", "b"], np.array([[0.0, -1.0], [-1.0, -1.0]]), np.array([[1.0, 1.0], [3.0, 0.0]]))
"""Ranges of `a`: 0..1 and -1..3, together -1..3; of `b`: -1..1 and -1..0, together -1..1."""


def test_ranges_of_all_samples_are_the_widest() -> None:
    assert reached.widths(TWO).tolist() == [4, 2]


def test_growth_is_the_median_part_of_the_whole_range() -> None:
    """One sample has 1/4 and 2/2, or 4/4 and 1/2, of the whole: 0.625 or 0.75 in the middle."""
    (one, part), whole = reached.growth(TWO)
    assert one == 1
    assert 0.625 <= part <= 0.75
    assert whole == (2, 1.0)


def test_halves_differ_by_the_median_factor() -> None:
    """Widths are 1 and 2 in one half, 4 and 1 in the other: factors 4 and 2, the middle of their logarithms."""
    assert reached.halves(TWO) == pytest.approx(np.sqrt(8))


def test_calibrated_ranges_beside_those_of_training_samples() -> None:
    """`a` reaches -1..3 against -4..4, `b` -1..1 against -1..3; one of two training samples exceeds each of them."""
    train = Ends(["a", "b"], np.array([[-4.0, -1.0], [0.0, 0.0]]), np.array([[4.0, 3.0], [1.0, 1.0]]))
    found = reached.beside(TWO, train)
    assert found["ratio"] == pytest.approx(0.5)
    assert found["reach"] == pytest.approx(0.5)
    assert found["beyond"] == pytest.approx(0.5)
    assert {one["layer"] for one in found["layers"]} == {"a", "b"}


def test_a_float_model_is_run_for_its_ends() -> None:
    """The layer doubles its input."""
    graph = Graph.unpacked(doubling())
    rows = [{"image": np.full((SIDE, SIDE, 1), value, np.float32)} for value in (1.0, -3.0)]
    found = reached.ends_of(graph, rows)
    assert found.only(["out"]).low.tolist() == [[2], [-6]]
    assert found.only(["image"]).high.tolist() == [[1], [-3]]


def doubling() -> bytes:
    network = Network(channels=1)
    weights = np.full((1, 1, 1, 1), 2.0)
    network.conv("out", "image", 1, fused=FUSED.NONE, weights=weights, bias=np.zeros(1))
    return network.content("out")


def in_integers(input_step: float, output_step: float) -> Graph:
    """Give the same layer in int8: its kernel is 127 steps of 2/127."""
    graph = Graph.unpacked(doubling())
    kernel, bias = (graph.name(int(index)) for index in graph.operators[0].inputs[1:])
    tensors = {
        "image": Quantized("int8", input_step),
        "out": Quantized("int8", output_step),
        kernel: Quantized("int8", [2 / 127], 0, 0, [[[[127]]]]),
        bias: Quantized("int32", [input_step * 2 / 127], 0, 0, [0]),
    }
    return Graph.unpacked(quantized(doubling(), tensors))


@pytest.mark.parametrize(("step", "ratio"), [(8 / 255, 2.0), (40 / 255, 10.0), (1 / 255, 0.25)])
def test_a_grid_is_told_in_widths_of_what_samples_reach(step: float, ratio: float) -> None:
    """Samples of -1 and 1 reach -2..2 behind the layer, a width of 4; the grid of 256 levels is 255 steps wide."""
    rows = [{"image": np.full((SIDE, SIDE, 1), value, np.float32)} for value in (1.0, -1.0)]
    seen = held.held(in_integers(2 / 255, step), rows)
    assert seen is not None
    assert seen.ratios == {"out": pytest.approx(ratio, rel=1e-3)}
    assert seen.beyond == {"out": 1.0 if ratio < 1 else 0.0}
    judged = held.judged(seen)
    assert (judged["wide"], judged["narrow"]) == (ratio == 10, ratio == 0.25)


def test_an_input_of_another_range_is_named() -> None:
    """Levels -128..127 of 2/255 are about -1..1."""
    grids = held.input_grids(in_integers(2 / 255, 1.0))
    assert grids["image"].width == pytest.approx(2)
    assert held.misfits(grids, [(-1.0, 1.0)]) == []
    assert held.misfits(grids, [None]) == []
    assert held.misfits({"image": Grid(0.0, 255.0, 1.0, 8)}, [(-1.0, 0.9921875)])[0]["reading"] == "0..255"
    assert held.misfits({"image": Grid(0.0, 1.0, 1 / 255, 8)}, [(-1.0, 1.0)])[0]["reading"] == "0..1"
    assert held.misfits({"image": Grid(0.0, 7.0, 7 / 255, 8)}, [(-1.0, 1.0)])[0]["reading"] == ""
    far = [
        held.misfits({"image": Grid(-x, x, x / 127, 8)}, [(-1.0, 1.0)])[0]["far"] for x in (0.1, 0.5, 2, 4)
    ]
    assert far == [True, False, False, True], (
        "a tenth and four times as wide are another scale, a half may be dark"
    )
