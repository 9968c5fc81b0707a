"""Drawn gauges and figures: the same everywhere, and what they say is what is drawn."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tflbuild.cli import main
from tflbuild.core.dataset import Example, Split
from tflbuild.core.digest import of_bytes
from tflbuild.core.errors import DataError
from tflbuild.data.figures import Figures
from tflbuild.data.gauges import Gauges
from tflbuild.data.scenes.figure_renderer import NAMES
from tflbuild.evaluation.truth import truth
from tflbuild.tasks.keypoints.sigmas import COCO


def gauges(count: int = 8, **options: float) -> Split:
    data = Gauges(train=count, val=8, test=8, **options)  # type: ignore[arg-type]
    return Split("train", data, data.index(lambda path: None))  # type: ignore[arg-type, return-value]


def figures(count: int = 8) -> Split:
    data = Figures(train=count, val=8, test=8)
    return Split("train", data, data.index(lambda path: None))  # type: ignore[arg-type, return-value]


def angle_of(example: Example) -> float:
    """Measure where the needle points, in degrees from straight up: the red pixels but for the hub's."""
    pixels = example.value.astype(int)
    red = pixels[..., 0] - pixels[..., 1:].max(axis=2) > 60
    rows, columns = np.nonzero(red)
    middle = np.array([rows.mean(), columns.mean()])
    axis = np.linalg.svd(np.stack([rows, columns], axis=1) - middle, full_matrices=False)[2][0]
    along = (np.stack([rows, columns], axis=1) - middle) @ axis
    along.sort()
    hub = int(np.diff(along).argmax())  # the hub covers the needle: the tip is on the side with more of it
    tip = axis if len(along) - hub > hub else -axis
    return math.degrees(math.atan2(tip[1], -tip[0]))


def test_a_needle_points_where_its_reading_says() -> None:
    split = gauges(24)
    off = []
    for place in range(len(split)):
        example = split[place]
        wanted = 270 * (float(example.labels[0]) / 100 - 0.5)
        off.append(abs((angle_of(example) - wanted + 180) % 360 - 180))
    assert sorted(off)[-4] < 12  # the gauge leans by up to 8 degrees; a background may be red, too


def test_the_index_says_every_reading_and_the_truth_has_it() -> None:
    split = gauges(6, low=-40.0, high=60.0)
    readings = [sample.numbers for sample in split.samples]
    assert readings == [tuple(split[place].labels.tolist()) for place in range(6)]
    assert all(-40 <= one <= 60 for (one,) in readings)
    found = truth(split)
    assert found["values"].tolist() == [list(one) for one in readings]
    assert found["names"].tolist() == ["reading"]
    with pytest.raises(DataError, match=r"data\.low: 5 is not below data.high, 5"):
        gauges(low=5.0, high=5.0)


def test_joints_have_cocos_names_and_their_box_holds_them() -> None:
    split = figures()
    assert set(NAMES) <= set(COCO)
    for place in range(len(split)):
        example = split[place]
        rows, (height, width, area, _) = example.labels[:-2], example.labels[-2]
        top, left, bottom, right = example.boxes[0]
        marked = rows[rows[:, 2] > 0]
        assert (height, width) == example.value.shape[:2]
        assert (marked[:, 0] > top - 0.02).all()
        assert (marked[:, 0] < bottom + 0.02).all()
        assert (marked[:, 1] > left - 0.02).all()
        assert (marked[:, 1] < right + 0.02).all()
        assert 0.05 < area / ((bottom - top) * (right - left) * height * width) < 0.8


def test_left_is_at_the_right_of_who_faces_the_viewer() -> None:
    split = figures(40)
    facing = []
    for place in range(len(split)):
        rows = dict(zip(NAMES, split[place].labels, strict=False))
        if rows["left_hip"][2] and rows["right_hip"][2]:
            facing.append(rows["left_hip"][1] > rows["right_hip"][1])
            if not facing[-1] and rows["nose"][2]:
                assert rows["nose"][2] == 1  # the back of a head hides it
    assert 0.55 < np.mean(facing) < 0.95


def test_points_outside_the_picture_are_not_marked() -> None:
    split = figures(60)
    rows = np.concatenate([split[place].labels[:-2] for place in range(len(split))])
    hidden, cut = (rows[:, 2] == 1).mean(), (rows[:, 2] == 0).mean()
    assert 0.01 < hidden < 0.25
    assert cut < 0.1
    assert (rows[rows[:, 2] == 0][:, :2] == 0).all()


@pytest.mark.parametrize(
    ("split", "sha256"), [(gauges(), "4d08fd106818880d"), (figures(), "e742f6b38909bc3f")]
)
def test_the_pixels_never_change_without_a_new_renderer(split: Split, sha256: str) -> None:
    assert of_bytes(b"".join(split[place].value.tobytes() for place in range(8)))[:16] == sha256


def test_an_error_that_rises_is_bounded_by_a_rise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["plan", "recipe=regression_int8", "data.train=8", "data.val=8", "data.test=8"]
    assert main([*words, "quantize.budget.mae.max_rise=0.2"]) == 0
    assert main([*words, "quantize.budget.mae.max_drop=0.2"]) == 2
