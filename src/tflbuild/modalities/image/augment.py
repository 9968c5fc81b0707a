"""Options of augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Probability = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Cut a part out of the image.

    Attributes:
        probability: how often.
        min_area: smallest part, as a fraction of the image's area.
        min_aspect: narrowest part, width / height relative to the image's own shape.
        max_aspect: widest part.
        min_overlap: one of these is drawn; some object must be covered by at least that fraction.
    """

    probability: Probability = 0.5
    min_area: Annotated[float, Gt(0), Le(1)] = 0.3
    min_aspect: Annotated[float, Gt(0), Le(1)] = 0.75
    max_aspect: Annotated[float, Ge(1)] = 1.333
    min_overlap: tuple[Probability, ...] = (0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, kw_only=True)
class ZoomOut:
    """Put the image, made smaller, somewhere on a plain canvas, so that small objects are seen.

    Attributes:
        probability: how often.
        max_scale: largest canvas, as a multiple of the image's side.
    """

    probability: Probability = 0.3
    max_scale: Annotated[float, Ge(1)] = 1.6


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Change colours; 0 switches a change off.

    Attributes:
        brightness: largest shift, as a fraction of white.
        contrast: largest relative change of contrast around the image's mean.
        saturation: largest relative change of saturation.
        hue: largest rotation of the hue, as a fraction of the full circle.
    """

    brightness: Annotated[float, Ge(0), Lt(1)] = 0.15
    contrast: Annotated[float, Ge(0), Lt(1)] = 0.25
    saturation: Annotated[float, Ge(0), Lt(1)] = 0.25
    hue: Annotated[float, Ge(0), Le(0.5)] = 0.02


class Augmented(NamedTuple):
    """One training example as the model sees it.

    Attributes:
        pixels: (height, width, 3) uint8 in the model's channel order.
        boxes: (objects, 4) float32 ymin, xmin, ymax, xmax in 0..1 of the input.
        labels: (objects,) int32.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Options of the `augment` block.

    An image is zoomed out, cropped, or neither; where both probabilities add up to more than 1, crops
    have what zooming out leaves.

    Attributes:
        enabled: whether to augment at all.
        crop: random crops.
        zoom_out: random zooming out; detection only.
        flip: whether to mirror half of the images, left to right.
        flip_except: classes that a mirror would change; images that hold one are never mirrored.
        colour: random colours.
    """

    enabled: bool = True
    crop: Crop = field(default_factory=Crop)
    zoom_out: ZoomOut = field(default_factory=ZoomOut)
    flip: bool = False
    flip_except: tuple[str, ...] = ()
    colour: Colour = field(default_factory=Colour)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Augment:
        """Build from the options of the `augment` block, which `recipe.py` validated."""
        groups: dict[str, Any] = {"crop": Crop, "zoom_out": ZoomOut, "colour": Colour}
        built = {
            key: groups[key](**_frozen(value)) if key in groups and isinstance(value, Mapping) else value
            for key, value in _frozen(options).items()
        }
        return cls(**built)


def _frozen(options: Mapping[str, Any]) -> dict[str, Any]:
    """Make tuples of lists, which is what YAML gives."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
