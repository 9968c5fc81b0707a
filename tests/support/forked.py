"""Processes that build fake recipes, forked from one that has imported what they need, which takes long."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["warmed"])
_ONE_AT_A_TIME = threading.Lock()
"""Held whenever `multiprocessing` looks for what has ended: two threads must not read one exit code."""


def _become(
    arguments: Sequence[str], environment: Mapping[str, str], folder: str, said: str, errors: str
) -> None:
    """Run `python -m driver` in this new process, as if it had just been started in a folder."""
    for path, descriptor in ((said, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["driver", *arguments]
    import driver

    sys.exit(driver.main())


class Forked:
    """A process that runs `driver`; as much of `subprocess.Popen` as tests use.

    Args:
        arguments: of `driver`.
        environment: its variables, all of them.
        folder: where it stands.
        name: of the files beside the folder, to which it prints.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, name: str
    ) -> None:
        self._printed = [folder.parent / f"{folder.name}-{name}.{stream}" for stream in ("said", "errors")]
        given = (list(arguments), dict(environment), str(folder), *map(str, self._printed))
        self._process = _FORKS.Process(target=_become, args=given)
        path = {
            "PYTHONPATH": environment["PYTHONPATH"]
        }  # for the one that is forked from, which is started once
        with _ONE_AT_A_TIME, mock.patch.dict(os.environ, path):
            self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Give the exit code; None while it runs."""
        with _ONE_AT_A_TIME:
            return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 60.0) -> tuple[str, str]:
        """Wait for its end; gives what it printed."""
        limit = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > limit:
                raise subprocess.TimeoutExpired("driver", timeout)
            time.sleep(0.005)
        said, errors = (path.read_text() if path.exists() else "" for path in self._printed)
        return said, errors
