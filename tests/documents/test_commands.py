"""Every command that README and the pages show is run, planned or held to what exists, or says what it needs."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from documents import ROOT, Command, commands
from tflbuild.cli import FLAGS, HELP
from tflbuild.core.command import COMMANDS
from tflbuild.core.errors import MissingTool
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep import expand
from tflbuild.sweep.launchers import launcher
from tflbuild.sweep.request import read_request
from tflbuild.sweep.space import space_of
from workspace import Workspace

READING = ("compare", "diagnose", "drift", "lint", "predict", "preprocess", "report", "verify", "view")
"""Commands that read a run or files, and are run here on those of the reader."""

LISTING = ("cache", "describe", "list", "schema")

CODES = {"compare": (0, 5), "drift": (0, 7), "lint": (0, 2), "verify": (0, 7)}
"""Exit codes of a command that did what it is for; 0 alone where none are said."""

OF_COMMANDS = ("metric", "max_drop")
"""Keys that `bisect` takes besides those of a recipe."""

SHOWN = commands()


@pytest.mark.parametrize("command", [c for c in SHOWN if not c.mark], ids=str)
def test_every_command_of_the_pages_is_tested(
    command: Command, reader: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command.program == "tflbuild":
        if command.shape:
            hold_to_declarations(command)
        else:
            monkeypatch.chdir(reader.folder)
            run_or_plan(reader, command.words[1:])
    else:
        hold_to_the_checkout(command)


def test_there_are_as_many_commands_as_there_were() -> None:
    assert len(SHOWN) > 150, "the reader of the pages finds less than it did"
    assert sum(bool(command.mark) for command in SHOWN) < len(SHOWN) / 5


def run_or_plan(reader: Workspace, words: list[str]) -> None:
    """Run a command on the reader's run and files; plan what would train or build, and compose what would sweep."""
    first, recipe = words[0], [word for word in words if word.startswith("recipe=")]
    if "-m" in words[:2]:
        compose_sweep([FLAGS.get(word, word) for word in words[words.index("-m") + 1 :]])
    elif recipe and first not in LISTING and (first != "lint" or recipe == ["recipe=ssd_mobilenet_int8"]):
        plan(reader, [FLAGS.get(word, word) for word in words if "=" in word or word in FLAGS])
    elif any(word.endswith("model.h5") for word in words):
        plan(
            reader,
            ["recipe=int8", "model.path=model.h5", *(word for word in words if word.startswith("data.root"))],
        )
    elif first in LISTING or (first in READING and there(reader, words)):
        assert answered(reader, tame(words)) in CODES.get(first, (0,))
    else:
        hold_to_declarations(Command("", shlex.join(["tflbuild", *words])))


def there(reader: Workspace, words: list[str]) -> bool:
    """Tell whether every run that is named is one of the reader's."""
    return len(words) > 1 and all(
        (reader.folder / word).exists() for word in words if word.startswith("outputs/")
    )


def tame(words: list[str]) -> list[str]:
    """Keep `view` from serving pages until Ctrl-C, and other commands from building for minutes."""
    if words[0] == "view" and "--json" not in words:
        return [*(word for word in words if word != "--netron"), "--json", "nodes.json"]
    if "--try" in words:
        return words[: words.index("--try")]
    return words


def answered(reader: Workspace, words: list[str]) -> int:
    """Run a command; gives its exit code, and leaves what it printed to the report of a failure."""
    code, printed = reader.answer(*words)
    sys.stdout.write(printed)
    return code


def plan(reader: Workspace, words: list[str]) -> None:
    """Plan a build where its data are here; compose its recipe where they are the reader's own."""
    kept = [
        word for word in words if word.split("=")[0] not in OF_COMMANDS and not word.startswith("locked=")
    ]
    roots = [word.partition("=")[2] for word in kept if word.startswith("data.root=")]
    extras = ("target=", "hooks=", "store.remote=", "model.path=best.onnx", "model.path=best.pt2")
    if all((reader.folder / root).exists() for root in roots) and not any(
        word.startswith(extras) for word in kept
    ):
        assert answered(reader, ["plan", *kept]) == 0
    else:
        load_recipe(kept)


def compose_sweep(words: list[str]) -> None:
    """Compose the first job of a sweep or search, and the options of its launcher."""
    request = read_request(words)
    with suppress(MissingTool):  # an extra, or Slurm
        launcher(request.launcher, request.launcher_options)
    if request.sweeper == "optuna":
        pytest.importorskip("optuna", reason="the extra optuna is not installed")
        load_recipe(space_of(request.overrides).corner.overrides)
    else:
        jobs = expand(request.overrides)
        assert len(jobs) > 1
        load_recipe(jobs[0].overrides)


def hold_to_declarations(command: Command) -> None:
    """Hold a command with placeholders, or for what nobody has here, to the words and flags that there are."""
    words = command.text.split()[1:]
    first, source = words[0], HELP
    if first in ("NAME", "COMMAND"):
        return
    if first in COMMANDS:
        source += Path(inspect.getfile(COMMANDS.get(first).run)).read_text(encoding="utf-8")
    else:
        assert "=" in first or first.startswith("-"), f"'tflbuild {first}' is not a command"
    for flag in re.findall(r"(?<!\S)--[a-z-]+", command.text):
        assert flag in source, f"'{flag}' is nowhere in the command '{first}'"


def hold_to_the_checkout(command: Command) -> None:
    """Hold a command that is not ours to what it names: a target of make, an extra, a file, an option of it."""
    words = command.words
    if command.program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in (word for word in words[1:] if "=" not in word):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make has no target '{target}'"
    elif command.program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert words[1] == "install"
        for wanted in words[2:]:
            name = re.fullmatch(r"(?:tflbuild|\.)(?:\[(\w+)\])?", wanted)
            assert name, f"'pip install {wanted}' needs a mark: no test installs it"
            assert name[1] is None or name[1] in extras, f"there is no extra '{name[1]}'"
    elif command.program in ("python", "python3"):
        hold_python(words[1:])
    else:
        assert command.program in ("cd", "source"), f"'{command.text}' needs a mark: no test runs it"


def hold_python(words: list[str]) -> None:
    if words[0] == "-m":
        assert words[1] in ("venv", "pytest", "tflbuild", "pip"), f"'python -m {words[1]}' needs a mark"
        paths = [word for word in words[2:] if word.endswith(".py")]
        assert all((ROOT / path).is_file() for path in paths)
        return
    script = ROOT / words[0]
    assert script.is_file(), f"{words[0]} is not there"
    source = script.read_text(encoding="utf-8")
    for flag in (word for word in words[1:] if word.startswith("--")):
        assert f'"{flag}"' in source, f"{words[0]} has no {flag}"
