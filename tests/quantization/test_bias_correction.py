"""Bias correction against numpy's integer arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from conv_network import FUSED, Network
from dense_chain import FIRST, SECOND, DenseChain
from on_bytes import correct, exposed, matching, quantize
from tflbuild.core.errors import PassError
from tflbuild.quantization import bias_correction
from tflbuild.quantization.bias_correction import all_but_biases
from tflbuild.quantization.observation import Executable
from tflbuild.quantization.stepwise import Stepwise
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def biases(content: bytes) -> list[npt.NDArray[Any]]:
    graph = Graph(flatbuffer.unpack(content))
    return [graph.constant(o.inputs[2]).astype(np.int64) for o in graph.weighted()]  # type: ignore[union-attr]


def bias_scales(content: bytes) -> list[npt.NDArray[Any]]:
    graph = Graph(flatbuffer.unpack(content))
    return [np.asarray(graph.tensors[o.inputs[2]].quantization.scale) for o in graph.weighted()]


def shifted(content: bytes, levels: Mapping[int, list[int]]) -> bytes:
    """Spoil biases: add levels to those of a layer, by its place."""
    graph = Graph(flatbuffer.unpack(content))
    for place, operator in enumerate(graph.weighted()):
        if place in levels:
            graph.set_input(operator, 2, (biases(content)[place] + levels[place]).astype(np.int32))
    return flatbuffer.pack(graph.model)


def means(content: bytes, name: str, images: Any) -> npt.NDArray[np.float64]:
    running = Executable(exposed(content, [name]))
    return np.stack([running.run(image)[0] for image in images]).astype(np.float64).mean(axis=0)


def test_what_was_added_to_biases_is_taken_out_again(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    good = chain.quantized(tmp_path / "chain.tflite")
    scale = bias_scales(good)
    bad = shifted(good, {0: [int(0.8 / s) for s in scale[0]], 1: [-int(0.5 / s) for s in scale[1]]})
    told: list[tuple[float, float]] = []
    made = correct(bad, chain.content(), chain.samples, lambda done, total: told.append((done, total)))
    wanted = {
        FIRST: np.mean([image.ravel() @ chain.first.T for image in chain.images], axis=0),
        SECOND: np.mean([chain._hidden(image.ravel()) @ chain.second.T for image in chain.images], axis=0),
    }
    for name, mean in wanted.items():
        assert np.abs(means(bad, name, chain.samples) - mean).max() > 0.3
        step = chain.ranges()[name][1] - chain.ranges()[name][0]
        np.testing.assert_allclose(means(made, name, chain.samples), mean, atol=step / 255 / np.sqrt(40))
    assert told == [(1, 2), (2, 2)]


def test_the_shift_is_the_mean_difference_in_levels(tmp_path: Path) -> None:
    """One layer, by numpy: its mean over images before rounding differs by what its weights' rounding adds."""
    chain = DenseChain(large=1.0)
    good = chain.quantized(tmp_path / "chain.tflite")
    made = correct(good, chain.content(), chain.samples)
    difference = means(chain.content(), FIRST, chain.samples) - means(good, FIRST, chain.samples)
    levels = (biases(made)[0] - biases(good)[0]) * bias_scales(good)[0]
    step = (chain.ranges()[FIRST][1] - chain.ranges()[FIRST][0]) / 255
    np.testing.assert_allclose(
        levels, difference, atol=step / 8
    )  # the second round moves what the first left


def test_nothing_but_biases_changes(tmp_path: Path) -> None:
    chain = DenseChain()
    good = chain.quantized(tmp_path / "chain.tflite")
    made = correct(good, chain.content(), chain.samples)
    assert made != good
    before, after = flatbuffer.unpack(good), flatbuffer.unpack(made)
    assert all_but_biases(before) == all_but_biases(after)
    graph = Graph(after)
    operator = next(graph.weighted())
    graph.set_input(operator, 1, graph.constant(operator.inputs[1]) + 1)  # type: ignore[operator]
    assert all_but_biases(before) != all_but_biases(graph.model)


