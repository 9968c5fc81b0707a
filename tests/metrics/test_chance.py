"""A base that is held against chance, on predictions made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.metrics import arrays
from tflbuild.metrics.chance import judge

NAMES = ("disc", "square", "triangle")


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def look(predictions: dict[str, Any], truth: dict[str, Any], **listed: tuple[str, ...]) -> dict[str, Any]:
        arrays.store(predictions, tmp_path / "predictions")
        arrays.store(truth, tmp_path / "truth")
        return judge(tmp_path / "predictions", tmp_path / "truth", listed, "val")

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
    assert f"nothing but '{NAMES[label]}'" in finding["text"]
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
    assert "too few images to tell" in finding["text"]


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
    assert judged(*detected(np.arange(60) % 3, 0.0)) == {}


def test_a_detector_without_any_detection_is_said(judged: Callable[..., dict[str, Any]]) -> None:
    predictions, wanted = detected(np.arange(6) % 3, 0.0)
    empty = {key: value[:0] for key, value in predictions.items()} | {"offsets": np.zeros(7, int)}
    assert judged(empty, wanted)["verdict"] == "chance"
