"""Layers that stay float in a fake-quantized model, and in the `.tflite` made of it.

TensorFlow's converter quantizes whatever lies between two quantized tensors: a layer that tfmot left out becomes int8
all the same, with a kernel that was never trained for it. A barrier that the converter cannot see through is put before
such layers and taken out of its result.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.quantize_config import OutputOnlyConfig
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

from tflbuild.backends import converter, keras
from tflbuild.core.task import Task
from tflbuild.tflite import borders, flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.islands import BORDERS, Island
from tflbuild.tflite.suppression import Tail
from tflbuild.tflite.weights import layers_of

BARRIER = "TflbuildIsland"
"""Custom operator that stands for the barrier between the converter and `drop_barriers`."""

LEFT_OUT = "left out of quantization-aware training"

_layers = tf_keras.layers
FOLLOWERS = (_layers.BatchNormalization, _layers.ReLU, _layers.Activation)
"""Layers that the converter fuses with the one before them."""


def heads(model: Any) -> dict[str, str]:
    """Give for each layer of a float model the layer that it computes in one operator with, by name.

    A convolution, its batch norm and its activation have the convolution; other layers have themselves.
    """
    found: dict[str, str] = {}
    for layer in model.layers:
        if not isinstance(layer, _layers.InputLayer):
            maker = _makers(layer)[0].name if is_fused(layer) else ""
            found[layer.name] = found.get(maker, layer.name)
    return found


def is_fused(layer: Any) -> bool:
    """Say whether the converter computes a layer in the operator of the one before it."""
    makers = _makers(layer)
    return len(makers) == 1 and len(makers[0]._outbound_nodes) == 1 and _fuses(makers[0], layer)


def _fuses(maker: Any, layer: Any) -> bool:
    """Say whether the converter computes a layer in the operator of the one before it, which must not end yet."""
    ended = isinstance(maker, _layers.ReLU | _layers.Activation) or keras.activation_of(maker)
    if isinstance(layer, _layers.BatchNormalization):
        return not ended and any(hasattr(maker, kernel) for kernel in ("kernel", "depthwise_kernel"))
    return isinstance(layer, FOLLOWERS) and not ended


def closed(model: Any, left: Set[str]) -> set[str]:
    """Add to the layers that are left out those that join one of them with others, e.g. an `Add`.

    tfmot gives a float tensor a range only where a quantized layer reads nothing else; an addition of a tensor without
    a range cannot be integer.

    Args:
        model: a float model.
        left: names of heads, see `heads`.

    Returns:
        Names of layers, with all that computes in one operator with them.
    """
    of, found = heads(model), set(left)
    for layer in model.layers:  # in order of execution
        makers = _makers(layer)
        joins = len(makers) > 1 and not isinstance(layer, _layers.Concatenate)
        floats = [maker for maker in makers if of.get(maker.name) in found]
        if joins and not all(_ranged(maker, of, found) for maker in floats):
            found.add(of[layer.name])
    return {name for name, head in of.items() if head in found}


def _ranged(maker: Any, of: Mapping[str, str], left: Set[str]) -> bool:
    """Say whether some quantized layer reads a float layer's output and nothing else."""
    readers = [node.outbound_layer for node in maker._outbound_nodes]
    return any(len(_makers(reader)) == 1 and of[reader.name] not in left for reader in readers)


def islands(model: Any) -> list[str]:
    """Name the layers of a fake-quantized model that compute in floats, as the model names them."""
    return [layer.name for layer in model.layers if _floats(layer)]


def found_in(path: Path, layers: Iterable[str]) -> list[Island]:
    """List the operators of a converted file that compute in floats because their layers were left out.

    A float operator that reads what an island gives, e.g. the softmax behind it, belongs to it.

    Args:
        path: the file.
        layers: what `islands` named.
    """
    graph, names = Graph(flatbuffer.load(path)), frozenset(layers)
    found, written = [], set()
    for operator in graph.operators if names else ():
        name = graph.name(operator.outputs[0])
        left_out = bool(names & set(layers_of(name)))
        fed = any(int(index) in written for index in operator.inputs)
        floats = flatbuffer.DTYPES[graph.tensors[operator.outputs[0]].type] == "float32"
        if floats and (left_out or fed) and graph.kind(operator) not in BORDERS:
            written |= {int(index) for index in operator.outputs}
            found.append(
                Island(
                    name=name, dtype="float32", reason=LEFT_OUT if left_out else f"reads what was {LEFT_OUT}"
                )
            )
    return found


