"""Flags of the command line: tflbuild's own, and every one of Hydra 1.3 with what it does here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A flag.

    Attributes:
        names: as typed, the long one first.
        says: what it does, a line of help.
        value: what it takes, e.g. "DIR"; "" for nothing.
        choices: the values that there are; empty for any.
        usual: the value where none is given; "" where one is needed.
        key: the key of the recipe that it sets, "" for none.
        refused: why nothing is done; "" for a flag that does something.
        of_hydra: whether Hydra has it.
        everywhere: whether it may stand behind a command, too.
        usual_help: whether `--help` names it; `--hydra-help` names all of Hydra's.
    """

    names: tuple[str, ...]
    says: str
    value: str = ""
    choices: tuple[str, ...] = ()
    usual: str = ""
    key: str = ""
    refused: str = ""
    of_hydra: bool = True
    everywhere: bool = False
    usual_help: bool = True

    @property
    def name(self) -> str:
        """Give its long name."""
        return self.names[0]

    @property
    def shown(self) -> str:
        """Write it as help does, e.g. "--cfg, -c job|hydra|all"."""
        value = "|".join(self.choices) or self.value
        taken = f" [{value}]" if self.usual else f" {value}" if value else ""
        return ", ".join(self.names) + taken


_OWN: dict[str, Any] = {"of_hydra": False, "everywhere": True}

