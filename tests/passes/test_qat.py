"""What `qat` promises of the ranges and zeros in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import KerasModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import Signs
from tflbuild.passes.prune import Prune
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning"),
]


def load(model: KerasModel) -> Any:
    from tflbuild.backends import keras

    return keras.load(model.path)


@pytest.mark.parametrize("steps", [1, 4])
def test_the_input_range_is_that_of_pixels(
    steps: int, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import fake_quantization

    result = run_pass(
        QuantizationAwareTraining(steps=steps, batch_size=4), small_detector, tmp_path, data=few_signs
    )
    # scale 1/128 and offset -1, by hand: 0 * 1/128 - 1 and 255 * 1/128 - 1
    assert fake_quantization.input_ranges(load(result)) == [(-1.0, 127 / 128)]
    assert result.meta["quantized"] == "qat"
    assert "sparsity" not in result.meta


def test_ranges_of_activations_follow_the_first_batch(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import fake_quantization

    result = run_pass(
        QuantizationAwareTraining(steps=1, batch_size=4), small_detector, tmp_path, data=few_signs
    )
    relu6 = {name: ends for name, ends in fake_quantization.ranges(load(result)).items() if "relu6" in name}
    assert len(relu6) == 4
    assert all(low == 0 and 0 < high <= 6 for low, high in relu6.values())


def test_zeros_of_a_pruned_model_stay_zero(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import tfmot

    pruned = run_pass(Prune(steps=2, batch_size=4), small_detector, tmp_path, data=few_signs)
    result = run_pass(
        QuantizationAwareTraining(steps=3, batch_size=4, weight_decay=1e-3), pruned, tmp_path, data=few_signs
    )
    assert tfmot.census(load(result)) == pruned.meta["sparsity"]["layers"]
    assert result.meta["sparsity"] == pruned.meta["sparsity"]


def test_a_classifier_that_ends_in_softmax_trains(small_classifier: KerasModel, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    preprocess = small_classifier.meta["facts"]["preprocess"]
    crops = SignCrops(train=16, val=8, test=8, preprocess=preprocess, augment={"enabled": False})
    result = run_pass(
        QuantizationAwareTraining(steps=2, batch_size=4), small_classifier, tmp_path, data=crops
    )
    assert keras.ends_in_softmax(load(result))
    images = [np.zeros((2, 32, 32, 3), np.float32)]
    (outputs,) = keras.predict(result.path, images)
    np.testing.assert_allclose(outputs["scores"].sum(axis=1), 1, atol=0.02)  # rounded to 1/255


def test_an_untrained_range_breaks_the_promise(small_detector: KerasModel) -> None:
    from tflbuild.backends import fake_quantization

    fake = fake_quantization.FakeQuantization(load(small_detector), (-1.0, 127 / 128))
    with pytest.raises(BrokenPromise, match="was never trained"):
        fake_quantization.check_ranges(fake.model, (-1.0, 127 / 128))


def test_another_input_range_breaks_the_promise(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import fake_quantization

    result = run_pass(
        QuantizationAwareTraining(steps=1, batch_size=4), small_detector, tmp_path, data=few_signs
    )
    with pytest.raises(BrokenPromise, match="not that of pixels"):
        fake_quantization.check_ranges(load(result), (0.0, 1.0))


def test_a_second_fake_quantization_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    fake = KerasModel(
        path=small_detector.path, digest="", fingerprint="", meta={**small_detector.meta, "quantized": "qat"}
    )
    with pytest.raises(PassError, match="fake-quantized already"):
        run_pass(QuantizationAwareTraining(steps=1), fake, tmp_path, data=few_signs)


def test_a_layer_that_tfmot_does_not_know_is_named() -> None:
    from tf_keras import Model, layers

    from tflbuild.backends import fake_quantization

    image = layers.Input((32, 32, 3))
    odd = Model(image, layers.Dense(2)(layers.Flatten()(layers.ELU(name="odd")(image))))
    with pytest.raises(PassError, match=r"^tfmot cannot fake-quantize .*odd"):
        fake_quantization.FakeQuantization(odd, (-1.0, 127 / 128))
