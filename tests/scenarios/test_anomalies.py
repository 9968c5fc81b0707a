"""From normal samples alone to an int8 file that tells what is not normal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from documents import ROOT, blocks
from recordings import wav
from tflbuild.cli import main
from tflbuild.data.sounds.machine_renderer import recording
from tflbuild.recipe.load import load_recipe
from tflbuild.runtime import Predictor
from tflbuild.session import build_once

pytestmark = pytest.mark.slow

SMALL = [
    *("data.train=24", "data.val=16", "data.test=16", "data.strength=2.0", "preprocess.bands=32"),
    *("train.steps=60", "train.batch_size=128", "model.layers=1", "model.units=32"),
    *("quantize.method=fixed", "quantize.calibration.samples=24", "quantize.fallback=[]"),
    *("convert.budget=null", "quantize.budget=null", "budget=null"),
]


def test_drawn_machines_become_a_file_that_scores_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    build = build_once(load_recipe(["recipe=anomaly_int8", *SMALL]), ())
    assert build.error is None
    report = json.loads(next(tmp_path.rglob("report.json")).read_text())
    assert report["status"] == "built"
    found = report["targets"][0]["metrics"]["auc"]
    assert found["details"] == {"normal": 8, "abnormal": 8}
    assert "anomaly_scores" in {one["name"] for one in report["analyses"]}
    assert "ROC curve" in next(tmp_path.rglob("report.html")).read_text(encoding="utf-8")
    (path,) = (tmp_path / "outputs").rglob("*.tflite")
    model = Predictor(path)
    assert (model.task, model.outputs["reconstruction"].shape) == ("reconstruction", (1, 160))
    folder = tmp_path / "heard"
    folder.mkdir()
    scores = {}
    for name, fault in (("well", ""), ("fast", "speed")):
        samples = recording((7, name), fault, 4.0).samples
        (folder / f"{name}.wav").write_bytes(wav(np.rint(samples * 32768).astype("<i2").tobytes()))
        scores[name] = model(samples).found[0].score
    threshold = sum(scores.values()) / 2
    capsys.readouterr()
    assert main(["predict", str(path), str(folder), "--threshold", str(threshold), "--json"]) == 0
    said = {Path(one["image"]).stem: one for one in json.loads(capsys.readouterr().out)["predictions"]}
    for name, score in scores.items():
        assert said[name]["best"] == pytest.approx(score, rel=1e-5)
        assert said[name]["verdict"] == ("abnormal" if score >= threshold else "normal")
        assert [one["label"] for one in said[name]["found"]] == ["anomaly score"]
    (tmp_path / "model.tflite").write_bytes(path.read_bytes())
    (tmp_path / "heard.wav").write_bytes((folder / "well.wav").read_bytes())
    (block,) = (one for one in blocks(ROOT / "docs" / "anomalies.md") if one.language == "python")
    exec(block.text, {})
    assert float(capsys.readouterr().out) == pytest.approx(scores["well"], rel=1e-5)
