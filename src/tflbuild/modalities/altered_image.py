"""A picture that a camera or an app altered before it was prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from tflbuild.core.field_checks import Check, one_of
from tflbuild.core.modality import Encoded, modality
from tflbuild.modalities.image.modality import ImageModality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Alteration = Literal[
    "none",
    "turned_left",
    "turned_half",
    "turned_right",
    "mirrored",
    "flipped",
    "jpeg90",
    "jpeg75",
    "jpeg50",
    "yuv420",
    "yuv420_range",
    "yuv420_swapped",
]


@modality("altered_image")
class AlteredImage(ImageModality):
    """A picture as `image` takes it, altered before: what the analysis `preprocessing` measures a model on.

    Where it is turned, so are the boxes that are found in it: an app that shows what its model sees draws them right.
    """

    checks: ClassVar[Mapping[str, Check]] = {
        **ImageModality.checks,
        "altered": one_of(*Alteration.__args__),  # type: ignore[attr-defined]
    }

    altered: Alteration = "none"
    """Damage that a camera or an app did to the picture before: `turned_...`, `mirrored`, `flipped` (EXIF
    orientation ignored), `jpeg...` (coded with that quality), `yuv420` (halved chroma), `yuv420_range` (its
    range misread), `yuv420_swapped` (U and V swapped). For diagnosis."""

    def encode(self, sample: NDArray[np.uint8], shape: tuple[int, ...]) -> Encoded:
        """Alter a picture, and resize it; its geometry is (rows, columns) of the altered picture."""
        is_picture = getattr(sample, "ndim", 0) == 3 and sample.shape[2] == 3 and sample.dtype == "uint8"
        if self.altered == "none" or not is_picture:
            return super().encode(sample, shape)
        from tflbuild.modalities.image.camera import altered

        return super().encode(altered(sample, self.altered), shape)

    def unplace(
        self, boxes: NDArray[np.float32], image_height: int, image_width: int, height: int, width: int
    ) -> NDArray[np.float32]:
        """Map boxes from the input back into the picture as it is seen."""
        from tflbuild.modalities.image.camera import upright

        return upright(super().unplace(boxes, image_height, image_width, height, width), self.altered)
