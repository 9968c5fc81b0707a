"""The result of `tflbuild check`: for the terminal, for JSON and for Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.commands.simulated import lines_of
from tflbuild.core.budget import Verdict
from tflbuild.core.errors import BudgetExceeded
from tflbuild.core.plain_text import plain
from tflbuild.engine.report_form import read_report, typed_words
from tflbuild.show.check_form import SCHEMA
from tflbuild.show.placements import Placements, headline

BUILD = "int8"
"""Recipe of a build that a sentence gives as an example."""
OF_A_BUILD = re.compile(r"(quantize\.[a-z_]+=\w+ ?)+")
"""A cure that is an override of a build, and nothing else."""


class Checked:
    """Placements of a file on devices, figures and verdicts.

    Args:
        run: the folder of a run, or the file, as the user named it.
        file: that was checked.
        placements: of its operators.
        figures: of each device that gives more, by name.
        verdicts: of the limits that were given, by device.
        simulated: what float16 does to the metric, by device; {} where nobody asked.
        chosen: whether the user chose the devices.
    """

    def __init__(
        self,
        run: Path,
        file: Path,
        placements: Placements,
        figures: Mapping[str, Mapping[str, Any]],
        verdicts: Sequence[tuple[str, Verdict]],
        simulated: Mapping[str, Mapping[str, Any]],
        *,
        chosen: bool,
    ) -> None:
        self._run, self._file, self._chosen = run, file, chosen
        self.placements, self.figures = placements, figures
        self.verdicts, self.simulated = verdicts, simulated

    def lines(self, *, whole: bool = False) -> list[str]:
        """Say it in lines for a terminal."""
        return [*self.table(whole=whole), *self.below(whole=whole)]

    def table(self, *, whole: bool = False) -> list[str]:
        """Say in lines what the file is, and where its operators run."""
        devices = self.placements.devices
        macs = sum(one["macs"] for one in devices[0]["operators"]) if devices else 0
        rows = self.placements.table(whole=whole) if self._chosen or whole else self.placements.overview()
        return [headline(self.placements, macs), "", *rows, ""]

    def below(self, *, whole: bool = False) -> list[str]:
        """Say the rest in lines, which a terminal may fold; what is over a limit is the error's to say."""
        told = self.placements.reasons() if self._chosen or whole else self._more()
        within = [
            f"within the budget on {plain(device)}: {verdict.text}"
            for device, verdict in self.verdicts
            if verdict.ok
        ]
        return [*told, *self._build(), *lines_of(self.simulated), *within]

    def _more(self) -> list[str]:
        """Say of a check without `target=` what the predictions are, and how a device says more."""
        return [
            *self.placements.sources(),
            "target=NAME says why a device leaves operators and what would cure it, e.g. target="
            f"{plain(self.placements.devices[0]['device'])}; --all gives each operator a line.",
        ]

    def _build(self) -> list[str]:
        """Say how a cure that is an override of a build is used; nothing where there is none."""
        found = (
            [cure for cure in self.placements.cures() if OF_A_BUILD.fullmatch(cure)] if self._chosen else []
        )
        if not found:
            return []
        words = [f"recipe={BUILD}", f"model.path={self._file}", "data.root=FOLDER"]
        if self._run.is_dir():
            words = typed_words(read_report(self._run / "report.json"))
        cure = found[0].split()
        anew = ("target", *(word.partition("=")[0] for word in cure))
        kept = [
            word
            for word in words
            if not word.startswith(tuple(f"{key}{end}" for key in anew for end in ".="))
        ]
        names = [str(one["device"]) for one in self.placements.devices]
        command = shlex.join(["tflbuild", *kept, f"target=[{','.join(names)}]", *cure])
        return [f"To build the file with such a cure: {command}"]

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild check --json` prints."""
        return {
            "schema": SCHEMA,
            **self.placements.to_json(),
            "figures": {name: dict(found) for name, found in self.figures.items()},
            "simulated": {name: dict(found) for name, found in self.simulated.items()},
            "verdicts": [{"device": device, **verdict.to_json()} for device, verdict in self.verdicts],
        }

    def refuse_over_budget(self) -> None:
        """End with exit code 5 where a limit is exceeded."""
        over = [f"{device}: {verdict.text}" for device, verdict in self.verdicts if not verdict.ok]
        if over:
            raise BudgetExceeded(f"budget: {'; '.join(over)}")
