"""Base of the SSDs: their options, and heads on six feature maps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.options import to_json
from tflbuild.models.blocks import check_size
from tflbuild.models.trainable import Trainable
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess

SMALLEST, LARGEST = 96, 512
"""Range of the input in pixels."""

MAPS = 6
"""Feature maps, whatever the stride of the finest."""

EXTRA_FILTERS = (512, 256, 256, 128)
"""Filters at alpha 1 of the layers behind the trunk, each at half the sides of the one before."""

PRIOR = 0.01
"""Score of every box before training, so that the many background boxes do not drown the first steps."""

UNSURE = -math.log(1 / PRIOR - 1)
"""Logit of that score."""


@dataclass(frozen=True, kw_only=True)
class SSD(Trainable):
    """Base of the SSDs.

    At 300 pixels the finest map, at 1/16 of the image's sides, has 19 x 19 cells, which is what the anchors'
    scales were made for. A small input would leave it 6 x 6, too few for most objects to find an
    anchor, so below 256 pixels the maps begin at 1/8.

    A box has one sigmoid score a class and no background class.
    """

    task = "detection"
    modality = "image"

    input_size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] = 96
    """Side of the square input. A larger one shows smaller objects and takes more time and memory. [pixels]"""
    alpha: Annotated[float, Gt(0), Le(2)] = 0.25
    """Multiplies the filters of every layer, rounded to multiples of 8. Larger is more accurate, larger and
    slower. [factor]"""
    activation: Literal["relu6", "relu"] = "relu6"
    """Activation after every convolution. `relu6` is cut off at 6, which suits int8; `relu` is not."""
    finest_stride: Literal[8, 16] | None = None
    """Pixels of the input for each cell of the finest feature map. 8 finds smaller objects and is slower. null:
    8 below 256 pixels, otherwise 16. [pixels]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""
    anchors: AnchorOptions = field(default_factory=AnchorOptions)
    """Default boxes of every feature map."""
    postprocess: Postprocess = field(default_factory=Postprocess)
    """The final suppression, done on the device by TFLite_Detection_PostProcess."""

    def check(self) -> None:
        """Refuse input sizes that six feature maps cannot stand on."""
        super().check()
        check_size(type(self).name, self.input_size, SMALLEST, LARGEST)
        if self.anchors.min_scale > self.anchors.max_scale:
            raise ValueError(
                f"anchors.min_scale: {self.anchors.min_scale} is above anchors.max_scale "
                f"({self.anchors.max_scale})"
            )
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
        from tflbuild.tasks.detection.anchors import boxes_per_cell

        image = layers.Input((self.input_size, self.input_size, 3), name="image")
        maps = self.feature_maps(image)
        boxes, scores = [], []
        for level, (features, count) in enumerate(
            zip(maps, boxes_per_cell(len(maps), self.anchors), strict=True)
        ):
            boxes.append(self.head(features, f"box_{level}", count, 4, 0.0))
            scores.append(self.head(features, f"class_{level}", count, classes, UNSURE))
        outputs = [joined(boxes, "box_encodings"), joined(scores, "class_logits")]
        return Model(image, outputs, name=type(self).name)

    def head_of(self, model: Any) -> dict[str, Any]:
        """Read the feature maps off the heads, and add the options that turn outputs into boxes."""
        heads = [model.get_layer(f"box_{level}") for level in range(MAPS)]
        return {
            "feature_maps": [list(head.output.shape[1:3]) for head in heads],
            "anchors": to_json(self.anchors),
            "postprocess": to_json(self.postprocess),
        }

    @property
    def finest(self) -> int:
        """Give the stride of the finest feature map."""
        return self.finest_stride or (8 if self.input_size < 256 else 16)

    def feature_maps(self, image: Any) -> list[Any]:
        """Give the tensors that the heads look at, the finest first."""
        raise NotImplementedError

    def head(self, features: Any, name: str, count: int, values: int, bias: float) -> Any:
        """Predict `values` numbers for each of `count` boxes of every cell: (1, cells * count, values)."""
        raise NotImplementedError


def joined(parts: list[Any], name: str) -> Any:
    """Concatenate along the boxes, at most four at a time: XNNPACK leaves longer ones to slower kernels."""
    from tflbuild.backends.keras import layers

    finest = layers.Concatenate(axis=1, name=f"{name}_finest")(parts[:3])
    return layers.Concatenate(axis=1, name=name)([finest, *parts[3:]])


def predicted(features: Any, name: str, count: int, values: int, bias: float) -> Any:
    """Predict `values` numbers for each of `count` boxes of every cell: (1, cells * count, values)."""
    from tflbuild.backends.keras import initializers, layers

    predicted = layers.Conv2D(
        count * values,
        1,
        kernel_initializer=initializers.TruncatedNormal(stddev=0.03),
        bias_initializer=initializers.Constant(bias),
        name=name,
    )(features)
    return layers.Reshape((-1, values), name=f"{name}_rows")(predicted)
