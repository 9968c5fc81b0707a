"""Run a program of ours in an environment, without a network and within limits: `python guard.py LIMITS PROGRAM ...`.

It is given to the environment's own interpreter, imports the standard library alone, and no other module of ours.
The network is shut at the calls of Python, which is what packages use that fetch samples or send reports.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
from typing import Any

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")
"""Events of Python by which a program reaches another machine."""


def shut(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse the network, but for sockets of this machine's own files."""
    if event in NETWORK and not (event == "socket.connect" and isinstance(arguments[1], str | bytes)):
        raise PermissionError("the network is shut for programs in an environment")


def limit(limits: dict[str, int]) -> None:
    """Set the most that the process may take: `seconds` of processor time, bytes of `memory` and of a `file`."""
    for name, kind in (
        ("seconds", resource.RLIMIT_CPU),
        ("memory", resource.RLIMIT_AS),
        ("file", resource.RLIMIT_FSIZE),
    ):
        if name in limits:
            _, most = resource.getrlimit(kind)
            wanted = limits[name] if most == resource.RLIM_INFINITY else min(limits[name], most)
            resource.setrlimit(kind, (wanted, most))


def main(words: list[str]) -> None:
    """Shut the network, set the limits and run the program."""
    sys.addaudithook(shut)
    limit(json.loads(words[0]))
    sys.argv = words[1:]
    runpy.run_path(words[1], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
