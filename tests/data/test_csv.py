"""Photos with a table: of TensorFlow's tutorials, Kaggle, Roboflow, AutoML and others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.errors import DataError
from tflbuild.data.csv import Csv
from tflbuild.data.layouts import table_columns
from tflbuild.modalities.image.files import inspect

HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def photos(root: Path, folder: str, *names: str) -> None:
    for name in names:
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(list(str(path.relative_to(root)).encode())).integers(
            0, 256, (20, 40, 3)
        )
        Image.fromarray(pixels.astype(np.uint8)).save(path)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def index(root: Path, **options: Any) -> Index:
    return Csv(root=str(root), **options).index(inspect)


def keys(found: Index) -> dict[str, list[str]]:
    return {split: [Path(s.key).stem for s in samples] for split, samples in found.splits.items()}


def row(name: str, label: str = "cat") -> str:
    return f"{name},40,20,{label},4,5,20,15\n"  # by hand: ymin 0.25, xmin 0.1, ymax 0.75, xmax 0.5


BOXES: dict[str, Callable[[Path], Any]] = {
    "TensorFlow's tutorials": lambda root: (
        photos(root, "images/train", "a.jpg", "b.jpg"),
        photos(root, "images/test", "c.jpg"),
        text(root / "train_labels.csv", HEAD + row("a.jpg") + row("b.jpg", "dog")),
        text(root / "test_labels.csv", HEAD + row("c.jpg")),
        photos(root, "images/val", "v.jpg"),
        text(root / "val_labels.csv", HEAD + row("v.jpg")),
    ),
    "Roboflow": lambda root: [
        (
            photos(root, split, *names),
            text(
                root / split / "_annotations.csv",
                HEAD + "".join(map(row, names[:1])) + "".join(row(n, "dog") for n in names[1:]),
            ),
        )
        for split, names in (("train", ("a.jpg", "b.jpg")), ("valid", ("v.jpg",)), ("test", ("c.jpg",)))
    ],
    "a column of splits, semicolons and a mark": lambda root: (
        photos(root, "photos", *(f"{stem}.jpg" for stem in "abcv")),
        text(
            root / "all.csv",
            "\ufeffImage Name;Split;Label;X Min;Y Min;X Max;Y Max\n"
            "a.jpg;train;cat;4;5;20;15\nb.jpg;Train;dog;4;5;20;15\nv.jpg;validation;cat;4;5;20;15\nc.jpg;TEST;cat;4;5;20;15\n",
        ),
    ),
    "Kaggle, a corner with a size in one column": lambda root: (
        photos(root, "train", *(f"{stem}.jpg" for stem in "abcv")),
        text(
            root / "train.csv",
            "image_id,width,height,bbox,class,set\n"
            + "".join(
                f'{stem},40,20,"[4.0, 5.0, 16.0, 10.0]",{label},{split}\n'
                for stem, label, split in (
                    ("a", "cat", "train"),
                    ("b", "dog", "train"),
                    ("v", "cat", "val"),
                    ("c", "cat", "test"),
                )
            ),
        ),
    ),
    "a corner with a size": lambda root: (
        photos(root, ".", *(f"{stem}.jpg" for stem in "abcv")),
        text(
            root / "boxes.tsv",
            "path\tx\ty\twidth\theight\tlabel\tset\n"
            + "".join(
                f"/home/ann/{stem}.jpg\t4\t5\t16\t10\t{label}\t{split}\n"
                for stem, label, split in (
                    ("a", "cat", "train"),
                    ("b", "dog", "train"),
                    ("v", "cat", "val"),
                    ("c", "cat", "test"),
                )
            ),
        ),
    ),
    "AutoML": lambda root: (
        photos(root, "images", *(f"{stem}.jpg" for stem in "abcv")),
        text(
            root / "annotations.csv",
            "".join(
                f"{split},gs://bucket/pets/{stem}.jpg,{label},0.1,0.25,,,0.5,0.75,,\n"
                for stem, label, split in (
                    ("a", "cat", "TRAIN"),
                    ("b", "dog", "TRAIN"),
                    ("v", "cat", "VALIDATION"),
                    ("c", "cat", "TEST"),
                )
            ),
        ),
    ),
}


@pytest.mark.parametrize("what", BOXES)
def test_every_usual_table_of_boxes_gives_the_same(what: str, tmp_path: Path) -> None:
    BOXES[what](tmp_path)
    data = Csv(root=str(tmp_path))
    found = data.index(inspect)
    assert data.task == "detection"
    assert keys(found) == {"train": ["a", "b"], "val": ["v"], "test": ["c"]}
    assert found.classes == ("cat", "dog")
    assert [s.labels for s in found.splits["train"]] == [(0,), (1,)]
    for samples in found.splits.values():
        for sample in samples:
            assert np.allclose(sample.boxes, [(0.25, 0.1, 0.75, 0.5)])
    assert [d for d in found.dropped if "found by name instead" not in d.reason] == []


def test_several_boxes_without_a_line_of_names_and_background(tmp_path: Path) -> None:
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(8)))
    lines = [f"{n}.jpg,4,5,20,15,cat\n{n}.jpg,0,0,40,20,dog\n" for n in range(7)]
    text(tmp_path / "all.csv", "".join(lines) + "7.jpg,,,,,\n")  # as keras-retinanet has them
    found = index(tmp_path)
    counts = {Path(s.key).stem: len(s.boxes) for samples in found.splits.values() for s in samples}
    assert counts == {str(n): 2 for n in range(7)} | {"7": 0}
    assert found.dropped == ()


CLASSES: dict[str, Callable[[Path], Any]] = {
    "a file and a class": lambda root: (
        photos(root, "photos", *(f"{n}.jpg" for n in range(12))),
        text(
            root / "labels.csv",
            "filename,label\n" + "".join(f"{n}.jpg,{'cat' if n % 2 else 'dog'}\n" for n in range(12)),
        ),
    ),
    "Kaggle, an id": lambda root: (
        photos(root, "train", *(f"{n}.jpg" for n in range(12))),
        text(
            root / "train.csv",
            "id,breed\n" + "".join(f"{n},{'cat' if n % 2 else 'dog'}\n" for n in range(12)),
        ),
        text(root / "sample_submission.csv", "id,cat,dog\n99,0.5,0.5\n"),
    ),
    "no line of names": lambda root: (
        photos(root, ".", *(f"{n}.jpg" for n in range(12))),
        text(root / "a.csv", "".join(f"{n}.jpg|{'cat' if n % 2 else 'dog'}\n" for n in range(12))),
    ),
    "numbers, and a list of classes": lambda root: (
        photos(root, ".", *(f"{n}.jpg" for n in range(12))),
        text(root / "a.csv", "image,class\n" + "".join(f"{n}.jpg,{int(n % 2 == 0)}\n" for n in range(12))),
        text(root / "labels.txt", "0 cat\n1 dog\n"),
    ),
    "AutoML": lambda root: (
        photos(root, ".", *(f"{n}.jpg" for n in range(12))),
        text(
            root / "a.csv",
            "".join(f"UNASSIGNED,gs://b/{n}.jpg,{'cat' if n % 2 else 'dog'}\n" for n in range(12)),
        ),
    ),
}


@pytest.mark.parametrize("what", CLASSES)
def test_every_usual_table_of_classes_gives_the_same(what: str, tmp_path: Path) -> None:
    CLASSES[what](tmp_path)
    data = Csv(root=str(tmp_path))
    found = data.index(inspect)
    assert (data.task, found.classes) == ("classification", ("cat", "dog"))
    labels = {Path(s.key).stem: s.labels for samples in found.splits.values() for s in samples}
    assert labels == {str(n): ((0,) if n % 2 else (1,)) for n in range(12)}
    assert [d.file for d in found.dropped] in ([], ["sample_submission.csv"])


def test_classes_that_are_numbers_are_in_their_order(tmp_path: Path) -> None:
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(30)))
    text(tmp_path / "a.csv", "image,class\n" + "".join(f"{n}.jpg,{(2, 10)[n % 2]}\n" for n in range(30)))
    assert index(tmp_path).classes == ("2", "10")


REFUSED: dict[str, tuple[str, str]] = {
    "no file": (
        "class,xmin\ncat,1\n",
        "a.csv has no file column; its columns are class, xmin; expected a column of files",
    ),
    "no class": (
        "filename,score\n0.jpg,1\n",
        "a.csv has no class or box columns; its columns are filename, score; expected",
    ),
    "an edge short": (
        "filename,class,xmin,ymin,xmax\n0.jpg,cat,1,2,3\n",
        "a.csv has no column ymax; its columns are filename, class, xmin, ymin, xmax; expected",
    ),
    "two classes": (
        "filename,class,label\n0.jpg,a,b\n",
        "a.csv has the columns 'class' and 'label', which may both mean",
    ),
    "neither names nor a known order": (
        "0.jpg,1,2,3\n",
        "a.csv has no line of names, and 4 fields in its first; expected a column of files",
    ),
    "fractions": (
        "filename,class,xmin,ymin,xmax,ymax\n" + "".join(f"{n}.jpg,cat,0.1,0.2,0.5,0.6\n" for n in range(6)),
        "6 of 6 boxes of the train split of",
    ),
    "no split": (
        "filename,label,split\n0.jpg,cat,blue\n",
        "a.csv, line 2: 'blue' in the column of splits; expected train",
    ),
    "another size further down": (
        HEAD + "0.jpg,40,20,cat,1,2,3,4\n0.jpg,80,20,cat,2,2,3,4\n",
        "a.csv, line 3: 0.jpg is 80 x 20 pixels here, but 40 x 20 in an earlier line: do two images share a name?",
    ),
    "a class beyond the list": (
        "image,class\n0.jpg,0\n1.jpg,7\n",
        "a.csv, line 3: class 7, which classes.txt does not list",
    ),
    "alike": (
        "image,class\n" + "".join(f"{n}.jpg,{('Cat', 'cat')[n % 2]}\n" for n in range(12)),
        "the classes 'Cat' and 'cat' of",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_table_that_cannot_be_right_is_refused(what: str, tmp_path: Path) -> None:
    content, message = REFUSED[what]
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(12)))
    text(tmp_path / "a.csv", content)
    if "classes.txt" in message:
        text(tmp_path / "classes.txt", "cat\ndog\n")
    with pytest.raises(DataError, match=rf"^data\.root: .*{re.escape(message)}"):
        index(tmp_path)


LINES: dict[str, tuple[str, str]] = {
    "a missing file": ("gone.jpg,40,20,cat,1,2,3,4", "there is no image 'gone.jpg'"),
    "no file": (",40,20,cat,1,2,3,4", "has no file"),
    "no class": ("0.jpg,40,20,,1,2,3,4", "line 14 (0.jpg) has a box without a class: dropped"),
    "no box": ("0.jpg,40,20,cat,,,,", "line 14 (0.jpg, cat) has no box: dropped"),
    "no number": ("0.jpg,40,20,cat,1,2,x,4", "line 14 (0.jpg) has the box 2, 1, 4, x: dropped"),
    "fields short": ("0.jpg,40,20,cat,1,2", "line 14 (0.jpg) has the box 2, 1, , : dropped"),
    "twice": ("0.jpg,40,20,cat,4,5,20,15", "line 14 (0.jpg) appears twice: used once"),
    "without area": ("0.jpg,40,20,cat,9,5,9,15", "box line 14 (cat) has no area, xmin 9 = xmax 9: dropped"),
    "outside": (
        "0.jpg,40,20,cat,50,5,60,15",
        "box line 14 (cat) lies outside its image, x 50..60, y 5..15 in 40 x 20 pixels: dropped",
    ),
}


@pytest.mark.parametrize("what", LINES)
def test_a_line_that_is_no_box_is_left_out_by_its_number(what: str, tmp_path: Path) -> None:
    line, reason = LINES[what]
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(12)))
    text(tmp_path / "a.csv", HEAD + "".join(row(f"{n}.jpg") for n in range(12)) + line + "\n")
    found = index(tmp_path)
    assert [d.reason for d in found.dropped] == [reason]
    assert sum(len(s.boxes) for samples in found.splits.values() for s in samples) == 12


def test_a_photo_with_two_classes_is_left_out(tmp_path: Path) -> None:
    CLASSES["a file and a class"](tmp_path)
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("0.jpg,cat\n1.jpg,cat\n")
    found = index(tmp_path)
    reason = "photos/0.jpg has several classes, 'dog' in line 2 and 'cat' in line 14: left out"
    assert found.dropped == (Dropped("labels.csv", reason),)
    assert sum(map(len, found.splits.values())) == 11


def test_a_photo_without_a_line_is_left_out(tmp_path: Path) -> None:
    CLASSES["a file and a class"](tmp_path)
    photos(tmp_path, "photos", "more.jpg")
    assert index(tmp_path).dropped == (
        Dropped("photos/more.jpg", "photo without annotation: no annotation file lists it"),
    )


def test_an_id_that_fits_two_photos_is_left_out(tmp_path: Path) -> None:
    CLASSES["Kaggle, an id"](tmp_path)
    photos(tmp_path, "train", "3.png")
    (tmp_path / "sample_submission.csv").unlink()
    reason = "'3' fits several images: 3.jpg, 3.png"
    assert Dropped("train.csv, line 5", reason) in index(tmp_path).dropped


def test_two_tables_for_one_split_are_refused(tmp_path: Path) -> None:
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(12)))
    for name in ("train_a.csv", "train_b.csv"):
        text(tmp_path / name, HEAD + "".join(row(f"{n}.jpg") for n in range(12)))
    with pytest.raises(
        DataError,
        match=r"has several tables for train: 'train_a\.csv', 'train_b\.csv'; keep only one of them",
    ):
        index(tmp_path)


def test_tables_of_boxes_and_of_classes_are_not_mixed(tmp_path: Path) -> None:
    BOXES["TensorFlow's tutorials"](tmp_path)
    text(tmp_path / "labels.csv", "filename,label\na.jpg,cat\n")
    with pytest.raises(DataError, match="has tables of classes and of boxes"):
        index(tmp_path)


def test_two_names_that_end_alike_are_refused(tmp_path: Path) -> None:
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(12)))
    text(tmp_path / "a.csv", "filename,label\none/0.jpg,cat\ntwo/0.jpg,dog\n")
    with pytest.raises(
        DataError, match=r"'one/0\.jpg' and 'two/0\.jpg' do not exist, and both could be '0\.jpg'"
    ):
        index(tmp_path)


def test_what_was_recognised_is_said(tmp_path: Path) -> None:
    BOXES["AutoML"](tmp_path)
    assert Csv(root=str(tmp_path)).resolved()[1] == (
        {
            "what": "table",
            "value": "boxes",
            "evidence": "'annotations.csv': set, file, class and corners in 0..1 per line, as AutoML has them",
        },
    )


def test_columns_are_named_in_the_order_of_the_table() -> None:
    names = ["ymax", "Class", "other", "xmin", "filename", "ymin", "xmax"]
    assert table_columns.columns_of([names]).evidence == "columns ymax, Class, xmin, filename, ymin, xmax"


def test_a_table_of_automl_may_leave_out_the_corners_that_say_nothing_new() -> None:
    """By AutoML's documentation a line has x and y of up to four corners; two that are opposite are enough."""
    line = ["TRAIN", "gs://b/a.jpg", "cat", "0.1", "0.2", "", "", "0.5", "0.6"]
    found = table_columns.columns_of([line])
    assert found.at == {"split": 0, "file": 1, "label": 2, "xmin": 3, "ymin": 4, "xmax": 7, "ymax": 8}
    with pytest.raises(ValueError, match="has 8 fields; expected 3, or 11 with boxes"):
        table_columns.columns_of([line[:8]])


