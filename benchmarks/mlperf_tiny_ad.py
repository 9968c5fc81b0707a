"""Hold the int8 files of MLPerf Tiny's anomaly detector to its float file: `python benchmarks/mlperf_tiny_ad.py`.

Scores are those of whole recordings, computed as the benchmark does: the mean squared error over all of their pieces,
against the float input. Ours is quantized by `quantize` with `method=auto`, on normal recordings that are not measured.
Printed are the mean difference of a score from the float file's as a share of that score, the rank correlation with the
float file's scores, auc, pauc and their paired differences from the float file's, with 95 % intervals.

    --models FOLDER   with mlperf_tiny/ in it; else $TFLBUILD_TEST_MODELS, else ../shared/models
    --data FOLDER     recordings of DCASE 2020 task 2, e.g. dev_data/ToyCar; else drawn machines, which the published
                      weights have never heard, so that their auc says nothing of the benchmark's
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import Dataset, Index, Split
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.metric import METRICS
from tflbuild.data.anomaly_folder import AnomalyFolder
from tflbuild.data.machines import Machines
from tflbuild.evaluation.predictions import predict
from tflbuild.evaluation.truth import truth
from tflbuild.modalities.audio.files import inspect
from tflbuild.modalities.audio.modality import Audio
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.runtimes.litert import Litert
from tflbuild.testing import artifact, run_pass
from tflbuild.tflite import flatbuffer

CHECKOUT = Path(__file__).resolve().parents[1]

FRONT_END: dict[str, Any] = {
    "front_end": "log_mel",
    "cut": "pieces",
    "duration": 0.192,
    "level": "recorded",
    "window": 64.0,
    "stride": 32.0,
    "power": 2,
    "bands": 128,
    "low": 0.0,
    "high": 8000.0,
    "mel": "slaney",
    "logarithm": "decibels",
    "log_offset": 2.220446049250313e-16,
}
"""That of the benchmark, as `recipe=mlperf_tiny_ad` has it."""

DRAWN: dict[str, Any] = {"train": 64, "val": 8, "test": 160}
"""Recordings that are drawn where none are given."""

MIDDLE = {"begin": 1.568, "end": 8.0}
"""The part of 10 seconds that the benchmark takes."""


def main() -> None:
    """Print a row for each file."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--models", type=Path, default=None)
    asked.add_argument("--data", type=Path, default=None)
    words = asked.parse_args()
    plugins.load(None)
    shared = os.environ.get("TFLBUILD_TEST_MODELS", CHECKOUT.parent / "shared" / "models")
    folder = Path(words.models or shared) / "mlperf_tiny"
    kind = Audio(**FRONT_END, **(MIDDLE if words.data else {}))
    data: Dataset = (
        AnomalyFolder(root=str(words.data), preprocess=kind.to_json())
        if words.data
        else Machines(**DRAWN, preprocess=kind.to_json())
    )
    index = data.index(inspect)
    test = Split("test", data, index)
    with tempfile.TemporaryDirectory(prefix="tflbuild-ad-") as scratch:
        ours = quantized(folder / "ad01_fp32.tflite", kind, data, index, Path(scratch))
        files = {
            "float": folder / "ad01_fp32.tflite",
            "ours, int8": ours,
            "theirs, int8": folder / "ad01_int8.tflite",
        }
        report({name: predictions(path, kind, test) for name, path in files.items()}, truth(test))


def meaning_of(path: Path, kind: Audio) -> Meaning:
    """Say what a file of the benchmark takes."""
    (entry,) = flatbuffer.signature(path)["inputs"]
    given = Input(modality="audio", shape=(640,), preprocess=kind.to_json())
    return Meaning(task="reconstruction", inputs={entry["name"]: given})


def quantized(path: Path, kind: Audio, data: Dataset, index: Index, scratch: Path) -> Path:
    """Quantize the float file on normal recordings."""
    options: Any = PASSES.get("quantize")
    options = options(scheme="int8", calibration=Calibration(source="data.train", samples=64))
    given = artifact(TFLiteModel, path, meaning_of(path, kind))
    return Path(run_pass(options, given, scratch, data=data, index=index).path)


def predictions(path: Path, kind: Audio, test: Split) -> dict[str, Any]:
    """Score every recording."""
    facts = meaning_of(path, kind).to_json()
    model = TFLiteModel(path=path, digest=path.name, fingerprint="", meta={"facts": facts})
    found, _ = predict(Litert(), model, test)
    return dict(found)


def report(scores: dict[str, dict[str, Any]], right: dict[str, Any]) -> None:
    """Print the table."""
    base = scores["float"]
    print(
        f"| file | n | difference of a score | rank correlation | {' | '.join(f'{m} | change' for m in NAMES)} |"
    )
    print("|" + " --- |" * (4 + 2 * len(NAMES)))
    for name, found in scores.items():
        apart = np.abs(found["errors"] - base["errors"]) / base["errors"]
        ranks = np.corrcoef(np.argsort(np.argsort(found["errors"])), np.argsort(np.argsort(base["errors"])))[
            0, 1
        ]
        cells = [name, str(len(apart)), f"{100 * apart.mean():.2f} %", f"{ranks:.4f}"]
        for metric in NAMES:
            measure: Any = METRICS.get(metric)()
            one, change = measure.measure(found, right), measure.compare(base, found, right)
            cells += [
                f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]",
                f"{change.value:+.4f} [{change.low:+.4f}, {change.high:+.4f}]",
            ]
        print(f"| {' | '.join(cells)} |")


NAMES = ("auc", "pauc")

if __name__ == "__main__":
    main()
