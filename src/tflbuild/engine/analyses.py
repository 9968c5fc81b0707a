"""Run the analyses that a recipe asks for: keyed, kept in the store, and never the end of a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.analysis import STEP, Analysis, Measured
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.disagreement import BASE, MODEL, TRUTH
from tflbuild.core.errors import PassError
from tflbuild.core.names import named
from tflbuild.core.place import on_one_line
from tflbuild.core.recipe import Recipe
from tflbuild.core.runtime import Runtime
from tflbuild.core.target import runtime_of
from tflbuild.engine.deliver import FINAL_SPLIT
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.keys import Keys
from tflbuild.engine.measure import Measurer
from tflbuild.engine.recalling import Result, recall_or_compute
from tflbuild.engine.storage.store import Store
from tflbuild.engine.variants import kept, measured, read
from tflbuild.engine.workers.context import KEPT, Assignment
from tflbuild.engine.workers.worker import Reply, Worker

FLOAT = "float"
"""Name of the last float `.tflite`, which an analysis may look at beside the base and what is delivered."""


def models_of(outputs: Mapping[str, Artifact], base: Artifact | None) -> dict[str, Artifact]:
    """Name the models of a build that analyses may look at; each step's as `step:LABEL`, too.

    Args:
        outputs: what the steps gave, by label, in order.
        base: the model that total budgets are held against.
    """
    found = {BASE: base} if base is not None else {}
    for model in outputs.values():
        if isinstance(model, TFLiteModel) and not model.meta.get("quantized"):
            found[FLOAT] = model
    if outputs:
        found[MODEL] = list(outputs.values())[-1]
    return found | {f"{STEP}{label}": model for label, model in outputs.items()}


class Analyst:
    """Runs the analyses of one recipe.

    Args:
        recipe: a resolved recipe.
        keys: preimages of what is computed.
        store: where findings are kept.
        worker: what computes them.
        index: file with what the data set holds.
        measurer: measures the variants of models that analyses make.
        tell: is told what was found.
    """

    def __init__(
        self,
        recipe: Recipe,
        keys: Keys,
        store: Store,
        worker: Worker,
        index: Path,
        measurer: Measurer,
        tell: Listener,
    ) -> None:
        self._recipe, self._keys, self._store = recipe, keys, store
        self._worker, self._index, self._measurer, self._tell = worker, index, measurer, tell

    def run(self, models: Mapping[str, Artifact]) -> list[dict[str, Any]]:
        """Run every analysis of the recipe but those of what is delivered; gives entries of report.json's `analyses`.

        Args:
            models: by name, see `models_of`.
        """
        chosen = {name: one for name, one in self._recipe.analyses.items() if not one.delivered}
        return self.each(chosen, models)

    def of_delivered(self, deliveries: Sequence[Delivery], base: Artifact) -> list[dict[str, Any]]:
        """Run every analysis of what is delivered on the first file whose accuracy was measured, likewise.

        Args:
            deliveries: to each target.
            base: what total budgets are held against.
        """
        usual = [named(dotted)() for dotted in self._worker.names.delivered]
        kept = [one for one in usual if type(one).name not in self._recipe.silenced]
        chosen = {type(one).name: one for one in (*kept, *self._recipe.analyses.values()) if one.delivered}
        for made in deliveries:
            if any(found.split == FINAL_SPLIT for found in made.metrics.values()):
                runtime = runtime_of(self._recipe.targets[made.target])
                models = {BASE: base, MODEL: made.model}
                if (
                    runtime is not None and type(runtime).alone
                ):  # times of this machine say nothing about the device
                    chosen = {name: one for name, one in chosen.items() if not type(one).timed}
                return self.each(chosen, models, asked=False, runtime=runtime, same=made.same)
        return []

    def each(
        self,
        analyses: Mapping[str, Analysis],
        models: Mapping[str, Artifact],
        *,
        asked: bool = True,
        runtime: Runtime | None = None,
        same: Artifact | None = None,
    ) -> list[dict[str, Any]]:
        """Run analyses, one after the other; one that fails is a warning, and the others run all the same.

        Args:
            analyses: by label.
            models: by name, see `models_of`.
            asked: whether the user asked for each; one that has nothing to look at is left out in silence otherwise.
            runtime: executes the delivered file, for analyses of that; None for the usual one.
            same: computes what the delivered file does, see `Delivery`.
        """
        entries = []
        for name, analysis in analyses.items():
            missing = [of for of in analysis.of if of not in models]
            reason = f"it needs '{missing[0]}', which this build does not have" if missing else ""
            reason = reason or analysis.fits(models)
            if reason:
                if asked:
                    self._warn(f"analyses.{name} is skipped: {reason}")
                continue
            try:
                entries.append(self.entry(name, analysis, models, runtime, same))
            except PassError as error:
                self._warn(f"analyses.{name}: {on_one_line(str(error))}")
        return entries

    def entry(
        self,
        name: str,
        analysis: Analysis,
        models: Mapping[str, Artifact],
        runtime: Runtime | None = None,
        same: Artifact | None = None,
    ) -> dict[str, Any]:
        """Run one analysis, or recall it; gives an entry of report.json's `analyses`.

        Args:
            name: its label.
            analysis: it.
            models: by name, see `models_of`; those that it does not look at are left out.
            runtime: executes the delivered file, for an analysis of that; None for the usual one.
            same: computes what the delivered file does, see `Delivery`.

        Raises:
            PassError: it failed.
        """
        given = {of: models[of] for of in analysis.of if of in models}
        if analysis.steps:
            given |= {of: model for of, model in models.items() if of.startswith(STEP)}
        predicted = self._predicted(given, runtime) if analysis.delivered else None
        if predicted is not None and analysis.chooses:
            predicted |= self._predicted_on(analysis.chooses, same or given[MODEL], runtime)
        preimage = self._keys.analysis(analysis, given, predicted)
        found: tuple[Measured, ...] = ()
        if analysis.measures:
            found = self._measured(name, analysis, given, preimage)
            preimage = {**preimage, "measured": [_told(one) for one in found]}

        def compute(staging: Path) -> Result:
            answer = self._ask("analyse", name, analysis, given, staging, found, predicted or {})
            kept_files = _files_in(staging / KEPT)
            numbered = {f"file{number}": path for number, path in enumerate(kept_files.values())}
            return Result({"findings": answer.value, "names": list(kept_files)}, answer.cost, numbered)

        record = recall_or_compute(self._store, preimage, compute, self._tell, what=f"the analysis '{name}'")
        entry: dict[str, Any] = {
            "name": type(analysis).name,
            "key": digest.of_json(preimage),
            "findings": list(record.value["findings"]),
        }
        names = record.value.get("names") or []
        if names:
            entry["files"] = {name: record.value[f"file{number}"] for number, name in enumerate(names)}
        self._tell(Event("analysis", entry))
        return entry

    def _predicted(self, models: Mapping[str, Artifact], runtime: Runtime | None) -> dict[str, str]:
        """Give digests of the files with predictions and truth of the samples that a delivery is measured on."""
        executes = {MODEL: runtime}
        found = {
            name: self._measurer.predictions(model, FINAL_SPLIT, executes.get(name))
            for name, model in models.items()
        }
        records = found | {TRUTH: self._measurer.truth(FINAL_SPLIT)}
        return {name: record.value["file"] for name, record in records.items()}

    def _predicted_on(self, split: str, model: Artifact, runtime: Runtime | None) -> dict[str, str]:
        """Give the same of a model on another split; one of the runtime's kind is executed by that."""
        executes = runtime if runtime is not None and model.kind in type(runtime).kinds else None
        found = self._measurer.predictions(model, split, executes)
        records = {MODEL: found, TRUTH: self._measurer.truth(split)}
        return {f"{split}:{name}": record.value["file"] for name, record in records.items()}

    def _measured(
        self, name: str, analysis: Analysis, given: Mapping[str, Artifact], preimage: Mapping[str, Any]
    ) -> tuple[Measured, ...]:
        """Have an analysis make its variants, and measure them, as often as it has rounds."""
        found: tuple[Measured, ...] = ()
        for _ in range(analysis.rounds):
            made = self._round(name, analysis, given, preimage, found)
            if not made:
                break
            found += made
        return found

    def _round(
        self,
        name: str,
        analysis: Analysis,
        given: Mapping[str, Artifact],
        preimage: Mapping[str, Any],
        before: tuple[Measured, ...],
    ) -> tuple[Measured, ...]:
        """Have an analysis make variants by what was measured before, and measure them."""

        def compute(staging: Path) -> Result:
            answer = self._ask("variants", name, analysis, given, staging, before)
            return kept(answer.value, given, answer.cost)

        asked = {**preimage, "measure": "variants"}
        if before:
            asked["measured"] = [_told(one) for one in before]
        record = recall_or_compute(self._store, asked, compute, self._tell, what=f"the models of '{name}'")
        made = read(record, self._store, given)
        task, split = self._recipe.data.task, analysis.measures
        return tuple(measured(made, self._measurer, task, split, series=analysis.series))

    def _ask(
        self,
        method: str,
        name: str,
        analysis: Analysis,
        given: Mapping[str, Artifact],
        staging: Path,
        found: tuple[Measured, ...],
        predicted: Mapping[str, str] | None = None,
    ) -> Reply:
        assignment = Assignment(
            label=name,
            seed=self._recipe.seed,
            model_spec=self._recipe.model,
            data=self._recipe.data,
            index=self._index,
            reads=analysis.reads(),
            staging=staging,
            checkpoints=staging / "checkpoints",
            checkpoint_seconds=self._recipe.worker.checkpoint_seconds,
            measured=found,
            predicted={of: self._store.blob(sha256) for of, sha256 in (predicted or {}).items()},
        )

        def progress(done: float, total: float, note: str) -> None:
            self._tell(Event("progress", {"done": done, "total": total, "note": note}))

        self._tell(Event("measuring", {"what": f"analysis {name}", "split": ""}))
        ask = self._worker.crew.ask if analysis.is_light(given) else self._worker.ask
        return ask(method, analysis, dict(given), assignment, who=f"analysis '{name}'", progress=progress)

    def _warn(self, text: str) -> None:
        self._tell(Event("warning", {"text": text}))


def _files_in(folder: Path) -> dict[str, Path]:
    """Give the files that an analysis kept, by their relative path, in order of it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


def _told(found: Measured) -> dict[str, Any]:
    """Give what decides a finding about a variant."""
    return {
        "name": found.variant.name,
        "samples": found.variant.samples,
        "metrics": {name: one.to_json() for name, one in found.metrics.items()},
        "changes": {name: asdict(one) for name, one in found.changes.items()},
        "totals": {name: asdict(one) for name, one in found.totals.items()},
    }
