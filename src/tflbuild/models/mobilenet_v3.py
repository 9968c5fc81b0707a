"""Base of MobileNet v3 small and large: their options, and the graph that a table of blocks gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.models import published
from tflbuild.models.blocks import (
    Style,
    activated,
    check_size,
    convolution,
    halving,
    inverted_residual,
    rounded,
)
from tflbuild.models.trainable import Trainable

SMALLEST, LARGEST = 32, 512
"""Range of the input in pixels."""

FIRST_FILTERS = 16
"""Filters of the first convolution, whatever alpha."""

SQUEEZED = 0.25
"""Channels in the middle of a squeeze-and-excite, as a part of those that it weighs."""


class Block(NamedTuple):
    """Convey one line of the paper's tables.

    Attributes:
        size: of the depthwise kernel.
        expansion: factor by which the block is wider inside.
        filters: that go out, at alpha 1.
        squeezed: whether it has a squeeze-and-excite.
        hard: whether its activation is hard swish.
        stride: of the depthwise convolution.
    """

    size: int
    expansion: float
    filters: int
    squeezed: bool
    hard: bool
    stride: int


@dataclass(frozen=True, kw_only=True)
class MobileNetV3(Trainable):
    """Base of the two classifiers."""

    task = "classification"
    also = ("regression",)
    modality = "image"
    blocks: ClassVar[tuple[Block, ...]] = ()
    last_filters: ClassVar[int] = 0

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.5
    """Multiplies the filters of every layer, rounded to multiples of 8. Larger is more accurate, larger and
    slower. [factor]"""
    minimalistic: bool = False
    """Whether to leave out what accelerators and int8 kernels are slow at: kernels of 5 x 5, squeeze-and-excite
    and hard swish. It is less accurate for the same time on a CPU in float."""
    activation: Literal["relu", "relu6"] = "relu"
    """Activation of the layers that have no hard swish, as the paper has it, or cut off at 6, which suits int8."""
    first_stride: Literal[1, 2] | None = None
    """Stride of the first convolution; 1 keeps the image's size. null: 1 below 64 pixels, otherwise 2. [pixels]"""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Part of the last features that each step of a training leaves out. 0 is off; more overfits less.
    [fraction]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse input sizes that the five halvings cannot take."""
        super().check()
        check_size(type(self).name, self.input_size, SMALLEST, LARGEST)

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications."""
        return published.mobilenet_v3(type(self).name.rpartition("_")[2], self.alpha, self.minimalistic)

    def build(self, classes: int) -> Any:
        """Build the graph: `image` (1, size, size, 3) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        stride = self.first_stride or halving(self.input_size)
        style = self._style(hard=True)
        tensor = convolution(image, "conv_0", FIRST_FILTERS, 3, stride, *style)
        for number, block in enumerate(self.blocks):
            tensor = self._block(tensor, f"block_{number}", block)
        tensor = convolution(tensor, "conv_1", rounded(6 * int(tensor.shape[-1])), 1, 1, *style)
        pooled = layers.GlobalAveragePooling2D(name="pool")(tensor)
        last = rounded(self.last_filters * max(1.0, self.alpha))
        features = activated(layers.Dense(last, name="features")(pooled), "features", style.activation)
        if self.dropout:
            features = layers.Dropout(self.dropout, name="dropout")(features)
        logits = layers.Dense(classes, name="logits")(features)
        return Model(image, logits, name=type(self).name)

    def _block(self, tensor: Any, name: str, block: Block) -> Any:
        inner = rounded(int(tensor.shape[-1]) * block.expansion)
        return inverted_residual(
            tensor,
            name,
            inner,
            rounded(block.filters * self.alpha),
            self._style(hard=block.hard),
            size=3 if self.minimalistic else block.size,
            stride=block.stride,
            squeeze=rounded(inner * SQUEEZED) if block.squeezed and not self.minimalistic else 0,
        )

    def _style(self, *, hard: bool) -> Style:
        soft = self.minimalistic or not hard
        return Style(self.activation if soft else "hard_swish", self.batch_norm_momentum)
