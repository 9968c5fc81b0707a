"""Faults that are planted in real models: what they cost is measured, and a diagnosis has to find them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samples import Samples
from tflbuild.quantization import observation, quantizer
from tflbuild.quantization.form import Form
from tflbuild.tflite.graph import Graph, scaled_inputs, scaled_outputs
from tflbuild.tflite.packed import Packed


def enlarged(graph: Graph, place: int, channel: int, factor: float) -> Graph:
    """Multiply one channel that a layer gives, and divide what the next layer takes of it: the outputs stay.

    Args:
        graph: of a float model whose activations between the two are RELUs; it stays as it is.
        place: of the layer among those with weights.
        channel: of its output.
        factor: what it is multiplied by.
    """
    made = graph.copy()
    layers = list(made.weighted())
    first, second = layers[place], layers[place + 1]
    kernel, bias = made.constant(first.inputs[1]), made.constant(first.inputs[2])
    taken = made.constant(second.inputs[1])
    assert kernel is not None
    assert bias is not None
    assert taken is not None
    factors = np.ones(len(bias), np.float32)
    factors[channel] = factor
    made.set_input(first, 1, scaled_outputs(made.kind(first), kernel, factors).astype(np.float32))
    made.set_input(first, 2, (bias * factors).astype(np.float32))
    made.set_input(second, 1, scaled_inputs(made.kind(second), taken, 1 / factors).astype(np.float32))
    return made


def quantized(graph: Graph, samples: Samples, **form: str) -> bytes:
    """Quantize a float model by the ranges of samples and nothing else, as converters do."""
    ranges = {name: (one.low, one.high) for name, one in observation.observe(graph, samples).items()}
    made = quantizer.quantize(
        Packed(graph.packed()),
        "int8",
        ranges,
        float_input=False,
        float_output=False,
        form=Form(**form),  # type: ignore[arg-type]
    )
    return made.packed()


def loud_channel(graph: Graph, place: int, samples: Sequence[dict[str, np.ndarray]]) -> int:
    """Give a channel of a layer that is louder than three quarters of the others."""
    name = graph.name(int(list(graph.weighted())[place].outputs[0]))
    sizes = observation.observe(graph, list(samples))[name].channel_size
    return int(np.argsort(sizes)[3 * len(sizes) // 4])
