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
    """Cut a part out of the image."""

    probability: Probability = 0.5
    """How often a part is cut out. [fraction of images]"""
    min_area: Annotated[float, Gt(0), Le(1)] = 0.3
    """Smallest part that is cut out. Smaller varies more. [fraction of the image's area]"""
    min_aspect: Annotated[float, Gt(0), Le(1)] = 0.75
    """Narrowest part: width / height, relative to the image's own shape. [ratio]"""
    max_aspect: Annotated[float, Ge(1)] = 1.333
    """Widest part: width / height, relative to the image's own shape. [ratio]"""
    min_overlap: tuple[Probability, ...] = (0.3, 0.5, 0.7, 0.9)
    """How much of some object must stay in view; one of these is drawn for each image. [fraction of an object]"""


@dataclass(frozen=True, kw_only=True)
class ZoomOut:
    """Put the image, made smaller, somewhere on a plain canvas, so that small objects are seen."""

    probability: Probability = 0.3
    """How often an image is made smaller on a plain canvas; detectors alone. [fraction of images]"""
    max_scale: Annotated[float, Ge(1)] = 1.6
    """Largest canvas. Larger shows smaller objects. [multiple of the image's side]"""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Change colours; 0 switches a change off."""

    brightness: Annotated[float, Ge(0), Lt(1)] = 0.15
    """Largest shift of brightness, either way. 0 is off. [fraction of white]"""
    contrast: Annotated[float, Ge(0), Lt(1)] = 0.25
    """Largest relative change of contrast around the image's mean, either way. 0 is off. [fraction]"""
    saturation: Annotated[float, Ge(0), Lt(1)] = 0.25
    """Largest relative change of saturation, either way. 0 is off. [fraction]"""
    hue: Annotated[float, Ge(0), Le(0.5)] = 0.02
    """Largest rotation of the hue, either way. 0 is off. [fraction of the colour circle]"""


class Augmented(NamedTuple):
    """One training example as the model sees it.

    Attributes:
        pixels: (height, width, 3) uint8 in the model's channel order.
        boxes: (objects, 4) float32 ymin, xmin, ymax, xmax in 0..1 of the input.
        labels: (objects,) int32, or numbers, see `tflbuild.core.dataset.Example`.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Options of the `augment` block.

    An image is zoomed out, cropped, or neither; where both probabilities add up to more than 1, crops
    have what zooming out leaves.
    """

    enabled: bool = True
    """Whether training images are varied at all."""
    crop: Crop = field(default_factory=Crop)
    """Random parts of the image in place of all of it."""
    zoom_out: ZoomOut = field(default_factory=ZoomOut)
    """The image made smaller on a plain canvas, so that small objects are seen; detectors alone."""
    flip: bool = False
    """Whether half of the images are mirrored, left to right."""
    flip_except: tuple[str, ...] = ()
    """Classes that a mirror would change; images that hold one are never mirrored."""
    colour: Colour = field(default_factory=Colour)
    """Random changes of colour."""

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
