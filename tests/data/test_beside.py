"""The annotation of one photo, wherever its layout puts it; and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tflbuild.core.errors import DataError
from tflbuild.data.beside import beside

BOX = (0.25, 0.1, 0.75, 0.5)
"""Of a photo of 100 x 80: x 10 to 50, y 20 to 60."""

VOC = """<annotation><size><width>100</width><height>80</height></size><object><name>cat</name><bndbox>
<xmin>10</xmin><ymin>20</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></object></annotation>"""
YOLO = "1 0.3 0.5 0.4 0.5\n"


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 80)).save(path)
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def coco(name: str = "a.jpg") -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": name, "width": 100, "height": 80}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 40, 40]}],
            "categories": [{"id": 7, "name": "cat"}],
        }
    )


@pytest.mark.parametrize(
    ("image", "annotation", "text"),
    [
        ("a.jpg", "a.xml", VOC),
        ("JPEGImages/a.jpg", "Annotations/a.xml", VOC),
        ("images/inner/a.jpg", "annotations/inner/a.xml", VOC),
        ("a.jpg", "instances.json", coco()),
        ("train/a.jpg", "train.json", coco()),
        ("train2017/a.jpg", "annotations/instances_train2017.json", coco()),
        ("images/train2017/a.jpg", "annotations/instances_train2017.json", coco()),
    ],
)
def test_it_is_found_where_its_layout_has_it(image: str, annotation: str, text: str, tmp_path: Path) -> None:
    given, source = photo(tmp_path / image), write(tmp_path / annotation, text)
    found = beside(given, ())
    assert found is not None
    assert found.source == source
    [(label, box)] = found.objects
    assert label == "cat"
    assert box == pytest.approx(BOX)


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ("a.jpg", "a.txt"),
        ("images/a.jpg", "labels/a.txt"),
        ("images/val/a.jpg", "labels/val/a.txt"),
        ("valid/images/a.jpg", "valid/labels/a.txt"),
    ],
)
@pytest.mark.parametrize("names", ["", "data.yaml", "classes.txt"])
def test_yolos_numbers_are_named_by_a_file_above_or_taken_for_the_models(
    image: str, annotation: str, names: str, tmp_path: Path
) -> None:
    given = photo(tmp_path / image)
    write(tmp_path / annotation, YOLO)
    if names:
        write(tmp_path / names, "names: [dog, cat]\n" if names.endswith("yaml") else "dog\ncat\n")
    found = beside(given, ("hen", "cow"))
    assert found is not None
    [(label, box)] = found.objects
    assert label == ("cat" if names else "cow")
    assert box == pytest.approx(BOX)
    said = "a.txt has class numbers, and no file next to it names them: they are taken as the model's class numbers"
    assert found.said == (() if names else (said,))


def test_a_number_that_the_model_does_not_have_is_said(tmp_path: Path) -> None:
    given = photo(tmp_path / "a.jpg")
    write(tmp_path / "a.txt", YOLO + "0 0.5 0.5 0.1 0.1\n")
    found = beside(given, ("hen",))
    assert found is not None
    assert [label for label, _ in found.objects] == ["hen"]
    assert found.said[-1] == "a.txt: class 1, but the model has 1: dropped"


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.txt", "a photo of my cat\n"), ("b.xml", VOC), ("other.json", coco("b.jpg")), ("notes.json", "{}")],
)
def test_what_is_of_another_photo_or_no_annotation_is_none(name: str, text: str, tmp_path: Path) -> None:
    given = photo(tmp_path / "a.jpg")
    write(tmp_path / name, text)
    assert beside(given, ()) is None


def test_what_is_broken_is_said(tmp_path: Path) -> None:
    given = photo(tmp_path / "a.jpg")
    write(tmp_path / "a.xml", "<annotation>")
    with pytest.raises(DataError, match=r"a\.xml cannot be read: broken XML"):
        beside(given, ())


def test_a_box_outside_its_photo_is_left_out_and_said(tmp_path: Path) -> None:
    given = photo(tmp_path / "a.jpg")
    write(tmp_path / "a.xml", VOC.replace("<xmin>10", "<xmin>110").replace("<xmax>50", "<xmax>150"))
    found = beside(given, ())
    assert found is not None
    assert found.objects == ()
    assert "lies outside its image" in found.said[0]
