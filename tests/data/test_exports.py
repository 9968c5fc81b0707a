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
from tflbuild.data.voc import Voc
from tflbuild.vision.image import inspect

READERS = (Coco, Voc, ImageFolder)
VOC_XML = "<annotation><object><name>a</name></object></annotation>"
CVAT_XML = "<annotations><image id='0' name='0.png'/></annotations>"


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


@pytest.mark.parametrize("form", EXPORTS)
@pytest.mark.parametrize("reader", READERS)
def test_an_export_that_is_not_read_is_refused_by_name(reader: type, form: str, tmp_path: Path) -> None:
    EXPORTS[form](tmp_path)
    with pytest.raises(DataError) as refused:
        reader(root=str(tmp_path)).index(inspect)
    assert f"looks like {form.strip()} (" in str(refused.value)
    assert "which is not read" in str(refused.value)


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
    with pytest.raises(DataError, match="looks like sounds"):
        reader(root=str(shared_data / "spoken_digits")).index(inspect)
