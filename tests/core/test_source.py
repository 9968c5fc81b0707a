"""Images from outside the data set: a folder, a glob, a list, one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tflbuild.core import source as module
from tflbuild.core.dataset import Dropped, FileFacts
from tflbuild.core.errors import DataError
from tflbuild.core.source import Source, files_of, usable

EXPECTED = "expected data.<split>, a folder, a glob, a list file (.txt), an .npy or an .npz."


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a folder of photos and other things."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name in ("b.png", "a.jpg", "more/c.png", "notes.txt", "x.npy", ".hidden"):
        (folder / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def names(found: Source) -> list[str]:
    return [str(path) for path in found.files]


@pytest.mark.parametrize("given", ["photos", "~/photos"])
def test_a_folder_is_searched_with_its_sub_folders_and_the_rest_is_named(given: str, photos: Path) -> None:
    found = files_of(given)
    start = str(photos) if given[0] == "~" else "photos"
    assert names(found) == [f"{start}/a.jpg", f"{start}/b.png", f"{start}/more/c.png"]
    assert found.left_out == (
        (".hidden", "hidden"),
        ("notes.txt", "not named like an image"),
        ("x.npy", "an array in a folder: name it as the source"),
    )


def test_a_glob_gives_files_in_the_order_of_their_names_and_no_folders(photos: Path) -> None:
    assert names(files_of("photos/*")) == ["photos/a.jpg", "photos/b.png", "photos/notes.txt", "photos/x.npy"]
    assert names(files_of("photos/**/*.png")) == ["photos/b.png", "photos/more/c.png"]
    assert names(files_of("~/photos/*.jpg")) == [f"{photos}/a.jpg"]


def test_a_glob_is_sorted_however_the_disk_lists_it(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = ["photos/b.png", "photos/x.npy", "photos/a.jpg"]
    monkeypatch.setattr(module.glob, "glob", lambda pattern, recursive: listed)
    assert names(files_of("photos/*")) == sorted(listed)


def test_a_glob_names_what_it_cannot_use(photos: Path) -> None:
    (photos / "d\n.png").write_bytes(b"")
    found = files_of("photos/*.png")
    assert names(found) == ["photos/b.png"]
    assert found.left_out == (("photos/d\\n.png", "its name has control characters"),)


@pytest.mark.parametrize("suffix", [".txt", ".list", ".lst", ".TXT"])
def test_a_list_names_files_from_its_own_folder_each_once(suffix: str, photos: Path) -> None:
    text = f"# mine\n  b.png \n\nmore/c.png\nb.png\n{photos}/a.jpg\nmore\ngone.png\n"
    (photos / f"mine{suffix}").write_text(text)
    found = files_of(f"photos/mine{suffix}")
    assert names(found) == ["photos/b.png", "photos/more/c.png", f"{photos}/a.jpg", "photos/gone.png"]


def test_a_folder_in_a_list_is_named_and_not_read(photos: Path) -> None:
    (photos / "list.txt").write_text("a.jpg\nmore\n")
    found = files_of("photos/list.txt")
    assert names(found) == ["photos/a.jpg"]
    assert found.left_out == (("more", "a folder, not an image"),)


@pytest.mark.parametrize("given", ["", "  "])
def test_a_source_without_a_name_is_not_the_folder_where_one_stands(given: str, photos: Path) -> None:
    (photos.parent / "a.png").write_bytes(b"")
    with pytest.raises(DataError) as refused:
        files_of(given, "quantize.calibration.source")
    assert str(refused.value) == f"quantize.calibration.source: not given; {EXPECTED}"


def test_one_file_is_itself(photos: Path) -> None:
    assert names(files_of("photos/x.npy")) == ["photos/x.npy"]
    assert files_of("~/photos/a.jpg") == ((photos / "a.jpg",), ())


@pytest.mark.parametrize("given", ["nowhere", "nowhere/*.png", "nowhere.txt", "photos/more/*.jpg"])
def test_what_names_nothing_is_said_with_what_would(given: str, photos: Path) -> None:
    with pytest.raises(DataError) as caught:
        files_of(given, "round.calibration.source")
    assert str(caught.value) == f"round.calibration.source: '{given}' names no image; {EXPECTED}"


def test_what_names_nothing_usable_says_what_it_left_out(photos: Path) -> None:
    (photos / "empty").mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (photos / "empty" / name).write_bytes(b"")
    with pytest.raises(DataError) as caught:
        files_of("photos/empty")
    assert str(caught.value) == (
        f"calibration.source: 'photos/empty' names no image; {EXPECTED} Left out: a.txt: not named like an image "
        "(and 2 more)."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("photos/zero.txt", "it is not a text file: it has zero bytes."),
        ("x" * 300 + ".txt", "File name too long."),
    ],
)
def test_what_cannot_be_read_is_one_sentence(given: str, said: str, photos: Path) -> None:
    (photos / "zero.txt").write_bytes(b"a\0\0b")
    with pytest.raises(DataError) as caught:
        files_of(given)
    assert str(caught.value).startswith("calibration.source: '")
    assert str(caught.value).endswith(said)


def test_a_list_is_read_up_to_256_mib(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MOST_BYTES == 256 * 1024**2
    (photos / "mine.txt").write_text("b.png\n")
    monkeypatch.setattr(module, "MOST_BYTES", 6)
    assert names(files_of("photos/mine.txt")) == ["photos/b.png"]
    monkeypatch.setattr(module, "MOST_BYTES", 5)
    with pytest.raises(DataError, match="it has 6 bytes; at most 5 are read"):
        files_of("photos/mine.txt")


GOOD, BAD = FileFacts("d", "", 2, 3), FileFacts("d", "does not decode")


def source(*files: str, left_out: Sequence[Dropped] = ()) -> Source:
    return Source(tuple(map(Path, files)), tuple(left_out))


def test_usable_files_are_told_by_position_and_the_others_follow_what_was_left_out() -> None:
    hidden = Dropped(".x", "hidden")
    found = source("a.png", "b.png", "c.png", left_out=[hidden])
    assert usable("photos", found, [GOOD, BAD, GOOD], "k") == (
        [0, 2],
        [hidden, Dropped("b.png", "does not decode")],
    )


def test_facts_belong_to_the_files_one_to_one() -> None:
    with pytest.raises(ValueError, match="zip"):
        usable("photos", source("a.png", "b.png"), [GOOD], "k")


def test_an_array_that_cannot_be_used_is_an_error_at_once() -> None:
    with pytest.raises(DataError) as caught:
        usable("photos", source("a.png", "x.npy"), [GOOD, BAD], "k")
    assert str(caught.value) == "k: x.npy does not decode."
    assert usable("photos", source("x.npy"), [GOOD], "k") == ([0], [])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("a.png",), "k: 'photos' is not a usable image. Left out: a.png: does not decode."),
        (
            ("a.png", "b.png"),
            "k: none of the 2 files of 'photos' is a usable image. Left out: a.png: does not decode (and 1 more).",
        ),
    ],
)
def test_no_usable_file_is_an_error(files: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError) as caught:
        usable("photos", source(*files), [BAD] * len(files), "k")
    assert str(caught.value) == said
