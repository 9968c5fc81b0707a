"""Every error a user can meet, and the exit code it ends with.

TflbuildError            1  (never raised itself)
├── RecipeError          2  the recipe or its input is wrong
│   └── DataError        2  a data set is missing, empty or unusable
├── PluginError          3  a plugin that the recipe needs is wrong, or raised in this process
│   └── NameTaken        3  it declares a name that is taken
├── PassError            4  a pass failed
│   ├── BrokenPromise    4  a pass ended, but its file is not what it promised
│   │   └── OtherWay     4  and the model can be taken in another way, which is tried next
│   └── WorkerDied       4  the process of a pass was killed, aborted or timed out
├── BudgetExceeded       5  a budget was exceeded
├── MissingTool          6  a tool or extra is not installed
├── Drift                7  a check found that something differs from what was recorded
├── StoreError           4  the store or the outputs folder cannot be written or read
└── Unexpected          70  an exception that is not ours: a fault of tflbuild
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar


class TflbuildError(Exception):
    """One clear sentence for the user, with the exit code of the command.

    Attributes:
        report: of the build that it ended, as `report.json` holds it; None where there was no build yet.
        folder: of that run; None likewise.
    """

    exit_code: ClassVar[int] = 1
    report: Mapping[str, Any] | None = None
    folder: Path | None = None


class RecipeError(TflbuildError):
    """The recipe, an override or the user's own file is wrong."""

    exit_code = 2


class DataError(RecipeError):
    """A data set is missing, empty or unusable."""


class PluginError(TflbuildError):
    """A plugin that the recipe needs cannot be used."""

    exit_code = 3


class NameTaken(PluginError):
    """A plugin declares a name that is taken.

    Args:
        name: the name.
        message: the sentence for the user.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class PassError(TflbuildError):
    """A pass failed; names the pass."""

    exit_code = 4


class BrokenPromise(PassError):
    """A pass ended, but the file it wrote is not what the pass promises."""


class OtherWay(BrokenPromise):
    """A pass could not keep its promise; other options of the model choose another pass, which may keep it.

    Args:
        message: the sentence for the user.
        model: these options, by name.
    """

    def __init__(self, message: str, model: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.model = dict(model)


class WorkerDied(PassError):
    """The process that ran a pass was killed, aborted or exceeded its time limit.

    Args:
        message: the sentence for the user.
        why: what ended it, in short, where what it ran did so, e.g. "crashed (signal 11)"; "" otherwise.
    """

    def __init__(self, message: str, why: str = "") -> None:
        super().__init__(message)
        self.why = why


class StoreError(TflbuildError):
    """The store or the outputs folder cannot be written or read."""

    exit_code = 4


class BudgetExceeded(TflbuildError):
    """A limit of the budget is exceeded, and nothing was delivered.

    Raised by `tflbuild.build`, `report` says what was measured, and the rejected model lies in `folder`.
    """

    exit_code = 5
    report: Mapping[str, Any] = MappingProxyType({})


class MissingTool(TflbuildError):
    """A tool or an extra is not installed; says the `pip install` line."""

    exit_code = 6


class Drift(TflbuildError):
    """Something differs from what was recorded."""

    exit_code = 7


UNEXPECTED = 70
"""Exit code after an exception that is not ours: a fault of tflbuild."""


class Unexpected(TflbuildError):
    """An exception that is not ours; says where its story lies. Made by `tflbuild.core.crash` only."""

    exit_code = UNEXPECTED


INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def did_you_mean(given: str, choices: Iterable[str]) -> str:
    """Give the end of an error message: the nearest right spelling, or nothing.

    >>> did_you_mean("int9", ["int8", "int16x8"])
    " Did you mean 'int8'?"
    """
    near = nearest(given, choices)
    return f" Did you mean '{near}'?" if near else ""


def nearest(given: str, choices: Iterable[str]) -> str:
    """Give the nearest right spelling; "" where nothing is near."""
    near = difflib.get_close_matches(given, list(choices), n=1, cutoff=0.6)
    return near[0] if near else ""
