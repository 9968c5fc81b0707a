"""The inputs of a `.tflite`: the kind of sample that goes into each, and how its values are scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.model_format import Evidence
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.pictures import ASSUMED, GREY, Kind, Pixels, likeness, usual
from tflbuild.formats.tflite.front import front_of
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.metadata_form import TensorMetadata

PICTURE, NUMBERS = "image", "vector"
"""Names of modalities."""

LOWEST: Mapping[str, int] = {"uint8": 0, "int8": -128}
"""Lowest value of a dtype that holds a pixel."""

DTYPES = ("float32", "float16", "uint8", "int8", "int16")
"""Dtypes of inputs that take pictures."""

LARGEST = 1e9
"""Most that a mean or a deviation of pixels is, and the inverse of the least that a deviation is."""


def kind_of(graph: Graph, index: int, known: TensorMetadata, name: str = "") -> Kind:
    """Read the kind of an input.

    Args:
        graph: of the model.
        index: the input.
        known: what metadata say of it.
        name: what tells it from other inputs; "" where there is one.
    """
    spec = graph.spec(index)
    picture, reason = _picture(spec, known, _pixels(graph, index))
    said = Evidence(f"input{name and f' {name}'}", f"{PICTURE if picture else NUMBERS}, {spec.text}", reason)
    if not picture:
        return Kind(NUMBERS, recognised=(said,))
    channels = {"channels": "grey"} if spec.shape[3] == GREY else {}
    if known.colour == "rgb" and not channels:
        channels = {"channels": "rgb"}
    options, value, evidence = _scaling(graph, index, known)
    return Kind(
        PICTURE,
        {**channels, **options},
        (said, Evidence(f"preprocess{name and f' of {name}'}", value, evidence)),
    )


def _picture(spec: TensorSpec, known: TensorMetadata, pixels: Pixels | None) -> tuple[bool, str]:
    found = likeness(spec.shape)
    if spec.dtype not in DTYPES:
        return False, f"a picture cannot be {spec.dtype}"
    shaped = len(spec.shape) == 4 and spec.shape[3] in (1, 3)
    if known.content and shaped:
        return known.content == "image", f"its metadata say that it is {_content(known.content)}"
    if found.sure:
        return found.channels > 0, found.reason
    quantized = _codes(spec)
    if quantized is not None:  # of a square, or of what is none: the range tells
        low, high = _range(quantized)
        if pixels is not None:
            return True, f"one channel, and its range {low:.4g}..{high:.4g} is one of pixels, {pixels.words}"
        return False, f"one channel, and its range {low:.4g}..{high:.4g} is not a usual one of pixels"
    return found.channels > 0, found.reason


def _content(content: str) -> str:
    return {"image": "an image", "feature": "features", "box": "boxes"}[content]


def _codes(spec: TensorSpec) -> TensorSpec | None:
    return spec if spec.dtype in LOWEST and spec.scale > 0 else None


def _range(spec: TensorSpec) -> tuple[float, float]:
    """Give what the lowest and the highest value of a byte mean."""
    low = (LOWEST[spec.dtype] - spec.zero_point) * spec.scale
    return low, low + 255 * spec.scale


def _stored(graph: Graph, index: int) -> TensorSpec:
    """Describe how an input is quantized: itself, or what a float input is at once turned into."""
    spec, readers = graph.spec(index), graph.readers(index)
    turned = len(readers) == 1 and readers[0].kind == "QUANTIZE" and spec.dtype == "float32"
    return graph.spec(readers[0].outputs[0]) if turned else spec


def _pixels(graph: Graph, index: int) -> Pixels | None:
    spec = _codes(_stored(graph, index))
    return usual(*_range(spec)) if spec is not None else None


def _scaling(graph: Graph, index: int, known: TensorMetadata) -> tuple[dict[str, Any], str, str]:
    """Give the options that say how pixels are scaled, the words for it, and what shows it."""
    spec, stored, pixels = graph.spec(index), _stored(graph, index), _pixels(graph, index)
    channels = spec.shape[3]
    if pixels is not None and not pixels.by_channel:
        return _of_range(stored, pixels, known)
    if known.std:
        wrong = _wrong(known, channels)
        if not wrong:
            return _normalized(known)
        return {}, "assumed", f"its metadata {wrong}, which is impossible; {ASSUMED}"
    if pixels is not None and channels != GREY:
        return dict(pixels.by_channel), f"mean and std, {pixels.words}", _measured(stored)
    if spec.dtype == "uint8" and not spec.scale:
        return {"scale": 1.0, "offset": 0.0}, "raw pixels, 0..255", "it takes uint8 that is not quantized"
    front = front_of(graph, index)
    if front.takes == "raw":
        return {"scale": 1.0, "offset": 0.0}, "raw pixels, 0..255", front.evidence
    if front.takes == "unit":
        return {"scale": 1 / 255, "offset": 0.0}, "pixels in 0..1", front.evidence
    if _codes(stored) is not None:
        return {}, "assumed", f"{_measured(stored)}, which is not a usual one of pixels; {ASSUMED}"
    return {}, "assumed", ASSUMED


def _measured(stored: TensorSpec) -> str:
    low, high = _range(stored)
    return f"scale {stored.scale:.6g} and zero point {stored.zero_point} span {low:.4g}..{high:.4g}"


def _of_range(stored: TensorSpec, pixels: Pixels, known: TensorMetadata) -> tuple[dict[str, Any], str, str]:
    """Take bytes as they are, since what they mean is a usual scaling of pixels."""
    low, _ = _range(stored)
    evidence = f"{_measured(stored)}, a usual range of pixels"
    if known.std:
        evidence += f"; metadata say mean {known.mean[0]:g} and std {known.std[0]:g}"
    return {"scale": stored.scale, "offset": low + 0.0}, f"pixels in {pixels.words}", evidence


def _wrong(known: TensorMetadata, channels: int) -> str:
    """Say what is wrong with the normalization of metadata; "" for nothing."""
    for what, numbers in (("means", known.mean), ("deviations", known.std)):
        if len(numbers) not in (1, channels):
            return f"give {len(numbers)} {what} for {channels} channels"
        if max(map(abs, numbers)) > LARGEST:
            return f"give {what} of {max(numbers, key=abs):g}"
    return f"give deviations of {min(known.std):g}" if min(known.std) < 1 / LARGEST else ""


def _normalized(known: TensorMetadata) -> tuple[dict[str, Any], str, str]:
    """Turn the normalization of metadata, (x - mean) / std, into options."""
    count = max(len(known.mean), len(known.std))
    mean, std = (tuple(numbers * (count // len(numbers))) for numbers in (known.mean, known.std))
    evidence = f"its metadata normalize by mean {_said(known.mean)} and std {_said(known.std)}"
    if len(set(mean)) == 1 and len(set(std)) == 1:
        scale, offset = 1 / std[0], -mean[0] / std[0] + 0.0
        low, high = offset, 255 * scale + offset
        return {"scale": scale, "offset": offset}, f"pixels in {low:.4g}..{high:.4g}", evidence
    return {"mean": list(mean), "std": list(std)}, "mean and std of each channel", evidence


def _said(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
