from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recordings import pcm16, tone, wav
from tflbuild.core.dataset import Index
from tflbuild.core.errors import DataError
from tflbuild.data.anomaly_folder import AnomalyFolder
from tflbuild.data.auto import Auto
from tflbuild.modalities.audio.files import inspect

PIECES = {
    "front_end": "log_mel",
    "cut": "pieces",
    "duration": 0.192,
    "window": 64.0,
    "stride": 32.0,
    "bands": 128,
    "low": 0.0,
    "high": 8000.0,
}


def write(root: Path, names: dict[str, int], rate: int = 16000, seconds: float = 0.3) -> Path:
    """Write so many recordings for each name with a `%d`; all differ."""
    for place, (name, count) in enumerate(names.items()):
        for number in range(count):
            file = root / (name % number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(wav(pcm16(tone(rate, seconds, 200 + 300 * place + 10 * number)), rate=rate))
    return root


def index(root: Path, **options: Any) -> Index:
    return AnomalyFolder(root=str(root), preprocess=PIECES, **options).index(inspect)


def counts(found: Index) -> dict[str, tuple[int, int]]:
    """Give how many of each split are normal, and how many are not."""
    labels = {split: [sample.labels[0] for sample in samples] for split, samples in found.splits.items()}
    return {split: (some.count(0), some.count(1)) for split, some in labels.items()}


def test_two_folders_are_parted_and_nothing_abnormal_is_trained_on(tmp_path: Path) -> None:
    found = index(write(tmp_path, {"normal/%d.wav": 20, "abnormal/%d.wav": 10}))
    assert counts(found) == {"train": (13, 0), "val": (3, 5), "test": (4, 5)}
    assert (found.classes, found.dropped) == ((), ())
    sample = next(one for one in found.splits["test"] if one.labels == (1,))
    value, boxes, labels = AnomalyFolder(root=str(tmp_path)).read(sample)
    assert (value.rate, value.samples.shape, boxes.shape, labels.tolist()) == (16000, (4800,), (0, 4), [1])


def test_names_of_dcase_are_sides_and_val_takes_of_train_and_of_test(tmp_path: Path) -> None:
    names = {
        "train/normal_id_00_%08d.wav": 20,
        "test/normal_id_00_%08d.wav": 5,
        "test/anomaly_id_00_%08d.wav": 10,
    }
    found = index(write(tmp_path, names))
    assert counts(found) == {"train": (16, 0), "val": (4, 2), "test": (5, 8)}
    assert {one.key.split("/")[0] for one in found.splits["test"]} == {"test"}


def test_what_is_abnormal_in_train_is_left_out_and_said(tmp_path: Path) -> None:
    names = {
        "train/normal/%d.wav": 6,
        "train/abnormal/%d.wav": 2,
        "val/normal/%d.wav": 2,
        "val/abnormal/%d.wav": 2,
        "test/normal/%d.wav": 2,
        "test/anomaly/%d.wav": 2,
    }
    found = index(write(tmp_path, names))
    assert counts(found) == {"train": (6, 0), "val": (2, 2), "test": (2, 2)}
    assert [(one.file, one.reason) for one in found.dropped] == [
        (f"train/abnormal/{number}.wav", "abnormal: an autoencoder learns from normal ones alone")
        for number in (0, 1)
    ]


def test_splits_follow_from_the_seed_alone(tmp_path: Path) -> None:
    root = write(tmp_path, {"normal/%d.wav": 20, "abnormal/%d.wav": 10})
    assert index(root) == index(root)
    assert index(root).splits["test"] != index(root, seed=1).splits["test"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"abnormal/%d.wav": 4}, "has no normal recording to train on"),
        ({"normal/%d.wav": 8}, "leaves the val split without any abnormal recording, and auc compares both"),
        ({"normal/%d.wav": 8, "abnormal/%d.wav": 1}, "leaves the test split without any abnormal recording"),
        ({"good/%d.wav": 4, "bad/%d.wav": 4}, "has no recording that can be used"),
        ({"normal/%d.wav": 4, "test/abnormal/%d.wav": 4}, "'normal/0.wav' in"),
        ({"test/normal/%d.wav": 4, "test/abnormal/%d.wav": 4}, "has no normal recording to train on"),
    ],
)
def test_a_folder_without_what_is_needed_is_refused(
    names: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        index(write(tmp_path, names))
    assert "expected folders normal/ and abnormal/" in str(caught.value)


def test_what_cannot_be_used_is_left_out_by_name(tmp_path: Path) -> None:
    root = write(tmp_path, {"normal/%d.wav": 8, "abnormal/%d.wav": 4})
    (root / "normal" / "silent.wav").write_bytes(wav(pcm16(np.zeros(4800))))
    (root / "normal" / "short.wav").write_bytes(wav(pcm16(tone(16000, 0.1, 777))))
    (root / "normal" / "notes.csv").write_text("a,b", encoding="utf-8")
    (root / "other").mkdir()
    (root / "other" / "x.wav").write_bytes(wav(pcm16(tone(16000, 0.3, 888))))
    (root / "abnormal" / "twin.wav").write_bytes((root / "normal" / "0.wav").read_bytes())
    said = {one.file: one.reason for one in index(root).dropped}
    assert said["normal/silent.wav"] == "is silent: all of its samples are the same"
    assert said["normal/short.wav"] == "is 0.1 s long, too short for a piece of 0.192 s"
    assert said["normal/notes.csv"] == "not named like a recording"
    assert said["other/x.wav"] == "neither it nor a folder above it is named normal or abnormal"
    assert "has several classes" in said["normal/0.wav"]
    assert "has several classes" in said["abnormal/twin.wav"]


def test_mixed_rates_are_resampled_and_said(tmp_path: Path) -> None:
    root = write(tmp_path, {"normal/%d.wav": 8, "abnormal/%d.wav": 4})
    write(root, {"normal/low_%d.wav": 3}, rate=8000)
    found = index(root)
    assert found.remarks == ("data: 3 recordings of 8000 Hz resampled to 16000 Hz",)


def resolved(root: Path) -> tuple[str, str]:
    data, seen = Auto(root=str(root)).resolved()
    return type(data).name, seen[0]["evidence"]


def test_auto_recognises_names_of_files_and_a_train_split_of_normal_ones(tmp_path: Path) -> None:
    names = {"train/normal_id_00_%d.wav": 2, "test/normal_id_00_%d.wav": 1, "test/anomaly_id_00_%d.wav": 2}
    name, evidence = resolved(write(tmp_path / "dcase", names))
    assert name == "anomaly_folder"
    assert "3 normal recordings and 2 abnormal recordings, by the names of the files" in evidence
    names = {"train/normal/%d.wav": 2, "test/normal/%d.wav": 1, "test/abnormal/%d.wav": 1}
    name, evidence = resolved(write(tmp_path / "split", names))
    assert name == "anomaly_folder"
    assert "train holds normal ones alone" in evidence


def test_auto_asks_where_two_folders_may_be_classes(tmp_path: Path) -> None:
    root = write(tmp_path, {"normal/%d.wav": 2, "abnormal/%d.wav": 1})
    with pytest.raises(
        DataError, match=r"could be anomaly_folder .* or audio_folder .*; choose one"
    ) as caught:
        resolved(root)
    assert "2 normal recordings and 1 abnormal recording, by the names of folders" in str(caught.value)


def test_folders_of_other_names_stay_classes(tmp_path: Path) -> None:
    assert resolved(write(tmp_path, {"yes/%d.wav": 2, "normal/%d.wav": 1}))[0] == "audio_folder"


def test_auto_asks_where_train_holds_both(tmp_path: Path) -> None:
    names = {f"{split}/{side}/%d.wav": 2 for split in ("train", "test") for side in ("normal", "abnormal")}
    with pytest.raises(DataError, match=r"could be anomaly_folder .* or audio_folder"):
        resolved(write(tmp_path, names))
