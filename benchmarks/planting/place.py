"""A copy of a checkout in which one mutant at a time is tried, so that nobody's own files are ever altered."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
FOLDER = Path(__file__).parent
SHARED = {"data": "TFLBUILD_TEST_DATA", "models": "TFLBUILD_TEST_MODELS", "cases": "TFLBUILD_TEST_CASES"}
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    "outputs",
    "__pycache__",
    ".mutants",
    ".*_cache",
    ".hypothesis",
    "*.egg-info",
    "build",
    "dist",
)
PYTEST = [
    *(
        "-q",
        "--no-header",
        "--tb=line",
        "-p",
        "mutant_watcher",
        "-p",
        "xdist.plugin",
        "-p",
        "no:cacheprovider",
    ),
    "--override-ini=addopts=--import-mode=importlib",
    "--override-ini=faulthandler_exit_on_timeout=true",
]
ENDLESS = 1e9
HANG = {False: 40, True: 300}
"""Seconds that one fast or slow test may take before it is taken to hang."""


@dataclass(frozen=True)
class Session:
    """What came of one run of pytest."""

    code: int
    failed: Sequence[str] = ()
    ran: int = 0
    stopped: bool = False
    hung: bool = False
    files: dict[str, float] = field(default_factory=dict)
    output: str = ""

    @property
    def seconds(self) -> float:
        """Give how long the tests took, as if there were nothing else to do."""
        return sum(self.files.values()) / busy()

    @property
    def passed(self) -> bool:
        """Tell whether every test that ran passed; no test at all is no failure."""
        return not self.failed and (self.code in (0, 5) or self.stopped)


class Place:
    """A copy of a checkout, with tests to run in it."""

    def __init__(self, root: Path, folder: Path, python: str = sys.executable) -> None:
        self.tree = folder / "tree"
        self._python = python
        self._running: subprocess.Popen[bytes] | None = None
        self._result, self._temporary = folder / "result.json", folder / "tmp"
        plugin = folder / "plugin"
        plugin.mkdir(parents=True)
        shutil.copy(FOLDER / "watcher.py", plugin / "mutant_watcher.py")
        self._tracer = folder / "tracer"
        self._tracer.mkdir()
        shutil.copy(FOLDER / "tracer.py", self._tracer / "sitecustomize.py")
        shutil.copytree(root, self.tree, ignore=LEFT_OUT, symlinks=True)
        self._environment = _environment(root) | {
            "PYTHONPATH": os.pathsep.join(map(str, (self.tree / "src", plugin))),
            "MUTANT_RESULT": str(self._result),
            "TMPDIR": str(self._temporary),
        }

    @contextlib.contextmanager
    def altered(self, path: str, text: str) -> Iterator[None]:
        """Hold a file's text to another; its compiled form is thrown away before and after."""
        file = self.tree / path
        original = file.read_bytes()
        try:
            self._write(file, text.encode())
            yield
        finally:
            self._write(file, original)

    def run(
        self,
        tests: Sequence[str],
        *,
        slow: bool,
        seconds: float = ENDLESS,
        known: Sequence[str] = (),
        only: Sequence[str] = (),
        first: bool = True,
        traced: Path | None = None,
    ) -> Session:
        """Run the fast or the slow tests of some files.

        Args:
            tests: files or tests, in the order in which they run.
            slow: those marked `slow`, or those that are not.
            seconds: after which no further test begins; of a machine with nothing else to do.
            known: tests that fail without a fault, and do not run.
            only: the only tests that run, if any are named.
            first: end with the first failure.
            traced: where the functions that run are listed.
        """
        self._result.unlink(missing_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)  # nothing that a fault made is found by the next
        self._temporary.mkdir(exist_ok=True)
        seconds, patience = seconds * busy(), HANG[slow] * busy() * (3 if traced else 1)
        command = [self._python, "-m", "pytest", *tests, *PYTEST, "-m", "slow" if slow else "not slow"]
        command += [f"--override-ini=faulthandler_timeout={patience:.0f}", *(["-x"] if first else [])]
        given = {"MUTANT_SECONDS": str(seconds), "MUTANT_TESTS": json.dumps([list(known), list(only)])}
        if traced:
            path = os.pathsep.join((self._environment["PYTHONPATH"], str(self._tracer)))
            given |= {"PYTHONPATH": path, "MUTANT_TRACE": str(traced), "MUTANT_SOURCES": f"{self.tree}/"}
        code, output = self._call(command, given, min(seconds, 3600) * 3 + patience + 120)
        return self._session(code, output)

    def _call(self, command: list[str], given: dict[str, str], limit: float) -> tuple[int, str]:
        """Run a command in a group of its own, and end the group with it; 124 stands for a hang."""
        log = self.tree.with_name("output.log")
        with log.open("w") as output:
            self._running = subprocess.Popen(
                command,
                cwd=self.tree,
                env=self._environment | given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = self._running.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                code = 124
            self.stop()
            self._running.wait()
        return code, log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End what runs, and what it started."""
        if self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def _session(self, code: int, output: str) -> Session:
        try:
            found: dict[str, Any] = json.loads(self._result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        failed = list(found.get("failed", []))
        hung = code == 124 or (not failed and "Timeout (" in output)
        whole = found.get("ended") and (code in (0, 5) or found.get("stopped"))
        if not failed and not whole:
            failed = [found.get("running") or "(pytest itself)"]
        ran, stopped = int(found.get("ran", 0)), bool(found.get("stopped"))
        return Session(code, failed, ran, stopped, hung, dict(found.get("files", {})), output[-4000:])

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
        file.write_bytes(content)


def busy() -> float:
    """Give how many times longer things take now than with nothing else to do."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def in_all(
    places: Sequence[Place], items: Sequence[Item], work: Callable[[Place, Item], Made]
) -> Iterator[Made]:
    """Do work for each item in whichever place is free, and give what came of it as it comes."""
    free: queue.SimpleQueue[Place] = queue.SimpleQueue()
    for place in places:
        free.put(place)

    def one(item: Item) -> Made:
        place = free.get()
        try:
            return work(place, item)
        finally:
            free.put(place)

    with ThreadPoolExecutor(len(places)) as pool:
        waiting = [pool.submit(one, item) for item in items]
        try:
            for future in as_completed(waiting):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for place in places:
                place.stop()
            raise


def _environment(root: Path) -> dict[str, str]:
    """Give the environment, with the real files where the checkout finds them, and without plugins of others."""
    found = {
        variable: str(root.parent / "shared" / name)
        for name, variable in SHARED.items()
        if (root.parent / "shared" / name).is_dir()
    }
    return found | os.environ | {"PYTHONHASHSEED": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
