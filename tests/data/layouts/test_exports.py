"""Exports in forms that are not read: refused by name, whichever data set they are given to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.errors import DataError
from tflbuild.data.coco import Coco
from tflbuild.data.image_folder import ImageFolder
from tflbuild.data.layouts import exports
from tflbuild.data.voc import Voc
from tflbuild.modalities.image.files import inspect

READERS = (Coco, Voc, ImageFolder)
VOC_XML = "<annotation><object><name>a</name></object></annotation>"
CVAT_XML = "<annotations><image id='0' name='0.png'/></annotations>"


FILES = [
    # a file and its text, and the form that it shows; "" for none
    ("_annotations.createml.json", "", "CreateML", ""),
    ("x.CREATEML.JSON", "", "CreateML", ""),
    ("a.tfrecord", "", "TFRecord", "tfrecord"),
    ("a.tfrecords", "", "TFRecord", "tfrecord"),
    ("a.record", "", "TFRecord", "tfrecord"),
    ("a.tfrecord-00000-of-00010", "", "TFRecord", "tfrecord"),
    ("a.tfrecord.gz", "", "TFRecord", "tfrecord"),
    ("a.tfrecorded", "", "", ""),
    ("_darknet.labels", "", "YOLO (darknet)", "yolo"),
    ("obj.names", "", "YOLO (darknet)", "yolo"),
    ("obj.data", "", "YOLO (darknet)", "yolo"),
    ("my_obj.data", "", "", ""),
    ("_annotations.txt", "", "YOLO (TXT of Keras)", ""),
    ("_classes.csv", "", "a CSV of many labels an image", ""),
    ("_annotations.csv", "", "a CSV of boxes", "csv"),
    ("_annotations.coco.json", "", "COCO", "coco"),
    ("data.yaml", "names: [a]", "YOLO", "yolo"),
    ("data.yml", "a: 1\n  nc : 2", "YOLO", "yolo"),
    ("data.yaml", "my_names: [a]", "", ""),
    ("0.txt", "0 0.5 0.5 0.2 0.2", "YOLO", "yolo"),
    ("0.txt", "12 .5 1e-3 0.2 0.2 0.7 0.8\n0 -1 2 3 4\n", "YOLO", "yolo"),
    ("0.txt", "0 0.5 0.5 0.2", "", ""),
    ("0.txt", "0 0.5 0.5 0.2 0.2\nnotes\n", "", ""),
    ("0.txt", "", "", ""),
    ("a.xml", "<annotations><image id='0'>", "CVAT for images", ""),
    ("a.xml", "<annotations>", "", ""),
    ("a.xml", "<annotation verified='yes'>", "Pascal VOC", "voc"),
    ("a.xml", "<note/>", "", ""),
    ("a.json", '{"images": [], "annotations": [], "categories": []}', "COCO", "coco"),
    ("a.json", '{"images": [], "annotations": []}', "", ""),
    ("a.json", '[{"image": 1, "annotations": 1}]', "CreateML", ""),
    ("a.json", '[{"data": 1, "annotations": 1}]', "Label Studio's JSON", ""),
    ("a.json", '[{"image": 1}]', "", ""),
    ("a.json", '[{"data": 1}]', "", ""),
    ("a.json", "[]", "", ""),
    ("a.json", "{", "", ""),
    ("a.json", '{"shapes": 1, "imagePath": 1}', "LabelMe", ""),
    ("a.json", '{"shapes": 1}', "", ""),
    ("a.json", '{"_via_img_metadata": 1}', "VGG Image Annotator", ""),
    ("a.json", '{"a": 1, "b": {"regions": 1, "filename": 1}}', "VGG Image Annotator", ""),
    ("a.json", '{"a": {"regions": 1}}', "", ""),
    ("train.csv", "id,label\nx", "labels in a table", "csv"),
    ("train.TSV", "Image_ID\tlabel", "labels in a table", "csv"),
    ("train.csv", "file name;label", "labels in a table", "csv"),
    *(
        (f"{name}.csv", f"{name},x", "labels in a table", "csv")
        for name in ("filename", "file_name", "image", "path")
    ),
    *(
        (f"{name}.csv", f"{name},x", "labels in a table", "csv")
        for name in ("image_id", "imageid", "id_code")
    ),
    ("train.csv", "label,x\nid,1", "", ""),
    ("a.parquet", "", "Parquet", ""),
    ("a.arrow", "", "Parquet", ""),
    ("train-images-idx3-ubyte", "", "IDX", ""),
    ("t-idx1-ubyte.gz", "", "IDX", ""),
    *((f"a{suffix}", "", "recordings", "audio_folder") for suffix in (".wav", ".FLAC")),
    *((f"a{suffix}", "", "sounds", "") for suffix in (".MP3", ".ogg")),
    *((f"a{suffix}", "", "videos", "") for suffix in (".mp4", ".avi", ".mov", ".mkv", ".webm")),
    *(
        (f"a{suffix}", "", "HEIC or raw photos", "")
        for suffix in (".heic", ".dng", ".cr2", ".cr3", ".nef", ".arw")
    ),
    *(
        (f"a{suffix}", "", "an archive that is still packed", "")
        for suffix in (".zip", ".tgz", ".tar.xz", ".7z")
    ),
    *((f"a{suffix}", "", "an archive that is still packed", "") for suffix in (".tar", ".rar")),
    ("notes.md", "", "", ""),
]


@pytest.mark.parametrize(
    ("name", "text", "form", "data"), FILES, ids=[f"{row[0]} {row[1][:20]}" for row in FILES]
)
def test_a_file_shows_its_form(name: str, text: str, form: str, data: str, tmp_path: Path) -> None:
    write(tmp_path / name, text)
    assert list(exports.forms(tmp_path)) == ([exports.Form(form, name, data)] if form else [])


def test_what_lies_four_folders_deep_is_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "1/2/a.wav", "")
    write(tmp_path / "1/2/3/a.mp4", "")
    assert list(exports.forms(tmp_path)) == [exports.Form("recordings", "1/2/a.wav", "audio_folder")]


@pytest.mark.parametrize(
    ("folders", "pair"),
    [
        ("images labels", ("images", "labels")),
        ("train_images train_masks", ("train_images", "train_masks")),
        ("Train-Images masks-train", ("Train-Images", "masks-train")),
        ("imgs gt", ("imgs", "gt")),
        ("JPEGImages Annotations", ("JPEGImages", "Annotations")),
        ("JPEGImages SegmentationClass", ("JPEGImages", "SegmentationClass")),
        ("input target", ("input", "target")),
        ("photos trimaps", ("photos", "trimaps")),
        ("rgb depth", ("rgb", "depth")),
        ("train_images test_masks", None),
        ("images cats", None),
        ("labels masks", None),
        ("cats dogs", None),
        ("images2 labels2", ("images2", "labels2")),
    ],
)
def test_two_folders_of_pictures_and_what_is_said_of_them_are_a_pair(
    folders: str, pair: tuple[str, str] | None
) -> None:
    assert exports.paired(tuple(folders.split())) == pair


def test_folders_of_images_side_by_side_are_classes_and_one_alone_is_none(tmp_path: Path) -> None:
    write(tmp_path / "cat/1.png", "")
    write(tmp_path / "empty/notes.md", "")
    assert list(exports.forms(tmp_path)) == []
    write(tmp_path / "dog/1.JPG", "")
    assert list(exports.forms(tmp_path)) == [
        exports.Form("a folder of images for each class", "cat", "image_folder")
    ]


def test_a_form_is_said_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "a.json", '{"images": [], "annotations": [], "categories": []}')
    write(tmp_path / "b/a.xml", "<annotation/>")
    assert exports.looks_like(tmp_path, "voc") == " It looks like COCO ('a.json'), which data=coco reads."
    assert (
        exports.looks_like(tmp_path, "coco") == " It looks like Pascal VOC ('b/a.xml'), which data=voc reads."
    )
    assert exports.looks_like(tmp_path / "gone", "coco") == ""
    assert str(exports.Form("LabelMe", "a\x1b")) == (
        "LabelMe ('a\\x1b'), which is not read; export it as COCO or Pascal VOC"
    )
    assert str(exports.Form("sounds", "a.wav")) == "sounds ('a.wav'), which is not read"


def test_the_advice_is_given_for_forms_of_boxes() -> None:
    advised = {form for form in {row[2] for row in FILES} if "export it" in str(exports.Form(form, "x"))}
    assert advised == {
        *(
            "CreateML",
            "CVAT for images",
            "LabelMe",
            "Label Studio's JSON",
            "YOLO (TXT of Keras)",
        )
    }


def test_a_folder_is_marked_by_names_pairs_and_labels_beside_images_alone(tmp_path: Path) -> None:
    write(tmp_path / "one/a.wav", "")
    assert exports.marked(tmp_path / "one", "") is None, "a folder of classes may hold sounds, too"
    write(tmp_path / "two/obj.names", "")
    assert exports.marked(tmp_path / "two", "in") == exports.Form("YOLO (darknet)", "in/obj.names", "yolo")
    write(tmp_path / "three/labels/train/0.txt", "0 0.5 0.5 0.2 0.2")
    write(tmp_path / "three/images/0.png", "")
    assert exports.marked(tmp_path / "three", "") == exports.Form("YOLO", "labels/train/0.txt", "yolo")
    write(tmp_path / "four/masks/0.png", "")
    write(tmp_path / "four/images/0.png", "")
    assert exports.marked(tmp_path / "four", "t") == exports.Form(
        "images with labels in a folder of their own", "t/masks"
    )


def pictures(folder: Path, count: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(folder).encode()))
    for number in range(count):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def yolo(root: Path) -> None:
    """Write what Ultralytics reads."""
    for split in ("train", "val"):
        pictures(root / "images" / split)
        for number in range(3):
            write(root / f"labels/{split}/{number}.txt", "0 0.5 0.5 0.2 0.2\n")
    write(root / "data.yaml", "nc: 2\nnames: [a, b]\n")


def yolo_of_roboflow(root: Path) -> None:
    for split in ("train", "valid", "test"):
        pictures(root / split / "images")
        write(root / split / "labels/0.txt", "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\n")
    write(root / "data.yaml", "train: ../train/images\nnames: ['a', 'b']\n")


def darknet(root: Path) -> None:
    for split in ("train", "valid", "test"):
        pictures(root / split)
        write(root / split / "0.txt", "0 0.5 0.5 0.2 0.2\n")
        write(root / split / "_darknet.labels", "a\nb\n")


def beside(name: str, text: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for split in ("train", "valid", "test"):
            pictures(root / split)
            write(root / split / name, text)

    return make


def single(name: str, text: str, folder: str = "images") -> Callable[[Path], None]:
    def make(root: Path) -> None:
        pictures(root / folder)
        write(root / name, text)

    return make


def segmentation(root: Path) -> None:
    pictures(root / "images")
    pictures(root / "masks")


EXPORTS: dict[str, Callable[[Path], None]] = {
    "YOLO": yolo,
    "YOLO ": yolo_of_roboflow,
    "YOLO (darknet)": darknet,
    "YOLO (TXT of Keras)": beside("_annotations.txt", "0.png 1,2,3,4,0\n"),
    "CreateML": beside("_annotations.createml.json", '[{"image": "0.png", "annotations": []}]'),
    "CreateML ": single("labels.json", '[{"image": "0.png", "annotations": []}]'),
    "TFRecord": beside("cards.tfrecord", "x"),
    "TFRecord ": single("data.tfrecord-00000-of-00010", "x"),
    "a CSV of boxes": beside("_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n"),
    "a CSV of many labels an image": beside("_classes.csv", "filename,a,b\n0.png,1,0\n"),
    "labels in a table": single("train.csv", "image_id,label\n0.png,a\n"),
    "CVAT for images": single("annotations.xml", CVAT_XML),
    "LabelMe": single("images/other.json", '{"shapes": [], "imagePath": "0.png"}'),
    "Label Studio's JSON": single("export.json", '[{"data": {}, "annotations": []}]'),
    "VGG Image Annotator": single("via.json", '{"0.png1": {"filename": "0.png", "regions": []}}'),
    "images with labels in a folder of their own": segmentation,
    "Parquet": single("train-0.parquet", "x"),
}


READ_BY = {
    "YOLO": "yolo",
    "YOLO (darknet)": "yolo",
    "TFRecord": "tfrecord",
    "a CSV of boxes": "csv",
    "labels in a table": "csv",
}


@pytest.mark.parametrize("form", EXPORTS)
@pytest.mark.parametrize("reader", READERS)
def test_an_export_of_another_form_is_refused_by_name(reader: type, form: str, tmp_path: Path) -> None:
    EXPORTS[form](tmp_path)
    with pytest.raises(DataError) as refused:
        reader(root=str(tmp_path)).index(inspect)
    assert f"looks like {form.strip()} (" in str(refused.value)
    reader_of = READ_BY.get(form.strip())
    how = f"which data={reader_of} reads" if reader_of else "which is not read"
    assert how in str(refused.value)


def coco_of_roboflow(root: Path) -> None:
    for split in ("train", "valid", "test"):
        pictures(root / split)
        write(
            root / split / "_annotations.coco.json",
            json.dumps({"images": [], "annotations": [], "categories": []}),
        )


def voc(root: Path) -> None:
    pictures(root / "images")
    write(root / "annotations/0.xml", VOC_XML)


def classes(root: Path) -> None:
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            pictures(root / split / label)


OTHERS: dict[str, tuple[Callable[[Path], None], tuple[type, ...]]] = {
    "coco": (coco_of_roboflow, (Voc, ImageFolder)),
    "voc": (voc, (Coco, ImageFolder)),
    "image_folder": (classes, (Coco, Voc)),
}


@pytest.mark.parametrize("form", OTHERS)
def test_what_another_data_set_reads_is_refused_with_its_name(form: str, tmp_path: Path) -> None:
    make, readers = OTHERS[form]
    make(tmp_path)
    for reader in readers:
        with pytest.raises(DataError, match=f"which data={form} reads"):
            reader(root=str(tmp_path)).index(inspect)


@pytest.mark.parametrize("reader", READERS)
def test_real_yolo_is_refused_by_name(reader: type, shared_data: Path) -> None:
    with pytest.raises(DataError, match="looks like YOLO"):
        reader(root=str(shared_data / "coco128")).index(inspect)


@pytest.mark.parametrize("reader", READERS)
def test_sounds_are_refused_by_name(reader: type, shared_data: Path) -> None:
    with pytest.raises(DataError, match="looks like recordings"):
        reader(root=str(shared_data / "spoken_digits")).index(inspect)
