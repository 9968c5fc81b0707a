"""Small data and small models for tests of passes that train."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from kept_models import PIXELS, SIDE, kept
from tflbuild.core.artifact import KerasModel
from tflbuild.data.signs import CLASSES, Signs
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess


@pytest.fixture
def few_signs() -> Signs:
    """Give a data set of a few drawn scenes."""
    return Signs(image_size=48, train=24, val=4, test=4, preprocess=PIXELS, augment={"enabled": False})


@pytest.fixture
def small_detector(tmp_path: Path) -> KerasModel:
    """Give an untrained detector of three convolutions and one 4x4 feature map."""
    from tf_keras import Model, layers

    image, features = _features()
    per_cell = 3  # the reduced set of the finest map
    code = layers.Conv2D(per_cell * 4, 1, name="box_0")(features)
    logits = layers.Conv2D(per_cell * len(CLASSES), 1, name="class_0", bias_initializer=_prior())(features)
    outputs = [
        layers.Reshape((-1, 4), name="box_encodings")(code),
        layers.Reshape((-1, len(CLASSES)), name="class_logits")(logits),
    ]
    detector = {
        "feature_maps": [[4, 4]],
        "anchors": asdict(AnchorOptions()),
        "postprocess": asdict(Postprocess()),
    }
    return kept(Model(image, outputs), "detection", tmp_path / "detector.h5", detector)


@pytest.fixture
def small_classifier(tmp_path: Path) -> KerasModel:
    """Give an untrained classifier that ends in a softmax."""
    from tf_keras import Model, layers

    image, features = _features()
    pooled = layers.GlobalAveragePooling2D()(features)
    scores = layers.Dense(len(CLASSES), activation="softmax", name="scores")(pooled)
    return kept(Model(image, scores), "classification", tmp_path / "classifier.h5", {})


def _features() -> tuple[Any, Any]:
    from tf_keras import layers

    tensor = image = layers.Input((SIDE, SIDE, 3), name="image")
    for name, layer in (
        ("conv_0", layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="conv_0")),
        ("depthwise", layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False, name="depthwise")),
        ("pointwise", layers.Conv2D(16, 1, use_bias=False, name="pointwise")),
        ("last", layers.Conv2D(16, 3, 2, padding="same", use_bias=False, name="last")),
    ):
        tensor = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(layer(tensor))
        tensor = layers.ReLU(6.0, name=f"{name}_relu6")(tensor)
    return image, tensor


def _prior() -> Any:
    from tf_keras import initializers

    return initializers.Constant(-math.log(99))
