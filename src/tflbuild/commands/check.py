"""`tflbuild check`: what a device will do with a `.tflite`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from tflbuild import plugins
from tflbuild.commands.checked import BUILD, Checked
from tflbuild.commands.compare_files import RECIPE, quoted
from tflbuild.commands.device_limits import judged_on_devices
from tflbuild.commands.placing import placed
from tflbuild.commands.simulated import OWN, simulate
from tflbuild.commands.words import say
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.model_format import FORMATS
from tflbuild.core.plain_text import plain
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.report_form import read_report
from tflbuild.recipe import choices, compose
from tflbuild.recipe.declared_source import choices_of
from tflbuild.recipe.steps import limits_at
from tflbuild.show.placements import Placements

USAGE = (
    "usage: tflbuild check FILE_OR_RUN target=NAME [target.NAME.KEY=VALUE ...] [budget.METRIC.min=X] [--compile] "
    "[--simulate data.root=FOLDER] [--all] [--json]"
)
FLAGS = ("--json", "--compile", "--simulate", "--all")


@command("check", "which operators of a .tflite a device runs, and why not the others", usage="FILE target=T")
def check(words: list[str]) -> int:
    """Say which operators of a `.tflite` a device runs, which rule the others break, and what would cure it.

    `target=[edgetpu,cpu]` gives a column for each device. Without `target=` every device that has rules gets a line.
    Limits, e.g. `budget.npu_coverage.min=0.9`, are judged for each. `--compile` lets the device's compiler decide,
    `--simulate` measures the file on data as a device computes it that works in float16, and `--all` gives each
    operator a line.

    Raises:
        RecipeError: the file or a word is wrong.
        BudgetExceeded: a device is over a limit.
        MissingTool: `--compile` is given, and a compiler is not installed.
    """
    flags = {word for word in words if word in FLAGS}
    given = [word for word in words if word not in FLAGS]
    made = checked(given, compiling="--compile" in flags, simulating="--simulate" in flags)
    if "--json" in flags:
        say(json.dumps(made.to_json(), indent=1))
    else:
        first, *table = made.table(whole="--all" in flags)
        say(first, fold=True)
        for line in table:
            say(line)
        for line in made.below(whole="--all" in flags):
            say(line, fold=True)
    made.refuse_over_budget()
    return 0


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
    _refuse_what_is_not_read(words[1:], simulating=simulating)
    targets, limits = _asked(words[0], words[1:])
    file = _file(Path(words[0]), targets)
    if compiling and not any(target.compiles for target in targets.values()):
        raise RecipeError(
            f"check: --compile: there is no compiler for {', '.join(map(plain, targets))}; "
            f"{', '.join(sorted(name for name, cls in TARGETS.items() if cls.compiles and cls.rules))} have one."
        )
    found = placed(targets, file, compiling=compiling)
    devices = [device for device, _ in found.values()]
    figures = {name: more for name, (_, more) in found.items()}
    placements = Placements(str(file), file.stat().st_size, devices)
    verdicts = list(judged_on_devices(limits, targets, devices, figures, file))
    simulated = simulate(file, targets, words[1:]) if simulating else {}
    told = {name: more for name, more in figures.items() if more}
    return Checked(Path(words[0]), file, placements, told, verdicts, simulated, chosen=_chosen(words[1:]))


def _chosen(words: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == "target" for word in words)


def _refuse_what_is_not_read(words: Sequence[str], *, simulating: bool) -> None:
    """Refuse words that would change nothing.

    Raises:
        RecipeError: names one.
    """
    for word in words:
        key, equals, value = word.partition("=")
        bare = key.lstrip("-")
        if not equals and bare in choices_of("target"):
            raise RecipeError(f"check: '{plain(word)}' is not KEY=VALUE; did you mean target={bare}?")
        if key.startswith("--") and equals:
            raise RecipeError(
                f"check: '{plain(word)}' is no flag; did you mean {plain(bare)}={plain(value)}?"
            )
        if not equals:
            raise RecipeError(f"check: '{plain(word)}' is not KEY=VALUE.{did_you_mean(word, FLAGS)} {USAGE}")
        read = simulating or key.partition(".")[0].lstrip("+") in OWN
        if key in ("recipe", "model.path") or not read:
            simulated = "" if simulating else "; a recipe's other keys belong to --simulate"
            raise RecipeError(
                f"check: '{plain(key)}' changes nothing here: the file is the first word, and devices are chosen and "
                f"limited by target and budget{simulated}."
            )


def _file(path: Path, wanted: Collection[str]) -> Path:
    """Find the `.tflite`: the file itself, or what a run delivered, to one of the devices if it did.

    Raises:
        RecipeError: there is none.
    """
    if path.is_dir() and (path / "report.json").is_file():
        delivered = sorted(
            read_report(path / "report.json")["targets"], key=lambda one: one["name"] not in wanted
        )
        found: list[Path] = [
            path / one["path"] for one in delivered if Path(one["path"]).suffix == TFLiteModel.suffix
        ]
        if not found:
            raise RecipeError(f"check: the run {plain(path)} delivered no .tflite.")
        return found[0]
    other = _other_kind(path)
    if other:
        raise RecipeError(
            f"check: {plain(path)} is {other}, and a check reads .tflite files; build one from it first, e.g. "
            f"tflbuild recipe={BUILD} {shlex.quote(f'model.path={plain(path)}')} data.root=FOLDER"
        )
    if not path.is_file():
        latest = path / "latest"
        near = f" Did you mean {plain(latest)}?" if (latest / "report.json").is_file() else ""
        what = "is a folder without report.json" if path.is_dir() else "does not exist"
        raise RecipeError(f"check: {plain(path)} {what}; expected a .tflite or the folder of a run.{near}")
    return path


def _other_kind(path: Path) -> str:
    """Say what kind of model a path is; "" for a `.tflite`, and for none that is known."""
    for _, declared in FORMATS.items():
        if (
            path.exists()
            and path.suffix.lower() in declared.suffixes
            and path.suffix.lower() != TFLiteModel.suffix
        ):
            return f"a {path.suffix} file"
    return "a SavedModel" if (path / "saved_model.pb").is_file() else ""


def _asked(file: str, words: Sequence[str]) -> tuple[dict[str, Target], tuple[Limit, ...]]:
    """Read which devices and limits are asked for; without a word of the user's every device that has rules."""
    plugins.load(plugins.default_folder())
    chosen = _chosen(words)
    every = [] if chosen else [f"target=[{','.join(choices_of('target'))}]"]
    found = compose.compose([f"recipe={RECIPE}", f"model.path={quoted(file)}", *every, *words])
    wanted = found.get("target") or {}
    if not chosen:
        wanted = {name: options for name, options in wanted.items() if TARGETS.get(options["type"]).rules}
    return choices.targets(wanted), limits_at(found.get("budget"), "budget")
