"""Calibration images from outside the data set."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dataset, Sample
from tflbuild.core.errors import DataError
from tflbuild.core.source import files_of
from tflbuild.data.arrays import Arrays
from tflbuild.data.layouts.external import ExternalImages, ExternalRows, external_split


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three pictures, one in a sub-folder, and a file that is none."""
    folder = tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.jpg", "more/c.png")):
        Image.new("RGB", (4, 3), (number * 10, 0, 0)).save(folder / name)
    (folder / "notes.md").write_text("not a picture")
    return folder


def test_a_folder_is_searched_with_its_sub_folders(images: Path) -> None:
    assert [path.name for path in files_of(str(images)).files] == ["a.jpg", "b.png", "c.png"]


def test_a_glob_and_a_list_file_name_images(images: Path) -> None:
    assert [path.name for path in files_of(f"{images}/*.png").files] == ["b.png"]
    listing = images / "some.txt"
    listing.write_text("a.jpg\n\nmore/c.png\n")
    split = external_split(str(listing), Dataset())
    assert [sample.key for sample in split.samples] == ["a.jpg", "c.png"]
    assert split[1].value.tolist() == [[[20, 0, 0]] * 4] * 3
    assert split[1].boxes.shape == (0, 4)


def test_the_rows_of_an_npz_are_images(tmp_path: Path) -> None:
    rows = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    np.savez(tmp_path / "rows.npz", images=rows)
    split = external_split(str(tmp_path / "rows.npz"), Dataset())
    assert len(split) == 2
    np.testing.assert_array_equal(split[1].value, rows[1])


@pytest.mark.parametrize("name", ["nowhere", "nowhere/*.png", "nowhere.txt", "nowhere.npz"])
def test_a_source_that_names_nothing_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="names no image"):
        files_of(str(tmp_path / name))


def test_an_npz_without_images_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", pictures=np.zeros((1, 2, 2, 3), np.uint8))
    with pytest.raises(DataError, match="has no array 'images'; it has pictures"):
        external_split(str(tmp_path / "other.npz"), Dataset())


def test_an_array_that_would_run_code_when_it_is_read_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "odd.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(
        DataError,
        match=r"odd\.npy was readable when the build started, but is not now: "
        ".*allow_pickle=False",
    ):
        ExternalImages().read(Sample("0", "x", str(tmp_path / "odd.npy")))


def test_an_image_that_is_gone_or_too_large_by_now_is_said(images: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"^calibration\.source: .*gone\.png was readable when the build started, but is not now: ",
    ):
        ExternalImages().read(Sample("gone.png", "x", str(images / "gone.png")))
    with pytest.raises(DataError, match=r"b\.png was readable .*more than data\.max_pixels=11"):
        ExternalImages(max_pixels=11).read(Sample("b.png", "x", str(images / "b.png")))
    example = ExternalImages(max_pixels=12).read(Sample("b.png", "x", str(images / "b.png")))
    assert (example.boxes.dtype.name, example.labels.dtype.name) == ("float32", "int32")
    assert (example.boxes.shape, example.labels.shape) == ((0, 4), (0,))


def test_images_are_looked_at_with_the_largest_size_of_the_recipe(images: Path) -> None:
    with pytest.raises(DataError, match="none of the 3 files"):
        external_split(str(images), Dataset(max_pixels=11))
    assert len(external_split(str(images), Dataset(max_pixels=12))) == 3


NUMBERS = Arrays()
"""Of modality vector, as arrays are that nobody knows yet."""


def test_the_rows_of_arrays_go_to_the_inputs_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, left=np.arange(6.0).reshape(2, 3), right=np.array([7, 8]), names=np.array(["a", "b"]))
    split = external_split(str(path), NUMBERS)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert split.samples == tuple(Sample(str(row), f"{sha256}/{row}", str(path)) for row in range(2))
    assert (split.classes, split.dataset.modality) == ((), "vector")
    value, boxes, labels = split[1]
    assert sorted(value) == ["left", "right"]
    assert (value["left"].tolist(), value["right"]) == ([3, 4, 5], 8)
    assert (boxes.shape, labels.shape) == ((0, 4), (0,))


def test_the_one_array_of_numbers_needs_no_name_and_labels_do_not_go_in(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.arange(6.0).reshape(2, 3))
    assert external_split(str(tmp_path / "rows.npy"), NUMBERS)[1].value.tolist() == [3, 4, 5]
    np.savez(tmp_path / "rows.npz", x=np.arange(6.0).reshape(2, 3), y=np.array([0, 1]))
    assert external_split(str(tmp_path / "rows.npz"), NUMBERS)[1].value.tolist() == [3, 4, 5]


def test_of_arrays_named_like_splits_train_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x_train=np.zeros((3, 2)), x_test=np.ones((2, 2)))
    split = external_split(str(tmp_path / "rows.npz"), NUMBERS)
    assert [split[row].value.tolist() for row in range(len(split))] == [[0, 0]] * 3


def test_bytes_are_numbers_where_the_data_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", images=np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4))
    assert external_split(str(tmp_path / "rows.npz"), NUMBERS)[1].value.shape == (3, 4)


def test_a_source_of_numbers_that_is_none_is_one_sentence(images: Path, tmp_path: Path) -> None:
    expected = "expected data.<split>, an .npy or an .npz"
    with pytest.raises(DataError, match=rf"^calibration\.source: 'gone' names no array; {expected}\.$"):
        external_split("gone", NUMBERS)
    with pytest.raises(
        DataError, match=r"none of the 3 files of '.*' is a usable array\. Left out: notes\.md"
    ):
        external_split(str(images), NUMBERS)
    np.savez(tmp_path / "rows.npz", a=np.zeros((2, 3)), b=np.zeros((3, 3)))
    with pytest.raises(DataError, match=r"rows\.npz has 2 rows in 'a' and 3 in 'b'"):
        external_split(str(tmp_path / "rows.npz"), NUMBERS)
    np.savez(tmp_path / "rows.npz", a=np.array([[np.inf]]))
    with pytest.raises(DataError, match=r"rows\.npz has inf in row 0 of 'a'"):
        external_split(str(tmp_path / "rows.npz"), NUMBERS)


def test_rows_that_are_gone_by_now_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.npz was readable when the build started, but is not now: "):
        ExternalRows().read(Sample("0", "x", str(tmp_path / "gone.npz")))
