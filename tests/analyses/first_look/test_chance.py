"""A base that is compared with chance, on predictions made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from conforming import conforms
from tflbuild.analyses.first_look.chance import headline, judge, level_of_chance, sentence
from tflbuild.analyses.first_look.orders import ClassPairs
from tflbuild.evaluation import arrays

NAMES = ("disc", "square", "triangle")


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def look(predictions: dict[str, Any], truth: dict[str, Any], **listed: tuple[str, ...]) -> dict[str, Any]:
        arrays.store(predictions, tmp_path / "predictions")
        arrays.store(truth, tmp_path / "truth")
        found = judge(tmp_path / "predictions", tmp_path / "truth", listed, "val")
        conforms("analyses.chance", [found] if found else [])
        return found

    return look


def truth(labels: Any, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    return {"labels": np.asarray(labels, np.int32), "names": np.array(names)}


def saying(said: Any, classes: int = 3) -> dict[str, Any]:
    return {"scores": np.eye(classes, dtype=np.float32)[said]}


LABELS = np.repeat([0, 1, 2], 20)


def test_a_good_base_is_not_talked_about(judged: Callable[..., dict[str, Any]]) -> None:
    said = LABELS.copy()
    said[::10] = 0
    assert judged(saying(said), truth(LABELS)) == {}


def test_permuted_classes_are_found_with_what_takes_the_right_order(
    judged: Callable[..., dict[str, Any]],
) -> None:
    said = np.array([2, 0, 1])[LABELS]  # output 2 is the disc, output 0 the square, output 1 the triangle
    finding = judged(saying(said), truth(LABELS))
    best = finding["orders"][0]
    assert finding["verdict"] == "chance"
    assert best["classes"] == ["square", "triangle", "disc"]
    assert (best["value"], best["better"]) == (1.0, True)
    assert best["override"] == "'data.classes=[square,triangle,disc]'"
    assert best["n"] == 30  # read off one half of the images, measured on the other
    assert "top1 0.0000" in finding["text"]
    assert "'data.classes=[square,triangle,disc]'" in finding["text"]


def test_a_list_beside_the_model_explains_it_by_its_name(judged: Callable[..., dict[str, Any]]) -> None:
    said = np.array([2, 0, 1])[LABELS]
    finding = judged(saying(said), truth(LABELS), labels=("Square", "Triangle", "Disc"))
    assert finding["orders"][0]["how"] == "as in labels"
    assert finding["orders"][0]["n"] == 60


def test_the_two_classes_of_a_binary_model_may_be_swapped(judged: Callable[..., dict[str, Any]]) -> None:
    labels = np.tile([0, 1], 20)
    finding = judged(saying(1 - labels, 2), truth(labels, ("no", "yes")))
    assert finding["orders"][0]["classes"] == ["yes", "no"]
    assert finding["orders"][0]["value"] == 1.0


def test_two_of_many_classes_that_are_swapped_are_found_above_chance(
    judged: Callable[..., dict[str, Any]],
) -> None:
    labels = np.repeat(np.arange(10), 20)
    said = labels.copy()
    said[labels == 3], said[labels == 4] = 4, 3
    names = tuple("abcdefghij")
    finding = judged(saying(said, 10), truth(labels, names))
    assert finding["verdict"] == "order"
    assert finding["value"] == pytest.approx(0.8)
    assert finding["orders"][0]["classes"] == list("abcedfghij")


@pytest.mark.parametrize("label", range(3))
def test_one_class_alone_is_said(judged: Callable[..., dict[str, Any]], label: int) -> None:
    finding = judged(saying(np.full(60, label)), truth(LABELS))
    assert finding["only"] == NAMES[label]
    assert f"only ever says '{NAMES[label]}'" in finding["text"]
    assert not any(order["better"] for order in finding["orders"])


def test_guessing_is_chance_however_the_classes_are_spread(judged: Callable[..., dict[str, Any]]) -> None:
    generator = np.random.default_rng(3)
    for shares in ((1 / 3, 1 / 3, 1 / 3), (0.8, 0.1, 0.1)):
        labels = generator.choice(3, 300, p=shares)
        guessed = judged(saying(generator.choice(3, 300, p=shares)), truth(labels))
        assert guessed["verdict"] == "chance"
        assert not any(order["better"] for order in guessed["orders"])
        assert "none explains it" in guessed["text"]


def test_a_model_that_finds_the_rare_class_is_no_guess(judged: Callable[..., dict[str, Any]]) -> None:
    labels = np.r_[np.zeros(90, int), np.ones(10, int)]
    said = labels.copy()
    said[:8] = 1  # 0.92 right, where always saying the first is 0.9, but every one of the second is found
    assert judged(saying(said, 2), truth(labels, ("no", "yes"))) == {}
    assert judged(saying(np.zeros(100, int), 2), truth(labels, ("no", "yes")))["verdict"] == "chance"


def test_few_images_are_called_few(judged: Callable[..., dict[str, Any]]) -> None:
    finding = judged(saying([0, 1, 2, 1]), truth([0, 1, 2, 0]))
    assert "too few samples to tell" in finding["text"]


def test_scores_that_are_no_numbers_are_left_to_the_metric(judged: Callable[..., dict[str, Any]]) -> None:
    predictions = saying(LABELS)
    predictions["scores"][3, 1] = np.nan
    assert judged(predictions, truth(LABELS)) == {}


def test_a_class_that_the_data_do_not_have_is_said(judged: Callable[..., dict[str, Any]]) -> None:
    finding = judged(saying(np.full(60, 3), 4), truth(LABELS))
    assert finding["only"] == "a class that the data do not have"


def test_one_true_class_tells_nothing_of_a_model_that_finds_it(judged: Callable[..., dict[str, Any]]) -> None:
    assert judged(saying(np.zeros(20, int)), truth(np.zeros(20, int))) == {}


def detected(
    classes: Any, boxes: Any, names: tuple[str, ...] = NAMES
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give one detection and one object an image; the objects' classes go round."""
    n = len(classes)
    rows = np.tile(np.array([0.1, 0.1, 0.5, 0.5], np.float32), (n, 1))
    offsets = np.arange(n + 1)
    predictions = {
        "boxes": rows + np.float32(boxes),
        "classes": np.asarray(classes, np.int32),
        "scores": np.linspace(0.9, 0.5, n).astype(np.float32),
        "offsets": offsets,
    }
    return predictions, truth(np.arange(n) % len(names), names) | {"boxes": rows, "offsets": offsets}


