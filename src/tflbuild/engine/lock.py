"""Locks: `recipe.lock.yaml` ties delivered bytes to their causes, and a build can be held to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.errors import Drift, RecipeError
from tflbuild.core.form import (
    ANYTHING,
    DIGEST,
    INSIDE,
    MAPPING,
    TEXT,
    Malformed,
    check,
    fields,
    mapping_of,
    maybe,
    one_of,
    optional,
    whole,
)
from tflbuild.core.form import NAME as A_NAME
from tflbuild.core.machine import cpu_name
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import RUN_KEYS, Recipe
from tflbuild.core.samples import SUMMARY as SAMPLES
from tflbuild.engine import yaml_file
from tflbuild.engine.contents import changed_contents
from tflbuild.engine.drift import metric_drift, sample_drift, tool_drift
from tflbuild.engine.explaining import difference, explained, short
from tflbuild.engine.keys import Keys
from tflbuild.engine.report import Report, StepReport
from tflbuild.engine.report_form import METRICS, SHOWN, SPLIT
from tflbuild.engine.run_folder import newest_run
from tflbuild.engine.storage.disk import replace_file, writing

SCHEMA = "tflbuild.lock/1"
NAME = "recipe.lock.yaml"

CAUSES = (("code",), ("model", "code"), ("model", "files"), ("reader", "code"), ("environment",), ("data",))
"""Paths in an action's preimage to causes besides the recipe, the data's splits and the tools' versions."""


LOCK = fields(
    {
        "schema": one_of(SCHEMA),
        "recipe": INSIDE,
        "resolved": SHOWN,
        "model": MAPPING,
        "steps": mapping_of(
            fields(
                {
                    "pass": TEXT,
                    "options": MAPPING,
                    "action": DIGEST,
                    "input": maybe(DIGEST),
                    "output": DIGEST,
                    "causes": MAPPING,
                }
            )
        ),
        "data": fields({"test": SPLIT}, others=SPLIT),
        "toolchain": mapping_of(maybe(TEXT)),
        "environment": fields({"cpu": TEXT}, others=ANYTHING),
        "targets": mapping_of(
            fields(
                {
                    "path": INSIDE,
                    "sha256": DIGEST,
                    "bytes": whole(),
                    "metrics": METRICS,
                    "samples": optional(SAMPLES),
                }
            ),
            key=A_NAME,
        ),
    }
)
"""A lock, as far as it is read again."""


