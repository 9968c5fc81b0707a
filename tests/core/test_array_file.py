"""NumPy's files of images, written by NumPy and read from their headers without it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core import array_file
from tflbuild.core.array_file import Held, inspect, is_array_name

WANTED = "raw RGB pixels, uint8 (images, height, width, 3): the recipe's preprocess block is applied to them"


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    made = io.BytesIO()
    np.lib.format.write_array(made, array, version=version)
    return made.getvalue()


def images(*shape: int, dtype: str = "uint8") -> Any:
    return np.zeros(shape, dtype)


def problem(folder: Path, content: bytes, name: str = "images.npy", **options: int) -> str:
    path = folder / name
    path.write_bytes(content)
    return inspect(path, **options).problem


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_an_array_of_images_is_read_in_every_version_of_the_format(
    version: tuple[int, int], tmp_path: Path
) -> None:
    content = npy(images(2, 4, 6, 3), version)
    (tmp_path / "a.npy").write_bytes(content)
    facts = inspect(tmp_path / "a.npy")
    assert facts[:5] == (hashlib.sha256(content).hexdigest(), "", 4, 6, 1)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_is_read_by_its_array_of_images(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", labels=np.zeros(2), images=images(2, 4, 6, 3))
    facts = inspect(tmp_path / "a.npz")
    assert (facts.problem, facts.height, facts.width) == ("", 4, 6)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (
            images(2, 3, 4, 6),
            "holds uint8 (2, 3, 4, 6); expected {wanted}. Its channels come first: save array.transpose(0, 2, 3, 1)",
        ),
        (
            images(2, 4, 6, 1),
            "holds uint8 (2, 4, 6, 1); expected {wanted}. It is grey: save numpy.repeat(array, 3, axis=3)",
        ),
        (
            images(2, 4, 6, 4),
            "holds uint8 (2, 4, 6, 4); expected {wanted}. It has four channels: save array[..., :3]",
        ),
        (images(4, 6, 3), "holds uint8 (4, 6, 3); expected {wanted}. It is one image: save array[None]"),
        (
            images(2, 4, 6),
            "holds uint8 (2, 4, 6); expected {wanted}. It is grey: save numpy.repeat(array[..., None], 3, axis=3)",
        ),
        (
            images(2, 4, 6, 3, dtype="float32"),
            "holds float32 (2, 4, 6, 3); expected {wanted}. Save the pixels before they were normalised, as uint8 "
            "in 0..255",
        ),
        (images(2, 4, 6, 3, dtype="int8"), "holds int8 (2, 4, 6, 3); expected {wanted}"),
        (images(2, 4, 6, 3, dtype="bool"), "holds bool (2, 4, 6, 3); expected {wanted}"),
        (images(2, 4, 6, 3, dtype="complex64"), "holds complex64 (2, 4, 6, 3); expected {wanted}"),
        (images(2, 4, 6, 3, dtype=">u2"), "holds uint16 (2, 4, 6, 3); expected {wanted}"),
        (images(2, 4, 6, 5), "holds uint8 (2, 4, 6, 5); expected {wanted}"),
        (images(1, 2, 4, 6, 3), "holds uint8 (1, 2, 4, 6, 3); expected {wanted}"),
        (images(9), "holds uint8 (9,); expected {wanted}"),
        (images(3, 3), "holds uint8 (3, 3); expected {wanted}"),
        (images(2, 2, dtype="U5"), "holds <U5 (2, 2); expected {wanted}"),
        (np.zeros(2, [("a", "u1"), ("b", "u1")]), "holds records (2,); expected {wanted}"),
        (images(0, 4, 6, 3), "holds uint8 (0, 4, 6, 3), no image"),
        (images(2, 0, 6, 3), "holds uint8 (2, 0, 6, 3), no image"),
        (
            np.zeros(3, object),
            "holds pickled objects (3,), which are never loaded; expected {wanted}",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value.dtype}{value.shape}",
)
def test_an_array_of_another_form_is_named_with_what_would_make_it_right(
    array: Any, said: str, tmp_path: Path
) -> None:
    with np.errstate():
        content = npy(array)
    assert problem(tmp_path, content) == said.format(wanted=WANTED)


def test_channels_come_first_only_where_they_are_not_last_as_well(tmp_path: Path) -> None:
    assert problem(tmp_path, npy(images(2, 3, 6, 3))) == ""
    assert "Its channels come first" in problem(tmp_path, npy(images(2, 3, 6, 4)))


def test_a_float_image_that_is_grey_is_told_so_first(tmp_path: Path) -> None:
    assert "It is grey" in problem(tmp_path, npy(images(2, 4, 6, 1, dtype="float32")))


def test_more_pixels_than_are_wanted_are_refused(tmp_path: Path) -> None:
    assert signature(inspect).parameters["max_pixels"].default == 64_000_000
    content = npy(images(2, 4, 6, 3))
    assert problem(tmp_path, content, max_pixels=24) == ""
    assert problem(tmp_path, content, max_pixels=23) == (
        "holds images of 6 x 4 pixels, more than data.max_pixels=23"
    )


@pytest.mark.parametrize(("change", "found"), [(-1, 143), (1, 145)])
def test_a_file_that_is_cut_off_or_too_long_is_refused(change: int, found: int, tmp_path: Path) -> None:
    """2 x 4 x 6 x 3 = 144 bytes."""
    content = npy(images(2, 4, 6, 3))
    altered = content[:change] if change < 0 else content + b"x"
    assert problem(tmp_path, altered) == (
        f"is cut off or too long: its header says uint8 (2, 4, 6, 3), 144 bytes; {found} follow"
    )


CANNOT = "cannot be read as an array of images"


def with_header(text: bytes, version: int = 1) -> bytes:
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text


GOOD = b"{'descr': '|u1', 'fortran_order': False, 'shape': %s}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", f"{CANNOT} (it is empty): it has no NumPy header"),
        (b"\x93NUMPY\x01", f"{CANNOT} (it is a NumPy array): it has no NumPy header"),
        (b"\x93NUMPX\x01\0", f"{CANNOT}: it has no NumPy header"),
        (with_header(GOOD % b"(1,)", 4), f"{CANNOT} (it is a NumPy array): it has no NumPy header"),
        (
            with_header(b" " * 10_001),
            f"{CANNOT} (it is a NumPy array): its header has 10001 bytes",
        ),
        (
            with_header(GOOD % b"(1,)")[:-1],
            f"{CANNOT} (it is a NumPy array): it ends within its header",
        ),
        (with_header(GOOD % b"[1]"), f"{CANNOT} (it is a NumPy array): its header has no shape"),
        (with_header(GOOD % b"(-1,)"), f"{CANNOT} (it is a NumPy array): its header has no shape"),
        (with_header(GOOD % b"(1, -1)"), f"{CANNOT} (it is a NumPy array): its header has no shape"),
        (with_header(GOOD % b"(True,)"), f"{CANNOT} (it is a NumPy array): its header has no shape"),
        (with_header(b"{}"), f"{CANNOT} (it is a NumPy array): 'descr'"),
        (with_header(b"{"), f"{CANNOT} (it is a NumPy array): "),
        (b"<html>", f"{CANNOT} (it is a web page): it has no NumPy header"),
        (b"PK\x03\x04", f"{CANNOT} (it is a zip archive): File is not a zip file"),
    ],
)
def test_what_is_no_array_is_named_by_what_it_is(content: bytes, said: str, tmp_path: Path) -> None:
    assert problem(tmp_path, content).startswith(said)


def test_a_header_of_10_000_bytes_is_read(tmp_path: Path) -> None:
    text = (GOOD % b"(1, 1, 1, 3)").ljust(10_000)
    assert problem(tmp_path, with_header(text) + b"abc") == ""
    assert problem(tmp_path, with_header(text, version=2) + b"abc") == ""


def test_an_archive_without_images_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, pictures=images(1, 2, 2, 3).astype("float32"), x=np.zeros(2, "int64"))
    assert inspect(path).problem == (
        "has no array 'images'; it has pictures float32 (1, 2, 2, 3), x int64 (2,)"
    )
    np.savez(path, **{f"a{n}": np.zeros(1, "uint8") for n in range(6)})
    assert inspect(path).problem.endswith("a3 uint8 (1,), a4 uint8 (1,), ...")
    np.savez(path, **{f"a{n}": np.zeros(1, "uint8") for n in range(5)})
    assert inspect(path).problem.endswith("a4 uint8 (1,)")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    assert inspect(path).problem == "has no array 'images'; it has notes.txt"
    with zipfile.ZipFile(path, "w"):
        pass
    assert "cannot be read" in inspect(path).problem, "an archive of nothing does not begin like one"


def test_more_bytes_than_are_read_are_refused_packed_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert array_file.MOST_BYTES == 2 * 1024**3
    content = npy(images(2, 4, 6, 3))
    np.savez_compressed(tmp_path / "a.npz", images=images(2, 4, 6, 3))
    monkeypatch.setattr(array_file, "MOST_BYTES", len(content))
    assert problem(tmp_path, content) == ""
    assert inspect(tmp_path / "a.npz").problem == ""
    monkeypatch.setattr(array_file, "MOST_BYTES", len(content) - 1)
    assert problem(tmp_path, content) == (
        f"holds uint8 (2, 4, 6, 3), {len(content)} bytes; at most {len(content) - 1} are read"
    )
    assert inspect(tmp_path / "a.npz").problem == (
        f"'images' unpacks to {len(content)} bytes; at most {len(content) - 1} are read"
    )


def test_a_damaged_archive_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.arange(144, dtype="uint8").reshape(2, 4, 6, 3))
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    assert problem(tmp_path, bytes(content), "b.npz").startswith(f"{CANNOT} (it is a zip archive): ")


def test_what_is_missing_or_no_file_has_no_digest(tmp_path: Path) -> None:
    assert inspect(tmp_path / "gone.npy")[:5] == ("", "No such file or directory", 0, 0, 1)
    os.mkfifo(tmp_path / "fifo.npy")
    assert inspect(tmp_path / "fifo.npy").problem == "not a regular file"


def test_arrays_are_known_by_their_names() -> None:
    named = ["a.npy", "a.NPZ", "a.np", "npy", "a.npy.txt"]
    assert [is_array_name(Path(name)) for name in named] == [True, True, False, False, False]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64", "complex128", "bool", "uint32"])
def test_types_have_the_names_that_numpy_gives_them(dtype: str) -> None:
    assert str(Held(np.dtype(dtype).str, (1, 2))) == f"{dtype} (1, 2)"


def described(folder: Path, content: bytes, name: str = "a.npz") -> Any:
    path = folder / name
    path.write_bytes(content)
    return array_file.described(path)


def npz(save: Any = np.savez, **arrays: Any) -> bytes:
    made = io.BytesIO()
    save(made, **arrays)
    return made.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_of_an_archive_are_described_by_name(save: Any, tmp_path: Path) -> None:
    content = npz(save, x=np.zeros((2, 3), ">f4"), y=np.zeros(2, "int64"), names=np.array(["a", "bc"]))
    assert described(tmp_path, content) == {
        "x": Held(">f4", (2, 3)),
        "y": Held("<i8", (2,)),
        "names": Held("<U2", (2,)),
    }
    assert described(tmp_path, npy(np.zeros((4, 5), bool)), "a.npy") == {"array": Held("|b1", (4, 5))}
    assert described(tmp_path, npy(np.asfortranarray(np.zeros((4, 5)))), "a.npy") == {
        "array": Held("<f8", (4, 5))
    }


def test_numbers_and_whole_numbers_are_told_apart() -> None:
    dtypes = ["<f2", "<f8", "|u1", ">i4", "|b1", "<c8", "<U3", "|O", "<M8[ns]", "records", "|V3"]
    held = [Held(dtype, (2,)) for dtype in dtypes]
    assert [one.dtype for one in held if one.is_numbers] == ["<f2", "<f8", "|u1", ">i4", "|b1"]
    assert [one.dtype for one in held if one.is_whole] == ["|u1", ">i4"]
    assert Held("<f8", (3, 5)).bytes == 120


def rewritten(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    assert len(old) == len(new)
    return content.replace(old, new)


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return made.getvalue()


ROWS = npy(np.zeros((2, 3), "float32"))
LYING: dict[str, tuple[bytes, str]] = {
    "objects": (
        npz(x=np.array([{}, None], object)),
        "array 'x' holds pickled objects (2,), which are never loaded",
    ),
    "more rows than there are": (
        zipped(x__npy=rewritten(ROWS, b"(2, 3)", b"(3, 3)")),
        "array 'x' is cut off or too long: its header says float32 (3, 3), 36 bytes; 24 follow",
    ),
    "fewer rows than there are": (
        rewritten(ROWS, b"(2, 3)", b"(1, 3)"),
        "the array is cut off or too long: its header says float32 (1, 3), 12 bytes; 24 follow",
    ),
    "a thousand million rows": (
        rewritten(ROWS, b"(2, 3), }    ", b"(999999999,)}"),
        "the array is cut off or too long: its header says float32 (999999999,), 3999999996 bytes; 24 follow",
    ),
    "something else": (zipped(x__npy=ROWS, notes__txt=b"x"), "has 'notes.txt', which is not an array"),
    "no header": (
        zipped(x__npy=b"hello"),
        "cannot be read as arrays (it is a zip archive): it has no NumPy header",
    ),
    "a header that is code": (
        rewritten(ROWS, b"'descr'", b"exit(1)"),
        "cannot be read as arrays (it is a NumPy array): malformed node or string",
    ),
    "a picture": (b"\x89PNG\r\n\x1a\n", "cannot be read as arrays: it has no NumPy header"),
    "cut off": (npz(x=np.zeros(9))[:-30], "cannot be read as arrays (it is a zip archive): "),
    "nothing": (b"", "cannot be read as arrays (it is empty): it has no NumPy header"),
}


@pytest.mark.parametrize("what", LYING)
def test_a_file_that_does_not_hold_what_it_says_is_refused(what: str, tmp_path: Path) -> None:
    content, message = LYING[what]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        described(tmp_path, content)


def test_an_array_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    content = zipped(x__npy=ROWS, y__npy=ROWS).replace(b"y.npy", b"x.npy")
    with pytest.raises(ValueError, match=r"^has the array 'x' twice"):
        described(tmp_path, content)


def test_more_than_is_read_is_refused_by_its_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = npz(x=np.zeros((2, 3), "float32"), y=np.zeros((2, 3), "float32"))
    monkeypatch.setattr(array_file, "MOST_BYTES", 2 * len(ROWS))
    assert set(described(tmp_path, content)) == {"x", "y"}
    monkeypatch.setattr(array_file, "MOST_BYTES", 2 * len(ROWS) - 1)
    with pytest.raises(ValueError, match="unpacks to more than 303 bytes"):
        described(tmp_path, content)
    monkeypatch.setattr(array_file, "MOST_BYTES", 23)
    with pytest.raises(ValueError, match="the array has 24 bytes; at most 23 are read"):
        described(tmp_path, ROWS)
    monkeypatch.undo()
    monkeypatch.setattr(array_file, "MOST_ARRAYS", 1)
    with pytest.raises(ValueError, match="has 2 arrays; at most 1 are read"):
        described(tmp_path, content)


def test_what_is_no_regular_file_is_not_described(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    with pytest.raises(OSError, match="not a regular file"):
        array_file.described(tmp_path / "fifo.npz")
    with pytest.raises(FileNotFoundError):
        array_file.described(tmp_path / "gone.npz")