def test_a_detector_with_permuted_classes_is_found_out(judged: Callable[..., dict[str, Any]]) -> None:
    finding = judged(*detected((np.arange(60) + 1) % 3, 0.01))
    assert (finding["verdict"], finding["metric"]) == ("chance", "map")
    assert finding["orders"][0]["classes"] == ["triangle", "disc", "square"]
    assert "1.0000 of the objects found right" in finding["text"]


def test_a_detector_that_finds_nothing_or_one_class_is_said(judged: Callable[..., dict[str, Any]]) -> None:
    nothing = judged(*detected(np.arange(60) % 3, 0.5))
    assert "finds next to nothing" in nothing["text"]
    assert nothing["found"] == 0
    one = judged(*detected(np.zeros(60, int), 0.0))
    assert (one["verdict"], one["only"]) == ("one_class", "disc")
    assert (one["try_readings"], one["found"]) == (False, 60)
    assert judged(*detected(np.arange(60) % 3, 0.0)) == {}


def test_a_detector_without_any_detection_is_said(judged: Callable[..., dict[str, Any]]) -> None:
    predictions, wanted = detected(np.arange(6) % 3, 0.0)
    empty = {key: value[:0] for key, value in predictions.items()} | {"offsets": np.zeros(7, int)}
    assert judged(empty, wanted)["verdict"] == "chance"


