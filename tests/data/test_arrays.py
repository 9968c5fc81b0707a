"""Arrays with a row for each sample, in files written by NumPy."""

from __future__ import annotations

import hashlib
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from tflbuild.core.dataset import Dropped, FileFacts, Index, Split
from tflbuild.core.errors import DataError
from tflbuild.data.arrays import MOST_CLASSES, Arrays
from tflbuild.data.layouts.usual_pictures import USUAL

SPLITS = ("train", "val", "test")
ROOM = Path(__file__).resolve().parents[2] / "recipes" / "data"


def never(path: Path) -> FileFacts:
    raise AssertionError(f"{path} was looked at as an image")


def floats(rows: int, *sides: int, first: float = 0) -> Any:
    count = rows * int(np.prod(sides))
    return np.arange(first, first + count, dtype="float32").reshape(rows, *sides)


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def counts(index: Index) -> list[int]:
    return [len(index.splits[split]) for split in SPLITS]


def keys(index: Index) -> dict[str, list[str]]:
    return {split: [sample.key for sample in index.splits[split]] for split in SPLITS}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_rows_of_one_array_are_drawn_by_content(tmp_path: Path) -> None:
    windows = floats(12, 4)
    data = Arrays(root=str(saved(tmp_path, windows=windows)), seed=3)
    index = data.index(never)
    head = b'[["","<f4",[4]]]'
    digests = [sha256(head + row.tobytes()) for row in windows]
    ranked = sorted(range(12), key=lambda row: sha256(f"3 {digests[row]}".encode()))
    # By hand: a quarter of 12 is three.
    assert keys(index) == {
        split: [f"{row:05d}" for row in sorted(ranked[slice(*part)])]
        for split, part in (("val", (0, 3)), ("test", (3, 6)), ("train", (6, 12)))
    }
    for split in SPLITS:
        for sample in index.splits[split]:
            assert sample.digest == digests[int(sample.key)]
            example = data.read(sample)
            np.testing.assert_array_equal(example.value, windows[int(sample.key)])
            assert (example.boxes.shape, example.labels.shape) == ((0, 4), (0,))
    assert (data.task, data.modality, index.classes, index.dropped) == ("unlabelled", "vector", (), ())