def clipped(tmp_path: Path) -> tuple[Network, bytes, bytes]:
    """Give a layer of one channel, of whose values a range of 0 to 0.5 cuts off half."""
    network = Network(channels=1)
    network.conv("one", "image", 1, weights=np.array([1.0]), bias=np.array([0.5]))
    network.conv("two", "one", 1, weights=np.array([1.0]), bias=np.array([0.0]), fused=FUSED.NONE)
    content = network.content("two")
    path = tmp_path / "clipped.tflite"
    path.write_bytes(content)
    ranges = {"image": (-1.0, 1.0), "one": (0.0, 0.5), "two": (0.0, 0.5)}
    return (
        network,
        content,
        quantize(path, "int8", ranges, float_input=True, float_output=True),
    )


def test_what_a_range_cuts_off_is_no_fault_of_the_bias(tmp_path: Path) -> None:
    network, content, quantized = clipped(tmp_path)
    images = network.samples(20)
    assert means(content, "one", images).mean() - means(quantized, "one", images).mean() > 0.05
    made = correct(quantized, content, images)
    scale = bias_scales(quantized)[0]
    assert abs((biases(made)[0] - biases(quantized)[0]) * scale)[0] < 0.005


def test_a_shift_that_relu_cuts_short_is_made_again(tmp_path: Path) -> None:
    """Half of the values are zero whatever the bias, so that a shift arrives by half, and its rest by half again."""
    network = Network(channels=1)
    network.conv("one", "image", 1, weights=np.array([1.0]), bias=np.array([0.0]))
    network.conv("two", "one", 1, weights=np.array([1.0]), bias=np.array([0.0]), fused=FUSED.NONE)
    content, images = network.content("two"), network.samples(50)
    path = tmp_path / "relu.tflite"
    path.write_bytes(content)
    ranges = {"image": (-1.0, 1.0), "one": (0.0, 1.0), "two": (0.0, 1.0)}
    good = quantize(path, "int8", ranges, float_input=True, float_output=True)
    bad = shifted(good, {0: [-int(0.2 / bias_scales(good)[0][0])]})
    made = correct(bad, content, images)
    before, after = (means(content, "one", images) - means(c, "one", images) for c in (bad, made))
    assert before.mean() > 0.08
    assert 0 <= after.mean() < 0.35 * before.mean()  # one round leaves more than a half


def test_layers_are_matched_by_name_and_held_to_have_the_float_models_weights(tmp_path: Path) -> None:
    chain = DenseChain()
    good = chain.quantized(tmp_path / "chain.tflite")
    assert matching(good, chain.content()) == [FIRST, SECOND]
    other = Network()
    other.conv("elsewhere", "image", 2)
    assert matching(good, other.content("elsewhere")) == []
    chain.second = chain.second * np.array([1, 1, 2, 1], np.float32)
    with pytest.raises(ValueError, match=SECOND):
        matching(good, chain.content())


def test_an_operator_that_does_not_run_leaves_the_layers_from_there_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = DenseChain(large=1.0)
    bad = shifted(chain.quantized(tmp_path / "chain.tflite"), {0: [40] * 4, 1: [40] * 3})
    run = Stepwise.run

    def failing(self: Stepwise, operator: Any) -> None:
        if self._graph.name(int(operator.outputs[0])) == SECOND:
            raise PassError("LiteRT cannot execute it.")
        run(self, operator)

    monkeypatch.setattr(Stepwise, "run", failing)
    left: dict[str, str] = {}
    made = correct(bad, chain.content(), chain.samples, left=left)
    assert left == {SECOND: "LiteRT cannot execute it"}
    assert not np.array_equal(biases(made)[0], biases(bad)[0])
    assert np.array_equal(biases(made)[1], biases(bad)[1])


def layer_of(content: bytes, place: int = 0) -> tuple[Graph, Any]:
    graph = Graph(flatbuffer.unpack(content))
    return graph, list(graph.weighted())[place]


