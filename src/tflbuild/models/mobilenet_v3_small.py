"""MobileNet v3 small: a classifier for the least time on a phone's CPU."""

from __future__ import annotations

from typing import ClassVar

from tflbuild.core.architecture import architecture
from tflbuild.models.mobilenet_v3 import Block, MobileNetV3


@architecture("mobilenet_v3_small")
class MobileNetV3Small(MobileNetV3):
    """Classify images with MobileNet v3 small: eleven inverted residuals, most with squeeze-and-excite.

    `minimalistic` is the variant for accelerators and int8: TensorFlow Lite's XNNPACK has HARD_SWISH in float alone,
    so that each of the other variant's takes an int8 file off XNNPACK and back on.

    References:
        Howard et al., Searching for MobileNetV3, 2019 (Table 2).
        TensorFlow Model Garden, slim, "Mobilenet V3 minimalistic".
    """

    last_filters: ClassVar[int] = 1024
    blocks: ClassVar[tuple[Block, ...]] = (
        Block(3, 1, 16, True, False, 2),
        Block(3, 72 / 16, 24, False, False, 2),
        Block(3, 88 / 24, 24, False, False, 1),
        Block(5, 4, 40, True, True, 2),
        Block(5, 6, 40, True, True, 1),
        Block(5, 6, 40, True, True, 1),
        Block(5, 3, 48, True, True, 1),
        Block(5, 3, 48, True, True, 1),
        Block(5, 6, 96, True, True, 2),
        Block(5, 6, 96, True, True, 1),
        Block(5, 6, 96, True, True, 1),
    )
