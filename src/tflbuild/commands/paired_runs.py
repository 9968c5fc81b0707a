"""Two runs on the same samples: how far the file of the second is from that of the first, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.commands.of_run import recipe_of
from tflbuild.commands.words import warn
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.change import moved, signed
from tflbuild.core.errors import TflbuildError
from tflbuild.core.metric import Difference, primary_metrics
from tflbuild.core.plain_text import plain
from tflbuild.engine.deliver import FINAL_SPLIT
from tflbuild.engine.opened import Opened, opened
from tflbuild.engine.order import base_label, delivered_step
from tflbuild.engine.plan import plan
from tflbuild.recipe.kept import Asked


@dataclass(frozen=True)
class Paired:
    """A run held against the first.

    Attributes:
        run: as the user named it.
        differences: this run's less the first's, by metric.
        reason: why there are none; "" where there are.
    """

    run: str
    differences: Mapping[str, Difference] = field(default_factory=dict)
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild compare --json` prints."""
        found = {name: asdict(difference) for name, difference in self.differences.items()}
        return {"run": self.run, "differences": found, "reason": self.reason}

    def lines(self, run: str, first: str) -> list[str]:
        """Say it in lines for a terminal, with short names of this run and of the first."""
        if self.reason:
            return [f"{plain(run)} and {plain(first)} are not paired: {self.reason}"]
        return [
            f"{plain(run)} against {plain(first)}, on the same {found.n} {FINAL_SPLIT} samples: "
            f"{moved(name, found.value, found.low, found.high)}"
            for name, found in self.differences.items()
        ]

    def change(self, metric: str) -> str:
        """Give the paired change of a metric; "" where there is none."""
        found = self.differences.get(metric)
        return signed(found.value, found.low, found.high) if found else ""


def paired_with_first(
    runs: Sequence[str], folders: Sequence[Path], reports: Sequence[Mapping[str, Any]]
) -> list[Paired]:
    """Hold every further run against the first, from what their stores keep: nothing is built again.

    Args:
        runs: as the user named them.
        folders: of their reports.
        reports: contents of these.
    """
    reasons = [_unlike(reports[0], report) for report in reports[1:]]
    if all(reasons):
        return [Paired(run, reason=reason) for run, reason in zip(runs[1:], reasons, strict=True)]
    with ExitStack() as stack:
        try:
            first, before = _delivered(stack, folders[0])
        except TflbuildError as error:
            why = _why(runs[0], error)
            return [Paired(run, reason=said or why) for run, said in zip(runs[1:], reasons, strict=True)]
        found = []
        for run, folder, reason in zip(runs[1:], folders[1:], reasons, strict=True):
            try:
                after = None if reason else _delivered(stack, folder)[1]
                differences = _differences(first, before, after) if after else {}
                found.append(Paired(run, differences, reason))
            except TflbuildError as error:
                found.append(Paired(run, reason=_why(run, error)))
        return found


def _unlike(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say why the files of two reports cannot be held against each other; "" where they can."""
    if not first["targets"] or not other["targets"]:
        return "one of them delivered no file"
    splits = [report["data"]["splits"].get(FINAL_SPLIT, {}).get("digest") for report in (first, other)]
    if splits[0] != splits[1]:
        return f"their {FINAL_SPLIT} samples are not the same"
    if first["targets"][0]["sha256"] == other["targets"][0]["sha256"]:
        return "they delivered the same file"
    return ""


def _why(run: str, error: TflbuildError) -> str:
    return (
        f"{plain(run)} cannot be opened again ({error}). To measure them again, give the two model files "
        f"and data.root=FOLDER instead."
    )


class _Gone(TflbuildError):
    """The store no longer holds what a run was made of."""


def _delivered(stack: ExitStack, folder: Path) -> tuple[Opened, Artifact]:
    """Give a run's store, opened, and the file that it delivered to its first target.

    Raises:
        TflbuildError: its recipe, its data or its store are not there any more.
    """
    recipe, _ = recipe_of(folder / "report.json", Asked(), lambda text: None)
    worker = session.worker_for(recipe)
    stack.callback(worker.stop)
    store = stack.enter_context(opened(recipe, worker, warn=lambda text: warn([text])))
    prepared = store.prepared
    planned = plan(prepared.recipe, prepared.keys, prepared.store).steps
    gone = next((entry.step.label for entry in planned if entry.status != "HIT"), "")
    if gone:
        raise _Gone(f"'{gone}' is no longer in its store")
    store.runner.run(prepared.order)
    store.measurer.base = store.runner.outputs[base_label(prepared.recipe, prepared.order)]
    name = next(iter(prepared.recipe.targets))
    given = store.runner.outputs[delivered_step(prepared.recipe, prepared.order, name)]
    assert isinstance(given, TFLiteModel)
    return store, store.measurer.deliver(name, given).artifact or given


def _differences(first: Opened, before: Artifact, after: Artifact) -> dict[str, Difference]:
    names = primary_metrics(first.prepared.recipe.data.task)
    return {name: first.measurer.compare(name, before, after, FINAL_SPLIT) for name in names}
