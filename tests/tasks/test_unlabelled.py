"""Outputs that nobody gave a meaning."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.modality import Batch
from tflbuild.evaluation.examples import Annotation
from tflbuild.tasks.unlabelled import MOST_VALUES, Unlabelled

TASK = Unlabelled()
MEANING = Meaning(task="unlabelled", inputs={"x": Input(modality="vector", shape=(2,))})


def test_every_output_is_kept_by_its_name() -> None:
    outputs = {"one": np.array([[1, 2], [3, 4]], np.float32), "two": np.array(5, np.float32)}
    found = TASK.decode(outputs, MEANING, {"x": None})
    assert {name: value.tolist() for name, value in found.items()} == {
        "output:one": [1, 2, 3, 4],
        "output:two": [5],
    }


def test_of_a_large_output_values_are_kept_evenly_from_all_of_it() -> None:
    large = np.arange(4 * MOST_VALUES, dtype=np.float32)
    whole = TASK.decode({"y": large[:MOST_VALUES]}, MEANING, {})["output:y"]
    assert np.array_equal(whole, large[:MOST_VALUES])
    some = TASK.decode({"y": large.reshape(4, -1)}, MEANING, {})["output:y"]
    assert len(some) == MOST_VALUES
    assert (some[0], some[-1]) == (0, len(large) - 1)
    assert set(np.diff(some).tolist()) <= {3.0, 4.0, 5.0}


def test_outputs_of_all_samples_have_a_row_each() -> None:
    rows = [TASK.decode({"y": np.array([k, -k], np.float32)}, MEANING, {}) for k in range(3)]
    for classes in ((), ("a", "b")):
        found = TASK.collected(rows, MEANING, classes)
        assert {name: value.tolist() for name, value in found.items()} == {
            "output:y": [[0, 0], [1, -1], [2, -2]]
        }
        assert found["output:y"].dtype == np.float32


def test_the_truth_counts_samples_and_knows_nothing_of_them() -> None:
    nothing = Annotation(np.zeros((0, 4), np.float32), np.zeros(0, np.int32))
    found = TASK.truth([nothing] * 3, ())
    assert {name: value.tolist() for name, value in found.items()} == {"samples": [1, 1, 1]}
    assert not TASK.labelled


def test_nothing_is_said_to_people() -> None:
    assert TASK.found({"output:y": np.zeros(2, np.float32)}, MEANING) == []


def test_nothing_is_trained_on_data_without_labels() -> None:
    said = "the task 'unlabelled' says nothing of '{}', so nothing is trained for it"
    with pytest.raises(PassError, match=said.format("loss")):
        TASK.loss(None, None)
    with pytest.raises(PassError, match=said.format("targeting")):
        TASK.targeting(MEANING)(Batch(None, [], []))
    with pytest.raises(PassError, match=said.format("with_teacher")):
        TASK.with_teacher(None, None, None, 0.5, 1.0)


def test_outputs_are_served_by_the_names_of_the_graph() -> None:
    class Model:
        output_names = ("one", "two")

    assert TASK.served(Model(), [1, 2]) == {"one": 1, "two": 2}
    outputs = {"one": np.zeros(1, np.float32)}
    assert TASK.finisher(MEANING)(outputs) is outputs
    assert TASK.tail(MEANING) is None


def test_a_head_holds_nothing() -> None:
    Unlabelled.check_head("head.", {})
    with pytest.raises(ValueError, match=r"^'head\.outputs' is unknown to this version of tflbuild"):
        Unlabelled.check_head("head.", {"outputs": {}})
