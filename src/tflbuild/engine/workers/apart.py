"""Read files of others in a process of its own: a file may crash whatever reads it, hang it, or ask for all memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tflbuild.core.errors import PassError, RecipeError, WorkerDied
from tflbuild.core.names import load_nothing
from tflbuild.core.place import on_one_line
from tflbuild.core.plain_text import plain
from tflbuild.engine.workers.process import Process, Start
from tflbuild.engine.workers.request import Progress, Request, finished
from tflbuild.engine.workers.worker import LIGHT_ENVIRONMENT

SECONDS = 60.0
"""Seconds that one file may take."""

SHARE = 0.7
"""Share of the memory free at its start that the process may hold."""

LOAD_NOTHING = f"{load_nothing.__module__}:{load_nothing.__name__}"

REPLACED_ABOVE = 2000
"""MiB above which the process is replaced before it reads the next file."""


@dataclass(frozen=True)
class Suspect:
    """The file and the reader to blame when reading fails.

    Attributes:
        file: as the user named it.
        reader: what reads it, e.g. "the runtime".
        cause: what may be wrong with it.
    """

    file: Path
    reader: str
    cause: str


class Apart:
    """One light process that reads files of others; started when first asked, gone when left.

    Args:
        seconds: how long one file may take.
        loader: dotted name of what loads declarations of the user's own, and its argument; by default none are.
    """

    def __init__(self, seconds: float = SECONDS, loader: tuple[str, Any] = (LOAD_NOTHING, None)) -> None:
        self._seconds = seconds
        self._process = Process(
            Start(
                environment=LIGHT_ENVIRONMENT,
                loader=loader,
                names=None,
                max_rss=REPLACED_ABOVE,
                log=lambda text: None,
                most_rss=_free_mib() * SHARE,
            )
        )

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()

    def call(
        self,
        function: str,
        *arguments: Any,
        suspect: Callable[[], Suspect],
        progress: Progress = lambda done, total, note: None,
    ) -> Any:
        """Call a function there, and wait for what it gives.

        Args:
            function: its dotted name; it is told last how to report progress.
            arguments: its others; pickled.
            suspect: is asked, when something has gone wrong, what is to blame.
            progress: is told how far it is.

        Raises:
            RecipeError: the file crashed the process, took too long or too much, or cannot be read.
            WorkerDied: the process ended before it read anything.
        """
        return self.begin(function, *arguments, suspect=suspect, progress=progress).value()

    def begin(
        self,
        function: str,
        *arguments: Any,
        suspect: Callable[[], Suspect],
        progress: Progress = lambda done, total, note: None,
    ) -> Called:
        """Call a function there as `call` does, and do not wait for it; one at a time."""
        request = self._process.begin(
            "call", function, *arguments, who="it", progress=progress, timeout=self._seconds
        )
        return Called(request, suspect)


@dataclass(frozen=True)
class Called:
    """A function that runs apart.

    Attributes:
        request: that asked for it.
        suspect: is asked, when something has gone wrong, what is to blame.
    """

    request: Request
    suspect: Callable[[], Suspect]

    def value(self) -> Any:
        """Wait for what it gives; what it raises is that of `Apart.call`."""
        try:
            return finished(self.request).value
        except WorkerDied as error:
            if not error.why:
                raise
            blamed = self.suspect()
            raise RecipeError(
                f"{plain(blamed.file)}: {blamed.reader} {error.why} on this file; {blamed.cause}."
            ) from error
        except PassError as error:
            reason = on_one_line(str(error).removeprefix("it failed: "))
            raise RecipeError(f"{plain(self.suspect().file)} cannot be read: {plain(reason)}.") from error


def _free_mib() -> float:
    import psutil

    return float(psutil.virtual_memory().available) / 2**20
