"""Rescaled channels against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from proof.ill_conditioning import rescaled
from samples import samples
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.graph import Graph

RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(4, 2 * 2 * 3)).astype(np.float32)
SHIFT = np.array([0.1, -0.2, 0.3, 0.0], np.float32)
SECOND = RNG.normal(size=(2, 4)).astype(np.float32)
IMAGES = [image.astype(np.float32) for image in RNG.uniform(-1, 1, (20, 2, 2, 3))]
FUSED = schema.ActivationFunctionType


def network(activation: int, first: Any = FIRST, last: int | None = None) -> bytes:
    """Two dense layers with an activation between them."""

    def dense(source: str, weights: str, bias: str, result: str, fused: int) -> Step:
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = fused
        kind = schema.BuiltinOptions.FullyConnectedOptions
        return Step(schema.BuiltinOperator.FULLY_CONNECTED, [source, weights, bias], [result], kind, options)

    tensors = {
        "image": (1, 2, 2, 3),
        "first": first,
        "shift": SHIFT,
        "second": SECOND,
        "nothing": np.zeros(2, np.float32),
        "between": (1, 4),
        "scores": (1, 2),
    }
    steps = [
        dense("image", "first", "shift", "between", activation),
        dense("between", "second", "nothing", "scores", FUSED.NONE),
    ]
    return assemble(tensors, steps, ["image"], ["scores"])


def constants(content: bytes) -> list[Any]:
    graph = Graph(flatbuffer.unpack(content))
    first, second = graph.weighted()
    return [graph.constant(index) for index in (first.inputs[1], first.inputs[2], second.inputs[1])]


@pytest.mark.parametrize("activation", [FUSED.RELU, FUSED.NONE])
def test_the_largest_channel_grows_fifty_times_and_the_next_layer_divides_it(activation: int) -> None:
    values = np.stack([FIRST @ image.ravel() + SHIFT for image in IMAGES])
    values = np.maximum(values, 0) if activation == FUSED.RELU else values
    largest = int(np.abs(values).max(axis=0).argmax())
    found = rescaled(network(activation), samples(IMAGES))
    assert found.channels == (("between", largest, 50),)
    assert found.change < 1e-5
    factor = np.ones(4, np.float32)
    factor[largest] = 50
    first, shift, second = constants(found.content)
    np.testing.assert_allclose(first, FIRST * factor[:, None], rtol=1e-6)
    np.testing.assert_allclose(shift, SHIFT * factor, rtol=1e-6)
    np.testing.assert_allclose(second, SECOND / factor, rtol=1e-6)


def test_behind_relu6_a_channel_that_stays_below_it_shrinks_instead() -> None:
    # By hand: channel 1 is made to exceed 6, so the largest of the other columns of SECOND is taken.
    first = FIRST.copy()
    first[1] *= 100
    others = np.abs(SECOND).max(axis=0)
    others[1] = 0
    found = rescaled(network(FUSED.RELU6, first), samples(IMAGES))
    assert found.channels == (("between", int(others.argmax()), 1 / 50),)
    factor = np.ones(4, np.float32)
    factor[others.argmax()] = 1 / 50
    np.testing.assert_allclose(constants(found.content)[0], first * factor[:, None], rtol=1e-6)
    np.testing.assert_allclose(constants(found.content)[2], SECOND / factor, rtol=1e-6)


def test_a_model_without_neighbours_is_refused() -> None:
    with pytest.raises(ValueError, match="no channel lies between two layers"):
        rescaled(network(FUSED.RELU_N1_TO_1), samples(IMAGES))


def test_a_change_of_what_the_model_computes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from proof import ill_conditioning

    monkeypatch.setattr(ill_conditioning, "scaled_inputs", lambda kind, values, factors: values)
    with pytest.raises(ValueError, match="changed an output by"):
        rescaled(network(FUSED.RELU), samples(IMAGES))
