"""MobileNet v1: the classifier, and the trunk that detectors stand on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.models import published
from tflbuild.models.blocks import check_size, convolution, depthwise, width
from tflbuild.models.trainable import Trainable

SMALLEST, LARGEST = 32, 512
"""Range of the classifier's input in pixels."""

# (filters at alpha 1, stride) of the thirteen separable blocks
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)


@architecture("mobilenet_v1")
class MobileNetV1(Trainable):
    """Classify images with MobileNet v1: thirteen depthwise-separable blocks, then one dense layer.

    References:
        Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
        Applications, 2017.
    """

    task = "classification"
    also = ("regression",)
    modality = "image"

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.25
    """Multiplies the filters of every layer, rounded to multiples of 8. Larger is more accurate, larger and
    slower. [factor]"""
    activation: Literal["relu6", "relu"] = "relu6"
    """Activation after every convolution. `relu6` is cut off at 6, which suits int8; `relu` is not."""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse input sizes that the five halvings cannot take."""
        super().check()
        check_size("mobilenet_v1", self.input_size, SMALLEST, LARGEST)

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications."""
        return published.mobilenet_v1(self.alpha, self.input_size)

    def build(self, classes: int) -> Any:
        """Build the graph: `image` (1, size, size, 3) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        features = trunk(image, self.alpha, self.activation, self.batch_norm_momentum)[32]
        pooled = layers.GlobalAveragePooling2D(name="pool")(features)
        logits = layers.Dense(classes, name="logits")(pooled)
        return Model(image, logits, name="mobilenet_v1")


def trunk(image: Any, alpha: float, activation: str, momentum: float) -> dict[int, Any]:
    """Stack the convolution and the thirteen blocks.

    Returns:
        The last output at each stride: 2, 4, 8, 16 and 32.
    """
    tensor = convolution(image, "conv_0", width(32, alpha), 3, 2, activation, momentum)
    reached = 2
    last = {reached: tensor}
    for number, (filters, stride) in enumerate(BLOCKS, start=1):
        tensor = depthwise(tensor, f"block_{number}_depthwise", stride, activation, momentum)
        tensor = convolution(
            tensor, f"block_{number}_pointwise", width(filters, alpha), 1, 1, activation, momentum
        )
        reached *= stride
        last[reached] = tensor
    return last
