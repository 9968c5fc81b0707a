"""The command line: compose, dispatch, print, exit code."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Sequence

from tflbuild.core.command import COMMANDS, help_lines
from tflbuild.core.crash import told
from tflbuild.core.errors import INTERRUPTED, RecipeError, StoreError, TflbuildError, did_you_mean
from tflbuild.core.home import at_home
from tflbuild.core.imports import import_at_once
from tflbuild.core.plain_text import plain
from tflbuild.interruption import heeded
from tflbuild.show.audience import say, sheltered, unwritten, warn
from tflbuild.show.header import first_line

HELP = """\
tflbuild: compile models for on-device TensorFlow Lite

  tflbuild recipe=NAME [KEY=VALUE ...]      build; any key of the recipe can be set
  tflbuild recipe=int8 model.path=M data.root=D
                                            build your own model, on your own data
  tflbuild -m recipe=NAME KEY=A,B ...       sweep: build every combination

{commands}

  --locked           fail on any difference from the lock (locked=FILE: from that one)
  --time-passes      print what each pass took       --keep-intermediate   keep each pass's model
  --tensorboard      log what is trained             seeds=[0,1,2]         build once a seed
  stop_after=LABEL   end behind a pass

  --config-dir DIR   further recipes         --verbose   tracebacks of errors
  --cfg job          print the recipe        --version, --help

  recipe=ssd_mobilenet_int8                 is where to start
"""

FLAGS = {
    "--locked": "locked=true",
    "--time-passes": "time_passes=true",
    "--keep-intermediate": "keep_intermediate=true",
    "--tensorboard": "tensorboard=true",
}
"""Flags that are another way to say a key of the recipe."""

HYDRA_FLAGS = (
    "--cfg",
    "-c",
    "--info",
    "-i",
    "--resolve",
    "--package",
    "-p",
    "--shell-completion",
    "-sc",
    "--hydra-help",
)


PRINTING = ("help", "--help", "-h", "--version")
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
    if not words or words[0] in ("--help", "-h", "help"):
        say(_help())
        return 0
    if words[0] == "--version":
        from tflbuild import __version__

        say(f"tflbuild {__version__}")
        return 0
    return _dispatch(words)


def _help() -> str:
    from tflbuild.core.plugin_files import default_folder, files

    lines = help_lines(*files(default_folder()))
    return HELP.format(commands="\n".join(lines)).rstrip()


def _written(words: list[str], code: int) -> int:
    """Warn where the standard output could not be written, which is all that a printing command gives."""
    why = unwritten()
    if not why:
        return code
    warn(f"warning: the standard output cannot be written: {plain(why)}; what was printed is lost")
    only_prints = not words or words[0] in PRINTING or _asks_hydra(words) or _prints(words[0])
    return code or (StoreError.exit_code if only_prints else 0)


def _dispatch(words: list[str]) -> int:
    words = [FLAGS.get(word, word) for word in _take_config_dir(words)]
    if _asks_hydra(words):
        from tflbuild.show.hydra_app import run_hydra

        return run_hydra(words)
    if not words[0].startswith(("-", "+", "~")) and "=" not in words[0]:
        return _command(words[0], words[1:])
    sweep = any(word in ("-m", "--multirun") for word in words)
    overrides = [word for word in words if word not in ("-m", "--multirun")]
    for word in overrides:
        if word.startswith("-"):
            raise RecipeError(f"'{word}' is no option of tflbuild; see tflbuild --help.")
    if sweep:
        import_at_once("tflbuild.sweep")
        from tflbuild.sweep import run_sweep

        warn_of_plugins()
        return run_sweep(overrides)
    return _build(overrides)


def _command(name: str, words: list[str]) -> int:
    """Run a command; imports the module that declares it, and the plugins only where it is none of ours."""
    if name not in COMMANDS:
        from tflbuild import plugins

        loaded = plugins.load(plugins.default_folder())
        if name not in COMMANDS:
            plugins.require(name, loaded, "command")
    if name not in COMMANDS:
        raise RecipeError(
            f"'{name}' is neither a command ({', '.join(sorted(COMMANDS))}) nor KEY=VALUE."
            f"{did_you_mean(name, COMMANDS)}"
        )
    return COMMANDS.get(name).run(words)


def _prints(name: str) -> bool:
    return name in COMMANDS and COMMANDS.get(name).prints


def _asks_hydra(words: list[str]) -> bool:
    return any(word.split("=")[0] in HYDRA_FLAGS for word in words)


def _take_config_dir(words: list[str]) -> list[str]:
    """Keep --config-dir from Hydra, which would not find flat recipes there."""
    rest: list[str] = []
    given: str | None = None
    pending = False
    for word in words:
        if pending:
            given, pending = word, False
        elif word in ("--config-dir", "-cd"):
            pending = True
        elif word.startswith("--config-dir="):
            given = word.partition("=")[2]
        else:
            rest.append(word)
    given = at_home(given)
    if pending or (given is not None and not os.path.isdir(given)):
        raise RecipeError(f"--config-dir: '{given or ''}' is no folder.")
    if given is not None:
        os.environ["TFLBUILD_CONFIG_DIR"] = os.path.abspath(given)
    if not rest:
        raise RecipeError("nothing to do; see tflbuild --help.")
    return rest


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
