from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.dataset import Index
from tflbuild.core.errors import DataError
from tflbuild.data.anomaly_arrays import AnomalyArrays


def write(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def rows(count: int, seed: int = 1) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal((count, 6)).astype(np.float32)


def index(path: Path, **options: Any) -> Index:
    return AnomalyArrays(root=str(path), **options).index(lambda path: None)  # type: ignore[arg-type, return-value]


def counts(found: Index) -> dict[str, tuple[int, int]]:
    labels = {split: [sample.labels[0] for sample in samples] for split, samples in found.splits.items()}
    return {split: (some.count(0), some.count(1)) for split, some in labels.items()}


def test_rows_are_sides_and_train_is_normal_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", x=rows(80), labels=np.array([0, 1, 2, 3] * 20))
    found = index(path, normal=(0, 2))
    parted = counts(found)
    assert parted["train"][1] == 0
    assert all(min(parted[split]) > 0 for split in ("val", "test"))
    left = 40 - parted["train"][0] - parted["val"][0] - parted["test"][0]
    assert left == 0, "no normal row is lost"
    gone = 40 - parted["val"][1] - parted["test"][1]
    assert [one.reason for one in found.dropped] == [
        f"{gone} rows are abnormal: an autoencoder learns from normal ones alone"
    ]
    assert found.classes == ()
    data = AnomalyArrays(root=str(path), normal=(0, 2))
    assert (data.task, data.modality) == ("reconstruction", "vector")
    sample = found.splits["test"][0]
    row = int(sample.key)
    assert np.array_equal(data.read(sample).value, rows(80)[row])
    assert data.read(sample).labels.tolist() == [row % 2]
    assert index(path, normal=(0, 2)).digest("test") != index(path, normal=(0, 1)).digest("test")


def test_splits_of_the_file_stay(tmp_path: Path) -> None:
    arrays = {
        f"{kind}_{split}": rows(count, seed) if kind == "x" else labels
        for seed, (split, count, labels) in enumerate(
            [
                ("train", 6, np.zeros(6, int)),
                ("val", 4, np.array([0, 1] * 2)),
                ("test", 4, np.array([0, 5] * 2)),
            ]
        )
        for kind in ("x", "y")
    }
    found = index(write(tmp_path / "a.npz", **arrays))
    assert counts(found) == {"train": (6, 0), "val": (2, 2), "test": (2, 2)}
    assert found.dropped == ()


def test_bytes_are_pictures(tmp_path: Path) -> None:
    pictures = np.random.Generator(np.random.PCG64(2)).integers(0, 256, (24, 8, 8), np.uint8)
    data = AnomalyArrays(root=str(write(tmp_path / "a.npz", x=pictures, y=np.array([0, 0, 1] * 8))))
    assert (data.task, data.modality) == ("reconstruction", "image")
    _, seen = data.resolved()
    assert {"what": "sides", "value": "normal and abnormal", "evidence": "labels 0 are normal"} in seen


@pytest.mark.parametrize(
    ("labels", "normal", "message"),
    [
        ([0, 1], (7,), "the train split of"),
        ([0, 1], (0, 1), "has no abnormal row; labels 0, 1 are normal (data.normal)"),
    ],
)
def test_a_side_that_is_missing_is_refused(
    labels: list[int], normal: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.npz", x=rows(40), labels=np.array(labels * 20))
    with pytest.raises(DataError, match=re.escape(message)):
        index(path, normal=normal)


def test_rows_without_labels_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", x=rows(40))
    with pytest.raises(DataError, match=r"has no array of labels, which says what is normal"):
        AnomalyArrays(root=str(path)).resolved()
