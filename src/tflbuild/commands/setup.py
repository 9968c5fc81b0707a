"""`tflbuild setup`: environments with packages that pin other versions than ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tflbuild.commands.words import say
from tflbuild.core.command import command
from tflbuild.core.environment import ENVIRONMENTS, Environment
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.show import audience

USAGE = """\
usage: tflbuild setup              list the environments
       tflbuild setup NAME         make one if it does not exist
       tflbuild setup NAME --pins  list its packages with their versions
       tflbuild setup NAME --wheels FOLDER
                                   make it without a network, from downloaded packages
       tflbuild setup NAME --remove"""


@command("setup", "set up the environment of a format that needs other packages", usage="[NAME] [--remove]")
def setup(words: list[str]) -> int:
    """List the environments, or make or remove one.

    Raises:
        RecipeError: the words are wrong.
        MissingTool: it cannot be made; says what to do by hand.
    """
    if not words:
        return _list()
    name, rest = words[0], words[1:]
    if name.startswith("-"):
        raise RecipeError(f"setup: '{plain(name)}' is not an environment.\n{USAGE}")
    wanted = ENVIRONMENTS.get(name, "setup")()
    if not rest:
        return _make(wanted)
    if rest == ["--remove"]:
        return _remove(wanted)
    if rest == ["--pins"]:
        say("\n".join(type(wanted).requirements))
        return 0
    if len(rest) == 2 and rest[0] == "--wheels":
        return _make(wanted, _folder(rest[1]))
    raise RecipeError(f"setup: '{plain(' '.join(rest))}' is not one of its options.\n{USAGE}")


def _list() -> int:
    for name, declared in ENVIRONMENTS.items():
        wanted = declared()
        made = wanted.made()
        state = f"{made.version}; Python {made.python_version}, {_size(made.folder)}" if made else "not made"
        say(f"  {name:<10} {state}")
        say(f"             {(declared.__doc__ or '').partition(chr(10))[0]}")
        if made:
            say(f"             {made.folder}")
    return 0


def _make(wanted: Environment, wheels: Path | None = None) -> int:
    from tflbuild.environments.making.make import make

    name = type(wanted).name
    with _progress(name) as tell:
        outcome = make(wanted, tell, wheels)
    made = outcome.made
    said = f"made in {outcome.seconds:.0f} s" if outcome.new else "there already"
    say(f"environment '{name}': {said}; {made.version}, Python {made.python_version}, {_size(made.folder)}")
    return 0


def _remove(wanted: Environment) -> int:
    from tflbuild.environments.making.make import remove

    count = remove(wanted)
    say(f"environment '{type(wanted).name}': {'removed' if count else 'was not there'}")
    return 0


@contextmanager
def _progress(name: str) -> Iterator[Callable[[str], object]]:
    """Show what is under way: in one line of a terminal, or line by line."""
    if not sys.stderr.isatty():
        yield lambda text: audience.warn(plain(f"{name}: {text}"))
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(f"{name}: making the environment") as status:
        yield lambda text: status.update(escape(f"{name}: {text}"))


def _folder(word: str) -> Path:
    path = Path(word)
    if not path.is_dir():
        raise RecipeError(f"setup: --wheels: there is no folder '{plain(word)}'.")
    return path.resolve()


def _size(folder: Path) -> str:
    from rich.filesize import decimal

    return decimal(sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()))
