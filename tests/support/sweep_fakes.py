"""Further fake passes and a target, for sweeps: what follows from the seed, waits, edits a recipe, is slow."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import fakes
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.target import Target, target


def load(folder: Path | None) -> None:
    """Importing this module is what declares."""


@compiler_pass("fake_seeded")
class FakeSeeded(Pass):
    """Start with a score that follows from the seed: 0.5, 0.6, 0.7, ..."""

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        return ctx.emit(KerasModel, fakes.content(0.5 + ctx.seed / 10, 400), facts=fakes.FACTS)


@compiler_pass("fake_waits")
class FakeWaits(Pass):
    """Wait until a file is there, if the score is below a bound; or fail where it is not."""

    file: str = ""
    below: float = 1.0
    patient: bool = True

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        waits = self.file and fakes.score_of(model.path) < self.below
        while waits and not Path(self.file).exists():
            if not self.patient:
                raise FileNotFoundError(self.file)
            time.sleep(0.02)
        return ctx.emit(TFLiteModel, model.path.read_bytes() + b" ")


@compiler_pass("fake_edits")
class FakeEdits(Pass):
    """Replace a file by another, as a person does who edits a recipe while a sweep runs."""

    file: str = ""
    by: str = ""

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        if self.file:
            Path(self.file).write_bytes(Path(self.by).read_bytes())
        return ctx.emit(TFLiteModel, model.path.read_bytes() + b"  ")


@target("fake_device")
class FakeDevice(Target):
    """A device as slow as one says."""

    latency: float = 1.0  # ms

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        return {
            "latency_ms": {
                "median": self.latency,
                "p90": self.latency,
                "threads": 1,
                "runs": 1,
                "cpu": "fake",
            }
        }
