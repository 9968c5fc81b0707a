"""What outputs on real pictures settle of a head: ranges by hand, each just inside and just outside of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tflbuild.tasks.detection.heads import declared
from tflbuild.tasks.detection.heads.head import Given

GIVEN = Given({}, 32, 64)


def settled(
    name: str, options: Mapping[str, Any], **outputs: np.ndarray
) -> tuple[Mapping[str, Any], list[str]]:
    return declared.named(name).of(options).settled(outputs, GIVEN)


def rows(*numbers: float, pictures: int = 2) -> np.ndarray:
    """Give (pictures, 3, numbers): the numbers in the last row of the last picture, zeros before it."""
    made = np.zeros((pictures, 3, len(numbers)), np.float32)
    made[-1, -1] = numbers
    return made


@pytest.mark.parametrize("style", ["v5", "v8"])
@pytest.mark.parametrize(
    ("side", "units"), [(1.9, "unit"), (-1.9, "unit"), (2.5, "pixels"), (-2.5, "pixels")]
)
def test_boxes_that_reach_beyond_two_are_in_pixels(style: str, side: float, units: str) -> None:
    given = rows(0.5, 0.5, 0.25, side, 0.75, 0.5)
    said = [f"boxes reach {abs(side)} on 2 pictures, so their units are {units}"]
    options = {"style": style, "outputs": ["o"]}
    assert settled("yolo", options, o=given) == ({"units": units}, said)
    columns = np.moveaxis(given, 1, 2)
    assert settled("yolo", {**options, "layout": "columns"}, o=columns) == ({"units": units}, said)
    assert settled("yolo", {**options, "units": "pixels"}, o=given) == ({}, [])


def test_numbers_of_boxes_that_are_still_to_be_decoded_have_no_units() -> None:
    assert settled("yolo", {"style": "yolox", "outputs": ["o"]}, o=rows(9, 9, 9, 9, 0.5, 0.5)) == ({}, [])


@pytest.mark.parametrize("style", ["v5", "v8", "yolox"])
@pytest.mark.parametrize(("score", "shown"), [(1.25, r"0\.\.1\.25"), (-0.25, r"-0\.25\.\.0")])
def test_scores_of_decoded_rows_lie_in_0_to_1(style: str, score: float, shown: str) -> None:
    options = {"style": style, "outputs": ["o"], "units": "unit"}
    message = rf"^style: {style} gives scores in 0\.\.1, and on 2 pictures they lie in {shown}$"
    with pytest.raises(ValueError, match=message):
        settled("yolo", options, o=rows(0, 0, 0, 0, 0, score))
    for rounded in (1.0005, -0.0005):
        assert settled("yolo", options, o=rows(0, 0, 0, 0, 0, rounded)) == ({}, [])


def test_maps_before_the_sigmoid_may_hold_anything() -> None:
    options = {"style": "v5_maps", "outputs": ["a", "b"], "anchors": [[8, 8], [16, 16]], "strides": [8, 16]}
    maps = {"a": np.full((2, 4, 8, 6), -9, np.float32), "b": np.full((2, 2, 4, 6), 9, np.float32)}
    assert settled("yolo", options, **maps) == ({}, [])


def test_the_bins_of_nanodet_are_no_scores() -> None:
    options = {"style": "nanodet", "outputs": ["o"], "bins": 2}
    assert settled("yolo", options, o=rows(0.5, 0.25, *[7.0] * 8)) == ({}, [])
    with pytest.raises(ValueError, match=r"nanodet gives scores in 0\.\.1, and on 2 pictures .* 0\.\.3$"):
        settled("yolo", options, o=rows(0.5, 3, *[7.0] * 8))


def fastest(objectness: float, *classes: float) -> np.ndarray:
    """Give (1, 1, 2, 5 + classes): one cell whose classes share 1 evenly, and one as is said."""
    made = np.zeros((1, 1, 2, 5 + len(classes)), np.float32)
    made[0, 0, 0, 5:] = 1 / len(classes)
    made[0, 0, 1] = (objectness, 5, -5, 5, -5, *classes)  # its box is before tanh and sigmoid
    return made


def test_classes_of_fastestdet_share_1_and_objectness_is_apart() -> None:
    options = {"style": "fastestdet", "outputs": ["o"], "strides": [16]}
    assert settled("yolo", options, o=fastest(0.25, 0.5, 0.5)) == ({}, [])
    assert settled("yolo", options, o=fastest(0.25, 0.5, 0.495)) == ({}, [])
    with pytest.raises(ValueError, match=r"add up to 1, and a row of them adds up to 0\.75$"):
        settled("yolo", options, o=fastest(0.25, 0.5, 0.25))
    with pytest.raises(ValueError, match=r"add up to 1, and a row of them adds up to 1\.5$"):
        settled("yolo", options, o=fastest(0.25, 0.75, 0.75))
    with pytest.raises(ValueError, match=r"on 1 pictures they lie in 0\.\.2"):
        settled("yolo", options, o=fastest(2, 0.5, 0.5))


ACTIVATED: dict[str, tuple[dict[str, Any], str]] = {
    "efficientdet": ({"boxes": ["b", "c"], "scores": ["s", "t"]}, "sigmoid"),
    "centernet": ({"heatmap": "s", "sizes": "w", "offsets": "r"}, "sigmoid"),
    "ssd": ({"boxes": "b", "scores": "s", "anchors": [[0, 0, 1, 1]]}, "sigmoid"),
    "ssd with background": (
        {"boxes": "b", "scores": "s", "anchors": [[0, 0, 1, 1]], "background": "first"},
        "softmax",
    ),
}
"""Options of a head, and the activation of its logits; scores are `s`, and a second level of them `t`."""


@pytest.mark.parametrize(
    ("low", "high", "plain"),
    [(0, 1, True), (-0.0005, 1.0005, True), (-0.25, 1, False), (0, 1.25, False), (-4, -1, False)],
)
@pytest.mark.parametrize("what", ACTIVATED)
def test_scores_outside_of_0_to_1_are_logits(what: str, low: float, high: float, plain: bool) -> None:
    options, logits = ACTIVATED[what]
    name = what.split()[0]
    wanted = "none" if plain else logits
    scores = {"s": np.full((2, 3, 2), low, np.float32), "t": np.full((2, 1, 2), high, np.float32)}
    if name != "efficientdet":
        scores["s"][1, 2, 1] = high
    else:
        scores["b"] = scores["c"] = np.full((2, 3, 4), 9, np.float32)  # codes of boxes say nothing of scores
    known, said = settled(name, options, **scores)
    assert known == {"activation": wanted}
    assert said == [f"scores lie in {low:.3g}..{high:.3g}: activation {wanted}"]
    assert settled(name, {**options, "activation": logits}, **scores) == ({}, [])


def test_anchors_are_the_values_of_an_output_that_is_the_same_for_every_picture() -> None:
    one = np.array([[0.5, 0.25, 0.125, 1], [0, 0, 1, 0.5]], np.float32)
    options = {"boxes": "b", "scores": "s", "anchors_output": "a", "activation": "none"}
    known, said = settled("ssd", options, a=np.stack([one, one, one]))
    assert known == {"anchors": [[0.5, 0.25, 0.125, 1], [0, 0, 1, 0.5]]}
    assert said == ["'a' is the same on 3 pictures: constant anchors"]
    moved = np.stack([one, one, one + 0.125])
    with pytest.raises(ValueError, match=r"^anchors_output: 'a' is not the same for every picture$"):
        settled("ssd", options, a=moved)
    kind = declared.named("ssd").of({**options, **known})
    assert kind.constants() == {"a": "anchors"}
    assert kind.reads() == ("b", "s")
    assert kind.settled({}, GIVEN) == ({}, [])
    assert declared.named("ssd").of(options).constants() == {}
