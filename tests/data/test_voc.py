from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Index, Split
from tflbuild.core.errors import DataError
from tflbuild.data.voc import Voc
from tflbuild.modalities.image.files import inspect

OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
    "<ymax>{}</ymax></bndbox></object>"
)


class Folder:
    """Makes a small VOC folder; every image is 40 x 20 pixels and has its own noise."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / name).mkdir(parents=True)
        self.made = 0

    def image(self, stem: str, *objects: tuple[object, ...], size: tuple[int, int] = (40, 20)) -> str:
        """Write an image with objects (name, xmin, ymin, xmax, ymax)."""
        self.made += 1
        pixels = np.random.default_rng(self.made).integers(0, 256, (20, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.root / f"JPEGImages/{stem}.jpg")
        self.annotation(stem, *objects, size=size)
        return stem

    def annotation(self, stem: str, *objects: tuple[object, ...], size: tuple[int, int] = (40, 20)) -> None:
        marked = "".join(OBJECT.format(o[0], 0, *o[1:]) for o in objects)
        text = f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{marked}</annotation>"
        (self.root / f"Annotations/{stem}.xml").write_text(text, encoding="utf-8")

    def split(self, name: str, *stems: str) -> None:
        (self.root / f"ImageSets/Main/{name}.txt").write_text("\n".join(stems) + "\n", encoding="utf-8")

    def index(self, **options: object) -> Index:
        return Voc(root=str(self.root), **options).index(inspect)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Give two train images, and one each for val and test, with the classes cat and dog."""
    made = Folder(tmp_path / "voc")
    cat, dog = ("cat", 4, 5, 20, 15), ("dog", 0, 0, 40, 20)
    made.split("train", made.image("a", cat, dog), made.image("b", dog))
    made.split("val", made.image("c", cat))
    made.split("test", made.image("d", dog))
    return made


def test_a_sound_folder_is_read_as_it_stands(folder: Folder) -> None:
    index = folder.index()
    assert index.classes == ("cat", "dog")
    assert {name: [s.key for s in samples] for name, samples in index.splits.items()} == {
        "train": ["JPEGImages/a.jpg", "JPEGImages/b.jpg"],
        "val": ["JPEGImages/c.jpg"],
        "test": ["JPEGImages/d.jpg"],
    }
    assert index.dropped == ()
    # By hand: x over 40, y over 20.
    assert index.splits["train"][0].boxes == ((0.25, 0.1, 0.75, 0.5), (0.0, 0.0, 1.0, 1.0))
    assert index.splits["train"][0].labels == (0, 1)


def test_an_example_holds_the_image_and_its_boxes(folder: Folder) -> None:
    dataset = Voc(root=str(folder.root))
    image, boxes, labels = Split("train", dataset, dataset.index(inspect))[0]
    assert (image.shape, image.dtype) == ((20, 40, 3), np.uint8)
    assert (boxes.shape, boxes.dtype) == ((2, 4), np.float32)
    assert labels.tolist() == [0, 1]


BAD_BOXES = [
    (("cat", 7, 2, 7, 9), "box 1 (cat) has no area, xmin 7 = xmax 7: dropped"),
    (("cat", 7, 9, 12, 2), "box 1 (cat) has no area, ymin 9 > ymax 2: dropped"),
    (
        ("cat", 50, 2, 60, 9),
        "box 1 (cat) lies outside its image, x 50..60, y 2..9 in 40 x 20 pixels: dropped",
    ),
    (("cat", "nan", 2, 60, 9), "box 1 (cat) has an edge that is not a number: dropped"),
    (("cat", "left", 2, 60, 9), "box 1 (cat) has xmin 'left': dropped"),
    (("cat", "", 2, 60, 9), "box 1 (cat) has xmin '': dropped"),
    ((" ", 1, 2, 10, 9), "box 1 has no name: dropped"),
]


@pytest.mark.parametrize(("box", "reason"), BAD_BOXES, ids=[reason[:40] for _, reason in BAD_BOXES])
def test_a_senseless_box_is_dropped_and_reported(
    folder: Folder, box: tuple[object, ...], reason: str
) -> None:
    folder.annotation("a", box, ("dog", 1, 1, 9, 9), ("cat", 1, 1, 9, 9))
    index = folder.index()
    assert index.dropped == (Dropped("Annotations/a.xml", reason),)
    assert index.splits["train"][0].labels == (1, 0)


