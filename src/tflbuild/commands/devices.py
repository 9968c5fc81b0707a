"""The device that a user names for `verify --on`: a target of the run, a declared target, or a runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from tflbuild import plugins
from tflbuild.core import toolchain
from tflbuild.core.artifact import KINDS
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.core.runtime import RUNTIMES, Runtime, usual_runtime
from tflbuild.core.target import TARGETS, Target, runtime_of
from tflbuild.recipe import choices
from tflbuild.recipe.files import group_file, group_names
from tflbuild.recipe.text import read_text
from tflbuild.recipe.validation import typed

ELSEWHERE = "no such device is reached; this machine's processor replays what the device would be given"
"""Remark on a target with an accelerator that this machine does not have."""


class Device(NamedTuple):
    """A device.

    Attributes:
        name: as the user named it.
        runtime: executes files on it; None for the usual one of the file's kind.
        kinds: of files that it takes.
        remark: what a user has to know of the replay; "" for nothing.
    """

    name: str
    runtime: Runtime | None
    kinds: tuple[str, ...]
    remark: str = ""

    def runtime_for(self, kind: str) -> Runtime:
        """Give what executes a file of a kind."""
        return self.runtime or usual_runtime(kind)()


def own_options(known: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Leave out what a run says of a device that its options lead to: a program to start, or another machine.

    Args:
        known: targets of the run's recipe with their options, by name.
        name: of the device.
    """
    options = known.get(name)
    kind = options.get("type") if isinstance(options, Mapping) else None
    if kind not in TARGETS or not TARGETS.get(str(kind)).reaches:
        return dict(known)
    return {**known, name: {"type": kind}}


def device_of(name: str, overrides: Sequence[str], known: Mapping[str, Any]) -> Device:
    """Find a device by the name that a user typed for it.

    Args:
        name: of a target of the run, of a declared target, or of a runtime.
        overrides: options of it, as `target.NAME.KEY=VALUE` or `runtime.NAME.KEY=VALUE`.
        known: targets of the run's recipe with their options, by name.

    Raises:
        RecipeError: there is none of that name, an option is wrong, or nothing executes a file for it here.
        MissingTool: what it needs is not installed.
    """
    loaded = plugins.load(plugins.default_folder())
    names = [*dict.fromkeys((*known, *group_names("target"), *TARGETS, *RUNTIMES))]
    if name not in names:
        plugins.require(name, loaded, "target")
        raise RecipeError(
            f"verify: --on: there is no device '{plain(name)}'; there are {', '.join(names)}."
            f"{did_you_mean(name, names)}"
        )
    if name in known or group_file("target", name) or name in TARGETS:
        return _of_target(name, _with(_target_options(name, known), f"target.{name}", overrides))
    runtime = typed(RUNTIMES.get(name), _with({}, f"runtime.{name}", overrides), f"runtime.{name}")
    toolchain.require(type(runtime).needs, f"runtime '{name}'")
    runtime.check()
    return Device(name, runtime, type(runtime).kinds)


def _target_options(name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    if name in known:
        return dict(known[name])
    path = group_file("target", name)
    found = yaml.safe_load(read_text(path)) if path else {"type": name}
    return dict(found) if isinstance(found, Mapping) else {"type": name}


def _of_target(name: str, options: Mapping[str, Any]) -> Device:
    target: Target = choices.targets({name: options})[name]
    if not type(target).executes:
        raise RecipeError(
            f"verify: --on: this machine cannot execute a file for {name}, so nothing is replayed on it."
        )
    toolchain.require(type(target).needs, f"target '{name}'")
    target.check()
    runtime = runtime_of(target)
    if runtime is not None:
        toolchain.require(type(runtime).needs, f"runtime '{type(runtime).name}'")
    kinds = type(runtime).kinds if runtime else (type(target).makes.kind,)
    absent = type(target).offloads and runtime is None
    return Device(name, runtime, kinds, f"{name}: {ELSEWHERE}" if absent else "")


def _with(options: dict[str, Any], prefix: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Give options as overrides change them.

    Raises:
        RecipeError: an override is of something else, or its value is not one.
    """
    for word in overrides:
        key, equals, text = word.lstrip("+").partition("=")
        option = key.removeprefix(f"{prefix}.")
        if not equals or option == key or "." in option:
            raise RecipeError(
                f"verify: '{plain(word)}' is no option of the device; write {prefix}.KEY=VALUE."
            )
        try:
            options[option] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"verify: {plain(key)}: '{plain(text)}' is not a value.") from error
    return options


def kind_of(suffix: str) -> str:
    """Give the kind of a delivered file by the end of its name; "" for another file."""
    return next((kind for kind, cls in KINDS.items() if cls.suffix == suffix), "")
