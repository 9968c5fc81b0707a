from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recordings import pcm16, tone, wav, words
from tflbuild.core.dataset import DATASETS, Index
from tflbuild.core.errors import DataError, MissingTool
from tflbuild.data.audio_folder import AudioFolder
from tflbuild.data.auto import Auto
from tflbuild.data.image_folder import ImageFolder
from tflbuild.modalities.audio.files import inspect
from tflbuild.modalities.audio.modality import CURE

CLIP = {"duration": 0.2}


def index(root: Path, **options: Any) -> Index:
    return AudioFolder(root=str(root), preprocess=options.pop("preprocess", CLIP), **options).index(inspect)


def test_folders_are_classes_and_splits_are_parts(tmp_path: Path) -> None:
    found = index(words(tmp_path / "words"))
    assert found.classes == ("down", "up")
    assert {split: len(samples) for split, samples in found.splits.items()} == {
        "train": 13,
        "val": 3,
        "test": 4,
    }
    assert (found.dropped, found.remarks) == ((), ())
    sample = found.splits["train"][0]
    value, boxes, labels = AudioFolder(root=str(tmp_path / "words")).read(sample)
    assert (value.rate, value.samples.shape, boxes.shape, labels.tolist()) == (16000, (3200,), (0, 4), [0])


def test_folders_of_splits_are_those_splits(tmp_path: Path) -> None:
    words(tmp_path / "training")
    for place, name in enumerate(("down", "up")):
        (tmp_path / "test" / name).mkdir(parents=True)
        (tmp_path / "test" / name / "x.wav").write_bytes(wav(pcm16(tone(16000, 0.2, 2000 + place))))
    found = index(tmp_path)
    assert [len(found.splits[split]) for split in ("train", "val", "test")] == [16, 4, 2]
    assert {sample.key for sample in found.splits["test"]} == {"test/down/x.wav", "test/up/x.wav"}


def test_splits_are_the_same_as_those_of_pictures_named_alike(tmp_path: Path) -> None:
    found = index(words(tmp_path / "words"))
    other = ImageFolder(root=str(tmp_path / "words")).completed(
        {"train": [f"{name}/{k}.wav" for name in ("down", "up") for k in range(10)]}, key=str
    )
    assert {sample.key for sample in found.splits["test"]} == set(other["test"])


def test_what_cannot_be_used_is_left_out_by_name(tmp_path: Path) -> None:
    root = words(tmp_path / "words")
    sound = pcm16(tone(16000, 0.2, 999))
    bad = {
        "silent.wav": wav(b"\0\0" * 3200),
        "empty.wav": wav(b""),
        "nothing.wav": b"",
        "cut.wav": wav(sound)[:-100],
        "short.wav": wav(sound[:900]),
        "letter.wav": b"hello",
        "notes.txt": b"hello",
        "twin.wav": (root / "up" / "3.wav").read_bytes(),
        ".hidden.wav": wav(sound),
    }
    for name, content in bad.items():
        (root / "up" / name).write_bytes(content)
    (root / "loose.wav").write_bytes(wav(sound))
    found = index(root)
    said = dict(found.dropped)
    assert said.keys() == {*(f"up/{name}" for name in bad), "loose.wav"}
    assert said["up/silent.wav"] == "is silent: all of its samples are the same"
    assert said["up/empty.wav"] == "is empty: it has no sample"
    assert said["up/nothing.wav"] == "is empty: it has no byte"
    assert said["up/cut.wav"].startswith("is cut off: its header promises 6400 bytes")
    assert said["up/short.wav"] == "is 0.0281 s long, shorter than a frame of 30 ms"
    assert said["up/twin.wav"] == "the same recording as up/3.wav: used once"
    assert said["up/notes.txt"] == "not named like a recording"
    assert sum(map(len, found.splits.values())) == 20
    assert "up/short.wav" not in dict(index(root, preprocess={**CLIP, "window": 20}).dropped)


def test_what_is_done_to_recordings_is_said(tmp_path: Path) -> None:
    root = words(tmp_path / "words", rate=8000)
    (root / "up" / "long.wav").write_bytes(wav(pcm16(tone(16000, 0.5))))
    (root / "up" / "stereo.wav").write_bytes(
        wav(pcm16(np.repeat(tone(44100, 0.1), 2)), channels=2, rate=44100)
    )
    (root / "up" / "deep.wav").write_bytes(wav(b"\0\x01\x02" * 3200, bits=24)[:-1] + b"\x07")
    assert index(root).remarks == (
        "data: 20 recordings of 8000 Hz resampled to 16000 Hz",
        "data: 1 recording of 44100 Hz resampled to 16000 Hz",
        "data: 1 recording of several channels averaged to one",
        "data: 1 recording cut to the first 0.2 s",
        "data: 1 recording shorter than 0.2 s, followed by silence",
    )


def test_an_index_keeps_its_remarks_on_its_way_to_another_process(tmp_path: Path) -> None:
    found = index(words(tmp_path / "words", rate=8000))
    assert Index.from_json(found.to_json()).remarks == found.remarks
    assert found.thinned("train", 2).remarks == found.remarks


