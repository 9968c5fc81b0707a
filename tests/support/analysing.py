"""The context of an analysis on samples in memory, without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.core import digest
from tflbuild.core.analysis import Analysis, Measured
from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.names import named
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.tflite import flatbuffer
from tflbuild.wiring import NAMES


@dataclass(frozen=True, kw_only=True)
class Arrays(Dataset):
    """Arrays as samples; their keys are their places."""

    task = "unlabelled"
    modality = "vector"

    values: tuple[Any, ...] = field(default=(), compare=False)

    def read(self, sample: Sample) -> Example:
        values = np.asarray(self.values[int(sample.key)], np.float32)
        return Example(values, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


def tflite(folder: Path, name: str, content: bytes, *, quantized: str = "") -> TFLiteModel:
    """Write a model that takes numbers as they are, and give it with its meaning."""
    path = folder / f"{name}.tflite"
    path.write_bytes(content)
    inputs = {
        one["name"]: Input(modality="vector", shape=tuple(one["shape"][1:]))
        for one in flatbuffer.signature(path)["inputs"]
    }
    facts = Meaning(task="unlabelled", inputs=inputs).to_json()
    sha256 = digest.of_file(path)
    meta = {"facts": facts, "quantized": quantized}
    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta=meta)


def context(
    analysis: Analysis, folder: Path, values: Sequence[Any], measured: Sequence[Measured] = ()
) -> WorkerContext:
    """Give the context of an analysis whose splits all hold these samples."""
    samples = tuple(Sample(key=str(k), digest=str(k)) for k in range(len(values)))
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    assignment = Assignment(
        label="analysis",
        seed=0,
        model_spec=Architecture(),
        data=Arrays(values=tuple(values)),
        index=folder / "unused",
        reads=analysis.reads(),
        staging=staging,
        checkpoints=folder / "checkpoints",
        checkpoint_seconds=30.0,
        measured=tuple(measured),
    )
    return WorkerContext(
        assignment=assignment,
        index=Index(classes=(), splits={"train": samples, "val": samples, "test": samples}),
        given=None,
        report=lambda done, total, note: None,
        external=named(NAMES.external),
        log=lambda text: None,
    )