def test_chance_is_the_most_frequent_class_or_any_at_random() -> None:
    def level(*true: int, classes: int = 4) -> float:
        labels = np.array(true)
        return level_of_chance(ClassPairs(labels, labels, labels, tuple("abcdefgh"[:classes])))

    # By hand: the frequent class alone, 6 of 8; of four equal ones each is 1/4; of one class nothing is learned.
    assert level(0, 0, 0, 0, 0, 0, 1, 2) == 0.75
    assert level(0, 1, 2, 3) == 0.25
    assert level(1, 1, 1, 1) == 0.25
    assert level(0, 1, classes=8) == 0.5


@pytest.mark.parametrize(("right", "talked_about"), [(54, False), (53, True)])
def test_a_classifier_that_is_right_of_nine_in_ten_is_good(
    judged: Callable[..., dict[str, Any]], right: int, talked_about: bool
) -> None:
    said = LABELS.copy()
    wrong = np.linspace(0, 59, 60 - right).astype(int)
    said[wrong] = (said[wrong] + 1 + np.arange(len(wrong)) % 2) % 3  # in no order that explains it
    assert bool(judged(saying(said), truth(LABELS))) == talked_about


@pytest.mark.parametrize(("of_it", "chance"), [(5, False), (4, True)])
def test_a_class_of_five_images_tells_something(
    judged: Callable[..., dict[str, Any]], of_it: int, chance: bool
) -> None:
    labels = np.r_[np.zeros(90, int), np.ones(of_it, int)]
    said = labels.copy()
    said[:8] = 1  # every rare one is found, and a few of the frequent class are taken for it
    finding = judged(saying(said, 2), truth(labels, ("no", "yes")))
    assert (finding.get("verdict") == "chance") == chance


def test_a_finding_holds_what_was_measured(judged: Callable[..., dict[str, Any]]) -> None:
    said = np.array([2, 0, 1])[LABELS]
    said[:3] = 0
    finding = judged(saying(said), truth(LABELS))
    interval = stats.binomtest(3, 60).proportion_ci(0.95, "wilson")
    assert (finding["metric"], finding["value"], finding["n"]) == ("top1", 0.05, 60)
    assert (finding["low"], finding["high"]) == pytest.approx((interval.low, interval.high))
    assert finding["chance"] == pytest.approx(1 / 3)
    assert (finding["split"], finding["only"], finding["readings"]) == ("val", None, [])
    assert finding["try_readings"]


def test_other_pixels_are_no_matter_where_the_order_explains_it(
    judged: Callable[..., dict[str, Any]],
) -> None:
    labels = np.repeat(np.arange(10), 20)
    said = labels.copy()
    said[labels == 3], said[labels == 4] = 4, 3
    assert not judged(saying(said, 10), truth(labels, tuple("abcdefghij")))["try_readings"]


def test_a_task_without_classes_is_not_judged(judged: Callable[..., dict[str, Any]]) -> None:
    assert judged({"values": np.zeros(3)}, truth([0, 1, 2])) == {}
    assert judged(saying([0, 1]), {"names": np.array(NAMES)}) == {}
    assert judged(saying(np.zeros(0, int)), truth([])) == {}


def test_a_class_that_the_model_lacks_is_no_broken_score(judged: Callable[..., dict[str, Any]]) -> None:
    predictions = saying(np.zeros(60, int))
    predictions["scores"][:, 2] = -np.inf
    assert judged(predictions, truth(LABELS))["only"] == "disc"
    predictions["scores"][0, 1] = np.inf
    assert judged(predictions, truth(LABELS)) == {}


def test_three_images_of_one_class_are_too_few_to_say_nothing_else(
    judged: Callable[..., dict[str, Any]],
) -> None:
    assert judged(saying([1, 1, 1]), truth([0, 1, 2]))["only"] is None
    assert judged(saying([1, 1, 1, 1]), truth([0, 1, 2, 0]))["only"] == "square"


