"""Modalities: kinds of input, and how a raw sample of each becomes what a model takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from tflbuild.core.errors import PassError
from tflbuild.core.field_checks import Check, check_fields
from tflbuild.core.names import named
from tflbuild.core.options import to_json
from tflbuild.core.registry import Registry
from tflbuild.core.signature import TensorSpec
from tflbuild.core.tensor_description import TensorDescription

if TYPE_CHECKING:
    from tflbuild.core.dataset import Split

MODALITIES: Registry[Modality] = Registry("modality", "modality", "modalities")


LOWEST: Mapping[str, int] = {"uint8": 0, "int8": -128}
"""The lowest number of an input that may take codes as they are, by its dtype."""

_HALF_LEVEL = 0.5 + 1e-3  # a zero point is rounded, so raw bytes may be that far off


class Encoded(NamedTuple):
    """A sample as codes, and what is needed to undo its geometry.

    Attributes:
        codes: an array of the input's shape, e.g. (height, width, channels) uint8 of a picture.
        geometry: e.g. (height, width) of the original picture; None where nothing is to be undone.
    """

    codes: Any
    geometry: Any = None


class Batch(NamedTuple):
    """One training batch.

    Attributes:
        codes: (batch, *shape of the input), as `Modality.encode` gives them, varied by augmentation.
        boxes: per sample (objects, 4) float32 ymin, xmin, ymax, xmax in 0..1 of the input; (0, 4) where there are none.
        labels: per sample what the data say of it, e.g. (objects,) int32 classes.
    """

    codes: Any
    boxes: list[Any]
    labels: list[Any]


@dataclass(frozen=True, kw_only=True)
class Modality:
    """Base of every modality: a frozen dataclass whose fields are the options of `preprocess:`.

    Declared with `@modality("name")`. *Model value = code x scale + offset* is written in `scaled` and nowhere else.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ("numpy",)
    """Tools by import name, whose versions decide codes."""
    training: ClassVar[str] = ""
    """Dotted name of what gives training batches, apart, so a change of augmentation measures nothing again."""
    varied: ClassVar[str] = ""
    """Dotted name of the options of `augment:`, a dataclass with `of`; "" where training varies nothing."""
    checks: ClassVar[Mapping[str, Check]] = {}
    """The check of each option that may lie in a file of somebody else."""
    inspect: ClassVar[str] = ""
    """Dotted name of what gives the facts of a file of samples outside a data set; "" where that of images does."""
    reading: ClassVar[str] = ""
    """Dotted name of what reads a raw sample from a file; "" for a picture, and for an array in an `.npy`."""
    file: ClassVar[str] = "image"
    """Noun for such a file in messages."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """Ends of the names of such files in lower case, where a folder of them may be a source; () for pictures."""
    contract: ClassVar[str] = ""
    """Dotted name of a class that knows how apps prepare such samples, and their mistakes (a
    `tflbuild.analyses.mistakes.contract.Contract`); "" where nobody does."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Build from options as JSON holds them."""
        return cls(**options)

    def to_json(self) -> dict[str, Any]:
        """Give every option as JSON holds it."""
        options: dict[str, Any] = to_json(self)
        return options

    @classmethod
    def check_options(cls, prefix: str, options: Mapping[str, Any]) -> None:
        """Check options that were read from a file: each by `checks`, and all together by `check`.

        Raises:
            ValueError: one is unknown or wrong, or contradicts another.
        """
        check_fields(prefix, options, cls.checks)
        try:
            cls.of(options).check()
        except ValueError as error:
            raise ValueError(f"{prefix}{error}") from error

    def check(self) -> None:
        """Refuse, while planning, options that contradict one another.

        Raises:
            ValueError: "crop: 1.5 is ...": the option, what was given, what is right.
        """

    def shape(self) -> tuple[int, ...]:
        """Give the one shape of input that these options fill, without the batch axis; () where any fits."""
        return ()

    def refusal(self, spec: TensorSpec) -> str:
        """Say why a tensor cannot take such samples; "" where it can."""
        return ""

    def encode(self, sample: Any, shape: tuple[int, ...]) -> Encoded:
        """Turn a raw sample into codes of an input's shape.

        Args:
            sample: what a data set's `read` gives.
            shape: of the input, without the batch axis.

        Raises:
            ValueError: it cannot be made to fit; says both shapes.
        """
        raise NotImplementedError

    def several(self) -> bool:
        """Say whether a sample is several pieces, each of them what `encode` gives of it: windows of a recording."""
        return False

    def pieces(self, sample: Any, shape: tuple[int, ...]) -> Any:
        """Give the codes of every piece of a sample, (pieces, *shape); by default the sample is one piece.

        Args:
            sample: as for `encode`.
            shape: of the input, without the batch axis.

        Raises:
            ValueError: it cannot be made to fit; says both shapes.
        """
        return self.encode(sample, shape).codes[None]

    def values(self, codes: Any) -> Any:
        """Turn codes into the float32 values that a float model takes; any axes may come first."""
        return self.scaled(codes.astype("float32"))

    def scaled(self, codes: Any) -> Any:
        """Turn codes, as floats of NumPy or of TensorFlow, into model values."""
        return codes

    def quantization(self) -> tuple[float, int] | None:
        """Give scale and zero point of a uint8 input that takes the codes as they are; None where none can."""
        return None

    def evened(self) -> tuple[Modality, Sequence[float], Sequence[float]] | None:
        """Give a modality whose codes have one scale, and what turns its values into those of this one, by channel.

        Returns:
            The modality, and the factor and the shift of each channel, the last axis; None where there is none.
        """
        return None

    def limits(self) -> tuple[float, float] | None:
        """Give the lowest and the highest model value, as such a uint8 input expresses them; None where unknown."""
        return None

    def described(self, shape: tuple[int, ...]) -> TensorDescription:
        """Describe an input of a delivered file for other tools.

        Args:
            shape: of the input, without the batch axis.
        """
        return TensorDescription()

    def batches(
        self,
        split: Split,
        augment: Mapping[str, Any],
        shape: tuple[int, ...],
        batch_size: int,
        seed: int,
        start: int = 0,
    ) -> Iterator[Batch]:
        """Give endless shuffled batches for training, varied by the options of `augment`.

        A batch follows from `seed` and its step alone, so that a training may go on at any step.
        """
        if not self.training:
            raise PassError(f"the modality '{self.name}' gives no training batches.")
        made: Iterator[Batch] = named(self.training)(self, split, augment, shape, batch_size, seed, start)
        return made

    def raw_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape of a raw sample, to try a file with zeros.

        Args:
            shape: of the input, without the batch axis.
        """
        return shape

    def plain(self, sample: Any) -> str:
        """Say in one line what a raw sample is, for people."""
        return f"{tuple(sample.shape)} {sample.dtype}" if hasattr(sample, "shape") else str(sample)


modality = MODALITIES.declare
"""Class decorator: declare a modality under a name."""


def takes_codes(spec: TensorSpec, modality: Modality) -> bool:
    """Say whether a code means the same to a tensor as to its modality, within the rounding of the zero point."""
    given = modality.quantization()
    if spec.dtype not in LOWEST or not spec.scale or given is None or modality.limits() is None:
        return False
    zero = modality.scaled(0.0)
    offset = float(zero if isinstance(zero, float) else zero.ravel()[0])  # one for all channels
    black = (offset - spec.scale * (LOWEST[spec.dtype] - spec.zero_point)) / spec.scale
    white = black + 255 * (given[0] - spec.scale) / spec.scale
    return abs(black) <= _HALF_LEVEL and abs(white) <= _HALF_LEVEL
