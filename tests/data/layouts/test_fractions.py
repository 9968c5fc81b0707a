"""Boxes as fractions of an image, by hand: what is clipped, dropped, and refused for pixels."""

from __future__ import annotations

import pytest

from tflbuild.core.dataset import FileFacts
from tflbuild.core.errors import DataError
from tflbuild.data.layouts.boxed import Annotated, RawBox
from tflbuild.data.layouts.fractions import fitted_fractions, refuse_pixels, turned

GOOD = (0.25, 0.125, 0.75, 0.5)
"""ymin, xmin, ymax, xmax."""


def image(*boxes: tuple[float, ...], fractions: bool = True, sides: tuple[int, int] = (0, 0)) -> Annotated:
    raw = tuple(RawBox(f"line {number}", "cat", *box) for number, box in enumerate(boxes, 1))
    return Annotated("a.jpg", "a.txt", "/x/a.jpg", *sides, raw, fractions)


@pytest.mark.parametrize(
    ("pixels", "good", "refused"), [(1, 2, False), (1, 1, True), (3, 2, True), (3, 4, False), (4, 4, True)]
)
def test_a_split_half_of_whose_boxes_are_pixels_is_refused(pixels: int, good: int, refused: bool) -> None:
    images = [image(*[GOOD] * good), image(*[(4.0, 5.0, 20.0, 15.0)] * pixels)]
    if not refused:
        refuse_pixels("pets", {"val": images})
        return
    with pytest.raises(DataError) as raised:
        refuse_pixels("pets", {"train": [image(GOOD)], "val": images})
    assert str(raised.value) == (
        f"data.root: {pixels} of {pixels + good} boxes of the val split of 'pets' are not fractions of their image, "
        f"e.g. box line 1 in a.txt: x 5..15, y 4..20; expected 0 to 1."
    )


def test_boxes_that_are_said_in_pixels_are_none_of_these() -> None:
    refuse_pixels("pets", {"train": [image((4.0, 5.0, 20.0, 15.0), fractions=False)], "val": []})


@pytest.mark.parametrize("place", range(4))
def test_an_edge_beyond_2_is_a_pixel_on_any_side(place: int) -> None:
    for edge, refused in ((2.0, False), (2.1, True), (-2.1, True)):
        box = [edge if number == place else GOOD[number] for number in range(4)]
        if refused:
            with pytest.raises(DataError, match="1 of 1 boxes"):
                refuse_pixels("pets", {"train": [image(tuple(box))]})
        else:
            refuse_pixels("pets", {"train": [image(tuple(box))]})


FITTED: list[tuple[tuple[float, float, float, float], tuple[float, ...] | None, str]] = [
    # of 100 x 200 pixels, so that 0.01 down and 0.005 across are a pixel, which tools may be out by
    (GOOD, GOOD, ""),
    ((0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0), ""),
    ((-0.01, 0.5, 0.5, 0.75), (0.0, 0.5, 0.5, 0.75), ""),
    (
        (-0.0101, 0.5, 0.5, 0.75),
        (0.0, 0.5, 0.5, 0.75),
        "reaches outside its image, x 0.5..0.75, y -0.0101..0.5 of 0..1: clipped",
    ),
    ((0.5, -0.004, 1.009, 1.004), (0.5, 0.0, 1.0, 1.0), ""),
    (
        (0.5, 0.25, 0.75, 1.0055),
        (0.5, 0.25, 0.75, 1.0),
        "reaches outside its image, x 0.25..1.0055, y 0.5..0.75 of 0..1: clipped",
    ),
    (
        (0.5, -0.0055, 0.75, 0.5),
        (0.5, 0.0, 0.75, 0.5),
        "reaches outside its image, x -0.0055..0.5, y 0.5..0.75 of 0..1: clipped",
    ),
    (
        (0.5, 0.25, 1.0105, 0.5),
        (0.5, 0.25, 1.0, 0.5),
        "reaches outside its image, x 0.25..0.5, y 0.5..1.0105 of 0..1: clipped",
    ),
    ((0.5, 1.0, 0.75, 1.5), None, "lies outside its image, x 1..1.5, y 0.5..0.75 of 0..1: dropped"),
    ((-0.5, 0.25, 0.0, 0.5), None, "lies outside its image, x 0.25..0.5, y -0.5..0 of 0..1: dropped"),
    ((0.5, 0.5, 0.75, 0.5), None, "has no area, xmin 0.5 = xmax 0.5: dropped"),
    ((0.75, 0.25, 0.5, 0.5), None, "has no area, ymin 0.75 > ymax 0.5: dropped"),
    ((0.25, 0.25, 0.5, float("inf")), None, "has an edge that is not a number: dropped"),
    (
        (0.25, 3.0, 0.5, 4.0),
        None,
        "lies outside 0..1, x 3..4, y 0.25..0.5, as pixels where fractions are expected: dropped",
    ),
]


@pytest.mark.parametrize(("box", "wanted", "said"), FITTED)
def test_a_box_is_clipped_to_its_image(
    box: tuple[float, float, float, float], wanted: tuple[float, ...] | None, said: str
) -> None:
    assert fitted_fractions(RawBox("1", "cat", *box), 100, 200) == (wanted, said)


def test_a_photo_that_exif_turns_leaves_a_doubt_unless_its_sides_are_said() -> None:
    facts = FileFacts("d", "", 20, 40, 6)
    assert turned(image(GOOD), facts) == (
        "EXIF orientation 6 turns it, and boxes in 0..1 fit it as stored and as seen: taken as seen"
    )
    assert turned(image(GOOD), facts._replace(orientation=1)) == ""
    assert turned(image(), facts) == ""
    assert turned(image(GOOD, sides=(20, 40)), facts) == ""
    assert turned(image(GOOD, sides=(20, 0)), facts) != ""
