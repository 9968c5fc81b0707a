"""Biases that do not fit: scales and levels by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from foreign_networks import Draft
from on_bytes import quantize
from tflbuild.quantization.form import Form
from tflbuild.tflite import bias_scales, flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import check_unpacked, wrong_biases

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
    pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning"),
]

OUTPUTS = ("out_0", "out_1", "out_2")

INPUT = 2 / 255
"""Scale of an input of -1 to 1."""


def made(
    folder: Path,
    weights: list[float],
    bias: list[float],
    *,
    scheme: Any = "int8",
    output: float = 4.0,
    **form: Any,
) -> tuple[Graph, Graph, bool]:
    """Quantize a 1 x 1 convolution of one channel to two; gives the file before and after, and if that changed it."""
    network = Network(channels=1)
    network.conv("out", "image", 2, weights=np.array(weights), bias=np.array(bias), fused=FUSED.NONE)
    path = folder / "float.tflite"
    path.write_bytes(network.content("out"))
    ranges = {"image": (-1.0, 1.0), "out": (-output, output)}
    content = quantize(path, scheme, ranges, float_input=True, float_output=True, form=Form(**form))
    graph = Graph.unpacked(content)
    before = graph.packed()
    changed = bias_scales.fit(graph, Graph(flatbuffer.load(path)))
    assert (graph.packed() != before) == changed
    return Graph.unpacked(content), graph, changed


def layer(graph: Graph) -> tuple[Any, Any, Any, Any]:
    """Give levels and scales of the weights, and of the bias."""
    (operator,) = graph.weighted()
    weights, bias = (int(index) for index in operator.inputs[1:3])
    scales = [np.asarray(graph.tensors[index].quantization.scale, np.float64) for index in (weights, bias)]
    levels = [graph.constant(index) for index in (weights, bias)]
    return levels[0].ravel(), scales[0], levels[1], scales[1]  # type: ignore[union-attr]


def test_a_bias_that_fits_is_left_as_it_is(tmp_path: Path) -> None:
    before, after, changed = made(tmp_path, [0.5, -0.25], [1.0, 0.0])
    assert not changed
    for one, other in zip(layer(before), layer(after), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_scale_of_a_channel_without_weights_is_that_of_which_its_bias_has_2_to_the_30_levels(
    tmp_path: Path,
) -> None:
    before, after, changed = made(tmp_path, [0.5, 1e-9], [1.0, -1.5])
    assert changed
    weights, scales, bias, products = layer(after)
    wanted = 1.5 / (INPUT * 2**30)
    assert scales == pytest.approx([0.5 / 127, wanted], rel=1e-5)
    assert products == pytest.approx([INPUT * 0.5 / 127, INPUT * wanted], rel=1e-5)
    assert bias * products == pytest.approx([1.0, -1.5], rel=1e-6)
    assert weights.tolist() == [127, round(1e-9 / wanted)]
    assert bias[0] == layer(before)[2][0], "the other channel's bias stays"
    assert bias_scales.saturated(before.model) == ["out/bias"]
    assert bias_scales.saturated(after.model) == []
    check_unpacked(after.model)


def test_one_scale_for_all_channels_is_widened_for_the_largest_bias(tmp_path: Path) -> None:
    _, after, changed = made(tmp_path, [1e-8, 1e-9], [0.5, -3.0], granularity="tensor")
    assert changed
    weights, scales, bias, products = layer(after)
    assert scales == pytest.approx([3.0 / (INPUT * 2**30)], rel=1e-5)
    assert bias * products == pytest.approx([0.5, -3.0], rel=1e-6)
    assert weights.tolist() == [round(1e-8 / scales[0]), 0]


def test_a_bias_of_int16_activations_has_int64_levels(tmp_path: Path) -> None:
    _, after, changed = made(tmp_path, [0.5, 1e-9], [1.0, -1.5], scheme="int16x8")
    assert changed
    _, scales, bias, products = layer(after)
    assert bias.dtype == np.int64
    assert scales[1] == pytest.approx(1.5 / (1 / 32767 * 2**30), rel=1e-4)
    assert bias * products == pytest.approx([1.0, -1.5], rel=1e-6)


def test_what_is_far_beyond_the_output_is_cut_off_at_what_that_can_tell(tmp_path: Path) -> None:
    """The output's levels are 8 / 255 wide: 2^30 of them reach 3.4e7, and a bias of -1e12 is no better."""
    _, after, changed = made(tmp_path, [0.5, 0.5], [1.0, -1e12])
    assert changed
    _, scales, bias, products = layer(after)
    most = 8 / 255 * 2**30
    assert bias * products == pytest.approx([1.0, -most], rel=1e-6)
    assert bias[1] == pytest.approx(-(2**30), rel=1e-6)
    assert scales[1] == pytest.approx(most / (INPUT * 2**30), rel=1e-5)


