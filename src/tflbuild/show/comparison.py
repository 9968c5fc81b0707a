"""The differences between runs: in the recipe, in the other causes, and in the figures that came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.engine.explaining import difference, explained

SCHEMA = "tflbuild.compare/1"
SECTIONS = ("recipe", "causes", "figures")
NOT_COMPARED = ("recipe", "description", "outputs", "store")
"""Keys of a recipe that say where things lie or what they are called."""

Preimages = Callable[[int, str], Mapping[str, Any] | None]
"""Gives what decided the action of a step, by the run's position and the step's label; None where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side.

    Attributes:
        runs: as the user named them.
        differing: of each section, the dotted keys whose values differ, with one value a run; None where it has none.
        equal: of each section, the keys whose values are the same.
    """

    runs: tuple[str, ...]
    differing: Mapping[str, Mapping[str, Sequence[Any]]]
    equal: Mapping[str, Sequence[str]]

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild compare --json` prints."""
        return {
            "schema": SCHEMA,
            "runs": list(self.runs),
            **{section: dict(self.differing[section]) for section in SECTIONS},
            "equal": {section: list(self.equal[section]) for section in SECTIONS},
        }


def compare(runs: Sequence[str], reports: Sequence[Mapping[str, Any]], preimages: Preimages) -> Comparison:
    """Compare the reports of runs.

    Args:
        runs: what the user calls them.
        reports: contents of their `report.json`.
        preimages: gives what decided an action, so that a changed source can be named.
    """
    read = {"recipe": recipe_of, "causes": causes_of, "figures": figures_of}
    differing: dict[str, dict[str, list[Any]]] = {}
    equal: dict[str, list[str]] = {}
    for section in SECTIONS:
        columns = [read[section](report) for report in reports]
        keys = dict.fromkeys(key for column in columns for key in column)
        rows = {key: [column.get(key) for column in columns] for key in keys}
        differing[section] = {key: row for key, row in rows.items() if any(v != row[0] for v in row)}
        equal[section] = [key for key in rows if key not in differing[section]]
    differing["causes"] |= _why(reports, preimages)
    return Comparison(runs=tuple(runs), differing=differing, equal=equal)


def recipe_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Give a run's resolved recipe by dotted keys; options of its passes as they were after resolving."""
    resolved = {key: value for key, value in report["resolved"].items() if key not in NOT_COMPARED}
    keys = flat({**resolved, "recipe": report["recipe"]})
    keys.pop("seed", None)
    for step in report["passes"]:
        keys |= flat({step["label"]: step["options"]})
    return keys


def causes_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Give a run's causes besides its recipe: tools, data by content, environment, seed."""
    data = report["data"]
    splits = {split: found["digest"] for split, found in data["splits"].items()}
    counts = {split: found["n"] for split, found in data["splits"].items()}
    return flat(
        {
            "seed": report["seed"],
            "toolchain": report["toolchain"],
            "environment": report["environment"],
            "data": {"content": splits, "images": counts, "dropped": len(data["dropped"])},
        }
    )


def figures_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """Give a run's measurements: of each target, of the base, and of each pass with its seconds."""
    figures: dict[str, Any] = {"status": report["status"]}
    several = len(report["targets"]) > 1
    for target in report["targets"]:
        prefix = f"{target['name']}." if several else ""
        figures |= {f"{prefix}{name}": m for name, m in target["metrics"].items() if m["unit"] != "bytes"}
        figures |= {f"{prefix}{name}": target[name] for name in ("bytes", "compressed_bytes", "sha256")}
        figures[f"{prefix}latency_ms"] = (target.get("latency_ms") or {}).get("median")
    base = report["base"]
    figures |= {f"base ({base['label']}).{name}": found for name, found in base["metrics"].items()}
    for step in report["passes"]:
        label = step["label"]
        figures |= {f"{label}.{name}": found for name, found in step["metrics"].items()}
        figures |= {f"{label}.bytes": step["bytes"], f"{label}.seconds": step["cost_seconds"]}
        outcome = "ran" if step["outcome"] == "cached" else step["outcome"]
        figures |= {f"{label}.output": step["output"], f"{label}.outcome": outcome}
    return figures


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give nested mappings as one, by dotted keys.

    >>> flat({"prune": {"sparsity": 0.5}, "seed": 0})
    {'prune.sparsity': 0.5, 'seed': 0}
    """
    found: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            found |= flat(item, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = item
    return found


def _why(reports: Sequence[Mapping[str, Any]], preimages: Preimages) -> dict[str, list[Any]]:
    """Say of each pass whose action differs from the first run's in which field it does, e.g. its source."""
    found: dict[str, list[Any]] = {}
    first = {step["label"]: step for step in reports[0]["passes"]}
    for position, report in enumerate(reports):
        for step in report["passes"]:
            label = step["label"]
            if label not in first or first[label]["action"] == step["action"]:
                continue
            row = found.setdefault(f"{label}.action", [first[label]["action"]] * len(reports))
            row[position] = _changes(step, preimages(0, label), preimages(position, label))
    return found


def _changes(
    step: Mapping[str, Any], before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> str:
    if before is None or after is None:
        return f"{step['action']}, why is not known: a run that was not built keeps no lock"
    changes = (explained(step["label"], step["pass"], change) for change in difference(before, after))
    return "; ".join(dict.fromkeys(changes))
