"""EfficientNet-Lite0: the classifier, and the trunk that EfficientDet-Lite0 stands on."""

from __future__ import annotations

import math
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.models.blocks import Style, check_size, convolution, inverted_residual, rounded
from tflbuild.models.trainable import Trainable

SMALLEST, LARGEST = 32, 512
"""Range of the classifier's input in pixels."""

FIRST_FILTERS, LAST_FILTERS = 32, 1280
"""Filters of the first and the last convolution, whatever alpha."""

# (size of the kernel, expansion, filters at alpha 1, blocks at depth 1, stride of the first block) of the stages
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)


@architecture("efficientnet_lite0")
class EfficientNetLite0(Trainable):
    """Classify images with EfficientNet-Lite0: EfficientNet-B0 with ReLU6, and without squeeze-and-excite.

    Every operator has an int8 kernel in XNNPACK and on NPUs. `alpha`, `depth` and `input_size` give the larger ones:
    Lite1 is 1.0, 1.1 and 240, Lite2 1.1, 1.2 and 260, Lite3 1.2, 1.4 and 280, Lite4 1.4, 1.8 and 300.

    References:
        Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019 (Table 1).
        tensorflow/tpu, its folder of EfficientNet-lite models.
    """

    task = "classification"
    also = ("regression",)
    modality = "image"

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.5
    """Multiplies the filters of every layer but the first and the last convolution, rounded to multiples of 8.
    Larger is more accurate, larger and slower. [factor]"""
    depth: Annotated[float, Gt(0), Le(4)] = 1.0
    """Multiplies the blocks of every stage but the first and the last, rounded up. Larger is more accurate,
    larger and slower. [factor]"""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Part of the last features that each step of a training leaves out. 0 is off; more overfits less.
    [fraction]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse input sizes that the five halvings cannot take."""
        super().check()
        check_size("efficientnet_lite0", self.input_size, SMALLEST, LARGEST)

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def build(self, classes: int) -> Any:
        """Build the graph: `image` (1, size, size, 3) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        style = Style("relu6", self.batch_norm_momentum)
        tensor = trunk(image, self.alpha, self.depth, style)[32]
        tensor = convolution(tensor, "conv_1", LAST_FILTERS, 1, 1, *style)
        features = layers.GlobalAveragePooling2D(name="pool")(tensor)
        if self.dropout:
            features = layers.Dropout(self.dropout, name="dropout")(features)
        logits = layers.Dense(classes, name="logits")(features)
        return Model(image, logits, name="efficientnet_lite0")


def trunk(image: Any, alpha: float, depth: float, style: Style) -> dict[int, Any]:
    """Stack the first convolution and the blocks.

    Returns:
        The last output at each stride: 2, 4, 8, 16 and 32.
    """
    tensor = convolution(image, "conv_0", FIRST_FILTERS, 3, 2, *style)
    reached, number, last = 2, 0, {2: tensor}
    for stage, (size, expansion, filters, usual, first) in enumerate(STAGES):
        scaled = 0 < stage < len(STAGES) - 1
        for place in range(math.ceil(usual * depth) if scaled else usual):
            stride = first if place == 0 else 1
            tensor = inverted_residual(
                tensor,
                f"block_{number}",
                expansion * int(tensor.shape[-1]),
                rounded(filters * alpha),
                style,
                size=size,
                stride=stride,
            )
            number += 1
            reached *= stride
            last[reached] = tensor
    return last
