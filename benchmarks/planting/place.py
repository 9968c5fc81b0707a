"""A copy of a checkout in which one mutant at a time is tried, so that nobody's own files are ever altered."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WATCHER = Path(__file__).with_name("watcher.py")
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
HANG = {False: 60, True: 600}
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
    def passed(self) -> bool:
        """Tell whether every test that ran passed; no test at all is no failure."""
        return not self.failed and (self.code in (0, 5) or self.stopped)


class Place:
    """A copy of a checkout, with tests to run in it."""

    def __init__(self, root: Path, folder: Path, python: str = sys.executable) -> None:
        self.tree = folder / "tree"
        self._python = python
        self._result = folder / "result.json"
        plugin = folder / "plugin"
        plugin.mkdir(parents=True)
        shutil.copy(WATCHER, plugin / "mutant_watcher.py")
        shutil.copytree(root, self.tree, ignore=LEFT_OUT, symlinks=True)
        self._environment = _environment(root) | {
            "PYTHONPATH": os.pathsep.join(map(str, (self.tree / "src", plugin))),
            "MUTANT_RESULT": str(self._result),
            "TMPDIR": str(_made(folder / "tmp")),
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
        seconds: float,
        known: Sequence[str] = (),
        first: bool = True,
    ) -> Session:
        """Run tests, fast ones or slow ones, to the first failure or until time is up."""
        self._result.unlink(missing_ok=True)
        marker = "slow" if slow else "not slow"
        command = [
            self._python,
            "-m",
            "pytest",
            *tests,
            "-q",
            "-p",
            "mutant_watcher",
            "-p",
            "no:cacheprovider",
        ]
        command += [
            "-m",
            marker,
            "--no-header",
            "--tb=line",
            "--override-ini=addopts=--import-mode=importlib",
        ]
        command += [f"--override-ini=faulthandler_timeout={HANG[slow]}"]
        command += ["--override-ini=faulthandler_exit_on_timeout=true", *(["-x"] if first else [])]
        given = {"MUTANT_SECONDS": str(seconds), "MUTANT_DESELECT": json.dumps(list(known))}
        code, output = self._call(command, given, seconds * 3 + HANG[slow] + 120)
        return self._session(code, output)

    def _call(self, command: list[str], given: dict[str, str], limit: float) -> tuple[int, str]:
        """Run a command in a group of its own, and end the group with it; 124 stands for a hang."""
        log = self.tree.with_name("output.log")
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=self.tree,
                env=self._environment | given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                code = 124
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return code, log.read_text(encoding="utf-8", errors="replace")

    def _session(self, code: int, output: str) -> Session:
        try:
            found: dict[str, Any] = json.loads(self._result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        hung = code == 124 or "Timeout (" in output
        failed = list(found.get("failed", []))
        if not failed and code not in (0, 5) and not found.get("stopped"):
            failed = [found.get("running") or "(pytest itself)"]
        ran, stopped = int(found.get("ran", 0)), bool(found.get("stopped"))
        return Session(code, failed, ran, stopped, hung, dict(found.get("files", {})), output[-4000:])

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
        file.write_bytes(content)


def _environment(root: Path) -> dict[str, str]:
    """Give the environment with the real files where the checkout finds them, and threads for one core."""
    found = {
        variable: str(root.parent / "shared" / name)
        for name, variable in SHARED.items()
        if (root.parent / "shared" / name).is_dir()
    }
    return found | os.environ | {"PYTHONHASHSEED": "0"}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
