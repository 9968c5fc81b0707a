"""The account of a build: what it has come to so far, and the report that says so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tflbuild.core import toolchain
from tflbuild.core.dataset import Index
from tflbuild.core.errors import BudgetExceeded
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.ending import Ending, status_of, text_of
from tflbuild.engine.report import SCHEMA, StepReport, describe_data, recognised


@dataclass(kw_only=True)
class Account:
    """Everything that the report of a build tells besides the recipe and its data.

    Attributes:
        started: seconds since the epoch.
        steps: of the steps so far.
        base: label and metrics of the model that total budgets are held against.
        deliveries: to each target.
        paths: of what was delivered, by target, relative to the run's folder.
        analyses: what analyses found.
        labels: class names that the user's files tell, by where they are written.
        warnings: what the user should know.
        locked: the lock that the build is held to.
        reproduce: the command that runs the failed pass alone.
    """

    started: float = field(default_factory=time.time)
    steps: list[StepReport] = field(default_factory=list)
    base: Mapping[str, Any] = field(default_factory=lambda: {"label": "", "metrics": {}})
    deliveries: list[Delivery] = field(default_factory=list)
    paths: Mapping[str, str] = field(default_factory=dict)
    analyses: list[dict[str, Any]] = field(default_factory=list)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    locked: str | None = None
    reproduce: str | None = None

    def content(self, recipe: Recipe, index: Index, error: Ending) -> dict[str, Any]:
        """Give what `report.json` holds.

        Args:
            recipe: a resolved recipe.
            index: what its data hold.
            error: what the build ended with; None for a build that succeeded.
        """
        delivered = [d.to_json(self.paths[d.target]) for d in self.deliveries if d.target in self.paths]
        verdicts = [v.to_json() | {"target": d.target} for d in self.deliveries for v in d.verdicts]
        within = all(v["ok"] for v in verdicts) and not isinstance(error, BudgetExceeded)
        return {
            "schema": SCHEMA,
            "recipe": recipe.name,
            "description": recipe.described or recipe.subject,
            "subject": recipe.subject,
            "status": status_of(error),
            "error": text_of(error),
            "reproduce": self.reproduce,
            "stopped_after": recipe.run.stop_after,
            "locked": self.locked,
            "overrides": list(recipe.overrides),
            "file": recipe.file,
            "seed": recipe.seed,
            "started": datetime.fromtimestamp(self.started).astimezone().isoformat(timespec="seconds"),
            "seconds": round(time.time() - self.started, 3),
            "toolchain": {
                tool: toolchain.version(tool) for tool in (*recipe.tools, "tflbuild", "ai_edge_litert")
            },
            "environment": {"device": recipe.device, "threads": recipe.worker.threads},
            "data": describe_data(index, to_json(recipe.data), type(recipe.data).name),
            "model": {"type": type(recipe.model).name, **to_json(recipe.model)},
            "labels": {where: list(labels) for where, labels in self.labels.items()},
            "recognised": recognised(recipe, self.steps),
            "base": self.base,
            "passes": [step.to_json() for step in self.steps],
            "budget": {"ok": within, "verdicts": verdicts},
            "targets": delivered,
            "analyses": self.analyses,
            "warnings": self.warnings,
            "resolved": dict(recipe.mapping),
        }
