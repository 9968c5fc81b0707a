"""Passes, data, a metric and a target that write bytes: the engine's own tests need no framework."""

from __future__ import annotations

import json
import os
import signal
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.architecture import Architecture, architecture
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import DataFacts, Pass, PassContext, compiler_pass
from tflbuild.core.dataset import Dataset, FileFacts, Index, Sample, dataset
from tflbuild.core.digest import of_bytes, of_json
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.export import Proof
from tflbuild.core.metric import AccuracyMetric, Difference, FileMetric, Measurement, metric
from tflbuild.core.modality import Modality, modality
from tflbuild.core.names import Names
from tflbuild.core.target import Target, target
from tflbuild.core.task import Task, task

NAMES = Names(
    predict="fakes:predict_file",
    truth="fakes:truth_file",
    differ="tflbuild.evaluation.differing:differences",
    merge="fakes:merge",
    measuring="fakes",
    chance="fakes:chance",
    readings="fakes:readings",
    prove="fakes:check_runs",
    external="fakes:external",
    inspect="fakes:inspect",
    changes="fakes:unchanged",
    describe="fakes:undescribed",
    samples="fakes:write_samples",
    equality="fakes:equality",
)
INPUT = {"modality": "fake", "shape": [1], "preprocess": {}}
FACTS = {"task": "fake", "labels": ["a"], "inputs": {"x": INPUT}, "head": {}}


def load(folder: Path | None) -> None:
    """Importing this module is what declares."""


def content(score: float, size: int = 100) -> bytes:
    return json.dumps({"score": score, "padding": "x" * size}).encode()


def unchanged(before: Artifact, after: Artifact) -> dict[str, Any]:
    """Say nothing of what a pass changed in the graph: there is none."""
    return {}


def undescribed(content: bytes, model: Artifact) -> tuple[bytes, dict[str, Any]]:
    """Leave a delivered file as it is."""
    return content, {}


def tagged(content: bytes, model: Artifact) -> tuple[bytes, dict[str, Any]]:
    """Describe a delivered file by a word behind it."""
    return content + f" of {model.meta['of']}".encode(), {"metadata": "a tag"}


def score_of(path: Path) -> float:
    return float(json.loads(path.read_bytes())["score"])


@task("fake")
class FakeTask(Task):
    """A score."""


@modality("fake")
class FakeModality(Modality):
    """Nothing that is looked at."""

    needs = ("numpy", "PIL")

    scale: float = 1.0


@architecture("fake_model")
class FakeModel(Architecture):
    """Nothing."""

    task = "fake"
    width: int = 1

    def resolution(self) -> int:
        return self.width


@architecture("fake_own")
class FakeOwn(Architecture):
    """The user's file."""

    task = "fake"
    path: str = ""

    def files(self) -> tuple[Path, ...]:
        return (Path(self.path),)

    def resolution(self) -> int:
        return 1

    def recognised(self) -> list[dict[str, str]]:
        seen = {"what": "outputs", "value": "one score", "evidence": "the file"}
        return [seen, {"what": "input", "value": "nothing", "evidence": ""}]


@dataset("fake_data")
class FakeData(Dataset):
    """Samples without pixels."""

    task = "fake"
    modality = "fake"
    version: int = 1
    train: int = 10

    def index(self, look: Any) -> Index:
        def split(name: str, count: int) -> tuple[Sample, ...]:
            keys = [f"{name}{i}" for i in range(count)]
            return tuple(Sample(key=key, digest=of_json([key, self.version])) for key in keys)

        return Index(
            classes=("a",),
            splits={"train": split("train", self.train), "val": split("val", 4), "test": split("test", 4)},
        )


@compiler_pass("fake_train")
class FakeTrain(Pass):
    """Start with a score."""

    trains = True
    score: float = 0.9
    steps: int | None = None
    epochs: float | None = None

    def reads(self) -> tuple[str, ...]:
        return ("data.train",)

    def resolve(self, facts: DataFacts) -> FakeTrain:
        return FakeTrain(score=self.score, steps=self.steps or facts.train * 2, epochs=None)

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        ctx.progress(1, 2, "half")
        for step in (1, 21, 40):
            speed = None if step == 1 else 100.0
            ctx.trained(step, 40, loss=1 / step, learning_rate=0.1, images_per_second=speed, epoch=step / 10)
        return ctx.emit(KerasModel, content(self.score, 400), facts=FACTS)


@compiler_pass("fake_load")
class FakeLoad(Pass):
    """Take the user's file as it is."""

    score: float = 0.9

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        ctx.notes["recognised"] = [{"what": "outputs", "value": "one score", "evidence": "4 samples\x1b[2J"}]
        return ctx.emit(KerasModel, content(self.score, 400), facts=FACTS)