def test_a_box_that_reaches_outside_is_clipped_and_reported(folder: Folder) -> None:
    folder.annotation("b", ("dog", -6, 0, 20, 10))
    index = folder.index()
    reason = "box 1 (dog) reaches outside its image, x -6..20, y 0..10 in 40 x 20 pixels: clipped"
    assert index.dropped == (Dropped("Annotations/b.xml", reason),)
    assert index.splits["train"][1].boxes == ((0.0, 0.0, 0.5, 0.5),)


def test_a_pixel_too_far_is_no_news(folder: Folder) -> None:
    folder.annotation("b", ("dog", 1, 1, 41, 21))
    index = folder.index()
    assert index.dropped == ()
    assert index.splits["train"][1].boxes == ((0.05, 0.025, 1.0, 1.0),)


def test_broken_xml_drops_its_image(folder: Folder) -> None:
    (folder.root / "Annotations/b.xml").write_text("<annotation><object></annotation>", encoding="utf-8")
    index = folder.index()
    assert len(index.splits["train"]) == 1
    assert index.dropped[0].file == "Annotations/b.xml"
    assert index.dropped[0].reason.startswith("broken XML: mismatched tag")


def test_a_document_type_is_refused(folder: Folder) -> None:
    text = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'
    (folder.root / "Annotations/b.xml").write_text(text, encoding="utf-8")
    assert folder.index().dropped == (
        Dropped("Annotations/b.xml", "declares a document type, which no annotation needs"),
    )


def test_missing_files_drop_their_image(folder: Folder) -> None:
    folder.split("train", "a", "b", "ghost")
    (folder.root / "JPEGImages/b.jpg").unlink()
    assert folder.index().dropped == (
        Dropped("Annotations/b.xml", "there is no image JPEGImages/b.*"),
        Dropped("Annotations/ghost.xml", "the file is missing"),
    )


def test_a_truncated_jpeg_is_dropped(folder: Folder) -> None:
    path = folder.root / "JPEGImages/b.jpg"
    path.write_bytes(path.read_bytes()[:600])
    index = folder.index()
    assert [dropped.file for dropped in index.dropped] == ["JPEGImages/b.jpg"]
    assert "does not decode" in index.dropped[0].reason


def test_an_image_of_another_shape_than_annotated_is_dropped(folder: Folder) -> None:
    folder.annotation("b", ("dog", 1, 1, 9, 9), size=(20, 40))
    reason = "JPEGImages/b.jpg: the annotation says 20 x 40 pixels, but the image has 40 x 20"
    assert folder.index().dropped == (Dropped("Annotations/b.xml", reason),)


def test_an_image_resized_since_keeps_its_boxes(folder: Folder) -> None:
    folder.annotation("b", ("dog", 0, 0, 40, 20), size=(80, 40))
    index = folder.index()
    says = "JPEGImages/b.jpg: the annotation says 80 x 40 pixels, but the image has 40 x 20: its boxes are scaled"
    assert index.dropped == (Dropped("Annotations/b.xml", says),)
    assert index.splits["train"][1].boxes == ((0.0, 0.0, 0.5, 0.5),)


def test_an_annotation_without_a_size_takes_the_images(folder: Folder) -> None:
    folder.annotation("b", ("dog", 0, 0, 20, 20), size=(0, 0))
    assert folder.index().splits["train"][1].boxes == ((0.0, 0.0, 1.0, 0.5),)


def test_a_class_that_train_never_has_is_dropped_from_val(folder: Folder) -> None:
    folder.annotation("c", ("cat", 1, 1, 9, 9), ("emu", 1, 1, 9, 9), ("emu", 5, 5, 9, 9))
    index = folder.index()
    assert index.classes == ("cat", "dog")
    assert index.splits["val"][0].labels == (0,)
    assert index.dropped == (
        Dropped("Annotations/c.xml", "2 x class 'emu' in val, which train does not have: dropped"),
    )


