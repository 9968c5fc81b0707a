"""What the table of every file says of a build, and how errors against TensorFlow's are measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import every_file
from against_tf.output_error import OutputErrors
from conv_network import FUSED, SIDE, Network
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.meaning import Input, Meaning


def found(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 26}


def test_parity_is_the_worst_of_any_step_on_the_fewest_samples() -> None:
    outputs = [
        {"boxes": {"difference": 0.5, "size": 100.0, "images": 32}},
        {
            "none": {"difference": 0.0, "size": 0.0, "images": 32},
            "scores": {"difference": 0.01, "size": 0.5, "images": 20},
        },
    ]
    report = {
        "passes": [*({"notes": {"parity": {"outputs": one}}} for one in outputs), {"notes": {}}],
        "base": {"metrics": {"map50": found(0.5), "fidelity": found(1.0)}},
        "targets": [{"metrics": {"map50": found(0.4), "fidelity": found(0.9)}}],
    }
    assert every_file.figures(report) == [
        "2.0e-02, n 20",
        "map50 0.5000 [0.4000, 0.6000], n 26",
        "map50 0.4000 [0.3000, 0.5000], n 26",
    ]


def test_a_refusal_is_told_without_folders_of_this_machine() -> None:
    said = f"looking at files\nerror: model.path: '{every_file.MODELS}/a.tflite' | is compiled for a chip."
    assert every_file.reason(said) == "model.path: '.../a.tflite' / is compiled for a chip."
    assert every_file.reason("") == ""


@pytest.mark.parametrize(
    ("file", "told"),
    [("a.tflite", "no source"), ("b.onnx", "no source"), ("c.h5", "0.25"), ("folder", "0.25")],
)
def test_the_error_is_a_share_of_tensorflows_where_it_takes_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, told: str
) -> None:
    asked: list[tuple[str, ...]] = []
    errors = iter((0.01, 0.04))

    def run(folder: Path, *words: str, patience: float) -> Any:
        asked.append(words)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(every_file, "run", run)
    monkeypatch.setattr(every_file, "last_report", lambda folder: errors)
    monkeypatch.setattr(every_file, "error_in", next)
    assert every_file.against_tf(tmp_path, file, ["data.root=photos"], 9.0) == told
    assert [every_file.TF_CONVERTER[0] in words for words in asked] == (
        [] if told == "no source" else [False, True]
    )


def test_errors_are_of_test_samples_but_for_detectors() -> None:
    report: dict[str, Any] = {
        "targets": [{"metrics": {"fidelity": {"details": {"outputs": {"scores": {"mean_abs": 0.5}}}}}}],
        "analyses": [{"findings": [{"error": 0.25}]}],
    }
    assert every_file.error_in(report) == 0.5
    report["targets"][0]["metrics"]["fidelity"]["details"] = {"classes": []}
    assert every_file.error_in(report) == 0.25


@dataclass(frozen=True, kw_only=True)
class Constants(Dataset):
    """Samples 1, 2 and 3, of which every number is its own."""

    task = "unlabelled"
    modality = "vector"

    def read(self, sample: Sample) -> Example:
        values = np.full((SIDE, SIDE, 1), float(sample.key), np.float32)
        return Example(values, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


def test_the_error_of_outputs_is_that_of_numpy(tmp_path: Path) -> None:
    """Values 1, 2, 3 deviate by 2/3 from their mean; a tenth of 1, 2, 3 is 0.2 in the mean: 0.3 deviations."""
    models = {}
    for name, factor in (("float", 1.0), ("model", 1.1)):
        network = Network(channels=1)
        weights = np.full((1, 1, 1, 1), factor)
        network.conv("out", "image", 1, fused=FUSED.NONE, weights=weights, bias=np.zeros(1))
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(network.content("out"))
        inputs = {"image": Input(modality="vector", shape=(SIDE, SIDE, 1))}
        facts = Meaning(task="unlabelled", inputs=inputs).to_json()
        models[name] = TFLiteModel(path=path, digest=name, fingerprint=name, meta={"facts": facts})
    samples = tuple(Sample(key=str(key), digest=str(key)) for key in (1, 2, 3))
    split = Split("val", Constants(), Index(classes=(), splits={"val": samples}))
    ctx: Any = SimpleNamespace(dataset={"data.val": split}.__getitem__)
    (finding,) = OutputErrors().run(models, ctx)
    assert finding["error"] == pytest.approx(0.3, rel=1e-5)
    assert finding["samples"] == 3
