"""`tflbuild diagnose`: why accuracy was lost, step by step, and what would cure it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tflbuild import session
from tflbuild.commands.bisect import without_gates
from tflbuild.commands.compare_files import RECIPE, is_model_file, quoted
from tflbuild.commands.cures import Trial, changing, tried
from tflbuild.commands.of_run import listener_for, opened_run
from tflbuild.commands.words import say, warn
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.core.task import TASKS
from tflbuild.engine.analyses import models_of
from tflbuild.engine.diagnosis import Diagnosis, causes_of, write
from tflbuild.engine.diagnosis import diagnose as diagnosed
from tflbuild.engine.events import Listener
from tflbuild.engine.opened import Opened, opened
from tflbuild.engine.order import base_label
from tflbuild.engine.run_folder import make_stamped_folder
from tflbuild.engine.storage.store import writing
from tflbuild.models.file import File
from tflbuild.recipe.load import load_recipe
from tflbuild.show.diagnosis import lines_of
from tflbuild.show.pages.publishing import publish_again

USAGE = (
    "usage: tflbuild diagnose RUN [--try N] [--preprocess | --operators] [--json], or diagnose FILE base=FILE "
    "data.root=FOLDER [KEY=VALUE ...]"
)
PAGE = "diagnosis.html"
SCORES = ("logits", "softmax", "sigmoid")
"""Kinds of a classifier's scores that `model.outputs` names."""
PREPROCESS, OPERATORS = "--preprocess", "--operators"
SUBJECTS = ("model", "base")
"""The delivered file, and the base."""

Look = Callable[[Opened, Mapping[str, Artifact], Mapping[str, Sequence[str]], Listener], list[dict[str, Any]]]
"""Gives the entries of a diagnosis."""

TRIED = 3
"""Cures that `--try` builds where it is given no number."""


@command(
    "diagnose", "why accuracy was lost, and how to fix it", usage="RUN_OR_FILE [base=FILE]", prints=False
)
def diagnose(words: list[str]) -> int:
    """Measure a ladder of models from the base to the delivered file, and name what lost accuracy, with its cures.

    Of a run, everything that it kept is used again. Of a file that tflbuild never saw, `base=` names the model that it
    was made of. `--try` builds the first cures, and says what each gave. `--preprocess` says instead what each mistake
    in preparing samples would cost the delivered file, and the base; `--operators` which operator of the file computes
    otherwise by other kernels.

    Raises:
        RecipeError: a word is missing or wrong.
    """
    made, folder = diagnosis_of(words, listener_for(words))
    if "--json" in words:
        say(json.dumps(made.to_json(), indent=1))
        return 0
    for line in lines_of(made.to_json()):
        say(line)
    say(f"page: {folder / PAGE}")
    return 0


def diagnosis_of(words: list[str], tell: Listener) -> tuple[Diagnosis, Path]:
    """Diagnose what words name, as the command does; gives the diagnosis, and the folder that it is written to.

    Args:
        words: of the command.
        tell: is told what happens.

    Raises:
        RecipeError: a word is missing or wrong.
    """
    rest, count = _trials([word for word in words if word not in ("--json", *INSTEAD)])
    if not rest or rest[0].startswith("-") or ("=" in rest[0] and not Path(rest[0]).exists()):
        raise RecipeError(USAGE)
    asked = [word for word in INSTEAD if word in words]
    if len(asked) > 1:
        raise RecipeError(f"diagnose: {' and '.join(asked)} cannot be combined; use one of them. {USAGE}")
    look, name = INSTEAD[asked[0]] if asked else (diagnosed, "diagnosis")
    if is_model_file(rest[0]):
        return _of_file(rest, tell, count, look)
    return _of_run(rest, tell, count, look, name)


def _publish(made: Diagnosis, folder: Path, store: Opened) -> None:
    """Write the diagnosis as JSON and as a page, and the models that were measured."""
    from tflbuild.show.pages.diagnosis import render

    write(made, folder, store.prepared.store)
    with writing(folder):
        (folder / PAGE).write_text(render(made.to_json()), encoding="utf-8")


def _trials(words: list[str]) -> tuple[list[str], int]:
    """Take `--try`, with a number or without one, from the words."""
    if "--try" not in words:
        return words, 0
    place = words.index("--try")
    told = words[place + 1] if place + 1 < len(words) and words[place + 1].isdecimal() else ""
    return [*words[:place], *words[place + 1 + bool(told) :]], int(told or TRIED)


def _with_trials(
    made: Diagnosis,
    building: Sequence[str],
    store: Opened,
    models: Mapping[str, Artifact],
    tell: Listener,
    count: int,
) -> Diagnosis:
    """Build the first cures, where that is asked for."""
    findings = [finding for entry in made.analyses for finding in entry["findings"]]
    ladder = next((finding for finding in findings if finding.get("rungs")), None)
    model = models["model"]
    if not count or ladder is None or not isinstance(model, TFLiteModel):
        return made
    value, metric = ladder["rungs"][-1]["value"], ladder["metric"]
    trial = Trial(words=building, store=store, model=model, metric=metric, value=value, tell=tell)
    return tried(made, trial, count)


def _mistakes(
    store: Opened, models: Mapping[str, Artifact], listed: Mapping[str, Sequence[str]], tell: Listener
) -> list[dict[str, Any]]:
    """Measure the delivered file and the base on samples that are prepared wrongly."""
    from tflbuild.analyses.preprocessing import Preprocessing

    store.measurer.base = models["base"]
    alone = models["base"].digest == models["model"].digest
    asked: list[dict[str, Any]] = [{"on": on, "every": True} for on in SUBJECTS[: 2 - alone]]
    looks = {f"preprocessing of the {options['on']}": Preprocessing(**options) for options in asked}
    return store.analyst.each(looks, models)


