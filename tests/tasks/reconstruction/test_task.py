from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import Compared
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.evaluation.examples import Annotation
from tflbuild.tasks.reconstruction.comparing import disagreement
from tflbuild.tasks.reconstruction.task import Reconstruction

MEANING = Meaning(task="reconstruction", inputs={"values": Input(modality="vector", shape=(2, 2))})
TASK = Reconstruction()


def said(given: object, made: object) -> dict[str, object]:
    return dict(
        TASK.decode({"dense_9": np.array(made), "given:values": np.array(given)}, MEANING, {"values": None})
    )


def test_the_score_is_the_mean_squared_error_against_the_input() -> None:
    assert said([[1, 2], [3, 4]], [1.0, 2.0, 3.0, 6.0])["errors"] == 1.0
    assert said([[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]])["errors"] == 0.0


def test_the_score_of_several_pieces_is_their_mean() -> None:
    pieces = [said([0, 0], [side, side]) for side in (1, 2, 3)]
    joined = TASK.joined(pieces)
    assert joined["errors"] == pytest.approx((1 + 4 + 9) / 3)
    assert joined["output:reconstruction"].tolist() == [2, 2]


def test_an_output_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="'dense_9' has 3 values, and the input 4"):
        said([1, 2, 3, 4], [1, 2, 3])


def test_several_outputs_need_a_name() -> None:
    outputs = {"a": np.ones(2), "b": np.zeros(2), "given:values": np.ones(2)}
    with pytest.raises(ValueError, match="has one output, and this has 2"):
        TASK.decode(outputs, MEANING, {})
    named = Meaning(task="reconstruction", inputs=MEANING.inputs, head={"outputs": {"reconstruction": "b"}})
    assert TASK.decode(outputs, named, {})["errors"] == 1


def test_predictions_and_truth_have_a_row_for_each_sample() -> None:
    rows = [said([0, 0], [side, side]) for side in (1, 2)]
    found = TASK.collected(rows, MEANING, ())
    assert found["errors"].tolist() == [1, 4]
    assert found["output:reconstruction"].shape == (2, 2)
    none = np.zeros((0, 4), np.float32)
    annotations = [Annotation(none, np.array([label], np.int32)) for label in (0, 1, 1)]
    truth = TASK.truth(annotations, ())
    assert truth["labels"].tolist() == [0, 1, 1]
    assert truth["names"].tolist() == ["normal", "abnormal"]


def test_a_score_is_an_answer_and_a_threshold_judges_it() -> None:
    (answer,) = TASK.found(said([0], [3.0]), MEANING)
    assert (answer.label, answer.score) == ("anomaly score", 9.0)
    assert TASK.judged([answer], 9.0) == "abnormal"
    assert TASK.judged([answer], 9.1) == "normal"
    with pytest.raises(ValueError, match="anomaly score are not finite"):
        TASK.found(said([0], [np.nan]), MEANING)


@pytest.mark.parametrize(
    ("given", "made", "reason"),
    [
        ((1, 640), (1, 640), ""),
        ((1, 5, 128), (1, 640), ""),
        ((1, -1), (1, 640), ""),
        ((1, 640), (1, 10), "another number of values than its input"),
    ],
)
def test_a_file_is_taken_for_an_autoencoder_by_its_shapes(
    given: tuple[int, ...], made: tuple[int, ...], reason: str
) -> None:
    signature = Signature({"a": TensorSpec(given, "float32")}, {"b": TensorSpec(made, "float32")})
    found = TASK.mismatch(signature)
    assert reason in found
    assert bool(found) == bool(reason)
    two = Signature(signature.inputs, {**signature.outputs, "c": TensorSpec(made, "float32")})
    assert "has 1 inputs and 2 outputs" in TASK.mismatch(two)


def test_nothing_abnormal_is_learned_from() -> None:
    assert TASK.is_learned_from((0,))
    assert not TASK.is_learned_from((1,))


def test_two_models_differ_where_scores_do() -> None:
    base = {"errors": np.array([1.0, 1.0, 4.0])}
    model = {"errors": np.array([1.0, 1.5, 4.0])}
    found = disagreement(Compared(base, model, {"labels": np.array([0, 1, 1])}, ()))
    assert found.distances.tolist() == [0, 0.25, 0]
    assert found.differ.tolist() == [False, True, False]
    one = found.said(1)
    assert one.truth == (Answer(label="abnormal", score=1.0),)
    assert (one.base[0].score, one.model[0].score) == (1.0, 1.5)