def test_classes_may_be_chosen_and_ordered(folder: Folder) -> None:
    assert folder.index(classes=("dog", "cat")).splits["train"][0].labels == (1, 0)
    folder.annotation("c", ("dog", 1, 1, 9, 9))
    index = folder.index(classes=("dog",))
    assert index.splits["train"][0].labels == (0,)
    assert index.dropped[0].reason == "boxes of classes not in data.classes: 1 of cat"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("dogg",), r"data.classes: 'dogg' is not a class of .*; there are cat, dog. Did you mean 'dog'\?"),
        (("dog", "dog"), "none twice"),
        ((), "name at least one class"),
    ],
)
def test_wrong_classes_are_an_error(folder: Folder, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        folder.index(classes=classes)


def test_difficult_objects_can_be_dropped(folder: Folder) -> None:
    path = folder.root / "Annotations/a.xml"
    path.write_text(path.read_text().replace("<difficult>0", "<difficult>1", 1), encoding="utf-8")
    folder.annotation("b", ("cat", 1, 1, 9, 9), ("dog", 1, 1, 9, 9))
    assert folder.index().splits["train"][0].labels == (0, 1)
    index = folder.index(difficult="drop")
    assert index.splits["train"][0].labels == (1,)
    assert index.dropped == (Dropped("Annotations/a.xml", "box 1 (cat) is difficult: dropped"),)


def test_train_images_that_are_measured_on_are_left_out(folder: Folder) -> None:
    for stem in ("b", "c"):
        (folder.root / f"JPEGImages/{stem}.jpg").write_bytes((folder.root / "JPEGImages/d.jpg").read_bytes())
    folder.split("val", "c", folder.image("e", ("cat", 1, 1, 9, 9)))
    index = folder.index()
    assert index.dropped == (
        Dropped("JPEGImages/c.jpg", "left out of val: the same image as JPEGImages/d.jpg in test"),
        Dropped("JPEGImages/b.jpg", "left out of train: the same image as JPEGImages/d.jpg in test"),
    )
    assert [s.key for s in index.splits["val"]] == ["JPEGImages/e.jpg"]


def many(root: Path) -> Folder:
    folder = Folder(root / "many")
    for k in range(20):
        folder.image(f"{k:02d}.v1", ("cat", 1, 1, 9, 9))
    return folder


def keys(index: Index, split: str) -> set[str]:
    return {sample.key for sample in index.splits[split]}


def test_without_lists_the_splits_are_seeded_parts(tmp_path: Path) -> None:
    folder = many(tmp_path)
    index = folder.index()
    # By hand: a fifth of 20 is 4; a fifth of the other 16 is 3.
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [13, 3, 4]
    assert len(keys(index, "train") | keys(index, "val") | keys(index, "test")) == 20
    assert folder.index() == index
    assert keys(folder.index(seed=1), "test") != keys(index, "test")
    assert len(folder.index(test_fraction=0.5, val_fraction=0.5).splits["val"]) == 5


def test_without_val_a_seeded_part_of_train_becomes_it(tmp_path: Path) -> None:
    folder = many(tmp_path)
    folder.split("test", "00.v1", "01.v1")
    folder.split("trainval", *(f"{k:02d}.v1" for k in range(20)))
    index = folder.index()
    assert keys(index, "test") == {"JPEGImages/00.v1.jpg", "JPEGImages/01.v1.jpg"}
    assert len(index.splits["val"]) == 4  # a fifth of 18
    assert len(index.splits["train"]) == 14


def test_train_is_what_trainval_has_beside_val(tmp_path: Path) -> None:
    folder = many(tmp_path)
    folder.split("trainval", *(f"{k:02d}.v1" for k in range(10)))
    folder.split("val", "00.v1", "01.v1")
    folder.split("test", "15.v1.jpg", "16.v1.jpg", "16.v1.jpg")
    index = folder.index()
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [8, 2, 2]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("empty_list", "the val split of '.*' has no usable image."),
        ("no_boxes", "the test split of '.*' has no usable box"),
        (
            "broken",
            r"the train split of '.*' has no usable image; 2 were dropped, the first: ",
        ),
    ],
)
def test_a_split_that_ends_empty_is_an_error(folder: Folder, damage: str, message: str) -> None:
    if damage == "empty_list":
        folder.split("val")
    elif damage == "no_boxes":
        folder.annotation("d")
    else:
        for stem in ("a", "b"):
            (folder.root / f"JPEGImages/{stem}.jpg").write_bytes(b"none")
    with pytest.raises(DataError, match=f"^data.root: {message}"):
        folder.index()


