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

from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph
from tflbuild.backends.quantization import quantizer
from tflbuild.backends.quantization.bias_correction import all_but_biases, correct, matching
from tflbuild.backends.quantization.observation import Executable, exposed
from tflbuild.backends.quantization.stepwise import Stepwise
from tflbuild.core.errors import PassError

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
    made = correct(bad, chain.content(), chain.images, lambda done, total: told.append((done, total)))
    wanted = {
        FIRST: np.mean([image.ravel() @ chain.first.T for image in chain.images], axis=0),
        SECOND: np.mean([chain._hidden(image.ravel()) @ chain.second.T for image in chain.images], axis=0),
    }
    for name, mean in wanted.items():
        assert np.abs(means(bad, name, chain.images) - mean).max() > 0.3
        step = chain.ranges()[name][1] - chain.ranges()[name][0]
        np.testing.assert_allclose(means(made, name, chain.images), mean, atol=step / 255 / np.sqrt(40))
    assert told == [(1, 2), (2, 2)]


def test_the_shift_is_the_mean_difference_in_levels(tmp_path: Path) -> None:
    """One layer, by numpy: its mean over images before rounding differs by what its weights' rounding adds."""
    chain = DenseChain(large=1.0)
    good = chain.quantized(tmp_path / "chain.tflite")
    made = correct(good, chain.content(), chain.images)
    difference = means(chain.content(), FIRST, chain.images) - means(good, FIRST, chain.images)
    levels = (biases(made)[0] - biases(good)[0]) * bias_scales(good)[0]
    step = (chain.ranges()[FIRST][1] - chain.ranges()[FIRST][0]) / 255
    np.testing.assert_allclose(
        levels, difference, atol=step / 8
    )  # the second round moves what the first left


def test_nothing_but_biases_changes(tmp_path: Path) -> None:
    chain = DenseChain()
    good = chain.quantized(tmp_path / "chain.tflite")
    made = correct(good, chain.content(), chain.images)
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
        quantizer.quantize(path, "int8", ranges, float_input=True, float_output=True),
    )


def test_what_a_range_cuts_off_is_no_fault_of_the_bias(tmp_path: Path) -> None:
    network, content, quantized = clipped(tmp_path)
    images = network.images(20)
    assert means(content, "one", images).mean() - means(quantized, "one", images).mean() > 0.05
    made = correct(quantized, content, images)
    scale = bias_scales(quantized)[0]
    assert abs((biases(made)[0] - biases(quantized)[0]) * scale)[0] < 0.005


def test_a_shift_that_relu_cuts_short_is_made_again(tmp_path: Path) -> None:
    """Half of the values are zero whatever the bias, so that a shift arrives by half, and its rest by half again."""
    network = Network(channels=1)
    network.conv("one", "image", 1, weights=np.array([1.0]), bias=np.array([0.0]))
    network.conv("two", "one", 1, weights=np.array([1.0]), bias=np.array([0.0]), fused=FUSED.NONE)
    content, images = network.content("two"), network.images(50)
    path = tmp_path / "relu.tflite"
    path.write_bytes(content)
    ranges = {"image": (-1.0, 1.0), "one": (0.0, 1.0), "two": (0.0, 1.0)}
    good = quantizer.quantize(path, "int8", ranges, float_input=True, float_output=True)
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
    made = correct(bad, chain.content(), chain.images, left=left)
    assert left == {SECOND: "LiteRT cannot execute it"}
    assert not np.array_equal(biases(made)[0], biases(bad)[0])
    assert np.array_equal(biases(made)[1], biases(bad)[1])
