"""Which functions of the sources each test file runs, seen once and kept until the file changes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planting.place import Place

SLOW = " (slow)"


@dataclass(frozen=True)
class Trace:
    """What the fast or the slow tests of a file ran, in how many seconds, and which failed; and the file's digest."""

    digest: str
    seconds: float
    functions: frozenset[str]
    failed: tuple[str, ...] = ()


@dataclass
class Traces:
    """The traces of a checkout by `tests/file.py` or `tests/file.py (slow)`."""

    path: Path
    found: dict[str, Trace] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Traces:
        """Read what was seen; nothing where there is no file."""
        if not path.is_file():
            return cls(path)
        held = json.loads(path.read_text(encoding="utf-8"))
        names = held["functions"]
        return cls(path, {key: _trace(row, names) for key, row in held["traces"].items()})

    def write(self) -> None:
        """Write what was seen, every function's name once."""
        names = sorted({name for trace in self.found.values() for name in trace.functions})
        number = {name: index for index, name in enumerate(names)}
        rows = {
            key: [
                trace.digest,
                round(trace.seconds, 2),
                sorted(number[name] for name in trace.functions),
                trace.failed,
            ]
            for key, trace in self.found.items()
        }
        self.path.parent.mkdir(exist_ok=True)
        staged = self.path.with_suffix(".staged")
        staged.write_text(json.dumps({"functions": names, "traces": rows}), encoding="utf-8")
        os.replace(staged, self.path)

    def stale(self, root: Path, tests: Sequence[str], slow: bool) -> list[str]:
        """Give the test files that were not seen as they are now."""
        return [
            test
            for test in tests
            if (seen := self.found.get(key(test, slow))) is None or seen.digest != digest(root / test)
        ]

    def reaching(self, path: str, function: str, slow: bool) -> list[str]:
        """Give the test files that run a function, the quickest and most specific first.

        For a class it is those that run a method of it, for a module those that run any function; where none does,
        those that import the module.
        """
        for fits in (_runner(path, function), f"{path}:<module>".__eq__):
            able = [
                name
                for name, trace in self.found.items()
                if name.endswith(SLOW) == slow and any(map(fits, trace.functions))
            ]
            if able:
                break
        return [name.removesuffix(SLOW) for name in sorted(able, key=self._cost)]

    def suspects(self) -> list[tuple[str, bool]]:
        """Give the tests that failed when they were seen, and whether each is slow."""
        return [(test, name.endswith(SLOW)) for name, trace in self.found.items() for test in trace.failed]

    def _cost(self, name: str) -> float:
        trace = self.found[name]
        return (trace.seconds + 0.01) * len(trace.functions)


def _runner(path: str, function: str) -> Callable[[str], bool]:
    whole, prefix = f"{path}:{function}", f"{path}:{function}." if function else f"{path}:"
    imported = f"{path}:<module>"
    return lambda name: name == whole or (name.startswith(prefix) and name != imported)


def key(test: str, slow: bool) -> str:
    """Give the key of a test file's fast or slow half."""
    return test + SLOW if slow else test


def digest(path: Path) -> str:
    """Give a file's digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def traced(place: Place, half: tuple[str, bool]) -> tuple[str, Trace]:
    """Run the fast or the slow half of a test file, and give its key with what it ran."""
    test, slow = half
    log = place.tree.with_name("trace.log")
    log.unlink(missing_ok=True)
    session = place.run([test], slow=slow, first=False, traced=log)
    lines = set(log.read_text(encoding="utf-8", errors="replace").splitlines()) if log.exists() else set()
    functions = frozenset(line.partition(".<locals>")[0] for line in lines)
    return key(test, slow), Trace(
        digest(place.tree / test), session.seconds, functions, tuple(session.failed)
    )


def _trace(row: Any, names: Sequence[str]) -> Trace:
    stamp, seconds, numbers, *failed = row
    return Trace(stamp, seconds, frozenset(names[number] for number in numbers), tuple(*failed))
