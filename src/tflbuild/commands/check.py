"""`tflbuild check`: what a device will do with a `.tflite`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.commands.compare_files import RECIPE, quoted
from tflbuild.commands.simulated import lines_of, simulate
from tflbuild.commands.words import say
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.command import command
from tflbuild.core.errors import BudgetExceeded, RecipeError, did_you_mean
from tflbuild.core.metric import METRICS, Measurement, TargetMetric
from tflbuild.core.plain_text import plain
from tflbuild.core.target import COVERAGE, TARGETS, Target
from tflbuild.engine.gate import judge
from tflbuild.engine.report_form import read_report
from tflbuild.recipe import choices, compose
from tflbuild.recipe.declared_source import choices_of
from tflbuild.recipe.steps import limits_at
from tflbuild.show.check_form import SCHEMA
from tflbuild.show.placements import Placements, headline

USAGE = (
    "usage: tflbuild check FILE_OR_RUN target=NAME [target.NAME.KEY=VALUE ...] [budget.METRIC.min=X] [--compile] "
    "[--simulate data.root=FOLDER] [--all] [--json]"
)
FLAGS = ("--json", "--compile", "--simulate", "--all")
SIZE = "size"


@command("check", "which operators of a .tflite a device runs, and why not the others", usage="FILE target=T")
def check(words: list[str]) -> int:
    """Say which operators of a `.tflite` a device runs, which rule the others break, and what would cure it.

    `target=[edgetpu,cpu]` gives a column for each device. Without `target=` it takes every device that has rules.
    Limits, e.g. `budget.npu_coverage.min=0.9`, are judged for each. `--compile` lets the device's compiler decide,
    `--simulate` measures the file on data as a device computes it that works in float16, and `--all` gives each
    operator a line.

    Raises:
        RecipeError: the file or a word is wrong.
        BudgetExceeded: a device is over a limit.
    """
    flags = {word for word in words if word in FLAGS}
    given = [word for word in words if word not in FLAGS]
    made = checked(given, compiling="--compile" in flags, simulating="--simulate" in flags)
    if "--json" in flags:
        say(json.dumps(made.to_json(), indent=1))
    else:
        for line in made.lines(whole="--all" in flags):
            say(line)
    made.refuse_over_budget()
    return 0


class Checked:
    """Placements of a file on devices, figures and verdicts.

    Args:
        placements: of its operators.
        figures: of each device that gives more, by name.
        verdicts: of the limits that were given, by device.
        simulated: what float16 does to the metric, by device; {} where nobody asked.
    """

    def __init__(
        self,
        placements: Placements,
        figures: Mapping[str, Mapping[str, Any]],
        verdicts: Sequence[tuple[str, Verdict]],
        simulated: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.placements, self.figures = placements, figures
        self.verdicts, self.simulated = verdicts, simulated

    def lines(self, *, whole: bool = False) -> list[str]:
        """Say it in lines for a terminal."""
        devices = self.placements.devices
        macs = sum(one["macs"] for one in devices[0]["operators"]) if devices else 0
        judged = [
            f"{'within' if verdict.ok else 'over'} the budget on {plain(device)}: {verdict.text}"
            for device, verdict in self.verdicts
        ]
        rows = self.placements.lines(whole=whole)
        return [headline(self.placements, macs), "", *rows, *lines_of(self.simulated), *judged]

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


def checked(words: list[str], *, compiling: bool = False, simulating: bool = False) -> Checked:
    """Find out what devices will do with a file; prints nothing.

    Args:
        words: the file, or the folder of a run, then overrides.
        compiling: whether compilers of the devices decide, where a device has one.
        simulating: whether the file is measured on data as devices compute it that work in float16.

    Raises:
        RecipeError: the file or a word is wrong.
        MissingTool: a compiler is not installed.
    """
    if not words or words[0].startswith("-") or ("=" in words[0] and not Path(words[0]).exists()):
        raise RecipeError(USAGE)
    stray = next((word for word in words[1:] if "=" not in word), "")
    if stray:
        raise RecipeError(f"check: '{plain(stray)}' is not KEY=VALUE. {USAGE}")
    file = _file(Path(words[0]))
    targets, limits = _asked(words[0], words[1:])
    devices, figures = [], {}
    for name, target in targets.items():
        placed, found = _compiled(target, file) if compiling and target.compiles else (target.place(file), {})
        if placed is None:
            raise RecipeError(
                f"check: target '{plain(name)}' has no rules that say which operators it runs; give it some with "
                f"target.{plain(name)}.rule_file=FILE."
            )
        devices.append({**placed, "device": name})
        figures[name] = found
    placements = Placements(str(words[0]), file.stat().st_size, devices)
    verdicts = list(_judged(limits, targets, devices, figures, file))
    simulated = simulate(file, targets, words[1:]) if simulating else {}
    return Checked(placements, {name: found for name, found in figures.items() if found}, verdicts, simulated)


def _file(path: Path) -> Path:
    """Find the `.tflite`: the file itself, or what a run delivered.

    Raises:
        RecipeError: there is none.
    """
    if path.is_dir() and (path / "report.json").is_file():
        delivered: list[Path] = [path / one["path"] for one in read_report(path / "report.json")["targets"]]
        found = [one for one in delivered if one.suffix == TFLiteModel.suffix]
        if not found:
            raise RecipeError(f"check: the run {plain(path)} delivered no .tflite.")
        return found[0]
    if not path.is_file():
        what = "is a folder without report.json" if path.is_dir() else "does not exist"
        raise RecipeError(f"check: {plain(path)} {what}; expected a .tflite or the folder of a run.")
    return path


def _asked(file: str, words: Sequence[str]) -> tuple[dict[str, Target], tuple[Limit, ...]]:
    """Read which devices and limits are asked for; without a word of the user's every device that has rules."""
    plugins.load(plugins.default_folder())
    chosen = any(word.partition("=")[0] == "target" for word in words)
    every = [] if chosen else [f"target=[{','.join(choices_of('target'))}]"]
    found = compose.compose([f"recipe={RECIPE}", f"model.path={quoted(file)}", *every, *words])
    wanted = found["target"]
    if not chosen:
        wanted = {name: options for name, options in wanted.items() if TARGETS.get(options["type"]).rules}
    return choices.targets(wanted), limits_at(found.get("budget"), "budget")


