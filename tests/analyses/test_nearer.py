"""Whether a new file is nearer to its float model than the shipped one; three models whose outputs are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conforming import conforms
from conv_network import FUSED, SIDE, Network
from tflbuild.analyses.nearer import Nearer, sentence
from tflbuild.core import digest
from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.names import named
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.wiring import NAMES

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


@dataclass(frozen=True, kw_only=True)
class Constants(Dataset):
    """Samples k = 0, 1, 2, ... of which every number is k."""

    task = "unlabelled"
    modality = "vector"

    def read(self, sample: Sample) -> Example:
        values = np.full((SIDE, SIDE, 1), float(sample.key), np.float32)
        return Example(values, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


def model(folder: Path, name: str, factor: float) -> TFLiteModel:
    """Give a model that multiplies its input."""
    network = Network(channels=1)
    network.conv("out", "image", 1, fused=FUSED.NONE, weights=np.full((1, 1, 1, 1), factor), bias=np.zeros(1))
    path = folder / f"{name}.tflite"
    path.write_bytes(network.content("out"))
    facts = Meaning(
        task="unlabelled", inputs={"image": Input(modality="vector", shape=(SIDE, SIDE, 1))}
    ).to_json()
    sha256 = digest.of_file(path)
    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={"facts": facts})


def found(folder: Path, shipped: float, new: float, count: int = 5) -> dict[str, Any]:
    """Hold factors to the float model's, which is 1, on samples 0 .. count - 1."""
    samples = tuple(Sample(key=str(k), digest=str(k)) for k in range(count))
    assignment = Assignment(
        label="nearer",
        seed=0,
        model_spec=Architecture(),
        data=Constants(),
        index=folder / "unused",
        reads=Nearer().reads(),
        staging=folder,
        checkpoints=folder / "checkpoints",
        checkpoint_seconds=30.0,
    )
    context = WorkerContext(
        assignment=assignment,
        index=Index(classes=(), splits={"train": samples, "val": samples, "test": samples}),
        given=None,
        report=lambda done, total, note: None,
        external=named(NAMES.external),
        log=lambda text: None,
    )
    models = {
        "base": model(folder, "base", shipped),
        "float": model(folder, "f", 1.0),
        "model": model(folder, "m", new),
    }
    (finding,) = conforms("analyses.nearer", Nearer().run(models, context))
    return dict(finding)


def test_distances_are_mean_differences_in_deviations_of_the_float_model(tmp_path: Path) -> None:
    """Outputs 0 .. 4 deviate by 1.2 from their mean, 2; a factor of 1.3 is 0.3 x 2 = 0.6 away on the mean."""
    finding = found(tmp_path, shipped=1.3, new=0.9)
    assert finding["shipped"] == pytest.approx(0.6 / 1.2)
    assert finding["new"] == pytest.approx(0.2 / 1.2)
    assert finding["change"] == pytest.approx(-0.4 / 1.2)
    assert finding["between"] == pytest.approx(0.8 / (1.3 * 1.2))  # in deviations of the shipped file
    assert finding["samples"] == 5
    assert finding["low"] < finding["change"] < finding["high"] < 0


def test_the_sentence_says_which_is_nearer_as_far_as_the_interval_tells(tmp_path: Path) -> None:
    assert "the new file is nearer to the float model than the shipped one: 0.167 against 0.5, " in sentence(
        found(tmp_path, shipped=1.3, new=0.9)
    )
    assert "the new file is farther from the float model" in sentence(found(tmp_path, shipped=1.1, new=0.6))
    same = found(tmp_path, shipped=1.1, new=0.9)
    assert same["low"] <= 0 <= same["high"]
    assert "no clear difference in distance to the float model" in sentence(same)
    assert sentence(same).endswith("on 5 samples, in deviations of the outputs; the two are 0.303 apart")


def test_samples_are_taken_from_all_over_the_split(tmp_path: Path) -> None:
    finding = found(tmp_path, shipped=2.0, new=1.0, count=200)
    assert finding["samples"] == 64
    assert finding["shipped"] == pytest.approx(2.0, rel=0.05)  # the mean over the mean deviation of 0 .. 199


def test_a_terminal_and_a_page_say_it_once(tmp_path: Path) -> None:
    finding = found(tmp_path, shipped=1.3, new=0.9)
    assert Nearer().lines([finding]) == [sentence(finding)]
    (exhibit,) = Nearer().exhibits([finding])
    assert exhibit.text == (sentence(finding),)
    assert Nearer().exhibits([]) == []
    assert "text" not in finding, "which would be told as a warning"
