"""`--cfg`: a recipe as it was composed, and what is read of Hydra's own settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import yaml

from tflbuild.core.flags import OF_CFG, Given
from tflbuild.core.options import to_json
from tflbuild.engine.run_folder import STAMP
from tflbuild.recipe import compose
from tflbuild.show.audience import say
from tflbuild.show.hydra_app import run_hydra
from tflbuild.sweep.known import GRID, LAUNCHERS
from tflbuild.sweep.launchers import PRESETS, launcher
from tflbuild.sweep.request import Request, is_setting, read_request

HEADER = """\
# What tflbuild reads of Hydra's own settings: in a sweep, the launcher and the
# sweeper. Where runs go follows from the recipe; 'outputs=DIR' moves them."""


def show_configuration(given: Given) -> int:
    """Print the recipe (job), what is read of Hydra's settings (hydra), or both; gives the exit code.

    Raises:
        RecipeError: the recipe cannot be composed, or a setting is wrong.
    """
    what = given.flags["--cfg"]
    ours = [word for word in given.words if not is_setting(word)]
    if what != "job":
        _show_settings(read_request(given.words), ours)
    if what == "hydra":
        return 0
    words = ours if what == "all" else [*given.words]
    of_it = [f"{name}={value}" if value else name for name, value in given.flags.items() if name in OF_CFG]
    return run_hydra(["--cfg", "job", *of_it, *words])


def _show_settings(request: Request, words: list[str]) -> None:
    made = compose.compose(words)
    runs = f"{made['outputs']}/{made['recipe']}"
    settings = {
        "run": {"dir": f"{runs}/${{now:{STAMP}}}"},
        "sweep": {"dir": f"{runs}/sweep-${{now:{STAMP}}}", "subdir": "${hydra:job.override_dirname}"},
        "launcher": {"name": request.launcher, **_launcher_options(request)},
        "sweeper": {"name": request.sweeper, **_sweeper_options(request)},
    }
    say(HEADER)
    say(yaml.safe_dump({"hydra": settings}, sort_keys=False).rstrip())


def _launcher_options(request: Request) -> dict[str, Any]:
    """Give a launcher's options, those that were not typed as they are by themselves."""
    launcher(request.launcher, request.launcher_options)  # says what is wrong with them
    cls = getattr(import_module(LAUNCHERS[request.launcher]), "Options", None)
    usual = to_json(cls()) if isinstance(cls, type) and dataclasses.is_dataclass(cls) else {}
    return _merged(usual, {**PRESETS.get(request.launcher, {}), **request.launcher_options})


def _sweeper_options(request: Request) -> dict[str, Any]:
    if request.sweeper == GRID:
        return {}
    from tflbuild.recipe.validation import typed
    from tflbuild.sweep.study import Options

    return dict(to_json(typed(Options, request.sweeper_options, "hydra.sweeper")))


def _merged(usual: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(usual)
    for name, value in typed.items():
        inner = merged.get(name)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            value = _merged(inner, value)
        merged[name] = value
    return merged
