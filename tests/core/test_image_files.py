"""Image files below a folder, and what is passed over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflbuild.core import image_files as module
from tflbuild.core.image_files import IMAGE_SUFFIXES, below, entries_of, fault_of_name, is_image_name


def test_every_usual_format_that_pil_reads_is_read() -> None:
    from PIL import Image

    Image.init()
    pil = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    usual = {"JPEG", "MPO", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000"}
    read = {suffix for suffix, kind in Image.registered_extensions().items() if kind in usual}
    assert (read & pil) - {".pfm"} <= IMAGE_SUFFIXES  # that one holds floats, of no range
    assert {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm"} <= IMAGE_SUFFIXES
    others = {".avif", ".avifs", ".jp2", ".j2k", ".jpf", ".jpx", ".jpe", ".jfif", ".apng", ".dib", ".mpo"}
    assert IMAGE_SUFFIXES - pil - others == set()
    assert others <= IMAGE_SUFFIXES
    assert {".pgm", ".pbm", ".pnm"} <= IMAGE_SUFFIXES


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("a.jpg", True),
        ("a.PNG", True),
        ("a.b.tif", True),
        ("a.txt", False),
        ("jpg", False),
        ("a.jpg.txt", False),
    ],
)
def test_images_are_known_by_their_names(name: str, right: bool) -> None:
    assert is_image_name(name) is right


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a.png", ""),
        ("größe 猫.png", ""),
        ("a\nb", "its name has control characters"),
        ("a\x7f", "its name has control characters"),
        ("ä\x1f", "its name has control characters"),
        ("ä\x7f", "its name has control characters"),
        ("ä\x80", "its name has control characters"),
        ("ä\x9f", "its name has control characters"),
        ("ä\xa0", ""),
        ("ä ", ""),
        ("ä~", ""),
        ("a\udcff", "its name is not UTF-8"),
    ],
)
def test_a_name_that_cannot_be_shown_is_at_fault(name: str, fault: str) -> None:
    assert fault_of_name(name) == fault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with one of everything."""
    root = tmp_path / "root"
    (root / "b" / "deep").mkdir(parents=True)
    (root / "b.d").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "out.png").write_bytes(b"")
    for name in (
        "z.png",
        "a.JPG",
        "b/2.png",
        "b/deep/1.png",
        "b.d/3.png",
        "notes.txt",
        "b/x.csv",
        ".hidden.png",
    ):
        (root / name).write_bytes(b"")
    (root / ".git").mkdir()
    (root / ".git" / "c.png").write_bytes(b"")
    (root / "folder.png").mkdir()
    (root / "folder.png" / "4.png").write_bytes(b"")
    (root / "linked.png").symlink_to("z.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "lost.png").symlink_to("gone.png")
    (root / "self.png").symlink_to("self.png")
    (root / "odd\n.png").write_bytes(b"")
    os.mkfifo(root / "fifo.png")
    (root / "tofifo.png").symlink_to("fifo.png")
    return root


def test_everything_below_a_folder_is_listed_or_named(folder: Path) -> None:
    found = below(str(folder))
    # Folder by folder: "b" comes before "b.d", although "b." comes before "b/".
    assert found.images == [
        "a.JPG",
        "b/2.png",
        "b/deep/1.png",
        "b.d/3.png",
        "folder.png/4.png",
        "linked.png",
        "z.png",
    ]
    assert found.others == ["b/x.csv", "notes.txt"]
    assert found.left_out == [
        (".git", "hidden"),
        (".hidden.png", "hidden"),
        ("fifo.png", "not a regular file"),
        ("linked", "a link to a folder"),
        ("lost.png", "a link that leads nowhere"),
        ("odd\n.png", "its name has control characters"),
        ("self.png", "a link that leads to itself"),
        ("tofifo.png", "not a regular file"),
    ]


def test_names_come_in_order_with_and_without_folders() -> None:
    assert module._by_folder(["b", "a.d", "a"]) == ["a", "a.d", "b"]
    assert module._by_folder(["b", "a.d", "a/c"]) == ["a/c", "a.d", "b"]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        below(str(tmp_path / "gone"))


def test_entries_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    shuffled = ["b", "a", "C", "e", "A", "d", "B", "c", "f", "D"]
    for name in shuffled:
        (tmp_path / name).write_bytes(b"")
    assert [entry.name for entry in entries_of(tmp_path)] == sorted(shuffled)