def test_a_root_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "other" / "images").mkdir(parents=True)
    expected = "a Pascal VOC folder with Annotations/, JPEGImages/ and ImageSets/Main/"
    for root, message in (
        ("", f"data.root: not given; expected {expected}"),
        (f"{tmp_path}/emty", f"does not exist; expected {expected}. Did you mean 'empty'?"),
        (f"{tmp_path}/empty", f"is empty; expected {expected}"),
        (f"{tmp_path}/file", f"is not a folder; expected {expected}"),
        (f"{tmp_path}/other", f"has no Annotations/; expected {expected}"),
    ):
        with pytest.raises(DataError) as raised:
            Voc(root=root).index(inspect)
        assert message in str(raised.value)
        assert str(raised.value).startswith("data.root: ")


def test_a_relative_root_is_taken_from_where_one_stands(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.root.parent)
    index = Voc(root="voc").index(inspect)
    monkeypatch.chdir("/")
    assert Voc(root="voc").read(index.splits["val"][0]).value.shape == (20, 40, 3)


def test_what_is_digested_is_content_not_place(folder: Folder, tmp_path: Path) -> None:
    before = folder.index()
    folder.root.rename(tmp_path / "moved")
    folder.root = tmp_path / "moved"
    assert folder.index().digest("train") == before.digest("train")
    folder.annotation("a", ("cat", 4, 5, 21, 15), ("dog", 0, 0, 40, 20))
    assert folder.index().digest("train") != before.digest("train")
    assert folder.index().digest("val") == before.digest("val")


@pytest.mark.slow
def test_bccd_has_exactly_its_two_known_faults(shared_data: Path) -> None:
    index = Voc(root=str(shared_data / "bccd")).index(inspect)
    assert sorted(index.dropped) == [
        Dropped("Annotations/BloodImage_00338.xml", "box 13 (RBC) has no area, xmin 504 = xmax 504: dropped"),
        Dropped("Annotations/BloodImage_00343.xml", "box 4 (RBC) has no area, xmin 181 = xmax 181: dropped"),
    ]
    assert {name: len(samples) for name, samples in index.splits.items()} == {
        "train": 205,
        "val": 87,
        "test": 72,
    }
    # Counts from the data's README: 4155 RBC, two of which are the faults.
    counts = Counter(index.classes[k] for s in index.splits.values() for sample in s for k in sample.labels)
    assert counts == {"RBC": 4153, "WBC": 372, "Platelets": 361}


def test_a_declared_size_that_its_boxes_contradict_is_not_believed(folder: Folder) -> None:
    folder.annotation("b", ("dog", 0, 0, 40, 20), size=(20, 10))
    index = folder.index()
    says = (
        "JPEGImages/b.jpg: the annotation says 20 x 10 pixels, but the image has 40 x 20: they fit the image"
    )
    assert index.dropped == (Dropped("Annotations/b.xml", says),)
    assert index.splits["train"][1].boxes == ((0.0, 0.0, 1.0, 1.0),)


def move(folder: Folder, *moves: tuple[str, str]) -> None:
    for before, after in moves:
        (folder.root / after).parent.mkdir(parents=True, exist_ok=True)
        (folder.root / before).rename(folder.root / after)


def beside(folder: Folder, place: str = "{split}") -> None:
    """Put each annotation beside its photo, in the folder of its split."""
    for split, stems in (("train", "ab"), ("valid", "c"), ("test", "d")):
        for stem in stems:
            target = place.format(split=split)
            move(folder, (f"Annotations/{stem}.xml", f"{target}/{stem}.xml"))
            move(folder, (f"JPEGImages/{stem}.jpg", f"{target}/{stem}.jpg"))
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        for path in (folder.root / name).iterdir():
            path.unlink()
        (folder.root / name).rmdir()


def counts(index: Index) -> list[int]:
    return [len(index.splits[split]) for split in ("train", "val", "test")]