@compiler_pass("fake_bare")
class FakeBare(Pass):
    """Start a model without saying what it means."""

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        return ctx.emit(KerasModel, content(0.9))


@compiler_pass("fake_prune")
class FakePrune(Pass):
    """Lower the score by `cost`."""

    cost: float = 0.01

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        count = Path(os.environ["FAKE_LOG"])
        with count.open("a") as file:
            file.write(f"{ctx.label} {self.cost}\n")
        return ctx.emit(KerasModel, content(score_of(model.path) - self.cost, 300))


@compiler_pass("fake_convert")
class FakeConvert(Pass):
    """Give a flatbuffer of the same score."""

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        return ctx.emit(TFLiteModel, content(score_of(model.path), 200))


@compiler_pass("fake_quantize")
class FakeQuantize(Pass):
    """Lower the score by `cost` and the size to `size`."""

    cost: float = 0.0
    size: int = 50

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        return ctx.emit(TFLiteModel, content(score_of(model.path) - self.cost, self.size))

    def output_quantized(self) -> bool:
        return True


@compiler_pass("fake_mixed")
class FakeMixed(Pass):
    """Try one cost after another and keep the first that holds the budget."""

    costs: tuple[float, ...] = (0.2, 0.1, 0.0)
    fails: bool = False

    def judges(self) -> bool:
        return True

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        for cost in self.costs:
            made = ctx.emit(TFLiteModel, content(score_of(model.path) - cost, 60))
            judged = ctx.judge(made)
            ctx.notes[str(cost)] = [verdict.ok for verdict in judged.verdicts]
            if judged.ok and not self.fails:
                return made
        raise ValueError("nothing holds the budget")


@compiler_pass("fake_teach")
class FakeTeach(Pass):
    """Take the score of an earlier step."""

    teacher: str = "train"
    declares: bool = True

    def models(self) -> tuple[str, ...]:
        return (self.teacher,) if self.declares else ()

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        return ctx.emit(KerasModel, content(score_of(ctx.model(self.teacher).path), 300))


@compiler_pass("fake_any")
class FakeAny(Pass):
    """Declare whatever the options say."""

    sources: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    looks: bool = False
    judging: bool = False

    def reads(self) -> tuple[str, ...]:
        return self.sources

    def models(self) -> tuple[str, ...]:
        return self.others

    def asks_model(self) -> bool:
        return self.looks

    def judges(self) -> bool:
        return self.judging

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        return ctx.emit(TFLiteModel, content(score_of(model.path), 70))


@compiler_pass("fake_trains_on")
class FakeTrainsOn(FakeAny):
    """The same, training."""

    trains = True


@compiler_pass("fake_slow")
class FakeSlow(Pass):
    """Take a while."""

    seconds: float = 1.0

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        with Path(os.environ["FAKE_LOG"]).open("a") as file:
            file.write("slow\n")
        time.sleep(self.seconds)
        return ctx.emit(TFLiteModel, model.path.read_bytes() + b" ")


@compiler_pass("fake_bad")
class FakeBad(Pass):
    """Go wrong in the way `how` says."""

    how: str = "raise"

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        if self.how == "raise":
            raise ValueError("seven is right out")
        if self.how == "abort":
            os.abort()
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "hang":
            time.sleep(60)
        if self.how == "wrong kind":
            return ctx.emit(KerasModel, b"{}")  # type: ignore[return-value]
        if self.how == "does not run":
            return ctx.emit(TFLiteModel, b"garbage")
        if self.how == "undeclared data":
            ctx.dataset("val")
        if self.how == "full disk":
            raise OSError(28, "No space left on device")
        return ctx.emit(TFLiteModel, model.path.read_bytes(), sparsity=0.1)

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        if self.how == "broken promise":
            raise BrokenPromise("sparsity is 0.1, 0.5 was promised")


def check_runs(model: Any) -> None:
    try:
        score_of(model.path)
    except ValueError as error:
        raise BrokenPromise("the file cannot be allocated") from error


def external(source: str, data: Dataset, look: Any) -> Any:
    raise AssertionError("no fake pass reads outside the data set")


def inspect(path: Path, max_pixels: int) -> FileFacts:
    return FileFacts(of_bytes(path.read_bytes()), "")


@metric("score")
class Score(AccuracyMetric):
    """What the file says."""

    tasks = ("fake",)
    primary = True


@metric("file_bytes")
class FileBytes(FileMetric):
    """Size of the file."""

    needs = ()
    unit = "bytes"
    higher_is_better = False

    def measure(self, model: Any) -> Measurement:
        return Measurement(value=model.path.stat().st_size, unit="bytes")


@metric("fake_latency")
class FakeLatency(FileMetric):
    """Depends on the machine."""

    unit = "ms"
    higher_is_better = False
    exact = False

    def measure(self, model: Any) -> Measurement:
        return Measurement(value=1.0, unit="ms")