def write_lock(report: Report, preimages: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the lock of what was built.

    Args:
        report: of a build that delivered.
        preimages: of each step's action key, by label; the lock calls them causes.
    """
    import yaml

    steps = {
        step["label"]: {key: step[key] for key in ("pass", "options", "action", "input", "output")}
        | {"causes": _plain(preimages[step["label"]])}
        for step in report["passes"]
    }
    content = {
        "schema": SCHEMA,
        "recipe": report["recipe"],
        "resolved": _deciding(report["resolved"]),
        "model": report["model"],
        "steps": steps,
        "data": report["data"]["splits"],
        "toolchain": report["toolchain"],
        "environment": {**report["environment"], "cpu": cpu_name()},
        "targets": {
            t["name"]: {k: t[k] for k in ("path", "sha256", "bytes", "metrics", "samples") if k in t}
            for t in report["targets"]
        },
    }
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    with writing(report.folder):
        text = yaml.dump(_plain(content), Dumper=dumper, sort_keys=False, allow_unicode=True)
        replace_file(report.folder / NAME, text)


def read_lock(path: Path) -> dict[str, Any]:
    """Read a lock, all of it held to its form.

    Raises:
        RecipeError: it is missing or is no lock.
    """
    try:
        content = yaml_file.read_mapping(path)
    except OSError as error:
        raise RecipeError(f"{plain(path)} cannot be read as a lock: {error.strerror or error}.") from error
    except ValueError as error:
        raise RecipeError(f"{plain(path)} cannot be read as a lock: {error}.") from error
    if content.get("schema") != SCHEMA:
        raise RecipeError(f"{plain(path)} is not a lock: its schema is not {SCHEMA}.")
    try:
        check(content, LOCK)
    except Malformed as error:
        raise RecipeError(f"{plain(path)} is not a lock: {error}.") from error
    return content


def altered_steps(lock: Mapping[str, Any]) -> list[str]:
    """Say of which steps a lock's action is not what its causes give, since one of the two was changed afterwards."""
    return [
        f"steps.{label}.action is {short(step['action'])}, which is not the key of its causes, {short(key)}"
        for label, step in lock["steps"].items()
        if (key := digest.of_json(step["causes"])) != step["action"]
    ]


def find_lock(recipe: Recipe) -> Path:
    """Find the lock that a recipe is held to: the one it names, else that of its newest build.

    Raises:
        RecipeError: there is none.
    """
    if recipe.run.locked != "true":
        return Path(recipe.run.locked)
    runs = recipe.outputs / recipe.name
    folder = newest_run(runs, NAME)
    if folder is None:
        raise RecipeError(
            f"locked: {recipe.name} has no lock: there is neither a recipes/{recipe.name}.lock.yaml beside the recipe "
            f"nor a {NAME} in a run under {runs}; build once, or name one with locked=FILE."
        )
    return folder / NAME


class Lock:
    """A lock, and what a build must not differ in.

    Args:
        path: the file; names it in messages.
        keys: preimages of the recipe's actions as they are now.
        store: the store's folder, for what data sets held.
    """

    def __init__(self, path: Path, keys: Keys, store: Path) -> None:
        self.path = path
        self._keys = keys
        self._recipe = keys.recipe
        self._store = store
        self._content = read_lock(path)

    def check_causes(self) -> None:
        """Hold recipe, data, tools and code to the lock, before anything runs.

        Raises:
            Drift: names everything that differs.
        """
        self._refuse(
            [
                *altered_steps(self._content),
                *self._recipe_drift(),
                *self._data_drift(),
                *tool_drift(self._content["toolchain"]),
                *self._code_drift(),
            ]
        )

    def check_step(self, step: StepReport) -> None:
        """Hold what a step gave to the lock.

        Raises:
            Drift: the bytes differ, although everything that the lock names is unchanged.
        """
        locked = self._content["steps"].get(step.label)
        if locked is None:
            self._refuse([f"{step.label} is not in it"])
        elif locked["output"] != step.output:
            self._refuse(
                [
                    f"{step.label} gave {short(step.output)}, locked is {short(locked['output'])}{self._where()}"
                ]
            )
        elif locked["action"] != step.action:
            self._refuse(
                [f"the key of {step.label} is {short(step.action)}, locked is {short(locked['action'])}"]
            )

    def check_delivery(self, targets: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold delivered files and what was measured on them to the lock.

        Args:
            targets: `sha256` and `metrics` by target, as report.json has them.

        Raises:
            Drift: names what differs.
        """
        drift = [] if targets.keys() == self._content["targets"].keys() else ["other targets"]
        for name, locked in self._content["targets"].items():
            found = targets.get(name)
            if found is None:
                continue
            if found["sha256"] != locked["sha256"]:
                drift.append(f"{name}: file {short(found['sha256'])}, locked is {short(locked['sha256'])}")
            drift += [f"{name}: {text}" for text in metric_drift(locked["metrics"], found["metrics"])]
            drift += [f"{name}: {text}" for text in sample_drift(locked.get("samples"), found.get("samples"))]
        self._refuse(drift)

    def _recipe_drift(self) -> list[str]:
        changes = difference(self._content["resolved"], _plain(_deciding(self._recipe.mapping)))
        return [f"{'.'.join(path)} is {short(new)}, locked is {short(old)}" for path, old, new in changes]

    def _data_drift(self) -> list[str]:
        drift = []
        for split, locked in self._content["data"].items():
            if split in self._keys.index.splits and self._keys.index.digest(split) == locked["digest"]:
                continue
            source = f"data.{split}"
            how = changed_contents(self._store, locked["digest"], self._keys.listing(source))
            drift.append(f"{source} content changed{': ' if how else ''}{how}")
        return drift

    def _code_drift(self) -> list[str]:
        """Compare what is in the preimages alone; a step's input is unknown until it runs, so it is left out."""
        drift: list[str] = []
        for label, locked in self._content["steps"].items():
            step = self._recipe.steps.get(label)
            if step is None or type(step.options).name != locked["pass"]:
                continue
            now = _plain(self._keys.preimage_but_input(step))
            for change in difference(locked["causes"], now):
                known = any(change[0][: len(cause)] == cause for cause in CAUSES)
                split = change[0][0] == "data" and change[0][-1].partition(".")[2] in self._content["data"]
                if known and not split:
                    drift.append(explained(label, locked["pass"], change))
        return list(dict.fromkeys(drift))

    def _where(self) -> str:
        made = self._content["environment"]["cpu"]
        same = "although everything that the lock names is unchanged"
        return (
            f", {same}"
            if made == cpu_name()
            else f", {same} except the processor: {cpu_name()}, locked on {made}"
        )

    def _refuse(self, drift: list[str]) -> None:
        if drift:
            raise Drift(f"{self.path}: {'; '.join(drift)}.")


def _deciding(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a resolved recipe what decides no result."""
    kept = {key: value for key, value in mapping.items() if key not in (*RUN_KEYS, "seeds", "worker")}
    if not (kept.get("export") or {}).get("samples"):
        kept.pop("export", None)  # nothing is stored; a lock of an earlier tflbuild has no such key
    return {**kept, "worker": {"threads": mapping["worker"]["threads"]}} if "worker" in mapping else kept


def _plain(value: Any) -> Any:
    """Make tuples lists and read-only mappings dicts, so that what was written compares equal to what is read."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