def wide(folder: Path) -> tuple[bytes, bytes]:
    """Give a convolution of 120 weights and its int8 form."""
    network = Network(seed=2)
    network.conv("out", "image", 40, fused=FUSED.NONE)
    path = folder / "wide.tflite"
    path.write_bytes(network.content("out"))
    ranges = {"image": (-1.0, 1.0), "out": (-4.0, 4.0)}
    made = quantize(path, "int8", ranges, float_input=True, float_output=True)
    return network.content("out"), made


@pytest.mark.parametrize(
    ("levels", "weights", "same"),
    [
        (1, 120, True),  # learned rounding leaves a weight at its other neighbour
        (2, 1, True),  # one in 120 may be cut off
        (100, 1, True),
        (2, 2, False),
        (2, 120, False),
    ],
)
def test_weights_are_those_of_the_float_model_within_a_level_but_for_a_hundredth(
    tmp_path: Path, levels: int, weights: int, same: bool
) -> None:
    source, made = wide(tmp_path)
    graph, operator = layer_of(made)
    values = graph.constant(operator.inputs[1])
    assert values is not None
    scale = np.asarray(graph.tensors[operator.inputs[1]].quantization.scale).reshape(-1, 1, 1, 1)
    exact = Graph(flatbuffer.unpack(source))
    floats = exact.constant(exact.operators[0].inputs[1]) / scale
    nearer = np.where(
        values > floats, -1, 1
    )  # towards the float weight and beyond it, so as not to leave int8
    values = values.astype(np.int64)
    values.ravel()[:weights] += (levels * nearer).ravel()[:weights]
    graph.set_input(operator, 1, values.clip(-127, 127).astype(np.int8))
    spoilt = flatbuffer.pack(graph.model)
    if same:
        assert matching(spoilt, source) == ["out"]
    else:
        with pytest.raises(ValueError, match=r"^out$"):
            matching(spoilt, source)


def test_weights_of_a_depthwise_layer_have_their_channels_last(tmp_path: Path) -> None:
    network = Network(channels=4, seed=3)
    network.depthwise(
        "out", "image", weights=np.random.default_rng(0).normal(size=36) * np.tile([1, 10, 100, 0.1], 9)
    )
    path = tmp_path / "depthwise.tflite"
    path.write_bytes(network.content("out"))
    ranges = {"image": (-1.0, 1.0), "out": (0.0, 400.0)}
    made = quantize(path, "int8", ranges, float_input=True, float_output=True)
    assert matching(made, network.content("out")) == ["out"]


