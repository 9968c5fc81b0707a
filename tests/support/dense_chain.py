"""Two dense layers that pass on one value a hundred times as large as the others; and what numpy makes of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from on_bytes import quantize
from samples import Samples, samples
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.testing import artifact
from tflbuild.tflite.assemble import Step, Tensors, assemble

IMAGE, FIRST, SECOND = "serving_default_image:0", "net/first/BiasAdd;net/first/MatMul", "net/second/MatMul"
LEVELS = 255


@dataclass
class DenseChain:
    """A model of 12 values, 4 hidden ones and 3 outputs, without activation functions.

    Attributes:
        large: by what the last hidden value is multiplied, and its weights in the second layer divided.
    """

    large: float = 100.0
    first: npt.NDArray[np.float32] = field(init=False)
    second: npt.NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(5)
        self.first = rng.normal(size=(4, 12)).astype(np.float32)
        self.second = rng.normal(size=(3, 4)).astype(np.float32)
        self.first[3] *= self.large
        self.second[:, 3] /= self.large

    @property
    def images(self) -> list[npt.NDArray[np.float32]]:
        """Give 40 images."""
        rng = np.random.default_rng(6)
        return [rng.uniform(-1, 1, (2, 2, 3)).astype(np.float32) for _ in range(40)]

    @property
    def samples(self) -> Samples:
        """Give the images as calibration samples."""
        return samples(self.images, IMAGE)

    def content(self) -> bytes:
        """Give the float `.tflite`."""
        tensors: Tensors = {
            IMAGE: (1, 2, 2, 3),
            "first": self.first,
            "second": self.second,
            "no_first": np.zeros(4, np.float32),
            "no_second": np.zeros(3, np.float32),
            FIRST: (1, 4),
            SECOND: (1, 3),
        }
        steps = [_dense(IMAGE, "first", "no_first", FIRST), _dense(FIRST, "second", "no_second", SECOND)]
        return assemble(tensors, steps, [IMAGE], [SECOND])

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Give the smallest and largest value of each activation."""
        hidden = np.stack([self._hidden(image.ravel()) for image in self.images])
        scores = hidden @ self.second.T
        found = {IMAGE: np.stack(self.images), FIRST: hidden, SECOND: scores}
        return {name: (float(values.min()), float(values.max())) for name, values in found.items()}

    def quantized(self, path: Path, *, float_output: bool = True, **options: Any) -> bytes:
        """Quantize with LiteRT Quantizer; the float file is written to `path`."""
        path.write_bytes(self.content())
        return quantize(path, "int8", self.ranges(), float_input=False, float_output=float_output, **options)

    def error(
        self, weights: Collection[str] = (), activations: Collection[str] = (), largest: int = 127
    ) -> float:
        """Give the output error with pieces rounded, by numpy alone.

        Args:
            weights: tensors of layers whose weights are rounded.
            activations: tensors that are rounded.
            largest: level of weights.
        """
        first = _rounded_rows(self.first, largest) if FIRST in weights else self.first
        second = _rounded_rows(self.second, largest) if SECOND in weights else self.second
        ranges = self.ranges()

        def given(name: str, value: Any) -> Any:
            return _rounded(value, *ranges[name]) if name in activations else value

        differences, wanted = [], []
        for image in self.images:
            exact = self._hidden(image.ravel()) @ self.second.T
            hidden = given(FIRST, given(IMAGE, image.ravel().astype(np.float64)) @ first.T)
            differences.append(np.abs(given(SECOND, hidden @ second.T) - exact).mean())
            wanted.append(exact)
        return float(np.mean(differences) / np.abs(wanted - np.mean(wanted)).mean())

    def _hidden(self, values: Any) -> Any:
        return values.astype(np.float64) @ self.first.T.astype(np.float64)


def chain(folder: Path) -> tuple[TFLiteModel, Calibration]:
    """Write the model, and forty images to calibrate it on."""
    path = folder / "chain.tflite"
    path.write_bytes(DenseChain().content())
    facts = Meaning.of_image(
        task="classification",
        height=2,
        width=2,
        labels=("a", "b", "c"),
        preprocess={"scale": 0.0078125, "offset": -1.0},
    )
    facts = replace(facts, inputs={IMAGE: facts.only})
    images = np.random.default_rng(8).integers(0, 256, (40, 2, 2, 3), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images)
    return artifact(TFLiteModel, path, facts), Calibration(source=str(folder / "images.npz"), samples=40)


def _rounded_rows(weights: npt.NDArray[np.float32], largest: int) -> Any:
    """Round each output channel symmetrically to levels from -largest to largest."""
    scale = np.abs(weights.astype(np.float64)).max(axis=1, keepdims=True) / largest
    return np.rint(weights / scale) * scale


def _rounded(value: Any, low: float, high: float) -> Any:
    scale = (high - low) / LEVELS
    zero_point = np.rint(-128 - low / scale)
    return (np.clip(np.rint(value / scale) + zero_point, -128, 127) - zero_point) * scale


def _dense(given: str, weights: str, bias: str, made: str) -> Step:
    kind, options = schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()
    return Step(schema.BuiltinOperator.FULLY_CONNECTED, [given, weights, bias], [made], kind, options)
