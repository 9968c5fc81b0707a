"""What data sets of files share: seeded parts, leaks, choice of classes, names of splits."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core import image_files
from tflbuild.core.dataset import Dropped, FileFacts, Sample
from tflbuild.core.errors import DataError
from tflbuild.data.csv import Csv
from tflbuild.data.layouts.files import (
    FileDataset,
    below,
    entries_in,
    files_in,
    looked_at,
    split_folders,
    without_leaks,
)
from tflbuild.data.tfrecord import TfRecord
from tflbuild.data.yolo import Yolo
from tflbuild.modalities.image.files import inspect

DATA = FileDataset(root="set")


def name(item: str) -> str:
    return item


def ranked(salt: str, names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda item: hashlib.sha256(f"{salt} {item}".encode()).hexdigest())


def test_missing_splits_are_the_parts_that_the_hash_of_seed_and_name_gives() -> None:
    names = [f"{number}.png" for number in range(20)]
    found = replace(DATA, seed=3).completed({"train": names}, name)
    # By hand: a fifth of 20 goes to test, a fifth of the other 16 to val, each in the order that was given.
    test = set(ranked("test 3", names)[:4])
    val = set(ranked("val 3", [item for item in names if item not in test])[:3])
    assert found == {
        "train": [item for item in names if item not in test | val],
        "val": [item for item in names if item in val],
        "test": [item for item in names if item in test],
    }
    assert list(found) == ["train", "val", "test"]
    assert replace(DATA, seed=4).completed({"train": names}, name) != found


def test_each_fraction_is_that_of_its_own_split() -> None:
    names = [str(number) for number in range(100)]
    data = replace(DATA, val_fraction=0.25, test_fraction=0.6)
    found = data.completed({"train": names}, name)
    assert [len(found[split]) for split in ("train", "val", "test")] == [30, 10, 60]


def test_a_split_that_is_given_stays_as_it_is() -> None:
    names = [str(number) for number in range(10)]
    assert DATA.completed({"train": names, "test": ["t"]}, name)["test"] == ["t"]
    whole = {"train": names, "val": ["v"], "test": ["t"]}
    assert DATA.completed(whole, name) == whole
    assert sorted(DATA.completed({"train": names, "val": ["v"]}, name)["train"]) != sorted(names)


@pytest.mark.parametrize(("count", "test"), [(1, 0), (2, 1), (3, 1), (7, 1), (8, 2), (13, 3)])
def test_a_part_has_at_least_one_and_leaves_at_least_one(count: int, test: int) -> None:
    found = DATA.completed({"train": [str(number) for number in range(count)], "val": ["v"]}, name)
    assert len(found["test"]) == test
    assert len(found["train"]) == count - test
    most = replace(DATA, test_fraction=0.99).completed({"train": ["a", "b"], "val": []}, name)
    assert len(most["train"]) == 1


@settings(deadline=None, max_examples=15, derandomize=True)
@given(st.sets(st.text("abc", min_size=1, max_size=4), min_size=3, max_size=20), st.integers(0, 5))
def test_parts_do_not_overlap_and_do_not_depend_on_the_order(names: set[str], seed: int) -> None:
    data = replace(DATA, seed=seed)
    found = data.completed({"train": sorted(names)}, name)
    again = data.completed({"train": sorted(names, reverse=True)}, name)
    parts = [set(found[split]) for split in ("train", "val", "test")]
    assert set.union(*parts) == names
    assert sum(map(len, parts)) == len(names)
    assert parts == [set(again[split]) for split in ("train", "val", "test")]


def content(item: str) -> str:
    return item[0]


def test_what_is_measured_is_left_out_of_what_is_measured_later_and_of_training() -> None:
    splits = {"train": ["a1", "b1", "c1", "c2"], "val": ["b2", "a2"], "test": ["a3", "d3", "d4"]}
    kept, dropped = without_leaks(splits, content, name)
    assert kept == {"train": ["c1", "c2"], "val": ["b2"], "test": ["a3", "d3", "d4"]}
    assert list(kept) == ["train", "val", "test"]
    assert dropped == [
        Dropped("a2", "left out of val: the same image as a3 in test"),
        Dropped("a1", "left out of train: the same image as a3 in test"),
        Dropped("b1", "left out of train: the same image as b2 in val"),
    ]


def test_classes_are_those_of_train_unless_they_are_chosen() -> None:
    assert DATA.chosen_classes(["b", "a"], ["c"]) == ("b", "a")
    assert replace(DATA, classes=("a", "b")).chosen_classes(["b", "a"], ["b", "a"]) == ("a", "b")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            ("cat", "dgo"),
            "data.classes: 'dgo' is not a class of 'set'; there are cat, dog, emu. Did you mean 'dog'?",
        ),
        (("cat", "emu"), "data.classes: 'emu' is in val or test, but not in train."),
        (("cat", "cat"), "data.classes: ['cat', 'cat']: name at least one class, and none twice."),
        ((), "data.classes: []: name at least one class, and none twice."),
    ],
)
def test_a_choice_of_classes_that_cannot_be_is_an_error(classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError) as refused:
        replace(DATA, classes=classes).chosen_classes(["cat", "dog"], ["emu", "dog", "cat"])
    assert str(refused.value) == message


def test_classes_of_an_empty_set_are_none() -> None:
    with pytest.raises(DataError, match=r"'cat' is not a class of 'set'; there are none\."):
        replace(DATA, classes=("cat",)).chosen_classes([], [])


NAMES = {"Training": "train", "VALID": "val", "validation": "val", "testing": "test", "Test": "test"}


@pytest.mark.parametrize("called", NAMES)
def test_splits_are_known_by_their_usual_names(called: str, tmp_path: Path) -> None:
    (tmp_path / called).mkdir()
    (tmp_path / "others").mkdir()
    (tmp_path / "train").write_text("a file that is called so")
    assert split_folders(tmp_path) == {NAMES[called]: tmp_path / called}


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    for folder in ("val", "valid"):
        (tmp_path / folder).mkdir()
    with pytest.raises(DataError) as refused:
        split_folders(tmp_path)
    assert str(refused.value) == (
        f"data.root: 'val' and 'valid' in '{tmp_path}' both mean the val split; put their images into one folder."
    )


def test_files_are_listed_without_folders_and_in_the_order_of_names(tmp_path: Path) -> None:
    for file in ("b", "a"):
        (tmp_path / file).write_text("")
    (tmp_path / "c").mkdir()
    assert files_in(tmp_path) == {"a", "b"}
    assert [entry.name for entry in entries_in(tmp_path)] == ["a", "b", "c"]
    for list_ in (files_in, entries_in):
        with pytest.raises(
            DataError, match=r"^data\.root: .*/gone cannot be read: No such file or directory\.$"
        ):
            list_(tmp_path / "gone")
    with pytest.raises(
        DataError, match=r"^data\.root: .*/gone/? cannot be read: No such file or directory\.$"
    ):
        below(str(tmp_path / "gone"))


def test_a_folder_that_the_disk_cannot_read_is_named_though_the_error_names_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(folder: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(image_files, "below", failing)
    with pytest.raises(DataError, match=r"^data\.root: /set cannot be read: Input/output error\.$"):
        below("/set")


def test_many_files_are_looked_at_at_once_where_that_is_possible() -> None:
    class Many:
        def __call__(self, path: Path) -> FileFacts:
            raise AssertionError("one by one")

        def many(self, paths: Sequence[Path | str]) -> list[FileFacts]:
            return [FileFacts(str(path), "") for path in paths]

    assert [facts.digest for facts in looked_at(["b", "a"], Many())] == ["b", "a"]
    assert [facts.digest for facts in looked_at(["b", "a"], lambda path: FileFacts(path.name, ""))] == [
        "b",
        "a",
    ]


def test_the_root_is_found_from_where_one_stands_and_from_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path)
    assert DATA.decided_by() == tmp_path / "set"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FileDataset(root="~/set").decided_by() == tmp_path / "set"
    assert FileDataset(root="gone").decided_by() is None
    assert FileDataset(root=" ").decided_by() is None
    (tmp_path / "set" / "a").write_text("")
    assert DATA.folder("x") == tmp_path / "set"


ROOTS = {
    " ": "data.root: not given; expected x, e.g. data.root=path/to/data",
    "a\nb": "data.root: 'a\\nb' cannot be used: its name has control characters.",
    "sett": "data.root: 'sett' does not exist; expected x. Did you mean 'set'?",
    "file": "data.root: 'file' is not a folder; expected x.",
    "set": "data.root: 'set' is empty; expected x.",
}


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_that_is_none_is_said_with_what_is_expected(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as refused:
        FileDataset(root=root).folder("x")
    assert str(refused.value) == ROOTS[root]


def test_a_sample_is_read_with_its_boxes_and_labels(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (4, 3), (1, 2, 3)).save(tmp_path / "a.png")
    sample = Sample("a.png", "x", str(tmp_path / "a.png"), ((0.1, 0.2, 0.3, 0.4),), (5,))
    image, boxes, labels = DATA.read(sample)
    assert image.tolist() == [[[1, 2, 3]] * 4] * 3
    assert (boxes.dtype.name, boxes.shape, labels.dtype.name, labels.tolist()) == (
        "float32",
        (1, 4),
        "int32",
        [5],
    )
    assert boxes.tolist() == [pytest.approx([0.1, 0.2, 0.3, 0.4])]
    assert DATA.read(sample._replace(boxes=())).boxes.shape == (0, 4)
    with pytest.raises(DataError, match=r"^data\.root: a\.png has no file\.$"):
        DATA.read(sample._replace(path=None))
    with pytest.raises(
        DataError, match=r"^data\.root: a\.png was readable when the build started, but is not now: "
    ):
        DATA.read(sample._replace(path=str(tmp_path / "gone.png")))


@pytest.mark.parametrize("kind", [Csv, TfRecord, Yolo])
@pytest.mark.parametrize("root", ["gone", "", " "])
def test_a_root_that_is_not_there_is_said_by_the_index_and_not_while_recognising(
    kind: Any, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = kind(root=root)
    assert data.resolved() == (data, ())
    with pytest.raises(DataError, match=r"^data\.root: "):
        data.index(inspect)
