"""Data of any layout: what lies at the root decides which data set reads it."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import DataError
from tflbuild.data.arrays import Arrays
from tflbuild.data.auto import Auto
from tflbuild.data.coco import Coco
from tflbuild.data.csv import Csv
from tflbuild.data.image_folder import ImageFolder
from tflbuild.data.images import Images
from tflbuild.data.tfrecord import TfRecord
from tflbuild.data.voc import Voc
from tflbuild.data.yolo import Yolo
from tflbuild.modalities.image.files import inspect

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
ROOM = Path(__file__).resolve().parents[2] / "recipes" / "data"


def pictures(root: Path, **folders: int) -> None:
    """Write so many pictures, all different, into each folder; "a__b" is a folder in a folder, "_" the root."""
    for number, (name, count) in enumerate(folders.items()):
        folder = root if name == "_" else root.joinpath(*name.split("__"))
        folder.mkdir(parents=True, exist_ok=True)
        for k in range(count):
            Image.fromarray(np.full((20, 20, 3), 20 * number + k, np.uint8)).save(folder / f"{k}.png")


def voc(root: Path, annotations: str = "Annotations", photos: str = "JPEGImages") -> None:
    (root / annotations).mkdir(parents=True, exist_ok=True)
    (root / photos).mkdir(parents=True, exist_ok=True)
    for k in range(6):
        Image.fromarray(np.full((20, 20, 3), 200 + k, np.uint8)).save(root / photos / f"v{k}.png")
        box = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>12</xmax><ymax>13</ymax></bndbox>"
        text = f"<annotation><filename>v{k}.png</filename><object><name>cat</name>{box}</object></annotation>"
        (root / annotations / f"v{k}.xml").write_text(text)


def written(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def coco(root: Path, name: str = "train.json", photos: str = "photos", **options: Any) -> None:
    (root / photos).mkdir(parents=True, exist_ok=True)
    for k in range(6):
        Image.fromarray(np.full((20, 20, 3), 100 + k, np.uint8)).save(root / photos / f"c{k}.png")
    content = {
        "images": [{"id": k, "file_name": f"c{k}.png", "height": 20, "width": 20} for k in range(6)],
        "annotations": [{"id": k, "image_id": k, "category_id": 1, "bbox": [2, 3, 8, 9]} for k in range(6)],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(content, **options))


YOLO = "0 0.5 0.5 0.2 0.2\n"


def yolo(root: Path, photos: str = "images", labels: str = "labels") -> None:
    pictures(root, **{photos.replace("/", "__") or "_": 6})
    for k in range(6):
        written(root / labels / f"{k}.txt", YOLO)


def table(root: Path, text: str = "filename,label\n", name: str = "labels.csv") -> None:
    pictures(root, photos=12)
    rows = "".join(f"{k}.png,{'cat' if k % 2 else 'dog'}\n" for k in range(12))
    written(root / name, text + rows)


def arrays(root: Path) -> None:
    np.savez(root / "a.npz", x=np.arange(48.0).reshape(12, 4), y=np.arange(12) % 3)


FOUND: dict[str, tuple[Callable[[Path], Any], str, type[Dataset], str]] = {
    # what lies there, at which place in it, the data set that reads it, and what shows it
    "flat pictures": (
        lambda root: pictures(root, _=5),
        ".",
        Images,
        "5 pictures, without labels",
    ),
    "one folder of pictures": (
        lambda root: pictures(root, photos=5),
        ".",
        Images,
        "5 pictures in photos, without labels",
    ),
    "folders of which one has pictures": (
        lambda root: (
            pictures(root, photos=5),
            (root / "notes").mkdir(),
            (root / "notes/a.md").write_text("x"),
        ),
        ".",
        Images,
        "5 pictures in photos, without labels",
    ),
    "pictures by year and month": (
        lambda root: pictures(root, y2024__m01=2, y2024__m02=2, y2025__m01=2),
        ".",
        Images,
        "6 pictures, without labels",
    ),
    "splits of pictures": (
        lambda root: pictures(root, train=4, val=2, test=2),
        ".",
        Images,
        "8 pictures in test, train, val, without labels",
    ),
    "one split of pictures": (
        lambda root: pictures(root, train=4),
        ".",
        Images,
        "4 pictures in train, without labels",
    ),
    "splits with one folder each": (
        lambda root: pictures(root, train__all=4, test__all=2),
        ".",
        Images,
        "6 pictures in test, train, without labels",
    ),
    "folders of classes": (
        lambda root: pictures(root, cat=6, dog=6),
        ".",
        ImageFolder,
        "2 folders of pictures, named like classes: cat, dog",
    ),
    "folders of numbers": (
        lambda root: pictures(root, **{str(number): 6 for number in range(7)}),
        ".",
        ImageFolder,
        "7 folders of pictures, named like classes: 0, 1, 2, 3, 4, ...",
    ),
    "folders of dates": (
        lambda root: pictures(root, **{"2024-05-01": 6, "2024-05-02": 6}),
        ".",
        ImageFolder,
        "2 folders of pictures, named like classes: 2024-05-01, 2024-05-02",
    ),
    "splits of classes": (
        lambda root: pictures(root, train__cat=4, train__dog=4, test__cat=2, test__dog=2),
        ".",
        ImageFolder,
        "2 folders of pictures in train, named like classes: cat, dog",
    ),
    "Pascal VOC": (voc, ".", Voc, "'Annotations/v0.xml' is an annotation of Pascal VOC"),
    "XML beside photos": (
        lambda root: voc(root, ".", "."),
        ".",
        Voc,
        "'v0.xml' is an annotation of Pascal VOC",
    ),
    "Pascal VOC with masks": (
        lambda root: (voc(root), pictures(root, SegmentationClass=3, SegmentationObject=3)),
        ".",
        Voc,
        "'Annotations/v0.xml' is an annotation of Pascal VOC",
    ),
    "COCO": (coco, ".", Coco, "'train.json' lists images, annotations and categories"),
    "COCO as it is published": (
        lambda root: (
            coco(root, "annotations/instances_train2017.json", "train2017"),
            (root / "annotations/captions_train2017.json").write_text('{"images": [], "annotations": []}'),
            pictures(root, val2017=3),
        ),
        ".",
        Coco,
        "'annotations/instances_train2017.json' lists images, annotations and categories",
    ),
    "COCO on several lines": (
        lambda root: coco(root, "all.json", indent=2),
        ".",
        Coco,
        "'all.json' lists images, annotations and categories",
    ),
    "COCO beside splits": (
        lambda root: coco(root, "train/_annotations.coco.json", "train"),
        ".",
        Coco,
        "'train/_annotations.coco.json' lists images, annotations and categories",
    ),
    "COCO with labels in YOLO's form beside it": (
        lambda root: (coco(root), (root / "data.yaml").write_text("names: [cat]")),
        ".",
        Coco,
        "'train.json' lists images, annotations and categories",
    ),
    "COCO with further pictures": (
        lambda root: (coco(root, photos="train"), pictures(root, samples=3)),
        ".",
        Coco,
        "'train.json' lists images, annotations and categories",
    ),
    "YOLO": (yolo, ".", Yolo, "'labels/0.txt' has a class and a box in 0..1 per line, as YOLO"),
    "YOLO beside photos": (
        lambda root: yolo(root, "", ""),
        ".",
        Yolo,
        "'0.txt' has a class and a box in 0..1 per line, as YOLO",
    ),
    "a table of classes": (table, ".", Csv, "'labels.csv' has columns filename, label"),
    "a table without a line of names": (
        lambda root: table(root, "", "train.csv"),
        ".",
        Csv,
        "'train.csv' has a file and a class per line",
    ),
    "arrays": (arrays, "a.npz", Arrays, "'a.npz' is a file of NumPy's arrays"),
    "one array": (
        lambda root: np.save(root / "a.npy", np.arange(48.0).reshape(12, 4)),
        "a.npy",
        Arrays,
        "'a.npy' is a file of NumPy's arrays",
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_lies_there_is_recognised_and_read(what: str, tmp_path: Path) -> None:
    lay, place, kind, evidence = FOUND[what]
    lay(tmp_path)
    root = str(tmp_path if place == "." else tmp_path / place)
    data, recognised = Auto(root=root).resolved()
    assert type(data) is kind
    assert data == kind(root=root).resolved()[0]  # type: ignore[call-arg]
    assert recognised[0] == {"what": "data", "value": kind.name, "evidence": evidence}
    assert recognised[1:] == kind(root=root).resolved()[1]  # type: ignore[call-arg]
    assert all(data.index(inspect).splits.values())


ASKED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "VOC beside classes": (
        lambda root: (voc(root), pictures(root, cat=3, dog=3)),
        "could be voc ('Annotations/v0.xml' is an annotation of Pascal VOC) or image_folder (2 folders of pictures, "
        "named like classes: cat, dog); choose one: data=voc or data=image_folder.",
    ),
    "XML in folders of classes": (
        lambda root: (voc(root, "cat", "cat"), pictures(root, dog=3)),
        "could be voc ('cat/v0.xml' is an annotation of Pascal VOC) or image_folder (2 folders of pictures, named like "
        "classes: cat, dog); choose one: data=voc or data=image_folder.",
    ),
    "COCO beside classes": (
        lambda root: (coco(root, photos="cat"), pictures(root, dog=3)),
        "could be coco ('train.json' lists images, annotations and categories) or image_folder (2 folders of pictures, "
        "named like classes: cat, dog); choose one: data=coco or data=image_folder.",
    ),
    "VOC and COCO": (
        lambda root: (voc(root), coco(root, photos="JPEGImages")),
        "could be voc ('Annotations/v0.xml' is an annotation of Pascal VOC) or coco ('train.json' lists images, "
        "annotations and categories); choose one: data=voc or data=coco.",
    ),
    "YOLO beside COCO": (
        lambda root: (yolo(root), coco(root, photos="images")),
        "could be coco ('train.json' lists images, annotations and categories) or yolo ('labels/0.txt' has a class and "
        "a box in 0..1 per line, as YOLO); choose one: data=coco or data=yolo.",
    ),
    "a table beside classes": (
        lambda root: (pictures(root, cat=3, dog=3), written(root / "a.csv", "file,class\ncat/0.png,cat\n")),
        "could be csv ('a.csv' has columns file, class) or image_folder (2 folders of pictures, named like classes: "
        "cat, dog); choose one: data=csv or data=image_folder.",
    ),
    "pictures beside classes": (
        lambda root: pictures(root, _=1, cat=3, dog=3),
        "could be image_folder (2 folders of pictures, named like classes: cat, dog) or images (beside them lies 1 "
        "picture in no folder); choose one: data=image_folder or data=images.",
    ),
}


@pytest.mark.parametrize("what", ASKED)
def test_what_may_be_two_things_is_asked(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay, message = ASKED[what]
    lay(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(DataError, match=f"^{re.escape(f'data.root: {tmp_path.name!r} {message}')}$"):
        Auto(root=tmp_path.name).resolved()


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "CreateML": (
        lambda root: (pictures(root, _=3), written(root / "_annotations.createml.json")),
        "'X' looks like CreateML ('_annotations.createml.json'), which is not read; export it as COCO or Pascal VOC; "
        "its pictures without labels: data=images.",
    ),
    "LabelMe": (
        lambda root: (pictures(root, _=3), written(root / "0.json", '{"shapes": [], "imagePath": "0.png"}')),
        "'X' looks like LabelMe ('0.json'), which is not read; export it as COCO",
    ),
    "CVAT": (
        lambda root: (
            pictures(root, _=3),
            written(root / "annotations.xml", "<annotations><image id='0' name='0.png'/></annotations>"),
        ),
        "'X' looks like CVAT for images ('annotations.xml'), which is not read; export it as COCO",
    ),
    "masks": (
        lambda root: pictures(root, images=3, masks=3),
        "'X' looks like images with labels in a folder of their own ('masks'), which is not read; its pictures without "
        "labels: data=images data.root=X/images.",
    ),
    "one folder of recordings": (
        lambda root: written(root / "zero/a.wav"),
        "nothing in 'X' was recognised: it contains 1 file, none with an image suffix; expected pictures, a folder of "
        "pictures or of recordings for each class, Pascal VOC, COCO, YOLO, TFRecord, a table (CSV), or an .npz or .npy "
        "of rows. It looks like recordings ('zero/a.wav'), which data=audio_folder reads.",
    ),
    "compressed sounds": (
        lambda root: written(root / "zero/a.mp3"),
        "nothing in 'X' was recognised: it contains 1 file, none with an image suffix; expected pictures, a folder of "
        "pictures or of recordings for each class, Pascal VOC, COCO, YOLO, TFRecord, a table (CSV), or an .npz or .npy "
        "of rows. It looks like sounds ('zero/a.mp3'), which is not read.",
    ),
    "empty folders": (
        lambda root: (root / "a/b").mkdir(parents=True),
        "nothing in 'X' was recognised: it contains no file; expected pictures",
    ),
    "a folder with arrays": (arrays, "'X' is a folder with arrays; give one file, e.g. data.root=X/a.npz"),
    "a folder around classes": (
        lambda root: pictures(root, flowers__rose=3, flowers__tulip=3),
        "'X' is a folder around 'flowers', which looks like a data set itself (2 folders of pictures, named like "
        "classes: rose, tulip); give that folder, or use its pictures without classes: data=images.",
    ),
    "a folder around splits of classes": (
        lambda root: pictures(root, data__train__rose=3, data__train__tulip=3),
        "'X' is a folder around 'data', which looks like a data set itself (2 folders of pictures in train",
    ),
    "a folder around COCO": (
        lambda root: coco(root, "set/annotations/train.json", "set/photos"),
        "'X' is a folder around a data set, COCO ('set/annotations/train.json'), which data=coco reads; give the "
        "folder that holds it.",
    ),
    "classes beside splits": (
        lambda root: pictures(root, train=3, cat=3),
        "'train' in 'X' is named like a split, but next to it are pictures in 'cat'; choose what they are: "
        "data=image_folder with data.classes, or data=images.",
    ),
    "splits by other names": (
        lambda root: pictures(root, train2017=3, val2017=3),
        "the folders 'train2017' and 'val2017' in 'X' are named like splits; call them train, val and "
        "test, or choose what they are: data=image_folder or data=images.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_is_refused_with_what_works(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay, message = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    Path("X").mkdir()
    lay(Path("X"))
    with pytest.raises(DataError, match=f"^{re.escape(f'data.root: {message}')}"):
        Auto(root="X").resolved()


LEFT_TO_THE_DATA_SET: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a TFRecord that is none": (
        lambda root: written(root / "a.tfrecord", "something else"),
        r"a\.tfrecord is not a TFRecord file",
    ),
    "a packed TFRecord": (
        lambda root: written(root / "a.tfrecord.gz", "something else"),
        r"'a\.tfrecord\.gz' is compressed, and a record in it cannot be found again; unpack it first",
    ),
    "a table without classes": (
        lambda root: (pictures(root, _=3), written(root / "test.csv", "id\n0\n")),
        r"test\.csv has no class or box columns; its columns are id; expected a column of files",
    ),
    "data.yaml without labels": (
        lambda root: (pictures(root, images=3), written(root / "data.yaml", "train: images\nnames: [a]\n")),
        "the train split of .* has no usable image",
    ),
    "splits in classes": (
        lambda root: pictures(root, cat__train=3, cat__test=3, dog__train=3, dog__test=3),
        "the class folder 'cat' in '.*' has its images in subfolders",
    ),
    "a folder around VOC": (
        lambda root: voc(root / "VOC2007"),
        "is a folder around the data set, which lies in 'VOC2007'",
    ),
    "a broken file of COCO": (
        lambda root: (pictures(root, train=3), written(root / "train/_annotations.coco.json", "{")),
        "cannot be read as JSON",
    ),
    "val alone": (
        lambda root: pictures(root, val=3),
        "named like the val split, but there is no train folder",
    ),
}


@pytest.mark.parametrize("what", LEFT_TO_THE_DATA_SET)
def test_what_is_wrong_inside_is_said_by_the_data_set(what: str, tmp_path: Path) -> None:
    lay, message = LEFT_TO_THE_DATA_SET[what]
    lay(tmp_path)
    with pytest.raises(DataError, match=message):
        Auto(root=str(tmp_path)).resolved()[0].index(inspect)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n", "'a.h5' is an HDF5 file; expected a folder, or an .npz or .npy."),
        ("a.zip", b"PK\x03\x04", "'a.zip' is a zip archive; expected a folder, or an .npz or .npy."),
        ("a.txt", b"hello", "'a.txt' is a file of a kind that is not read; expected a folder"),
        ("a.png", b"", "'a.png' is empty; expected a folder"),
        ("a.npz", b"PK\x03\x04", "'a.npz' cannot be read as arrays (it is a zip archive): "),
        ("a.npy", b"hello", "'a.npy' is a file of a kind that is not read; expected a folder"),
    ],
)
def test_a_file_of_another_kind_is_named(
    name: str, content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(f'data.root: {message}')}"):
        Auto(root=name).resolved()


def test_what_is_no_file_and_no_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.npz")
    with pytest.raises(DataError, match=r"^data\.root: 'pipe\.npz' cannot be read: not a regular file\.$"):
        Auto(root="pipe.npz").resolved()


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("", "data.root: not given; expected pictures, a folder"),
        ("gone", "data.root: 'gone' does not exist; expected"),
    ],
)
def test_a_root_that_is_not_there_is_said(root: str, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        Auto(root=root).resolved()


def test_options_that_were_set_are_those_of_the_data_set(tmp_path: Path) -> None:
    pictures(tmp_path, cat=6, dog=6)
    blocks: dict[str, Any] = {"preprocess": {"scale": 1.0}, "augment": {"flip": True}, "max_pixels": 5000}
    data = Auto(root=str(tmp_path), classes=("dog", "cat"), val_fraction=0.3, seed=4, **blocks).resolved()[0]
    assert data == ImageFolder(root=str(tmp_path), classes=("dog", "cat"), val_fraction=0.3, seed=4, **blocks)
    (tmp_path / "photos").mkdir()
    pictures(tmp_path / "photos", _=9)
    root = str(tmp_path / "photos")
    assert Auto(root=root, train=2, val=3, test=4).resolved()[0] == Images(root=root, train=2, val=3, test=4)


@pytest.mark.parametrize(
    ("lay", "options", "message"),
    [
        (
            lambda root: pictures(root, _=5),
            {"difficult": "drop"},
            "data.difficult: 'X' was recognised as images (5 pictures",
        ),
        (
            lambda root: pictures(root, _=5),
            {"classes": ("a", "b")},
            "data.classes: 'X' was recognised as images",
        ),
        (
            lambda root: pictures(root, cat=3, dog=3),
            {"train": 3},
            "data.train: 'X' was recognised as image_folder",
        ),
        (voc, {"labels": "y"}, "data.labels: 'X' was recognised as voc ('Annotations/v0.xml'"),
        (coco, {"difficult": "keep"}, "data.difficult: 'X' was recognised as coco"),
    ],
)
def test_an_option_of_another_data_set_is_refused_by_name(
    lay: Callable[[Path], Any],
    options: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("X").mkdir()
    lay(Path("X"))
    with pytest.raises(
        DataError, match=f"^{re.escape(message)}.*, which does not have this option; it has "
    ) as caught:
        Auto(root="X", **options).resolved()
    assert "max_pixels, root" in str(caught.value)
    assert not {"preprocess", "augment"} & set(re.findall(r"\w+", str(caught.value).split("; it has ")[1]))


def test_every_option_of_what_may_be_recognised_can_be_set() -> None:
    own = {
        field.name
        for kind in (Arrays, Coco, Csv, ImageFolder, Images, TfRecord, Voc, Yolo)
        for field in fields(kind)
    }
    assert {field.name for field in fields(Auto)} == own


def test_arrays_that_were_recognised_lose_the_options_of_pictures(tmp_path: Path) -> None:
    options = yaml.safe_load((ROOM / "auto.yaml").read_text(encoding="utf-8"))
    blocks = {block: options[block] for block in ("preprocess", "augment")}
    arrays(tmp_path)
    data, recognised = Auto(root=str(tmp_path / "a.npz"), **blocks).resolved()
    assert (data.task, data.modality, data.preprocess, data.augment) == ("classification", "vector", {}, {})
    assert [entry["what"] for entry in recognised] == ["data", "samples", "labels"]
    with pytest.raises(DataError, match=r"^data\.preprocess\.scale: this option is for pictures"):
        Auto(root=str(tmp_path / "a.npz"), preprocess={"scale": 1}).resolved()


def test_a_data_set_that_stands_for_itself_says_so(tmp_path: Path) -> None:
    data = Images(root=str(tmp_path))
    assert data.resolved() == (data, ())


def test_a_long_name_is_shown_by_its_beginning(tmp_path: Path) -> None:
    pictures(tmp_path, **{"c" * 90: 3, "dog": 3})
    shown = Auto(root=str(tmp_path)).resolved()[1][0]["evidence"]
    assert "c" * 50 in shown
    assert "c" * 61 not in shown


def test_names_that_a_terminal_obeys_are_shown(tmp_path: Path) -> None:
    pictures(tmp_path, **{"cat\u202e": 3, "dog": 3})
    assert (
        Auto(root=str(tmp_path)).resolved()[1][0]["evidence"].endswith(r"named like classes: cat\u202e, dog")
    )


REAL: dict[str, tuple[str, str]] = {
    # By ../shared/data/README.md: what each folder is.
    "data/bccd": ("voc", "Pascal VOC"),
    "data/cards": ("coco", "'test.json', 'train.json' list images, annotations and categories"),
    "data/coco128": ("yolo", "'labels/train/000000000009.txt' has a class and a box in 0..1 per line"),
    "models/odapi/bccd_tfrecord": ("tfrecord", "'bccd_test.record' and 5 more, named like TFRecord files"),
    "data/coco128/images": ("images", "128 pictures in train, without labels"),
    "cases/shapes": ("image_folder", "3 folders of pictures, named like classes: disc, square, triangle"),
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="real data lie in ../shared")
@pytest.mark.parametrize("place", REAL)
def test_real_data_are_recognised(place: str) -> None:
    name, evidence = REAL[place]
    _, recognised = Auto(root=str(SHARED / place)).resolved()
    assert recognised[0]["value"] == name
    assert evidence in recognised[0]["evidence"]


def test_an_archive_of_something_else_is_no_file_of_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("0.png", b"x")
    with pytest.raises(DataError, match=r"a\.npz' has '0\.png', which is not an array\.$"):
        Auto(root=str(tmp_path / "a.npz")).resolved()
