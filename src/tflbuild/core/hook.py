"""Hooks: plugins that watch a build without changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tflbuild.core.registry import Registry

HOOKS: Registry[Hook] = Registry("hook")


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Base of every hook: a frozen dataclass whose fields are its options under `hooks.NAME:`.

    Declared with `@hook("name")`, chosen by `hooks=[name]`, called in the main process, which imports no TensorFlow.
    What it is given is JSON-able and its own copy. A hook that raises is named in a warning and not called again in
    that build; it never changes what is built, nor how the build ends.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tools by import name, as `tflbuild.core.toolchain` knows them."""

    def before_build(self, recipe: Mapping[str, Any], folder: Path) -> None:
        """A build begins: its resolved recipe and its run folder."""

    def before_pass(self, step: Mapping[str, Any]) -> None:
        """A step begins: `label`, `pass`, `options`, `status` ("HIT" or "RUN") and `reason`."""

    def after_pass(self, step: Mapping[str, Any]) -> None:
        """A step ended: its entry in report.json."""

    def on_gate(self, verdict: Mapping[str, Any]) -> None:
        """A gate was judged: the verdict as in report.json, and the `label` of its step, "" for the total budget."""

    def on_failure(self, failure: Mapping[str, Any]) -> None:
        """A pass failed or a budget was exceeded: `label` ("" where no step did it), `error` and `exit_code`."""

    def after_build(self, report: Mapping[str, Any], folder: Path) -> None:
        """A build ended, however it did: its report.json."""


hook = HOOKS.declare
"""Class decorator: declare a hook under a name."""
