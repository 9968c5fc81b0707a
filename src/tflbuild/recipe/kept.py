"""A recipe that lies in the folder of a run or a sweep: what of it is used, and what only where the user asks for it.

Such a folder may be somebody else's. Building its recipe is what the user wants. Running its code, telling its hooks,
writing where it says and asking the store that it names are other things; each takes a word of the user:

    --plugins           load the plugins that it was built with, unless they are the user's own `./plugins`
    --hooks             call its hooks
    --devices           measure on its devices, by the programs that it names
    store.path=FOLDER   keep results there; store.remote=URL and outputs=FOLDER likewise
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core.errors import RecipeError, TflbuildError
from tflbuild.core.form import Malformed, check
from tflbuild.core.home import at_home
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import RUN_KEYS, Recipe
from tflbuild.core.target import TARGETS
from tflbuild.engine.report_form import RESOLVED
from tflbuild.recipe.load import thaw

FLAGS = ("--plugins", "--hooks", "--devices")
PLACES = ("store.path", "store.remote", "outputs")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The requests of the user besides the recipe itself.

    Attributes:
        plugins: load its plugins.
        hooks: call its hooks.
        devices: measure on its devices.
        places: where to write instead, by key of `PLACES`.
    """

    plugins: bool = False
    hooks: bool = False
    devices: bool = False
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A resolved recipe in a file.

    Attributes:
        mapping: the recipe, of the form `report_form.RESOLVED`.
        overrides: what was typed for it.
        file: where it lies; names it in messages.
        run: the folder of the run, or of the sweep.
        cwd: the folder that its relative paths start from.
        assumed: whether nobody had said how samples are scaled.
    """

    mapping: Mapping[str, Any]
    overrides: Sequence[str]
    file: Path
    run: Path
    cwd: Path = field(default_factory=Path)
    assumed: bool = False


def take_words(words: Sequence[str]) -> tuple[Asked, list[str]]:
    """Take the words that ask for something from the others."""
    places = {
        key: at_home(value) for key, _, value in (word.partition("=") for word in words) if key in PLACES
    }
    rest = [word for word in words if word not in FLAGS and word.partition("=")[0] not in PLACES]
    flags = {flag.removeprefix("--"): flag in words for flag in FLAGS}
    return Asked(**flags, places=places), rest


def plugin_folder(recorded: str | None, asked: Asked, note: Callable[[str], None]) -> Path | None:
    """Give the folder whose plugins are loaded: the user's own `./plugins`, or the recorded one where it is asked for.

    Args:
        recorded: what a file says; None where it was made without.
        asked: what the user asked for.
        note: is told of plugins that are left out.

    Raises:
        RecipeError: plugins are asked for and switched off at once.
    """
    own = plugins.default_folder()
    if recorded is None or (own is not None and Path(recorded) == own):
        return own
    switch = os.environ.get(plugins.OFF_SWITCH)
    if not asked.plugins:
        note(
            f"the plugins in {plain(recorded)} are not loaded; --plugins loads them, if you trust that folder"
        )
        return own
    if switch:
        raise RecipeError(f"--plugins: ${plugins.OFF_SWITCH}={plain(switch)} forbids plugins of any folder.")
    return Path(recorded)


def placed(kept: Kept, asked: Asked, note: Callable[[str], None]) -> dict[str, Any]:
    """Give a kept recipe with the places and hooks that it may have.

    Args:
        kept: the recipe.
        asked: what the user asked for.
        note: is told of what is left out.

    Raises:
        RecipeError: it would write where the user's own recipes do not, and nobody said so.
    """
    _check_form(kept)
    mapping = dict(kept.mapping)
    store, places = dict(mapping["store"]), asked.places
    mapping["outputs"] = places.get("outputs", mapping["outputs"])
    store["path"] = places.get("store.path", store.get("path"))
    remote = store.get("remote")
    if "store.remote" in places:
        store["remote"] = places["store.remote"] or None
    elif remote and remote != os.environ.get("TFLBUILD_REMOTE"):
        note(f"store.remote of {plain(kept.file)} is not used; store.remote={plain(remote)} uses it")
        store["remote"] = None
    if mapping.get("hooks") and not asked.hooks:
        note(
            f"the hooks of {plain(kept.file)} are not called ({_names(mapping['hooks'])}); --hooks calls them"
        )
        mapping["hooks"] = {}
    mapping["store"] = store
    _check_store(kept, mapping, asked)
    return mapping


def at_hand(
    kept: Kept, mapping: Mapping[str, Any], asked: Asked, note: Callable[[str], None]
) -> dict[str, Any]:
    """Leave out targets that start a program which the recipe names, or reach another machine.

    Args:
        kept: the recipe.
        mapping: what `placed` gave of it.
        asked: what the user asked for.
        note: is told of what is left out.

    Raises:
        RecipeError: no target is left.
    """
    given = mapping["target"]
    far = [
        label for label, one in given.items() if one["type"] in TARGETS and TARGETS.get(one["type"]).reaches
    ]
    if asked.devices or not far:
        return dict(mapping)
    text = f"target {plain(', '.join(far))} of {plain(kept.file)} is not measured on: --devices reaches it"
    if len(far) == len(given):
        raise RecipeError(f"{text}, if you trust that folder; it has no other target.")
    note(text)
    return {**mapping, "target": {label: one for label, one in given.items() if label not in far}}


def check_outputs(kept: Kept, mapping: Mapping[str, Any], asked: Asked) -> None:
    """Refuse a recipe that would make its run folder elsewhere than beside its run, or in the user's own outputs.

    Raises:
        RecipeError: says how to allow it.
    """
    outputs = _path(kept, mapping["outputs"])
    if "outputs" in asked.places or outputs in (_path(kept, "outputs"), *_outputs_of(kept)):
        return
    raise RecipeError(
        f"{plain(kept.file)}: outputs is {plain(mapping['outputs'])}, where this run does not lie; say where to build: "
        f"outputs=FOLDER."
    )


def thawed(mapping: Mapping[str, Any], kept: Kept, folder: Path | None) -> Recipe:
    """Make the recipe of a mapping that `placed` gave, or that has places of its own.

    Raises:
        TflbuildError: it is none; the message names the file.
    """
    _check_form(kept)
    try:
        return thaw(mapping, kept.overrides, folder, assumed=kept.assumed)
    except TflbuildError as error:
        error.args = (f"{plain(kept.file)}: {error}",)
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise RecipeError(f"{plain(kept.file)}: its recipe is none: {plain(repr(error), 120)}.") from error


def without_places(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a kept recipe all that says where it writes, who is told, and how a run goes."""
    return {key: value for key, value in mapping.items() if key not in RUN_KEYS}


