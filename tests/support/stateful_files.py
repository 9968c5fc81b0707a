"""Files that keep state between calls: an LSTM with its variables, and a counter in a resource variable."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble

TYPES = schema.BuiltinOperator


def option(name: str, **values: Any) -> tuple[int, Any]:
    """Give the kind and the content of an operator's options."""
    made = getattr(schema, f"{name}T")()
    for key, value in values.items():
        setattr(made, key, value)
    return getattr(schema.BuiltinOptions, name), made


def lstm(steps: int, *, clip: float, peepholes: bool) -> bytes:
    """Give an LSTM of 3 features and 5 units."""
    rng = np.random.default_rng(3)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    tensors: dict[str, Any] = {"rows": (1, steps, 3), "state": (1, 5), "cells": (1, 5), "out": (1, steps, 5)}
    tensors |= {f"w{gate}": draw(5, 3) for gate in range(4)} | {f"r{gate}": draw(5, 5) for gate in range(4)}
    tensors |= {f"p{gate}": draw(5) for gate in range(3)} | {f"b{gate}": draw(5) for gate in range(4)}
    names = ["rows", *(f"w{g}" for g in range(4)), *(f"r{g}" for g in range(4))]
    names += [f"p{g}" if peepholes else "" for g in range(3)]
    names += [*(f"b{g}" for g in range(4)), "", "", "state", "cells", *[""] * 4]
    options = option(
        "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4, cellClip=clip, timeMajor=False
    )
    place = [name for name in names if name]
    content = assemble(
        tensors, [Step(TYPES.UNIDIRECTIONAL_SEQUENCE_LSTM, place, ["out"], *options)], ["rows"], ["out"]
    )
    return with_gaps(content, names, list(tensors))


def with_gaps(content: bytes, names: list[str], tensors: list[str]) -> bytes:
    """Give the one operator its inputs with -1 for those that are left out, and variables for its states."""
    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    graph.operators[0].inputs = [tensors.index(name) if name else -1 for name in names]
    for name in ("state", "cells"):
        graph.tensors[tensors.index(name)].isVariable = True
    return bytes(flatbuffer.pack(model))


def counter() -> bytes:
    """Give a file that adds up what it was given since it was loaded: `x` (1, 2) to `out` (1, 2)."""
    tensors: dict[str, Any] = {"x": (1, 2), "variable": (), "before": (1, 2), "out": (1, 2)}
    handle = option("VarHandleOptions", sharedName="counter", container="")
    steps = [
        Step(TYPES.VAR_HANDLE, [], ["variable"], *handle),
        Step(TYPES.READ_VARIABLE, ["variable"], ["before"], *option("ReadVariableOptions")),
        Step(TYPES.ADD, ["x", "before"], ["out"], *option("AddOptions")),
        Step(TYPES.ASSIGN_VARIABLE, ["variable", "out"], [], *option("AssignVariableOptions")),
    ]
    model = flatbuffer.unpack(assemble(tensors, steps, ["x"], ["out"]))
    model.subgraphs[0].tensors[1].type = schema.TensorType.RESOURCE
    return bytes(flatbuffer.pack(model))


def loop() -> bytes:
    """Give a file that runs a dense layer three times in a WHILE, as GRU is converted: `x` (1, 4) to `y` (1, 2)."""
    rng = np.random.default_rng(4)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    dense = option("FullyConnectedOptions", fusedActivationFunction=0)
    one, times = np.array([1], np.int32), np.array([3], np.int32)
    condition = assemble(
        {"count": one, "times": times, "held": (1, 4), "goes_on": (1,)},
        [Step(TYPES.LESS, ["count", "times"], ["goes_on"], *option("LessOptions"))],
        ["count", "held"],
        ["goes_on"],
    )
    body = assemble(
        {
            "count": one,
            "held": (1, 4),
            "w": draw(4, 4),
            "one": one,
            "next": one,
            "made": (1, 4),
            "kept": (1, 4),
        },
        [
            Step(TYPES.ADD, ["count", "one"], ["next"], *option("AddOptions")),
            Step(TYPES.FULLY_CONNECTED, ["held", "w"], ["made"], *dense),
            Step(TYPES.TANH, ["made"], ["kept"]),
        ],
        ["count", "held"],
        ["next", "kept"],
    )
    main = assemble(
        {
            "x": (1, 4),
            "first": draw(4, 4),
            "given": (1, 4),
            "zero": np.array([0], np.int32),
            "counted": one,
            "result": (1, 4),
            "last": draw(2, 4),
            "y": (1, 2),
        },
        [
            Step(TYPES.FULLY_CONNECTED, ["x", "first"], ["given"], *dense),
            Step(
                TYPES.WHILE,
                ["zero", "given"],
                ["counted", "result"],
                *option("WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2),
            ),
            Step(TYPES.FULLY_CONNECTED, ["result", "last"], ["y"], *dense),
        ],
        ["x"],
        ["y"],
    )
    model = flatbuffer.unpack(main)
    for name, inner in (("condition", condition), ("body", body)):
        _add_graph(model, flatbuffer.unpack(inner), name)
    computed = {b"count", b"next", b"counted"}
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        name = tensor.name.rpartition(b"/")[2]
        tensor.buffer = 0 if name in computed else tensor.buffer
        tensor.type = schema.TensorType.BOOL if name == b"goes_on" else tensor.type
    return bytes(flatbuffer.pack(model))


def _add_graph(model: Any, other: Any, name: str) -> None:
    """Let a model have the graph of another, too, its tensors under a name: LiteRT Quantizer wants each once."""
    (graph,) = other.subgraphs
    buffers, codes = len(model.buffers), len(model.operatorCodes)
    for tensor in graph.tensors:
        tensor.buffer = tensor.buffer + buffers if tensor.buffer else 0
        tensor.name = f"{name}/".encode() + tensor.name
    for operator in graph.operators:
        operator.opcodeIndex += codes
    model.buffers += other.buffers
    model.operatorCodes += other.operatorCodes
    model.subgraphs.append(graph)
