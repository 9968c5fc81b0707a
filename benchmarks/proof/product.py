"""What tflbuild makes: builds through its Python API, with one store, so that everything is trained once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tflbuild
from proof.rows import Row

PLUGINS = Path(__file__).resolve().parent / "plugins"


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One way through tflbuild.

    Attributes:
        steps: passes by label, besides `train` and `convert`.
        order: labels in order.
        options: overrides.
        timed: labels whose seconds count as building the file.
    """

    steps: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str]
    options: Sequence[str] = ()
    timed: Sequence[str] = ()

    def words(self, row: Row, small: bool) -> list[str]:
        """Give the overrides of the row's recipe."""
        return [
            *row.options,
            *(row.small if small else ()),
            *(f"+passes@{label}={name}" for label, name in self.steps.items()),
            f"pipeline=[{','.join(self.order)}]",
            *self.options,
        ]


def build(row: Row, pipeline: Pipeline, small: bool) -> dict[str, Any]:
    """Build one file.

    Returns:
        Its `path`, the `seconds` of the timed steps when they were computed, and `notes` of every step by label.
    """
    report = tflbuild.build(f"proof_{row.name}", pipeline.words(row, small), show=False)
    steps = {step["label"]: step for step in report["passes"]}
    timed = pipeline.timed or pipeline.order[-1:]
    return {
        "path": str(report.folder / report["targets"][0]["path"]),
        "seconds": sum(steps[label]["cost_seconds"] for label in timed),
        "notes": {label: step["notes"] for label, step in steps.items() if step["notes"]},
    }


def write_recipes(folder: Path, rows: Sequence[Row]) -> None:
    """Put the rows' recipes, and the pass that controls are trained with, where a user's own lie."""
    shutil.copytree(
        PLUGINS, folder / "plugins", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "recipes").mkdir(parents=True, exist_ok=True)
    for row in rows:
        (folder / "recipes" / f"proof_{row.name}.yaml").write_text(row.recipe)
