"""The context that a pass runs in, within the worker process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tflbuild.core import digest
from tflbuild.core.analysis import Measured
from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import Artifact
from tflbuild.core.curve import KEPT as SHOWN
from tflbuild.core.curve import Curve, Point
from tflbuild.core.dataset import Dataset, Index, Split
from tflbuild.core.errors import PassError
from tflbuild.core.judgement import HeldLimit, Judgement

A = TypeVar("A", bound=Artifact)

POINT_EVERY = 1.0
"""Seconds between two points of a long training that are told."""

KEPT = "kept"
"""Folder of the staging folder for files that an analysis keeps with its findings."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The main process's description of a step for a worker, besides the pass's options and its input.

    Attributes:
        label: the step's label.
        seed: the recipe's seed.
        model_spec: the recipe's architecture.
        data: the recipe's data set.
        index: file with what the data set holds, as JSON.
        reads: sources the pass declared.
        staging: empty folder on the store's filesystem.
        checkpoints: folder of this action's checkpoints.
        checkpoint_seconds: how often a training keeps its state; decides no result.
        models: what earlier steps gave that the pass declared, by label.
        held: limits that it may hold candidates to.
        base: the model that metrics such as fidelity compare candidates with; None where no limit needs it.
        strict: whether an undecided verdict is a breach.
        asks_model: whether a pass with an input may look at the recipe's architecture.
        measured: variants of an analysis.
        predicted: files with predictions of the models of an analysis, and with the truth.
    """

    label: str
    seed: int
    model_spec: Architecture
    data: Dataset
    index: Path
    reads: tuple[str, ...]
    staging: Path
    checkpoints: Path
    checkpoint_seconds: float
    models: Mapping[str, Artifact] = field(default_factory=dict)
    held: tuple[HeldLimit, ...] = ()
    base: Artifact | None = None
    strict: bool = False
    asks_model: bool = False
    measured: tuple[Measured, ...] = ()
    predicted: Mapping[str, Path] = field(default_factory=dict)


@dataclass(kw_only=True)
class WorkerContext:
    """The `PassContext` of a worker process.

    Args:
        assignment: what the main process said.
        index: what the data set holds.
        given: the pass's input.
        report: is told of progress.
        external: reads a source that is not a split: a folder, a glob, a list file or an `.npz`.
        log: writes a line to the run's log.
        judged: holds a candidate to the step's budget.
        notes: facts for the report.
        tell: is told of an event: its kind and its fields.
        curve: of what the pass trains.
    """

    assignment: Assignment
    index: Index
    given: Artifact | None
    report: Callable[[float, float, str], None]
    external: Callable[[str, Dataset], Split]
    log: Callable[[str], object]
    judged: Callable[[Artifact], Judgement] | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    tell: Callable[[str, dict[str, Any]], None] = lambda kind, fields: None
    curve: Curve = field(default_factory=Curve)
    _splits: dict[str, Split] = field(default_factory=dict)
    _emitted: int = 0
    _pointed: float = 0.0

    @property
    def label(self) -> str:
        """Give the step's label."""
        return self.assignment.label

    @property
    def seed(self) -> int:
        """Give the recipe's seed."""
        return self.assignment.seed

    @property
    def model_spec(self) -> Architecture:
        """Give the recipe's architecture; a pass that starts from nothing, or that asks for it, is keyed by it.

        Raises:
            PassError: the pass has an input; what it may know of the model lies in `model.meta["facts"]`.
        """
        if self.given is not None and not self.assignment.asks_model:
            raise PassError(
                f"pass '{self.label}' reads ctx.model_spec, which is not part of its key; "
                f'read model.meta["facts"] instead.'
            )
        return self.assignment.model_spec

    @property
    def task(self) -> str:
        """Name the data set's task."""
        return self.assignment.data.task

    @property
    def modality(self) -> str:
        """Name the modality of the data set's samples."""
        return self.assignment.data.modality

    @property
    def preprocess(self) -> Mapping[str, Any]:
        """Give the options of the data set's preprocess block."""
        return self.assignment.data.preprocess

    @property
    def augment(self) -> Mapping[str, Any]:
        """Give the options of the data set's augmentation."""
        return self.assignment.data.augment

    @property
    def measured(self) -> tuple[Measured, ...]:
        """Give the variants of an analysis, measured."""
        return self.assignment.measured

    @property
    def predicted(self) -> Mapping[str, Path]:
        """Give the files with predictions that an analysis looks at."""
        return self.assignment.predicted

    @property
    def scratch(self) -> Path:
        """Give an empty folder, removed afterwards."""
        folder = self.assignment.staging / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def checkpoint_dir(self) -> Path:
        """Give the folder of this action's checkpoints."""
        self.assignment.checkpoints.mkdir(parents=True, exist_ok=True)
        return self.assignment.checkpoints

    @property
    def checkpoint_seconds(self) -> float:
        """Give how often a training keeps its state, in seconds; 0 for as often as it looks at its loss."""
        return self.assignment.checkpoint_seconds

    def dataset(self, split: str) -> Split:
        """Give a source that the pass declared in `reads`.

        Raises:
            PassError: the pass did not declare it, so it is not part of its key.
        """
        source = split if split in self.assignment.reads else f"data.{split}"
        if source not in self.assignment.reads:
            raise PassError(
                f"pass '{self.label}' reads '{split}' without declaring it; its reads() returns "
                f"{list(self.assignment.reads)}, so a change of that data would go unnoticed."
            )
        if source not in self._splits:
            prefix, _, name = source.partition(".")
            inside = prefix == "data" and name in self.index.splits
            self._splits[source] = (
                Split(name, self.assignment.data, self.index)
                if inside
                else self.external(source, self.assignment.data)
            )
        return self._splits[source]

    def emit(
        self,
        kind: type[A],
        content: bytes | Callable[[Path], None],
        *,
        fingerprint: str = "",
        **meta: Any,
    ) -> A:
        """Write a candidate into the staging folder; facts join those of the input."""
        self._emitted += 1
        number = f"-{self._emitted}" if self._emitted > 1 else ""
        path = self.assignment.staging / f"{self.label}{number}{kind.suffix}"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
        sha256 = digest.of_file(path)
        inherited = {} if self.given is None else dict(self.given.meta)
        return kind(path=path, digest=sha256, fingerprint=fingerprint or sha256, meta=inherited | meta)

    def keep(self, name: str, content: bytes) -> None:
        """Write a file that belongs to an analysis's findings into the staging folder."""
        path = self.assignment.staging / KEPT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def model(self, label: str) -> Artifact:
        """Give the output of an earlier step.

        Raises:
            PassError: the pass did not declare it, so it is not part of its key.
        """
        if label not in self.assignment.models:
            raise PassError(
                f"pass '{self.label}' reads the output of '{label}' without declaring it; its models() returns "
                f"{list(self.assignment.models)}."
            )
        return self.assignment.models[label]

    def judge(self, model: Artifact) -> Judgement:
        """Hold a candidate to the step's budget.

        Raises:
            PassError: the pass did not say that it judges, so the budget is not part of its key.
        """
        if self.judged is None:
            raise PassError(f"pass '{self.label}' calls ctx.judge, but its judges() returns false.")
        return self.judged(model)

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Say how far the pass is."""
        self.report(done, total, note)

    def doing(self, text: str) -> None:
        """Say what is being waited for; "" where that is over."""
        self.tell("doing", {"label": self.label, "text": text})

    def continued(self, step: int, total: int) -> None:
        """Say that a training goes on where an earlier one was interrupted."""
        self.log(f"continued from step {step} of {total}")
        self.tell("continued", {"label": self.label, "step": step, "total": total})

    def trained(
        self,
        step: int,
        total: int,
        *,
        loss: float,
        learning_rate: float,
        images_per_second: float | None = None,
        epoch: float | None = None,
    ) -> None:
        """Note a point of the training curve; after many of them, one a second is told."""
        point = Point(step, loss, learning_rate, images_per_second, epoch)
        self.curve.add(point)
        now = time.monotonic()
        if len(self.curve.points) > SHOWN and step < total and now - self._pointed < POINT_EVERY:
            return
        self._pointed = now
        self.tell("training", {"label": self.label, "total": total, **point._asdict()})
