"""SSDLite on MobileNet v2."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Le

from tflbuild.core.architecture import architecture
from tflbuild.models import published
from tflbuild.models.blocks import Style, convolution, depthwise, rounded
from tflbuild.models.mobilenet_v2 import LAST_FILTERS, trunk
from tflbuild.models.ssd import EXTRA_FILTERS, MAPS, SSD, predicted

EXPANDED = {8: 6, 16: 13}
"""Block whose wide tensor is the feature map of a stride: the first one that halves the sides again."""


@architecture("ssd_mobilenet_v2")
class SSDMobileNetV2(SSD):
    """Detect objects with SSDLite on MobileNet v2: every 3 x 3 convolution of extra layers and heads is depthwise.

    Heads look at the wide tensors inside the blocks that halve the sides, at the last convolution, and at extra layers.

    At 300 pixels the finest map, at 1/16 of the image's sides, has 19 x 19 cells, which is what the anchors'
    scales were made for; below 256 pixels the maps begin at 1/8. A box has one sigmoid score a class and no background
    class.

    References:
        Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018 (section 6.2, SSDLite).
        Liu et al., SSD: Single Shot MultiBox Detector, 2016.
        Lin et al., Focal Loss for Dense Object Detection, 2017 (the initial scores).
    """

    min_filters: Annotated[int, Ge(8), Le(64)] = 8
    """Fewest filters of a layer, whatever alpha. 16 for weights of the Object Detection API, whose configurations say
    `min_depth: 16`. [filters]"""

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications, of whose model this is the backbone."""
        return published.mobilenet_v2(self.alpha, self.input_size)

    def feature_maps(self, image: Any) -> list[Any]:
        """Give the tensors that the heads look at, the finest first."""
        style = self._style
        found = trunk(image, 2, style, self._scaled)
        maps = [found.expanded[block] for stride, block in EXPANDED.items() if stride >= self.finest]
        maps.append(convolution(found.blocks[-1], "conv_1", self._scaled(LAST_FILTERS), 1, 1, *style))
        for number, filters in enumerate(EXTRA_FILTERS[: MAPS - len(maps)], start=1):
            name, full = f"extra_{number}", self._scaled(filters)
            tensor = convolution(maps[-1], f"{name}_squeeze", rounded(full / 2), 1, 1, *style)
            tensor = depthwise(tensor, f"{name}_depthwise", 2, *style)
            maps.append(convolution(tensor, name, full, 1, 1, *style))
        return maps

    def head(self, features: Any, name: str, count: int, values: int, bias: float) -> Any:
        """Predict with a depthwise convolution and one of a cell."""
        return predicted(depthwise(features, f"{name}_depthwise", 1, *self._style), name, count, values, bias)

    @property
    def _style(self) -> Style:
        return Style(self.activation, self.batch_norm_momentum)

    def _scaled(self, filters: int) -> int:
        return max(self.min_filters, rounded(filters * self.alpha))
