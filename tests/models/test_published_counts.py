"""Parameters and multiply-accumulates of architectures against those that were published."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from counted import folded, multiply_accumulates, sizes, trainable
from tflbuild.models.efficientdet_lite0 import EfficientDetLite0
from tflbuild.models.efficientnet_lite0 import EfficientNetLite0
from tflbuild.models.mobilenet_v1 import MobileNetV1
from tflbuild.models.mobilenet_v3_large import MobileNetV3Large
from tflbuild.models.mobilenet_v3_small import MobileNetV3Small
from tflbuild.models.resnet import ResNet
from tflbuild.models.ssd_mobilenet_v2 import SSDMobileNetV2
from tflbuild.models.ssd_mobilenet_v2_fpnlite import SSDMobileNetV2FpnLite

pytestmark = pytest.mark.slow

# Parameters: tf_keras.applications, statistics of batch norm included. Multiply-accumulates in millions: small in the
# paper's Table 4, the others in the table of tf_keras.applications.mobilenet_v3 (minimalistic small is said to be 65
# there, which its own graph is not: it has 52).
MOBILENET_V3 = [
    (MobileNetV3Small, False, 2_554_968, 56),
    (MobileNetV3Small, True, 2_056_848, 52),
    (MobileNetV3Large, False, 5_507_432, 217),
    (MobileNetV3Large, True, 3_948_688, 209),
]


@pytest.mark.parametrize(("kind", "minimalistic", "parameters", "millions"), MOBILENET_V3)
def test_mobilenet_v3_is_that_of_the_paper(
    kind: Any, minimalistic: bool, parameters: int, millions: int
) -> None:
    built = kind(input_size=224, alpha=1.0, minimalistic=minimalistic).build(1000)
    assert built.count_params() == parameters
    assert multiply_accumulates(built) / 1e6 == pytest.approx(millions, abs=0.52)
    hard = [layer.name for layer in built.layers if layer.name.endswith("_hard_swish")]
    weighed = [layer.name for layer in built.layers if layer.name.endswith("_weigh")]
    large = kind is MobileNetV3Large
    # Tables 1 and 2: HS and SE; a block of hard swish has two, before its projection, and three layers stand alone
    assert len(hard) == (0 if minimalistic else (2 * 9 + 3 if large else 2 * 8 + 3))
    assert len(weighed) == (0 if minimalistic else (8 if large else 9))


@pytest.mark.parametrize(("alpha", "minimalistic"), [(0.75, False), (0.35, True)])
@pytest.mark.parametrize("size", ["Small", "Large"])
def test_mobilenet_v3_is_layer_by_layer_that_of_keras(size: str, alpha: float, minimalistic: bool) -> None:
    import tf_keras

    kind = {"Small": MobileNetV3Small, "Large": MobileNetV3Large}[size]
    theirs = getattr(tf_keras.applications, f"MobileNetV3{size}")(
        (64, 64, 3), alpha=alpha, minimalistic=minimalistic, weights=None, include_preprocessing=False
    )
    ours = kind(input_size=64, alpha=alpha, minimalistic=minimalistic).build(1000)
    assert sizes(ours) == sizes(theirs)
    assert multiply_accumulates(ours) == multiply_accumulates(theirs)


def test_mobilenet_v3_gives_the_numbers_of_keras() -> None:
    import numpy as np
    import tf_keras

    theirs = tf_keras.applications.MobileNetV3Small(
        (64, 64, 3), weights=None, include_preprocessing=False, classifier_activation=None, classes=5
    )
    ours = MobileNetV3Small(input_size=64, alpha=1.0).build(5)
    random = np.random.default_rng(0)
    values = [random.uniform(0.1, 1.0, weight.shape) / 4 for weight in theirs.get_weights()]
    theirs.set_weights(values)
    ours.set_weights(
        [value.reshape(own.shape) for value, own in zip(values, ours.get_weights(), strict=True)]
    )
    image = random.uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(ours(image), theirs(image), rtol=1e-4)


def test_resnet_8_is_that_of_mlperf_tiny() -> None:
    built = ResNet().build(10)
    # Banbury et al. 2021: 78,666, with biases beside batch norms, and in shortcuts in place of them
    biases, shortcuts = 16 + 2 * 16 + 2 * 32 + 2 * 64 + 32 + 64, 32 + 64
    assert built.count_params() + biases - 4 * shortcuts == 78_666
    assert (
        multiply_accumulates(built) == 12_501_632
    )  # 16 + 2 x 16, then (16 + 32 and 32 + 64) x 32, and shortcuts


def test_the_person_detector_is_that_of_mlperf_tiny(shared_models: Path) -> None:
    import tf_keras

    theirs = tf_keras.models.load_model(shared_models / "mlperf_tiny" / "vww_96.h5", compile=False)
    ours = MobileNetV1(input_size=96, alpha=0.25).build(2)
    # theirs has a bias before each batch norm, which is folded into the one behind it
    biases = sum(layer.bias.shape[0] for layer in theirs.layers if "Conv2D" in type(layer).__name__)
    assert folded(ours) == folded(theirs) - biases == 210_850
    assert multiply_accumulates(ours) == multiply_accumulates(theirs)


# README of tensorflow/tpu, models/official/efficientnet/lite: width and depth by efficientnet_lite_builder.py
LITE = [
    (1.0, 1.0, 224, 4.7, 407),
    (1.0, 1.1, 240, 5.4, 631),
    (1.1, 1.2, 260, 6.1, 899),
]


@pytest.mark.parametrize(("alpha", "depth", "size", "parameters", "madds"), LITE)
def test_efficientnet_lite_is_that_of_its_readme(
    alpha: float, depth: float, size: int, parameters: float, madds: int
) -> None:
    built = EfficientNetLite0(input_size=size, alpha=alpha, depth=depth).build(1000)
    assert round(trainable(built) / 1e6, 1) == parameters
    # the README counts what batch norms and activations do, too: about six in a hundred
    assert 0.94 * madds <= multiply_accumulates(built) / 1e6 <= madds
    if alpha == depth:
        assert trainable(built) == 4_652_008  # also timm's tf_efficientnet_lite0


def test_efficientnet_lite0_is_efficientnet_b0_without_squeezing() -> None:
    import tf_keras

    theirs = tf_keras.applications.EfficientNetB0(input_shape=(64, 64, 3), weights=None)
    ours = EfficientNetLite0(input_size=64, alpha=1.0).build(1000)
    kept = [layer for layer in theirs.layers if "_se_" not in layer.name]
    assert sizes(ours) == sizes(SimpleNamespace(layers=kept))
    assert multiply_accumulates(ours) == multiply_accumulates(SimpleNamespace(layers=kept))
    kinds = {type(layer).__name__ for layer in ours.layers}
    assert {"Multiply", "Activation", "Rescaling"}.isdisjoint(kinds)
    assert {float(layer.max_value) for layer in ours.layers if type(layer).__name__ == "ReLU"} == {6.0}


def test_ssdlite_on_mobilenet_v2_is_that_of_the_paper() -> None:
    built = SSDMobileNetV2(input_size=320, alpha=1.0).build(80)
    # MobileNetV2, Table 6: 4.3 M parameters and 0.8 B multiply-adds on COCO
    assert round(trainable(built) / 1e6, 1) == 4.3
    assert round(multiply_accumulates(built) / 1e9, 1) == 0.8
    # Table 5: extra layers and heads of 80 classes have 2.1 M; its 0.35 B count a product and a sum as two
    layers = [layer for layer in built.layers if layer.name.startswith(("extra", "box", "class"))]
    weights = [weight for layer in layers for weight in layer.trainable_weights]
    assert round(trainable(SimpleNamespace(trainable_weights=weights)) / 1e6, 1) == 2.1
    assert round(2 * multiply_accumulates(SimpleNamespace(layers=layers)) / 1e9, 2) == 0.35


def test_ssdlite_on_mobilenet_v2_is_that_of_the_open_model_zoo() -> None:
    built = SSDMobileNetV2(input_size=300, alpha=1.0).build(91)  # 90 and the background
    # Open Model Zoo, ssdlite_mobilenet_v2 (TensorFlow's, folded): 4.475 M parameters, 1.525 G operations, two for each
    # multiply-accumulate, biases and activations included
    assert round(folded(built) / 1e6, 3) == 4.475
    assert 0.98 <= 2 * multiply_accumulates(built) / 1.525e9 <= 1
    assert built.output_shape == [
        (None, 1917, 4),
        (None, 1917, 91),
    ]  # 19, 10, 5, 3, 2 and 1 cells: 3 and 6 a cell


def test_fpnlite_is_array_by_array_that_of_the_object_detection_api(shared_models: Path) -> None:
    import tensorflow as tf

    folder = shared_models / "odapi/ssd_mobilenet_v2_fpnlite/export_tflite_graph_tf2_regular_nms100"
    exported = tf.saved_model.load(str(folder / "saved_model"))
    # its pyramid has 0.35 * 64 = 22 filters, which we round to 24; a background class makes four of three
    theirs = Counter(
        tuple(24 if side == 22 else side for side in variable.shape)
        for variable in exported.signatures["serving_default"].variables
        if variable.shape.rank
    )
    model = SSDMobileNetV2FpnLite(input_size=192, alpha=0.35, pyramid_filters=64)
    built = model.build(4)
    assert Counter(tuple(weight.shape) for layer in built.layers for weight in layer.weights) == theirs
    assert built.output_shape == [(None, 4614, 4), (None, 4614, 4)]  # heads.json of the export


def test_fpnlite_has_the_anchors_of_the_object_detection_api() -> None:
    import numpy as np

    from tflbuild.tasks.detection.anchors import anchors
    from tflbuild.tasks.detection.detector import PyramidAnchors

    found = anchors([[24, 24], [12, 12], [6, 6], [3, 3], [2, 2]], PyramidAnchors())
    assert len(found) == 4614
    # multiscale_grid_anchor_generator: 4 strides, and sqrt(2) times as much; height is side / sqrt(ratio)
    side, root = 4 * 8 / 192, 2**0.5
    shapes = [(size / ratio**0.5, size * ratio**0.5) for size in (side, side * root) for ratio in (1, 2, 0.5)]
    np.testing.assert_allclose(found[:6, 2:], shapes, rtol=1e-6)
    np.testing.assert_allclose(found[:6, :2], 0.5 / 24, rtol=1e-6)
    np.testing.assert_allclose(found[6 * 576, :], [0.5 / 12, 0.5 / 12, 2 * side, 2 * side], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "parameters", "operations"),
    [
        ({}, 3_243_470, 977_617_221),
        ({"input_size": 384, "depth": 1.1, "pyramid_filters": 88, "pyramids": 4}, 4_248_318, 1_973_728_714),
    ],
    ids=["Lite0", "Lite1"],
)
def test_efficientdet_lite_is_that_of_its_authors(options: Any, parameters: int, operations: int) -> None:
    """google/automl, efficientdet/efficientdet_arch_test.py: weights that are trained, and half of all operations."""
    built = EfficientDetLite0(**options).build(90)
    assert trainable(built) == parameters
    # theirs has what biases, batch norms and sums take as well
    assert 0.99 < multiply_accumulates(built) / operations < 1


def test_efficientdet_has_the_anchors_of_its_authors() -> None:
    """google/automl, efficientdet/tf2/anchors.py: 3 strides x 2^(0, 1/3, 2/3), of the ratios 1, 2 and 1/2."""
    import numpy as np

    from tflbuild.tasks.detection.anchors import anchors

    options = EfficientDetLite0().anchors
    found = anchors([[40, 40], [20, 20], [10, 10], [5, 5], [3, 3]], options)
    assert len(found) == 9 * (1600 + 400 + 100 + 25 + 9)
    # in pixels of 320: 3 * 8 is 24, its area 576; ratios are width : height, by the root of each
    wanted = [(24, 24), (16.97, 33.94), (33.94, 16.97), (30.24, 30.24), (21.38, 42.76), (42.76, 21.38)]
    np.testing.assert_allclose(320 * found[:6, 2:], wanted, rtol=1e-3)
    np.testing.assert_allclose(320 * found[6, 2:], (38.1, 38.1), rtol=1e-3)
    np.testing.assert_allclose(320 * found[9 * 1600, :], [8, 8, 48, 48], rtol=1e-6)
