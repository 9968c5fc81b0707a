"""Where a VOC folder keeps its annotations, photos and lists; and one annotation as XML."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.data.layouts import voc_files, voc_xml
from tflbuild.data.layouts.boxed import Annotated, RawBox
from tflbuild.data.layouts.voc_files import Part, Photos, lists, parts
from tflbuild.data.voc import Voc, _without_annotation


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


def found(root: Path) -> tuple[list[Part], list[Dropped]]:
    dropped: list[Dropped] = []
    return parts(root, "set", dropped), dropped


@pytest.mark.parametrize("annotations", ["Annotations", "annotation", "XMLs", "xml"])
@pytest.mark.parametrize("photos", ["JPEGImages", "images", "Image", "imgs", "img", "JPGImages", "photos"])
def test_the_folders_are_known_by_their_usual_names_in_any_case(
    annotations: str, photos: str, tmp_path: Path
) -> None:
    write(
        tmp_path, f"{annotations}/b.xml", f"{annotations}/in/a.XML", f"{annotations}/n.txt", f"{photos}/b.jpg"
    )
    part = Part("", f"{annotations}/", f"{photos}/", ("b", "in/a"), ("b.jpg",), {"in/a": "in/a.XML"})
    assert found(tmp_path) == ([part], [])


def test_the_first_of_several_folders_counts(tmp_path: Path) -> None:
    write(tmp_path, "xml/a.xml", "Annotations/b.xml", "photos/a.jpg", "images/b.jpg", "JPEGImages/c.jpg")
    ((part,), _) = found(tmp_path)
    assert (part.annotations, part.photos, part.stems) == ("Annotations/", "JPEGImages/", ("b",))


def test_folders_of_splits_hold_a_part_each(tmp_path: Path) -> None:
    write(
        tmp_path, "Train/a.xml", "Train/a.jpg", "valid/annotations/b.xml", "valid/images/b.jpg", "Test/c.jpg"
    )
    write(tmp_path, "valid/images/.hidden.jpg")
    assert found(tmp_path) == (
        [
            Part("train", "Train/", "Train/", ("a",), ("a.jpg",)),
            Part("val", "valid/annotations/", "valid/images/", ("b",), ("b.jpg",)),
            Part("test", "Test/", "Test/", (), ("c.jpg",)),
        ],
        [Dropped("valid/images/.hidden.jpg", "hidden")],
    )


def test_annotations_beside_photos_in_the_root_are_one_part(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", "a.jpg", ".b.jpg")
    assert found(tmp_path) == ([Part("", "", "", ("a",), ("a.jpg",))], [Dropped(".b.jpg", "hidden")])


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no train": (
        ("train/a.jpg", "val/a.xml", "val/a.jpg"),
        "'set' has no annotation in a train folder; expected",
    ),
    "only val": (("val/a.xml", "val/a.jpg"), "'set' has no annotation in a train folder; expected"),
    "an empty folder": (
        ("Annotations/a.txt", "JPEGImages/a.jpg"),
        "'set' has no XML in Annotations/; expected",
    ),
    "no folder": (("JPEGImages/a.jpg",), "'set' has no Annotations/; expected"),
    "no photo": (("Annotations/a.xml", "JPEGImages/a.txt"), "'set' has no JPEGImages/ with images; expected"),
    "a folder around a folder around": (
        ("VOCdevkit/VOC2012/Annotations/a.xml", "VOCdevkit/VOC2012/JPEGImages/a.jpg"),
        "'set' is a folder around the data set, which lies in 'VOCdevkit/VOC2012'; give that folder.",
    ),
    "a folder around": (
        ("VOC2012/Annotations/a.xml", "VOC2012/JPEGImages/a.jpg"),
        "'set' is a folder around the data set, which lies in 'VOC2012'; give that folder.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_folder_of_another_form_is_refused(what: str, tmp_path: Path) -> None:
    names, message = REFUSED[what]
    write(tmp_path, *names)
    with pytest.raises(DataError) as refused:
        found(tmp_path)
    assert str(refused.value).startswith(f"data.root: {message}")


PHOTOS = Photos(
    Part(
        "",
        "A/",
        "P/",
        (),
        ("a.jpg", "in/a.jpg", "b.jpg", "b.png", "x/c.jpg", "y/c.jpg", "x/d.jpg", "e.v1.jpg"),
    )
)


@pytest.mark.parametrize(
    ("stem", "said", "photo", "why"),
    [
        ("a", "", "a.jpg", ""),
        ("in/a", "", "in/a.jpg", ""),
        ("b", "", None, "fits several images: b.jpg, b.png"),
        ("b", "b.png", "b.png", ""),
        ("b", "C:\\photos\\b.jpg", "b.jpg", ""),
        ("b", "/home/me/b.png", "b.png", ""),
        ("c", "", None, "fits several images: x/c.jpg, y/c.jpg"),
        ("other/d", "", "x/d.jpg", ""),
        ("z", "d.jpg", "x/d.jpg", ""),
        ("z", "c.jpg", None, "fits several images: x/c.jpg, y/c.jpg"),
        ("z", "", None, "there is no image P/z.*"),
        ("e.v1", "", "e.v1.jpg", ""),
        ("e", "", None, "there is no image P/e.*"),
    ],
)
def test_a_photo_is_found_by_place_then_name_then_what_is_said(
    stem: str, said: str, photo: str | None, why: str
) -> None:
    assert PHOTOS.find(stem, said) == (photo, why)


def test_photos_that_no_annotation_is_of_are_named() -> None:
    part = Part("", "A/", "P/", ("a", "in/b", "c"), ("a.jpg", "b.jpg", "sub/c.png", "d.jpg", "e.jpg"))
    assert _without_annotation(part, {"e.jpg": "A/e.xml"}) == [Dropped("P/d.jpg", "photo without annotation")]


def test_a_photo_called_like_another_has_no_annotation_once_that_one_has_it() -> None:
    part = Part("", "A/", "P/", ("a", "b"), ("a.jpg", "x/a.jpg", "x/b.jpg"))
    used = {"a.jpg": "A/a.xml"}  # b was not read, so that x/b.jpg may be its photo
    assert _without_annotation(part, used) == [Dropped("P/x/a.jpg", "photo without annotation")]


def listed(root: Path, part: Part, **texts: str) -> tuple[dict[str, list[str]], list[Dropped]]:
    folder = root / "ImageSets" / "Main"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    dropped: list[Dropped] = []
    return lists(root, part, dropped), dropped


PART = Part("", "A/", "P/", ("a", "b", "c", "d", "e"), ())


def test_lists_say_the_splits_and_what_is_in_none_is_named(tmp_path: Path) -> None:
    assert listed(tmp_path, PART, train="a\nb\n", valid="c\n", TEST="d\n", other="e\n") == (
        {"test": ["d"], "train": ["a", "b"], "val": ["c"]},
        [Dropped("A/e.xml", "in no list of ImageSets/Main/")],
    )


def test_train_is_what_others_leave_of_trainval_or_of_everything(tmp_path: Path) -> None:
    assert listed(tmp_path / "1", PART, trainval="a\nb\nc\n", val="c\n") == (
        {"val": ["c"], "train": ["a", "b"]},
        [Dropped(f"A/{stem}.xml", "in no list of ImageSets/Main/") for stem in "de"],
    )
    assert listed(tmp_path / "2", PART, test="d\n")[0] == {"test": ["d"], "train": ["a", "b", "c", "e"]}
    assert listed(tmp_path / "3", PART, trainval="a\nb\n", train="b\n")[0] == {"train": ["b"]}


def test_without_lists_folders_may_be_the_splits(tmp_path: Path) -> None:
    whole = {"train": ["a", "b", "c", "d", "e"]}
    assert lists(tmp_path, PART, []) == whole
    split = Part("", "A/", "P/", ("Train/a", "val/b", "train/c"), ())
    assert lists(tmp_path, split, []) == {"train": ["Train/a", "train/c"], "val": ["val/b"]}
    for stems in (("train/a", "b"), ("train/a", "other/b"), ("val/a", "test/b")):
        assert lists(tmp_path, Part("", "A/", "P/", stems, ()), []) == {"train": list(stems)}


@pytest.mark.parametrize("place", ["ImageSets/Segmentation", "imageset", "."])
def test_lists_are_found_where_main_has_none(place: str, tmp_path: Path) -> None:
    write(tmp_path, "ImageSets/Main/cat_train.txt", "ImageSets/.hidden/val.txt")
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / "test.txt").write_text("a\n")
    if place == "imageset":
        shutil.rmtree(tmp_path / "ImageSets")
    assert lists(tmp_path, PART, []) == {"test": ["a"], "train": ["b", "c", "d", "e"]}


def test_a_list_in_the_root_says_what_is_in_none(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a\nb\nc\nd\n")
    dropped: list[Dropped] = []
    assert lists(tmp_path, PART, dropped) == {"train": ["a", "b", "c", "d"]}
    assert dropped == [Dropped("A/e.xml", f"in no list of {tmp_path.name}/")]


def test_a_text_beside_photos_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("a\n")
    assert lists(tmp_path, Part("", "", "", ("a", "b"), ()), []) == {"train": ["a", "b"]}


def test_lists_may_lie_in_image_sets_itself(tmp_path: Path) -> None:
    (tmp_path / "imagesets").mkdir()
    (tmp_path / "imagesets" / "test.txt").write_text("a\n")
    dropped: list[Dropped] = []
    assert lists(tmp_path, PART, dropped) == {"test": ["a"], "train": ["b", "c", "d", "e"]}
    assert dropped == []


LINES = [
    ("a", ["a"]),
    ("a.jpg", ["a"]),
    ("a.XML", ["a"]),
    ("./a", ["a"]),
    ("P\\a.png", ["a"]),
    ("/home/me/P/a.jpg", ["a"]),
    ("a 1", ["a"]),
    ("a -1", ["a"]),
    ("a  0", ["a"]),
    ("a\t1", ["a"]),
    ("two words", ["two words"]),
    ("two words 1", ["two words"]),
    ("two words 7", ["two words 7"]),
    ("v1.2", ["v1.2"]),
    ("v1.2.jpg", ["v1.2"]),
    ("gone", ["gone"]),
    ("gone.jpg 1", ["gone"]),
    ("gone 7", ["gone 7"]),
    ("deep/x", ["deep/x"]),
    ("x", ["deep/x", "down/x"]),
    ("1", ["1"]),
]


@pytest.mark.parametrize(("line", "stems"), LINES)
def test_a_line_means_the_annotation_that_is_there(line: str, stems: list[str]) -> None:
    known = voc_files._Stems(("a", "two words", "v1.2", "deep/x", "down/x", "1"))
    assert sorted(known._meant(line)) == stems


def test_a_list_has_each_once_and_says_what_fits_several(tmp_path: Path) -> None:
    part = Part("", "A/", "P/", ("a", "deep/x", "down/x"), ())
    made, dropped = listed(tmp_path, part, train="\na\n\n a.jpg \nx\ndeep/x\n")
    assert made == {"train": ["a", "deep/x"]}
    assert dropped == [
        Dropped("ImageSets/Main/train.txt", "'x' fits several annotations: deep/x, down/x"),
        Dropped("A/down/x.xml", "in no list of ImageSets/Main/"),
    ]


def test_a_list_that_cannot_be_read_and_one_that_is_there_twice_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError) as twice:
        listed(tmp_path / "1", PART, val="a", validation="b")
    assert str(twice.value) == (
        "data.root: ImageSets/Main has 'val.txt' and 'validation.txt', which both mean the val split; keep "
        "only one of them."
    )
    listed(tmp_path / "2", PART, train="a")
    os.truncate(tmp_path / "2/ImageSets/Main/train.txt", (1 << 28) + 1)
    with pytest.raises(
        DataError, match=r"^data\.root: ImageSets/Main/train\.txt cannot be read: it has 268435457 bytes"
    ):
        lists(tmp_path / "2", PART, [])


XML = """<annotation><filename> a.jpg </filename><size><width>40</width><height>20.0</height></size>
<object><name> cat </name><difficult>1</difficult><bndbox><xmin>4</xmin><ymin>5</ymin><xmax>20</xmax><ymax>15</ymax>
</bndbox></object>
<object><name>dog</name><bndbox><xmin>1.5</xmin><ymin>2.5</ymin><xmax>3.5</xmax><ymax>4.5</ymax></bndbox>
<bndbox><xmin>9</xmin></bndbox></object></annotation>"""


def annotated(root: Path, text: str, **options: str) -> tuple[Annotated | None, list[Dropped]]:
    (root / "A").mkdir(exist_ok=True)
    (root / "A/b.xml").write_text(text)
    dropped: list[Dropped] = []
    part = Part("", "A/", "P/", ("b",), ("a.jpg",))
    data = Voc(root=str(root), **options)  # type: ignore[arg-type]
    return data._annotated(root, part, "b", Photos(part), {}, dropped), dropped


def test_an_annotation_is_read_edge_by_edge(tmp_path: Path) -> None:
    cat, dog = RawBox("1", "cat", 5, 4, 15, 20), RawBox("2", "dog", 2.5, 1.5, 4.5, 3.5)
    path = f"{tmp_path}/P/a.jpg"
    assert annotated(tmp_path, XML) == (Annotated("P/a.jpg", "A/b.xml", path, 20, 40, (cat, dog)), [])
    made, dropped = annotated(tmp_path, XML, difficult="drop")
    assert made is not None
    assert made.objects == (dog,)
    assert dropped == [Dropped("A/b.xml", "box 1 (cat) is difficult: dropped")]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("<xmin>4", "<xmin>4x", "box 1 (cat) has xmin '4x': dropped"),
        ("<ymax>4.5", "<ymax>", "box 2 (dog) has ymax '': dropped"),
        ("<name>dog</name>", "", "box 2 has no name: dropped"),
    ],
)
def test_what_is_wrong_with_a_box_is_said(before: str, after: str, reason: str, tmp_path: Path) -> None:
    made, dropped = annotated(tmp_path, XML.replace(before, after))
    assert made is not None
    assert len(made.objects) == 1
    assert dropped == [Dropped("A/b.xml", reason)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotations/>", "its outermost element is 'annotations', not 'annotation'"),
        ("<annotation>", "broken XML: no element found: line 1, column 12"),
        ("<annotation/>", "there is no image P/b.*"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_said(text: str, reason: str, tmp_path: Path) -> None:
    assert annotated(tmp_path, text) == (None, [Dropped("A/b.xml", reason)])


def test_two_annotations_of_one_photo_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A/b.xml").write_text(XML)
    part = Part("", "A/", "P/", ("b",), ("a.jpg",))
    dropped: list[Dropped] = []
    used = {"a.jpg": "A/a.xml"}
    assert Voc()._annotated(tmp_path, part, "b", Photos(part), used, dropped) is None
    assert dropped == [Dropped("A/b.xml", "the same image has an annotation already, A/a.xml")]


@pytest.mark.parametrize(
    ("value", "size"),
    [("40", 40), ("40.7", 40), ("", 0), ("x", 0), ("-3", 0), ("1e400", 0), ("nan", 0), ("0", 0)],
)
def test_a_size_that_is_no_number_was_not_declared(value: str, size: int) -> None:
    assert voc_xml.integer(value) == size


def test_the_first_field_of_a_name_counts() -> None:
    from xml.etree import ElementTree

    node = ElementTree.fromstring("<a><b> 1 </b><c/><b>2</b></a>")
    assert {name: voc_xml.text(field) for name, field in voc_xml.fields(node).items()} == {"b": "1", "c": ""}
    assert voc_xml.fields(None) == {}
    assert voc_xml.text(None) == ""


@pytest.mark.parametrize(
    ("content", "searched"),
    [
        (b"<annotation/>", True),
        (b"<a\0", False),
        (b"\xff\xfe<\0", False),
        (b"\xfe\xff\0<", False),
        (b"\xff\xfea", False),
        (b"\xfe\xffa", False),
        (b'<?xml version="1.0" encoding="UTF-8"?><a/>', True),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='CP1252'?>", True),
        (b'<?xml version="1.0" encoding="utf-7"?>', False),
        (b"<?xml version='1.0'?><a/>", True),
        (b" <b/>", True),
        (b" <b/>\0", False),
    ],
)
def test_bytes_are_searched_for_a_document_type_only_where_it_is_spelt_in_ascii(
    content: bytes, searched: bool
) -> None:
    assert voc_xml._is_ascii_based(content) is searched


def test_more_than_16_mib_are_no_annotation(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<annotation/>")
    os.truncate(tmp_path / "a.xml", (1 << 24) + 1)
    with pytest.raises(OSError, match="at most 16777216 are read") as refused:
        voc_xml.parse(str(tmp_path / "a.xml"))
    assert refused.value.errno == errno.EFBIG


@pytest.mark.parametrize("text", ["<!DOCTYPE a><annotation/>", "<annotation><!ENTITY x></annotation>"])
def test_a_document_type_is_refused_by_its_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match=r"^declares a document type, which no annotation needs$"):
        voc_xml.parse(str(tmp_path / "a.xml"))
