"""Try mutants: run the tests that can notice, and tell what came of it."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

from planting.mutant import Mutant, difference, identity, read
from planting.place import Place, Session
from planting.reach import Reach


@dataclass(frozen=True)
class Limits:
    """Seconds of tests for one mutant, fast and slow ones."""

    fast: float
    slow: float


@dataclass
class Trial:
    """One mutant and what became of it: `killed`, `survived`, or `hung`, which counts as killed."""

    id: str
    mutant: Mutant
    diff: str
    outcome: str = ""
    killer: str = ""
    tests: list[str] = field(default_factory=list)
    ran: int = 0
    cut: bool = False

    @property
    def killed(self) -> bool:
        """Tell whether a test noticed."""
        return self.outcome in {"killed", "hung"}

    def row(self) -> dict[str, object]:
        """Give it as JSON."""
        return asdict(self)


def planned(root: Path, mutant: Mutant) -> Trial:
    """Give the trial of a mutant before it is made."""
    original = read(root, mutant.path)
    diff = difference(mutant.path, original, mutant.source(original) or original)
    return Trial(identity(mutant.path, diff), mutant, diff)


def trials(
    planned: Sequence[Trial], places: Sequence[Place], reach: Reach, limits: Limits, known: Sequence[str]
) -> Iterator[Trial]:
    """Try mutants in all places at once, and give each as it ends."""
    free: queue.SimpleQueue[Place] = queue.SimpleQueue()
    for place in places:
        free.put(place)

    def one(trial: Trial) -> Trial:
        place = free.get()
        try:
            return tried(trial, place, reach, limits, known)
        finally:
            free.put(place)

    with ThreadPoolExecutor(len(places)) as pool:
        waiting = [pool.submit(one, trial) for trial in planned]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def tried(trial: Trial, place: Place, reach: Reach, limits: Limits, known: Sequence[str]) -> Trial:
    """Try one mutant: fast tests, then slow ones."""
    path = trial.mutant.path
    text = trial.mutant.source((place.tree / path).read_text(encoding="utf-8"))
    assert text is not None
    trial.tests, trial.ran, trial.cut = [], 0, False
    with place.altered(path, text):
        for tests, slow, seconds in (
            (reach.fast(path), False, limits.fast),
            (reach.slow(path), True, limits.slow),
        ):
            if tests and seconds:
                session = place.run(tests, slow=slow, seconds=seconds, known=known)
                _note(trial, session, slow)
                if not session.passed:
                    return trial
    trial.outcome = "survived"
    return trial


def _note(trial: Trial, session: Session, slow: bool) -> None:
    trial.tests += [f"{file} (slow)" if slow else file for file in session.files]
    trial.ran += session.ran
    trial.cut |= session.stopped
    if not session.passed:
        trial.outcome = "hung" if session.hung else "killed"
        trial.killer = session.failed[0]


def unsound(place: Place, done: Sequence[Trial]) -> list[str]:
    """Give the tests that killed mutants and fail without one, too."""
    killers = sorted({trial.killer for trial in done if trial.killer.startswith(("tests/", "plugins/"))})
    failed: list[str] = []
    for slow in (False, True):
        if killers:
            failed += place.run(killers, slow=slow, seconds=1e9, first=False).failed
    return sorted(set(failed))
