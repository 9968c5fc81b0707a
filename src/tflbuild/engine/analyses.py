"""Run the analyses that a recipe asks for: keyed, kept in the store, and never the end of a build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.analysis import Analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.keys import Keys
from tflbuild.engine.measure import Result, recall_or_compute
from tflbuild.engine.storage.store import Store
from tflbuild.engine.workers.context import Assignment
from tflbuild.engine.workers.worker import Worker

BASE, FLOAT, MODEL = "base", "float", "model"
"""Names of the models that an analysis may look at: the base, the last float `.tflite`, and what is delivered."""


def models_of(outputs: Mapping[str, Artifact], base: Artifact | None) -> dict[str, Artifact]:
    """Name the models of a build that analyses may look at.

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
    return found


class Analyst:
    """Runs the analyses of one recipe.

    Args:
        recipe: a resolved recipe.
        keys: preimages of what is computed.
        store: where findings are kept.
        worker: what computes them.
        index: file with what the data set holds.
        tell: is told what was found.
    """

    def __init__(
        self, recipe: Recipe, keys: Keys, store: Store, worker: Worker, index: Path, tell: Listener
    ) -> None:
        self._recipe, self._keys, self._store = recipe, keys, store
        self._worker, self._index, self._tell = worker, index, tell

    def run(self, models: Mapping[str, Artifact]) -> list[dict[str, Any]]:
        """Run every analysis of the recipe; gives entries of report.json's `analyses`.

        Args:
            models: by name, see `models_of`.
        """
        entries = []
        for name, analysis in self._recipe.analyses.items():
            missing = [of for of in analysis.of if of not in models]
            if missing:
                text = f"analyses.{name} is left out: it looks at '{missing[0]}', and this build has none"
                self._tell(Event("warning", {"text": text}))
                continue
            try:
                entries.append(self._entry(name, analysis, {of: models[of] for of in analysis.of}))
            except PassError as error:
                self._tell(Event("warning", {"text": f"analyses.{name}: {error}"}))
        return entries

    def _entry(self, name: str, analysis: Analysis, models: Mapping[str, Artifact]) -> dict[str, Any]:
        preimage = self._keys.analysis(analysis, models)

        def compute(staging: Path) -> Result:
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
            )

            def progress(done: float, total: float, note: str) -> None:
                self._tell(Event("progress", {"done": done, "total": total, "note": note}))

            self._tell(Event("measuring", {"what": f"analysis {name}", "split": ""}))
            ask = self._worker.crew.ask if analysis.light else self._worker.ask
            answer = ask(
                "analyse", analysis, dict(models), assignment, who=f"analysis '{name}'", progress=progress
            )
            return Result({"findings": answer.value}, answer.cost, {})

        record = recall_or_compute(self._store, preimage, compute, self._tell, what=f"the analysis '{name}'")
        entry = {
            "name": type(analysis).name,
            "key": digest.of_json(preimage),
            "findings": list(record.value["findings"]),
        }
        self._tell(Event("analysis", entry))
        return entry
