"""Check from Python: what devices will do with a `.tflite`."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tflbuild.commands.check import checked
from tflbuild.core.content import ToldContent
from tflbuild.core.errors import BudgetExceeded
from tflbuild.session import listed_overrides
from tflbuild.show.notebook import lines_html


class Check(ToldContent):
    """Placements of a file on devices: a mapping of what `tflbuild check --json` prints."""

    def __repr__(self) -> str:
        shares = ", ".join(
            f"{one['device']} {one['delegated']} of {one['total']}" for one in self.content["devices"]
        )
        return f"Check of {self.content['file']}: {shares}"

    def _repr_html_(self) -> str:
        return lines_html(str(self.content["file"]), self.lines)


def check(
    file: str | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    compiling: bool = False,
    simulating: bool = False,
) -> Check:
    """Say which operators of a `.tflite` devices run, which rule the others break, and what would cure it.

    Args:
        file: the `.tflite`, or the folder of a run that delivered one.
        overrides: devices with their options, and limits, e.g. ["target=[edgetpu,cpu]", "budget.npu_coverage.min=0.9"];
            without `target=` every device that has rules.
        compiling: whether the devices' compilers decide, where they are installed.
        simulating: whether the file is measured, on the data that the overrides name, as devices compute it that work
            in float16.

    Raises:
        BudgetExceeded: a device is over a limit; `error.report` is the check.
        RecipeError: the file or an override is wrong.
        MissingTool: a compiler is not installed.
    """
    made = checked(
        [os.fspath(file), *listed_overrides(overrides)], compiling=compiling, simulating=simulating
    )
    found = Check(made.to_json(), made.lines())
    try:
        made.refuse_over_budget()
    except BudgetExceeded as error:
        error.report = found
        raise
    return found
