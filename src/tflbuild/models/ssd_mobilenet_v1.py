"""SSD on MobileNet v1, as in the TensorFlow Object Detection API."""

from __future__ import annotations

from typing import Any

from tflbuild.core.architecture import architecture
from tflbuild.models import published
from tflbuild.models.blocks import convolution, width
from tflbuild.models.mobilenet_v1 import trunk
from tflbuild.models.ssd import EXTRA_FILTERS, MAPS, SSD, predicted


@architecture("ssd_mobilenet_v1")
class SSDMobileNetV1(SSD):
    """Detect objects with an SSD on MobileNet v1: six feature maps.

    At 300 pixels the finest map, at 1/16 of the image's sides, has 19 x 19 cells, which is what the anchors'
    scales were made for. A small input would leave it 6 x 6, too few for most objects to find an
    anchor, so below 256 pixels the maps begin at 1/8.

    A box has one sigmoid score a class and no background class.

    References:
        Liu et al., SSD: Single Shot MultiBox Detector, 2016.
        Huang et al., Speed/accuracy trade-offs for modern convolutional object detectors, 2017.
        Lin et al., Focal Loss for Dense Object Detection, 2017 (the initial scores).
    """

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications, of whose model this is the backbone."""
        return published.mobilenet_v1(self.alpha, self.input_size)

    def feature_maps(self, image: Any) -> list[Any]:
        """Give the tensors that the heads look at, the finest first."""
        stages = trunk(image, self.alpha, self.activation, self.batch_norm_momentum)
        maps = [features for stride, features in stages.items() if stride >= self.finest]
        for number, filters in enumerate(EXTRA_FILTERS[: MAPS - len(maps)], start=1):
            full = width(filters, self.alpha)
            squeezed = convolution(
                maps[-1],
                f"extra_{number}_squeeze",
                full // 2,
                1,
                1,
                self.activation,
                self.batch_norm_momentum,
            )
            maps.append(
                convolution(
                    squeezed, f"extra_{number}", full, 3, 2, self.activation, self.batch_norm_momentum
                )
            )
        return maps

    def head(self, features: Any, name: str, count: int, values: int, bias: float) -> Any:
        """Predict with one convolution of a cell."""
        return predicted(features, name, count, values, bias)
