from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tflbuild.analyses.anomaly_scores import AnomalyScores, sentence
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.form import check
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.arrays import store
from tflbuild.show.findings.analyses import exhibits_of_analyses, lines_of_analysis

NAMES = np.array(["normal", "abnormal"])


def models(task: str = "reconstruction") -> Any:
    meaning = Meaning(task=task, inputs={"values": Input(modality="vector", shape=(2,))})
    path = Path("m.tflite")
    return {"model": TFLiteModel(path=path, digest="", fingerprint="", meta={"facts": meaning.to_json()})}


def found(tmp_path: Path, val: tuple[list[float], list[float]], test: tuple[list[float], list[float]]) -> Any:
    predicted = {}
    for before, (normal, abnormal) in (("val:", val), ("", test)):
        labels = np.array([0] * len(normal) + [1] * len(abnormal), np.int32)
        contents = {
            "model": {"errors": np.array([*normal, *abnormal], np.float32)},
            "truth": {"labels": labels, "names": NAMES},
        }
        for name, content in contents.items():
            predicted[f"{before}{name}"] = tmp_path / f"{before.strip(':')}{name}.npz"
            store(content, predicted[f"{before}{name}"])
    ctx: Any = SimpleNamespace(predicted=predicted)
    return json.loads(json.dumps(AnomalyScores().run(models(), ctx)))


VAL = ([1.0, 2.0, 3.0, 4.0], [3.5, 6.0, 7.0, 8.0])
"""From 6 on: three of four abnormal ones, no normal one. From 3.5 on: all four, and one of four. The higher counts."""

TEST = ([1.0, 2.0, 6.5, 3.0], [5.0, 6.0, 7.0, 9.0])


def test_the_threshold_is_chosen_on_val_and_counted_on_test(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, VAL, TEST)
    check(finding, AnomalyScores.form)
    assert finding["threshold"] == 6.0
    assert finding["val"] == {"false_positive_rate": 0.0, "true_positive_rate": 0.75}
    assert finding["test"] == {"false_positive_rate": 0.25, "true_positive_rate": 0.75}
    assert (finding["normal"], finding["abnormal"]) == (4, 4)
    assert sum(finding["normal_counts"]) == sum(finding["abnormal_counts"]) == 4
    assert (finding["false_positive_rates"][-1], finding["true_positive_rates"][-1]) == (1.0, 1.0)
    entry = {"name": "anomaly_scores", "findings": [finding]}
    (line,) = lines_of_analysis(entry)
    assert "threshold 6 tells normal from abnormal samples best on val; on test 0.750 of the abnormal" in line
    assert [one.title for one in exhibits_of_analyses([entry])] == ["anomaly scores", "ROC curve"]


def test_scores_the_wrong_way_round_have_no_threshold(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, ([5.0, 6.0], [1.0, 2.0]), TEST)
    assert (finding["threshold"], finding["test"]) == (None, None)
    assert sentence(finding) == "no threshold tells normal from abnormal samples on val"
    assert exhibits_of_analyses([{"name": "anomaly_scores", "findings": [finding]}])


def test_a_side_that_is_missing_or_a_score_that_is_no_number_says_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, ([1.0, 2.0], []), TEST) == []
    assert found(tmp_path, VAL, ([1.0, np.nan], [2.0])) == []


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_it_is_for_anomalies(task: str) -> None:
    assert AnomalyScores().fits(models(task)) == "the model does not detect anomalies"
    assert AnomalyScores().fits(models()) == ""
