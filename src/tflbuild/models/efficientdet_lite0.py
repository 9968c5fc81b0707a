"""EfficientDet-Lite0, and by its options the larger ones."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from tflbuild.core.architecture import architecture
from tflbuild.models.blocks import Style, normalised
from tflbuild.models.efficientnet_lite0 import trunk
from tflbuild.models.pyramid import LEVELS, Pyramid, enlarged, separable, tower
from tflbuild.tasks.detection.detector import PyramidAnchors

SMALLEST, LARGEST = 96, 640
"""Range of the input in pixels."""

STYLE = "relu6"
"""Activation of every layer."""


@architecture("efficientdet_lite0")
class EfficientDetLite0(Pyramid):
    """Detect objects with EfficientDet-Lite0: EfficientNet-Lite0, pyramids that pass on maps both ways, shared heads.

    Each pyramid adds maps of neighbouring levels from coarse to fine and back, without weights, and filters each sum
    with a separable convolution. Boxes and scores have a tower each, which all maps share, with a batch norm for each
    map; in a `.tflite`, batch norms are folded, so that each map has weights of its own; `qat` trains them apart.
    Activations are ReLU6. A coarser map is enlarged by repeating its cells and cutting off the last where the finer
    map is odd, where the published model takes the nearest cell; the parameters are the same.

    `input_size`, `alpha`, `depth`, `pyramid_filters`, `pyramids` and `head_layers` give the larger ones: Lite1 is 384,
    1.0, 1.1, 88, 4 and 3, Lite2 448, 1.1, 1.2, 112, 5 and 3, Lite3 512, 1.2, 1.4, 160, 6 and 4, Lite4 640, 1.4, 1.8,
    224, 7 and 4, these two with `anchors.scale` 4. A box has one sigmoid score a class and no background class.

    References:
        Tan, Pang and Le, EfficientDet: Scalable and Efficient Object Detection, 2020.
        google/automl, `efficientdet/hparams_config.py`: the Lite models.
    """

    sizes = (SMALLEST, LARGEST)

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 320
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 1.0
    """Multiplies the filters of the trunk but for those of its first layer, rounded to multiples of 8. Larger is
    more accurate, larger and slower. [factor]"""
    depth: Annotated[float, Gt(0), Le(4)] = 1.0
    """Multiplies the blocks of every stage of the trunk but the first and the last, rounded up. Larger is more
    accurate, larger and slower. [factor]"""
    pyramid_filters: Annotated[int, Ge(8), Le(512)] = 64
    """Filters of every map of the pyramids and of every layer of the heads, whatever alpha. [filters]"""
    pyramids: Annotated[int, Ge(1), Le(8)] = 3
    """Pyramids behind one another. More see farther and take more time. [pyramids]"""
    head_layers: Annotated[int, Ge(1), Le(8)] = 3
    """Separable convolutions of each tower in front of its predictor. [layers]"""
    anchors: PyramidAnchors = field(default_factory=lambda: PyramidAnchors(scale=3.0, octaves=3))
    """Default boxes of every feature map."""

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def maps(self, image: Any) -> list[Any]:
        """Give the five maps of the last pyramid, the finest first."""
        found = trunk(image, self.alpha, self.depth, self._style)
        maps = [found[2**level] for level in LEVELS[:3]]
        maps.append(_halved(self._projected(maps[-1], "level_6"), "level_6"))
        maps.append(_halved(maps[-1], "level_7"))
        for number in range(self.pyramids):
            maps = self._passed(maps, f"pyramid_{number}")
        return maps

    def towers(self, maps: list[Any]) -> tuple[list[Any], list[Any]]:
        """Let boxes and scores be predicted of a tower each."""
        boxes, scores = (
            tower(maps, name, self.pyramid_filters, self.head_layers, self._style, bias=True)
            for name in ("box_tower", "class_tower")
        )
        return boxes, scores

    @property
    def _style(self) -> Style:
        return Style(STYLE, self.batch_norm_momentum)

    def _passed(self, maps: list[Any], name: str) -> list[Any]:
        """Pass maps on from coarse to fine, and back from fine to coarse."""
        down = [maps[-1]]
        for level, tensor in list(zip(LEVELS, maps, strict=True))[-2::-1]:
            label = f"{name}_down_{level}"
            own = self._projected(tensor, label)
            down.insert(0, self._summed([own, enlarged(down[0], tensor, label)], label))
        up = [down[0]]
        for place, level in list(enumerate(LEVELS))[1:]:
            label = f"{name}_up_{level}"
            own = [self._projected(maps[place], label)]
            inner = [down[place]] if level < LEVELS[-1] else []
            up.append(self._summed([*own, *inner, _halved(up[-1], label)], label))
        return up

    def _projected(self, tensor: Any, name: str) -> Any:
        """Give a map of the trunk as many filters as those of the pyramids have."""
        from tflbuild.backends.keras import layers

        if int(tensor.shape[-1]) == self.pyramid_filters:
            return tensor
        tensor = layers.Conv2D(self.pyramid_filters, 1, name=f"{name}_project")(tensor)
        return normalised(tensor, f"{name}_project", "linear", self.batch_norm_momentum)

    def _summed(self, maps: list[Any], name: str) -> Any:
        from tflbuild.backends.keras import layers

        total = layers.Add(name=f"{name}_sum")(maps)
        total = layers.ReLU(6.0, name=f"{name}_{STYLE}")(total)
        total = separable(name, self.pyramid_filters, bias=True)(total)
        return normalised(total, name, "linear", self.batch_norm_momentum)


def _halved(tensor: Any, name: str) -> Any:
    """Give a map half its sides, rounded up."""
    from tflbuild.backends.keras import layers

    return layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(tensor)