@pytest.mark.parametrize(
    ("before", "after"),
    [("Annotations", "annotations"), ("JPEGImages", "images"), ("ImageSets/Main", "imagesets/main")],
)
def test_folders_may_be_called_otherwise(folder: Folder, before: str, after: str) -> None:
    move(folder, (before, after))
    index = folder.index()
    assert counts(index) == [2, 1, 1]
    assert index.dropped == ()


def test_annotations_and_photos_may_lie_in_sub_folders(folder: Folder) -> None:
    move(folder, ("Annotations/a.xml", "Annotations/day/a.xml"), ("JPEGImages/a.jpg", "JPEGImages/day/a.jpg"))
    move(folder, ("JPEGImages/d.jpg", "JPEGImages/night/d.jpg"))
    index = folder.index()
    assert (counts(index), index.dropped) == ([2, 1, 1], ())
    assert index.splits["test"][0].key == "JPEGImages/night/d.jpg"


def test_annotations_may_lie_beside_photos_in_folders_of_splits(folder: Folder) -> None:
    beside(folder)
    index = folder.index()
    assert (counts(index), index.dropped) == ([2, 1, 1], ())
    assert index.splits["val"][0].key == "valid/c.jpg"


def test_annotations_may_lie_beside_photos_in_the_root(folder: Folder) -> None:
    for stem in "abcd":
        folder.annotation(stem, ("cat", 4, 5, 20, 15))
    beside(folder, ".")
    index = folder.index()
    assert (sum(counts(index)), index.dropped) == (4, ())


def test_sub_folders_of_the_annotations_may_be_the_splits(folder: Folder) -> None:
    for split, stems in (("train", "ab"), ("val", "c"), ("test", "d")):
        move(folder, *((f"Annotations/{stem}.xml", f"Annotations/{split}/{stem}.xml") for stem in stems))
        (folder.root / f"ImageSets/Main/{split}.txt").unlink()
    assert counts(folder.index()) == [2, 1, 1]


def test_a_folder_around_the_data_set_is_refused(folder: Folder) -> None:
    with pytest.raises(DataError, match="which lies in 'voc'; give that folder"):
        Voc(root=str(folder.root.parent)).index(inspect)


def test_a_suffix_may_have_capital_letters(folder: Folder) -> None:
    (folder.root / "Annotations/a.xml").rename(folder.root / "Annotations/a.XML")
    (folder.root / "JPEGImages/b.jpg").rename(folder.root / "JPEGImages/b.JPG")
    index = folder.index()
    assert [sample.key for sample in index.splits["train"]] == ["JPEGImages/a.jpg", "JPEGImages/b.JPG"]
    assert index.dropped == ()


LINES = {
    "a mark of UTF-8": "\ufeffa\nb\n".encode(),
    "UTF-16": "a\r\nb\r\n".encode("utf-16"),
    "UTF-16 without a mark": "a\nb\n".encode("utf-16-be"),
    "carriage returns": b"a\r\nb\r\n",
    "columns": b"a  1\nb -1\n",
    "tabs": b"a\t0\nb\t1\n",
    "suffixes": b"a.JPG\nb.xml\n",
    "paths": b"JPEGImages/a.jpg\n.\\JPEGImages\\b.jpg\n",
}


@pytest.mark.parametrize("how", LINES)
def test_lists_are_read_however_they_were_saved(folder: Folder, how: str) -> None:
    (folder.root / "ImageSets/Main/train.txt").write_bytes(LINES[how])
    index = folder.index()
    assert (counts(index), index.dropped) == ([2, 1, 1], ())


def test_a_list_in_the_encoding_of_windows_is_read(folder: Folder) -> None:
    folder.image("gr\u00fcn", ("cat", 4, 5, 20, 15))
    (folder.root / "ImageSets/Main/val.txt").write_bytes("gr\u00fcn\nc\n".encode("cp1252"))
    assert counts(folder.index()) == [2, 2, 1]


def test_two_lists_of_one_split_are_refused(folder: Folder) -> None:
    folder.split("valid", "c")
    with pytest.raises(DataError, match=r"has 'val.txt' and 'valid.txt', which both mean the val split"):
        folder.index()


