"""Flags with a value among the words of a command."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain


def flags_of(
    command: str,
    words: Sequence[str],
    valued: Collection[str],
    usage: str,
    bare: Collection[str] = ("--json",),
) -> tuple[dict[str, str], list[str]]:
    """Part flags with a value from the other words.

    Args:
        command: its name, for messages.
        words: what was typed, each flag as `--flag VALUE` or `--flag=VALUE`.
        valued: flags that it has, such as "--out".
        usage: of the command, which ends a message.
        bare: flags that it has without a value, which are left out.

    Returns:
        Values by flag, and the other words.

    Raises:
        RecipeError: a flag has no value, or is none of the command's.
    """
    given: dict[str, str] = {}
    rest: list[str] = []
    waiting = iter([word for word in words if word not in bare])
    for word in waiting:
        flag, equals, value = word.partition("=")
        if flag in valued:
            given[flag] = value if equals else next(waiting, "")
            if not given[flag]:
                raise RecipeError(f"{command}: {flag} needs a value. {usage}")
        elif word.startswith("--"):
            near = did_you_mean(flag, (*valued, *bare))
            raise RecipeError(f"{command}: '{plain(word)}' is not an option.{near} {usage}")
        else:
            rest.append(word)
    return given, rest
