"""Inputs and outputs of a delivered file, as they are described to tools of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Content = Literal["feature", "image", "box", "audio"]


@dataclass(frozen=True, kw_only=True)
class TensorDescription:
    """An input or output, for the metadata of a delivered file. Modalities describe inputs, tasks outputs.

    Attributes:
        name: that tools know it by, e.g. "location"; "" for the tensor's own.
        description: one or two sentences for people.
        content: "image" for pixels that are given as they are, "box" for (ymin, xmin, ymax, xmax) in 0..1 of a
            picture, "audio" for the samples of a recording, and "feature" for any other numbers.
        colour: "rgb" or "grey"; "" for what is no image.
        mean: of all channels or of each, in the codes of the modality: the model takes (code - mean) / std.
        std: likewise.
        low: the lowest value, of all channels or of each; () where it is unknown.
        high: likewise the highest.
        labels: class names, by index.
        labelled: whether `labels` name the places of the last axis, or the values.
        rate: samples of a channel in a second; 0 for what is no audio.
    """

    name: str = ""
    description: str = ""
    content: Content = "feature"
    colour: Literal["", "rgb", "grey"] = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    labelled: Literal["axis", "values"] = "axis"
    rate: int = 0