def starts_float(model: Any) -> bool:
    """Say whether a fake-quantized model's image goes into layers that compute in floats."""
    return not any(isinstance(layer, QuantizeLayer) for layer in model.layers) and bool(islands(model))


def convert(
    model: Any,
    task: Task,
    tail: Tail | None,
    input_dtype: str,
    output_dtype: str,
    codes: tuple[float, int] | None,
) -> Graph:
    """Convert a fake-quantized model to integers, but for the layers that were left out of it.

    Args:
        model: a `tf_keras.Model`.
        task: what its outputs are of.
        tail: what is appended to its graph; None for nothing.
        input_dtype: "uint8" or "int8" for raw bytes, or "float32".
        output_dtype: of a classifier's scores.
        codes: scale and zero point of a raw byte in 0..255; None where no byte is one.
    """
    with barred(model) as custom:
        content = converter.from_fake_quantized(model, task, tail, input_dtype, output_dtype, custom=custom)
    graph = Graph.unpacked(content)
    if custom:
        drop_barriers(graph)
    if (
        starts_float(model) and input_dtype != "float32" and codes is not None
    ):  # the converter then leaves the input as it is
        scale, zero_point = codes
        zero_point -= 128 if input_dtype == "int8" else 0
        borders.take_bytes(graph, input_dtype, {0: (scale, zero_point)})
    return graph


@contextlib.contextmanager
def barred(model: Any) -> Iterator[bool]:
    """Keep the converter from quantizing what computes in floats; gives whether there is anything."""
    layers = [
        layer for layer in model.layers if _floats(layer) and any(_quantized(m) for m in _makers(layer))
    ]
    for layer in layers:
        vars(layer)["call"] = _behind_barrier(layer)
    try:
        yield bool(layers)
    finally:
        for layer in layers:
            del vars(layer)["call"]


@tf.function(
    experimental_implements=f'name: "{BARRIER}" attr {{ key: "tfl_fusable_op" value {{ b: true }} }}'
)  # type: ignore[untyped-decorator]  # TensorFlow has no types
def _barrier(values: Any) -> Any:
    return values


def _behind_barrier(layer: Any) -> Callable[..., Any]:
    usual = layer.call

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def call(inputs: Any, *args: Any, **options: Any) -> Any:
        return usual(tf.nest.map_structure(_barrier, inputs), *args, **options)

    return call  # type: ignore[no-any-return]


def drop_barriers(graph: Graph) -> None:
    """Take the barriers out of a converted model: what read one reads what it read.

    Args:
        graph: edited in place.
    """
    through: dict[int, int] = {}
    kept = []
    for operator in graph.operators:
        if graph.kind(operator) == BARRIER:
            read = int(operator.inputs[0])
            through[int(operator.outputs[0])] = through.get(read, read)
            continue
        operator.inputs = np.array([through.get(int(i), int(i)) for i in operator.inputs], np.int32)
        kept.append(operator)
    graph.model.subgraphs[0].operators = kept
    graph.reindex()


def _floats(layer: Any) -> bool:
    if isinstance(layer, QuantizeWrapper):
        return isinstance(layer.quantize_config, OutputOnlyConfig)
    return not isinstance(layer, QuantizeLayer | _layers.InputLayer)


def _quantized(layer: Any) -> bool:
    return isinstance(layer, QuantizeWrapper | QuantizeLayer)


def _makers(layer: Any) -> list[Any]:
    """Give the layers whose outputs a layer reads, in the model it was last put into."""
    return list(tf.nest.flatten(layer._inbound_nodes[-1].inbound_layers))
