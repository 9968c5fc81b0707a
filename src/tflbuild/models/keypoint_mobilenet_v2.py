"""Keypoints by heatmaps: MobileNet v2 and a small decoder."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.models import published
from tflbuild.models.blocks import Style, check_size, convolution, depthwise, width
from tflbuild.models.mobilenet_v2 import trunk
from tflbuild.models.trainable import Trainable

SMALLEST, LARGEST = 64, 512
"""Range of the input in pixels."""

COARSEST = 16
"""Pixels of a cell of the last block that is used; the input is a multiple of it."""

LEVELS = (12, 5, 2)
"""The last blocks of a sixteenth, an eighth and a quarter of the sides."""


@architecture("keypoint_mobilenet_v2")
class KeypointMobileNetV2(Trainable):
    """Find the points of one object: the first thirteen blocks of MobileNet v2, then two steps back to finer cells.

    Each step doubles the sides, adds the trunk's tensor of that size and filters by depth. The last convolution gives
    a heatmap of logits for each point, of a quarter of the input's sides.

    References:
        Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018.
        Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, 2018 (heatmaps of a quarter of the sides).
        Lin et al., Feature Pyramid Networks for Object Detection, 2017 (adding finer tensors on the way back).
    """

    task = "keypoints"
    modality = "image"

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input, a multiple of 16. Larger places points more exactly and takes more time and memory.
    [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.5
    """Multiplies the filters of every layer of the trunk, rounded to multiples of 8. Larger is more accurate, larger
    and slower. [factor]"""
    decoder_filters: Annotated[int, Ge(8), Le(256)] = 32
    """Filters of the decoder, a multiple of 8. More are more accurate and slower. [filters]"""
    activation: Literal["relu6", "relu"] = "relu6"
    """Activation after every convolution. `relu6` is cut off at 6, which suits int8; `relu` is not."""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse sizes that halve unevenly, and filters that devices would fill up."""
        super().check()
        check_size("keypoint_mobilenet_v2", self.input_size, SMALLEST, LARGEST)
        if self.input_size % COARSEST:
            nearest = COARSEST * round(self.input_size / COARSEST)
            raise ValueError(
                f"input_size: {self.input_size} is no multiple of {COARSEST} pixels, which the decoder needs; the "
                f"nearest is {nearest}"
            )
        if self.decoder_filters % 8:
            raise ValueError(f"decoder_filters: {self.decoder_filters} is no multiple of 8")

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications, of whose model this is the backbone."""
        return published.mobilenet_v2(self.alpha, self.input_size)

    def build(self, classes: int) -> Any:
        """Build the graph: `image` (1, size, size, 3) to `heatmaps` (1, size / 4, size / 4, classes)."""
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        style = Style(self.activation, self.batch_norm_momentum)
        blocks = trunk(image, 2, style, lambda one: width(one, self.alpha)).blocks
        coarse, *finer = (blocks[place] for place in LEVELS)
        tensor = convolution(coarse, "lateral_0", self.decoder_filters, 1, 1, *style)
        for number, level in enumerate(finer, start=1):
            tensor = layers.UpSampling2D(2, interpolation="nearest", name=f"up_{number}")(tensor)
            side = convolution(level, f"lateral_{number}", self.decoder_filters, 1, 1, *style)
            tensor = layers.Add(name=f"join_{number}")([tensor, side])
            tensor = depthwise(tensor, f"decode_{number}_depthwise", 1, *style, size=5)
            tensor = convolution(tensor, f"decode_{number}", self.decoder_filters, 1, 1, *style)
        maps = layers.Conv2D(classes, 1, name="heatmaps")(tensor)
        return Model(image, maps, name="keypoint_mobilenet_v2")

    def head_of(self, model: Any) -> dict[str, Any]:
        """Say how many cells a heatmap has."""
        return {"grid": [int(side) for side in model.output.shape[1:3]]}