def test_a_bias_whose_channel_fits_that_is_cut_off_is_told_anew(tmp_path: Path) -> None:
    """The output's own levels are so narrow that 2^30 of them are less than the bias, which its scale would hold."""
    before, after, changed = made(tmp_path, [0.5, 0.5], [1.0, -30.0], output=1e-6)
    most = 2e-6 / 255 * 2**30
    assert most < 30
    assert changed
    _, scales, bias, products = layer(after)
    assert scales == pytest.approx(layer(before)[1])
    assert bias * products == pytest.approx([1.0, -most], rel=1e-4)


def heads(folder: Path, sizes: list[float], scheme: Any = "int8") -> tuple[Graph, dict[str, tuple[Any, ...]]]:
    """Quantize layers of the same weights that read maps of different sizes; gives weights and biases of each.

    A map is the image times its size; the layers' weights are 0.5 and 1e-5, their biases 1 and -1.5.
    """
    network = Network(channels=1)
    for number, size in enumerate(sizes):
        network.conv(
            f"map_{number}", "image", 1, weights=np.array([size]), bias=np.zeros(1), fused=FUSED.NONE
        )
    network.conv(
        "out_0", "map_0", 2, weights=np.array([0.5, 1e-5]), bias=np.array([1.0, -1.5]), fused=FUSED.NONE
    )
    for number in range(1, len(sizes)):
        network.again(f"out_{number}", f"map_{number}", "out_0")
    outputs = [f"out_{number}" for number in range(len(sizes))]
    path = folder / "float.tflite"
    path.write_bytes(network.content(*outputs))
    maps = {f"map_{number}": (-size, size) for number, size in enumerate(sizes)}
    reach = {name: (-2.0 - size, 2.0 + size) for name, size in zip(outputs, sizes, strict=True)}
    ranges = {"image": (-1.0, 1.0), **maps, **reach}
    graph = Graph.unpacked(quantize(path, scheme, ranges, float_input=True, float_output=True))
    assert bias_scales.fit(graph, Graph(flatbuffer.load(path)))
    check_unpacked(graph.model)
    found = {}
    for operator in graph.weighted():
        if (name := graph.name(int(operator.outputs[0]))) in outputs:
            weights, bias = (int(index) for index in operator.inputs[1:3])
            scales = [
                np.asarray(graph.tensors[one].quantization.scale, np.float64) for one in (weights, bias)
            ]
            levels: Any = graph.constant(bias)
            found[name] = (weights, graph.constant(weights), scales[0], levels * scales[1])
    return graph, found


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_layers_that_share_weights_have_the_biases_that_they_share(scheme: str, tmp_path: Path) -> None:
    """The input of the second is so small that its bias does not fit; that of the others does."""
    sizes = [100.0, 0.01, 50.0] if scheme == "int8" else [1e4, 0.01, 5e3]
    _, found = heads(tmp_path, sizes, scheme)
    for name, (_, _, _, bias) in found.items():
        assert bias == pytest.approx([1.0, -1.5], rel=1e-3), name
    (first, levels, scales, _), (second, low, wide, _), (third, *_) = found.values()
    assert first == third != second, "the wide one is a copy"
    most = 127 if scheme == "int8" else 32767
    step = 0.01 * 2 / 255 if scheme == "int8" else 0.01 / most
    assert scales == pytest.approx([0.5 / 127, 1e-5 / 127], rel=1e-3)
    assert wide[1] == pytest.approx(1.5 / (step * 2**30), rel=1e-3)
    assert (levels.ravel().tolist(), low.ravel()[1]) == ([127, 127], round(1e-5 / wide[1]))


