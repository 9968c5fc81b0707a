"""Which samples are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.analyses.field.choosing import chosen
from tflbuild.core.dataset import Dataset, Index, Sample, Split
from tflbuild.core.errors import DataError


def split(folder: Path, name: str, contents: list[str]) -> Split:
    folder.mkdir(exist_ok=True)
    samples = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.png"
        path.write_text(content)
        samples.append(Sample(key=path.name, digest=content, path=str(path)))
    return Split(name, Dataset(), Index(classes=(), splits={name: tuple(samples)}))


def test_copies_of_training_samples_are_left_out_and_counted(tmp_path: Path) -> None:
    train, field = (
        split(tmp_path / "t", "train", ["a", "b", "c"]),
        split(tmp_path / "f", "f", ["b", "x", "yy"]),
    )
    found = chosen(train, field, 200, 0)
    assert [sample.digest for sample in found.field.samples] == ["x", "yy"]
    assert found.notes == ("1 of the 3 field samples are training samples and are skipped",)


def test_training_samples_alone_are_refused(tmp_path: Path) -> None:
    train = split(tmp_path / "t", "train", ["a", "b"])
    with pytest.raises(
        DataError, match=r"all 2 samples of 'train' are training samples.*name samples from the field"
    ):
        chosen(train, train, 200, 0)


def test_no_more_than_asked_for_are_taken_in_order(tmp_path: Path) -> None:
    train = split(tmp_path / "t", "train", [f"t{k}" for k in range(30)])
    field = split(tmp_path / "f", "f", [f"f{k}" for k in range(30)])
    found = chosen(train, field, 10, 3)
    assert (len(found.train), len(found.field), found.notes) == (10, 10, ())
    keys = [int(Path(sample.key).stem) for sample in found.field.samples]
    assert keys == sorted(keys)
