"""The threshold that is chosen on val and shown on test, from predictions to the page."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tflbuild.analyses.thresholds import Thresholds
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.exhibit import Matrix, Plot, Table
from tflbuild.core.form import check
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.arrays import store
from tflbuild.show.findings.analyses import exhibits_of_analyses, lines_of_analysis

NAMES = ("no person", "person")


def models(task: str = "classification", **head: Any) -> dict[str, Any]:
    inputs = {"image": Input(modality="image", shape=(8, 8, 3), preprocess={})}
    meaning = Meaning(task=task, labels=NAMES, inputs=inputs, head=head)
    made = TFLiteModel(path=Path("m"), digest="m", fingerprint="m", meta={"facts": meaning.to_json()})
    return {"base": made, "model": made}


def split(positives: list[float], negatives: list[float]) -> tuple[dict[str, Any], dict[str, Any]]:
    second = np.array([*positives, *negatives], np.float32)
    labels = np.array([1] * len(positives) + [0] * len(negatives), np.int32)
    return {"scores": np.stack([1 - second, second], axis=1)}, {"labels": labels, "names": np.array(NAMES)}


VAL = split([0.9, 0.8, 0.75], [0.7, 0.2, 0.1])
"""F1 is 1 from above 0.7 up to 0.75: the highest of equal thresholds is taken, 0.75."""

TEST = split([0.9, 0.5, 0.4, 0.3], [0.76, 0.1])
"""The best on test would be at most 0.3; from 0.75 on, one of four is found, and one of two said is right."""


def found(tmp_path: Path, val: Any = VAL, test: Any = TEST, **options: Any) -> dict[str, Any]:
    predicted = {}
    for name, content in {
        "val:model": val[0],
        "val:truth": val[1],
        "model": test[0],
        "truth": test[1],
    }.items():
        predicted[name] = tmp_path / f"{name.replace(':', '-')}.npz"
        store(content, predicted[name])
    ctx: Any = SimpleNamespace(predicted=predicted)
    given = Thresholds(**options).run(models(), ctx)
    (finding,) = json.loads(json.dumps(given))
    check(finding, Thresholds.form)
    return finding  # type: ignore[no-any-return]


def test_the_threshold_is_the_best_on_val_and_never_chosen_on_test(tmp_path: Path) -> None:
    finding = found(tmp_path)
    assert finding["threshold"] == 0.75
    assert finding["val"] == {"precision": 1.0, "recall": 1.0, "f": 1.0}
    assert finding["test"] == {"precision": 0.5, "recall": 0.25, "f": pytest.approx(1 / 3, abs=1e-4)}
    better = max(
        2 * p * r / (p + r) for p, r in zip(finding["precision"], finding["recall"], strict=True) if p and r
    )
    assert better > 0.8, "another one would have been better there"


def test_recall_may_count_for_more(tmp_path: Path) -> None:
    val = split([0.9, 0.4], [0.6, 0.5, 0.2])
    assert (
        found(tmp_path, val)["threshold"] == 0.9
    )  # F1 2/3, like 0.4's: two of four said are right, both found
    assert found(tmp_path, val, beta=2.0)["threshold"] == 0.4  # F2 5/6, against 5/9
    assert (
        "best F2 on val"
        in lines_of_analysis({"name": "thresholds", "findings": [found(tmp_path, beta=2.0)]})[0]
    )


def test_it_is_told_in_a_line_and_drawn_with_the_matrix(tmp_path: Path) -> None:
    entry = {"name": "thresholds", "findings": [found(tmp_path)]}
    line = "threshold 0.75 has the best F1 on val, 1.000; on test it gives precision 0.500 and recall 0.250"
    assert lines_of_analysis(entry) == [line]
    curves, confused = exhibits_of_analyses([entry])
    assert curves.text[0] == f"T{line[1:]}."
    assert "chosen on val by the best F1" in curves.text[1]
    (plot,) = curves.parts
    assert isinstance(plot, Plot)
    assert (plot.at, plot.mark) == (0.75, "0.75, best on val")
    assert [line.name for line in plot.lines] == ["precision", "recall"]
    assert plot.lines[1].points[0] == (0.0, 1.0)
    (matrix,) = confused.parts
    assert isinstance(matrix, Matrix)
    assert matrix.counts == ((1, 1), (3, 1))  # by hand: only 0.9 and 0.76 are called a person; 0.5 is a tie


def test_where_nothing_is_right_no_threshold_is_named(tmp_path: Path) -> None:
    finding = found(tmp_path, split([], [0.9, 0.2]))
    assert (finding["threshold"], finding["val"], finding["test"]) == (None, None, None)
    assert lines_of_analysis({"name": "thresholds", "findings": [finding]}) == [
        "no threshold gives a correct answer on val"
    ]
    assert exhibits_of_analyses([{"name": "thresholds", "findings": [finding]}])


def test_of_many_classes_the_pairs_that_are_confused_most_are_kept(tmp_path: Path) -> None:
    names = np.array([f"c{k}" for k in range(30)])
    labels = np.array([0, 0, 1, 2], np.int32)
    scores = np.zeros((4, 30), np.float32)
    scores[[0, 1, 2, 3], [5, 5, 1, 7]] = 0.9
    many = ({"scores": scores}, {"labels": labels, "names": names})
    finding = found(tmp_path, many, many)
    assert "confusion" not in finding
    assert finding["confused"] == [
        {"right": "c0", "said": "c5", "n": 2},
        {"right": "c2", "said": "c7", "n": 1},
    ]
    table = exhibits_of_analyses([{"name": "thresholds", "findings": [finding]}])[1].parts[0]
    assert isinstance(table, Table)
    assert table.rows[0].cells[:2] == ("c0", "c5")


def test_answers_without_a_score_or_without_a_truth_have_no_threshold(tmp_path: Path) -> None:
    assert Thresholds().fits(models()) == ""
    assert Thresholds().fits(models("unlabelled")) == "answers of the task 'unlabelled' have no threshold"
    path = tmp_path / "truth.npz"
    store({}, path)
    ctx: Any = SimpleNamespace(predicted=dict.fromkeys(("val:truth", "truth"), path))
    assert Thresholds().run(models(), ctx) == []
