"""Samples of several pieces: each is run, and the score is that of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from pictures import split_of
from recordings import tone
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Look, Sample
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.runtime import Runtime
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.evaluation import predictions
from tflbuild.evaluation.answering import OpenedFile, answer
from tflbuild.evaluation.predictions import predict
from tflbuild.evaluation.truth import truth
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.audio.recording import Recording

OPTIONS: dict[str, Any] = {"front_end": "log_mel", "cut": "pieces", "duration": 0.07, "bands": 8}
KIND = Audio(**OPTIONS)
SHAPE = (KIND.frames * 8,)
MEANING = Meaning(
    task="reconstruction", inputs={"values": Input(modality="audio", shape=SHAPE, preprocess=KIND.to_json())}
)
MODEL = TFLiteModel(path=Path("m.tflite"), digest="pieces", fingerprint="", meta={"facts": MEANING.to_json()})
SCALE = 0.25


class Halving:
    """A model of int8 borders that gives half of its input; counts what it is given at once."""

    kernels = "stand-in"
    signature = Signature(
        {"values": TensorSpec((-1, *SHAPE), "int8", SCALE, 3)},
        {"made": TensorSpec((-1, *SHAPE), "int8", SCALE / 2, 3)},
    )

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.batches.append(len(inputs["values"]))
        return {"made": inputs["values"]}


@dataclass(frozen=True)
class StandIn(Runtime):
    kinds: ClassVar[tuple[str, ...]] = ("TFLiteModel",)
    batch: int = 1
    opened: Any = None

    def open(self, model: Any) -> Any:
        return self.opened


@dataclass(frozen=True, kw_only=True)
class Tones(Dataset):
    """Recordings of several lengths, of which every second is abnormal."""

    task = "reconstruction"
    modality = "audio"

    def index(self, look: Look) -> Index:
        samples = tuple(Sample(str(k), f"{k}", labels=(k % 2,)) for k in range(4))
        return Index(classes=(), splits={"test": samples, "train": samples, "val": samples})

    def read(self, sample: Sample) -> Example:
        number = int(sample.key)
        sound = tone(16000, 0.1 + 0.1 * number, 300 + 500 * number).astype(np.float32)
        return Example(
            Recording(sound, 16000), np.zeros((0, 4), np.float32), np.array(sample.labels, np.int32)
        )


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    predictions._opened.cache_clear()
    yield
    predictions._opened.cache_clear()


def error_of(number: int) -> float:
    """Compute a score by hand: the model is given integers, and its error counts against the floats."""
    given = KIND.pieces(Tones().read(Tones().index(lambda path: None).splits["test"][number]).value, SHAPE)  # type: ignore[arg-type, return-value]
    codes = np.clip(np.rint(given / np.float32(SCALE)) + 3, -128, 127)
    return float(np.mean(np.square((codes - 3) * SCALE / 2 - given, dtype=np.float64)))


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_the_score_is_the_mean_over_all_pieces_in_batches_of_any_size(batch: int) -> None:
    model = Halving()
    found, kernels = predict(StandIn(batch=batch, opened=model), MODEL, split_of(Tones()))
    assert kernels == "stand-in"
    assert found["errors"] == pytest.approx([error_of(number) for number in range(4)], rel=1e-5)
    assert set(model.batches) == {batch}
    assert found["output:reconstruction"].shape == (4, *SHAPE)
    assert truth(split_of(Tones()))["labels"].tolist() == [0, 1, 0, 1]


def test_one_sample_alone_has_the_same_score() -> None:
    split = split_of(Tones())
    model: Any = Halving()
    for number in range(4):
        said = answer(OpenedFile(model, MEANING), split[number].value, Path("m.tflite"))
        assert said.found[0].score == pytest.approx(error_of(number), rel=1e-5)
        assert said.outputs["made"].shape == SHAPE
