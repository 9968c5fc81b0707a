"""The main process's handle on one worker process: started, asked, replaced and buried."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core import interpreter
from tflbuild.core.errors import PassError
from tflbuild.core.names import Names
from tflbuild.engine.workers.channel import Channel, ChannelClosed, ChannelGarbled, pair
from tflbuild.engine.workers.memory import rss_mib
from tflbuild.engine.workers.request import Progress, Request
from tflbuild.engine.workers.tail import Tail


@dataclass(frozen=True, kw_only=True)
class Start:
    """Settings with which worker processes are started.

    Attributes:
        environment: variables that are set.
        loader: dotted name of what loads the declarations, and its argument.
        names: entry points of evaluation; None where nothing is evaluated.
        max_rss: MiB above which a process is replaced before it is asked again.
        log: is given every line a process prints.
        told: is told what a process does meanwhile: a kind of event, and its fields.
        most_rss: MiB above which a process is killed; None for as many as there are.
    """

    environment: Mapping[str, str]
    loader: tuple[str, Any]
    names: Names | None
    max_rss: int
    log: Callable[[str], None]
    told: Callable[[str, dict[str, Any]], None] = lambda kind, fields: None
    most_rss: float | None = None


class Process:
    """One warm process, started when first asked and replaced when it grew, died or was killed.

    Attributes:
        loaded: whether it has loaded the declarations.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._popen: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._tail: Tail | None = None
        self._asked = 0
        self.loaded = False

    def begin(
        self,
        name: str,
        *arguments: Any,
        who: str,
        progress: Progress = lambda done, total, note: None,
        timeout: float | None = None,
    ) -> Request:
        """Send a request, and do not wait for the reply.

        Args:
            name: a method of `tflbuild.engine.workers.worker_process.Server`.
            arguments: its arguments; pickled.
            who: what asks, as the error message names it, e.g. "pass 'prune'".
            progress: is told how far it is.
            timeout: seconds after which the process is killed.

        Raises:
            PassError: the arguments cannot be pickled.
        """
        self._replace_if_needed()
        channel = self._channel or self._spawn()
        assert self._popen is not None
        assert self._tail is not None
        self._asked += 1
        self._tail.begin()
        try:
            channel.send((self._asked, name, arguments))
        except ChannelClosed:
            pass  # the request will say how the process ended
        except Exception as error:  # pickling calls what foreign code made, which may raise anything
            raise PassError(
                f"{who}: its options or its data cannot be sent to a worker: {type(error).__name__}: {error}"
            ) from error
        return Request(
            self,
            self._asked,
            channel,
            self._popen,
            who,
            progress,
            timeout,
            self._start.most_rss,
            self._start.told,
        )

    def log(self, text: str) -> None:
        """Add lines to what the process printed."""
        self._start.log(text)

    def stop(self) -> None:
        """Kill the process, if there is one, and what it started."""
        if self._popen is not None:
            self._popen.kill()
            self.bury()

    def bury(self) -> tuple[int, str]:
        """Clean up after a process that ended: kill what it started; gives its exit code and last lines.

        One whose start was interrupted has no channel yet, and nobody who reads what it prints.
        """
        popen, tail, channel = self._popen, self._tail, self._channel
        assert popen is not None
        code = popen.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)  # it leads a session of its own
        if tail is not None:
            tail.end()
        if channel is not None:
            channel.close()
        for stream in (popen.stdin, popen.stderr if tail is None else None):
            if stream is not None:
                stream.close()
        self._popen, self._channel, self._tail = None, None, None
        return code, "" if tail is None else tail.text()

    def _spawn(self) -> Channel:
        channel, theirs = pair()
        start = self._start
        try:
            self._popen = subprocess.Popen(
                interpreter.command("tflbuild.engine.workers.worker_process", str(theirs.fileno())),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=interpreter.environment({**os.environ, **start.environment}),
                start_new_session=True,
            )
            self.loaded = False
            assert self._popen.stderr is not None
            self._channel, self._tail = channel, Tail(self._popen.stderr, start.log)
        except BaseException:
            channel.close()
            raise
        finally:
            theirs.close()
        with contextlib.suppress(ChannelClosed):
            channel.send((0, "load", (*start.loader, start.names)))
        return channel

    def _replace_if_needed(self) -> None:
        """Stop a process that grew too large, or that something the last request left behind has spoilt."""
        if self._popen is None or self._channel is None:
            return
        why = ""
        if rss_mib(self._popen.pid) > self._start.max_rss:
            why = f"above worker.max_rss ({self._start.max_rss} MiB)"
        try:
            self._channel.take()
        except ChannelClosed:
            why = "ended between two requests"
        except ChannelGarbled as error:
            why = f"sent an unexpected message ({error})"
        if self._popen.poll() is not None:
            why = "ended between two requests"
        if why:
            self.stop()
            self._start.log(f"worker {why}: replaced")