def test_the_array_of_an_npy_needs_no_name(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", floats(8, 3))
    data = Arrays(root=str(tmp_path / "a.npy"))
    index = data.index(never)
    assert counts(index) == [4, 2, 2]
    sample = index.splits["train"][0]
    np.testing.assert_array_equal(data.read(sample).value, floats(8, 3)[int(sample.key)])
    assert index.splits["train"] == Arrays(root=str(tmp_path / "a.npy")).index(never).splits["train"]


def test_several_arrays_go_to_the_inputs_of_their_names(tmp_path: Path) -> None:
    left, right = floats(9, 4), np.arange(9)
    data = Arrays(root=str(saved(tmp_path, left=left, right=right)))
    for split in SPLITS:
        for sample in data.index(never).splits[split]:
            value = data.read(sample).value
            assert sorted(value) == ["left", "right"]
            np.testing.assert_array_equal(value["left"], left[int(sample.key)])
            assert value["right"] == int(sample.key)


def test_labels_make_it_a_set_for_classification(tmp_path: Path) -> None:
    labels = np.array([0, 1, 2, 0] * 3)
    path = saved(tmp_path, x=floats(12, 4), y=labels)
    data = Arrays(root=str(path))
    index = data.index(never)
    assert (data.task, index.classes) == ("classification", ("0", "1", "2"))
    plain = Arrays(root=str(saved(tmp_path, x=floats(12, 4)))).index(never)
    assert keys(plain) == keys(index), "labels decide no draw"
    for split in SPLITS:
        for sample, bare in zip(index.splits[split], plain.splits[split], strict=True):
            label = int(labels[int(sample.key)])
            assert sample.labels == (label,)
            assert sample.digest == sha256(f'["{bare.digest}",{label}]'.encode())
    saved(tmp_path, x=floats(12, 4), y=labels)
    named = Arrays(root=str(path), classes=("ant", "bee", "cow", "dog")).index(never)
    assert named.classes == ("ant", "bee", "cow", "dog")
    example = data.read(index.splits["test"][0])
    assert (example.labels.dtype.name, example.labels.tolist()) == (
        "int32",
        list(index.splits["test"][0].labels),
    )


def test_arrays_named_like_splits_are_those_splits(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        x_train=floats(8, 4),
        y_train=np.arange(8) % 2,
        x_test=floats(3, 4, first=1000),
        y_test=np.array([1, 0, 1]),
    )
    data = Arrays(root=str(path))
    index = data.index(never)
    # By hand: val is a quarter of the 8 of train.
    assert counts(index) == [6, 2, 3]
    assert keys(index)["test"] == ["test/00000", "test/00001", "test/00002"]
    assert all(key.startswith("train/") for split in ("train", "val") for key in keys(index)[split])
    split = Split("test", data, index)
    for row in range(3):
        np.testing.assert_array_equal(split[row].value, floats(3, 4, first=1000)[row])
        assert split[row].labels.tolist() == [[1], [0], [1]][row]


@pytest.mark.parametrize("sides", [(6, 5), (6, 5, 1), (6, 5, 3)])
def test_bytes_by_height_and_width_are_pictures(sides: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = {
        split: rng.integers(0, 256, (count, *sides), dtype=np.uint8)
        for split, count in (("train", 5), ("val", 2), ("test", 3))
    }
    arrays = {f"{split}_images": values for split, values in images.items()}
    arrays |= {f"{split}_labels": np.arange(len(values))[:, None] % 2 for split, values in images.items()}
    data = Arrays(root=str(saved(tmp_path, **arrays)))
    index = data.index(never)
    assert (data.task, data.modality, counts(index)) == ("classification", "image", [5, 2, 3])
    for split in SPLITS:
        for row, example in enumerate(Split(split, data, index)):
            assert (example.value.shape, example.value.dtype.name) == ((6, 5, 3), "uint8")
            wanted = np.broadcast_to(images[split][row].reshape(6, 5, -1), (6, 5, 3))
            np.testing.assert_array_equal(example.value, wanted)
            if row == len(index.splits[split]) - 1:
                break


def test_the_same_row_lies_in_one_split_and_a_measured_one_not_in_train(tmp_path: Path) -> None:
    once = floats(9, 4)
    index = Arrays(root=str(saved(tmp_path, x=np.concatenate([once, once])))).index(never)
    assert counts(index) == [10, 4, 4]
    for found in keys(index).values():
        rows = {int(key) for key in found}
        assert {row % 9 for row in rows if row < 9} == {row % 9 for row in rows if row >= 9}
    index = Arrays(root=str(saved(tmp_path, x_train=once, x_test=once[2:4]))).index(never)
    assert index.dropped == tuple(
        Dropped(f"train/0000{row}", f"left out of train: the same row as test/0000{row - 2} in test")
        for row in (2, 3)
    )
    assert sum(counts(index)) == 9


def test_the_order_of_rows_decides_nothing(tmp_path: Path) -> None:
    rows = floats(20, 4)
    before = Arrays(root=str(saved(tmp_path, x=rows))).index(never)
    after = Arrays(root=str(saved(tmp_path, x=rows[::-1]))).index(never)
    for split in SPLITS:
        assert {s.digest for s in before.splits[split]} == {s.digest for s in after.splits[split]}


def test_as_many_rows_as_are_wanted_are_taken(tmp_path: Path) -> None:
    path = str(saved(tmp_path, x=floats(20, 4)))
    assert counts(Arrays(root=path, train=3, val=4, test=5).index(never)) == [3, 4, 5]


def test_arrays_that_do_not_go_in_are_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, x=floats(8, 4), names=np.array(["a", "b"]), y=np.linspace(0, 1, 8))
    index = Arrays(root=str(path)).index(never)
    assert [dropped.file for dropped in index.dropped] == ["y", "names"]
    assert index.classes == ()


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "rows that are not as many": (
        {"a": floats(8, 4), "b": floats(7, 4)},
        {},
        "data.root: 'a.npz' has 8 rows in 'a' and 7 in 'b'; expected as many in each, one per sample.",
    ),
    "a value that is none": (
        {"a": np.array([[0.0], [np.nan], [1.0]])},
        {},
        "data.root: 'a.npz' has nan in row 1 of 'a', which is not a finite float32; 1 of 3 rows have such values.",
    ),
    "pickles": (
        {"a": np.array([{}, []], object)},
        {},
        "data.root: 'a.npz' array 'a' holds pickled objects (2,), which are never loaded.",
    ),
    "words alone": (
        {"a": np.array(["x", "y"])},
        {},
        "data.root: 'a.npz' has no array of numbers with a row for each sample; it has 'a' <U1 (2,).",
    ),
    "labels that are not there": (
        {"a": floats(8, 4)},
        {"labels": "kind"},
        "data.root: 'a.npz' has no array 'kind', which data.labels names; it has 'a'.",
    ),
    "too few rows": (
        {"a": floats(2, 4)},
        {},
        "data.root: 'a.npz' has 2 different usable rows; train, val and test need one each, 3 or more.",
    ),
    "rows that are all the same": (
        {"a": np.zeros((9, 4))},
        {},
        "data.root: 'a.npz' has 1 different usable row;",
    ),
    "a negative label": (
        {"a": floats(8, 4), "y": np.array([0, 1, -1, 0, 1, 0, 1, 0])},
        {},
        f"data.root: 'a.npz' has the label -1 in row 2 of 'y'; expected 0 to {MOST_CLASSES - 1}.",
    ),
    "a label that is not a class": (
        {"a": floats(8, 4), "y": np.full(8, MOST_CLASSES)},
        {},
        f"data.root: 'a.npz' has the label {MOST_CLASSES} in row 0 of 'y'",
    ),
    "one class": (
        {"a": floats(8, 4), "y": np.zeros(8, int)},
        {},
        "data.root: 'a.npz' has only the label 0 in 'y'.",
    ),
    "names for fewer classes": (
        {"a": floats(8, 4), "y": np.arange(8) % 3},
        {"classes": ("x", "y")},
        "data.classes: 2 different names for the labels 0 to 2 of 'y' in 'a.npz'; name each class once, by its label.",
    ),
    "a name twice": (
        {"a": floats(8, 4), "y": np.arange(8) % 2},
        {"classes": ("x", "y", "x")},
        "data.classes: 2 different names for the labels 0 to 1",
    ),
    "names without labels": (
        {"a": floats(8, 4)},
        {"classes": ("x", "y")},
        "data.classes: 'a.npz' has no array of labels.",
    ),
    "large pictures": (
        {"a": np.zeros((4, 6, 5), np.uint8)},
        {"max_pixels": 29},
        "data.root: 'a.npz' has pictures of 5 x 6 pixels in 'a', more than data.max_pixels=29.",
    ),
    "too many wanted": (
        {"a": floats(8, 4)},
        {"test": 8},
        "data.test: 8 is too many: 'a.npz' has 8 different usable rows for train, val and test.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_arrays_that_cannot_be_used_are_one_sentence(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays, options, message = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    saved(tmp_path, **arrays)
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        Arrays(root="a.npz", **options).index(never)


PLACES = {
    "": "data.root: not given; expected an .npz or .npy",
    "gone.npz": "data.root: 'gone.npz' does not exist; expected an .npz or .npy",
    "folder": "data.root: 'folder' is a folder; expected an .npz or .npy",
    "notes.txt": "data.root: 'notes.txt' cannot be read as arrays: it has no NumPy header.",
    "cut.npz": "data.root: 'cut.npz' cannot be read as arrays (it is a zip archive): ",
}


@pytest.mark.parametrize("root", PLACES)
def test_a_place_without_arrays_is_one_sentence(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("notes.txt").write_text("hello")
    Path("cut.npz").write_bytes(saved(tmp_path, x=floats(8, 4)).read_bytes()[:-30])
    data = Arrays(root=root)
    assert (data.task, data.modality) == ("unlabelled", "vector")
    for use in (lambda: data.index(never), data.resolved):
        with pytest.raises(DataError, match=f"^{re.escape(PLACES[root])}"):
            use()


def test_a_file_that_changed_since_is_one_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path, x=floats(8, 4))
    data = Arrays(root=str(path))
    sample = data.index(never).splits["train"][-1]
    saved(tmp_path, other=floats(8, 4))
    with pytest.raises(
        DataError,
        match=r"a\.npz' was readable when the build started, but is not now: it "
        "holds other arrays",
    ):
        data.read(sample)
    path.unlink()
    with pytest.raises(
        DataError, match=r"a\.npz' was readable when the build started, but is not now: .*No such file"
    ):
        data.read(sample)


def test_what_the_file_holds_travels_to_another_process(tmp_path: Path) -> None:
    path = saved(tmp_path, images=np.zeros((4, 6, 5), np.uint8), labels=np.arange(4))
    data = Arrays(root=str(path), preprocess={"scale": 1.0})
    for copy in (
        pickle.loads(pickle.dumps(data)),
        replace(data),
        TypeAdapter(Arrays).validate_python({"root": str(path)}),
    ):
        assert (copy.task, copy.modality) == ("classification", "image")
    assert pickle.loads(pickle.dumps(data)) == data
    assert data.decided_by() == path
    assert Arrays(root=str(tmp_path)).decided_by() is None


def test_what_was_recognised_is_said_with_its_evidence(tmp_path: Path) -> None:
    path = saved(
        tmp_path, x_train=floats(8, 4), y_train=np.arange(8) % 2, x_test=floats(3, 4), y_test=np.arange(3) % 2
    )
    kept, recognised = Arrays(root=str(path)).resolved()
    assert recognised == (
        {"what": "samples", "value": "numbers", "evidence": "'x_train', a row for each"},
        {"what": "splits", "value": "train, test", "evidence": "arrays are named x_train, x_test"},
        {"what": "labels", "value": "classes", "evidence": "'y_train' holds whole numbers, one per row"},
    )
    assert kept == Arrays(root=str(path))
    _, recognised = Arrays(root=str(saved(tmp_path, images=np.zeros((4, 6, 5), np.uint8)))).resolved()
    assert recognised == (
        {
            "what": "samples",
            "value": "pictures",
            "evidence": "'images' holds bytes by height and width, with 1 or 3 channels or none",
        },
    )


def group(name: str) -> dict[str, Any]:
    options = yaml.safe_load((ROOM / f"{name}.yaml").read_text(encoding="utf-8"))
    return {block: options[block] for block in ("preprocess", "augment")}


def test_options_of_pictures_are_left_out_for_numbers_and_stay_for_pictures(tmp_path: Path) -> None:
    blocks = group("arrays")
    numbers = Arrays(root=str(saved(tmp_path, x=floats(8, 4))), **blocks).resolved()[0]
    assert (numbers.preprocess, numbers.augment) == ({}, {})
    assert Arrays(root=numbers.root, **USUAL).resolved()[0] == numbers  # type: ignore[attr-defined]
    pictures = Arrays(root=str(saved(tmp_path, x=np.zeros((4, 6, 5), np.uint8))), **blocks)
    assert pictures.resolved()[0] == pictures


@pytest.mark.parametrize(
    ("block", "options", "key"),
    [
        ("preprocess", {"aspect": "letterbox"}, "data.preprocess.aspect"),
        ("preprocess", {"scale": 1.0, "aspect": "stretch"}, "data.preprocess.scale"),
        ("preprocess", {"mean": [1, 2, 3]}, "data.preprocess.mean"),
        ("augment", {"flip": False}, "data.augment.flip"),
        ("augment", {"crop": {"min_area": 0.9}}, "data.augment.crop.min_area"),
        ("augment", {"blur": 1}, "data.augment.blur"),
    ],
)
def test_an_option_of_pictures_that_is_set_for_numbers_is_refused(
    block: str, options: dict[str, Any], key: str, tmp_path: Path
) -> None:
    data = Arrays(root=str(saved(tmp_path, x=floats(8, 4))), **{block: options})
    with pytest.raises(
        DataError, match=rf"^{re.escape(key)}: this option is for pictures, but '.*a\.npz' contains numbers."
    ):
        data.resolved()
