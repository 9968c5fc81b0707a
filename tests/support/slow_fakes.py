"""Fake passes that take a moment: what is killed, damaged and raced in `test_faults.py`.

Every result is a chain of hashes over the seed, the options and the input, so that a wrong resume, a wrong hit or a
mixed-up input gives wrong bytes. Files are written in parts, and every computation writes where it begins and ends
into the file $FAKE_LOG, under a name that only its causes decide.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import fakes
from fakes import content, score_of
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.digest import of_file, of_json
from tflbuild.core.metric import Difference, Measurement
from tflbuild.core.names import Names
from tflbuild.core.options import to_json
from tflbuild.core.target import Target, target

NAMES = Names(
    predict="slow_fakes:predict_file",
    truth="slow_fakes:truth_file",
    differ="tflbuild.evaluation.differing:differences",
    merge="fakes:merge",
    measuring="slow_fakes",
    chance="fakes:chance",
    readings="fakes:readings",
    prove="fakes:check_runs",
    external="slow_fakes:external",
    inspect="fakes:inspect",
    changes="fakes:unchanged",
    describe="fakes:undescribed",
)
PADDING = 40_000
"""Bytes of a model: enough for a kill to find it half written."""


def pause() -> None:
    """Wait as long as $FAKE_PAUSE says, in seconds; decides no result."""
    time.sleep(float(os.environ.get("FAKE_PAUSE", "0")))


def note(what: str, causes: Any) -> None:
    """Write one line: the build's process, what is computed, out of what."""
    line = f"{os.environ.get('FAKE_MAIN', '0')} {what} {of_json(causes)[:16]}\n"
    with Path(os.environ["FAKE_LOG"]).open("a") as file:
        file.write(line)


def chain(*causes: Any) -> str:
    return of_json(list(causes))


def model_bytes(state: str) -> bytes:
    """Give a model's content: all of it follows from `state`."""
    made = json.loads(content(int(state[:4], 16) / 65536, 0))
    return json.dumps({**made, "state": state, "padding": (state * (PADDING // 64 + 1))[:PADDING]}).encode()


def state_of(model: Artifact) -> str:
    return str(json.loads(model.path.read_bytes())["state"])


def emit(pass_: Pass, kind: Any, state: str, ctx: PassContext, causes: list[Any]) -> Any:
    """Write the model in parts, as a large file is written."""

    def in_parts(path: Path) -> None:
        data = model_bytes(state)
        with path.open("wb") as file:
            for start in range(0, len(data), PADDING // 4):
                file.write(data[start : start + PADDING // 4])
                file.flush()
                pause()

    made = ctx.emit(kind, in_parts, facts=fakes.FACTS)
    note(f"end:{pass_.name}", causes)
    return made


@compiler_pass("slow_train")
class SlowTrain(Pass):
    """Hash step by step, continuing from a checkpoint of the same action."""

    trains = True
    steps: int = 12

    def reads(self) -> tuple[str, ...]:
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        causes = [to_json(self), ctx.seed]
        note("begin:slow_train", causes)
        kept = ctx.checkpoint_dir / "state.json"
        done, state = json.loads(kept.read_text()) if kept.exists() else (0, chain(ctx.seed))
        if done:
            note("resume:slow_train", causes)
        for step in range(done, self.steps):
            state = chain(state, step)
            pause()
            staged = kept.with_suffix(".part")
            staged.write_text(json.dumps([step + 1, state]))
            staged.replace(kept)
            ctx.progress(step + 1, self.steps)
        made: KerasModel = emit(self, KerasModel, chain(state, "train"), ctx, causes)
        return made


def follow(pass_: Pass, model: Artifact, kind: Any, ctx: PassContext) -> Any:
    causes = [to_json(pass_), ctx.seed, state_of(model)]
    note(f"begin:{pass_.name}", causes)
    pause()
    return emit(pass_, kind, chain(*causes), ctx, causes)


@compiler_pass("slow_prune")
class SlowPrune(Pass):
    """Hash on."""

    amount: float = 0.5

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        made: KerasModel = follow(self, model, KerasModel, ctx)
        return made


@compiler_pass("slow_convert")
class SlowConvert(Pass):
    """Hash on, into the other kind."""

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        made: TFLiteModel = follow(self, model, TFLiteModel, ctx)
        return made


@compiler_pass("slow_quantize")
class SlowQuantize(Pass):
    """Hash on; `source` is read for calibration."""

    bits: int = 8
    source: str = ""

    def reads(self) -> tuple[str, ...]:
        return (self.source,) if self.source else ()

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        made: TFLiteModel = follow(self, model, TFLiteModel, ctx)
        return made


@target("slow_target")
class SlowTarget(Target):
    """Anything."""

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        note("begin:inspect", state_of(model))
        pause()
        return {"inspected": True}


def load(argument: Any) -> None:
    """Importing this module is what declares."""


def external(source: str, data: Any, look: Any) -> Any:
    raise AssertionError("no slow pass looks at what it declares to read")


def predict_file(runtime: Any, model: Any, split: Any, out: Path, progress: Any) -> str:
    note(f"begin:predict-{split.name}", model.digest)
    pause()
    out.write_text(json.dumps({"score": score_of(model.path), "split": split.name}))
    return "fake"


def truth_file(split: Any, out: Path) -> None:
    note("begin:truth", split.name)
    out.write_text(json.dumps([split.name, len(split)]))


def measure(metric: str, predictions: Path, truth: Path) -> Measurement:
    note("begin:measure", [metric, of_file(predictions), of_file(truth)])
    pause()
    return fakes.measure(metric, predictions, truth)


def compare(metric: str, before: Path, after: Path, truth: Path) -> Difference:
    note("begin:compare", [metric, of_file(before), of_file(after), of_file(truth)])
    pause()
    return fakes.compare(metric, before, after, truth)
