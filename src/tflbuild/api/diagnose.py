"""Diagnose from Python: why a delivered file lost accuracy, and what cures it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.commands.diagnose import PAGE, diagnosis_of
from tflbuild.commands.of_run import listener_for, silent
from tflbuild.core.cause import Cause
from tflbuild.core.content import Content
from tflbuild.core.errors import RecipeError
from tflbuild.session import listed_overrides
from tflbuild.show.diagnosis import lines_of
from tflbuild.show.notebook import lines_html

Name = str | os.PathLike[str]


class Diagnosis(Content):
    """A diagnosis: a mapping of what `diagnosis.json` holds. See `tflbuild schema diagnosis`.

    Args:
        content: that.
        causes: of the loss.
        folder: where it lies.

    Attributes:
        causes: what lost accuracy, the costliest first: `name`, `stage`, `text`, `cost` with its interval, and `cures`,
            each with the `override` to type.
        folder: as given; the page and the models that were measured lie there.
    """

    def __init__(self, content: Mapping[str, Any], causes: Sequence[Cause], folder: Path) -> None:
        self.content = content
        self.causes = tuple(causes)
        self.folder = folder

    def __repr__(self) -> str:
        names = ", ".join(cause.name for cause in self.causes) or "no cause"
        return f"Diagnosis({names}; {os.path.relpath(self.folder)})"

    @property
    def page(self) -> Path:
        """Give the page, `diagnosis.html`."""
        return self.folder / PAGE

    def _repr_html_(self) -> str:
        return lines_html(f"diagnosis in {os.path.relpath(self.folder)}", lines_of(self.content))


def diagnose(
    subject: Name,
    overrides: Iterable[str] = (),
    *,
    base: Name | None = None,
    try_cures: int = 0,
    show: bool = True,
) -> Diagnosis:
    """Attribute the accuracy that was lost to its causes, and say what cures each.

    Args:
        subject: a run's folder, or a `.tflite` file; of a file say `base`.
        overrides: for a file the data, e.g. ["data.root=photos/"].
        base: the model that a file was made of.
        try_cures: how many of the first cures to build.
        show: print progress.

    Raises:
        RecipeError: the run, a file or the data cannot be used.
    """
    if isinstance(try_cures, bool) or try_cures < 0:
        raise RecipeError(f"try_cures: {try_cures!r} is not a number of cures; give 0 or more.")
    plugins.load(plugins.default_folder())
    words = [os.fspath(subject), *([f"base={os.fspath(base)}"] if base is not None else [])]
    words += [*listed_overrides(overrides), *(["--try", str(try_cures)] if try_cures else [])]
    made, folder = diagnosis_of(words, listener_for(words) if show else silent)
    return Diagnosis(made.to_json(), made.causes, folder)