def test_layers_whose_biases_all_do_not_fit_share_wider_weights(tmp_path: Path) -> None:
    graph, found = heads(tmp_path, [0.01, 0.01, 0.05])
    assert len({one for one, *_ in found.values()}) == 1
    for _, _, scales, bias in found.values():
        assert bias == pytest.approx([1.0, -1.5], rel=1e-3)
        assert scales[1] == pytest.approx(1.5 / (0.01 * 2 / 255 * 2**30), rel=1e-3), (
            "as the smallest map needs"
        )
    filled = bias_scales.filling(graph.packed())
    assert [one.tolist() for name, one in filled.items() if name.startswith("out_0")] == [[False, True]]


def test_the_bias_of_a_transposed_convolution_is_held_to_fit_as_well(tmp_path: Path) -> None:
    draft = Draft(0, image=(1, 2, 2, 1))
    draft.transposed("out", "image", 2)
    draft.resized("out", [1.0, 1e-8])
    path = tmp_path / "float.tflite"
    path.write_bytes(draft.content("out"))
    ranges = {"image": (-1.0, 1.0), "out": (-4.0, 4.0)}
    graph = Graph.unpacked(quantize(path, "int8", ranges, float_input=True, float_output=True))
    floats = Graph(flatbuffer.load(path))
    assert bias_scales.fit(graph, floats)
    check_unpacked(graph.model)
    (operator,) = graph.weighted()
    levels: Any = graph.constant(int(operator.inputs[3]))
    scales = np.asarray(graph.tensors[int(operator.inputs[3])].quantization.scale, np.float64)
    assert levels * scales == pytest.approx(floats.constant(int(floats.operators[0].inputs[3])), rel=1e-3)


def test_a_bias_in_the_scale_of_another_layer_is_told_anew(tmp_path: Path) -> None:
    """As TensorFlow's converter writes layers of one bias with int16 activations."""
    graph, _ = heads(tmp_path, [1.0, 0.5, 0.25], "int16x8")
    assert bias_scales.restate(graph) == wrong_biases(graph) == []
    layers = [operator for operator in graph.weighted() if graph.name(int(operator.outputs[0])) in OUTPUTS]
    first, second, _ = layers
    second.inputs = np.array([*second.inputs[:2], first.inputs[2]], np.int32)
    graph.reindex()
    (fault,) = wrong_biases(graph)
    assert fault.startswith("the bias 'out_0/bias")
    assert fault.endswith("that of its input times that of its weights")
    assert bias_scales.restate(graph) == ["out_1"]
    assert wrong_biases(graph) == []
    for operator in (first, second):
        index = int(operator.inputs[2])
        levels, scales = (
            graph.constant(index),
            np.asarray(graph.tensors[index].quantization.scale, np.float64),
        )
        assert levels * scales == pytest.approx([1.0, -1.5], rel=1e-6)  # type: ignore[operator]
    check_unpacked(graph.model)


@pytest.mark.parametrize(("levels", "named"), [(2**31 - 1, True), (-(2**31), True), (2**31 - 2, False)])
def test_the_last_level_on_either_side_is_a_bias_cut_off(tmp_path: Path, levels: int, named: bool) -> None:
    _, graph, _ = made(tmp_path, [0.5, 0.5], [1.0, 1.0])
    (operator,) = graph.weighted()
    graph.set_input(operator, 2, np.array([0, levels], np.int32))
    assert bias_scales.saturated(graph.model) == (["out/bias"] if named else [])


def test_a_float_file_has_no_biases_to_fit() -> None:
    network = Network(channels=1)
    network.conv("out", "image", 2)
    graph = Graph.unpacked(network.content("out"))
    before = graph.packed()
    assert not bias_scales.fit(graph, Graph.unpacked(before))
    assert graph.packed() == before
    assert bias_scales.saturated(graph.model) == []