def _check_form(kept: Kept) -> None:
    try:
        check(kept.mapping, RESOLVED, "resolved")
    except Malformed as error:
        raise RecipeError(f"{plain(kept.file)}: its recipe is none: {error}.") from error


def _check_store(kept: Kept, mapping: Mapping[str, Any], asked: Asked) -> None:
    given = mapping["store"]["path"]
    path = _path(kept, given or Path(mapping["outputs"]) / "store")
    own: list[str | Path] = [at_home(os.environ.get("TFLBUILD_STORE")) or "outputs/store"]
    own += [outputs / "store" for outputs in _outputs_of(kept)]
    if "store.path" in asked.places or _is_store(path) or path in [_path(kept, one) for one in own]:
        return
    if "outputs" in asked.places and not given:
        return
    raise RecipeError(
        f"{plain(kept.file)}: its store would be {plain(path)}, where there is none; say where to keep results: "
        f"store.path=FOLDER."
    )


def _is_store(path: Path) -> bool:
    try:
        return (path / "schema").is_file()
    except OSError:  # e.g. a name that no file system takes
        return False


def _path(kept: Kept, text: str | Path) -> Path:
    try:
        return (kept.cwd / text).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise RecipeError(f"{plain(kept.file)}: '{plain(text)}' is not a path: {error}.") from error


def _outputs_of(kept: Kept) -> list[Path]:
    """Give the outputs folder that a run or sweep lies in, as builds make it: OUTPUTS/RECIPE/RUN."""
    above = kept.run.resolve().parents
    deep = 1 + str(kept.mapping["recipe"]).count("/")  # recipes may lie in folders
    return [above[depth] for depth in {1, deep} if depth < len(above)]


def _names(hooks: Mapping[str, Any]) -> str:
    return plain(", ".join(hooks))
