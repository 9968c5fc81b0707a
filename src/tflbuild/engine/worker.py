"""The main process's handle on worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any

from tflbuild.core.errors import BrokenPromise, PassError, TflbuildError, WorkerDied
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.names import Names

Progress = Callable[[float, float, str], None]


@dataclass(frozen=True)
class Answer:
    """What a worker gave, and what it cost."""

    value: Any
    cost: dict[str, float]


class Worker:
    """One warm process, started when first asked and replaced when it grew, died or was killed.

    Args:
        options: memory and threads.
        device: "cpu" or "gpu".
        loader: dotted name of what loads the declarations, and its argument.
        names: what the worker reaches by dotted name.
        log: is given every line the process prints.
    """

    def __init__(
        self,
        options: WorkerOptions,
        device: str,
        loader: tuple[str, Any],
        names: Names | None = None,
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.options = options
        self.device = device
        self.log = log
        self.names = names or Names()
        self._loader = loader
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._lines: deque[str] = deque(maxlen=15)
        self._reader: threading.Thread | None = None

    def ask(
        self,
        name: str,
        *arguments: Any,
        who: str,
        progress: Progress = lambda done, total, note: None,
        timeout: float | None = None,
    ) -> Answer:
        """Have the process do one thing.

        Args:
            name: a method of `tflbuild.engine.worker_process.Server`.
            arguments: its arguments; pickled.
            who: what asks, as the error message names it, e.g. "pass 'prune'".
            progress: is told how far it is.
            timeout: seconds after which the process is killed.

        Raises:
            WorkerDied: the process aborted, was killed or exceeded `timeout`; the message names the signal.
            PassError: what was asked raised; chained to the worker's traceback.
        """
        self._recycle()
        connection = self._connection or self._start()
        process = self._process
        assert process is not None
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            connection.send((name, arguments))
            return self._await(connection, process, who, progress, deadline)
        except (EOFError, ConnectionError, BrokenPipeError):
            raise WorkerDied(self._obituary(who)) from None
        except KeyboardInterrupt:
            self.stop()
            raise

    def _await(
        self,
        connection: Connection,
        process: subprocess.Popen[bytes],
        who: str,
        progress: Progress,
        deadline: float | None,
    ) -> Answer:
        peak = 0.0
        while True:
            if deadline is not None and time.monotonic() > deadline:
                self.stop()
                raise WorkerDied(f"{who} exceeded its time limit and was stopped.{self._last_lines()}")
            if not connection.poll(0.1):
                peak = max(peak, _rss_mib(process.pid))
                continue
            kind, value = connection.recv()
            if kind == "progress":
                progress(*value)
            elif kind == "error":
                raise _named(value, who)
            else:
                return Answer(value[0], {**value[1], "peak_rss_mib": max(peak, _rss_mib(process.pid))})

    def stop(self) -> None:
        """Kill the process, if there is one."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._reader is not None:
            self._reader.join(timeout=5)
        self._forget()

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tflbuild.engine.worker_process", str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            env=self._environment(),
            start_new_session=True,
        )
        theirs.close()
        self._connection = ours
        self._lines.clear()
        self._reader = threading.Thread(target=self._read_log, args=(self._process,), daemon=True)
        self._reader.start()
        self.ask("load", *self._loader, self.names, who="the worker's start")
        return ours

    def _environment(self) -> dict[str, str]:
        threads = str(self.options.threads)
        ours = {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "TF_USE_LEGACY_KERAS": "1",
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
            "PYTHONHASHSEED": "0",
        }
        if self.device == "cpu":
            ours["CUDA_VISIBLE_DEVICES"] = "-1"
        return {**os.environ, **ours}

    def _recycle(self) -> None:
        if self._process is not None and _rss_mib(self._process.pid) > self.options.max_rss:
            self.log(f"worker above worker.max_rss ({self.options.max_rss} MiB) replaced")
            self.stop()

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self._lines.append(text)
                self.log(text)

    def _obituary(self, who: str) -> str:
        process = self._process
        assert process is not None
        code = process.wait()
        if self._reader is not None:
            self._reader.join(timeout=5)
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was ended by signal {-code} ({signal.Signals(-code).name})"
        if code == -signal.SIGKILL:
            how += ", which is how the system ends a process when memory runs out"
        text = f"{who}: its worker process {how}.{self._last_lines()}"
        self._forget()
        return text

    def _last_lines(self) -> str:
        return " Its last lines:\n  " + "\n  ".join(self._lines) if self._lines else ""

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._connection = None
        self._process = None


def _named(value: tuple[TflbuildError, str], who: str) -> TflbuildError:
    error, text = value
    if type(error) is PassError:
        error = PassError(f"{who} failed: {error}")
    elif isinstance(error, BrokenPromise) and who not in str(error):
        error = BrokenPromise(f"{who} broke its promise: {error}")
    error.__cause__ = RuntimeError(f"in the worker process:\n{text}")
    return error


def _rss_mib(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
