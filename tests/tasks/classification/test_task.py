"""Classification: from outputs to scores, answers and figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pictures import meaning_of
from tflbuild.core.answer import Answer
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.evaluation.examples import Annotation
from tflbuild.tasks.classification.task import Classification

TASK = Classification()


def meaning(*labels: str, **head: Any) -> Meaning:
    return meaning_of("classification", labels, head=head)


def rows(*scores: list[float]) -> list[dict[str, Any]]:
    return [{"scores": np.array(row, np.float32)} for row in scores]


@pytest.mark.parametrize(
    ("head", "name"),
    [({}, "scores"), ({"outputs": {"scores": "Identity"}}, "Identity"), ({"scores": "softmax"}, "scores")],
)
def test_scores_are_read_off_the_output_that_holds_them(head: dict[str, Any], name: str) -> None:
    outputs = {name: np.array([[[0.25]], [[0.75]]], np.float32), "more": np.zeros(3, np.float32)}
    found = TASK.decode(outputs, meaning("a", "b", **head), {"image": (4, 8)})
    assert {key: value.tolist() for key, value in found.items()} == {"scores": [0.25, 0.75]}


ONE_NUMBER = [
    # kind, the number, and the scores that it stands for
    ("sigmoid", 0.25, [0.75, 0.25]),
    ("sigmoid", 1.0, [0.0, 1.0]),
    ("logits", -2.0, [0.0, -2.0]),
]


@pytest.mark.parametrize(("kind", "number", "scores"), ONE_NUMBER)
def test_one_number_is_the_score_of_the_second_of_two_classes(
    kind: str, number: float, scores: list[float]
) -> None:
    said = meaning("no", "yes", scores=kind)
    found = TASK.decode({"scores": np.array([[number]], np.float32)}, said, {})
    assert found["scores"].tolist() == scores
    assert found["scores"].dtype == np.float32
    assert TASK.collected([found], said, ("no", "yes"))["scores"].tolist() == [scores]


def test_the_probabilities_of_one_logit_are_its_sigmoid() -> None:
    said = meaning("no", "yes", scores="logits")
    answers = TASK.found(TASK.decode({"scores": np.array([math.log(3)], np.float32)}, said, {}), said)
    assert [(one.label, round(one.score, 5)) for one in answers] == [("yes", 0.75), ("no", 0.25)]


def test_one_number_of_which_nothing_is_said_stays_one() -> None:
    found = TASK.decode({"scores": np.array([0.5], np.float32)}, meaning("a"), {})
    assert found["scores"].tolist() == [0.5]


def test_scores_are_put_in_the_order_of_the_datas_classes() -> None:
    found = TASK.collected(
        rows([0.1, 0.2, 0.6, 0.05], [0.5, 0.3, 0.1, 0.15]), meaning("c", "zebra", "a", "yak"), ("a", "b", "c")
    )
    inf = -math.inf
    wanted = [[0.6, inf, 0.1, 0.2, 0.05], [0.1, inf, 0.5, 0.3, 0.15]]
    np.testing.assert_allclose(found["scores"], np.array(wanted, np.float32))
    assert found["scores"].dtype == np.float32
    assert found["missing"].tolist() == ["b"]


def test_scores_of_a_model_without_labels_are_those_of_numbered_classes() -> None:
    found = TASK.collected(rows([0.1, 0.7, 0.2]), meaning(), ("1", "2", "0"))
    np.testing.assert_allclose(found["scores"], np.array([[0.7, 0.2, 0.1]], np.float32))
    assert found["missing"].tolist() == []


def test_scores_on_data_without_classes_stay_as_they_are() -> None:
    found = TASK.collected(rows([0.1, 0.9], [0.8, 0.2]), meaning("a", "b"), ())
    assert found.keys() == {"scores"}
    np.testing.assert_allclose(found["scores"], np.array([[0.1, 0.9], [0.8, 0.2]], np.float32))


def test_the_truth_is_a_label_for_each_sample() -> None:
    none = np.zeros((0, 4), np.float32)
    found = TASK.truth([Annotation(none, np.array([label], np.int32)) for label in (2, 0)], ("a", "b", "c"))
    assert {name: value.tolist() for name, value in found.items()} == {
        "labels": [2, 0],
        "names": ["a", "b", "c"],
    }
    assert found["labels"].dtype == np.int32


def test_the_five_best_classes_are_said_the_surest_first() -> None:
    (row,) = rows([0.05, 0.3, 0.01, 0.2, 0.4, 0.03, 0.01])
    found = TASK.found(row, meaning(*"abcdefg"))
    assert found == [
        Answer(label=label, score=pytest.approx(score))
        for label, score in (("e", 0.4), ("b", 0.3), ("d", 0.2), ("a", 0.05), ("f", 0.03))
    ]
    assert [one.label for one in TASK.found(rows([0.2, 0.8])[0], meaning())] == ["class 1", "class 0"]


def test_logits_are_said_as_probabilities() -> None:
    # softmax of 1000, 1000 + log 3: a quarter and three quarters, by hand
    (row,) = rows([1000.0, 1000.0 + math.log(3)])
    found = TASK.found(row, meaning("a", "b", scores="logits"))
    assert [(one.label, one.score) for one in found] == [
        ("b", pytest.approx(0.75, abs=1e-4)),
        ("a", pytest.approx(0.25, abs=1e-4)),
    ]


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([0.5, math.nan], "ab", "its scores are not finite numbers"),
        ([0.5, math.inf], "", "its scores are not finite numbers"),
        ([0.5, 0.5, 0.0], "ab", "3 scores of 2 classes"),
    ],
)
def test_scores_that_say_nothing_are_refused(scores: list[float], labels: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        TASK.found(rows(scores)[0], meaning(*labels))


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"outputs": {}},
        {"outputs": {"scores": "Identity"}},
        {"scores": "logits", "outputs": {"scores": "x"}},
    ],
)
def test_a_head_that_lay_in_a_file_is_taken(head: dict[str, Any]) -> None:
    Classification.check_head("head.", head)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"outputs": []}, r"'head\.outputs' is \[\]"),
        ({"outputs": {"scores": 5}}, r"'head\.outputs' is \{'scores': 5\}"),
        ({"outputs": {"scores": ["x"]}}, r"'head\.outputs' is"),
        ({"scores": "linear"}, r"'head\.scores' is 'linear'"),
        ({"anchors": {}}, r"'head\.anchors' is unknown to this version of tflbuild"),
        ({"feature_maps": [[1, 1]]}, r"'head\.feature_maps' is unknown to this version of tflbuild"),
    ],
)
def test_a_head_of_something_else_is_refused(head: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Classification.check_head("head.", head)


def test_outputs_of_a_framework_are_those_of_the_device() -> None:
    outputs = {"scores": np.array([0.5], np.float32)}
    assert TASK.finisher(meaning("a"))(outputs) is outputs
    assert TASK.tail(meaning("a")) is None
    assert TASK.tail_shapes(meaning("a")) == {}


@pytest.mark.slow
def test_classes_of_a_batch_become_one_array() -> None:
    labels = [np.array([k], np.int32) for k in (2, 0, 1)]
    batch = Batch(np.zeros((3, 8, 8, 3), np.uint8), [np.zeros((0, 4), np.float32)] * 3, labels)
    codes, classes = TASK.targeting(meaning("a", "b", "c"))(batch)
    assert codes is batch.codes
    assert (classes.tolist(), classes.dtype) == ([2, 0, 1], np.int32)
