"""Turn an image into a model's input.

The one place that says so, for training, calibration, evaluation and the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from annotated_types import Gt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Placement(NamedTuple):
    """The position of a resized image in a model's input, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """Options of the `preprocess` block: `model value = pixel * scale + offset`.

    The default maps 0..255 onto [-1, 1) so that a uint8 input has exactly scale 1/128 and zero point 128.

    Attributes:
        resize: kernel of the resize.
        antialias: whether shrinking averages over every source pixel, as PIL and `tf.image` with
            `antialias=True` do; without it the kernel samples around each output pixel's centre.
            `nearest` never averages.
        aspect: `stretch` to the input's shape, or `letterbox`: keep the shape and pad evenly.
        channels: order of the input's channels.
        scale: what one step of a pixel is worth to the model.
        offset: what a black pixel is worth to the model.
    """

    resize: Literal["bilinear", "nearest", "bicubic", "box"] = "bilinear"
    antialias: bool = True
    aspect: Literal["stretch", "letterbox"] = "stretch"
    channels: Literal["rgb", "bgr"] = "rgb"
    scale: Annotated[float, Gt(0)] = 0.0078125
    offset: float = -1.0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Preprocess:
        """Build from the options of the `preprocess` block, which `recipe.py` validated."""
        return cls(**options)

    def to_json(self) -> dict[str, Any]:
        """Give every option, defaults included."""
        return asdict(self)

    @property
    def fill(self) -> int:
        """The padding pixel of a letterbox: the one nearest to a model value of 0."""
        return self._zero_point

    @property
    def shift(self) -> float:
        """The true model value minus the file's: the part that a uint8 input's zero point cannot express.

        0 where `-offset / scale` is an integer in 0..255, as by default.
        """
        return self.offset + self.scale * self._zero_point

    @property
    def _zero_point(self) -> int:
        return min(255, max(0, round(-self.offset / self.scale)))

    def quantization(self) -> tuple[float, int]:
        """Give scale and zero point of a uint8 input that takes raw pixels (int8: zero point - 128)."""
        return self.scale, self._zero_point

    def pixel_range(self) -> tuple[float, float]:
        """Give the model values of a black and a white pixel, as a uint8 input expresses them."""
        scale, zero_point = self.quantization()
        return -zero_point * scale, (255 - zero_point) * scale

    def placement(self, image_height: int, image_width: int, height: int, width: int) -> Placement:
        """Say where an image lies in an input of `height` x `width`; integers only, the same everywhere."""
        if self.aspect == "stretch":
            return Placement(0, 0, height, width)
        if image_height * width >= height * image_width:
            across = max(1, (2 * image_width * height + image_height) // (2 * image_height))
            return Placement(0, (width - across) // 2, height, across)
        down = max(1, (2 * image_height * width + image_width) // (2 * image_width))
        return Placement((height - down) // 2, 0, down, width)

    def pixels(self, image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
        """Resize an image to a model's input.

        Args:
            image: (rows, columns, 3) uint8 RGB.
            height: of the input.
            width: of the input.

        Returns:
            (height, width, 3) uint8 in the declared channel order, contiguous.
        """
        import numpy as np

        from tflbuild.modalities.image.resample import resample

        place = self.placement(image.shape[0], image.shape[1], height, width)
        resized = resample(image, place.height, place.width, self.resize, self.antialias)
        if (place.height, place.width) != (height, width):
            canvas = np.full((height, width, 3), self.fill, np.uint8)
            canvas[place.top : place.top + place.height, place.left : place.left + place.width] = resized
            resized = canvas
        return np.ascontiguousarray(self.ordered(resized))

    def ordered(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put RGB pixels into the declared channel order."""
        return pixels if self.channels == "rgb" else pixels[..., ::-1]

    def normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn uint8 pixels into the float32 values that a float model takes."""
        import numpy as np

        return pixels.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)

    def place(
        self, boxes: NDArray[np.float32], image_height: int, image_width: int, height: int, width: int
    ) -> NDArray[np.float32]:
        """Map boxes from the image into the input.

        Args:
            boxes: (objects, 4) ymin, xmin, ymax, xmax in 0..1 of the image.
            image_height: of the original image.
            image_width: of the original image.
            height: of the input.
            width: of the input.

        Returns:
            (objects, 4) float32 in 0..1 of the input.
        """
        factor, start = self._frame(image_height, image_width, height, width)
        placed: NDArray[np.float32] = (boxes * factor + start).astype("float32")
        return placed

    def unplace(
        self, boxes: NDArray[np.float32], image_height: int, image_width: int, height: int, width: int
    ) -> NDArray[np.float32]:
        """Map boxes from the input back into the image, clipped to 0..1: the inverse of `place`."""
        factor, start = self._frame(image_height, image_width, height, width)
        undone: NDArray[np.float32] = ((boxes - start) / factor).clip(0.0, 1.0).astype("float32")
        return undone

    def _frame(
        self, image_height: int, image_width: int, height: int, width: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give factor and start of (y, x, y, x) that take image coordinates to input coordinates."""
        import numpy as np

        place = self.placement(image_height, image_width, height, width)
        factor = np.array([place.height / height, place.width / width] * 2)
        start = np.array([place.top / height, place.left / width] * 2)
        return factor, start
