from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import FileFacts
from tflbuild.vision import image


@pytest.fixture
def gradient() -> np.ndarray:
    y, x = np.mgrid[:24, :40]
    return np.stack([y * 8, x * 6, (x + y) * 3], axis=2).astype(np.uint8)


def test_an_rgb_png_is_read_exactly(tmp_path: Path, gradient: np.ndarray) -> None:
    Image.fromarray(gradient).save(tmp_path / "a.png")
    assert np.array_equal(image.read(tmp_path / "a.png"), gradient)


def test_exif_orientation_is_applied(tmp_path: Path, gradient: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(gradient).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(image.read(tmp_path / "a.png"), np.rot90(gradient, -1))
    assert image.inspect(tmp_path / "a.png")[2:] == (40, 24, 6)


def test_grey_palette_alpha_and_bilevel_become_rgb(tmp_path: Path, gradient: np.ndarray) -> None:
    picture = Image.fromarray(gradient)
    for mode in ("L", "LA", "P", "RGBA", "1", "CMYK"):
        suffix = "tif" if mode == "CMYK" else "png"
        picture.convert("L" if mode == "LA" else "RGB").convert(mode).save(tmp_path / f"a.{suffix}")
        read = image.read(tmp_path / f"a.{suffix}")
        assert read.shape == (24, 40, 3), mode
        assert read.dtype == np.uint8, mode


def test_alpha_is_dropped_not_blended(tmp_path: Path, gradient: np.ndarray) -> None:
    clear = np.dstack([gradient, np.zeros((24, 40), np.uint8)])
    Image.fromarray(clear).save(tmp_path / "a.png")
    assert np.array_equal(image.read(tmp_path / "a.png"), gradient)


def test_a_transparent_palette_keeps_its_colours(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 200, 100, 50])
    picture.save(tmp_path / "a.png", transparency=1)
    assert image.read(tmp_path / "a.png")[0, 0].tolist() == [200, 100, 50]


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 32768, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    # By hand: value * 255 / 65535 to the nearest.
    assert image.read(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_good_file_has_a_digest_a_size_and_no_problem(tmp_path: Path, gradient: np.ndarray) -> None:
    Image.fromarray(gradient).save(tmp_path / "a.jpg")
    expected = hashlib.sha256((tmp_path / "a.jpg").read_bytes()).hexdigest()
    assert image.inspect(tmp_path / "a.jpg") == (expected, "", 24, 40, 1)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp"])
def test_a_truncated_file_is_a_problem(tmp_path: Path, suffix: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    facts = image.inspect(path)
    assert facts.problem
    assert facts.digest
    with pytest.raises(OSError, match=r"decode|image"):
        image.read(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_what_is_no_image_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert image.inspect(tmp_path / "a.jpg").problem


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert image.inspect(tmp_path / "none.jpg") == FileFacts("", "No such file or directory")


def test_drawing_marks_the_edges_and_leaves_the_image_alone() -> None:
    blank = np.zeros((100, 100, 3), np.uint8)
    box = np.array([[0.5, 0.25, 0.9, 0.75]], np.float32)
    drawn = image.draw(blank, box, [""])
    assert not blank.any()
    assert drawn[50, 25:75].any(axis=1).all()
    assert drawn[50:89, 25].any(axis=1).all()
    assert not drawn[55:85, 30:70].any()
    assert not drawn[:45].any()


def test_a_text_is_written_inside_the_picture_wherever_the_box_is() -> None:
    blank = np.zeros((60, 200, 3), np.uint8)
    corner = np.array([[0.0, 0.9, 0.5, 1.0]], np.float32)
    drawn = image.draw(blank, corner, ["a long class name 0.97"])
    assert drawn.shape == blank.shape
    assert drawn[:12, 60:150].any()
