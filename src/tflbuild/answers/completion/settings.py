"""Offers of Hydra's settings: the launcher and the sweeper of a sweep, and their options."""

from __future__ import annotations

import dataclasses
from importlib import import_module

from tflbuild.answers.completion.line import Line
from tflbuild.answers.completion.values import values
from tflbuild.sweep.known import LAUNCHERS, SWEEPERS


def settings(line: Line) -> list[str]:
    """Offer `hydra/launcher=`, `hydra/sweeper=`, and the options of what was chosen."""
    found = [f"hydra/launcher={name}" for name in LAUNCHERS] + [f"hydra/sweeper={name}" for name in SWEEPERS]
    if not line.word.startswith("hydra"):
        return ["hydra/launcher=", "hydra/sweeper="]
    chosen = dict(word.split("=", 1) for word in line.overrides if word.startswith("hydra/"))
    if line.word.startswith("hydra/"):
        return found
    modules = {"launcher": LAUNCHERS.get(chosen.get("hydra/launcher", ""), "")}
    if chosen.get("hydra/sweeper") == "optuna":
        modules["sweeper"] = "tflbuild.sweep.study"
    for part, module in modules.items():
        if module:
            found += _options(f"hydra.{part}.", getattr(import_module(module), "Options", None), line.word)
    return found


def _options(prefix: str, cls: object, word: str) -> list[str]:
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        return []
    return values(cls, prefix, word)
