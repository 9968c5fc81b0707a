"""Architectures: options refused while planning, and the graphs they build."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from tflbuild.core.architecture import Architecture
from tflbuild.models import mobilenet_v1
from tflbuild.models.blocks import rounded, width
from tflbuild.models.efficientdet_lite0 import EfficientDetLite0
from tflbuild.models.efficientnet_lite0 import EfficientNetLite0
from tflbuild.models.mobilenet_v1 import MobileNetV1
from tflbuild.models.mobilenet_v2 import MobileNetV2
from tflbuild.models.mobilenet_v3_large import MobileNetV3Large
from tflbuild.models.mobilenet_v3_small import MobileNetV3Small
from tflbuild.models.resnet import ResNet
from tflbuild.models.ssd_mobilenet_v1 import SSDMobileNetV1
from tflbuild.models.ssd_mobilenet_v2 import SSDMobileNetV2
from tflbuild.models.ssd_mobilenet_v2_fpnlite import SSDMobileNetV2FpnLite
from tflbuild.tasks.detection.detector import AnchorOptions, PyramidAnchors


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (SSDMobileNetV1(input_size=95), "input_size: 95 is not between 96 and 512"),
        (SSDMobileNetV1(input_size=513), "input_size: 513 is not between 96 and 512"),
        (MobileNetV1(input_size=31), "input_size: 31 is not between 32 and 512"),
        (MobileNetV2(input_size=31), "input_size: 31 is not between 32 and 512"),
        (ResNet(input_size=257), "input_size: 257 is not between 16 and 256"),
        (ResNet(depth=9), "depth: 9 layers do not make three stages of whole blocks; use 8"),
        (ResNet(depth=19), "use 20"),
        (
            SSDMobileNetV1(anchors=AnchorOptions(min_scale=0.9, max_scale=0.5)),
            "anchors.min_scale: 0.9 is above",
        ),
        (SSDMobileNetV1(anchors=AnchorOptions(aspect_ratios=())), "anchors.aspect_ratios"),
        (SSDMobileNetV2FpnLite(anchors=PyramidAnchors(aspect_ratios=())), "anchors.aspect_ratios"),
        (
            EfficientDetLite0(input_size=768),
            "input_size: 768 .* efficientdet_lite0 can take; the nearest is 640",
        ),
    ],
)
def test_impossible_options_are_refused_by_name(model: Architecture, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.check()


def test_filters_are_multiples_of_eight_and_at_least_eight() -> None:
    assert [width(filters, 0.25) for filters in (32, 64, 128)] == [8, 16, 32]
    assert width(64, 0.05) == 8
    assert width(100, 1.0) == 96  # 12.5 eights, rounded half to even


def test_declaring_architectures_imports_no_framework_and_no_numpy() -> None:
    code = (
        "import sys, tflbuild.models.ssd_mobilenet_v1, tflbuild.passes.train\n"
        "print([m for m in ('numpy', 'tensorflow', 'tf_keras') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "finest", "alpha"), [(96, 12, 0.25), (100, 13, 0.25), (256, 16, 0.25), (96, 12, 0.4)]
)
@pytest.mark.parametrize("kind", [SSDMobileNetV1, SSDMobileNetV2])
def test_detector_has_a_head_for_every_anchor(kind: Any, size: int, finest: int, alpha: float) -> None:
    from tflbuild.tasks.detection.anchors import anchors

    model = kind(input_size=size, alpha=alpha)
    model.check()
    built = model.build(5)
    detector = model.head_of(built)
    assert detector["feature_maps"][0] == [finest, finest]  # size / stride, rounded up
    assert len(detector["feature_maps"]) == 6
    count = len(anchors(detector["feature_maps"], AnchorOptions.of(detector["anchors"])))
    assert built.output_shape == [(None, count, 4), (None, count, 5)]


@pytest.mark.slow
def test_first_feature_map_can_be_chosen() -> None:
    model = SSDMobileNetV1(finest_stride=16)
    assert model.head_of(model.build(2))["feature_maps"] == [[6, 6], [3, 3], [2, 2], [1, 1], [1, 1], [1, 1]]


@pytest.mark.slow
def test_scores_start_at_one_in_a_hundred() -> None:
    import numpy as np

    from tflbuild.backends import keras
    from tflbuild.tasks.detection.task import Detection

    keras.seed(0)
    built = SSDMobileNetV1().build(3)
    black = {"image": np.zeros((1, 96, 96, 3), np.float32)}
    scores = keras.outputs(built, black, Detection())["class_scores"].numpy()
    np.testing.assert_allclose(scores, 0.01, atol=0.003)


@pytest.mark.slow
def test_classifier_gives_logits_of_every_class() -> None:
    model = MobileNetV1(input_size=64)
    built = model.build(7)
    assert built.input_shape == (None, 64, 64, 3)
    assert built.output_shape == (None, 7)
    assert model.head_of(built) == {}


@pytest.mark.slow
def test_mobilenet_v2_is_that_of_the_paper() -> None:
    built = MobileNetV2(input_size=224, alpha=1.0).build(1000)
    # Table 4 of the paper: 3.4 M parameters; 3,538,984 in keras.applications, statistics of batch norm included.
    assert built.count_params() == 3_538_984
    assert built.get_layer("conv_1").output.shape[1:3] == (7, 7)
    added = [layer.name for layer in built.layers if layer.name.endswith("_add")]
    assert len(added) == 10  # every block of a stage but its first
    linear = [layer for layer in built.layers if "_project" in layer.name]
    assert {type(layer).__name__ for layer in linear} == {"Conv2D", "BatchNormalization"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "stride", "last"), [(32, None, 2), (32, 2, 1), (64, None, 2), (96, None, 3)]
)
def test_mobilenet_v2_keeps_small_images_large(size: int, stride: int | None, last: int) -> None:
    built = MobileNetV2(input_size=size, first_stride=stride).build(7)  # type: ignore[arg-type]
    assert built.get_layer("conv_1").output.shape[1:3] == (last, last)
    assert built.output_shape == (None, 7)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "convolutions"), [(8, 9), (20, 21)])
def test_resnet_has_a_shortcut_where_it_halves(depth: int, convolutions: int) -> None:
    model = ResNet(depth=depth)
    built = model.build(10)
    kinds = [type(layer).__name__ for layer in built.layers]
    assert kinds.count("Conv2D") == convolutions  # depth - 1 and two shortcuts
    assert kinds.count("Add") == (depth - 2) // 2
    assert built.get_layer("pool").input.shape[1:] == (8, 8, 64)
    assert model.head_of(built) == {}
    # By hand, three batch norms of 16 channels, as many of 32 and 64 with their shortcuts' (4 values a channel):
    # 432 + 2 * 2304 + (4608 + 9216 + 512) + (18432 + 36864 + 2048) + 650 + 4 * (3 * 16 + 3 * 32 + 3 * 64);
    # each further pair of convolutions adds 2 * 2304, 2 * 9216 and 2 * 36864, and 8 values a channel.
    more = (depth - 8) // 6
    assert built.count_params() == 78_714 + more * (2 * (2304 + 9216 + 36864) + 8 * (16 + 32 + 64))


def test_widths_by_hand() -> None:
    # 64 * 0.5 / 8 = 4; 24 * 1.4 / 8 = 4.2; 96 * 0.35 / 8 = 4.2; 32 * 0.35 / 8 = 1.4
    assert [width(*one) for one in ((64, 0.5), (24, 1.4), (96, 0.35), (32, 0.35))] == [32, 32, 32, 8]
    assert width(64, 0.35) == 24  # 22.4 filters are 2.8 eights


EDGES = [
    (MobileNetV1, 32, 512),
    (MobileNetV2, 32, 512),
    (MobileNetV3Small, 32, 512),
    (MobileNetV3Large, 32, 512),
    (EfficientNetLite0, 32, 512),
    (ResNet, 16, 256),
    (SSDMobileNetV1, 96, 512),
    (SSDMobileNetV2, 96, 512),
    (SSDMobileNetV2FpnLite, 96, 512),
    (EfficientDetLite0, 96, 640),
]


@pytest.mark.parametrize(("kind", "least", "most"), EDGES)
def test_sizes_at_the_edge_are_taken_and_beyond_refused(kind: type, least: int, most: int) -> None:
    for size in (least, most):
        kind(input_size=size).check()
        assert kind(input_size=size).resolution() == size
    name = getattr(kind, "name")  # noqa: B009  # the decorator gives it
    for size, nearest in ((least - 1, least), (most + 1, most)):
        said = f"which is what {name} can take; the nearest is {nearest}"
        with pytest.raises(
            ValueError, match=rf"^input_size: {size} is not between {least} and {most} pixels, {said}$"
        ):
            kind(input_size=size).check()


@pytest.mark.parametrize(
    ("depth", "near"), [(9, 8), (10, 8), (12, 14), (110, None), (8, None), (14, None), (109, 110)]
)
def test_depths_are_six_n_and_two(depth: int, near: int | None) -> None:
    if near is None:
        ResNet(depth=depth).check()
    else:
        said = f"depth: {depth} layers do not make three stages of whole blocks; use {near}, 6 n + 2"
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            ResNet(depth=depth).check()


def test_scales_of_anchors_may_be_equal_and_ratios_are_positive() -> None:
    SSDMobileNetV1(anchors=AnchorOptions(min_scale=0.5, max_scale=0.5)).check()
    for ratios in ((), (0.0,), (1.0, -1.0)):
        said = "anchors.aspect_ratios: at least one is needed, and all must be above 0"
        with pytest.raises(ValueError, match=f"^{said}$"):
            SSDMobileNetV1(anchors=AnchorOptions(aspect_ratios=ratios)).check()
    with pytest.raises(ValueError, match=r"^anchors.min_scale: 0.6 is above anchors.max_scale \(0.5\)$"):
        SSDMobileNetV1(anchors=AnchorOptions(min_scale=0.6, max_scale=0.5)).check()


def test_tasks_and_defaults_are_those_of_the_papers() -> None:
    assert [kind.task for kind, _, _ in EDGES] == ["classification"] * 6 + ["detection"] * 4
    # section 3.1 of MobileNets: filters and strides of the separable blocks
    assert [filters for filters, _ in mobilenet_v1.BLOCKS] == [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    assert [stride for _, stride in mobilenet_v1.BLOCKS] == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]


def convolutions(built: Any) -> dict[str, tuple[int, tuple[int, int]]]:
    """Give filters and strides of each convolution by name."""
    return {
        layer.name: (layer.output.shape[-1], layer.strides)
        for layer in built.layers
        if "Conv2D" in type(layer).__name__
    }


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "most"), [("relu6", 6.0), ("relu", None)])
def test_mobilenet_v1_is_that_of_the_paper(activation: Any, most: float | None) -> None:
    built = MobileNetV1(input_size=32, alpha=1.0, activation=activation, batch_norm_momentum=0.5).build(1000)
    # 4,253,864 in keras.applications, statistics of batch norm included
    assert built.count_params() == 4_253_864
    found = convolutions(built)
    assert found["conv_0"] == (32, (2, 2))
    assert found["block_2_depthwise"] == (64, (2, 2))
    assert found["block_2_pointwise"] == (128, (1, 1))
    norms = [layer for layer in built.layers if type(layer).__name__ == "BatchNormalization"]
    assert {layer.momentum for layer in norms} == {0.5}
    ends = [layer for layer in built.layers if type(layer).__name__ == "ReLU"]
    assert len(ends) == len(norms) == 27
    assert {layer.max_value if layer.max_value is None else float(layer.max_value) for layer in ends} == {
        most
    }
    assert ends[0].name == f"conv_0_{activation}"
    assert (built.name, built.input_names) == ("mobilenet_v1", ["image"])
    assert not any(layer.use_bias for layer in built.layers if "Conv2D" in type(layer).__name__)


@pytest.mark.slow
def test_options_reach_every_layer_of_the_others() -> None:
    v2 = MobileNetV2(input_size=32, activation="relu", batch_norm_momentum=0.5).build(2)
    resnet = ResNet(input_size=16, alpha=2.0, batch_norm_momentum=0.5).build(2)
    ssd = SSDMobileNetV1(alpha=0.5, activation="relu", batch_norm_momentum=0.5).build(2)
    for built in (v2, resnet, ssd):
        norms = [layer for layer in built.layers if type(layer).__name__ == "BatchNormalization"]
        assert {layer.momentum for layer in norms} == {0.5}
        ends = [layer for layer in built.layers if type(layer).__name__ == "ReLU"]
        assert {layer.max_value for layer in ends} == {None}
    assert (v2.name, resnet.name, ssd.name) == ("mobilenet_v2", "resnet", "ssd_mobilenet_v1")
    wide = convolutions(resnet)
    assert (wide["conv_0"], wide["stage_2_block_1_conv_1"]) == ((32, (1, 1)), (64, (2, 2)))
    assert wide["stage_3_block_1_shortcut"] == (128, (2, 2))
    assert wide["stage_2_block_1_conv_2"] == (64, (1, 1))


@pytest.mark.slow
def test_a_detector_has_its_extra_layers_and_heads_by_hand() -> None:
    built = SSDMobileNetV1(input_size=96, alpha=0.5).build(3)
    found = convolutions(built)
    # maps at strides 8, 16 and 32 of the trunk and three more: half of 512, 256, 256 filters, squeezed by 2
    extras = {name: one for name, one in found.items() if name.startswith("extra")}
    assert extras == {
        "extra_1_squeeze": (128, (1, 1)),
        "extra_1": (256, (2, 2)),
        "extra_2_squeeze": (64, (1, 1)),
        "extra_2": (128, (2, 2)),
        "extra_3_squeeze": (64, (1, 1)),
        "extra_3": (128, (2, 2)),
    }
    # three boxes a cell on the finest map, six on the others
    assert [found[f"box_{level}"][0] for level in range(6)] == [12, *[24] * 5]
    assert [found[f"class_{level}"][0] for level in range(6)] == [9, *[18] * 5]
    assert (built.get_layer("box_0").get_weights()[1] == 0).all()
    assert built.output_names == ["box_encodings", "class_logits"]
    joins = [layer for layer in built.layers if type(layer).__name__ == "Concatenate"]
    assert [len(layer.input) for layer in joins] == [3, 3, 4, 4]


def test_filters_are_rounded_up_where_a_tenth_would_be_lost() -> None:
    # by hand: 18 of 16 loses 2, more than 1.8; 91 of 88 loses 3, less than 9.1
    assert [rounded(one) for one in (18, 91, 4, 12, 22.4, 84)] == [24, 88, 8, 16, 24, 88]


@pytest.mark.slow
def test_small_images_stay_large_in_mobilenet_v3_and_options_reach_its_layers() -> None:
    built = MobileNetV3Small(
        input_size=32, alpha=0.35, minimalistic=True, activation="relu6", dropout=0, batch_norm_momentum=0.5
    ).build(7)
    assert built.get_layer("conv_1").output.shape[1:3] == (2, 2)
    assert (built.name, built.output_shape) == ("mobilenet_v3_small", (None, 7))
    kinds = {type(layer).__name__ for layer in built.layers}
    assert {"Multiply", "Rescaling", "Dropout"}.isdisjoint(kinds)
    depthwise = [layer for layer in built.layers if type(layer).__name__ == "DepthwiseConv2D"]
    assert {layer.kernel_size for layer in depthwise} == {(3, 3)}
    assert {float(layer.max_value) for layer in built.layers if type(layer).__name__ == "ReLU"} == {6.0}
    norms = [layer for layer in built.layers if type(layer).__name__ == "BatchNormalization"]
    assert {layer.momentum for layer in norms} == {0.5}


@pytest.mark.slow
def test_ssdlite_has_depthwise_extra_layers_and_heads_by_hand() -> None:
    built = SSDMobileNetV2(input_size=96, alpha=0.5, activation="relu", batch_norm_momentum=0.5).build(3)
    found = convolutions(built)
    # three maps of the trunk at strides 8, 16 and 32, six times 32, 48 (of 32 and 96 at alpha 1, wide) and 640
    assert [found[f"box_{level}_depthwise"][0] for level in range(6)] == [6 * 16, 6 * 48, 640, 256, 128, 128]
    assert found["extra_1_squeeze"] == (128, (1, 1))
    assert found["extra_1_depthwise"] == (128, (2, 2))
    assert found["extra_1"] == (256, (1, 1))
    wide = [layer for layer in built.layers if type(layer).__name__ == "Conv2D" and layer.name != "conv_0"]
    assert {layer.kernel_size for layer in wide} == {(1, 1)}
    ends = [layer for layer in built.layers if type(layer).__name__ == "ReLU"]
    assert {layer.max_value for layer in ends} == {None}
    norms = [layer for layer in built.layers if type(layer).__name__ == "BatchNormalization"]
    assert {layer.momentum for layer in norms} == {0.5}
    assert built.name == "ssd_mobilenet_v2"


@pytest.mark.slow
def test_a_pyramid_stands_on_odd_sizes_and_shares_its_heads() -> None:
    from tflbuild.tasks.detection.anchors import anchors

    model = SSDMobileNetV2FpnLite(
        input_size=100, head_filters=16, head_layers=3, activation="relu", batch_norm_momentum=0.5
    )
    built = model.build(3)
    detector = model.head_of(built)
    assert detector["feature_maps"] == [[13, 13], [7, 7], [4, 4], [2, 2], [1, 1]]  # 100 / stride, rounded up
    count = len(anchors(detector["feature_maps"], PyramidAnchors.of(detector["anchors"])))
    assert count == 6 * (169 + 49 + 16 + 4 + 1)
    assert built.output_shape == [(None, count, 4), (None, count, 3)]
    assert built.output_names == ["box_encodings", "class_logits"]
    shared = [layer.name for layer in built.layers if len(layer._inbound_nodes) == 5]
    heads = [*(f"tower_{number}" for number in range(3)), "box", "class"]
    assert sorted(shared) == sorted([*heads, *(f"{name}_depthwise" for name in heads)])
    norms = [layer for layer in built.layers if type(layer).__name__ == "BatchNormalization"]
    assert {layer.momentum for layer in norms} == {0.5}
    assert sum(layer.name.startswith("tower") for layer in norms) == 15
    assert {layer.max_value for layer in built.layers if type(layer).__name__ == "ReLU"} == {None}
    assert (built.get_layer("class").get_weights()[1] < -4.5).all()  # one in a hundred


@pytest.mark.slow
def test_layers_that_are_taken_apart_compute_the_same() -> None:
    import numpy as np

    from tflbuild.training.quantizable import quantizable

    built = SSDMobileNetV2FpnLite(input_size=100, alpha=0.1, head_filters=8, head_layers=1).build(2)
    apart = quantizable(built)
    assert max(len(layer._inbound_nodes) for layer in apart.layers) == 1
    copies = [layer.name for layer in apart.layers if layer.name.startswith("tower_0_call")]
    assert sorted(copies) == [f"tower_0_call_{number}" for number in range(1, 5)]
    image = np.random.default_rng(0).uniform(-1, 1, (2, 100, 100, 3)).astype(np.float32)
    for before, after in zip(built(image), apart(image), strict=True):
        np.testing.assert_array_equal(before, after)
    plain = MobileNetV1(input_size=32).build(2)
    assert quantizable(plain) is plain


@pytest.mark.slow
def test_efficientdet_passes_maps_on_both_ways_and_shares_its_heads() -> None:
    from tflbuild.tasks.detection.anchors import anchors

    model = EfficientDetLite0(
        input_size=100,
        alpha=0.25,
        depth=0.5,
        pyramid_filters=24,
        pyramids=2,
        head_layers=1,
        batch_norm_momentum=0.5,
    )
    built = model.build(3)
    detector = model.head_of(built)
    assert detector["feature_maps"] == [[13, 13], [7, 7], [4, 4], [2, 2], [1, 1]]  # 100 / stride, rounded up
    count = len(anchors(detector["feature_maps"], PyramidAnchors.of(detector["anchors"])))
    assert count == 9 * (169 + 49 + 16 + 4 + 1)
    assert built.output_shape == [(None, count, 4), (None, count, 3)]
    assert (built.name, built.output_names) == ("efficientdet_lite0", ["box_encodings", "class_logits"])
    shared = [layer.name for layer in built.layers if len(layer._inbound_nodes) == 5]
    heads = ["box_tower_0", "class_tower_0", "box", "class"]
    assert sorted(shared) == sorted([*heads, *(f"{name}_depthwise" for name in heads)])
    sums = {layer.name: len(layer.input) for layer in built.layers if layer.name.endswith("_sum")}
    # four downwards of two maps each; three upwards of three, and the coarsest of two, as the paper's figure 2 (d)
    assert len(sums) == 2 * 8
    first = {name: maps for name, maps in sums.items() if name.startswith("pyramid_0")}
    assert sorted(first.values()) == [2] * 5 + [3] * 3
    assert first["pyramid_0_up_7_sum"] == first["pyramid_0_down_3_sum"] == 2
    # level 4 and 5 of the trunk are projected for either way, level 3 once, level 6 where it begins
    projections = [layer.name for layer in built.layers if layer.name.endswith("_project")]
    trunk = [name for name in projections if name.startswith("block_")]
    assert len(projections) - len(trunk) == 6
    assert (
        len(trunk) == 1 + 1 + 1 + 2 + 2 + 2 + 1
    )  # 1, 2, 2, 3, 3, 4, 1 at depth 1; the first and last as they are
    norms = [layer for layer in built.layers if type(layer).__name__ == "BatchNormalization"]
    assert {layer.momentum for layer in norms} == {0.5}
    assert sum("tower" in layer.name for layer in norms) == 10
    ends = [layer for layer in built.layers if type(layer).__name__ == "ReLU"]
    assert {float(layer.max_value) for layer in ends} == {6.0}
    assert (built.get_layer("class").get_weights()[1] < -4.5).all()  # one in a hundred


def test_efficientdet_is_that_of_its_authors_by_default() -> None:
    model = EfficientDetLite0()
    assert (model.input_size, model.pyramid_filters, model.pyramids, model.head_layers) == (320, 64, 3, 3)
    assert (model.anchors.scale, model.anchors.octaves, model.anchors.aspect_ratios) == (
        3.0,
        3,
        (1.0, 2.0, 0.5),
    )