def test_what_is_in_no_list_or_has_no_partner_is_named(folder: Folder) -> None:
    folder.image("e", ("cat", 1, 1, 9, 9))
    folder.image("f", ("cat", 1, 1, 9, 9))
    (folder.root / "Annotations/f.xml").unlink()
    (folder.root / "JPEGImages/b.jpg").unlink()
    assert set(folder.index().dropped) == {
        Dropped("Annotations/e.xml", "in no list of ImageSets/Main/"),
        Dropped("JPEGImages/f.jpg", "photo without annotation"),
        Dropped("Annotations/b.xml", "there is no image JPEGImages/b.*"),
    }


def test_a_photo_that_fits_several_is_left_out_unless_the_annotation_says_which(folder: Folder) -> None:
    Image.new("RGB", (40, 20), "red").save(folder.root / "JPEGImages/b.png")
    assert folder.index().dropped == (Dropped("Annotations/b.xml", "fits several images: b.jpg, b.png"),)
    path = folder.root / "Annotations/b.xml"
    path.write_text(path.read_text().replace("<size>", "<filename>b.png</filename><size>"), encoding="utf-8")
    assert folder.index().splits["train"][1].key == "JPEGImages/b.png"


def turned(folder: Folder, stem: str, orientation: int) -> None:
    path = folder.root / f"JPEGImages/{stem}.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as picture:
        picture.load()
    picture.save(path, exif=exif)


def test_boxes_of_a_turned_photo_as_stored_are_said_as_that(folder: Folder) -> None:
    turned(folder, "b", 6)
    reason = (
        "JPEGImages/b.jpg: its boxes fit the photo as stored, 40 x 20 pixels; EXIF orientation 6 turns it, "
        "and it is shown as 20 x 40"
    )
    assert folder.index().dropped == (Dropped("Annotations/b.xml", reason),)
    folder.annotation("b", ("dog", 0, 0, 40, 20), size=(0, 0))
    assert folder.index().dropped == (Dropped("Annotations/b.xml", reason),)
    folder.annotation("b", ("dog", 0, 0, 20, 40), size=(20, 40))
    assert folder.index().dropped == ()


def test_where_one_was_annotated_as_stored_no_turned_photo_is_trusted(folder: Folder) -> None:
    folder.split("train", "a", "b", folder.image("e", ("cat", 1, 1, 9, 9)))
    turned(folder, "b", 6)
    turned(folder, "e", 3)
    reasons = [dropped.reason for dropped in folder.index().dropped]
    assert len(reasons) == 2
    assert "EXIF orientation 3 turns it, and boxes of other photos here fit them as stored" in reasons[1]


def test_boxes_in_fractions_of_the_image_are_refused(folder: Folder) -> None:
    for stem in ("a", "b"):
        folder.annotation(stem, ("cat", 0.1, 0.2, 0.5, 0.9), ("dog", 0.1, 0.2, 0.5, 0.9))
    message = (
        r"4 of 4 boxes of the train split of .* lie in 0\.\.1, as fractions of the image, e.g. box 1 in Annot"
    )
    with pytest.raises(DataError, match=message):
        folder.index()


def test_a_few_boxes_in_fractions_are_dropped(folder: Folder) -> None:
    folder.annotation("b", ("dog", 0, 0, 40, 20), ("dog", 0.1, 0.2, 0.5, 0.9))
    reason = "box 2 (dog) lies in 0..1, as a fraction of the image where pixels are expected: dropped"
    assert folder.index().dropped == (Dropped("Annotations/b.xml", reason),)


TYPES = '<!DOCTYPE a [<!ENTITY x "&#120;"><!ENTITY y SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "windows-1251"]
)
def test_a_document_type_is_refused_in_every_encoding(folder: Folder, encoding: str) -> None:
    declared = "" if encoding.startswith("utf-16") else f'<?xml version="1.0" encoding="{encoding}"?>'
    text = f"{declared}{TYPES}<annotation>&x;</annotation>"
    (folder.root / "Annotations/b.xml").write_bytes(text.encode(encoding))
    ((file, reason),) = folder.index().dropped
    assert file == "Annotations/b.xml"
    assert reason == "declares a document type, which no annotation needs"