def _operators(
    store: Opened, models: Mapping[str, Artifact], listed: Mapping[str, Sequence[str]], tell: Listener
) -> list[dict[str, Any]]:
    """Run every operator of the delivered file, and of the float one, alone by two kinds of kernels."""
    from tflbuild.analyses.operators import Operators

    asked: list[dict[str, Any]] = [{"on": on} for on in ("float", "model")]
    looks = {f"operators of the {options['on']} file": Operators(**options) for options in asked}
    return store.analyst.each(looks, models, asked=False)


INSTEAD: Mapping[str, tuple[Look, str]] = {
    PREPROCESS: (_mistakes, "preprocessing"),
    OPERATORS: (_operators, "operators"),
}
"""Other questions by the word that asks them: how they are answered, and the folder of a run for the answer."""


def _of_run(words: list[str], tell: Listener, count: int, look: Look, name: str) -> tuple[Diagnosis, Path]:
    """Diagnose a run: its recipe again, from what it kept."""
    with opened_run("diagnose", words, USAGE, tell) as run:
        models = run.models("diagnosed")
        entries = look(run.store, models, run.recipe.model.listed_labels(), tell)
        made = Diagnosis(
            subject={"run": str(run.folder)},
            command=["diagnose", *words],
            analyses=entries,
            causes=changing(causes_of(entries), run.recipe.mapping),
        )
        made = _with_trials(made, run.overrides, run.store, models, tell, count)
        folder = run.folder / name
        _publish(made, folder, run.store)
        publish_again(run.folder, lambda text: warn([text]))
        return made, folder


def _of_file(words: list[str], tell: Listener, count: int, look: Look) -> tuple[Diagnosis, Path]:
    """Diagnose a file against the model that it was made of."""
    file, overrides = words[0], [word for word in words[1:] if not word.startswith("base=")]
    base = next((word.removeprefix("base=") for word in words[1:] if word.startswith("base=")), "")
    if not base:
        raise RecipeError(
            f"diagnose: '{plain(file)}' is a file; name the model that it was made from: base=FILE (any format)."
        )
    for word in overrides:
        if "=" not in word:
            raise RecipeError(f"diagnose: '{plain(word)}' is not KEY=VALUE. {USAGE}")
    first = without_gates(load_recipe(["recipe=int8", f"model.path={quoted(base)}", *overrides]))
    said = _said_by_base(first, file, overrides)
    second = load_recipe([f"recipe={RECIPE}", f"model.path={quoted(file)}", *overrides, *said])
    worker = session.worker_for(first)
    try:
        with ExitStack() as stack:
            stores = [
                stack.enter_context(opened(recipe, worker, tell, lambda text: warn([text])))
                for recipe in (first, second)
            ]
            models = _models_of_files(stores)
            entries = look(stores[0], models, first.model.listed_labels(), tell)
            made = Diagnosis(
                subject={"file": file, "base": base},
                command=["diagnose", *words],
                analyses=entries,
                causes=causes_of(entries),
            )
            building = ["recipe=int8", f"model.path={quoted(base)}", *overrides]
            made = _with_trials(made, building, stores[0], models, tell, count)
            folder = make_stamped_folder(first.outputs / "diagnose")
            _publish(made, folder, stores[0])
            return made, folder
    finally:
        worker.stop()


def _said_by_base(recipe: Recipe, file: str, overrides: Sequence[str]) -> list[str]:
    """Take a file's scores for what those of the base are, where the file does not show it and nobody says so."""
    from tflbuild.formats.known import described

    said = any(word.startswith(("model.outputs=", "model.head")) for word in overrides)
    base = recipe.model
    if said or not isinstance(base, File) or not TASKS.get(recipe.data.task).labelled:
        return []
    scores = base.description.head.get("scores", "")
    own = described(Path(file)).description
    outputs = list(own.signature.outputs.values())
    known = list(base.description.signature.outputs.values())
    alike = len(outputs) == len(known) == 1 and outputs[0].shape[-1] == known[0].shape[-1]
    if own.task or not alike or scores not in SCORES:
        return []
    warn(
        [
            f"the outputs of '{plain(file)}' are taken as {scores}, like the base's; set model.outputs= if "
            f"they are something else"
        ]
    )
    return [f"model.outputs={scores}"]


def _models_of_files(stores: Sequence[Opened]) -> Mapping[str, Artifact]:
    """Give the models of two files: the base, the float `.tflite` that it becomes, and the file."""
    first, second = stores
    order = first.prepared.order
    upto = next(
        (place for place, label in enumerate(order) if _quantizes(first.prepared.recipe, label)), None
    )
    first.runner.run(order[:upto])
    outputs = dict(first.runner.outputs)
    base = outputs[base_label(first.prepared.recipe, order)]
    model = second.runner.run(second.prepared.order)
    if not isinstance(model, TFLiteModel):
        raise RecipeError(
            "diagnose: only a .tflite can be diagnosed; give the model that it was made from as base=FILE."
        )
    found = models_of(outputs, base)
    return {**found, "model": model}


def _quantizes(recipe: Recipe, label: str) -> bool:
    return bool(recipe.steps[label].options.output_quantized())
