"""MobileNet v3 large: a classifier that is more accurate than MobileNet v2 in less time on a phone's CPU."""

from __future__ import annotations

from typing import ClassVar

from tflbuild.core.architecture import architecture
from tflbuild.models.mobilenet_v3 import Block, MobileNetV3


@architecture("mobilenet_v3_large")
class MobileNetV3Large(MobileNetV3):
    """Classify images with MobileNet v3 large: fifteen inverted residuals, eight with squeeze-and-excite.

    `minimalistic` is the variant for accelerators and int8: TensorFlow Lite's XNNPACK has HARD_SWISH in float alone,
    so that each of the other variant's takes an int8 file off XNNPACK and back on.

    References:
        Howard et al., Searching for MobileNetV3, 2019 (Table 1).
        TensorFlow Model Garden, slim, "Mobilenet V3 minimalistic".
    """

    last_filters: ClassVar[int] = 1280
    blocks: ClassVar[tuple[Block, ...]] = (
        Block(3, 1, 16, False, False, 1),
        Block(3, 4, 24, False, False, 2),
        Block(3, 3, 24, False, False, 1),
        Block(5, 3, 40, True, False, 2),
        Block(5, 3, 40, True, False, 1),
        Block(5, 3, 40, True, False, 1),
        Block(3, 6, 80, False, True, 2),
        Block(3, 2.5, 80, False, True, 1),
        Block(3, 2.3, 80, False, True, 1),
        Block(3, 2.3, 80, False, True, 1),
        Block(3, 6, 112, True, True, 1),
        Block(3, 6, 112, True, True, 1),
        Block(5, 6, 160, True, True, 2),
        Block(5, 6, 160, True, True, 1),
        Block(5, 6, 160, True, True, 1),
    )
