from __future__ import annotations

import pytest

from tflbuild.core.points import mirrored
from tflbuild.tasks.keypoints.sigmas import COCO


def test_left_and_right_of_cocos_points_change_places() -> None:
    # FLIP of the 17 points as pose estimators have it: 0, then neighbours change places
    assert mirrored(tuple(COCO)) == (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (("Left Eye", "Right Eye"), (1, 0)),
        (("eye-l", "eye-r", "beak"), (1, 0, 2)),
        (("upright", "leftover"), (0, 1)),
        (("L_F_leg", "R_F_leg"), (1, 0)),
    ],
)
def test_sides_are_words_of_names(names: tuple[str, ...], places: tuple[int, ...]) -> None:
    assert mirrored(names) == places


def test_a_side_without_the_other_is_refused() -> None:
    with pytest.raises(ValueError, match="'left_eye' has no twin 'right_eye'"):
        mirrored(("nose", "left_eye"))
