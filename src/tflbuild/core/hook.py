"""Hooks: plugins that watch a build without changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from tflbuild.core.errors import PluginError, did_you_mean
from tflbuild.core.registry import Registry

HOOKS: Registry[Hook] = Registry("hook", "hook", "hooks")
CALLS = ("before_build", "before_pass", "on_training", "after_pass", "on_gate", "on_failure", "after_build")
"""Names of the methods that a hook may define, in the order in which a build calls them."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Base of every hook: a frozen dataclass whose fields are its options under `hooks.NAME:`.

    Declared with `@hook("name")`, chosen by `hooks=[name]`, called in the main process, which imports no TensorFlow.
    What it is given is JSON-able and its own copy. A hook that raises is named in a warning and not called again in
    that build; it never changes what is built, nor how the build ends. The build waits for it.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tools by import name, as `tflbuild.core.toolchain` knows them."""

    def __init_subclass__(cls) -> None:
        """Refuse a misspelt call, which nobody would ever make.

        Raises:
            PluginError: a public method begins like a call and is none.
        """
        for name in vars(cls):
            if name.startswith(("before_", "after_", "on_")) and name not in CALLS:
                raise PluginError(
                    f"hook {cls.__qualname__} in {cls.__module__}: '{name}' is not one of {', '.join(CALLS)}."
                    f"{did_you_mean(name, CALLS)}"
                )

    @cached_property
    def memory(self) -> dict[str, Any]:
        """Values that the hook keeps between calls; empty when a build begins."""
        return {}

    def before_build(self, recipe: Mapping[str, Any], folder: Path) -> None:
        """A build begins: its resolved recipe and its run folder."""

    def before_pass(self, step: Mapping[str, Any]) -> None:
        """A step begins: `label`, `pass`, `options`, `status` ("HIT" or "RUN") and `reason`."""

    def on_training(self, point: Mapping[str, Any]) -> None:
        """A pass trains: `label`, `step` of `total`, `loss`, `learning_rate`, `images_per_second` and `epoch`.

        The last two are None where they are not known. A pass that is answered from the store tells none: its entry in
        report.json has the `curve`.
        """

    def after_pass(self, step: Mapping[str, Any]) -> None:
        """A step gave a model: its entry in report.json. The steps of a fallback begin and end inside its step."""

    def on_gate(self, verdict: Mapping[str, Any]) -> None:
        """A gate was judged: the verdict as in report.json, and the `label` of its step, "" for the total budget."""

    def on_failure(self, failure: Mapping[str, Any]) -> None:
        """A pass failed or a budget was exceeded: `label` ("" where no step did it), `error` and `exit_code`."""

    def after_build(self, report: Mapping[str, Any], folder: Path) -> None:
        """A build ended, in any way, Ctrl-C included: its report.json, and its folder."""


@dataclass(frozen=True, kw_only=True)
class Unmade(Hook):
    """Stands for a hook whose `__post_init__` raised; the build names it and continues.

    Attributes:
        error: what it raised.
    """

    error: BaseException


hook = HOOKS.declare
"""Class decorator: declare a hook under a name."""
