"""How a board is reached, and how a model is executed on it."""

from __future__ import annotations

import base64
import shlex
import shutil
from dataclasses import dataclass

from tflbuild.backends.board.options import BoardOptions
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.core.plain_text import plain

BOOTSTRAP = (
    "import base64,sys\n"
    "f=sys.stdin.buffer\n"
    "exec(compile(f.read(int(f.readline())),'tflbuild','exec'),{'__name__':'__main__'})"
)
"""Code that the board's Python is given to begin with: it reads the rest from its input."""

ALIVE = {"ServerAliveInterval": 5, "ServerAliveCountMax": 3}
"""Options of ssh by which a connection that is gone is noticed."""


@dataclass(frozen=True, kw_only=True)
class Setup(BoardOptions):
    """The options with what follows from them."""

    @property
    def name(self) -> str:
        """Name the board as ssh does."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def command(self) -> list[str]:
        """Give the command line of ssh; the user's own options come first, since ssh takes the first of two."""
        words = [self.ssh, "-T"]
        for option in (*self.options, "BatchMode=yes", f"ConnectTimeout={min(self.timeout, 20)}"):
            words += ["-o", option]
        for key, value in ALIVE.items():
            words += ["-o", f"{key}={value}"]
        words += ["-p", str(self.port)] if self.port else []
        words += ["-i", self.identity] if self.identity else []
        return [*words, "--", self.name, self._program]

    @property
    def _program(self) -> str:
        """Give what the board's shell is to run; without a quote in it, so that any shell takes it."""
        code = base64.b64encode(BOOTSTRAP.encode()).decode()
        return f"{shlex.quote(self.python)} -u -c \"import base64;exec(base64.b64decode('{code}'))\""


def check(setup: Setup, key: str) -> None:
    """Hold this machine to having ssh, and the options to naming a board; it is not asked.

    Args:
        setup: the options.
        key: what they are under where a user gives them, e.g. "target.remote".

    Raises:
        MissingTool: there is no ssh; says how to install it.
        RecipeError: no board is named.
    """
    if shutil.which(setup.ssh) is None:
        raise MissingTool(
            f"{key}.ssh: there is no program '{plain(setup.ssh)}'; install it: apt-get install openssh-client."
        )
    if not setup.host:
        raise RecipeError(f"{key}.host: not given; expected the name or address of the board.")
