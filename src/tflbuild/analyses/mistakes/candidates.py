"""Tensors as apps make them of a sample, with one mistake or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.analyses.mistakes.known import ALTERED, CHANNELS, PICTURE, PICTURES, VALUES, readings
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.core.modality import Modality, takes_codes
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.feeding import as_input, quantized
from tflbuild.modalities.image.grey import luma
from tflbuild.modalities.image.modality import ImageModality

Array = npt.NDArray[Any]

NUMBERS, LAYOUT = "numbers", "layout"
"""Kinds of mistakes that only a tensor shows: how its numbers are stored, and the order of its axes."""

TURNED: Mapping[str, str] = {
    "turned_right": "rotated 90 degrees clockwise",
    "mirrored": "mirrored, left for right",
    "flipped": "upside down, top for bottom",
}
"""Alterations by apps besides `tflbuild.analyses.mistakes.known.PICTURES`."""


class Candidate(NamedTuple):
    """A tensor that an app would make.

    Attributes:
        mistakes: in it; () for the right one.
        numbers: as float64, of the shape of one sample.
        dtype: of the tensor.
        unit: what one step of a code is worth in it.
    """

    mistakes: tuple[Mistake, ...]
    numbers: npt.NDArray[np.float64]
    dtype: str
    unit: float


def of_picture(kind: ImageModality, spec: TensorSpec, orientation: int = 1) -> list[Mistake]:
    """Give the mistakes that are known of a picture's tensor.

    Args:
        kind: how pictures are prepared.
        spec: of the input.
        orientation: by which EXIF turns the picture; the turn that ignores it is said so.
    """
    from tflbuild.modalities.image.camera import STORED_AS

    stored = STORED_AS.get(orientation, "")
    pictures = {
        **PICTURES,
        "turned_left": "rotated 90 degrees counter-clockwise",
        "turned_half": "rotated 180 degrees",
    }
    found = [
        Mistake(
            name,
            PICTURE,
            f"as stored: its EXIF orientation {orientation} is ignored" if name == stored else how,
            {ALTERED: name},
        )
        for name, how in {**pictures, **TURNED}.items()
    ]
    found += readings(kind)
    if kind.channels != "grey":
        found.append(Mistake("grey", CHANNELS, "grey, repeated in every channel", {"grey": True}))
    black = float(kind.affine[1][0])
    if not kind.per_channel and black and abs(black) > kind.scale:
        found.append(Mistake("no_offset", VALUES, "scaled, but the offset is left out", {"offset": 0.0}))
    found.append(Mistake("twice", VALUES, "normalised twice", {"twice": True}))
    return [*found, *of_numbers(kind, spec), *_layouts(spec)]


def of_numbers(kind: Modality, spec: TensorSpec) -> list[Mistake]:
    """Give mistakes of how numbers are stored that are possible for an input."""
    if not spec.scale:
        return []
    found = [
        Mistake("float", NUMBERS, "float model values, not quantized", {}),
        Mistake("cast", NUMBERS, "model values cast to integers without scale and zero point", {}),
    ]
    if spec.dtype == "int8" and takes_codes(spec, kind):
        found.append(Mistake("bytes", NUMBERS, "bytes of 0..255 without 128 subtracted", {}))
        found.append(Mistake("wrapped", NUMBERS, "bytes of 0..255 read as signed", {}))
    if spec.dtype == "uint8" and takes_codes(spec, kind):
        found.append(Mistake("signed", NUMBERS, "bytes with 128 subtracted", {}))
    return found


def _layouts(spec: TensorSpec) -> list[Mistake]:
    found = []
    if spec.shape[-1] > 1:
        found.append(Mistake("planes", LAYOUT, "channel after channel (NCHW) in the memory of NHWC", {}))
    if spec.shape[1] == spec.shape[2]:
        found.append(Mistake("transposed", LAYOUT, "rows and columns exchanged (NWHC)", {}))
    return found


class Pictures:
    """Make the tensors of one picture; what several share is made once.

    Args:
        picture: as `tflbuild.modalities.image.files.read` gives it.
        kind: how it is prepared.
        spec: of the input.
    """

    def __init__(self, picture: npt.NDArray[np.uint8], kind: ImageModality, spec: TensorSpec) -> None:
        self._picture, self._kind, self._spec = picture, kind, spec
        self._altered: dict[str, Array] = {}
        self._codes: dict[tuple[Any, ...], Array] = {}

    def made(self, *mistakes: Mistake) -> Candidate:
        """Give the tensor with some mistakes."""
        options = {key: item for one in mistakes for key, item in one.options.items()}
        grey, twice = options.pop("grey", False), options.pop("twice", False)
        how = options.pop(ALTERED, "")
        kind = Mistake("", "", "", options).applied(self._kind) if options else self._kind
        assert isinstance(kind, ImageModality)
        codes = self._of(how, kind)
        if grey:
            codes = np.repeat(luma(codes if kind.channels == "rgb" else codes[..., ::-1]), 3, axis=-1)
        names = {one.name for one in mistakes if one.kind in (NUMBERS, LAYOUT)}
        numbers, dtype, unit = stored(codes, kind, self._spec, names, twice=bool(twice))
        return Candidate(mistakes, _laid_out(numbers, names).astype(np.float64), dtype, unit)

    def _of(self, how: str, kind: ImageModality) -> Array:
        key = (how, kind.resize, kind.antialias, kind.aspect, kind.crop, kind.channels, kind.fill)
        if key not in self._codes:
            if how not in self._altered:
                from tflbuild.modalities.image.camera import altered

                self._altered[how] = altered(self._picture, how) if how else self._picture
            self._codes[key] = kind.encode(self._altered[how], self._spec.shape[1:]).codes
        return self._codes[key]


def stored(
    codes: Array, kind: Modality, spec: TensorSpec, names: set[str], *, twice: bool
) -> tuple[Array, str, float]:
    """Give codes as numbers of an input, the dtype, and what one step of a code is worth."""
    unit = _unit(kind)
    if twice:
        values = np.asarray(kind.scaled(kind.values(codes)), np.float32)
    elif not spec.scale:
        return as_input(codes, kind, spec), spec.dtype, unit
    elif not names & {"float", "cast", "bytes", "wrapped", "signed"}:
        return as_input(codes, kind, spec), spec.dtype, 1.0
    else:
        values = kind.values(codes)
    if "float" in names or not spec.scale:
        return values, "float32", unit * (unit if twice else 1.0)
    if "cast" in names:
        limits = np.iinfo(spec.dtype)
        return np.trunc(values).clip(limits.min, limits.max).astype(spec.dtype), spec.dtype, 1.0
    given = quantized(values, spec) if twice else as_input(codes, kind, spec)
    moved = given.astype(np.int16) + {"bytes": 128, "wrapped": 128, "signed": -128}.get(_first(names), 0)
    if "wrapped" in names:
        return moved.astype(np.uint8).view(np.int8), "int8", 1.0
    return moved, "uint8" if "bytes" in names else "int8" if "signed" in names else spec.dtype, 1.0


def _first(names: set[str]) -> str:
    return next((name for name in ("bytes", "wrapped", "signed") if name in names), "")


def _unit(kind: Modality) -> float:
    """Give what one step of a code is worth to a model; 1 for what is no picture."""
    return float(np.mean(kind.affine[0])) if isinstance(kind, ImageModality) else 1.0


def _laid_out(numbers: Array, names: set[str]) -> Array:
    if "planes" in names:
        return np.ascontiguousarray(np.moveaxis(numbers, -1, 0)).reshape(numbers.shape)
    return np.swapaxes(numbers, 0, 1) if "transposed" in names else numbers


def every(mistakes: list[Mistake]) -> Iterator[tuple[Mistake, ...]]:
    """Give no mistake, each one, and each pair of unlike kinds whose options do not contradict one another."""
    yield ()
    yield from ((one,) for one in mistakes)
    for one, other in combinations(mistakes, 2):
        if one.kind != other.kind and not one.options.keys() & other.options.keys():
            yield one, other


class Vectors:
    """Make the tensors of one array of numbers.

    Args:
        values: what the input takes, (*shape) float32.
        kind: how it is prepared.
        spec: of the input.
    """

    def __init__(self, values: Array, kind: Modality, spec: TensorSpec) -> None:
        self._values, self._kind, self._spec = values, kind, spec

    def made(self, *mistakes: Mistake) -> Candidate:
        """Give the tensor with some mistakes."""
        options = {key: item for one in mistakes for key, item in one.options.items()}
        turned = options["turned"](self._values) if "turned" in options else self._values
        codes = np.asarray(turned * np.float32(options.get("factor", 1.0)), np.float32)
        names = {one.name for one in mistakes if one.kind == NUMBERS}
        numbers, dtype, unit = stored(codes, self._kind, self._spec, names, twice=False)
        step = float(np.abs(codes).max()) / 256 or 1.0
        return Candidate(mistakes, numbers.astype(np.float64), dtype, step if dtype == "float32" else unit)


def of_vector(kind: Modality, spec: TensorSpec) -> list[Mistake]:
    """Give the mistakes that are known of an array of numbers."""
    factors = {
        "divided by 255": 1 / 255,
        "divided by 32,768": 1 / 32768,
        "times 255": 255.0,
        "times 32,768": 32768.0,
    }
    found = [Mistake(how, VALUES, how, {"factor": factor}) for how, factor in factors.items()]
    shape = spec.shape[1:]
    turns: dict[str, Callable[[Array], Array]] = {"reversed": lambda values: values[::-1]} if shape else {}
    if sum(side > 1 for side in shape) == 2:
        turns["transposed"] = lambda values: values.squeeze().T.reshape(values.shape)
    words = {"reversed": "in reversed order", "transposed": "transposed in memory, columns before rows"}
    found += [Mistake(name, LAYOUT, words[name], {"turned": turn}) for name, turn in turns.items()]
    return [*found, *of_numbers(kind, spec)]
