from __future__ import annotations

import re
from typing import Any

import pytest

from tflbuild.core.architecture import ARCHITECTURES, Architecture
from tflbuild.models.keypoint_mobilenet_v2 import KeypointMobileNetV2
from tflbuild.models.mlp import MLP
from tflbuild.models.mobilenet_v1 import MobileNetV1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            KeypointMobileNetV2(input_size=100),
            "input_size: 100 is no multiple of 16 pixels, which the decoder needs; the nearest is 96",
        ),
        (KeypointMobileNetV2(input_size=48), "input_size: 48 is not between 64 and 512"),
        (KeypointMobileNetV2(decoder_filters=20), "decoder_filters: 20 is no multiple of 8"),
        (MLP(), "inputs: required; say how many numbers a sample has"),
    ],
)
def test_impossible_options_are_refused_by_name(model: Architecture, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        model.check()


def test_classifiers_take_data_of_numbers_and_detectors_refuse_them() -> None:
    assert MobileNetV1().task_on("regression") == "regression"
    assert MobileNetV1().task_on("classification") == "classification"
    assert MobileNetV1().refusal("regression") == ""
    assert MobileNetV1().refusal("keypoints") == "'mobilenet_v1' is for classification"
    detector: Any = ARCHITECTURES.get("ssd_mobilenet_v1")()
    assert detector.refusal("regression") == "'ssd_mobilenet_v1' is for detection"
    assert KeypointMobileNetV2().task_on("keypoints") == "keypoints"


@pytest.mark.slow
def test_heatmaps_have_a_quarter_of_the_sides_and_a_map_for_each_point() -> None:
    model = KeypointMobileNetV2(input_size=64, alpha=0.25, decoder_filters=8)
    built = model.build(17)
    assert built.output_shape == (None, 16, 16, 17)
    assert model.head_of(built) == {"grid": [16, 16]}
    # lateral 24 -> 8, 8 -> 8, 8 -> 8 without bias; two 5 x 5 depthwise and 1 x 1 of 8; maps 8 -> 17 with bias
    kernels = {layer.name: sum(w.size for w in layer.get_weights()) for layer in built.layers}
    own = ("lateral_0", "lateral_1", "lateral_2", "decode_1_depthwise", "decode_1", "heatmaps")
    assert [kernels[name] for name in own] == [24 * 8, 8 * 8, 8 * 8, 25 * 8, 8 * 8, 8 * 17 + 17]
    assert not any(name.startswith("block_13") for name in kernels)
