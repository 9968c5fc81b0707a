"""SSD on a feature pyramid over MobileNet v2, with heads that all maps share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from tflbuild.core.architecture import architecture
from tflbuild.models import published
from tflbuild.models.blocks import Style, convolution, normalised, rounded
from tflbuild.models.mobilenet_v2 import LAST_FILTERS, trunk
from tflbuild.models.pyramid import Pyramid, enlarged, separable, tower

SMALLEST, LARGEST = 96, 512
"""Range of the input in pixels."""

LEAST_FILTERS = 16
"""Filters that every layer of the trunk and the pyramid has at least, as in the Object Detection API."""

BLOCKS = (5, 12)
"""Blocks of the trunk whose outputs, at 1/8 and 1/16 of the image's sides, enter the pyramid."""


@architecture("ssd_mobilenet_v2_fpnlite")
class SSDMobileNetV2FpnLite(Pyramid):
    """Detect objects with an SSD on a feature pyramid over MobileNet v2, all 3 x 3 convolutions separable.

    Coarse maps are enlarged and added to finer ones, so that small objects are told by what is around them. One tower
    and one pair of predictors, with a batch norm for each map, look at all five maps, at 1/8 to 1/128 of the image's
    sides. In a `.tflite`, batch norms are folded, so that each map has weights of its own; `qat` trains them apart.

    A box has one sigmoid score a class and no background class.

    References:
        Lin et al., Feature Pyramid Networks for Object Detection, 2017.
        Lin et al., Focal Loss for Dense Object Detection, 2017.
        TensorFlow Object Detection API, `ssd_mobilenet_v2_fpnlite_320x320_coco17_tpu-8`.
    """

    sizes = (SMALLEST, LARGEST)

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.35
    """Multiplies the filters of the trunk and of the pyramid, rounded to multiples of 8. Larger is more
    accurate, larger and slower. [factor]"""
    activation: Literal["relu6", "relu"] = "relu6"
    """Activation after every convolution. `relu6` is cut off at 6, which suits int8; `relu` is not."""
    pyramid_filters: Annotated[int, Ge(8), Le(512)] = 128
    """Filters of every map of the pyramid at alpha 1. [filters]"""
    head_filters: Annotated[int, Ge(8), Le(512)] = 64
    """Filters of the tower in front of the predictors, whatever alpha; 128 in the published model. [filters]"""
    head_layers: Annotated[int, Ge(1), Le(8)] = 2
    """Separable convolutions of the tower; 4 in the published model. [layers]"""

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def towers(self, maps: list[Any]) -> tuple[list[Any], list[Any]]:
        """Let boxes and scores be predicted of one tower."""
        features = tower(maps, "tower", self.head_filters, self.head_layers, self._style, bias=False)
        return features, features

    def published(self) -> str:
        """Give the URL of the weights of tf_keras.applications, of whose model this is the backbone."""
        return published.mobilenet_v2(self.alpha, self.input_size)

    def maps(self, image: Any) -> list[Any]:
        """Give the five maps of the pyramid, the finest first."""
        style = self._style
        found = trunk(image, 2, style, self._scaled)
        top = convolution(found.blocks[-1], "conv_1", self._scaled(LAST_FILTERS), 1, 1, *style)
        filters = self._scaled(self.pyramid_filters)
        maps = [_projected(top, "project_5", filters)]
        inner = maps[0]
        for level, block in ((4, BLOCKS[1]), (3, BLOCKS[0])):
            inner = _added(
                inner, _projected(found.blocks[block], f"project_{level}", filters), f"level_{level}"
            )
            smooth = separable(f"smooth_{level}", filters, bias=False)(inner)
            maps.insert(0, normalised(smooth, f"smooth_{level}", *style))
        for level in (6, 7):
            coarse = separable(f"level_{level}", filters, bias=False, stride=2)(maps[-1])
            maps.append(normalised(coarse, f"level_{level}", *style))
        return maps

    @property
    def _style(self) -> Style:
        return Style(self.activation, self.batch_norm_momentum)

    def _scaled(self, filters: int) -> int:
        return max(LEAST_FILTERS, rounded(filters * self.alpha))


def _projected(tensor: Any, name: str, filters: int) -> Any:
    """Give a map as many filters as all others of the pyramid have."""
    from tflbuild.backends.keras import layers

    return layers.Conv2D(filters, 1, name=name)(tensor)


def _added(coarse: Any, fine: Any, name: str) -> Any:
    """Add a map to the next finer one."""
    from tflbuild.backends.keras import layers

    return layers.Add(name=f"{name}_sum")([fine, enlarged(coarse, fine, name)])
