"""Ask each device of a check where the operators of a file run; one that loads it is asked in a process apart."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.target import Target
from tflbuild.engine.workers.apart import Apart, Called, Suspect
from tflbuild.placement.measured import unmeasured

PLACE = "tflbuild.placement.placing:placed"
"""Runs apart."""

Found = tuple[dict[str, Any], dict[str, Any]]
"""A placement as JSON, and figures."""


def placed(targets: Mapping[str, Target], file: Path, *, compiling: bool) -> dict[str, Found]:
    """Say for each device where the operators of a file run.

    Args:
        targets: by the name that they have here.
        file: the `.tflite`.
        compiling: whether compilers of the devices decide, where a device has one; else the figures are empty.

    Raises:
        RecipeError: the file cannot be read, or a device has no rules.
        MissingTool: a compiler is not installed.
    """
    with ExitStack() as leaving:
        loading = {name: one for name, one in targets.items() if one.loads and not one.rule_file}
        asked = {name: _begun(target, file, leaving) for name, target in loading.items()}
        return {
            name: _of(name, target, file, asked.get(name), compiling=compiling)
            for name, target in targets.items()
        }


def _of(name: str, target: Target, file: Path, asked: Called | None, *, compiling: bool) -> Found:
    figures: dict[str, Any] = {}
    if compiling and target.compiles:
        found, figures = _compiled(target, file)
    else:
        found = _loaded(asked, target, file) if asked is not None else target.place(file)
    if found is None:
        raise RecipeError(
            f"check: target '{plain(name)}' has no rules that say which operators it runs; give it some with "
            f"target.{plain(name)}.rule_file=FILE."
        )
    return {**found, "device": name}, figures


def _begun(target: Target, file: Path, leaving: ExitStack) -> Called:
    """Begin to ask a target apart, while the others are asked here."""
    apart = leaving.enter_context(Apart(loader=(plugins.LOADER, plugins.default_folder())))
    return apart.begin(PLACE, target, file, suspect=lambda: Suspect(file, "the runtime", "it is damaged"))


def _loaded(asked: Called, target: Target, file: Path) -> Mapping[str, Any] | None:
    """Give what a target says apart; by rules where the file ends that process."""
    foreseen = target.foresee(file)  # a file that cannot be read is refused here
    try:
        found: Mapping[str, Any] | None = asked.value()
    except RecipeError as error:
        return unmeasured(foreseen, plain(str(error).rstrip("."), 300)) if foreseen else None
    return found


def _compiled(target: Target, file: Path) -> tuple[Mapping[str, Any] | None, dict[str, Any]]:
    """Let the device's compiler decide."""
    sha256 = digest.of_file(file)
    model = TFLiteModel(path=file, digest=sha256, fingerprint=sha256, meta={})
    with tempfile.TemporaryDirectory(prefix="tflbuild-check-") as folder:
        _, figures = target.with_compiler().compile(model, Path(folder))
    found = dict(figures)
    return found.pop("placement", None) or target.place(file), found
