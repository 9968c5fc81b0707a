"""SSD on a feature pyramid over MobileNet v2, with heads that all maps share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import Architecture, architecture
from tflbuild.core.options import to_json
from tflbuild.models.blocks import Style, check_size, convolution, normalised, rounded
from tflbuild.models.mobilenet_v2 import LAST_FILTERS, trunk
from tflbuild.models.ssd import UNSURE, joined
from tflbuild.tasks.detection.detector import Postprocess, PyramidAnchors

SMALLEST, LARGEST = 96, 512
"""Range of the input in pixels."""

LEAST_FILTERS = 16
"""Filters that every layer of the trunk and the pyramid has at least, as in the Object Detection API."""

BLOCKS = (5, 12)
"""Blocks of the trunk whose outputs, at 1/8 and 1/16 of the image's sides, enter the pyramid."""

LEVELS = range(3, 8)
"""Levels of the pyramid: level n has one cell for 2^n pixels."""


@architecture("ssd_mobilenet_v2_fpnlite")
class SSDMobileNetV2FpnLite(Architecture):
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

    task = "detection"
    modality = "image"

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
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""
    anchors: PyramidAnchors = field(default_factory=PyramidAnchors)
    """Default boxes of every feature map."""
    postprocess: Postprocess = field(default_factory=Postprocess)
    """The final suppression, done on the device by TFLite_Detection_PostProcess."""

    def check(self) -> None:
        """Refuse input sizes that five levels cannot stand on."""
        check_size("ssd_mobilenet_v2_fpnlite", self.input_size, SMALLEST, LARGEST)
        if not self.anchors.aspect_ratios or min(self.anchors.aspect_ratios) <= 0:
            raise ValueError("anchors.aspect_ratios: at least one is needed, and all must be above 0")

    def resolution(self) -> int:
        """Give the input's side in pixels."""
        return self.input_size

    def build(self, classes: int) -> Any:
        """Build the graph.

        Returns:
            A model from `image` (1, size, size, 3) to `box_encodings` (1, anchors, 4) and
            `class_logits` (1, anchors, classes), all float32.
        """
        from tflbuild.backends.keras import Model, layers

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        features = self._pyramid(image)
        for number in range(self.head_layers):
            name = f"tower_{number}"
            shared = _separable(name, self.head_filters, bias=False)
            features = [
                normalised(shared(tensor), f"{name}_level_{level}", *self._style)
                for level, tensor in zip(LEVELS, features, strict=True)
            ]
        count = self.anchors.octaves * len(self.anchors.aspect_ratios)
        outputs = []
        for name, values, bias, output in (
            ("box", 4, 0.0, "box_encodings"),
            ("class", classes, UNSURE, "class_logits"),
        ):
            shared = _separable(name, count * values, bias=True, start=bias)
            rows = [
                layers.Reshape((-1, values), name=f"{name}_level_{level}_rows")(shared(tensor))
                for level, tensor in zip(LEVELS, features, strict=True)
            ]
            outputs.append(joined(rows, output))
        return Model(image, outputs, name="ssd_mobilenet_v2_fpnlite")

    def head_of(self, model: Any) -> dict[str, Any]:
        """Read the feature maps off the graph, and add the options that turn outputs into boxes."""
        maps = [model.get_layer(f"tower_0_level_{level}_norm") for level in LEVELS]
        return {
            "feature_maps": [list(layer.output.shape[1:3]) for layer in maps],
            "anchors": to_json(self.anchors),
            "postprocess": to_json(self.postprocess),
        }

    def _pyramid(self, image: Any) -> list[Any]:
        """Give the five maps that the heads look at, the finest first."""
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
            smooth = _separable(f"smooth_{level}", filters, bias=False)(inner)
            maps.insert(0, normalised(smooth, f"smooth_{level}", *style))
        for level in (6, 7):
            coarse = _separable(f"level_{level}", filters, bias=False, stride=2)(maps[-1])
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
    """Add a map to the next finer one, repeated; the last row and column are cut off where the finer is odd."""
    from tflbuild.backends.keras import layers

    grown = layers.UpSampling2D(2, name=f"{name}_grown")(coarse)
    over = [int(got - wanted) for got, wanted in zip(grown.shape[1:3], fine.shape[1:3], strict=True)]
    if any(over):
        grown = layers.Cropping2D([(0, one) for one in over], name=f"{name}_cut")(grown)
    return layers.Add(name=f"{name}_sum")([fine, grown])


def _separable(
    name: str, filters: int, *, bias: bool, stride: int = 1, start: float = 0.0
) -> Callable[[Any], Any]:
    """Make a 3 x 3 separable convolution that several maps may share."""
    from tflbuild.backends.keras import initializers, layers

    depthwise = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"{name}_depthwise")
    pointwise = layers.Conv2D(
        filters,
        1,
        use_bias=bias,
        kernel_initializer=initializers.TruncatedNormal(stddev=0.03) if bias else "glorot_uniform",
        bias_initializer=initializers.Constant(start),
        name=name,
    )
    return lambda tensor: pointwise(depthwise(tensor))
