"""Let a layer do an activation that stands behind it by itself: quantizers know the two together best.

Converters from channels first leave a TRANSPOSE, or a RESHAPE, between a layer and its activation. An activation works
on each number alone, so that it may as well come before what only moves numbers.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.graph import Graph

FUSED = {
    "RELU": schema.ActivationFunctionType.RELU,
    "RELU6": schema.ActivationFunctionType.RELU6,
    "RELU_N1_TO_1": schema.ActivationFunctionType.RELU_N1_TO_1,
}
"""Activations that a layer can do itself, by their operator."""

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "SUB")
"""Operators that can."""

MOVING = ("TRANSPOSE", "RESHAPE")


def fuse_activations(graph: Graph) -> list[str]:
    """Move activations into the layers whose numbers they take, where nothing else reads these.

    Args:
        graph: of a float model; edited in place.

    Returns:
        The names of the tensors that the activations made.
    """
    names = []
    for operator in list(graph.operators):
        if graph.kind(operator) in FUSED:
            given, made = int(operator.inputs[0]), int(operator.outputs[0])
            layer = _layer(graph, given)
            if layer is None or made in graph.outputs:
                continue
            layer.builtinOptions.fusedActivationFunction = FUSED[graph.kind(operator)]
            _pass_by(graph, operator, given, made)
            names.append(graph.name(made))
    return names


def _layer(graph: Graph, index: int) -> Any | None:
    """Find the layer behind a tensor, through what only moves numbers; None where something else reads them, too."""
    for _ in graph.operators:
        maker = graph.maker(index)
        if maker is None or graph.only_reader(index) is None:
            return None
        if graph.kind(maker) in LAYERS:
            free = maker.builtinOptions is not None and not maker.builtinOptions.fusedActivationFunction
            return maker if free else None
        if graph.kind(maker) not in MOVING:
            return None
        index = int(maker.inputs[0])
    return None


def _pass_by(graph: Graph, operator: Any, given: int, made: int) -> None:
    """Let who read an operator's result read what it was given, and take the operator out."""
    for reader in graph.readers(made):
        reader.inputs = [given if int(index) == made else int(index) for index in reader.inputs]
    graph.operators.remove(operator)