def test_flac_without_its_package_is_an_error_that_says_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "soundfile", None)
    root = words(tmp_path / "words")
    (root / "up" / "a.flac").write_bytes(b"fLaC" + b"\0" * 60)
    with pytest.raises(MissingTool, match=re.escape(CURE)):
        index(root)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "'{root}' is empty; expected a folder of recordings"),
        (("up/a.txt",), "has no recording that can be used"),
        (("a.wav", "b.wav"), "has no recording that can be used"),
        (("test/up/a.wav", "test/down/b.wav"), "named like a split, but there is no train folder"),
        (("train/up/a.wav", "up/b.wav"), "named like a split, but next to it is up"),
        (("up/a.wav", "up/b.wav", "up/c.wav", "up/d.wav"), "has only the class 'up'"),
    ],
)
def test_folders_of_another_form_are_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(wav(pcm16(tone(16000, 0.2, 300 + number))))
    with pytest.raises(DataError, match=re.escape(message.format(root=tmp_path))):
        index(tmp_path)


def test_a_recording_that_vanished_is_one_sentence(tmp_path: Path) -> None:
    root = words(tmp_path / "words")
    sample = index(root).splits["train"][0]
    Path(str(sample.path)).unlink()
    with pytest.raises(DataError, match=f"{sample.key} was readable when the build started"):
        AudioFolder(root=str(root)).read(sample)


def test_auto_recognises_folders_of_recordings(tmp_path: Path) -> None:
    root = words(tmp_path / "words")
    usual = DATASETS.get("auto")(root=str(root), augment={"flip": True, "shift": 3.0})
    found, recognised = usual.resolved()
    assert isinstance(found, AudioFolder)
    assert found.augment == {"shift": 3.0}
    assert recognised[0]["evidence"] == "2 folders of recordings, named like classes: down, up"
    with pytest.raises(DataError, match=r"data\.preprocess\.aspect: this option is for pictures, but"):
        Auto(root=str(root), preprocess={"aspect": "letterbox"}).resolved()


def test_the_recordings_of_spoken_digits_are_read(shared_data: Path) -> None:
    found = AudioFolder(root=str(shared_data / "spoken_digits")).index(inspect)
    assert [len(found.splits[split]) for split in ("train", "val", "test")] == [1440, 360, 200]
    assert len(found.classes) == 10
    assert found.dropped == ()
    assert found.remarks[0] == "data: 2000 recordings of 8000 Hz resampled to 16000 Hz"


def spoken(root: Path, speakers: dict[str, int]) -> Path:
    """Write a folder with splits in which everybody speaks."""
    hertz = 200
    for place, (name, count) in enumerate(speakers.items()):
        for number in range(count):
            split = root / ("test" if number == 0 else "train") / ("down", "up")[number % 2]
            split.mkdir(parents=True, exist_ok=True)
            hertz += 7 + place
            (split / f"{name}_{number}.wav").write_bytes(wav(pcm16(tone(16000, 0.2, hertz))))
    return root


def test_every_speaker_is_in_one_split(tmp_path: Path) -> None:
    root = spoken(tmp_path / "words", {"anna": 8, "ben": 8, "cora": 8, "dan": 8})
    shared = index(root)
    assert {Path(sample.key).name[0] for sample in shared.splits["test"]} == set("abcd")
    found = index(root, speaker="([^_]+)_")
    heard = {
        split: {Path(s.key).name.split("_")[0] for s in samples} for split, samples in found.splits.items()
    }
    assert sorted(len(names) for names in heard.values()) == [1, 1, 2]
    assert len(set().union(*heard.values())) == 4
    assert sum(map(len, found.splits.values())) == 32
    (said,) = [remark for remark in found.remarks if "speaker" in remark]
    assert f"test {''.join(heard['test'])}" in said
    assert any(index(root, speaker="([^_]+)_", seed=seed).splits != found.splits for seed in range(1, 6))


@pytest.mark.parametrize(
    ("speaker", "message"),
    [
        ("([^_]+)-", "data.speaker: '([^_]+)-' finds nothing in the name 'anna_"),
        ("([^_+_", "data.speaker: '([^_+_' is no regular expression"),
        ("[^_]+_", "data.speaker: '[^_]+_' has 0 pairs of brackets; put one around the name"),
        ("(anna|ben|cora|dan)", ""),
        ("([ab])?", "finds nothing in the name 'cora_"),
        ("(.).*", ""),
        (".*?([0-1])?", "finds nothing"),
    ],
)
def test_a_pattern_that_does_not_fit_is_refused(speaker: str, message: str, tmp_path: Path) -> None:
    root = spoken(tmp_path / "words", {"anna": 4, "ben": 4, "cora": 4})
    if not message:
        index(root, speaker=speaker)
        return
    with pytest.raises(DataError, match=re.escape(message)):
        index(root, speaker=speaker)


def test_every_split_keeps_a_speaker_whatever_the_fractions(tmp_path: Path) -> None:
    root = spoken(tmp_path / "words", {"anna": 4, "ben": 4, "cora": 4})
    found = index(root, speaker="([^_]+)_", test_fraction=0.9, val_fraction=0.9)
    assert [len(found.splits[split]) for split in ("train", "val", "test")] == [4, 4, 4]


def test_two_speakers_are_too_few(tmp_path: Path) -> None:
    root = spoken(tmp_path / "words", {"anna": 4, "ben": 4})
    with pytest.raises(
        DataError, match=r"there are 2 speakers \(anna, ben\), and train, val and test need one"
    ):
        index(root, speaker="([^_]+)_")
