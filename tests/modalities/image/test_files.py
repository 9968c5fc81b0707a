from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import FileFacts
from tflbuild.modalities.image import files as image
from tflbuild.modalities.image.file_formats import FORMATS


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
    assert image.inspect(tmp_path / "a.png")[2:5] == (40, 24, 6)


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
    assert image.inspect(tmp_path / "a.jpg")[:5] == (expected, "", 24, 40, 1)


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


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) print\n%%EOF\n"
XBM = b"#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {\n0xff};\n"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.eps", "a.tif"])
@pytest.mark.parametrize(
    "content", [POSTSCRIPT, b"%PDF-1.4\n", b"8BPS" + bytes(60), XBM], ids=["eps", "pdf", "psd", "xbm"]
)
def test_only_the_named_formats_are_opened_whatever_a_file_is_called(
    tmp_path: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*arguments: object, **more: object) -> None:
        raise AssertionError("a process is started")

    monkeypatch.setattr(subprocess, "Popen", start)
    (tmp_path / name).write_bytes(content)
    assert image.inspect(tmp_path / name).problem.startswith("not an image that PIL can read")


def test_formats_are_a_list_without_what_starts_programs() -> None:
    assert set(FORMATS) <= {
        "JPEG",
        "MPO",
        "PNG",
        "GIF",
        "BMP",
        "DIB",
        "TIFF",
        "PPM",
        "WEBP",
        "AVIF",
        "JPEG2000",
    }
    assert {"JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM"} <= set(FORMATS)


def test_what_is_no_regular_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert image.inspect(tmp_path / "a.png") == FileFacts("", "not a regular file")
    assert image.inspect(tmp_path).problem
    assert image.inspect(Path("/dev/zero")) == FileFacts("", "not a regular file")


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Give a PNG that says a size, whatever pixels follow."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@pytest.mark.parametrize("side", [9000, 60_000, 2**31 - 1])
def test_a_picture_above_the_limit_is_not_decoded(tmp_path: Path, side: int) -> None:
    (tmp_path / "a.png").write_bytes(png(side, side))
    problem = f"has {side} x {side} pixels, more than data.max_pixels=64000000"
    assert image.inspect(tmp_path / "a.png").problem == problem
    with pytest.raises(OSError, match=problem):
        image.read(tmp_path / "a.png")


def test_the_limit_may_be_raised_and_lowered(tmp_path: Path, gradient: np.ndarray) -> None:
    Image.fromarray(gradient).save(tmp_path / "a.png")
    assert image.read(tmp_path / "a.png", 24 * 40).shape == (24, 40, 3)
    with pytest.raises(OSError, match="has 40 x 24 pixels, more than"):
        image.read(tmp_path / "a.png", 24 * 40 - 1)


def test_text_that_unpacks_to_gigabytes_is_a_problem(tmp_path: Path) -> None:
    bomb = b"Comment\0\0" + zlib.compress(bytes(1 << 26), 9)
    (tmp_path / "a.png").write_bytes(png(8, 8, (b"zTXt", bomb)))
    assert "does not decode" in image.inspect(tmp_path / "a.png").problem


def test_of_several_frames_the_first_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue", "lime")]
    for suffix in ("gif", "tif", "webp", "png"):
        options = {"lossless": True} if suffix == "webp" else {}
        frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
        assert image.read(tmp_path / f"a.{suffix}")[0, 0].tolist() == [255, 0, 0], suffix


def test_deep_greys_of_every_kind_are_scaled(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 32768, 65535]], np.uint16)
    for name in ("a.tif", "a.png", "a.pgm", "a.jp2"):
        options = {"irreversible": False} if name == "a.jp2" else {}
        Image.fromarray(deep).save(tmp_path / name, **options)
        assert image.read(tmp_path / name)[0, :, 0].tolist() == [0, 1, 128, 255], name
    Image.fromarray(deep).save(tmp_path / "b.tif", tiffinfo={262: 0})
    assert image.read(tmp_path / "b.tif")[0, :, 0].tolist() == [255, 254, 127, 0], "where 0 is white"


def test_greys_of_twelve_bits_are_scaled_by_their_own_white() -> None:
    """A TIFF says how many bits are used of sixteen; PIL writes none with twelve."""
    picture: Any = SimpleNamespace(tag_v2={258: (12,)})
    white: Any = SimpleNamespace(tag_v2={258: (12,), 262: 0})
    greys = np.array([0, 2048, 4095, 9999], np.uint16)
    # By hand: 2048 x 255 / 4095 = 127.53; what is brighter than white is white.
    assert image._eight_bits(greys, picture).tolist() == [0, 128, 255, 255]
    assert image._eight_bits(greys, white).tolist() == [255, 127, 0, 0]


def test_deep_colours_keep_their_high_byte(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">6H", 0, 0x8000, 0xFFFF, 0x0100, 0x7FFF, 0xFE00)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert image.read(tmp_path / "a.png").tolist() == [[[0, 128, 255], [1, 127, 254]]]


