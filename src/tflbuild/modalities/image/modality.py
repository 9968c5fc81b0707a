"""Turn a picture into a model's input: the one place that does, for training, calibration, evaluation and devices.

Longer than most modules: it is one class, whose options and what each does to a picture are read together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from annotated_types import Gt, Le

from tflbuild.core.field_checks import Check, boolean, nothing_or, number, one_of, rows_of
from tflbuild.core.modality import Encoded, Modality, modality
from tflbuild.core.signature import TensorSpec
from tflbuild.core.tensor_description import TensorDescription
from tflbuild.modalities.image.geometry import Placement, centred, frame, letterboxed
from tflbuild.modalities.image.grey import luma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Channels = tuple[float, ...]


@modality("image")
class ImageModality(Modality):
    """A picture: `model value = pixel * scale + offset`, or `(pixel - mean) / std` by channel.

    The default maps 0..255 onto [-1, 1) so that a uint8 input has exactly scale 1/128 and zero point 128.
    """

    needs = ("numpy", "PIL")
    training: ClassVar[str] = "tflbuild.modalities.image.batches:training_batches"
    contract: ClassVar[str] = "tflbuild.analyses.mistakes.pictures:PictureContract"
    varied: ClassVar[str] = "tflbuild.modalities.image.augment:Augment"
    checks: ClassVar[Mapping[str, Check]] = {
        "resize": one_of("bilinear", "nearest", "bicubic", "box"),
        "antialias": boolean,
        "aspect": one_of("stretch", "letterbox", "letterbox_corner", "center_crop"),
        "crop": number(above=0, most=1),
        "channels": one_of("rgb", "bgr", "grey"),
        "scale": number(above=0),
        "offset": number(),
        "mean": nothing_or(rows_of(number(), 3)),
        "std": nothing_or(rows_of(number(above=0), 3)),
    }

    resize: Literal["bilinear", "nearest", "bicubic", "box"] = "bilinear"
    """Kernel that resizes a picture to the input."""
    antialias: bool = True
    """Whether shrinking averages over every pixel, as PIL and `tf.image` with `antialias=True` do; OpenCV and
    phones often do not. `nearest` never averages."""
    aspect: Literal["stretch", "letterbox", "letterbox_corner", "center_crop"] = "stretch"
    """How a picture of another shape fits: `stretch` it, `letterbox` (keep its shape and pad evenly),
    `letterbox_corner` (pad right and below) or `center_crop` (cut out the largest centred part)."""
    crop: Annotated[float, Gt(0), Le(1)] = 1.0
    """Part of each side of the centred part that is kept, with aspect=center_crop. [fraction of a side]"""
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    """Order of the input's channels, or `grey` for one channel."""
    scale: Annotated[float, Gt(0)] = 0.0078125
    """Model value of one step of a pixel: model value = pixel * scale + offset. [model value per step]"""
    offset: float = -1.0
    """Model value of a black pixel. [model value]"""
    mean: Channels | None = None
    """Mean of each channel, in 0..255 and in the order of `channels`: model value = (pixel - mean) / std. null:
    `scale` and `offset` count. [pixel value]"""
    std: tuple[Annotated[float, Gt(0)], ...] | None = None
    """Divisor of each channel, in the order of `channels`. null: 1 where `mean` is given, else `scale` and
    `offset` count. [pixel value]"""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Build from the options of the `preprocess` block, which was validated."""
        return cls(**{key: tuple(item) if isinstance(item, list) else item for key, item in options.items()})

    @classmethod
    def check_options(cls, prefix: str, options: Mapping[str, Any]) -> None:
        """Hold options that lay in a file to `checks`, and to one another."""
        super().check_options(prefix, options)
        try:
            cls.of(options).check()
        except ValueError as error:
            raise ValueError(f"{prefix}{error}") from error

    def to_json(self) -> dict[str, Any]:
        """Give every option, defaults included; of what only some models need, what is said.

        `scale` and `offset` are left out beside values by channel, which take their place.
        """
        options = asdict(self)
        for even in ("scale", "offset") if self.per_channel else ():
            del options[even]
        for rare, usual in (("crop", 1.0), ("mean", None), ("std", None)):
            if options[rare] == usual:
                del options[rare]
        return {key: list(item) if isinstance(item, tuple) else item for key, item in options.items()}

    def check(self) -> None:
        """Refuse options that contradict one another."""
        if self.crop != 1 and self.aspect != "center_crop":
            raise ValueError(
                f"crop: {self.crop:g} has no effect with aspect={self.aspect}; set aspect=center_crop"
            )
        count = 1 if self.channels == "grey" else 3
        for option, given in (("mean", self.mean), ("std", self.std)):
            if given is not None and len(given) != count:
                raise ValueError(
                    f"{option}: {list(given)} has {len(given)} numbers; channels={self.channels} wants {count}"
                )

    def refusal(self, spec: TensorSpec) -> str:
        """Say why a tensor cannot take pictures; "" where it can."""
        batch, *sides = spec.shape or (0,)
        if len(sides) != 3 or sides[2] not in (1, 3) or min(sides) < 1 or batch not in (1, -1):
            return f"it is {spec.text}, and a picture is (1, height, width, 3) or (1, height, width, 1)"
        return ""

    def encode(self, sample: NDArray[np.uint8], shape: tuple[int, ...]) -> Encoded:
        """Resize a picture to (height, width, channels) uint8; its geometry is (rows, columns) of the picture.

        Raises:
            ValueError: it is no picture, or the input has another number of channels than `channels` says.
        """
        height, width, count = shape
        if getattr(sample, "ndim", 0) != 3 or sample.shape[2] != 3 or sample.dtype != "uint8":
            raise ValueError(f"a picture is (rows, columns, 3) uint8, and this is {super().plain(sample)}")
        if count != (1 if self.channels == "grey" else 3):
            right = "grey" if count == 1 else "rgb"
            raise ValueError(
                f"the input has {count} channel{'s' if count != 1 else ''}, and preprocess.channels is "
                f"{self.channels}; set preprocess.channels={right}"
            )
        return Encoded(self.pixels(sample, height, width), sample.shape[:2])

    def scaled(self, codes: Any) -> Any:
        """Turn pixels, as floats of NumPy or of TensorFlow, into model values."""
        if not self.per_channel:
            return codes * self.scale + self.offset
        import numpy as np

        scales, offsets = self.affine
        return codes * np.asarray(scales, np.float32) + np.asarray(offsets, np.float32)

    @property
    def per_channel(self) -> bool:
        """Whether `mean` or `std` says the values, so that each channel may have its own."""
        return self.mean is not None or self.std is not None

    @property
    def affine(self) -> tuple[Channels, Channels]:
        """Give scale and offset of every channel."""
        count = 1 if self.channels == "grey" else 3
        if not self.per_channel:
            return (self.scale,) * count, (self.offset,) * count
        mean, std = self.mean or (0.0,) * count, self.std or (1.0,) * count
        return (
            tuple(1 / deviation for deviation in std),
            tuple(-middle / deviation for middle, deviation in zip(mean, std, strict=True)),
        )

    @property
    def fill(self) -> int | Channels:
        """The padding pixel of a letterbox, in RGB: the one nearest to a model value of 0."""
        points = self._zero_points
        if len(set(points)) == 1:
            return points[0]
        return tuple(float(point) for point in (points if self.channels == "rgb" else points[::-1]))

    @property
    def shift(self) -> float:
        """The true model value minus the file's, of the first channel: what a uint8 input's zero point cannot express.

        0 where `-offset / scale` is an integer in 0..255, as by default.
        """
        scales, offsets = self.affine
        return offsets[0] + scales[0] * self._zero_points[0]

    @property
    def _zero_points(self) -> tuple[int, ...]:
        return tuple(
            min(255, max(0, round(-offset / scale))) for scale, offset in zip(*self.affine, strict=True)
        )

    def quantization(self) -> tuple[float, int] | None:
        """Give scale and zero point of a uint8 input that takes raw pixels (int8: zero point - 128).

        None where channels differ, which one scale cannot express.
        """
        scales, offsets = self.affine
        if len(set(scales)) > 1 or len(set(offsets)) > 1:
            return None
        return scales[0], self._zero_points[0]

    def evened(self) -> tuple[ImageModality, Channels, Channels] | None:
        """Give pixels in [-1, 1), and what makes values normalised by channel of them.

        None for a letterbox of another grey or colour: pixels in [-1, 1) are padded with their own zero.
        """
        if self.quantization() is not None:
            return None
        usual, values = type(self)(), ("scale", "offset", "mean", "std")
        even = self.of({option: item for option, item in self.to_json().items() if option not in values})
        if self.aspect.startswith("letterbox") and even.fill != self.fill:
            return None
        factors = tuple(scale / usual.scale for scale in self.affine[0])
        shifts = tuple(
            offset - factor * usual.offset for offset, factor in zip(self.affine[1], factors, strict=True)
        )
        return even, factors, shifts

    def limits(self) -> tuple[float, float]:
        """Give the model values of a black and a white pixel, as a uint8 input expresses them."""
        given = self.quantization()
        if given is not None:
            scale, zero_point = given
            return -zero_point * scale, (255 - zero_point) * scale
        scales, offsets = self.affine
        white = [255 * scale + offset for scale, offset in zip(scales, offsets, strict=True)]
        return min(offsets), max(white)

    def described(self, shape: tuple[int, ...]) -> TensorDescription:
        """Describe size, channels and normalisation."""
        from tflbuild.modalities.image.described import described

        return described(self, shape)

    def placement(self, image_height: int, image_width: int, height: int, width: int) -> Placement:
        """Say where an image lies in an input of `height` x `width`; integers only, the same everywhere."""
        if not self.aspect.startswith("letterbox"):
            return Placement(0, 0, height, width)
        place = letterboxed(image_height, image_width, height, width)
        return place._replace(top=0, left=0) if self.aspect == "letterbox_corner" else place

    def seen(self, image_height: int, image_width: int, height: int, width: int) -> Placement:
        """Say which part of an image an input of `height` x `width` shows; whole pixels."""
        if self.aspect != "center_crop":
            return Placement(0, 0, image_height, image_width)
        return centred(image_height, image_width, height, width, self.crop)

    def pixels(self, image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
        """Resize an image to a model's input.

        Args:
            image: (rows, columns, 3) uint8 RGB.
            height: of the input.
            width: of the input.

        Returns:
            (height, width, channels) uint8 in the declared channel order, contiguous.
        """
        import numpy as np

        from tflbuild.modalities.image.resample import resample

        rows, columns = image.shape[:2]
        part = self.seen(rows, columns, height, width)
        image = image[part.top : part.top + part.height, part.left : part.left + part.width]
        place = self.placement(part.height, part.width, height, width)
        resized = resample(image, place.height, place.width, self.resize, self.antialias)
        if (place.height, place.width) != (height, width):
            canvas = np.full((height, width, 3), self.fill, np.uint8)
            canvas[place.top : place.top + place.height, place.left : place.left + place.width] = resized
            resized = canvas
        return np.ascontiguousarray(self.ordered(resized))

    def ordered(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put RGB pixels into the declared channel order, or into one channel."""
        if self.channels == "rgb":
            return pixels
        if self.channels == "bgr":
            return pixels[..., ::-1]
        return luma(pixels)

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
        part = self.seen(image_height, image_width, height, width)
        place = self.placement(part.height, part.width, height, width)
        return frame((image_height, image_width), part, place, (height, width))

    def plain(self, sample: Any) -> str:
        """Say how large a picture is."""
        if getattr(sample, "ndim", 0) == 3 and sample.shape[2] == 3:
            return f"a picture of {sample.shape[1]} x {sample.shape[0]} pixels"
        return super().plain(sample)