def test_an_annotation_in_utf_16_is_read(folder: Folder) -> None:
    path = folder.root / "Annotations/b.xml"
    path.write_bytes(f'<?xml version="1.0" encoding="UTF-16"?>{path.read_text()}'.encode("utf-16"))
    assert folder.index().dropped == ()


ODD = {
    "deep": "<annotation>" + "<a>" * 200_000 + "</a>" * 200_000 + "</annotation>",
    "numbers": "<annotation><size><width>1e400</width><height>1e300</height></size><object><name>cat</name><bndbox>"
    "<xmin>1e400</xmin><ymin>-inf</ymin><xmax>nan</xmax><ymax>1</ymax></bndbox></object></annotation>",
    "huge": "<annotation><size><width>1e308</width><height>1e308</height></size><object><name>cat</name><bndbox>"
    "<xmin>0</xmin><ymin>0</ymin><xmax>1e308</xmax><ymax>1e308</ymax></bndbox></object></annotation>",
    "other": "<annotations><image/></annotations>",
    "empty": "",
    "zeros": "\0" * 100,
    "nobox": "<annotation><object><name>cat</name><polygon/></object></annotation>",
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_annotation_is_no_traceback(folder: Folder, what: str) -> None:
    folder.split("train", "a", "b", folder.image("e"))
    (folder.root / "Annotations/e.xml").write_text(ODD[what], encoding="utf-8")
    index = folder.index()
    assert counts(index)[0] in (2, 3)
    assert index.dropped or what == "deep"


def test_a_pipe_among_annotations_and_photos_does_not_hang(folder: Folder) -> None:
    folder.split("train", "a", "b", folder.image("e"), folder.image("f"))
    for name in ("Annotations/e.xml", "JPEGImages/f.jpg"):
        (folder.root / name).unlink()
        os.mkfifo(folder.root / name)
    assert {
        Dropped("Annotations/e.xml", "not a regular file"),
        Dropped("JPEGImages/f.jpg", "not a regular file"),
    } <= set(folder.index().dropped)


def test_lists_of_one_class_each_are_put_together(tmp_path: Path) -> None:
    made = Folder(
        tmp_path / "vott"
    )  # as VoTT exports: a list for each tag and split, every photo in each with a mark
    cat, dog = ("cat", 4, 5, 20, 15), ("dog", 0, 0, 40, 20)
    for stem, boxes in {"a": (cat, dog), "b": (dog,), "c": (cat,), "d": (dog,)}.items():
        made.image(stem, *boxes)
    made.split("cat_train", "a.jpg 1", "b.jpg -1")
    made.split("dog_train", "a.jpg 1", "b.jpg 1")
    made.split("cat_val", "c.jpg 1", "d.jpg -1")
    made.split("dog_val", "c.jpg -1", "d.jpg 1")
    found = made.index(test_fraction=0.5)
    assert [s.key for s in found.splits["val"]] == ["JPEGImages/c.jpg", "JPEGImages/d.jpg"]
    assert {s.key for split in ("train", "test") for s in found.splits[split]} == {
        "JPEGImages/a.jpg",
        "JPEGImages/b.jpg",
    }


def test_an_export_of_cvat_is_parted_by_seed(tmp_path: Path) -> None:
    made = Folder(tmp_path / "cvat")
    stems = [made.image(f"{n}", ("cat", 4, 5, 20, 15), ("dog", 0, 0, 40, 20)) for n in range(10)]
    made.split("default", *stems)
    (made.root / "labelmap.txt").write_text("# label:color_rgb:parts:actions\ncat:128,0,0::\n")
    found = made.index()
    assert {split: len(samples) for split, samples in found.splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert found.dropped == ()


def test_classes_that_differ_by_case_are_refused_unless_they_are_named(folder: Folder) -> None:
    folder.annotation("a", ("Cat", 4, 5, 20, 15), ("cat", 0, 0, 40, 20), ("dog", 1, 1, 9, 9))
    with pytest.raises(
        DataError, match=r"the classes 'Cat' and 'cat' of '.*' differ only by case, accents or blanks"
    ):
        folder.index()
    assert folder.index(classes=("cat", "Cat", "dog")).classes == ("cat", "Cat", "dog")
