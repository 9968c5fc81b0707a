"""What an option of a data set may be: its ends are taken, and what lies beyond them is refused."""

from __future__ import annotations

import math
import re
import typing
from dataclasses import fields
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tflbuild.data.arrays import Arrays
from tflbuild.data.auto import Auto
from tflbuild.data.coco import Coco
from tflbuild.data.csv import Csv
from tflbuild.data.fashion_mnist import FashionMnist
from tflbuild.data.image_folder import ImageFolder
from tflbuild.data.images import Images
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import Difficulty, Signs
from tflbuild.data.tfrecord import TfRecord
from tflbuild.data.voc import Voc
from tflbuild.data.yolo import Yolo

OPEN = (math.ulp(0.0), math.nextafter(1, 0))
FILES = {"val_fraction": OPEN, "test_fraction": OPEN, "seed": (0, None)}
COUNTS = ("train", "val", "test")
DRAWS = {"seed": (0, None)} | dict.fromkeys(COUNTS, (1, None))
ENDS: dict[type, dict[str, tuple[float | None, float | None]]] = {
    Signs: {"seed": (0, None), "image_size": (32, 1024), "max_objects": (1, 8)}
    | dict.fromkeys(COUNTS, (1, 1_000_000)),
    SignCrops: {"seed": (0, None), "image_size": (32, 1024)} | dict.fromkeys(COUNTS, (8, 1_000_000)),
    Difficulty: {
        "min_size": (math.nextafter(0.05, 1), 1.0),
        "max_size": (math.nextafter(0.05, 1), 1.0),
        "rotation": (0, 45),
        "perspective": (0.0, 0.5),
        "clutter": (0.0, 20.0),
        "occlusion": (0.0, 1.0),
        "blur": (0.0, 1.0),
        "noise": (0, 64),
        "lighting": (0.0, 1.0),
    },
    FashionMnist: {"seed": (0, None)} | dict.fromkeys(COUNTS, (1, None)),
    Coco: FILES,
    Csv: FILES,
    TfRecord: FILES,
    Yolo: FILES,
    Voc: FILES,
    ImageFolder: FILES,
    Images: DRAWS,
    Arrays: DRAWS,
    Auto: FILES | DRAWS,
}
ENDS |= {kind: ends | {"max_pixels": (1, None)} for kind, ends in ENDS.items() if kind is not Difficulty}
"""The least and the largest value of every option that is a number."""


def beyond(end: float, way: float) -> float:
    return end + int(math.copysign(1, way)) if isinstance(end, int) else math.nextafter(end, way)


@pytest.mark.parametrize("kind", ENDS, ids=lambda kind: kind.__name__)
def test_the_ends_of_an_option_are_taken_and_nothing_beyond(kind: type) -> None:
    adapter = TypeAdapter(kind)
    for option, (least, most) in ENDS[kind].items():
        for end, way in ((least, -math.inf), (most, math.inf)):
            if end is None:
                continue
            assert getattr(adapter.validate_python({option: end}), option) == end
            with pytest.raises(ValidationError):
                adapter.validate_python({option: beyond(end, way)})


@pytest.mark.parametrize("kind", ENDS, ids=lambda kind: kind.__name__)
def test_every_option_that_is_a_number_has_its_ends_here(kind: Any) -> None:
    hints = typing.get_type_hints(kind, include_extras=True)
    ranged = {field.name for field in fields(kind) if re.search(r"\bG[et]\(", str(hints[field.name]))}
    assert ranged == set(ENDS[kind])
