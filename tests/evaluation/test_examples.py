"""Examples that are kept between measurements, and what is computed beside their reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pictures import meaning_of
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation import examples
from tflbuild.evaluation.examples import Encoder, Examples, annotated, in_order

SIDE = 8 * 8 * 3
"""Bytes of an input of 8 x 8 pixels."""


@dataclass(frozen=True, kw_only=True)
class Counted(Dataset):
    """Images of 6 x 10 pixels, each of its own grey; notes what is read."""

    task = "detection"
    name: str = ""
    reads: list[int] = field(default_factory=list)

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=f"{self.name}{k}") for k in range(4))
        return Index(classes=("a", "b"), splits={"val": samples, "test": samples})

    def read(self, sample: Sample) -> Example:
        number = int(sample.key)
        self.reads.append(number)
        box = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32) * (number + 1) / 4
        return Example(np.full((6, 10, 3), 50 * number, np.uint8), box, np.array([number % 2], np.int32))


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep nothing of other tests."""
    monkeypatch.setattr(examples, "_KEPT", examples._Kept())


def of(data: Counted, name: str = "val", **preprocess: Any) -> Examples:
    return Examples(Split(name, data, data.index()), meaning_of("detection", **preprocess))


def test_an_example_is_the_input_with_the_size_of_its_image() -> None:
    made = of(Counted())
    assert len(made) == 4
    example = made[3]
    assert example.codes["image"].shape == (8, 8, 3)
    assert example.geometry == {"image": (6, 10)}
    assert example.boxes[0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert example.labels.tolist() == [1]


@pytest.mark.parametrize(("room", "reads"), [(4 * SIDE, [0, 1, 2, 3]), (4 * SIDE - 1, [0, 1, 2, 3] * 2)])
def test_an_image_is_read_once_where_its_split_has_room(
    room: int, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "ROOM", room)
    data = Counted()
    for _ in range(2):
        made = of(data)
        assert [int(made[k].codes["image"][0, 0, 0]) for k in range(4)] == [0, 50, 100, 150]
    assert data.reads == reads


def fill(made: Examples) -> None:
    for position in range(len(made)):
        assert made[position] is not None


def test_another_preprocessing_takes_the_room_of_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "ROOM", 8 * SIDE)
    data = Counted()
    fill(of(data))
    fill(of(data, resize="nearest"))
    fill(of(data, resize="box"))  # the first one makes room
    data.reads.clear()
    fill(of(data, resize="nearest"))
    fill(of(data, resize="box"))
    assert data.reads == []
    fill(of(data))
    assert data.reads == [0, 1, 2, 3]


def test_parts_of_one_split_do_not_push_each_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a split is larger than the room, its first parts stay."""
    monkeypatch.setattr(examples, "ROOM", 2 * SIDE)
    data = Counted()
    whole = Split("val", data, data.index())
    for _ in range(2):
        for start in (0, 2):
            fill(Examples(whole.part(start, start + 2), meaning_of("detection")))
    assert data.reads == [0, 1, 2, 3, 2, 3]


def test_what_is_kept_is_of_one_content_split_preprocessing_and_size() -> None:
    data = Counted()
    fill(of(data))
    for other in (
        of(Counted(name="x", reads=data.reads)),
        of(data, "test"),
        of(data, scale=1.0),
        of(data, shape=(9, 8)),
        of(data, shape=(8, 9)),
    ):
        data.reads.clear()
        fill(other)
        assert data.reads == [0, 1, 2, 3]


def test_annotations_of_kept_examples_need_no_reading() -> None:
    data = Counted()
    fill(of(data))
    data.reads.clear()
    rows = list(annotated(Split("val", data, data.index())))
    assert data.reads == []
    assert [row.labels.tolist() for row in rows] == [[0], [1], [0], [1]]
    assert rows[3].boxes[0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    other = Counted(name="other")
    assert len(list(annotated(Split("val", other, other.index())))) == 4
    assert other.reads == [0, 1, 2, 3]


def test_annotations_of_a_sample_itself_come_first() -> None:
    data = Counted()
    labelled = Sample(key="0", digest="0", labels=(1, 0), boxes=((0, 0, 1, 1), (0, 0, 0.5, 0.5)))
    split = Split("val", data, Index(classes=("a", "b"), splits={"val": (labelled,)}))
    (row,) = annotated(split)
    assert row.labels.tolist() == [1, 0]
    assert row.boxes.tolist() == [[0, 0, 1, 1], [0, 0, 0.5, 0.5]]
    assert data.reads == []


NUMBERS = Input(modality="vector", shape=(2,))
ONE = Meaning(task="unlabelled", inputs={"x": NUMBERS})
TWO = Meaning(task="unlabelled", inputs={"x": NUMBERS, "y": NUMBERS})


def test_a_sample_is_that_of_the_one_input_whatever_its_name() -> None:
    assert Encoder(ONE)([1, 2])["x"].codes.tolist() == [1, 2]
    assert Encoder(ONE)({"x": [1, 2]})["x"].codes.tolist() == [1, 2]
    assert Encoder(TWO)({"y": [3, 4], "x": [1, 2], "z": "more"}).keys() == {"x", "y"}


def test_values_are_what_a_float_model_takes() -> None:
    values = Encoder(meaning_of("detection", scale=0.5, offset=-3.0)).values(np.full((8, 8, 3), 8, np.uint8))
    assert values["image"].dtype == np.float32
    assert np.unique(values["image"]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("meaning", "value", "said"),
    [
        (
            TWO,
            {"x": [1, 2], "z": [3, 4]},
            "sample 7 has the arrays 'x', 'z', and the model's inputs are 'x', 'y'; give each array its input's name.",
        ),
        (
            TWO,
            np.zeros(2),
            "sample 7 is one array, and the model's inputs are 'x', 'y'; give an array for each, by its name.",
        ),
        (
            ONE,
            {"z": np.zeros(2)},
            "sample 7 has the arrays 'z', and the model's inputs are 'x'; give each array its input's name.",
        ),
        (
            ONE,
            np.zeros(3),
            "sample 7 does not fit the input 'x': it has the shape (3,), and the input takes (2,).",
        ),
        (
            meaning_of("detection"),
            np.zeros((4, 4), np.uint8),
            "sample 7 does not fit the input 'image': a picture is (rows, columns, 3) uint8, and this is (4, 4) uint8.",
        ),
    ],
)
def test_a_sample_that_does_not_fit_is_named(meaning: Meaning, value: Any, said: str) -> None:
    with pytest.raises(DataError) as caught:
        Encoder(meaning)(value, "7")
    assert str(caught.value) == f"data: {said}"


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 130, 300])
def test_results_come_in_order_and_all_of_them(count: int) -> None:
    assert list(in_order(lambda position: position * position, count)) == [k * k for k in range(count)]


def test_a_slow_reader_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more results wait than are allowed to."""
    monkeypatch.setattr(examples, "AHEAD", 3)
    begun: list[int] = []
    results = in_order(lambda position: begun.append(position), 10)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(begun) <= 3


def test_four_are_computed_at_once() -> None:
    together = threading.Barrier(4, timeout=20)
    results: Iterator[int] = in_order(lambda position: together.wait(), 4)
    assert sorted(results) == [0, 1, 2, 3]
    assert examples.READERS == 4
