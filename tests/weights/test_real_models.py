"""Weights of models that others trained or built: ours then compute the same."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.models.ds_cnn import DSCNN
from tflbuild.models.mobilenet_v1 import MobileNetV1
from tflbuild.models.mobilenet_v2 import MobileNetV2
from tflbuild.models.mobilenet_v3_large import MobileNetV3Large
from tflbuild.models.mobilenet_v3_small import MobileNetV3Small
from tflbuild.models.ssd_mobilenet_v2 import SSDMobileNetV2
from tflbuild.models.trainable import Trainable

pytestmark = pytest.mark.slow

SIZE, CLASSES = 64, 7

EQUAL: dict[str, tuple[str, dict[str, Any], Trainable]] = {
    "v1": ("MobileNet", {"alpha": 0.25}, MobileNetV1(alpha=0.25, input_size=SIZE)),
    "v2": ("MobileNetV2", {"alpha": 0.35}, MobileNetV2(alpha=0.35, input_size=SIZE)),
    "v3 small": ("MobileNetV3Small", {"alpha": 0.75}, MobileNetV3Small(alpha=0.75, input_size=SIZE)),
    "v3 small minimalistic": (
        "MobileNetV3Small",
        {"alpha": 1.0, "minimalistic": True},
        MobileNetV3Small(alpha=1.0, input_size=SIZE, minimalistic=True),
    ),
    "v3 large": ("MobileNetV3Large", {"alpha": 0.75}, MobileNetV3Large(alpha=0.75, input_size=SIZE)),
}
"""Models of tf_keras.applications, and our architectures that equal them."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def scattered(model: Any) -> Any:
    """Give a model random weights, so that every layer counts."""
    draw = np.random.default_rng(1)
    for variable in model.weights:
        sides = variable.shape
        if "variance" in variable.name or "gamma" in variable.name:
            value = draw.uniform(0.6, 1.4, sides)
        elif "kernel" in variable.name:
            inner = 9 if "depthwise" in variable.name else np.prod(sides[:-1])
            value = draw.normal(0, 1 / np.sqrt(inner), sides)
        else:
            value = draw.normal(0, 0.2, sides)
        variable.assign(value)
    return model


@cache
def theirs(name: str) -> Any:
    import tf_keras

    kind, options, _ = EQUAL[name]
    more = {"include_preprocessing": False} if "V3" in kind else {}
    made = getattr(tf_keras.applications, kind)(
        input_shape=(SIZE, SIZE, 3),
        weights=None,
        classes=CLASSES,
        classifier_activation=None,
        **options,
        **more,
    )
    return scattered(made)


def pixels(size: int = SIZE) -> Any:
    return np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype("f4")


@pytest.mark.parametrize("name", EQUAL)
def test_weights_of_keras_applications_give_what_their_model_gives(name: str, tmp_path: Path) -> None:
    model, spec = theirs(name), EQUAL[name][2]
    path = tmp_path / ("model.keras" if name == "v2" else "model.h5")
    model.save_weights(path) if name == "v1" else model.save(path)
    built = spec.build(CLASSES)
    note = replace(spec, weights=str(path)).start(built, CLASSES)
    assert (note["by"], note["fresh"], note["unused"]) == ("order", [], [])
    assert note["tensors"] == note["of"] == len(model.weights)
    np.testing.assert_allclose(built(pixels()), model(pixels()), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["v1", "v2", "v3 small minimalistic"])
def test_what_is_asked_for_is_what_keras_applications_asks_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tf_keras
    from tf_keras.src.utils import data_utils

    def get_file(name: str, origin: str, **more: Any) -> str:
        raise LookupError(origin)

    monkeypatch.setattr(data_utils, "get_file", get_file)
    kind, options, spec = EQUAL[name]
    with pytest.raises(LookupError) as asked:
        getattr(tf_keras.applications, kind)(input_shape=(SIZE, SIZE, 3), weights="imagenet", **options)
    assert spec.published() == asked.value.args[0]


def test_imagenet_fills_from_what_was_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = replace(EQUAL["v2"][2], weights="imagenet")
    folder = tmp_path / "models"
    folder.mkdir()
    theirs("v2").save_weights(folder / spec.published().rpartition("/")[2])
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    built = spec.build(CLASSES)
    assert spec.start(built, CLASSES)["fresh"] == []
    np.testing.assert_allclose(built(pixels()), theirs("v2")(pixels()), atol=1e-5, rtol=0)


