"""Files of a user's own, and data for them, small enough to compile in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from foreign_networks import FUSED, Draft, two_inputs, two_outputs, unsigned, vector
from tflbuild.tflite import flatbuffer

ROWS = 48
CLASSES = ("bird", "cat", "dog")


def classifier() -> bytes:
    """Give a classifier of pictures of 12 x 12 that ends in a softmax."""
    draft = Draft(6, image=(1, 12, 12, 3))
    draft.conv("seen", "image", 4)
    draft.reshape("flat", "seen", 1, 576)
    draft.dense("row", "flat", 3)
    draft.softmax("scores", "row")
    return draft.content("scores")


def grey() -> bytes:
    """Give a model of pictures with one channel, whose output nobody said what it is."""
    draft = Draft(7, image=(1, 12, 12, 1))
    draft.conv("seen", "image", 4)
    draft.reshape("flat", "seen", 1, 576)
    draft.dense("code", "flat", 5, FUSED.RELU)
    return draft.content("code")


FILES = {
    "unsigned": unsigned,
    "two_inputs": two_inputs,
    "two_outputs": two_outputs,
    "vector": vector,
    "classifier": classifier,
    "grey": grey,
}


def write_files(folder: Path) -> None:
    """Write every file as NAME.tflite."""
    for name, make in FILES.items():
        (folder / f"{name}.tflite").write_bytes(make())


def write_rows(path: Path, **shapes: tuple[int, ...]) -> Path:
    """Write arrays of random numbers, a row for each sample."""
    rng = np.random.default_rng(8)
    np.savez(
        path, **{name: rng.normal(size=(ROWS, *shape)).astype(np.float32) for name, shape in shapes.items()}
    )
    return path


def picture(seed: int) -> Any:
    """Give a random picture that is smooth, so that shrinking it leaves something."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    return np.kron(blocks, np.ones((4, 4, 1), np.uint8))


def write_photos(folder: Path, count: int = ROWS) -> Path:
    """Write pictures without labels."""
    folder.mkdir()
    for number in range(count):
        Image.fromarray(picture(number)).save(folder / f"{number:03}.png")
    return folder


def write_classes(folder: Path, count: int = 16, classes: tuple[str, ...] = CLASSES) -> Path:
    """Write a folder of pictures for each class."""
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(picture(1000 * place + number)).save(folder / name / f"{number:03}.png")
    return folder


def without_signature(content: bytes) -> bytes:
    """Leave the signature out."""
    model = flatbuffer.unpack(content)
    model.signatureDefs = None
    return flatbuffer.pack(model)


CLASSIFIER = [
    "recipe=int8",
    "model.path=classifier.tflite",
    "data.root=classes",
    "quantize.method=fixed",
    "quantize.fallback=[]",
    "quantize.budget=null",
]
"""Words that build the classifier among the files on its pictures, whatever that costs."""


def write_classifier(folder: Path) -> None:
    """Write what `CLASSIFIER` builds."""
    write_files(folder)
    write_classes(folder / "classes")
