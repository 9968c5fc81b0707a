"""Sources of calibration are right, or refused while planning with what they hold; no TensorFlow."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recordings import pcm16, tone, wav
from tflbuild import plugins
from tflbuild.cli import main
from tflbuild.core.errors import DataError
from tflbuild.data.layouts.external import external_split
from tflbuild.data.tones import Tones
from tflbuild.modalities.audio.modality import Audio

WORDS = ["plan", "recipe=ssd_mobilenet_int8", "data.train=20", "data.val=8", "data.test=8"]
KEY = "quantize.calibration.source"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def plan(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main([*WORDS, *words])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return code, (printed.out + printed.err).strip()


def pictures(folder: Path, count: int = 3) -> None:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(folder / f"{number}.png")


ARRAYS: dict[str, tuple[object, str]] = {
    "floats": (
        np.zeros((2, 4, 5, 3), np.float32),
        "holds float32 (2, 4, 5, 3); expected raw RGB pixels, uint8",
    ),
    "grey": (np.zeros((2, 4, 5), np.uint8), "It is grey: save numpy.repeat(array[..., None], 3, axis=3)"),
    "grey with an axis": (
        np.zeros((2, 4, 5, 1), np.uint8),
        "It is grey: save numpy.repeat(array, 3, axis=3)",
    ),
    "channels first": (np.zeros((2, 3, 4, 5), np.uint8), "save array.transpose(0, 2, 3, 1)"),
    "alpha": (np.zeros((2, 4, 5, 4), np.uint8), "It has four channels: save array[..., :3]"),
    "one image": (np.zeros((4, 5, 3), np.uint8), "It is one image: save array[None]"),
    "numbers": (np.zeros(7, np.int64), "holds int64 (7,)"),
    "nothing": (np.zeros((0, 4, 5, 3), np.uint8), "holds uint8 (0, 4, 5, 3), no image"),
    "objects": (np.array([{}, None], object), "holds pickled objects (2,), which are never loaded"),
    "large": (np.zeros((1, 40, 50, 3), np.uint8), "images of 50 x 40 pixels, more than data.max_pixels=1000"),
}


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("what", ARRAYS)
def test_an_array_that_holds_no_images_is_refused_with_what_would_be_right(
    what: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    array, message = ARRAYS[what]
    if suffix == "npy":
        np.save("a.npy", array)  # type: ignore[arg-type]
    else:
        np.savez("a.npz", images=array)  # type: ignore[arg-type]
    code, said = plan(capsys, f"{KEY}=a.{suffix}", "data.max_pixels=1000")
    assert code == 2
    assert f"{KEY}: a.{suffix} " in said
    assert message in said


DAMAGES = {
    "cut off": lambda content: content[:-30],
    "cut in its header": lambda content: content[:20],
    "altered": lambda content: content.replace(bytes(range(40, 50)), bytes(10), 1),
    "empty": lambda content: b"",
    "no array": lambda content: b"hello" * 10,
    "a header that is code": lambda content: content.replace(b"'descr'", b"exit(1)", 1),
}


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_array_is_one_sentence(
    damage: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    path = Path(f"a.{suffix}")
    np.save("a.npy", images) if suffix == "npy" else np.savez("a.npz", images=images)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code, said = plan(capsys, f"{KEY}={path}")
    if (damage, suffix) == ("altered", "npy"):
        assert code == 0, "a raw array has no checksum"
        return
    assert code == 2
    assert said.startswith(f"error: {KEY}: a.{suffix} ")


def test_an_archive_says_what_it_holds_instead(capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("a.npz", pictures=np.zeros((1, 2, 2, 3), np.uint8), labels=np.zeros(1))
    code, said = plan(capsys, f"{KEY}=a.npz")
    assert code == 2
    assert "has no array 'images'; it has pictures uint8 (1, 2, 2, 3), labels float64 (1,)" in said


def test_whole_arrays_are_planned(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("a.npy", np.zeros((2, 4, 5, 3), np.uint8))
    np.savez_compressed("b.npz", images=np.zeros((2, 4, 5, 3), np.uint8))
    assert plan(capsys, f"{KEY}=a.npy")[0] == 0
    assert plan(capsys, f"{KEY}=b.npz")[0] == 0


SOURCES: dict[str, str] = {
    "nowhere": "'nowhere' names no image; expected data.<split>, a folder",
    "nowhere/*.png": "names no image",
    "model.h5": "'model.h5' is not a usable image. Left out: model.h5: not an image that PIL can read, but an HDF5",
    "drawing.jpg": "not an image that PIL can read, but PostScript",
    "pipe.png": "pipe.png: not a regular file",
    "list.txt": "none of the 2 files of 'list.txt' is a usable image. Left out: gone.png: the file is missing",
    "zeros.txt": "'zeros.txt' cannot be read: it is not a text file",
    "empty": "'empty' names no image",
    "notes/*": "not an image that PIL can read",
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_is_none_is_refused(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    Path("drawing.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    os.mkfifo("pipe.png")
    Path("list.txt").write_text("gone.png\nlost.png\n")
    Path("zeros.txt").write_bytes(b"a\0b\0\0c")
    Path("empty").mkdir()
    Path("notes").mkdir()
    Path("notes/a.md").write_text("x")
    code, said = plan(capsys, f"{KEY}={source}")
    assert code == 2
    assert said.startswith(f"error: {KEY}: ")
    assert SOURCES[source] in said


def test_damaged_images_of_a_folder_are_left_out_and_counted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(here / "photos")
    (here / "photos/1.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (here / "photos/notes.md").write_text("x")
    code, said = plan(capsys, f"{KEY}=photos")
    assert code == 0
    assert (
        f"warning: {KEY}: 1 file that is not named like an image, 1 damaged image skipped: notes.md" in said
    )
    assert said.count("warning: ") == 1


def test_the_key_of_a_step_depends_on_the_images_that_are_used(here: Path) -> None:
    from tflbuild.engine.prepare import prepare
    from tflbuild.recipe.load import load_recipe
    from tflbuild.wiring import NAMES

    def named() -> str:
        prepared = prepare(load_recipe([*WORDS[1:], f"{KEY}=photos"]), NAMES)
        return prepared.keys.source("photos")

    pictures(here / "photos")
    whole = named()
    (here / "photos/broken.png").write_bytes(b"none")
    (here / "photos/notes.md").write_text("x")
    assert named() == whole
    (here / "photos/1.png").unlink()
    assert named() != whole


def test_a_worker_reads_what_planning_found_usable(here: Path) -> None:
    from tflbuild.core.dataset import Dataset
    from tflbuild.data.layouts.external import external_split

    pictures(here / "photos", 4)
    (here / "photos/1.png").write_bytes(b"none")
    (here / "list.txt").write_bytes("\ufeffphotos/0.png\r\nphotos/0.png\r\nphotos/3.png\r\n".encode("utf-16"))
    assert [sample.key for sample in external_split("photos", Dataset()).samples] == [
        "0.png",
        "2.png",
        "3.png",
    ]
    assert [sample.key for sample in external_split("list.txt", Dataset()).samples] == ["0.png", "3.png"]
    np.save("a.npy", np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3))
    assert external_split("a.npy", Dataset())[1].value.tolist() == [
        [[12, 13, 14], [15, 16, 17]],
        [[18, 19, 20], [21, 22, 23]],
    ]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["train.distill.weight=0.5", "train.distill.teacher=teacher.h5"], "train.distill.teacher"),
        (["train.init=start.h5"], "train.init"),
    ],
)
def test_a_file_that_is_no_source_of_images_is_named_by_its_own_key(
    words: list[str], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = plan(capsys, *words)
    assert code == 2
    assert said.startswith(f"error: {key}: ")
    assert "calibration" not in said


@pytest.mark.parametrize("most", ["0", "-1", "many"])
def test_a_limit_of_pixels_is_a_number_of_pixels(most: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = plan(capsys, f"data.max_pixels={most}")
    assert code == 2
    assert said.startswith("error: data.max_pixels: ")


def rows(name: str, first: int, **more: object) -> None:
    np.savez(name, windows=np.arange(first, first + 36, dtype=np.float32).reshape(9, 4), **more)  # type: ignore[arg-type]


def sources(source: str) -> dict[str, dict[str, str]]:
    """List the calibration source of a recipe whose data are numbers."""
    from tflbuild.data.arrays import Arrays
    from tflbuild.engine.looking import inspect_of, looker
    from tflbuild.engine.prepare import _sources
    from tflbuild.recipe.load import load_recipe
    from tflbuild.wiring import NAMES

    rows("data.npz", 0)
    data = Arrays(root="data.npz")
    recipe = replace(load_recipe([*WORDS[1:], f"{KEY}={source}"]), data=data)
    memo = looker(inspect_of(data.modality, NAMES.inspect), data.max_pixels)
    return _sources(recipe, data.index(memo), memo, lambda text: None)


def test_rows_of_numbers_are_a_source_where_the_data_are_numbers() -> None:
    rows("rows.npz", 100)
    np.save("rows.npy", np.zeros((3, 4)))
    for name in ("rows.npz", "rows.npy"):
        assert sources(name) == {name: {name: hashlib.sha256(Path(name).read_bytes()).hexdigest()}}


NUMBERS: dict[str, str] = {
    "pictures.npz": "pictures.npz has 'images' uint8 (6, 5, 3), which may be one picture",
    "cut.npz": "cut.npz cannot be read as arrays (it is a zip archive): ",
    "uneven.npz": "uneven.npz has 9 rows in 'windows' and 8 in 'more'; expected as many in each, one per sample.",
    "photo.png": "'photo.png' is not a usable array. Left out: photo.png: cannot be read as arrays: ",
    "gone.npz": "'gone.npz' names no array; expected data.<split>, an .npy or an .npz.",
    "data.npz": "data.npz holds the test sample 0000",
}


@pytest.mark.parametrize("source", NUMBERS)
def test_a_source_of_numbers_that_is_none_is_refused(source: str) -> None:
    np.savez("pictures.npz", images=np.zeros((6, 5, 3), np.uint8))
    rows("cut.npz", 0)
    Path("cut.npz").write_bytes(Path("cut.npz").read_bytes()[:-40])
    rows("uneven.npz", 0, more=np.zeros((8, 2)))
    Image.new("RGB", (8, 6)).save("photo.png")
    with pytest.raises(DataError, match=f"^{re.escape(f'{KEY}: {NUMBERS[source]}')}"):
        sources(source)


def test_a_folder_of_own_recordings_is_a_source(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = here / "own"
    (own / "room").mkdir(parents=True)
    for number in range(3):
        (own / f"{number}.wav").write_bytes(wav(pcm16(tone(8000, 0.3, 300 + number)), rate=8000))
    (own / "room" / "far.WAV").write_bytes(wav(pcm16(tone(44100, 1.2, 500)), rate=44100))
    (own / "silent.wav").write_bytes(wav(b"\0\0" * 5000))
    (own / "notes.md").write_text("a room")
    pictures(own / "photos", 1)
    words = ["plan", "recipe=keyword_int8", "data.train=16", "data.val=8", "data.test=8", f"{KEY}={own}"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "silent.wav: is silent: all of its samples are the same" in said
    assert "photos/0.png: not named like a recording" in said
    data = Tones(preprocess=Audio(duration=0.5).to_json())
    split = external_split(str(own), data)
    assert [Path(str(sample.path)).name for sample in split.samples] == ["0.wav", "1.wav", "2.wav", "far.WAV"]
    assert [(split[k].value.rate, len(split[k].value.samples)) for k in (0, 3)] == [
        (8000, 2400),
        (44100, 52920),
    ]
    (own / "1.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"calibration.source: .*1.wav was readable when the build started"):
        split[1]


def test_a_folder_without_recordings_is_no_source_for_sounds(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(here / "photos", 2)
    assert main(["plan", "recipe=keyword_int8", f"{KEY}={here / 'photos'}"]) == 2
    assert "names no recording; expected data.<split>, a folder of recordings" in capsys.readouterr().err
    (here / "cut.wav").write_bytes(wav(pcm16(tone(16000, 0.3)), promised=99999))
    assert main(["plan", "recipe=keyword_int8", f"{KEY}={here / 'cut.wav'}"]) == 2
    assert "is cut off: its header promises 99999 bytes" in capsys.readouterr().err
