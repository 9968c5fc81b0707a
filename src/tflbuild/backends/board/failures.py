"""Failures of a session, from what ssh and the board's shell say to a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable

from tflbuild.backends.board.setup import Setup
from tflbuild.core.errors import MissingTool, PassError, RecipeError, TflbuildError
from tflbuild.core.plain_text import plain

LOST = 255
"""Exit code of ssh where the connection failed, or ended."""

NOT_FOUND = 127
"""Exit code of a shell that does not find a program."""

NOISE = re.compile(r"^(Warning: Permanently added|Pseudo-terminal|debug\d|Connection to \S+ closed|INFO:)")
"""Lines of ssh and of LiteRT that are no reason."""


def failure(setup: Setup, code: int, said: str) -> TflbuildError:
    """Give the error of a session that did not begin.

    Args:
        setup: the board.
        code: that ssh ended with.
        said: what was written to its standard error.
    """
    name = plain(setup.name)
    for pattern, kind, sentence in KNOWN:
        if re.search(pattern, said):
            return kind(sentence(setup, name))
    if code == NOT_FOUND:
        return MissingTool(
            f"{name} has no '{plain(setup.python)}'; install Python 3.8 or later there, or give its path: "
            f"target.remote.python."
        )
    if code == LOST:
        return MissingTool(f"{name} cannot be reached: {last_line(said)}.")
    return MissingTool(
        f"{name}: '{plain(setup.python)}' did not start (exit code {code}): {last_line(said)}; see "
        f"target.remote.python."
    )


def lost(setup: Setup, said: str) -> PassError:
    """Give the error of a connection that ended in the middle."""
    return PassError(
        f"The connection to {plain(setup.name)} ended while it measured: {last_line(said)}; nothing of it was kept."
    )


def last_line(text: str) -> str:
    """Give the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not NOISE.match(line.strip())]
    return plain(lines[-1] if lines else "nothing was said")


def _port(setup: Setup) -> str:
    return f"port {setup.port}" if setup.port else "ssh's port"


Sentence = Callable[[Setup, str], str]

KNOWN: tuple[tuple[str, type[TflbuildError], Sentence], ...] = (
    (
        r"Could not resolve hostname|Name or service not known",
        RecipeError,
        lambda setup, name: f"target.remote.host: no machine is called '{plain(setup.host)}'.",
    ),
    (
        r"Connection refused",
        MissingTool,
        lambda setup, name: (
            f"{name} refuses connections on {_port(setup)}: start its ssh server, or see target.remote.port."
        ),
    ),
    (
        r"timed out|No route to host|Network is unreachable|Host is down",
        MissingTool,
        lambda setup, name: f"{name} does not answer on {_port(setup)}: is it on, and on this network?",
    ),
    (
        r"HOST IDENTIFICATION HAS CHANGED",
        MissingTool,
        lambda setup, name: (
            f"{name} has another host key than it had: if it was set up anew, ssh-keygen -R "
            f"{plain(_known_as(setup))} forgets the old one; if not, somebody may be in between."
        ),
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        MissingTool,
        lambda setup, name: (
            f"The host key of {name} is not known yet: connect once by hand, and compare it: {_by_hand(setup)}."
        ),
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE",
        RecipeError,
        lambda setup, name: (
            f"target.remote.identity: others may read '{plain(setup.identity)}', and ssh refuses it; "
            f"chmod 600 makes it yours."
        ),
    ),
    (
        r"Permission denied \(|Too many authentication failures",
        MissingTool,
        lambda setup, name: (
            f"{name} does not let this user in by a key, and passwords are not asked for: {_copying(setup)}, or see "
            f"target.remote.user and target.remote.identity."
        ),
    ),
)
"""Messages of ssh with their meaning, the most certain first."""


def _known_as(setup: Setup) -> str:
    return f"[{setup.host}]:{setup.port}" if setup.port and setup.port != 22 else setup.host


def _by_hand(setup: Setup) -> str:
    port = f"-p {setup.port} " if setup.port and setup.port != 22 else ""
    return plain(f"ssh {port}{setup.name}")


def _copying(setup: Setup) -> str:
    port = f"-p {setup.port} " if setup.port and setup.port != 22 else ""
    return plain(f"ssh-copy-id {port}{setup.name}")
