from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.data.layouts.elsewhere import file_of, place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a root beside another data set."""
    for folder in ("set/images/train", "set/inner/images", "other/images"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path / "set"


PLACES: list[tuple[str, str, str, str | None, bool]] = [
    # the file's folder, its base, what it names; where that is, and whether only its end leads there
    ("", "", "images/train", "images/train", False),
    ("", ".", "images/train", "images/train", False),
    ("", "./", "images/train", "images/train", False),
    ("", "images", "train", "images/train", False),
    ("", "", "./images/train/", "images/train", False),
    ("", "", "../images/train", "images/train", False),
    ("inner", "", "images", "inner/images", False),
    ("inner", "", "../images", "images", False),
    ("", "", "C:\\data\\images\\train", "images/train", True),
    ("", "/home/ann", "images/train", "images/train", True),
    ("", "../datasets/set", "images/train", "images/train", True),
    ("", "", "/home/ann/set/images/train", "images/train", True),
    ("", "", "~/images/train", "images/train", True),
    ("", "", "../../other/images", "images", True),
    ("", "", "../../other", None, False),
    ("", "", "/etc", None, False),
    ("", "", "", "", False),
    ("", "", ".", "", False),
    ("", "", "..", None, False),
    ("", "", "train", None, False),
    ("", "", "a\0b", None, False),
]


@pytest.mark.parametrize(("folder", "base", "entry", "path", "by_tail"), PLACES)
def test_a_path_is_found_inside_the_root_or_not_at_all(
    folder: str, base: str, entry: str, path: str | None, by_tail: bool, root: Path
) -> None:
    found = place(root, folder, base, entry)
    assert (found and found.path, bool(found and found.by_tail)) == (path, by_tail)


def test_an_absolute_path_into_the_root_is_itself(root: Path) -> None:
    found = place(root, "", "", f"{root}/images/train")
    assert found == ("images/train", False)


@pytest.mark.parametrize(
    ("line", "folder", "found"),
    [
        ("a.jpg", "images", "images/a.jpg"),
        ("images/a.jpg", "", "images/a.jpg"),
        ("./images/a.jpg", "images", "images/a.jpg"),
        ("/home/ann/images/a.jpg", "", "images/a.jpg"),
        ("data\\images\\a.jpg", "", "images/a.jpg"),
        ("../../../etc/passwd", "", None),
        ("b.jpg", "images", None),
        ("a.jpg", "", None),
    ],
)
def test_a_line_of_a_list_means_one_photo(line: str, folder: str, found: str | None) -> None:
    assert file_of(line, folder, {"images/a.jpg", "images/deep/a.jpg"}) == found
