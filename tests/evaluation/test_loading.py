"""A model is loaded once for all parts of a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.runtime import Execution, Runtime
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.evaluation.predictions import predict
from tflbuild.testing import tiny_tflite


class Grey(Dataset):
    """One grey picture."""

    task = "classification"

    def read(self, sample: Sample) -> Example:
        return Example(np.full((8, 8, 3), 128, np.uint8), np.zeros((0, 4)), np.array([0]))


class Same:
    """Gives the same scores for everything."""

    kernels = "none"
    signature = Signature(
        {"image": TensorSpec((1, 8, 8, 3), "float32")}, {"scores": TensorSpec((1, 2), "float32")}
    )

    def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"scores": np.array([[0.25, 0.75]], np.float32)}


class Counting(Runtime):
    """Counts what it loads."""

    opened: ClassVar[list[Path]] = []

    def open(self, model: Any) -> Execution:
        self.opened.append(model.path)
        return Same()


def test_a_model_is_loaded_once_and_again_when_its_file_is_another(tmp_path: Path) -> None:
    index = Index(classes=("cat", "dog"), splits={"val": (Sample("a", "a"), Sample("b", "b"))})
    split, model = Split("val", Grey(), index), tiny_tflite(tmp_path)
    for part in (split.part(0, 1), split.part(1, 2)):
        arrays, kernels = predict(Counting(), model, part)
        assert (arrays["scores"].tolist(), kernels) == ([[0.25, 0.75]], "none")
    assert Counting.opened == [model.path]
    other: TFLiteModel = replace(model, digest="another")
    predict(Counting(), other, split)
    assert Counting.opened == [model.path, model.path]
