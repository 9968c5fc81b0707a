"""Completion in the shells themselves: what a person sees who types a part of a line and presses TAB."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tflbuild.answers.completion import SHELLS

COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
INSTALL = {
    "bash": 'eval "$(tflbuild -sc install=bash)"',
    "zsh": 'eval "$(tflbuild -sc install=zsh)"',
    "fish": "tflbuild -sc install=fish | source",
}
ESCAPES = re.compile(
    r"\x1b(\[[0-9;?=>]*[a-zA-Z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>])|[\x00-\x08\x0e-\x1f]"
)
PATIENCE = 30.0
"""Seconds that a loaded machine may take for an answer."""


class Typing:
    """A shell in a terminal of its own."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait_for(self, text: str) -> None:
        """Read what the shell shows until a pattern is there; what was shown before counts no more."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(text, self.seen)):
            assert time.monotonic() < deadline, f"{text!r} is not in {self.seen!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                shown = os.read(self.terminal, 65536).decode(errors="replace")
                if "\x1b[c" in shown or "\x1b[0c" in shown:  # fish asks which terminal this is
                    self.type("\x1b[?1;2c")
                self.seen += ESCAPES.sub("", shown).replace("\r", "")
        self.seen = self.seen[found.end() :]


@contextmanager
def typing(shell: str, folder: Path) -> Iterator[Typing]:
    """Start a shell in a folder, with `tflbuild` on its path and completion installed as documented."""
    bin_ = folder / "bin"
    bin_.mkdir()
    (bin_ / "tflbuild").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tflbuild "$@"\n')
    (bin_ / "tflbuild").chmod(0o755)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(PATH=f"{bin_}:{os.environ['PATH']}", HOME=str(folder), TERM="xterm", COLUMNS="200")
        os.environ.pop("COMP_LINE", None)
        os.execvp(COMMANDS[shell][0], COMMANDS[shell])
    try:
        typed = Typing(terminal)
        typed.type(f"{INSTALL[shell]}; echo rea''dy\r")
        typed.wait_for("ready")
        yield typed
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)


LINES = [
    ("tflbuild repo", "rt "),
    ("tflbuild recipe=ssd_mobilenet_int1", "6x8"),
    ("tflbuild report outputs/mine/lat", "est"),
    ("tflbuild -m hydra/launcher=jo", "blib"),
    ("tflbuild recipe=ssd_mobilenet_int8 prune.spar", "sity="),
    ("tflbuild recipe=ssd_mobilenet_int8 prune.schedule=poly", "nomial"),
    ("tflbuild recipe=int8 model.path=own.tf", "lite"),
]


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_what_was_begun(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}: apt-get install {shell}")
    run = tmp_path / "outputs" / "mine" / "latest"
    run.mkdir(parents=True)
    (run / "report.json").write_text("{}")
    (tmp_path / "own.tflite").write_text("")
    with typing(shell, tmp_path) as typed:
        for begun, rest in LINES:
            typed.type(begun)
            typed.wait_for(re.escape(begun.split()[-1]))
            typed.type("\t")
            typed.wait_for(re.escape(rest.strip()))
            typed.type('\x01echo "@\x05@"\r')  # put in quotes, from its beginning to its end
            typed.wait_for(rf"\n@{re.escape(begun + rest.strip())} ?@\n")