@pytest.mark.parametrize(("dtype", "mode"), [(np.int32, "I"), (np.float32, "F")])
def test_pixels_without_an_agreed_range_are_refused(tmp_path: Path, dtype: type, mode: str) -> None:
    Image.fromarray(np.array([[0, 70_000]], dtype)).save(tmp_path / "a.tif")
    assert (
        image.inspect(tmp_path / "a.tif").problem
        == f"does not decode: pixels of mode {mode} have no agreed range"
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_every_orientation_is_seen_as_viewers_show_it(
    tmp_path: Path, orientation: int, suffix: str, gradient: np.ndarray
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(gradient).save(tmp_path / f"a.{suffix}", exif=exif, quality=100)
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: np.rot90,
    }
    seen = image.read(tmp_path / f"a.{suffix}").astype(int)
    assert np.abs(seen - turns[orientation](gradient)).max() <= (0 if suffix != "jpg" else 40)
    assert image.inspect(tmp_path / f"a.{suffix}").orientation == orientation


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0junk", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_broken_exif_turns_nothing(tmp_path: Path, exif: bytes, gradient: np.ndarray) -> None:
    Image.fromarray(gradient).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif)
    assert image.inspect(tmp_path / "a.jpg")[1:5] == ("", 24, 40, 1)


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


def colours(drawn: np.ndarray) -> set[str]:
    """Give the colours of a drawing but black and white."""
    return {f"#{bytes(pixel).hex()}" for pixel in np.unique(drawn.reshape(-1, 3), axis=0)} & set(
        image.PALETTE
    )


def test_the_class_alone_decides_the_colour() -> None:
    blank = np.zeros((60, 60, 3), np.uint8)
    box = np.array([[0.5, 0.25, 0.9, 0.75]], np.float32)
    one, other = (colours(image.draw(blank, box, [text])) for text in ("disc 0.97", "disc 0.12"))
    assert one == other
    assert len(one) == 1
    classes = [
        colours(image.draw(blank, box, [name])).pop() for name in ("disc", "square", "triangle", "cross")
    ]
    assert len(set(classes)) > 1


@pytest.mark.parametrize(("side", "line"), [(24, 1), (240, 1), (480, 2), (1200, 5)])
def test_lines_are_as_thick_as_the_picture_is_large(side: int, line: int) -> None:
    blank = np.zeros((side, side, 3), np.uint8)
    drawn = image.draw(blank, np.array([[0.0, 0.0, 1.0, 1.0]], np.float32), [""])
    column = drawn[:, side // 2].any(axis=1)
    assert column.tolist() == [row < line or row >= side - line for row in range(side)]


def test_a_box_of_no_size_is_drawn_as_a_point() -> None:
    blank = np.zeros((100, 100, 3), np.uint8)
    drawn = image.draw(blank, np.array([[0.5, 0.25, 0.5, 0.25]], np.float32), [""])
    assert np.argwhere(drawn.any(axis=2)).tolist()[:1] == [[50, 25]]
    assert drawn.any(axis=2).sum() <= 2  # PIL's own way to draw a line of one pixel


def patch(drawn: np.ndarray) -> tuple[int, int, int, int]:
    """Give top, left, bottom and right of what is not black."""
    rows, columns = np.nonzero(drawn.any(axis=2))
    return int(rows.min()), int(columns.min()), int(rows.max()), int(columns.max())


def test_a_text_stands_on_a_box_or_in_it_where_there_is_no_room() -> None:
    blank = np.zeros((200, 300, 3), np.uint8)
    above = image.draw(blank, np.array([[0.5, 0.2, 0.6, 0.8]], np.float32), ["disc"])
    top, left, bottom, _ = patch(above)
    assert 80 <= top < 98
    assert (left, bottom) == (60, 119)
    inside = image.draw(blank, np.array([[0.0, 0.2, 0.6, 0.8]], np.float32), ["disc"])
    assert patch(inside)[:3] == (0, 60, 119)
    assert inside[:14, 62:80].min(axis=2).max() > 200, "white letters"
    right = image.draw(blank, np.array([[0.5, 0.99, 0.6, 1.0]], np.float32), ["disc 0.99"])
    assert patch(right)[3] == 299
    assert patch(right)[1] > 150


def test_a_file_that_is_too_large_to_read_is_said(
    tmp_path: Path, gradient: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(gradient).save(path)
    size = path.stat().st_size
    monkeypatch.setattr(image, "MOST_BYTES", size)
    assert image.inspect(path).problem == ""
    monkeypatch.setattr(image, "MOST_BYTES", size - 1)
    assert image.inspect(path).problem
    assert image.inspect(path).digest == ""


def test_one_large_image_at_a_time_is_decoded(
    tmp_path: Path, gradient: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held for what has more pixels than `LARGE`, and for nothing else."""
    held: list[bool] = []

    class Lock:
        def __enter__(self) -> None:
            held.append(True)

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(image, "_one_large_image", Lock())
    Image.fromarray(gradient).save(tmp_path / "a.png")
    monkeypatch.setattr(image, "LARGE", 24 * 40)
    image.read(tmp_path / "a.png")
    assert held == []
    monkeypatch.setattr(image, "LARGE", 24 * 40 - 1)
    image.read(tmp_path / "a.png")
    assert held == [True]


def test_what_another_program_would_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"%PDF-1.4\n")
    assert image.inspect(tmp_path / "a.jpg").problem == "not an image that PIL can read, but a PDF"


def test_a_text_is_written_inside_the_picture_wherever_the_box_is() -> None:
    blank = np.zeros((60, 200, 3), np.uint8)
    corner = np.array([[0.0, 0.9, 0.5, 1.0]], np.float32)
    drawn = image.draw(blank, corner, ["a long class name 0.97"])
    assert drawn.shape == blank.shape
    assert drawn[:12, 60:150].any()
