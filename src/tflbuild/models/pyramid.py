"""Base of the detectors on a feature pyramid: options, and heads that all five maps share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Lt

from tflbuild.core.options import to_json
from tflbuild.models.blocks import Style, check_size, normalised
from tflbuild.models.ssd import UNSURE, joined
from tflbuild.models.trainable import Trainable
from tflbuild.tasks.detection.detector import Postprocess, PyramidAnchors

LEVELS = range(3, 8)
"""Levels of the pyramid: level n has one cell for 2^n pixels."""


@dataclass(frozen=True, kw_only=True)
class Pyramid(Trainable):
    """Base of the detectors on a feature pyramid.

    Attributes:
        sizes: the smallest and the largest side of the input, in pixels.
    """

    task = "detection"
    modality = "image"
    sizes: ClassVar[tuple[int, int]]

    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""
    anchors: PyramidAnchors = field(default_factory=PyramidAnchors)
    """Default boxes of every feature map."""
    postprocess: Postprocess = field(default_factory=Postprocess)
    """The final suppression, done on the device by TFLite_Detection_PostProcess."""

    def check(self) -> None:
        """Refuse input sizes that five levels cannot stand on."""
        super().check()
        check_size(type(self).name, self.resolution(), *self.sizes)
        if not self.anchors.aspect_ratios or min(self.anchors.aspect_ratios) <= 0:
            raise ValueError("anchors.aspect_ratios: at least one is needed, and all must be above 0")

    def build(self, classes: int) -> Any:
        """Build the graph.

        Returns:
            A model from `image` (1, size, size, 3) to `box_encodings` (1, anchors, 4) and
            `class_logits` (1, anchors, classes), all float32.
        """
        from tflbuild.backends.keras import Model, layers

        side = self.resolution()
        image = layers.Input((side, side, 3), name="image")
        boxes, scores = self.towers(self.maps(image))
        count = self.anchors.octaves * len(self.anchors.aspect_ratios)
        outputs = [
            joined(rows(boxes, "box", count, 4, 0.0), "box_encodings"),
            joined(rows(scores, "class", count, classes, UNSURE), "class_logits"),
        ]
        return Model(image, outputs, name=type(self).name)

    def head_of(self, model: Any) -> dict[str, Any]:
        """Read the feature maps off the graph, and add the options that turn outputs into boxes."""
        heads = [model.get_layer(f"box_level_{level}_rows") for level in LEVELS]
        return {
            "feature_maps": [list(head.input.shape[1:3]) for head in heads],
            "anchors": to_json(self.anchors),
            "postprocess": to_json(self.postprocess),
        }

    def maps(self, image: Any) -> list[Any]:
        """Give the five maps of the pyramid, the finest first."""
        raise NotImplementedError

    def towers(self, maps: list[Any]) -> tuple[list[Any], list[Any]]:
        """Give what boxes and what scores are predicted of, for each map."""
        raise NotImplementedError


def tower(maps: list[Any], name: str, filters: int, count: int, style: Style, *, bias: bool) -> list[Any]:
    """Look at every map with the same separable convolutions, each with a batch norm for each map.

    Args:
        maps: the finest first.
        name: of the layers, before their number.
        filters: of each convolution.
        count: of convolutions.
        style: of what follows each.
        bias: whether the convolutions have one, in front of the batch norm.
    """
    for number in range(count):
        shared = separable(f"{name}_{number}", filters, bias=bias)
        maps = [
            normalised(shared(tensor), f"{name}_{number}_level_{level}", *style)
            for level, tensor in zip(LEVELS, maps, strict=True)
        ]
    return maps


def rows(maps: list[Any], name: str, count: int, values: int, bias: float) -> list[Any]:
    """Predict `values` numbers for each of `count` boxes of every cell, of every map by the same layers."""
    from tflbuild.backends.keras import initializers, layers

    small = initializers.TruncatedNormal(stddev=0.03)
    shared = separable(name, count * values, bias=True, start=bias, initializer=small)
    return [
        layers.Reshape((-1, values), name=f"{name}_level_{level}_rows")(shared(tensor))
        for level, tensor in zip(LEVELS, maps, strict=True)
    ]


def enlarged(coarse: Any, fine: Any, name: str) -> Any:
    """Repeat the cells of a map twice either way; the last row and column are cut off where the finer map is odd."""
    from tflbuild.backends.keras import layers

    grown = layers.UpSampling2D(2, name=f"{name}_grown")(coarse)
    over = [int(got - wanted) for got, wanted in zip(grown.shape[1:3], fine.shape[1:3], strict=True)]
    return layers.Cropping2D([(0, one) for one in over], name=f"{name}_cut")(grown) if any(over) else grown


def separable(
    name: str,
    filters: int,
    *,
    bias: bool,
    stride: int = 1,
    start: float = 0.0,
    initializer: Any = "glorot_uniform",
) -> Callable[[Any], Any]:
    """Make a 3 x 3 separable convolution that several maps may share."""
    from tflbuild.backends.keras import initializers, layers

    depthwise = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")
    pointwise = layers.Conv2D(
        filters,
        1,
        use_bias=bias,
        kernel_initializer=initializer,
        bias_initializer=initializers.Constant(start),
        name=name,
    )
    return lambda tensor: pointwise(depthwise(tensor))
