"""A small convolutional classifier as a float `.tflite`, written without TensorFlow, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from on_bytes import quantize
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning
from tflbuild.testing import artifact
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.graph import Graph

SIDE, CHANNELS, CLASSES = 8, 4, 2


def constants(seed: int = 0) -> dict[str, Any]:
    """Give the weights and biases by tensor name."""
    rng = np.random.default_rng(seed)
    shapes = {
        "stem/Conv2D": (CHANNELS, 3, 3, 3),
        "stem/bias": (CHANNELS,),
        "middle/depthwise": (1, 3, 3, CHANNELS),
        "middle/bias": (CHANNELS,),
        "head/MatMul": (CLASSES, CHANNELS * SIDE * SIDE // 4),
        "head/bias": (CLASSES,),
    }
    return {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def convolutional(changed: Mapping[str, Any] | None = None) -> bytes:
    """Give the file: convolution, depthwise, max pooling, reshape, dense, softmax.

    Args:
        changed: weights and biases by tensor name, in the place of random ones.
    """
    half = SIDE // 2
    tensors: Tensors = {
        "image": (1, SIDE, SIDE, 3),
        **constants(),
        **(changed or {}),
        "flat_shape": np.array([1, half * half * CHANNELS], np.int32),
        "stem/Relu": (1, SIDE, SIDE, CHANNELS),
        "middle/Relu6": (1, SIDE, SIDE, CHANNELS),
        "pool": (1, half, half, CHANNELS),
        "flat": (1, half * half * CHANNELS),
        "head/BiasAdd": (1, CLASSES),
        "scores": (1, CLASSES),
    }
    options = schema.BuiltinOptions
    operators = schema.BuiltinOperator
    steps = [
        Step(
            operators.CONV_2D,
            ["image", "stem/Conv2D", "stem/bias"],
            ["stem/Relu"],
            options.Conv2DOptions,
            _strided(schema.Conv2DOptionsT(), schema.ActivationFunctionType.RELU),
        ),
        Step(
            operators.DEPTHWISE_CONV_2D,
            ["stem/Relu", "middle/depthwise", "middle/bias"],
            ["middle/Relu6"],
            options.DepthwiseConv2DOptions,
            _strided(
                schema.DepthwiseConv2DOptionsT(), schema.ActivationFunctionType.RELU6, depthMultiplier=1
            ),
        ),
        Step(
            operators.MAX_POOL_2D,
            ["middle/Relu6"],
            ["pool"],
            options.Pool2DOptions,
            _strided(schema.Pool2DOptionsT(), 0, strideW=2, strideH=2, filterWidth=2, filterHeight=2),
        ),
        Step(operators.RESHAPE, ["pool", "flat_shape"], ["flat"]),
        Step(
            operators.FULLY_CONNECTED,
            ["flat", "head/MatMul", "head/bias"],
            ["head/BiasAdd"],
            options.FullyConnectedOptions,
            schema.FullyConnectedOptionsT(),
        ),
        Step(
            operators.SOFTMAX,
            ["head/BiasAdd"],
            ["scores"],
            options.SoftmaxOptions,
            _filled(schema.SoftmaxOptionsT(), beta=1.0),
        ),
    ]
    return assemble(tensors, steps, ["image"], ["scores"])


def model(folder: Path, changed: Mapping[str, Any] | None = None) -> TFLiteModel:
    """Write the file, with what it means."""
    path = folder / "convolutional.tflite"
    path.write_bytes(convolutional(changed))
    facts = Meaning.of_image(
        task="classification",
        height=SIDE,
        width=SIDE,
        labels=("cat", "dog"),
        preprocess={"scale": 0.0078125, "offset": -1.0},
    )
    made: TFLiteModel = artifact(TFLiteModel, path, facts)
    return made


def ranges() -> dict[str, tuple[float, float]]:
    """Give a range for every activation of the network."""
    signed = {"image": 1.0, "head/BiasAdd": 20.0}
    positive = {"stem/Relu": 4.0, "middle/Relu6": 6.0, "pool": 6.0, "flat": 6.0, "scores": 1.0}
    return {name: (-width, width) for name, width in signed.items()} | {
        name: (0.0, width) for name, width in positive.items()
    }


def quantized(folder: Path, scheme: Any = "int8", changed: Mapping[str, Any] | None = None) -> Path:
    """Quantize the file with ranges set by hand."""

    source = model(folder, changed).path
    made = quantize(source, scheme, ranges(), float_input=False, float_output=True)
    path = folder / f"{scheme}.tflite"
    path.write_bytes(made)
    return path


def spoilt(path: Path, change: Callable[[Graph], None]) -> Path:
    """Edit a file's graph and write it beside the file."""
    loaded = flatbuffer.load(path)
    change(Graph(loaded))
    edited = path.with_name("spoilt.tflite")
    edited.write_bytes(flatbuffer.pack(loaded))
    return edited


def tensor(graph: Graph, name: str) -> Any:
    """Give a tensor by its name."""
    (found,) = (t for t in graph.tensors if t.name.decode() == name)
    return found


def _strided(made: Any, activation: int, **fields: Any) -> Any:
    usual = {
        "strideW": 1,
        "strideH": 1,
        "padding": schema.Padding.SAME,
        "fusedActivationFunction": activation,
    }
    if hasattr(made, "dilationWFactor"):
        usual |= {"dilationWFactor": 1, "dilationHFactor": 1}
    return _filled(made, **(usual | fields))


def _filled(made: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(made, name, value)
    return made
