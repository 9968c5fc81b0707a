"""Small networks of layers in a row, as float `.tflite`, put together layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from samples import Samples, samples
from tflbuild.tflite.assemble import Step, Tensors, assemble

FUSED = schema.ActivationFunctionType
SIDE = 6


class Network:
    """A float model under construction; its input is `image`, (1, SIDE, SIDE, channels)."""

    def __init__(self, channels: int = 3, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._tensors: dict[str, Any] = {"image": (1, SIDE, SIDE, channels)}
        self._steps: list[Step] = []

    def samples(self, count: int) -> Samples:
        """Give images of uniform noise in [-1, 1]."""
        shape = self._tensors["image"][1:]
        return samples(self._rng.uniform(-1, 1, shape).astype(np.float32) for _ in range(count))

    def conv(
        self,
        name: str,
        given: str,
        channels: int,
        *,
        kernel: int = 1,
        fused: int = FUSED.RELU,
        weights: npt.NDArray[Any] | None = None,
        bias: npt.NDArray[Any] | None = None,
    ) -> str:
        """Add a convolution that keeps the image's size; random where no weights are given."""
        inputs = self._tensors[given][-1]
        shape = (channels, kernel, kernel, inputs)
        options = _filled(schema.Conv2DOptionsT(), fused)
        self._layer(name, given, shape, channels, weights, bias, "CONV_2D", "Conv2DOptions", options)
        return name

    def again(self, name: str, given: str, layer: str) -> str:
        """Add a convolution that has the weights and the bias of another, as the heads of a detector do."""
        like = next(step for step in self._steps if step.outputs == [layer])
        inputs = [given, *like.inputs[1:]]
        self._tensors[name] = self._tensors[layer]
        self._steps.append(like._replace(inputs=inputs, outputs=[name]))
        return name

    def depthwise(
        self, name: str, given: str, *, fused: int = FUSED.RELU, weights: npt.NDArray[Any] | None = None
    ) -> str:
        """Add a depthwise convolution of 3 x 3 that keeps the image's size."""
        channels = self._tensors[given][-1]
        options = _filled(schema.DepthwiseConv2DOptionsT(), fused)
        options.depthMultiplier = 1
        shape = (1, 3, 3, channels)
        kind = "DepthwiseConv2DOptions"
        self._layer(name, given, shape, channels, weights, None, "DEPTHWISE_CONV_2D", kind, options)
        return name

    def relu6(self, name: str, given: str) -> str:
        """Cut an activation off at 0 and 6."""
        self._tensors[name] = self._tensors[given]
        self._steps.append(Step(schema.BuiltinOperator.RELU6, [given], [name]))
        return name

    def add(self, name: str, one: str, other: str) -> str:
        """Add two activations."""
        self._tensors[name] = self._tensors[one]
        builtin, kind = schema.BuiltinOperator.ADD, schema.BuiltinOptions.AddOptions
        self._steps.append(Step(builtin, [one, other], [name], kind, schema.AddOptionsT()))
        return name

    def content(self, *outputs: str) -> bytes:
        """Give the file."""
        tensors: Tensors = self._tensors
        return assemble(tensors, self._steps, ["image"], list(outputs))

    def _layer(
        self,
        name: str,
        given: str,
        shape: tuple[int, ...],
        channels: int,
        weights: Any,
        bias: Any,
        operator: str,
        kind: str,
        options: Any,
    ) -> None:
        random = self._rng.normal(0, 0.4, shape) if weights is None else np.reshape(weights, shape)
        self._tensors[f"{name}/weights"] = random.astype(np.float32)
        shifts = self._rng.normal(0, 0.2, channels) if bias is None else np.asarray(bias)
        self._tensors[f"{name}/bias"] = shifts.astype(np.float32)
        self._tensors[name] = (1, SIDE, SIDE, channels)
        inputs = [given, f"{name}/weights", f"{name}/bias"]
        builtin = getattr(schema.BuiltinOperator, operator)
        self._steps.append(Step(builtin, inputs, [name], getattr(schema.BuiltinOptions, kind), options))


def _filled(options: Any, fused: int) -> Any:
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding, options.fusedActivationFunction = schema.Padding.SAME, fused
    return options
