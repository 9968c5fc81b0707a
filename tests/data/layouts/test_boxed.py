"""Boxes against their image, by hand: the annotation of an image of 20 x 40 pixels (height x width)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.dataset import Dropped, FileFacts
from tflbuild.core.errors import DataError
from tflbuild.data.layouts.boxed import (
    Annotated,
    RawBox,
    fits_unturned,
    fitted,
    frame_of,
    misfit,
    refuse_fractions,
)

NAN, INF = math.nan, math.inf


def raw(ymin: float, xmin: float, ymax: float, xmax: float) -> RawBox:
    return RawBox("7", "cat", ymin, xmin, ymax, xmax)


def image(*boxes: RawBox, height: int = 20, width: int = 40) -> Annotated:
    return Annotated("a.jpg", "a.xml", "/a.jpg", height, width, boxes)


def facts(height: int = 20, width: int = 40, orientation: int = 1) -> FileFacts:
    return FileFacts("x", "", height, width, orientation)


OUTSIDE = "reaches outside its image, x {}, y {} in 40 x 20 pixels: clipped"
FITTED = [
    (raw(5, 4, 15, 20), (0.25, 0.1, 0.75, 0.5), ""),
    (raw(0, 0, 20, 40), (0.0, 0.0, 1.0, 1.0), ""),
    # One pixel over each edge is how tools count; more is said.
    (raw(-1, 4, 15, 20), (0.0, 0.1, 0.75, 0.5), ""),
    (raw(5, -1, 15, 20), (0.25, 0.0, 0.75, 0.5), ""),
    (raw(5, 4, 21, 20), (0.25, 0.1, 1.0, 0.5), ""),
    (raw(5, 4, 15, 41), (0.25, 0.1, 0.75, 1.0), ""),
    (raw(-1.5, 4, 15, 20), (0.0, 0.1, 0.75, 0.5), OUTSIDE.format("4..20", "-1.5..15")),
    (raw(5, -1.5, 15, 20), (0.25, 0.0, 0.75, 0.5), OUTSIDE.format("-1.5..20", "5..15")),
    (raw(5, 4, 21.5, 20), (0.25, 0.1, 1.0, 0.5), OUTSIDE.format("4..20", "5..21.5")),
    (raw(5, 4, 15, 41.5), (0.25, 0.1, 0.75, 1.0), OUTSIDE.format("4..41.5", "5..15")),
    (raw(20, 4, 25, 20), None, "lies outside its image, x 4..20, y 20..25 in 40 x 20 pixels: dropped"),
    (raw(5, 40, 15, 50), None, "lies outside its image, x 40..50, y 5..15 in 40 x 20 pixels: dropped"),
    (raw(-5, 4, 0, 20), None, "lies outside its image, x 4..20, y -5..0 in 40 x 20 pixels: dropped"),
    (raw(5, 9, 15, 9), None, "has no area, xmin 9 = xmax 9: dropped"),
    (raw(5, 9.5, 15, 9), None, "has no area, xmin 9.5 > xmax 9: dropped"),
    (raw(15, 4, 15, 20), None, "has no area, ymin 15 = ymax 15: dropped"),
    (raw(15, 4, 5, 20), None, "has no area, ymin 15 > ymax 5: dropped"),
    (raw(NAN, 4, 15, 20), None, "has an edge that is not a number: dropped"),
    (raw(5, -INF, 15, 20), None, "has an edge that is not a number: dropped"),
    (raw(5, 4, INF, 20), None, "has an edge that is not a number: dropped"),
    (raw(5, 4, 15, NAN), None, "has an edge that is not a number: dropped"),
    (
        raw(0.1, 0.2, 0.9, 0.5),
        None,
        "lies in 0..1, as a fraction of the image where pixels are expected: dropped",
    ),
    # A corner and a size in 0..1, read as pixels, end at 2 at most.
    (raw(1, 1, 2, 2), None, "lies in 0..1, as a fraction of the image where pixels are expected: dropped"),
    (raw(0, 0, 1, 2), (0.0, 0.0, 0.05, 0.05), ""),  # two pixels across are pixels
    (raw(0, 0, 2, 1), (0.0, 0.0, 0.1, 0.025), ""),
    (raw(1.5, 1.5, 2.4, 2.4), (0.075, 0.0375, 0.12, 0.06), ""),
]


@pytest.mark.parametrize(("box", "wanted", "reason"), FITTED, ids=[str(row[0][2:]) for row in FITTED])
def test_a_box_is_clipped_to_its_image_or_left_out_with_a_reason(
    box: RawBox, wanted: tuple[float, ...] | None, reason: str
) -> None:
    found, why = fitted(box, 20, 40)
    assert found == (None if wanted is None else pytest.approx(wanted))
    assert why == reason


edges = st.one_of(st.floats(-60, 60), st.sampled_from([0.0, 1.0, 2.0, 20.0, 40.0, NAN, INF, -INF]))


@settings(deadline=None, max_examples=40, derandomize=True)
@given(ymin=edges, xmin=edges, ymax=edges, xmax=edges)
def test_whatever_is_kept_has_an_area_within_the_image_and_what_goes_has_a_reason(
    ymin: float, xmin: float, ymax: float, xmax: float
) -> None:
    found, why = fitted(raw(ymin, xmin, ymax, xmax), 20, 40)
    assert found is not None or why.endswith(": dropped")
    if found is not None:
        top, left, bottom, right = found
        assert 0 <= top < bottom <= 1
        assert 0 <= left < right <= 1


def test_sizes_may_differ_by_a_fiftieth_and_not_by_more() -> None:
    # By hand: 50 x 51 against 1000 x 1000 is a ratio of 0.98; 50 x 52 is 0.96.
    square = facts(1000, 1000)
    assert misfit(image(height=50, width=51), square, False) == ""
    assert misfit(image(height=51, width=50), square, False) == ""
    assert misfit(image(height=50, width=52), square, False) == (
        "the annotation says 52 x 50 pixels, but the image has 1000 x 1000"
    )
    assert "the annotation says 50 x 52" in misfit(image(height=52, width=50), square, False)


def test_one_side_that_is_not_declared_is_that_of_the_image() -> None:
    assert misfit(image(height=0, width=40), facts(), False) == ""
    assert misfit(image(height=20, width=0), facts(), False) == ""
    assert "says 40 x 40 pixels" in misfit(image(height=40, width=0), facts(), False)
    assert "says 20 x 20 pixels" in misfit(image(height=0, width=20), facts(), False)


def test_a_side_of_more_than_a_milliard_pixels_is_nonsense_and_one_of_a_milliard_is_not() -> None:
    assert misfit(image(height=10**9, width=2 * 10**9), facts(), False)
    assert misfit(image(height=10**9 // 2, width=10**9), facts(), False) == ""


def test_a_photo_that_exif_turns_fits_as_stored_where_its_size_or_a_box_says_so() -> None:
    seen = facts(40, 20, 6)  # stored as 20 x 40
    assert fits_unturned(image(height=20, width=40), seen)
    assert not fits_unturned(image(height=40, width=20), seen)
    wide = raw(0, 0, 10, 30)
    assert fits_unturned(image(wide, height=0, width=0), seen)
    assert fits_unturned(image(wide, height=20, width=0), seen)
    assert not fits_unturned(image(raw(0, 0, 30, 10), height=0, width=0), seen)
    assert not fits_unturned(image(raw(0, 0, 10, 10), height=0, width=0), seen), "it fits both"
    assert misfit(image(height=20, width=40), seen, True) == (
        "its boxes fit the photo as stored, 40 x 20 pixels; EXIF orientation 6 turns it, and it is shown as 20 x 40"
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_only_quarter_turns_exchange_height_and_width(orientation: int) -> None:
    # Exif 2.32: 5 to 8 have rows and columns exchanged.
    assert fits_unturned(image(height=20, width=40), facts(40, 20, orientation)) is (orientation >= 5)


def test_a_square_or_damaged_photo_cannot_be_told_as_turned() -> None:
    assert not fits_unturned(image(height=20, width=20), facts(20, 20, 6))
    assert not fits_unturned(image(height=20, width=40), facts(40, 20, 6)._replace(problem="damaged"))


def test_among_photos_annotated_as_stored_a_turned_one_with_boxes_is_not_trusted() -> None:
    half = facts(20, 40, 3)
    why = "EXIF orientation 3 turns it, and boxes of other photos here fit them as stored, not as seen"
    assert misfit(image(raw(0, 0, 9, 9)), half, True) == why
    assert misfit(image(raw(0, 0, 9, 9)), facts(20, 40, 2), True) == why.replace("3", "2")
    assert misfit(image(raw(0, 0, 9, 9)), half, False) == ""
    assert misfit(image(), half, True) == "", "it has no box that could be wrong"
    assert misfit(image(raw(0, 0, 9, 9)), facts(), True) == "", "EXIF does not turn it"


FRAMES = [
    # declared height and width, a box, the frame, and what is said
    ((20, 40), raw(0, 0, 20, 40), (20, 40), ""),
    ((0, 0), raw(0, 0, 20, 40), (20, 40), ""),
    (
        (40, 80),
        raw(0, 0, 40, 80),
        (40, 80),
        "80 x 40 pixels, but the image has 40 x 20: its boxes are scaled",
    ),
    (
        (40, 80),
        raw(0, 0, 10, 10),
        (40, 80),
        "80 x 40 pixels, but the image has 40 x 20: its boxes are scaled",
    ),
    ((10, 20), raw(0, 0, 20, 40), (20, 40), "20 x 10 pixels, but the image has 40 x 20: they fit the image"),
    ((10, 20), raw(0, 0, 12, 20), (20, 40), "20 x 10 pixels, but the image has 40 x 20: they fit the image"),
    (
        (10, 20),
        raw(0, 0, 11, 21),
        (10, 20),
        "20 x 10 pixels, but the image has 40 x 20: its boxes are scaled",
    ),
    (
        (10, 20),
        raw(0, 0, 30, 50),
        (10, 20),
        "20 x 10 pixels, but the image has 40 x 20: its boxes are scaled",
    ),
]


@pytest.mark.parametrize(("size", "box", "frame", "said"), FRAMES)
def test_boxes_refer_to_the_declared_size_unless_they_fit_the_image_alone(
    size: tuple[int, int], box: RawBox, frame: tuple[int, int], said: str
) -> None:
    dropped: list[Dropped] = []
    assert frame_of(image(box, height=size[0], width=size[1]), facts(), dropped) == frame
    assert dropped == ([Dropped("a.xml", f"a.jpg: the annotation says {said}")] if said else [])


def test_an_image_without_a_box_has_no_frame_to_speak_of() -> None:
    dropped: list[Dropped] = []
    assert frame_of(image(height=40, width=80), facts(), dropped) == (40, 80)
    assert dropped == []


def test_a_split_whose_boxes_are_half_fractions_is_refused_and_one_with_fewer_is_not() -> None:
    fraction, pixels = raw(0.25, 0.1, 0.75, 0.5), raw(5, 4, 15, 20)
    refuse_fractions("voc", {"train": [image(fraction, pixels, pixels)], "val": [image()]})
    with pytest.raises(DataError) as refused:
        refuse_fractions("voc", {"train": [image(pixels)], "val": [image(pixels), image(fraction)]})
    assert str(refused.value) == (
        "data.root: 1 of 2 boxes of the val split of 'voc' lie in 0..1, as fractions of the image, e.g. box 7 in "
        "a.xml: "
        "xmin 0.1, ymin 0.25, xmax 0.5, ymax 0.75; expected pixels."
    )