@analysis("fake_analysis")
class FakeAnalysis(Analysis):
    """Read the score off the file."""

    strength: float = 0.5

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        note(f"analyse {ctx.label}")
        return [{"text": f"{name}: {score_of(model.path)}"} for name, model in models.items()]


@analysis("fake_heavy_analysis")
class FakeHeavyAnalysis(FakeAnalysis):
    """The same with TensorFlow, of two models and of what lies outside the data set."""

    needs = ("tensorflow",)
    light = False
    of = ("model", "base")

    def reads(self) -> tuple[str, ...]:
        return ("data.train", "photos/*.jpg")


@target("fake_target")
class FakeTarget(Target):
    """Anything."""


@target("fake_compiler")
class FakeCompiler(Target):
    """Adds a byte."""

    compiles = True
    system: Path = Path("npu.ini")

    def files(self) -> tuple[Path, ...]:
        return (self.system,) if self.system.is_file() else ()

    def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
        return model.path.read_bytes() + b" ", {}


def note(text: str) -> None:
    with Path(os.environ["FAKE_LOG"]).open("a") as file:
        file.write(f"{text}\n")


def equality(runtime: Any, model: Any, split: Any, out: Path, progress: Any) -> dict[str, Any]:
    """Say that all is equal, and write which sample came first."""
    note(f"equality {split.name} of {len(split)}")
    first = {"name": "x", "dtype": "int8", "shape": [1], "hex": split.samples[0].key.encode().hex()}
    out.write_text(json.dumps({"inputs": [first], "outputs": []}))
    return {"runtime": "fake", "peer": "other", "samples": len(split), "equal": len(split), "outputs": {}}


def predict_file(runtime: Any, model: Any, split: Any, out: Path, progress: Any) -> str:
    note(f"predict {split.name}")
    out.write_text(json.dumps({"score": score_of(model.path)}))
    return "fake"


def truth_file(split: Any, out: Path) -> None:
    out.write_text(json.dumps(len(split)))


def write_samples(
    proof: Proof, split: Any, staging: Path, progress: Any
) -> tuple[dict[str, Any], Artifact | None]:
    """Write which samples of which file there are, by which runtime."""
    note(f"samples {split.name} {len(split)} of {proof.of}")
    keys = [sample.key for sample in split.samples]
    said = {"model": proof.model.digest, "delivered": proof.delivered.digest, "keys": keys}
    with zipfile.ZipFile(staging / "samples.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("samples.json"), json.dumps({**said, "runtime": str(proof.runtime)}))
        archive.writestr(zipfile.ZipInfo("000/input_0.bin"), b"pixels")
    found = {"n": len(split), "kernels": "fake", "outputs": {}}
    if not proof.export.embed:
        return found, None
    made = proof.delivered.path.read_bytes() + b"\n\n"
    path = staging / "whole.tflite"
    path.write_bytes(made)
    return found, TFLiteModel(
        path=path, digest=of_bytes(made), fingerprint="0" * 64, meta=proof.delivered.meta
    )


def merge(parts: list[Path], out: Path) -> None:
    loaded = [json.loads(part.read_text()) for part in parts]
    out.write_text(json.dumps(sum(loaded) if isinstance(loaded[0], int) else loaded[0]))


def measure(metric: str, predictions: Path, truth: Path) -> Measurement:
    note(f"measure {metric}")
    value = float(json.loads(predictions.read_text())["score"])
    return Measurement(value=value, unit="1", n=4, low=value - 0.1, high=value + 0.1)


def chance(predictions: Path, truth: Path, listed: Any, split: str) -> dict[str, Any]:
    note("chance")
    score = json.loads(predictions.read_text())["score"]
    if score == 0.0:
        raise ValueError("cannot look")
    verdict = "order" if score == 0.4 else "chance"
    if score >= 0.5:
        return {"try_readings": False, "text": ""} if score < 0.7 else {}
    text = f"{verdict} {split} {sorted(listed)}"
    return {"verdict": verdict, "text": text, "try_readings": verdict == "chance"}


def readings(model: Any, split: Any, predict: Any, finding: Any, out: Path, progress: Any) -> dict[str, Any]:
    note("readings")
    progress(1, 2)
    if score_of(model.path) == 0.1:
        os.abort()
    how = f"{predict.func.__name__} by {predict.args[0].name}"
    return {**finding, "text": f"{finding['text']} {how} {out.is_dir()}"}


def compare(metric: str, before: Path, after: Path, truth: Path) -> Difference:
    note(f"compare {metric}")
    change = json.loads(after.read_text())["score"] - json.loads(before.read_text())["score"]
    return Difference(value=change, low=change - 0.001, high=change + 0.001, n=4)
