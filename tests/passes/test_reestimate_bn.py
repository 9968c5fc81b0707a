"""What `reestimate_bn` changes, and what it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import KerasModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.data.signs import Signs
from tflbuild.passes.prune import Prune
from tflbuild.passes.reestimate_bn import ReestimateBatchNorm
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

NORMS = ("conv_0_norm", "depthwise_norm", "pointwise_norm", "last_norm")


def weights(model: KerasModel) -> dict[str, Any]:
    from tflbuild.backends import keras

    return {variable.name: variable.numpy() for variable in keras.load(model.path).variables}


def test_the_first_norm_has_the_statistics_of_the_train_split(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import keras
    from tflbuild.core.dataset import Split
    from tflbuild.core.meaning import Meaning
    from tflbuild.core.names import named
    from tflbuild.modalities.image.modality import ImageModality
    from tflbuild.wiring import NAMES

    pruned = run_pass(Prune(steps=1, batch_size=4), small_detector, tmp_path, data=few_signs)
    notes: dict[str, Any] = {}
    options = ReestimateBatchNorm(samples=23, batch_size=8)  # 24 images: the whole split
    result = run_pass(options, pruned, tmp_path, data=few_signs, notes=notes)
    assert notes["samples"] == 24
    assert notes["moved"] > 0.05
    before, after = weights(pruned), weights(result)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {f"{norm}/moving_{which}:0" for norm in NORMS for which in ("mean", "variance")}
    assert result.meta["sparsity"] == pruned.meta["sparsity"]
    split = Split("train", few_signs, few_signs.index(named(NAMES.inspect)))
    image = ImageModality.of(Meaning.of(pruned).only.preprocess)
    images = np.stack([image.values(image.pixels(split[k].value, 32, 32)) for k in range(24)])
    features = keras.load(pruned.path).get_layer("conv_0")(images).numpy().astype(np.float64)
    np.testing.assert_allclose(
        after["conv_0_norm/moving_mean:0"], features.mean((0, 1, 2)), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(after["conv_0_norm/moving_variance:0"], features.var((0, 1, 2)), rtol=1e-4)


def test_the_same_images_give_the_same_bytes(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = ReestimateBatchNorm(samples=16, batch_size=8)
    made = [run_pass(options, small_detector, tmp_path, data=few_signs) for _ in range(2)]
    assert made[0].fingerprint == made[1].fingerprint != small_detector.fingerprint


def test_another_weight_that_changed_breaks_the_promise(small_detector: KerasModel, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    built = keras.load(small_detector.path)
    built.get_layer("box_0").bias.assign_add(np.full(12, 1e-7, np.float32))
    other = tmp_path / "other.h5"
    keras.save(built, other, dict(small_detector.meta["facts"]))
    with pytest.raises(BrokenPromise, match="box_0/bias:0 changed, which is not a statistic"):
        ReestimateBatchNorm().verify(small_detector, replace(small_detector, path=other))


def test_a_fake_quantized_model_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    fake = replace(small_detector, meta={**small_detector.meta, "quantized": "qat"})
    with pytest.raises(PassError, match="put 'reestimate_bn' before 'qat'"):
        run_pass(ReestimateBatchNorm(), fake, tmp_path, data=few_signs)


def test_a_model_without_batch_norm_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import keras

    image = keras.layers.Input((32, 32, 3))
    plain = keras.Model(image, keras.layers.Dense(8)(keras.layers.Flatten()(image)))
    keras.save(plain, tmp_path / "plain.h5", dict(small_detector.meta["facts"]))
    with pytest.raises(PassError, match="no batch norm; leave this step out"):
        run_pass(
            ReestimateBatchNorm(),
            replace(small_detector, path=tmp_path / "plain.h5"),
            tmp_path,
            data=few_signs,
        )
