from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Index, Split
from tflbuild.core.errors import DataError
from tflbuild.data.csv_values import CsvValues
from tflbuild.data.sound_values import SoundValues
from tflbuild.modalities.audio.files import inspect as inspect_sound
from tflbuild.modalities.image.files import inspect

HEAD = "filename,angle,note,pressure"


def photos(root: Path, count: int) -> list[str]:
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (8, 10, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
    return [f"{number}.png,{number * 1.5},n{number},{-number}e-1" for number in range(count)]


def table(root: Path, lines: list[str], name: str = "values.csv", head: str = HEAD) -> Path:
    (root / name).write_text("\n".join([head, *lines]) + "\n")
    return root


def made(root: Path, **options: Any) -> Index:
    return CsvValues(root=str(root), **options).index(inspect)


def numbers(index: Index) -> dict[str, tuple[Any, ...]]:
    return {sample.key: sample.numbers for samples in index.splits.values() for sample in samples}


def test_columns_of_numbers_are_the_values(tmp_path: Path) -> None:
    root = table(tmp_path, photos(tmp_path, 10))
    index = made(root)
    assert index.classes == ("angle", "pressure")
    assert numbers(index)["3.png"] == (4.5, -0.3)
    assert {split: len(samples) for split, samples in index.splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    data = CsvValues(root=str(root))
    example = Split("test", data, index)[0]
    assert example.labels.dtype == np.float64
    assert tuple(example.labels.tolist()) == numbers(index)[index.splits["test"][0].key]
    assert made(root, columns=("pressure",)).classes == ("pressure",)
    assert made(root / "values.csv").splits == index.splits
    assert made(root, columns=("pressure",)).digest("test") != index.digest("test")


def test_tables_and_columns_say_splits(tmp_path: Path) -> None:
    lines = photos(tmp_path, 9)
    apart = ["train", "train", "val"] * 3
    root = table(
        tmp_path, [f"{line},{split}" for line, split in zip(lines, apart, strict=True)], head=f"{HEAD},split"
    )
    index = made(root)
    assert {split: len(samples) for split, samples in index.splits.items()} == {
        "train": 5,
        "val": 3,
        "test": 1,
    }
    other = tmp_path / "named"
    table(other, photos(other, 9)[:6], "train.csv")
    table(other, photos(other, 9)[6:], "test.csv")
    assert sorted(sample.key for sample in made(other).splits["test"]) == ["6.png", "7.png", "8.png"]


REFUSED = {
    "a word": (
        ["3.png,red,n,1"],
        {"columns": ("angle",)},
        "values.csv, line 2: 'angle' is 'red', which is no finite",
    ),
    "nothing": (["3.png,,n,1"], {"columns": ("angle",)}, "values.csv, line 2: 'angle' is nothing"),
    "infinity": (
        ["3.png,inf,n,1"],
        {"columns": ("angle",)},
        "line 2: 'angle' is 'inf', which is no finite number",
    ),
    "an unknown column": (
        [],
        {"columns": ("angel",)},
        "has no column 'angel'; there are filename, angle",
    ),
    "a file column": ([], {"file_column": "path"}, "has no column 'path'"),
    "no file": ([",1,n,1"], {"columns": ("angle",)}, "line 2: it names no file"),
    "classes": ([], {"classes": ("a",)}, "data.classes: numbers have no classes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_that_is_no_number_names_its_line(tmp_path: Path, name: str) -> None:
    lines, options, message = REFUSED[name]
    with pytest.raises(DataError, match=re.escape(message)):
        made(table(tmp_path, [*lines, *photos(tmp_path, 9)]), **options)


def test_a_table_without_numbers_says_the_first_word(tmp_path: Path) -> None:
    photos(tmp_path, 2)
    root = table(tmp_path, ["0.png,a", "1.png,b"], head="filename,kind")
    with pytest.raises(DataError, match="has no column of numbers alone; line 2 has 'a' in 'kind'"):
        made(root)


def test_values_that_are_all_the_same_are_refused(tmp_path: Path) -> None:
    lines = [re.sub(r",[\d.]+,", ",4.5,", line, count=1) for line in photos(tmp_path, 9)]
    with pytest.raises(DataError, match=r"'angle' is 4\.5 in every sample of train"):
        made(table(tmp_path, lines))


def test_what_is_missing_broken_or_said_twice_is_left_out(tmp_path: Path) -> None:
    lines = photos(tmp_path, 12)
    (tmp_path / "1.png").write_bytes(b"no picture")
    (tmp_path / "2.png").unlink()
    (tmp_path / "5.png").write_bytes((tmp_path / "4.png").read_bytes())
    index = made(table(tmp_path, [*lines, "3.png,7,n,1", lines[6]]))
    assert sorted(numbers(index)) == ["0.png", "10.png", "11.png", "6.png", "7.png", "8.png", "9.png"]
    said = [f"{one.file}: {one.reason}" for one in index.dropped]
    for part in (
        "line 4: there is no file '2.png'",
        "1.png: not an image",
        "3.png has other values in lines 5 and 14",
        "line 15 (6.png) appears twice",
        "4.png: the same image as 5.png, but with other values",
    ):
        assert any(part in one for one in said), (part, said)


def test_no_file_lies_outside_the_root(tmp_path: Path) -> None:
    inner = tmp_path / "data"
    photos(tmp_path, 1)
    index = made(table(inner, [*photos(inner, 9), "../0.png,1,n,1"]))
    assert "../0.png" in str(index.dropped)


def test_recordings_have_values_too(tmp_path: Path) -> None:
    lines = []
    for number in range(8):
        with wave.open(str(tmp_path / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            tone = np.sin(np.arange(8000) * (number + 1) / 20) * 20000
            file.writeframes(tone.astype("<i2").tobytes())
        lines.append(f"{number}.wav,{100 + number}")
    root = table(tmp_path, lines, head="file,pitch")
    data = SoundValues(root=str(root))
    index = data.index(inspect_sound)
    assert index.classes == ("pitch",)
    example = Split("train", data, index)[0]
    assert example.value.rate == 8000
    assert example.labels.tolist() == [100.0 + int(index.splits["train"][0].key[0])]
    assert any("8 recordings of 8000 Hz resampled" in remark for remark in index.remarks)
