"""Files of arrays with a row for each sample, written by NumPy."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.array_file import Held
from tflbuild.modalities import row_files


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["float32", ">f8", "float16", "uint8", "int64", "bool"])
def test_arrays_are_read_as_they_were_saved(save: Any, dtype: str, tmp_path: Path) -> None:
    values = np.arange(12).reshape(4, 3).astype(dtype)
    save(tmp_path / "a.npz", x=values, words=np.array(["a"] * 4))
    found = row_files.read(tmp_path / "a.npz")
    assert list(found) == ["x"], "words are not read"
    np.testing.assert_array_equal(found["x"], values)
    assert found["x"].dtype == values.dtype


def test_an_npy_and_columns_first_are_read(tmp_path: Path) -> None:
    values = np.asfortranarray(np.arange(12.0).reshape(4, 3))
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(row_files.read(tmp_path / "a.npy")["array"], values)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 3)))
    assert row_files.read(path) is row_files.read(path)
    np.save(path, np.zeros((4, 3)))
    assert row_files.read(path)["array"].shape == (4, 3)


def archive(path: Path) -> Path:
    np.savez_compressed(path, x=np.random.default_rng(0).random((9000, 4)))
    return path


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte": (
        lambda content: content[:-5000] + b"?" + content[-4999:],
        "has the array 'x', which does not unpack: ",
    ),
    "the end": (lambda content: content[:-10], "cannot be read as arrays (it is a zip archive): "),
    "everything": (lambda content: b"", "cannot be read as arrays (it is empty): "),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_file_is_one_sentence(what: str, tmp_path: Path) -> None:
    damage, message = DAMAGES[what]
    path = archive(tmp_path / "a.npz")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        row_files.read(path)
    facts = row_files.inspect(path)
    assert facts.problem.startswith(message)
    assert facts.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_of_rows_is_named_by_its_bytes(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz")
    assert row_files.inspect(path)[:5] == (hashlib.sha256(path.read_bytes()).hexdigest(), "", 0, 0, 1)
    assert row_files.inspect(tmp_path / "gone.npz")[:5] == ("", "No such file or directory", 0, 0, 1)


def test_what_arrays_lack_to_be_samples_is_a_problem(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros((2, 3)), b=np.zeros((3, 3)))
    assert row_files.inspect(tmp_path / "a.npz").problem.startswith("has 2 rows in 'a' and 3 in 'b'")
    np.savez(tmp_path / "a.npz", a=np.array([[1.0, np.nan]]))
    assert row_files.inspect(tmp_path / "a.npz").problem.startswith("has nan in row 0 of 'a'")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            [[1, 2], [np.nan, np.inf], [3, -np.inf]],
            "has nan in row 1 of 'a', which is not a finite float32; 2 of 3 rows",
        ),
        ([[1, -np.inf], [3, 4]], "has -inf in row 0 of 'a', which is not a finite float32; 1 of 2 rows"),
        ([[1, 2], [1e300, 4]], "has 1e+300 in row 1 of 'a', which is not a finite float32; 1 of 2 rows"),
    ],
)
def test_values_that_are_no_finite_float32_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        row_files.check_finite("a", np.array(values))


def test_finite_values_are_taken() -> None:
    for values in (
        np.zeros((2, 3)),
        np.array([3.4e38]),
        np.array([2**62]),
        np.array([True]),
        np.zeros((2, 3), "f2"),
    ):
        row_files.check_finite("a", values)


def sha256(*content: bytes) -> str:
    return hashlib.sha256(b"".join(content)).hexdigest()


def test_a_row_is_named_by_the_form_and_the_bytes_of_every_array() -> None:
    left = np.arange(6, dtype="<f4").reshape(2, 3)
    right = np.array([7, 8], "|u1")
    head = b'[["left","<f4",[3]],["right","|u1",[]]]'
    wanted = [sha256(head, left[row].tobytes(), bytes([right[row]])) for row in range(2)]
    assert row_files.row_digests({"right": right, "left": left}) == wanted
    assert row_files.row_digests({"right": right, "left": np.asfortranarray(left)}) == wanted
    alone = [sha256(b'[["","<f4",[3]]]', left[row].tobytes()) for row in range(2)]
    assert row_files.row_digests({"left": left}) == row_files.row_digests({"x": left}) == alone


@pytest.mark.parametrize(
    "other",
    [{"a": "f4 4"}, {"a": "f8 2"}, {"a": "f4 2", "b": "f4 2"}, {"a": "f4 2 2"}],
)
def test_rows_of_another_form_have_other_names(other: dict[str, str]) -> None:
    def zeros(text: str) -> Any:
        dtype, *sides = text.split()
        return np.zeros((1, *map(int, sides)), dtype)

    [usual] = row_files.row_digests({"a": zeros("f4 2")})
    assert row_files.row_digests({name: zeros(text) for name, text in other.items()}) != [usual]


def test_a_sample_of_one_input_is_its_row_and_of_several_a_mapping() -> None:
    a, b = np.arange(6).reshape(2, 3), np.arange(2)
    np.testing.assert_array_equal(row_files.row_of({"a": a}, 1), [3, 4, 5])
    both = row_files.row_of({"a": a, "b": b}, 1)
    assert {name: np.asarray(value).tolist() for name, value in both.items()} == {"a": [3, 4, 5], "b": 1}


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3)])
def test_pictures_have_three_channels(shape: tuple[int, ...]) -> None:
    value = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    for picture in (row_files.as_pictures(value), row_files.as_pictures({"a": value})["a"]):
        assert picture.shape == (2, 3, 3)
        np.testing.assert_array_equal(picture, np.broadcast_to(value.reshape(2, 3, -1), (2, 3, 3)))


def test_what_is_written_here_is_what_the_layout_reads(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((4, 2)), y_train=np.zeros(4, "int32"))
    layout = row_files.laid_out(tmp_path / "a.npz")
    assert (layout.parts["train"].rows, layout.parts["train"].labels) == (4, "y_train")
    assert str(Held("<f8", (4, 2))) == "float64 (4, 2)"
