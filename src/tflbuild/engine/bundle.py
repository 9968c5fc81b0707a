"""A bundle that runs one failed pass alone: what it was given, by digest, and where."""

from __future__ import annotations

import platform
import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflbuild.core import digest, toolchain
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.budget import limits_of
from tflbuild.core.errors import RecipeError
from tflbuild.core.judgement import HeldLimit
from tflbuild.core.machine import cpu_name
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.bundle_form import NAME, SCHEMA, read_bundle
from tflbuild.engine.inputs import Inputs
from tflbuild.engine.prepare import Prepared
from tflbuild.engine.run_folder import keep_index
from tflbuild.engine.storage.store import writing
from tflbuild.engine.workers.context import Assignment
from tflbuild.engine.workers.worker import Progress, Reply, Worker

__all__ = ["Failure", "assignment_of", "environment", "read_bundle", "run_bundle", "write_bundle"]


@dataclass(frozen=True)
class Failure:
    """A pass that failed: its step, its inputs, what decided it, and how it ended."""

    step: Step
    inputs: Inputs
    preimage: Mapping[str, Any]
    error: str


def write_bundle(failure: Failure, recipe: Recipe, folder: Path) -> str:
    """Write `reproduce.yaml`; gives the command that runs the pass alone.

    Args:
        failure: which pass failed, on what.
        recipe: the recipe, resolved.
        folder: the run folder.
    """
    import yaml

    step, inputs = failure.step, failure.inputs
    command = f"tflbuild reproduce {shlex.quote(str(folder))}"
    content = {
        "schema": SCHEMA,
        "command": command,
        "error": failure.error,
        "pass": {"label": step.label, "name": type(step.options).name, "options": to_json(step.options)},
        "action": digest.of_json(failure.preimage),
        "causes": failure.preimage,
        "input": _written(inputs.model),
        "models": {label: _written(model) for label, model in inputs.models.items()},
        "held": [
            {"metric": held.limit.metric, **held.limit.to_json(), "baseline": _written(held.baseline)}
            for held in inputs.held
        ],
        "base": _written(inputs.base),
        "environment": environment(recipe),
        "recipe": {
            "resolved": to_json(recipe.mapping),
            "overrides": list(recipe.overrides),
            "plugins": str(recipe.plugins) if recipe.plugins else None,
        },
    }
    with writing(folder):
        text = yaml.safe_dump(_unshared(content), sort_keys=False, allow_unicode=True)
        (folder / NAME).write_text(text, encoding="utf-8")
    return command


def _unshared(value: Any) -> Any:
    """Copy what occurs twice, since YAML would write the second as an alias, which no reader of ours takes."""
    if isinstance(value, Mapping):
        return {name: _unshared(part) for name, part in value.items()}
    return [_unshared(part) for part in value] if isinstance(value, list | tuple) else value


