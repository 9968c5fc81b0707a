"""The content of TFLite metadata, as far as it is read and written: a model, its inputs and outputs, its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

AXIS_LABELS, VALUE_LABELS = 2, 3
"""Kinds of associated files: a name for each number of an axis, and a name for each value that a number may have."""


class AssociatedFile(NamedTuple):
    """A file that is packed behind the model.

    Attributes:
        name: of the member of the zip archive.
        kind: `AXIS_LABELS`, `VALUE_LABELS` or another.
        description: for people.
        locale: language of labels, as ISO 639-1 names it.
        version: of the file.
    """

    name: str
    kind: int
    description: str = ""
    locale: str = ""
    version: str = ""


class Box(NamedTuple):
    """The meaning of the numbers of a box.

    Attributes:
        order: where left, top, right and bottom stand, or what else `corners` has.
        corners: "boundaries", "upper_left" or "center".
        coordinates: "ratio" or "pixel".
    """

    order: tuple[int, ...]
    corners: str
    coordinates: str


class Sound(NamedTuple):
    """How the samples of a recording were taken.

    Attributes:
        rate: samples of a channel in a second.
        channels: how many.
    """

    rate: int
    channels: int


class Calibration(NamedTuple):
    """How the scores of a tensor become calibrated ones, beside a file of parameters for each class.

    Attributes:
        transformation: of scores, by its number in the schema.
        default: of what the file has no parameters for.
    """

    transformation: int
    default: float


@dataclass(frozen=True, kw_only=True)
class TensorMetadata:
    """The metadata of one input or output.

    Attributes:
        name: for people, and of the outputs of a detector for tools.
        description: for people.
        content: "image", "feature", "box", "audio", or "" where it is not said.
        colour: "rgb", "grey", or "" where it is not said.
        mean: of each channel or of all; () where there is no normalization.
        std: likewise.
        low: the lowest value of each channel or of all; () where it is not said.
        high: likewise the highest.
        box: of a box, where it is said.
        sound: of audio, where it is said.
        calibration: of scores; None for none.
        threshold: below which a score counts as nothing; None for none.
        files: that belong to it.
    """

    name: str = ""
    description: str = ""
    content: str = ""
    colour: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    box: Box | None = None
    sound: Sound | None = None
    calibration: Calibration | None = None
    threshold: float | None = None
    files: tuple[AssociatedFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The metadata of a model.

    Attributes:
        name: of the model.
        description: of the model.
        version: of the model.
        author: of the model.
        license: of the model.
        min_parser_version: of the schema that has every field of it.
        inputs: in the graph's order.
        outputs: likewise.
        files: that belong to the whole model or graph.
    """

    name: str = ""
    description: str = ""
    version: str = ""
    author: str = ""
    license: str = ""
    min_parser_version: str = ""
    inputs: tuple[TensorMetadata, ...] = ()
    outputs: tuple[TensorMetadata, ...] = ()
    files: tuple[AssociatedFile, ...] = ()
