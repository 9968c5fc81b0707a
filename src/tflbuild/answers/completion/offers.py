"""Words that may stand at the cursor: flags, commands, runs, recipes, and once one is named its keys and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from tflbuild.answers.completion.line import Line
from tflbuild.core.command import declared
from tflbuild.core.flags import FLAGS
from tflbuild.core.plugin_files import default_folder, files

OUTPUTS = Path("outputs")
"""Where runs are looked for: the folder that recipes name by themselves."""

MOST_RUNS = 200


def offers(line: Line) -> list[str]:
    """Give the words that begin with what was typed; empty where a file may be meant, which the shell knows."""
    return sorted({text for text in _offers(line) if text.startswith(line.word) and text != line.word})


def _offers(line: Line) -> Iterable[str]:
    if line.flag is not None:
        if line.flag.name == "--config-name":
            return _recipes("")
        return line.flag.choices
    if line.word.startswith("-"):
        return _flags(line)
    if any(word in ("-sc", "--shell-completion") for word in line.words):
        return [f"{act}={shell}" for act in ("install", "uninstall") for shell in ("bash", "zsh", "fish")]
    if line.command:
        return _of_command(line)
    names = () if line.overrides or "=" in line.word else declared(*files(default_folder()))
    return [*names, *_overrides(line)]


def _flags(line: Line) -> list[str]:
    fit = [flag for flag in FLAGS if not flag.refused and (flag.everywhere or not line.command)]
    names = [name for flag in fit for name in flag.names]
    return [*names, "-m", "--multirun"] if line.command == "plan" else names


def _of_command(line: Line) -> list[str]:
    """Offer what a command takes, as its usage says."""
    usage = declared(*files(default_folder())).get(line.command, ("", ""))[0]
    if line.command in ("help", "describe"):
        return _names(line.command)
    found = [
        word for group in re.findall(r"\[([\w|]+)\]", usage) if "|" in group for word in group.split("|")
    ]
    if re.search(r"RUN|\bA\b", usage):  # A and B are what `compare` takes
        found += _runs(line.word)
    found += re.findall(r"\b[a-z][\w.]*=(?!NAME)", usage)
    if "recipe=" in usage or "RECIPE" in usage:
        found += _overrides(line)
    return found


def _names(command: str) -> list[str]:
    if command == "help":
        return list(declared(*files(default_folder())))
    from tflbuild import plugins
    from tflbuild.recipe.files import recipe_names

    return [*recipe_names(), *(name for registry in plugins.REGISTRIES for name in registry)]


def _runs(word: str) -> list[str]:
    """Offer runs, sweeps, and of a sweep that was typed its jobs."""
    found = [*_with_report(OUTPUTS.glob("*/*"))]
    typed = Path(word)
    for folder in (typed, typed.parent):
        if (folder / "sweep.json").is_file():
            found += _with_report(folder.glob("*"))
    return found[:MOST_RUNS]


def _with_report(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        with suppress(OSError):
            if (folder / "report.json").is_file() or (folder / "sweep.json").is_file():
                yield str(folder)


def _recipes(prefix: str) -> list[str]:
    from tflbuild.recipe.files import recipe_names

    return [f"{prefix}{name}" for name in recipe_names()]


def _overrides(line: Line) -> list[str]:
    """Offer KEY=VALUE; of a recipe's own keys only where one is named."""
    key = line.word.partition("=")[0]
    if key == "recipe":
        return _recipes("recipe=")
    named = any(word.startswith("recipe=") for word in line.overrides)
    found = [] if named else ["recipe="]
    if line.sweeps:
        from tflbuild.answers.completion.settings import settings

        found += settings(line)
    if named and not key.startswith("hydra"):
        from tflbuild.answers.completion.keys import keys

        found += keys(line)
    return found
