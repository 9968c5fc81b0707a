"""Answers to flags that print, and build nothing: the recipe, what is read of Hydra, where a recipe comes from."""

from __future__ import annotations

from tflbuild.core.flags import FLAGS, Given, help_lines
from tflbuild.show.audience import say

HYDRA_HELP = """\
What each flag of Hydra 1.3 does in tflbuild:

{flags}

Overrides are Hydra's: KEY=VALUE, +KEY=VALUE, ~KEY, GROUP=CHOICE, and in a sweep
KEY=A,B, KEY=range(1,4), KEY=choice(a,b), KEY=glob(*). Of Hydra's own settings a
sweep reads hydra/launcher, hydra/sweeper and their options; 'tflbuild -c hydra'
prints them. Runs lie under the recipe's 'outputs', not under hydra.run.dir.
"""


def answer(given: Given) -> int:
    """Print what a flag asks for; gives the exit code.

    Args:
        given: what was typed, with one of `flags.ANSWERS` among its flags.

    Raises:
        RecipeError: what is asked about is wrong.
    """
    if "--hydra-help" in given.flags:
        say(HYDRA_HELP.format(flags="\n".join(help_lines(flag for flag in FLAGS if flag.of_hydra))).rstrip())
        return 0
    if "--shell-completion" in given.flags:
        from tflbuild.answers.completion import complete

        return complete(list(given.words))
    if "--info" in given.flags:
        from tflbuild.answers.origin import show_origin

        return show_origin(given.flags["--info"], list(given.words))
    from tflbuild.answers.configuration import show_configuration

    return show_configuration(given)
