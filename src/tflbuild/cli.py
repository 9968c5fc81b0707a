"""The command line: compose, dispatch, print, exit code."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace

from tflbuild.core.command import COMMANDS
from tflbuild.core.command import help_lines as command_lines
from tflbuild.core.crash import told
from tflbuild.core.errors import INTERRUPTED, RecipeError, StoreError, TflbuildError, did_you_mean
from tflbuild.core.flags import ANSWERS, Given, check_together, help_lines, read
from tflbuild.core.flags import FLAGS as EVERY_FLAG
from tflbuild.core.home import at_home
from tflbuild.core.imports import import_at_once
from tflbuild.core.plain_text import plain
from tflbuild.interruption import heeded
from tflbuild.show.audience import say, sheltered, unwritten, warn
from tflbuild.show.header import first_line

HELP = f"""\
tflbuild: compile models for on-device TensorFlow Lite

  tflbuild recipe=NAME [KEY=VALUE ...]   build; any key of the recipe can be set
  tflbuild recipe=int8 model.path=MODEL data.root=DATA
                                         build your own model on your own data
  tflbuild recipe=path/to/mine.yaml      build a recipe file of your own
  tflbuild -m recipe=NAME KEY=A,B ...    sweep: build every combination
  tflbuild COMMAND ...                   one of these; COMMAND --help says more

{{commands}}

{chr(10).join(help_lines(flag for flag in EVERY_FLAG if flag.usual_help))}

  seeds=[0,1,2]          build once with each seed
  stop_after=LABEL       stop after this pass

Start with recipe=ssd_mobilenet_int8.
"""

FLAGS = {flag.name: f"{flag.key}=true" for flag in EVERY_FLAG if flag.key}
"""Flags that are another way to say a key of the recipe."""

PRINTING = (
    "help",
    *(name for flag in EVERY_FLAG if flag.name in (*ANSWERS, "--help", "--version") for name in flag.names),
)
"""Words whose result is what they print, besides commands that say so."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives its exit code, whatever happens."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbose = "--verbose" in words
    words = [word for word in words if word != "--verbose"]
    with sheltered():
        try:
            with heeded():
                code = _answer(words)
            return _written(words, code)
        except KeyboardInterrupt:
            warn("interrupted")
            return INTERRUPTED
        except BaseException as error:  # noqa: BLE001 - nothing reaches a person as a traceback
            return fail(told(error), verbose=verbose)
        finally:
            exec(
                ""
            )  # or Python ends with SIGINT after any interrupt that passed through an exec, handled or not


def fail(error: TflbuildError, *, verbose: bool) -> int:
    """Print an error, with its traceback if wanted; gives the exit code."""
    if verbose:
        warn("".join(traceback.format_exception(error)).rstrip())
    warn(f"error: {error}", fold=True)
    return error.exit_code


def _answer(words: list[str]) -> int:
    given = read(words)
    check_together(given)
    asks = "--help" in given.flags or given.command == "help"
    if not words or asks:
        subjects = given.words[:1] if given.command == "help" else [given.command]
        return _help(*filter(None, subjects))
    if "--version" in given.flags:
        from tflbuild import __version__

        say(f"tflbuild {__version__}")
        return 0
    return _dispatch(given)


def _help(command: str = "") -> int:
    """Print what there is, or the page of one command."""
    if command:
        _known(command)
        return _command("describe", [command])
    from tflbuild.core.plugin_files import default_folder, files

    lines = command_lines(*files(default_folder()))
    say(HELP.format(commands="\n".join(lines)).rstrip())
    return 0


def _written(words: list[str], code: int) -> int:
    """Warn where the standard output could not be written, which is all that a printing command gives."""
    why = unwritten()
    if not why:
        return code
    warn(f"warning: the standard output cannot be written: {plain(why)}; the output is lost")
    only_prints = not words or any(word.partition("=")[0] in PRINTING for word in words) or _prints(words[0])
    return code or (StoreError.exit_code if only_prints else 0)


def _dispatch(given: Given) -> int:
    given = _with_folder(given)
    if given.answer:
        from tflbuild.answers import answer

        return answer(given)
    sweep = "--multirun" in given.flags
    if given.command:
        return _command(given.command, [*(["-m"] if sweep else []), *given.words])
    words = list(given.words)
    if not words:
        raise RecipeError("nothing to do; see tflbuild --help.")
    if not sweep:
        return _build(words)
    import_at_once("tflbuild.sweep.run")
    from tflbuild.sweep import run_sweep

    warn_of_plugins()
    return run_sweep(words)


def _command(name: str, words: list[str]) -> int:
    """Run a command; imports the module that declares it, and the plugins only where it is none of ours."""
    _known(name)
    command = COMMANDS.get(name)
    if "RUN" in command.usage and "SWEEP" not in command.usage:
        from tflbuild.commands.sweep_folders import refuse_sweeps

        refuse_sweeps(name, words)
    return command.run(words)


def _known(name: str) -> None:
    """Refuse a word that is no command.

    Raises:
        RecipeError: it is none.
        PluginError: a plugin that cannot be loaded may have been meant to declare it.
    """
    if name in COMMANDS:
        return
    from tflbuild import plugins

    loaded = plugins.load(plugins.default_folder())
    if name not in COMMANDS:
        plugins.require(name, loaded, "command")
    if name not in COMMANDS:
        from tflbuild.recipe.files import meant_recipe

        near, recipe = did_you_mean(name, COMMANDS), meant_recipe(name)
        if recipe and (not near or f"={name}'" in recipe):
            raise RecipeError(f"'{plain(name)}' is not a command.{recipe}")
        raise RecipeError(
            f"'{plain(name)}' is neither a command ({', '.join(sorted(COMMANDS))}) nor KEY=VALUE.{near}"
        )


def _prints(name: str) -> bool:
    return name in COMMANDS and COMMANDS.get(name).prints


def _with_folder(given: Given) -> Given:
    """Tell everything that reads recipes of a further folder, and take the recipe that a flag names."""
    for flag in ("--config-dir", "--config-path"):
        folder = at_home(given.flags.get(flag))
        if folder is None:
            continue
        if not os.path.isdir(folder):
            raise RecipeError(f"{flag}: '{plain(folder)}' is not a folder.")
        os.environ["TFLBUILD_CONFIG_DIR"] = os.path.abspath(folder)
    name = given.flags.get("--config-name")
    return replace(given, words=(f"recipe={name}", *given.words)) if name else given


def warn_of_plugins() -> None:
    """Say which plugins could not be loaded, though the recipe does not need them."""
    from tflbuild import plugins

    for text in plugins.load(plugins.default_folder()).warnings:
        warn(f"warning: {text}")


def _build(overrides: list[str]) -> int:
    first = first_line(overrides)
    if first:
        say(first)  # before anything heavy is imported
    import_at_once(
        "tflbuild.recipe.load", "tflbuild.session", "tflbuild.show.terminal", "tflbuild.show.pages.page"
    )
    from tflbuild.commands.build import build
    from tflbuild.recipe.load import load_recipe

    recipe = load_recipe(overrides)
    warn_of_plugins()
    if recipe.seeds:
        from tflbuild.sweep import run_sweep

        return run_sweep(overrides)
    folder = os.environ.get("TFLBUILD_CONFIG_DIR")
    words = ["tflbuild", *([f"--config-dir={folder}"] if folder else []), *overrides]
    return build(recipe, shlex.join(words))


if __name__ == "__main__":
    sys.exit(main())