def _compiled(target: Target, file: Path) -> tuple[Mapping[str, Any] | None, dict[str, Any]]:
    """Let the device's compiler decide."""
    sha256 = digest.of_file(file)
    model = TFLiteModel(path=file, digest=sha256, fingerprint=sha256, meta={})
    with tempfile.TemporaryDirectory(prefix="tflbuild-check-") as folder:
        _, figures = target.compile(model, Path(folder))
    found = dict(figures)
    return found.pop("placement", None) or target.place(file), found


def _judged(
    limits: Sequence[Limit],
    targets: Mapping[str, Target],
    devices: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, Any]],
    file: Path,
) -> Iterator[tuple[str, Verdict]]:
    """Judge each limit for every device that has its metric.

    Raises:
        RecipeError: a metric is none that is known here.
    """
    for limit in limits:
        judged = False
        if limit.on and limit.on not in targets:
            raise RecipeError(
                f"budget.{limit.metric}.on: '{plain(limit.on)}' is not one of the devices that are checked, "
                f"{', '.join(map(plain, targets))}.{did_you_mean(limit.on, targets)}"
            )
        for name, placed in zip(targets, devices, strict=True):
            if limit.on not in ("", name):
                continue
            value = _value(limit.metric, targets[name], placed, figures[name], file)
            if value is not None:
                judged = True
                yield name, judge(limit, value)
        if not judged:
            raise RecipeError(
                f"budget.{limit.metric}: check does not measure it for {', '.join(map(plain, targets))}; it knows "
                f"{COVERAGE} of accelerators, {SIZE}, and with --compile what the compiler reports."
            )


def _value(
    metric: str, target: Target, placed: Mapping[str, Any], figures: Mapping[str, Any], file: Path
) -> Measurement | None:
    if metric == SIZE:
        return Measurement(value=float(file.stat().st_size), unit="bytes")
    if not issubclass(METRICS.get(metric), TargetMetric):
        return None
    found = figures.get(metric)
    if found is None and metric == COVERAGE and target.offloads:
        found = placed["coverage"]
    return None if found is None else Measurement(value=float(found), unit=METRICS.get(metric).unit)
