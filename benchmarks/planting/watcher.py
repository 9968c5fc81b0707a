"""A pytest plugin that stops in time and says what ran and what failed; it runs beside the mutant, alone.

`MUTANT_SECONDS` says after how many seconds no further test begins, `MUTANT_TESTS` which tests do not run and which are
the only ones that do; `MUTANT_RESULT` is written after every test.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

RESULT: dict[str, Any] = {
    "failed": [],
    "ran": 0,
    "files": {},
    "running": "",
    "stopped": False,
    "ended": False,
}
STARTED = time.monotonic()


def pytest_collection_modifyitems(items: list[Any], config: Any) -> None:
    """Leave out what fails anyway, and what is not meant."""
    known, only = json.loads(os.environ.get("MUTANT_TESTS", "[[], []]"))
    gone = [item for item in items if item.nodeid in known or (only and item.nodeid not in only)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


def pytest_collectreport(report: Any) -> None:
    """Note a file that cannot be collected."""
    if report.failed:
        RESULT["failed"].append(report.nodeid)
        _write()


def pytest_runtest_logstart(nodeid: str) -> None:
    """Note what runs now, so that a crash has a name."""
    RESULT["running"] = nodeid
    _write()


def pytest_runtest_logreport(report: Any) -> None:
    """Note a failure, and the time of every file."""
    file = report.nodeid.split("::")[0]
    RESULT["files"][file] = RESULT["files"].get(file, 0.0) + report.duration
    if report.failed and report.nodeid not in RESULT["failed"]:
        RESULT["failed"].append(report.nodeid)
    if report.when == "teardown":
        RESULT["ran"] += 1
        RESULT["running"] = ""
    _write()


def pytest_runtest_teardown(item: Any) -> None:
    """Begin no further test when time is up."""
    if time.monotonic() - STARTED > float(os.environ.get("MUTANT_SECONDS", "1e9")):
        RESULT["stopped"] = True
        item.session.shouldstop = "time is up"


def pytest_sessionfinish() -> None:
    """Note that pytest came to its end."""
    RESULT["ended"] = True
    _write()


def _write() -> None:
    if path := os.environ.get("MUTANT_RESULT"):
        Path(path).write_text(json.dumps(RESULT), encoding="utf-8")