def test_corners_where_a_corner_and_a_size_are_expected_are_refused(tmp_path: Path) -> None:
    photos(tmp_path, ".", *(f"{n}.jpg" for n in range(20)))
    rows = "".join(
        f'{n}.jpg,"[20, 10, 38, 18]",cat\n' for n in range(20)
    )  # xmin, ymin, xmax, ymax of 40 x 20
    text(tmp_path / "a.csv", "image_id,bbox,label\n" + rows)
    message = (
        r"20 of 20 boxes of the train split of '.*' are not inside their images, e\.g\. a\.csv: box line 2"
    )
    with pytest.raises(DataError, match=message):
        index(tmp_path)


def test_a_table_of_no_split_beside_those_of_splits_is_named(tmp_path: Path) -> None:
    BOXES["TensorFlow's tutorials"](tmp_path)
    text(tmp_path / "all.csv", HEAD + row("a.jpg"))
    assert Dropped("all.csv", "a table of no split: not read") in index(tmp_path).dropped
    (tmp_path / "train_labels.csv").unlink()
    assert keys(index(tmp_path)) == {"train": ["a"], "val": ["v"], "test": ["c"]}
    (tmp_path / "all.csv").unlink()
    with pytest.raises(
        DataError, match=r"has no table for train \(there is 'test_labels\.csv'\); rename one to train\.$"
    ):
        index(tmp_path)