def test_a_classifiers_backbone_becomes_that_of_a_detector(tmp_path: Path) -> None:
    import tf_keras

    model = theirs("v2")
    model.save(tmp_path / "model.h5")
    spec = SSDMobileNetV2(alpha=0.35, input_size=96, weights=str(tmp_path / "model.h5"))
    built = spec.build(3)
    note = spec.start(built, 3)
    # 51 convolutions of the trunk with four arrays of norm each; conv_1 is narrower in the detector
    assert (note["by"], note["tensors"]) == ("order", 51 * 5)
    assert note["unused"] == ["Conv_1", "Conv_1_bn", "predictions"]
    images = pixels(96)
    ours = tf_keras.Model(built.input, built.get_layer("block_16_project_norm").output)
    full = tf_keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, weights=None, include_top=False
    )
    full.set_weights(model.get_weights()[: len(full.get_weights())])
    right = tf_keras.Model(full.input, full.get_layer("block_16_project_BN").output)
    np.testing.assert_allclose(ours(images), right(images), atol=1e-5, rtol=0)

    narrow = SSDMobileNetV2(alpha=0.25, input_size=96, weights=spec.weights)
    other = narrow.build(3)
    with pytest.raises(RecipeError, match=r"not fit ssd_mobilenet_v2: .* It fits with model\.alpha=0\.35\.$"):
        narrow.start(other, 3)


def test_a_float_tflite_of_ours_gives_what_its_model_gives(tmp_path: Path) -> None:
    import tensorflow as tf

    spec = MobileNetV1(alpha=0.1, input_size=32, weights=str(tmp_path / "model.tflite"))
    model = scattered(spec.build(3))
    Path(spec.weights).write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    built = spec.build(3)
    note = spec.start(built, 3)
    assert (note["by"], note["fresh"], note["unused"], note["folded"]) == ("name", [], [], 27)
    np.testing.assert_allclose(built(pixels(32)), model(pixels(32)), atol=1e-5, rtol=0)


def test_an_export_of_the_object_detection_api_gives_its_backbone(shared_models: Path) -> None:
    import tensorflow as tf

    folder = shared_models / "odapi" / "ssd_mobilenet_v2" / "exporter_main_v2"
    plain = SSDMobileNetV2(alpha=0.35, input_size=192, finest_stride=16, weights=str(folder))
    with pytest.raises(RecipeError, match=r"It fits with model\.min_filters=16\.$"):
        plain.start(plain.build(3), 3)
    spec = replace(plain, min_filters=16)
    built = spec.build(3)
    note = spec.start(built, 3)
    # 52 convolutions: conv_1 too, which the API narrows as we do; its extra layers and heads are built otherwise
    assert (note["by"], note["tensors"]) == ("order", 52 * 5)
    assert not [name for name in note["fresh"] if not name.startswith(("extra", "box", "class"))]
    reader = tf.train.load_checkpoint(str(folder / "saved_model" / "variables" / "variables"))
    key = "_model/_feature_extractor/variables/{}/.ATTRIBUTES/VARIABLE_VALUE"
    # as its own description names them: 255 is Conv_1/kernel, 258 Conv_1_bn/moving_mean
    layer, norm = built.get_layer("conv_1"), built.get_layer("conv_1_norm")
    np.testing.assert_array_equal(layer.kernel, reader.get_tensor(key.format(255)))
    np.testing.assert_array_equal(norm.moving_mean, reader.get_tensor(key.format(258)))


def test_the_keyword_spotter_of_mlperf_tiny_fills_ds_cnn(shared_models: Path) -> None:
    import tensorflow as tf

    folder = shared_models / "mlperf_tiny" / "kws_ref_model"
    spec = DSCNN(frames=49, features=10, weights=str(folder))
    built = spec.build(12)
    note = spec.start(built, 12)
    # its convolutions have biases in front of their norms, which our norms take in
    assert (note["by"], note["fresh"], note["unused"]) == ("order", [], [])
    loaded = tf.saved_model.load(str(folder))  # only this test runs what is in it
    sounds = np.random.default_rng(0).normal(0, 3, (2, 49, 10, 1)).astype("f4")
    (right,) = loaded.signatures["serving_default"](tf.constant(sounds)).values()
    np.testing.assert_allclose(tf.nn.softmax(built(sounds)), right, atol=1e-5, rtol=0)
