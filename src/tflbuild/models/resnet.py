"""ResNets for small images: a classifier of residual blocks."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.models.blocks import check_size, convolution, width
from tflbuild.models.trainable import Trainable

SMALLEST, LARGEST = 16, 256
"""Range of the input in pixels."""

STAGES = (16, 32, 64)
"""Filters of the three stages at alpha 1."""


@architecture("resnet")
class ResNet(Trainable):
    """Classify small images with a ResNet as made for CIFAR: three stages, each of (depth - 2) / 6 residual blocks.

    Depth 8 at 32 pixels is the image classifier of MLPerf Tiny. Where a block halves the image, a 1 x 1 convolution
    stands in the shortcut.

    References:
        He et al., Deep Residual Learning for Image Recognition, 2016: section 4.2.
        Banbury et al., MLPerf Tiny Benchmark, 2021.
    """

    task = "classification"
    also = ("regression",)
    modality = "image"

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 32
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    depth: Annotated[int, Ge(8), Le(110)] = 8
    """Layers with weights: 8, 14, 20, 26, ..., that is 6 n + 2. More are more accurate and slower. [layers]"""
    alpha: Annotated[float, Gt(0), Le(8)] = 1.0
    """Multiplies the filters of every layer, rounded to multiples of 8. Larger is more accurate, larger and
    slower. [factor]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse input sizes and depths that the stages cannot have."""
        super().check()
        check_size("resnet", self.input_size, SMALLEST, LARGEST)
        if (self.depth - 2) % 6:
            near = 6 * round((self.depth - 2) / 6) + 2
            raise ValueError(
                f"depth: {self.depth} layers do not make three stages of whole blocks; use {near}, 6 n + 2"
            )

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def build(self, classes: int) -> Any:
        """Build the graph: `image` (1, size, size, 3) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        tensor = self._convolution(image, "conv_0", width(STAGES[0], self.alpha), 3, 1, "relu")
        for stage, filters in enumerate(STAGES, start=1):
            for block in range(1, (self.depth - 2) // 6 + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                tensor = self._block(
                    tensor, f"stage_{stage}_block_{block}", width(filters, self.alpha), stride
                )
        pooled = layers.GlobalAveragePooling2D(name="pool")(tensor)
        logits = layers.Dense(classes, name="logits")(pooled)
        return Model(image, logits, name="resnet")

    def _block(self, tensor: Any, name: str, filters: int, stride: int) -> Any:
        """Add two convolutions to what came in."""
        from tflbuild.backends.keras import layers

        inner = self._convolution(tensor, f"{name}_conv_1", filters, 3, stride, "relu")
        inner = self._convolution(inner, f"{name}_conv_2", filters, 3, 1, "linear")
        shortcut = tensor
        if stride > 1:
            shortcut = self._convolution(tensor, f"{name}_shortcut", filters, 1, stride, "linear")
        joined = layers.Add(name=f"{name}_add")([inner, shortcut])
        return layers.ReLU(name=f"{name}_relu")(joined)

    def _convolution(
        self, tensor: Any, name: str, filters: int, size: int, stride: int, activation: str
    ) -> Any:
        return convolution(tensor, name, filters, size, stride, activation, self.batch_norm_momentum)