FLAGS: tuple[Flag, ...] = (
    Flag(
        names=("--help", "-h"), says="print help; after a command, the help of that command", everywhere=True
    ),
    Flag(names=("--version",), says="print the version of tflbuild"),
    Flag(names=("--verbose",), says="print the traceback of an error", **_OWN),
    Flag(
        names=("--locked",), says="fail on any difference from the lock (locked=FILE)", key="locked", **_OWN
    ),
    Flag(names=("--time-passes",), says="print what each pass took", key="time_passes", **_OWN),
    Flag(
        names=("--keep-intermediate",),
        says="keep the model of each pass",
        key="keep_intermediate",
        **_OWN,
    ),
    Flag(names=("--tensorboard",), says="write TensorBoard logs of trainings", key="tensorboard", **_OWN),
    Flag(names=("--run", "-r"), says="build; the same as leaving it out", usual_help=False),
    Flag(names=("--multirun", "-m"), says="sweep: build every combination"),
    Flag(
        names=("--config-dir", "-cd"),
        says="also look for recipes in DIR",
        value="DIR",
        everywhere=True,
    ),
    Flag(names=("--config-path", "-cp"), says="the same as --config-dir", value="DIR", usual_help=False),
    Flag(names=("--config-name", "-cn"), says="the same as recipe=NAME", value="NAME", usual_help=False),
    Flag(
        names=("--cfg", "-c"),
        says="print the recipe, Hydra's settings, or both",
        value="WHAT",
        choices=("job", "hydra", "all"),
    ),
    Flag(
        names=("--package", "-p"),
        says="with --cfg: print the part under a key",
        value="KEY",
        usual_help=False,
    ),
    Flag(names=("--resolve",), says="with --cfg: replace ${...} by its value", usual_help=False),
    Flag(
        names=("--info", "-i"),
        says="print where a recipe comes from",
        value="WHAT",
        choices=("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
        usual="all",
    ),
    Flag(names=("--hydra-help",), says="print every Hydra flag and what it does here"),
    Flag(
        names=("--shell-completion", "-sc"),
        says="completion on TAB: -sc install=bash, =zsh or =fish",
    ),
    Flag(
        names=("--experimental-rerun",),
        says="refused: 'tflbuild rerun RUN' builds a run again",
        usual_help=False,
        value="FILE",
        refused="tflbuild writes no Hydra pickle; 'tflbuild rerun RUN' builds a run again",
    ),
)

_BY_NAME = {name: flag for flag in FLAGS for name in flag.names}

ANSWERS = ("--cfg", "--info", "--hydra-help", "--shell-completion")
"""Flags that print, and build nothing."""

OF_CFG = ("--package", "--resolve")
"""Flags that say what of `--cfg` is printed."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """The command line as it was typed, its flags apart.

    Attributes:
        command: the first word, where it is neither a flag nor KEY=VALUE; "" for none.
        words: KEY=VALUE, or everything that the command is given.
        flags: by their long name, with their value; "" for none.
    """

    command: str = ""
    words: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """Name the flag that asks for something to be printed; "" for none."""
        return next((name for name in ANSWERS if name in self.flags), "")


def read(words: Iterable[str]) -> Given:
    """Read the flags among what was typed.

    Behind a command only the flags are read that may stand everywhere; all others are the command's own.

    Raises:
        RecipeError: there is no such flag, or its value is missing or none.
    """
    command, flags, rest = "", dict[str, str](), list(words)
    kept: list[str] = []
    first = True
    while rest:
        word = rest.pop(0)
        flag, value = _split(word)
        if flag is None or (command and not flag.everywhere):
            if first and _is_command(word):
                command = word
            else:
                _check_word(word, of_command=bool(command))
                kept.append(word)
            first = False
        elif flag.refused:
            raise RecipeError(f"{flag.name}: {flag.refused}.")
        elif flag.key:
            kept.append(f"{flag.key}={value if value is not None else 'true'}")
        else:
            flags[flag.name] = _value(flag, value, rest)
    return Given(command=command, words=tuple(kept), flags=flags)


def _is_command(word: str) -> bool:
    return not word.startswith(("-", "+", "~")) and "=" not in word


def _check_word(word: str, *, of_command: bool) -> None:
    if word.startswith("-") and not of_command:
        raise RecipeError(f"'{plain(word)}' is not an option of tflbuild; see tflbuild --help.{_near(word)}")


def _split(word: str) -> tuple[Flag | None, str | None]:
    """Give the flag that a word is, and the value that is written behind it: `--cfg=job`, `-cjob`; None for none."""
    if word in _BY_NAME:
        return _BY_NAME[word], None
    name, written, value = word.partition("=")
    if written and name in _BY_NAME and (name.startswith("--") or _BY_NAME[name].value):
        return _BY_NAME[name], value
    short = _BY_NAME.get(word[:2])
    if short is not None and not word.startswith("--") and word[2:] in short.choices:
        return short, word[2:]
    return None, None


def _value(flag: Flag, written: str | None, rest: list[str]) -> str:
    """Give a flag's value: what is written behind it, or the next word; takes the latter out of `rest`."""
    if not flag.value:
        if written is not None:
            raise RecipeError(f"{flag.name}: it takes no value; remove '={plain(written)}'.")
        return ""
    value = written
    if value is None and rest and not rest[0].startswith("-") and not ("=" in rest[0] and flag.choices):
        value = rest.pop(0)
    if not value and flag.usual and written is None:
        return flag.usual
    if not value:
        raise RecipeError(f"{flag.name}: its value is missing; write {flag.name} {_right(flag)}.")
    if flag.choices and value not in flag.choices:
        raise RecipeError(
            f"{flag.name}: '{plain(value)}' is not one of {', '.join(flag.choices)}.{did_you_mean(value, flag.choices)}"
        )
    return value


def _right(flag: Flag) -> str:
    return " or ".join(flag.choices) or flag.value


def _near(word: str) -> str:
    return did_you_mean(word.partition("=")[0], _BY_NAME)


def check_together(given: Given) -> None:
    """Refuse flags that do not go together.

    Raises:
        RecipeError: names them.
    """
    flags = given.flags
    several = [name for name in ("--run", "--multirun", *ANSWERS) if name in flags]
    if len(several) > 1:
        more = " 'tflbuild plan -m ...' shows what a sweep would build." if "--multirun" in several else ""
        raise RecipeError(f"{' and '.join(several)}: use one at a time; remove the others.{more}")
    for name in OF_CFG:
        if name in flags and "--cfg" not in flags:
            raise RecipeError(f"{name}: it only changes what --cfg prints; add --cfg job, or remove it.")
    if "--config-dir" in flags and "--config-path" in flags:
        raise RecipeError(
            "--config-path and --config-dir: these are two names of one flag; give one of them."
        )
    recipe = flags.get("--config-name")
    if recipe and any(word.startswith("recipe=") for word in given.words):
        raise RecipeError(
            f"--config-name: the recipe is named twice; remove '--config-name {plain(recipe)}'."
        )


WIDTH = 22
"""Columns of a flag in help; what a longer one does stands below it."""


def help_lines(flags: Iterable[Flag]) -> list[str]:
    """Give a line of help for each flag; two where it is long."""
    return [_line(flag) for flag in flags]


def _line(flag: Flag) -> str:
    if len(flag.shown) <= WIDTH:
        return f"  {flag.shown:<{WIDTH}} {flag.says}"
    return f"  {flag.shown}\n  {'':<{WIDTH}} {flag.says}"