def environment(recipe: Recipe) -> dict[str, Any]:
    """Say on what a pass ran."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "device": recipe.device,
        "threads": recipe.worker.threads,
        "seed": recipe.seed,
        "toolchain": {tool: toolchain.version(tool) for tool in (*recipe.tools, "tflbuild")},
    }


def run_bundle(
    content: Mapping[str, Any],
    prepared: Prepared,
    worker: Worker,
    progress: Progress,
    say: Callable[[str], None],
) -> Reply:
    """Run the pass of a bundle alone; keeps nothing.

    Args:
        content: what `read_bundle` gave.
        prepared: the bundle's recipe on its data.
        worker: what runs it.
        progress: is told how far it is.
        say: is told what differs from when the pass failed.

    Raises:
        RecipeError: the input is not there any more.
        PassError: the pass failed again.
    """
    recipe = prepared.recipe
    label = content["pass"]["label"]
    if label not in recipe.steps:
        raise RecipeError(
            f"reproduce: pass.label: '{plain(label)}' is not a step of the bundle's recipe; there are "
            f"{', '.join(recipe.steps)}."
        )
    step = recipe.steps[label]
    for text in _differences(content, recipe):
        say(text)
    inputs = _inputs(content, prepared)
    if digest.of_json(prepared.keys.action(step, inputs)) != content["action"]:
        say("its key differs from that of the failed pass: code, data or tools have changed")
    prepared.store.prepare()
    with tempfile.TemporaryDirectory(prefix="tflbuild-reproduce-") as name:
        staging = Path(name)
        index = keep_index(prepared.index, prepared.store.root)
        assignment = assignment_of(step, inputs, recipe, index, staging, staging / "checkpoints")
        who = f"pass '{step.label}'"
        arguments = (step.options, inputs.model, assignment)
        return worker.ask("run_pass", *arguments, who=who, progress=progress, timeout=step.timeout)


def _differences(content: Mapping[str, Any], recipe: Recipe) -> list[str]:
    then, now = content["environment"], environment(recipe)
    tools = [
        f"{tool} is {now['toolchain'].get(tool)}; it failed with {version}"
        for tool, version in then["toolchain"].items()
        if now["toolchain"].get(tool) != version
    ]
    fields = [
        f"{key} is {now[key]}, it failed on {then[key]}"
        for key in ("python", "cpu", "device", "threads")
        if now[key] != then[key]
    ]
    return [*fields, *tools]


def assignment_of(
    step: Step,
    inputs: Inputs,
    recipe: Recipe,
    index: Path,
    staging: Path,
    checkpoints: Path,
) -> Assignment:
    """Say to a worker what a step is about, besides its options and its input.

    Args:
        step: what runs.
        inputs: what it is given.
        recipe: the recipe, resolved.
        index: file with what the data set holds.
        staging: an empty folder.
        checkpoints: a folder for this action's checkpoints.
    """
    return Assignment(
        label=step.label,
        seed=recipe.seed,
        model_spec=recipe.model,
        asks_model=step.options.asks_model(),
        data=recipe.data,
        index=index,
        reads=step.options.reads(),
        staging=staging,
        checkpoints=checkpoints,
        checkpoint_seconds=recipe.worker.checkpoint_seconds,
        models=inputs.models,
        held=inputs.held,
        base=inputs.base,
        strict=recipe.strict,
    )


def _written(model: Artifact | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {
        "kind": model.kind,
        "digest": model.digest,
        "fingerprint": model.fingerprint,
        "path": str(model.path),
        "meta": to_json(model.meta),
    }


def _inputs(content: Mapping[str, Any], prepared: Prepared) -> Inputs:
    """Find what the pass was given."""
    held = []
    for position, entry in enumerate(content["held"]):
        found = limits_of(
            {entry["metric"]: {k: v for k, v in entry.items() if k not in ("metric", "baseline")}}
        )
        if len(found) != 1:
            raise RecipeError(f"reproduce: held.{position} holds {len(found)} limits; expected one.")
        held.append(HeldLimit(limit=found[0], baseline=_found(entry["baseline"], content, prepared)))
    models = {label: _found(given, content, prepared) for label, given in content["models"].items()}
    return Inputs(
        model=_found(content["input"], content, prepared),
        models={label: model for label, model in models.items() if model is not None},
        held=tuple(held),
        base=_found(content.get("base"), content, prepared),
    )


def _found(
    given: Mapping[str, Any] | None, content: Mapping[str, Any], prepared: Prepared
) -> Artifact | None:
    """Find a model by its digest: in the store, or where it was."""
    if given is None:
        return None
    for path in (prepared.store.blob(given["digest"]), Path(given["path"])):
        if path.is_file() and digest.of_file(path) == given["digest"]:
            return KINDS[given["kind"]](
                path=path, digest=given["digest"], fingerprint=given["fingerprint"], meta=given["meta"]
            )
    raise RecipeError(
        f"reproduce: the input of '{plain(content['pass']['label'])}', {given['kind']} {given['digest'][:12]}, is no "
        f"longer in the store {prepared.store.root}; build the recipe again."
    )
