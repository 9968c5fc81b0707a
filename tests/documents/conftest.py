"""The folder that the pages take their reader to have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import keras_files
import onnx_files
import torch_files
from documents import PAGES, ROOT, blocks
from own_files import classifier, picture, write_classes, write_photos
from saved_model_files import classifier as saved_classifier
from saved_model_files import written as write_saved_model
from workspace import Workspace

PROOF = ("export.samples=4", "export.embed=true")
FREE = ("quantize.budget.fidelity.max_drop=1", "budget.fidelity.max_drop=1")


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with model files, photos, the recipes of the pages, and runs of `recipe=int8` and of those."""
    folder = tmp_path_factory.mktemp("reader")
    write_models(folder)
    for name in ("photos", "more_photos", "field"):
        write_photos(folder / name, count=24)
    write_classes(folder / "my_classes", count=12)
    write_voc(folder / "my_voc")
    shutil.copytree(folder / "my_voc", folder / "cells")
    Image.fromarray(picture(7)).save(folder / "photo.jpg")
    shutil.copytree(
        ROOT / "plugins", folder / "plugins", ignore=shutil.ignore_patterns("test_*", "conftest*")
    )
    for block in (block for page in PAGES for block in blocks(page) if block.file):
        path = folder / block.file
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    space = Workspace(folder)
    space.run("recipe=int8", "model.path=best.tflite", "data.root=photos/", *FREE, *PROOF)
    space.run("recipe=person", *FREE)
    space.run("preprocess", "outputs/int8/latest", "photo.jpg", "--out", "app.npy")
    (folder / "outputs" / "ssd_mobilenet_int8").symlink_to("int8")
    return space


def write_models(folder: Path) -> None:
    """Write a model file of every kind that the pages name."""
    for name in ("best", "old", "new", "float", "shipped"):
        (folder / f"{name}.tflite").write_bytes(classifier())
    write_saved_model(folder / "exported", saved_classifier())
    (folder / "best.onnx").write_bytes(onnx_files.classifier(shape=("N", 3, 320, 320)))
    torch_files.written(folder / "best.pt2")
    keras_files.h5(folder / "model.h5", keras_files.dense())


VOC = """<annotation><filename>{name}.jpg</filename><size><width>20</width><height>24</height><depth>3</depth></size>
<object><name>{label}</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>12</xmax><ymax>14</ymax></bndbox></object></annotation>"""


def write_voc(folder: Path) -> None:
    """Write photos with a box each, in Pascal VOC form."""
    for name in ("Annotations", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    for number in range(20):
        Image.fromarray(picture(number)).save(folder / "JPEGImages" / f"{number}.jpg")
        text = VOC.format(name=number, label=("cat", "dog")[number % 2])
        (folder / "Annotations" / f"{number}.xml").write_text(text, encoding="utf-8")