def test_of_two_classes_the_one_that_is_always_said_is_named(judged: Callable[..., dict[str, Any]]) -> None:
    labels = np.tile([0, 1], 20)
    assert judged(saying(np.zeros(40, int), 2), truth(labels, ("no", "yes")))["only"] == "no"
    assert judged(saying(np.zeros(40, int), 2), truth(np.ones(40, int), ("no", "yes")))["only"] is None


def test_the_surest_detection_of_an_image_is_what_is_said_of_it(
    judged: Callable[..., dict[str, Any]],
) -> None:
    """Two detections an image: a sure one of "disc", and one of the right class that is less sure."""
    _, wanted = detected(np.arange(60) % 3, 0.0)
    rows = np.repeat(wanted["boxes"], 2, axis=0)
    classes = np.stack([np.arange(60) % 3, np.zeros(60)], axis=1).ravel().astype(np.int32)
    for first, second, only in ((0.3, 0.9, "disc"), (0.9, 0.3, None)):
        scores = np.tile(np.array([first, second], np.float32), 60)
        predictions = {
            "boxes": rows,
            "classes": classes,
            "scores": scores,
            "offsets": np.arange(0, 121, 2),
        }
        assert judged(predictions, wanted).get("only") == only


def finding_some(found: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give one object in each of 100 images, of which some are found: AP is their share, at 101 recalls."""
    boxes = np.where(np.arange(100) < found, 0.0, 0.5)[:, None]
    predictions, wanted = detected(np.zeros(100, int), boxes, ("disc",))
    return {**predictions, "scores": np.linspace(1, 0.1, 100).astype(np.float32)}, wanted


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (1, "chance"),  # 2 of 101 recalls: 0.0198
        (2, ""),  # 3 of 101: 0.0297
        (29, ""),  # 30 of 101: 0.297
        (30, None),  # 31 of 101: 0.307; it is good enough
    ],
)
def test_a_detector_finds_next_to_nothing_something_or_enough(
    judged: Callable[..., dict[str, Any]], found: int, verdict: str | None
) -> None:
    finding = judged(*finding_some(found))
    assert finding.get("verdict") == verdict
    if verdict is not None:
        assert finding["try_readings"]
        assert finding["found"] == found
        assert (finding["n"], finding["chance"]) == (100, 0.0)
        assert finding["low"] <= finding["value"] <= finding["high"]
    if verdict == "":
        assert finding["text"] == ""


def test_boxes_that_are_no_numbers_are_left_to_the_metric(judged: Callable[..., dict[str, Any]]) -> None:
    predictions, wanted = finding_some(1)
    predictions["boxes"] = predictions["boxes"].astype(np.float32)
    predictions["boxes"][5, 2] = np.inf
    assert judged(predictions, wanted) == {}


@pytest.mark.parametrize(("right", "chance"), [(35, True), (36, False)])
def test_classes_are_found_where_a_tenth_of_the_way_from_guessing_is_sure(
    judged: Callable[..., dict[str, Any]], right: int, chance: bool
) -> None:
    """Of 90 and of 10 images; 0.55 is asked of the mean share less its joint lower reach.

    By hand from Wilson's intervals of 35/90, 36/90 and 10/10: 0.547 and 0.553.
    """
    labels = np.r_[np.zeros(90, int), np.ones(10, int)]
    said = np.r_[np.zeros(right, int), np.ones(100 - right, int)]
    finding = judged(saying(said, 2), truth(labels, ("no", "yes")))
    assert (finding["verdict"] == "chance") == chance


FINDING: dict[str, Any] = {
    "verdict": "chance",
    "metric": "top1",
    "value": 0.3,
    "low": 0.2,
    "high": 0.41234,
    "n": 1200,
    "chance": 0.25,
    "only": None,
    "split": "val",
    "orders": [],
    "readings": [],
}
MEASURED = "top1 0.3000 [0.2000, 0.4123] on 1,200 val samples"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, f"the base is not better than chance: {MEASURED}, chance is 0.2500"),
        (
            {"only": "disc"},
            f"the base is not better than chance: {MEASURED}, chance is 0.2500; it only ever says 'disc'",
        ),
        ({"chance": 0.21}, f"the base is not better than chance: {MEASURED}, chance is 0.2100"),
        (
            {"chance": 0.19},
            f"too few samples to tell whether the base is better than chance: {MEASURED}, chance is 0.1900",
        ),
        ({"verdict": "one_class", "only": "disc"}, f"the base only ever says 'disc': {MEASURED}"),
        (
            {"verdict": "order"},
            f"the base seems to have its classes in another order than the data: {MEASURED}",
        ),
        (
            {"verdict": "reading"},
            f"the base seems to get other pixels than it was trained on: {MEASURED}",
        ),
        (
            {"metric": "map", "low": None},
            "the base finds next to nothing: map 0.3000 on 1,200 val samples",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_figures(changed: dict[str, Any], text: str) -> None:
    assert headline({**FINDING, **changed}) == text


def explained(how: str, value: float, override: str, **more: Any) -> dict[str, Any]:
    return {"how": how, "value": value, "n": 1000, "better": True, "override": override, **more}


def test_the_best_explanation_is_said_with_what_takes_it() -> None:
    reading = explained("pixels as 0..1", 0.8, "data.preprocess.offset=0")
    order = explained("as in labels", 0.9, "data.classes=[b,a]", classes=["b", "a"])
    worse = {**reading, "value": 0.99, "better": False}

    def last(**changed: Any) -> str:
        return sentence({**FINDING, **changed}).partition("; ")[2]

    assert last(readings=[reading, worse]) == (
        "top1 0.8000 with pixels as 0..1 (n = 1,000): data.preprocess.offset=0"
    )
    assert last(readings=[reading], orders=[order]) == (
        "top1 0.9000 with classes as in labels (n = 1,000): data.classes=[b,a]"
    )
    assert last(metric="map", orders=[order]) == (
        "0.9000 of the objects found right with classes as in labels (n = 1,000): data.classes=[b,a]"
    )
    assert last(metric="map", readings=[reading]).startswith("map 0.8000 with pixels")


def test_pixels_and_order_together_are_said_together() -> None:
    order = explained("as in labels", 0.9, "data.classes=[b,a]", classes=["b", "a"])
    plain = {**explained("pixels as 0..1", 0.2, "data.preprocess.offset=0"), "better": False}
    rows = [plain, {**plain, "how": "pixels as they are", "override": "x=1", "with_order": order}]
    rows.append({**plain, "with_order": {**order, "value": 0.8}})
    assert sentence({**FINDING, "readings": rows}).partition("; ")[2] == (
        "top1 0.9000 with classes as in labels (n = 1,000) and pixels as they are: x=1 data.classes=[b,a]"
    )


def test_what_was_tried_in_vain_is_counted() -> None:
    row = {**explained("x", 0.1, ""), "better": False}
    assert "; 2 other orders of the classes were tried, but none" in sentence(
        {**FINDING, "orders": [row] * 2}
    )
    text = sentence({**FINDING, "orders": [row] * 2, "readings": [row] * 3})
    assert "; 2 other orders of the classes and 3 readings of the pixels were tried, but none" in text


@pytest.mark.parametrize(("letters", "shown"), [(200, True), (201, False)])
def test_an_override_of_many_classes_is_left_to_the_report(letters: int, shown: bool) -> None:
    row = explained("x", 0.9, "o" * letters, classes=[])
    text = sentence({**FINDING, "orders": [row]})
    assert text.endswith("o" * letters if shown else ": data.classes=[...] as in report.json")
