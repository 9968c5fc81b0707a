"""`tflbuild drift`: whether samples from the field are as those that a model was trained on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild import session
from tflbuild.analyses.drift import Drift, FieldSamples
from tflbuild.commands.compare_files import RECIPE, is_model_file, quoted
from tflbuild.commands.of_run import listener_for, opened_run
from tflbuild.commands.words import say, warn
from tflbuild.core import errors
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.cause import causes_in
from tflbuild.core.command import command
from tflbuild.core.errors import DataError, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.diagnosis_form import DRIFT_SCHEMA
from tflbuild.engine.events import Listener
from tflbuild.engine.opened import Opened, opened
from tflbuild.engine.run_folder import make_stamped_folder
from tflbuild.engine.storage.store import writing
from tflbuild.recipe.load import load_recipe
from tflbuild.show.pages.diagnosis import render
from tflbuild.show.pages.publishing import publish_again

USAGE = (
    "usage: tflbuild drift RUN data.root=FIELD [--json], or drift FILE.tflite data.root=TRAINING field=FIELD "
    "[base=FLOAT.tflite] [KEY=VALUE ...]"
)
NAME = "drift.json"
PAGE = "drift.html"
LABEL = "drift"
WELL = ("fine", "undecided")
"""Verdicts that end with exit code 0."""


class Found(NamedTuple):
    """Findings, what they are about, and the folder that they are written to."""

    entry: Mapping[str, Any]
    subject: Mapping[str, str]
    folder: Path


@command("drift", "field samples against training and calibration", usage="RUN data.root=FIELD", prints=False)
def drift(words: list[str]) -> int:
    """Hold samples from the field, without labels, to those that the model was trained on; exit code 7 for drift.

    `--json` prints what `drift.json` holds, for a nightly job.

    Raises:
        RecipeError: a word is missing or wrong.
    """
    rest = [word for word in words if word != "--json"]
    if not rest or rest[0].startswith("-") or ("=" in rest[0] and not Path(rest[0]).exists()):
        raise RecipeError(USAGE)
    found = (_of_file if is_model_file(rest[0]) else _of_run)(rest, listener_for(words))
    whole = _written(found, ["drift", *words])
    if "--json" in words:
        say(json.dumps(whole, indent=1))
    else:
        for line in Drift().lines(found.entry["findings"]):
            say(plain(line, 2000))
        for cure in _cures(found.entry):
            say(f"  cure: {plain(cure['text'], 400)}{_typed(cure)}")
        say(f"page: {found.folder / PAGE}")
    return 0 if whole["verdict"] in WELL else errors.Drift.exit_code


def _cures(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [cure for finding in entry["findings"] for cure in finding["cures"]]


def _typed(cure: Mapping[str, Any]) -> str:
    return f": {plain(cure['override'], 400)}" if cure.get("override") else ""


def _written(found: Found, typed: Sequence[str]) -> dict[str, Any]:
    """Write drift.json; gives what it holds."""
    whole = {
        "schema": DRIFT_SCHEMA,
        "subject": dict(found.subject),
        "command": list(typed),
        "verdict": found.entry["findings"][0]["verdict"],
        "causes": [
            {**cause._asdict(), "cures": [cure.to_json() for cure in cause.cures]}
            for cause in causes_in([found.entry])
        ],
        "analyses": [found.entry],
    }
    with writing(found.folder):
        (found.folder / NAME).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        (found.folder / PAGE).write_text(render(whole, "Samples from the field"), encoding="utf-8")
    if "run" in found.subject:
        publish_again(found.folder, lambda text: warn([text]))
    return whole


def _of_run(words: list[str], tell: Listener) -> Found:
    """Hold field samples to those of a run."""
    key = "field" if any(word.startswith("field=") for word in words) else "data.root"
    source, rest = _taken(words, key)
    if not source:
        raise RecipeError(f"drift: no field samples given; set data.root=FOLDER. {USAGE}")
    field = _source(source, key)
    with _named(key), opened_run("drift", rest, USAGE, tell, _looking_at(field)) as run:
        entry = _entry(run.store, run.models("looked at"))
        return Found(entry, {"run": str(run.folder), "field": source}, run.folder)


def _of_file(words: list[str], tell: Listener) -> Found:
    """Hold field samples to the training samples of a file that tflbuild did not make."""
    file, (source, rest) = words[0], _taken(words[1:], "field")
    base, rest = _taken(rest, "base")
    if not source:
        raise RecipeError(
            f"drift: '{plain(file)}' is a file; give its field samples as field=FOLDER and its training "
            f"samples as data.root=FOLDER."
        )
    for word in rest:
        if "=" not in word:
            raise RecipeError(f"drift: '{plain(word)}' is not KEY=VALUE. {USAGE}")
    look = _looking_at(_source(source, "field"))
    recipes = [
        load_recipe([f"recipe={RECIPE}", f"model.path={quoted(one)}", *rest]) for one in (file, base) if one
    ]
    recipes[0] = look(recipes[0])
    worker = session.worker_for(recipes[0])
    try:
        with _named("field"), ExitStack() as stack:
            stores = [
                stack.enter_context(opened(recipe, worker, tell, lambda text: warn([text])))
                for recipe in recipes
            ]
            models = dict(
                zip(("model", "float"), (store.runner.run(("load",)) for store in stores), strict=False)
            )
            if not isinstance(models.get("float", models["model"]), TFLiteModel):
                raise RecipeError(
                    f"drift: base: '{plain(base)}' is not a .tflite; name the float file, or leave it out."
                )
            entry = _entry(stores[0], models)
            folder = make_stamped_folder(Path(recipes[0].outputs) / "drift")
            return Found(entry, {"file": file, "field": source}, folder)
    finally:
        worker.stop()


def _taken(words: Sequence[str], key: str) -> tuple[str, list[str]]:
    """Take `key=VALUE` from words."""
    given = [word.partition("=")[2] for word in words if word.startswith(f"{key}=")]
    return (given[-1] if given else ""), [word for word in words if not word.startswith(f"{key}=")]


def _source(source: str, key: str) -> str:
    """Give a source as analyses name it, once it names something.

    Raises:
        DataError: it names no file.
    """
    path = Path(source).expanduser()
    if not path.exists() and not any(letter in source for letter in "*?["):
        raise DataError(
            f"{key}: there is no '{plain(source)}'; expected a folder, a glob, a list file (.txt) or an .npz."
        )
    if path.is_dir() and not next(path.iterdir(), None):
        raise DataError(f"{key}: the folder '{plain(source)}' is empty; expected samples from the field.")
    return source if "/" in source else os.path.join(".", source)  # so that it is no split, whatever its name


def _looking_at(source: str) -> Callable[[Recipe], Recipe]:
    """Give what adds the analysis to a recipe, so that its samples are listed with the data."""

    def altered(recipe: Recipe) -> Recipe:
        steps = {label: step.options for label, step in recipe.steps.items()}
        field: dict[str, Any] = {"field": FieldSamples(source=source)}
        looking = replace(Drift.of_steps(steps), **field)
        return replace(recipe, analyses={LABEL: looking})

    return altered


def _entry(store: Opened, models: Mapping[str, Artifact]) -> Mapping[str, Any]:
    looking = store.prepared.recipe.analyses[LABEL]
    reason = looking.fits(models)
    if reason:
        raise RecipeError(f"drift: {reason}.")
    return store.analyst.entry(LABEL, looking, models)


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Name the field samples in messages by what was typed."""
    try:
        yield
    except DataError as error:
        text = str(error).replace(f"analyses.{LABEL}.field.source", key).replace("field.source", key)
        error.args = (text.replace("data.<split>, ", ""),)
        raise