def test_a_layer_that_gives_floats_is_none_to_correct(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    graph, operator = layer_of(chain.quantized(tmp_path / "chain.tflite"))
    graph.tensors[operator.outputs[0]].type = 0  # float32, by schema.fbs
    assert matching(flatbuffer.pack(graph.model), chain.content()) == [SECOND]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bias_is_never_larger_than_half_of_what_int32_holds(tmp_path: Path, sign: int) -> None:
    _, made = wide(tmp_path)
    graph, operator = layer_of(made)
    assert bias_correction._shift(graph, operator, np.full(40, sign * 1e12))
    found = graph.constant(operator.inputs[2])
    assert found is not None
    assert (found.dtype, set(found.tolist())) == (np.int32, {sign * 2**30})


def test_a_shift_is_rounded_to_levels_and_says_whether_it_moved_any(tmp_path: Path) -> None:
    """Half a level and less moves none; a scale that is no number moves none either."""
    _, made = wide(tmp_path)
    graph, operator = layer_of(made)
    quantization = graph.tensors[operator.inputs[2]].quantization
    quantization.scale = np.array([0.5] * 37 + [0.0, np.inf, np.nan], np.float32)
    before = graph.constant(operator.inputs[2])
    assert before is not None
    shift = np.zeros(40)
    shift[0] = 0.24
    assert not bias_correction._shift(graph, operator, shift)
    shift[:4], shift[37:] = [0.9, -1.6, 0.24, 10.0], 3.0
    assert bias_correction._shift(graph, operator, shift)
    after = graph.constant(operator.inputs[2])
    assert after is not None
    assert (after - before)[:4].tolist() == [2, -3, 0, 20]
    assert not np.any((after - before)[4:])


def test_a_layer_whose_mean_is_no_number_is_left_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = DenseChain(large=1.0)
    bad = shifted(chain.quantized(tmp_path / "chain.tflite"), {0: [40] * 4, 1: [40] * 3})
    means = bias_correction._means

    def broken(*given: Any) -> Any:
        return means(*given) | {FIRST: np.array([0.0, np.nan, 0.0, 0.0])}

    monkeypatch.setattr(bias_correction, "_means", broken)
    left: dict[str, str] = {}
    made = correct(bad, chain.content(), chain.samples, left=left)
    assert left == {FIRST: "its mean is not finite on calibration samples"}
    assert np.array_equal(biases(made)[0], biases(bad)[0])
    assert not np.array_equal(biases(made)[1], biases(bad)[1])


def test_only_what_is_still_to_be_read_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    leave = Stepwise.leave

    def watched(self: Stepwise, operator: Any) -> None:
        leave(self, operator)
        held.append(len(self._values))

    monkeypatch.setattr(Stepwise, "leave", watched)
    chain = DenseChain()
    correct(chain.quantized(tmp_path / "chain.tflite"), chain.content(), chain.samples)
    assert held[0] == held[1] == 1


def scale_of(graph: Graph, index: int, factor: float) -> None:
    quantization = graph.tensors[index].quantization
    quantization.scale = np.asarray(quantization.scale, np.float32) * np.float32(factor)


EDITS: dict[str, tuple[Any, bool]] = {
    # what is edited of a file, and whether it is anything but a bias
    "values of a bias": (lambda g, o: g.set_input(o, 2, g.constant(o.inputs[2]) + 1), False),
    "name of a bias": (lambda g, o: setattr(g.tensors[o.inputs[2]], "name", b"other"), False),
    "scale of a bias": (lambda g, o: scale_of(g, o.inputs[2], 2), True),
    "type of a bias": (lambda g, o: setattr(g.tensors[o.inputs[2]], "type", 0), True),
    "scale of weights": (lambda g, o: scale_of(g, o.inputs[1], 2), True),
    "scale of an output": (lambda g, o: scale_of(g, o.outputs[0], 2), True),
    "zero point of an output": (
        lambda g, o: setattr(g.tensors[o.outputs[0]].quantization, "zeroPoint", np.array([3])),
        True,
    ),
    "name of an output": (lambda g, o: setattr(g.tensors[o.outputs[0]], "name", b"other"), True),
    "no bias": (lambda g, o: setattr(o, "inputs", np.array([*o.inputs[:2], -1], np.int32)), True),
    "operators": (lambda g, o: g.operators.pop(), True),
    "kind of an operator": (
        lambda g, o: setattr(o, "opcodeIndex", flatbuffer.code_index(g.model, 3)),
        True,
    ),  # CONV_2D, by schema.fbs
}


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_is_no_bias_is_noticed_when_it_changes(tmp_path: Path, edit: str) -> None:
    good = DenseChain().quantized(tmp_path / "chain.tflite")
    graph, operator = layer_of(good)
    change, noticed = EDITS[edit]
    change(graph, operator)
    assert (all_but_biases(graph.model) != all_but_biases(flatbuffer.unpack(good))) == noticed


def test_a_layer_without_a_bias_is_none_to_correct(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    for inputs in (2, 3):
        graph, operator = layer_of(chain.quantized(tmp_path / "chain.tflite"))
        operator.inputs = np.array([*operator.inputs[:2], -1][:inputs], np.int32)
        assert matching(flatbuffer.pack(graph.model), chain.content()) == [SECOND]
