"""Samples that no quantizer should be calibrated on: pictures for tflbuild, arrays for TensorFlow's converter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

COUNT = 40


def pictures(source: str, originals: list[Path], one_class: list[Path], folder: Path) -> Path:
    """Write pictures for `quantize.calibration.source`; none of them is a file of the data.

    Args:
        source: a key of `PICTURES`.
        originals: pictures of the training kind.
        one_class: pictures of one class.
        folder: to write into.
    """
    if not folder.exists():
        folder.mkdir(parents=True)
        for number, made in enumerate(PICTURES[source](originals, one_class)):
            Image.fromarray(made).save(folder / f"{number:03d}.png")
    return folder


def _mirrored(path: Path) -> np.ndarray:
    with Image.open(path) as photo:
        return np.asarray(ImageOps.mirror(photo.convert("RGB")))


def _noise(originals: list[Path], _: list[Path]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, _mirrored(path).shape, np.uint8) for path in originals[:COUNT]]


def _faint_noise(originals: list[Path], _: list[Path]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = [_mirrored(path).shape for path in originals[:COUNT]]
    return [rng.normal(128, 12, shape).clip(0, 255).astype(np.uint8) for shape in shapes]


def _copies(originals: list[Path], _: list[Path]) -> list[np.ndarray]:
    return [_mirrored(originals[0])] * 10


def _one_class(_: list[Path], one_class: list[Path]) -> list[np.ndarray]:
    return [_mirrored(path) for path in one_class[:COUNT]]


def _ones(originals: list[Path], _: list[Path]) -> list[np.ndarray]:
    return [np.round(_mirrored(path) / 255).astype(np.uint8) for path in originals[:COUNT]]


def _pale(part: float) -> Callable[[list[Path], list[Path]], list[np.ndarray]]:
    def made(originals: list[Path], _: list[Path]) -> list[np.ndarray]:
        values = [_mirrored(path).astype(np.float32) for path in originals[:COUNT]]
        return [np.round(128 + part * (each - 128)).astype(np.uint8) for each in values]

    return made


def _dark_copies(originals: list[Path], _: list[Path]) -> list[np.ndarray]:
    return [(_mirrored(originals[0]) // 8).astype(np.uint8)] * 10


PICTURES: Mapping[str, Callable[[list[Path], list[Path]], list[np.ndarray]]] = {
    "noise": _noise,
    "faint noise": _faint_noise,
    "ten copies": _copies,
    "one class": _one_class,
    "0..1": _ones,
    "a quarter of the contrast": _pale(1 / 4),
    "an eighth of the contrast": _pale(1 / 8),
    "copies of a dark one": _dark_copies,
}


def arrays(source: str, good: Path, out: Path) -> Path:
    """Write model values for a converter, (sample, ...), made of good ones."""
    values = np.load(good)
    rows = values[values.files[0]].astype(np.float32)
    np.savez(out, x=ARRAYS[source](rows))
    return out


def _bytes(rows: np.ndarray) -> np.ndarray:
    low, high = float(rows.min()), float(rows.max())
    return (rows - low) / (high - low) * 255


ARRAYS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "good": lambda rows: rows[:200],
    "0..255": lambda rows: _bytes(rows[:COUNT]),
    "noise": lambda rows: np.random.default_rng(0).uniform(rows.min(), rows.max(), rows[:COUNT].shape),
    "ten copies": lambda rows: np.repeat(rows[:1], 10, axis=0),
    "one picture": lambda rows: rows[:1],
    "a tenth": lambda rows: rows[:COUNT] / 10,
    "a third": lambda rows: rows[:COUNT] / 3,
}
