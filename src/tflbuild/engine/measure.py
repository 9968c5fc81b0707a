"""Measure once: predictions, metrics, paired differences and targets' reports, all kept in the store.

Longer than most modules: one class, each of whose methods measures one kind of thing in a few lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.dataset import Sample
from tflbuild.core.errors import PassError
from tflbuild.core.export import Proof
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS, AccuracyMetric, Difference, Measurement, file_metrics_of
from tflbuild.core.recipe import Recipe
from tflbuild.core.runtime import Runtime, usual_runtime
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.keys import Keys
from tflbuild.engine.modules import needs_tensorflow
from tflbuild.engine.recalling import Result, recall_or_compute
from tflbuild.engine.run_folder import keep_index
from tflbuild.engine.storage.store import Record, Store
from tflbuild.engine.workers.crew import SplitWork
from tflbuild.engine.workers.worker import Progress, Reply, Worker


class Measurer:
    """Measures artifacts of one recipe on its data.

    Args:
        recipe: what is wanted.
        keys: preimages of measurements.
        store: where they are kept.
        worker: what computes them.
        index: file with what the data set holds.
        tell: is told what is being measured.

    Attributes:
        base: the model that total budgets are held against, once it is there; None before.
        computed: how many measurements were not in the store.
    """

    def __init__(
        self, recipe: Recipe, keys: Keys, store: Store, worker: Worker, index: Path, tell: Listener
    ) -> None:
        self._recipe = recipe
        self._keys = keys
        self._store = store
        self._worker = worker
        self._index = index
        self._tell = tell
        self._splits_cached_in_worker: set[str] = set()
        self.base: Artifact | None = None
        self.computed = 0

    def of_samples(self, split: str, most: int) -> Measurer:
        """Give what measures on some samples of a split, spread evenly over it.

        Args:
            split: its name.
            most: samples; 0 for all.
        """
        thinned = self._keys.index.thinned(split, most) if most else self._keys.index
        if thinned is self._keys.index:
            return self
        index = keep_index(thinned, self._store.root)
        keys = self._keys.of_index(thinned)
        made = Measurer(self._recipe, keys, self._store, self._worker, index, self._tell)
        made.base = self.base
        return made

    def accuracy(
        self, model: Artifact, metrics: list[str], split: str, runtime: Runtime | None = None
    ) -> dict[str, Measurement]:
        """Measure accuracy metrics of a model on a split, as a runtime executes it; None for the usual one."""
        names = [name for name in metrics if issubclass(METRICS.get(name), AccuracyMetric)]
        names = [name for name in names if self.base or METRICS.get(name).against == "truth"]  # type: ignore[attr-defined]
        if not names:
            return {}
        predictions = self.predictions(model, split, runtime)
        kernels = predictions.value.get("kernels", "")
        return {
            name: replace(self._accuracy(name, predictions, split), split=split, kernels=kernels)
            for name in names
        }

    def agreement(
        self, model: Artifact, other: Artifact, split: str, runtime: Runtime | None = None
    ) -> dict[str, Measurement]:
        """Hold a model against another by every metric that compares with a base, and that their task has.

        A runtime executes the first.
        """
        predictions, against = self.predictions(model, split, runtime), self.predictions(other, split)
        task = Meaning.of(other).task
        names = [
            name
            for name, cls in METRICS.items()
            if issubclass(cls, AccuracyMetric)
            and cls.against != "truth"
            and (not cls.tasks or task in cls.tasks)
        ]
        held = {name: self._held(name, predictions, against, split) for name in names}
        return {name: replace(one, split=split) for name, one in held.items() if math.isfinite(one.value)}

    def differing(
        self, model: Artifact, base: Artifact, split: str, runtime: Runtime | None = None
    ) -> Mapping[str, Any]:
        """Say how far a delivered file is from the model that it was written of, by output; a runtime executes it."""
        executes = runtime or usual_runtime(model.kind)()

        def compute(staging: Path) -> Result:
            arguments = (executes, model, base, self._recipe.data, self._index, split)
            who, progress = self._announce("the difference of the delivered file", split)
            reply = self._worker.crew.ask("differ", *arguments, who=who, progress=progress)
            return Result(reply.value, reply.cost, {})

        record = self._recall(self._keys.differing(model, base, split, runtime), compute)
        outputs: Mapping[str, Any] = record.value["outputs"]
        return outputs

    def equality(self, model: Artifact, split: str, runtime: Runtime) -> tuple[Mapping[str, Any], Path]:
        """Say whether a runtime computes the bytes of its peer; gives where one sample with its outputs is, too."""

        def compute(staging: Path) -> Result:
            out = staging / "sample.json"
            arguments = (runtime, model, self._recipe.data, self._index, split, out)
            who, progress = self._announce("whether the outputs are equal", split)
            reply = self._worker.crew.ask("equality", *arguments, who=who, progress=progress)
            return Result(reply.value, reply.cost, {"file": out})

        record = self._recall(self._keys.equality(model, split, runtime), compute)
        return {name: value for name, value in record.value.items() if name != "file"}, self._path(record)

    def _accuracy(self, metric: str, predictions: Record, split: str) -> Measurement:
        return self._held(metric, predictions, self._held_against(metric, split), split)

    def _held(self, metric: str, predictions: Record, truth: Record, split: str) -> Measurement:

        def compute(staging: Path) -> Result:
            paths = (self._path(predictions), self._path(truth))
            reply = self._ask("measure", metric, *paths, what=metric, split=split)
            return Result(reply.value, reply.cost, {})

        preimage = self._keys.accuracy(metric, predictions.value["file"], truth.value["file"])
        return Measurement.from_json(self._recall(preimage, compute).value)

    def compare(
        self,
        metric: str,
        before: Artifact,
        after: Artifact,
        split: str,
        runtime: Runtime | None = None,
        runtime_before: Runtime | None = None,
    ) -> Difference:
        """Give the paired difference of a metric between two models on a split; `runtime` executes the second."""
        old = self.predictions(before, split, runtime_before)
        new = self.predictions(after, split, runtime)
        truth = self._held_against(metric, split)
        names = (old.value["file"], new.value["file"], truth.value["file"])
        preimage = self._keys.comparison(metric, *names)

        def compute(staging: Path) -> Result:
            paths = [self._path(record) for record in (old, new, truth)]
            reply = self._ask("compare", metric, *paths, what=f"{metric} difference", split=split)
            return Result(reply.value, reply.cost, {})

        return Difference(**self._recall(preimage, compute).value)

    def _held_against(self, metric: str, split: str) -> Record:
        """Give what a metric holds predictions against: the truth, or what the base says."""
        cls = METRICS.get(metric)
        assert issubclass(cls, AccuracyMetric)
        if cls.against == "truth":
            return self.truth(split)
        assert self.base is not None
        return self.predictions(self.base, split)

    def chance(self, model: Artifact, listed: Mapping[str, Sequence[str]], split: str) -> Record:
        """Hold a base against chance: what is to be said of it, {} where nothing is.

        Args:
            model: the base.
            listed: class names in the model's order, by where they are written.
            split: what it is compared with chance on.
        """
        predictions, truth = self.predictions(model, split), self.truth(split)

        def compute(staging: Path) -> Result:
            paths = (self._path(predictions), self._path(truth))
            reply = self._ask(
                "chance", *paths, dict(listed), split, what="the base against chance", split=split
            )
            return Result(reply.value, reply.cost, {})

        preimage = self._keys.chance(predictions.value["file"], truth.value["file"], listed, split)
        return self._recall(preimage, compute)

    def readings(self, model: Artifact, finding: Mapping[str, Any], split: str) -> Record:
        """Try a base that is no better than chance with other readings of its input; gives the finding with them."""

        def compute(staging: Path) -> Result:
            arguments = (model, self._recipe.data, self._index, split, dict(finding), staging)
            who, progress = self._announce("other readings of the pixels", split)
            ask = self._worker.ask if needs_tensorflow(model) else self._worker.crew.ask
            reply = ask("readings", *arguments, who=who, progress=progress)
            return Result(reply.value, reply.cost, {})

        return self._recall(self._keys.readings(model, split, finding), compute)

    def file_metric(self, metric: str, model: Artifact) -> Measurement:
        """Measure a fact of the file itself; nothing else is evaluated meanwhile, so that it can be timed."""

        def compute(staging: Path) -> Result:
            reply = self._ask("file_metric", metric, model, what=metric)
            return Result(reply.value, reply.cost, {})

        record = self._recall(self._keys.file_metric(metric, model), compute)
        return Measurement.from_json(record.value)

    def file_metrics(self, model: Artifact, metrics: list[str]) -> dict[str, Measurement]:
        """Measure those metrics that are read off the file itself."""
        return {name: self.file_metric(name, model) for name in file_metrics_of(model.kind, metrics)}

    def deliver(self, target: str, model: TFLiteModel) -> Record:
        """Compile for a target; gives the delivered file and the target's figures."""
        preimage, options = self._keys.delivery(target, model), self._recipe.targets[target]

        def compute(staging: Path) -> Result:
            reply = self._ask("deliver", options, model, staging, what=f"target {target}")
            _check_same(preimage.get("device", {}), options.device(), f"target {target}")
            delivered, figures = reply.value
            if delivered.path == model.path:
                return Result(figures, reply.cost, {})
            return Result(figures, reply.cost, {}, artifact=delivered)

        return self._recall(preimage, compute)

    def samples(self, proof: Proof, split: str) -> Record:
        """Give samples of a split with what a delivered file gives for them: `file`, an archive, and for the report.

        The record's artifact is the file with the samples in it, if that is wanted.
        """
        thinned = self._keys.index.thinned(split, proof.export.samples)
        index, keys = keep_index(thinned, self._store.root), self._keys.of_index(thinned)

        def compute(staging: Path) -> Result:
            reply = self._ask(
                "samples", proof, self._recipe.data, index, split, staging, what="samples", split=split
            )
            said, made = reply.value
            return Result(said, reply.cost, {"file": staging / "samples.zip"}, artifact=made)

        return self._recall(keys.samples(proof, split), compute)

    def predictions(self, model: Artifact, split: str, runtime: Runtime | None = None) -> Record:
        """Give a model's predictions on a split: `file`, a blob's digest, and `kernels`."""
        executes = runtime or usual_runtime(model.kind)()
        preimage = self._keys.predictions(model, split, executes)

        def compute(staging: Path) -> Result:
            out = staging / "predictions.npz"
            heavy = not executes.light
            reply = self._read(
                "predict",
                executes,
                model,
                split=split,
                out=out,
                what="predictions",
                beside_tensorflow=heavy,
                alone=type(executes).alone,
            )
            if type(executes).alone:
                again = self._keys.predictions(model, split, executes)
                _check_same(preimage["runtime"], again["runtime"], f"runtime {type(executes).name}")
            if heavy:
                self._splits_cached_in_worker.add(split)
            return Result({"kernels": reply.value}, reply.cost, {"file": out})

        return self._recall(preimage, compute)

    def split(self, split: str) -> Sequence[Sample]:
        """Give the samples of a split."""
        return self._keys.index.splits[split]

    def blob(self, sha256: str) -> Path:
        """Give a stored file by its digest."""
        return self._store.blob(sha256)

    def truth(self, split: str) -> Record:
        """Give a split's annotations as arrays: `file`, a blob's digest."""

        def compute(staging: Path) -> Result:
            out = staging / "truth.npz"
            here = split in self._splits_cached_in_worker  # that process has kept what is in the images
            reply = self._read("truth", split=split, out=out, what="truth", beside_tensorflow=here)
            return Result({}, reply.cost, {"file": out})

        return self._recall(self._keys.truth(split), compute)

    def _read(
        self,
        name: str,
        *arguments: Any,
        split: str,
        out: Path,
        what: str,
        beside_tensorflow: bool,
        alone: bool = False,
    ) -> Reply:
        """Have every image of a split read: by the TensorFlow process, or by the crew."""
        images = len(self._keys.index.splits[split])
        of_the_split = (*arguments, self._recipe.data, self._index, split)
        who, progress = self._announce(what, split)
        if beside_tensorflow:
            return self._worker.ask(name, *of_the_split, 0, images, out, who=who, progress=progress)
        return self._worker.crew.share(SplitWork(name, of_the_split, images, out, who, progress, alone))

    def _path(self, record: Record) -> Path:
        return self._store.blob(record.value["file"])

    def _ask(self, name: str, *arguments: Any, what: str, split: str = "") -> Reply:
        who, progress = self._announce(what, split)
        return self._worker.crew.ask(name, *arguments, who=who, progress=progress)

    def _announce(self, what: str, split: str) -> tuple[str, Progress]:
        def progress(done: float, total: float, note: str) -> None:
            self._tell(Event("progress", {"done": done, "total": total, "note": note}))

        self._tell(Event("measuring", {"what": what, "split": split}))
        self.computed += 1
        return f"measuring {what}{f' on {split}' if split else ''}", progress

    def _recall(self, preimage: dict[str, Any], compute: Callable[[Path], Result]) -> Record:
        return recall_or_compute(self._store, preimage, compute, self._tell)


def _check_same(before: Mapping[str, Any], after: Mapping[str, Any], what: str) -> None:
    """Refuse what was measured while the device became another one: it has a key of neither.

    Raises:
        PassError: they differ.
    """
    if before != after:
        raise PassError(
            f"{what}: the device was exchanged or changed while it measured; nothing of it was kept."
        )
