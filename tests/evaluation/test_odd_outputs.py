"""Predictions of models whose outputs have no batch axis, or no axis at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from foreign_networks import Draft, noise, samples_of, written
from tflbuild.core.dataset import Split
from tflbuild.evaluation.predictions import predict
from tflbuild.runtimes.litert import Litert


def test_every_number_of_an_output_is_kept_whatever_its_axes(tmp_path: Path) -> None:
    draft = Draft(x=(1, 6))
    content = draft.content(draft.reshape("rows", "x", 3, 2), draft.mean("mean", "x"))
    data, index = noise(content, 4)
    found, _ = predict(Litert(), written(tmp_path, content), Split("val", data, index))
    for number in range(4):
        (sample,) = samples_of(content, 1, seed=100 + number)
        np.testing.assert_array_equal(found["output:rows"][number], sample["x"])
        np.testing.assert_allclose(found["output:mean"][number], [sample["x"].mean()], rtol=1e-5)
