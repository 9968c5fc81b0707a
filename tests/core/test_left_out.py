from __future__ import annotations

import pytest

from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.left_out import counted, summary


def test_what_was_left_out_is_counted_by_kind_the_most_first() -> None:
    dropped = [
        Dropped("a.jpg", "photo without annotation"),
        Dropped("b.jpg", "does not decode: image file is truncated"),
        Dropped("c.jpg", "photo without annotation: no annotation file lists it"),
    ]
    assert counted(dropped) == ["2 photos without annotation", "1 damaged image"]
    assert summary(dropped) == (
        "data: 2 photos without annotation, 1 damaged image left out, e.g. a.jpg: photo without annotation; "
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
        ("box 1 (cat) has no area, xmin 4 = xmax 4: dropped", "1 annotation that makes no sense"),
        ("box 1 (cat) reaches outside its image, x -6..20, y 0..1 in 4 x 2 pixels: clipped", "1 box clipped"),
        ("hidden", "1 hidden file or folder"),
        ("a link that leads nowhere", "1 link"),
        ("not named like an image", "1 file that is not named like an image"),
        ("something new", "1 other thing left out"),
    ],
)
def test_every_reason_has_a_kind(reason: str, kind: str) -> None:
    assert counted([Dropped("a", reason)]) == [kind]


def test_an_index_says_names_without_what_a_terminal_obeys() -> None:
    index = Index(classes=("cat\x1b[2J",), splits={}, dropped=(Dropped("a\x1b]0;x\x07.png", "has \u202e"),))
    assert index.dropped == (Dropped("a\\x1b]0;x\\x07.png", "has \\u202e"),)
    assert index.classes == ("cat\x1b[2J",), "what is data stays whole"
