"""The error that a build ends with, if any, and the report's words for it."""

from __future__ import annotations

from tflbuild.core.errors import BudgetExceeded, TflbuildError

Ending = TflbuildError | KeyboardInterrupt | None
"""The error that ended a build; None where all went well."""


def status_of(error: Ending) -> str:
    """Give the report's status."""
    if error is None:
        return "built"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "over_budget" if isinstance(error, BudgetExceeded) else "failed"


def text_of(error: Ending) -> str | None:
    """Give the report's error; a signal that interrupted the build is named."""
    if isinstance(error, KeyboardInterrupt):
        return f"interrupted by {error}" if str(error) else "interrupted by the user"
    return None if error is None else str(error)
