from __future__ import annotations

import pytest

from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.left_out import KINDS, counted, listed, summary


def test_what_was_left_out_is_counted_by_kind_the_most_first() -> None:
    dropped = [
        Dropped("a.jpg", "photo without annotation"),
        Dropped("b.jpg", "does not decode: image file is truncated"),
        Dropped("c.jpg", "photo without annotation: no annotation file lists it"),
    ]
    assert counted(dropped) == ["2 photos without annotation", "1 damaged image"]
    assert summary(dropped) == (
        "data: 2 photos without annotation, 1 damaged image skipped, e.g. a.jpg: photo without annotation; "
        "all are in report.json"
    )


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("there is no image 'a.png'", "1 missing image or annotation"),
        ("has 9000 x 9000 pixels, more than data.max_pixels=64000000", "1 image too large"),
        ("left out of train: the same image as a.png in test", "1 image twice"),
        (
            "a.jpg: the annotation says 8 x 4 pixels, but the image has 4 x 2: its boxes are scaled",
            "1 resized image",
        ),
        ("box 1 (cat) has no area, xmin 4 = xmax 4: dropped", "1 invalid annotation"),
        ("box 1 (cat) reaches outside its image, x -6..20, y 0..1 in 4 x 2 pixels: clipped", "1 box clipped"),
        ("hidden", "1 hidden file or folder"),
        ("a link that leads nowhere", "1 link"),
        ("not named like an image", "1 file that is not named like an image"),
        ("something new", "1 other entry"),
    ],
)
def test_every_reason_has_a_kind(reason: str, kind: str) -> None:
    assert counted([Dropped("a", reason)]) == [kind]


def test_an_index_says_names_without_what_a_terminal_obeys() -> None:
    index = Index(classes=("cat\x1b[2J",), splits={}, dropped=(Dropped("a\x1b]0;x\x07.png", "has \u202e"),))
    assert index.dropped == (Dropped("a\\x1b]0;x\\x07.png", "has \\u202e"),)
    assert index.classes == ("cat\x1b[2J",), "what is data stays whole"


REASONS = [
    # (a reason as a loader says it, what it is called once, and many times)
    ("photo without annotation", "photo without annotation", "photos without annotation"),
    ("the file is missing", "missing image or annotation", "missing images or annotations"),
    ("there is no image 'a.png'", "missing image or annotation", "missing images or annotations"),
    ("its image a.png is gone", "missing image or annotation", "missing images or annotations"),
    ("left out of train: the same image as a.png in test", "image twice", "images twice"),
    ("the same image as a.png", "image twice", "images twice"),
    ("a.png: the same image as b.png: used once", "image twice", "images twice"),
    ("has 90 x 80 pixels, more than data.max_pixels=64", "image too large", "images too large"),
    ("not an image that PIL can read", "damaged image", "damaged images"),
    ("does not decode: truncated", "damaged image", "damaged images"),
    ("its EXIF says that it is turned", "turned photo", "turned photos"),
    ("the annotation says 8 x 4 pixels: its boxes are scaled", "resized image", "resized images"),
    ("the annotation says 8 x 4 pixels, they fit the image", "resized image", "resized images"),
    ("box 1 (cat) reaches outside: clipped", "box clipped", "boxes clipped"),
    ("3 x class 'cat', which train does not have", "class missing in train", "classes missing in train"),
    ("box 1 has no area", "invalid annotation", "invalid annotations"),
    ("annotation 3 is not a box", "invalid annotation", "invalid annotations"),
    (
        "boxes of classes that are not chosen",
        "group of boxes outside data.classes",
        "groups of boxes outside data.classes",
    ),
    (
        "class 'dog' is not chosen",
        "image of a class that was not chosen",
        "images of classes that were not chosen",
    ),
    ("in no list of ImageSets", "annotation in no list", "annotations in no list"),
    ("it fits a.png and b.png: fits several", "name that fits several files", "names that fit several files"),
    ("its stem fit several", "name that fits several files", "names that fit several files"),
    (
        "the id '7' is of several images, record 1 of a and record 3 of a: not used, all are taken",
        "id shared by several images",
        "ids shared by several images",
    ),
    ("two files, which differ", "name that fits several files", "names that fit several files"),
    ("its name has control characters", "name that cannot be used", "names that cannot be used"),
    ("cannot be used: a\\x1b", "name that cannot be used", "names that cannot be used"),
    ("not a regular file", "entry that is not a file", "entries that are not files"),
    (
        "an image outside the folders of classes",
        "image outside the folders of classes",
        "images outside the folders of classes",
    ),
    (
        "an image beside the folders of splits",
        "image beside the folders of splits",
        "images beside the folders of splits",
    ),
    ("left out of train: the same row as 3 in test", "row twice", "rows twice"),
    ("an array of uint8 (), one number", "array that is not used", "arrays that are not used"),
    ("a link to a folder", "link", "links"),
    ("hidden", "hidden file or folder", "hidden files and folders"),
    (
        "not named like an image",
        "file that is not named like an image",
        "files that are not named like images",
    ),
    ("anything else", "other entry", "other entries"),
    ("twice hidden", "other entry", "other entries"),
]


@pytest.mark.parametrize(("reason", "once", "often"), REASONS)
def test_a_kind_is_called_by_its_number(reason: str, once: str, often: str) -> None:
    assert counted([Dropped("a", reason)]) == [f"1 {once}"]
    assert counted([Dropped("a", reason)] * 2) == [f"2 {often}"]


def test_every_kind_has_a_reason_here() -> None:
    assert {once for _, once, _ in REASONS} == {once for _, once, _ in KINDS} | {"other entry"}


def test_what_a_source_left_out_is_named_up_to_20() -> None:
    dropped = [Dropped(f"{n}.png", "hidden") for n in range(20)]
    named = "; ".join(f"{n}.png: hidden" for n in range(20))
    assert listed(dropped, "k") == f"k: 20 hidden files and folders skipped: {named}"
    more = [*dropped, Dropped("x\x1b", "a link")]
    assert listed(more, "k") == f"k: 20 hidden files and folders, 1 link skipped: {named}; and 1 more"
    assert listed(more[-1:], "k") == "k: 1 link skipped: x\\x1b: a link"
    assert listed(more, "k", most=1).endswith("skipped: 0.png: hidden; and 20 more")


def test_names_of_a_data_set_are_shown_without_what_a_terminal_obeys() -> None:
    assert summary([Dropped("x\x1b", "a link\n")]) == (
        "data: 1 link skipped, e.g. x\\x1b: a link\\n; all are in report.json"
    )


def test_kinds_of_the_same_number_come_in_their_order() -> None:
    assert counted(
        Dropped("a", reason) for reason in ("hidden", "a link", "a link", "not a regular file")
    ) == [
        "2 links",
        "1 hidden file or folder",
        "1 entry that is not a file",
    ]
