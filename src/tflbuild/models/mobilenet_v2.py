"""MobileNet v2: a classifier of inverted residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.models import published
from tflbuild.models.blocks import Style, check_size, convolution, depthwise, halving, rounded
from tflbuild.models.trainable import Trainable

SMALLEST, LARGEST = 32, 512
"""Range of the input in pixels."""

EXPANSION = 6
"""Factor by which a block is wider inside; the first one is not."""

LAST_FILTERS = 1280
"""Filters in front of the pooling; an alpha below 1 leaves them, as in the paper."""

# (filters at alpha 1, blocks, stride of the first block) of the seven stages
STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))


@architecture("mobilenet_v2")
class MobileNetV2(Trainable):
    """Classify images with MobileNet v2: seventeen inverted residuals with linear bottlenecks, then one dense layer.

    Below 64 pixels the first convolution does not halve the image, as is usual for 32 x 32 images: five halvings
    would leave one cell long before the end.

    References:
        Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018.
    """

    task = "classification"
    also = ("regression",)
    modality = "image"

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.35
    """Multiplies the filters of every layer, rounded to multiples of 8. Larger is more accurate, larger and
    slower. [factor]"""
    activation: Literal["relu6", "relu"] = "relu6"
    """Activation after every convolution. `relu6` is cut off at 6, which suits int8; `relu` is not."""
    first_stride: Literal[1, 2] | None = None
    """Stride of the first convolution; 1 keeps the image's size. null: 1 below 64 pixels, otherwise 2. [pixels]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse input sizes that the halvings cannot take."""
        super().check()
        check_size("mobilenet_v2", self.input_size, SMALLEST, LARGEST)

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications."""
        return published.mobilenet_v2(self.alpha, self.input_size)

    def build(self, classes: int) -> Any:
        """Build the graph: `image` (1, size, size, 3) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        style = Style(self.activation, self.batch_norm_momentum)
        found = trunk(
            image, self.first_stride or halving(self.input_size), style, lambda one: rounded(one * self.alpha)
        )
        last = rounded(LAST_FILTERS * max(1.0, self.alpha))
        tensor = convolution(found.blocks[-1], "conv_1", last, 1, 1, *style)
        pooled = layers.GlobalAveragePooling2D(name="pool")(tensor)
        logits = layers.Dense(classes, name="logits")(pooled)
        return Model(image, logits, name="mobilenet_v2")


class Trunk(NamedTuple):
    """Convey what detectors look at.

    Attributes:
        blocks: the output of each block.
        expanded: the wide tensor in front of each block's depthwise convolution.
    """

    blocks: list[Any]
    expanded: list[Any]


def trunk(image: Any, stride: int, style: Style, scaled: Callable[[int], int]) -> Trunk:
    """Stack the first convolution and the seventeen blocks.

    Args:
        image: what comes in.
        stride: of the first convolution.
        style: of the convolutions; projections have no activation.
        scaled: gives the number of filters for that at alpha 1.
    """
    tensor = convolution(image, "conv_0", scaled(32), 3, stride, *style)
    found = Trunk([], [])
    for filters, blocks, first in STAGES:
        for place in range(blocks):
            name = f"block_{len(found.blocks)}"
            tensor, expanded = _block(tensor, name, scaled(filters), first if place == 0 else 1, style)
            found.blocks.append(tensor)
            found.expanded.append(expanded)
    return found


def _block(tensor: Any, name: str, filters: int, stride: int, style: Style) -> tuple[Any, Any]:
    """Expand, filter by depth, project; add what came in where the shapes agree."""
    from tflbuild.backends.keras import layers

    expanded, channels = tensor, int(tensor.shape[-1])
    if name != "block_0":
        expanded = convolution(tensor, f"{name}_expand", EXPANSION * channels, 1, 1, *style)
    inner = depthwise(expanded, f"{name}_depthwise", stride, *style)
    inner = convolution(inner, f"{name}_project", filters, 1, 1, "linear", style.momentum)
    same = stride == 1 and channels == filters
    return (layers.Add(name=f"{name}_add")([tensor, inner]) if same else inner), expanded
