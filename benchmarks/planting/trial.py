"""Try mutants: run the tests that can notice, and tell what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from planting.mutant import Mutant, difference, identity, read
from planting.place import Place, Session
from planting.reach import Reach
from planting.traces import key


@dataclass(frozen=True)
class Limits:
    """Seconds of tests for one mutant, fast and slow ones."""

    fast: float
    slow: float


@dataclass
class Trial:
    """One mutant and its outcome: `killed`, `hung` (counts as killed), `survived`, or `unreached` (no test ran)."""

    id: str
    mutant: Mutant
    diff: str
    outcome: str = ""
    killer: str = ""
    slow: bool = False
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


def tried(place: Place, trial: Trial, reach: Reach, limits: Limits, known: Sequence[str]) -> Trial:
    """Try one mutant: fast tests, then slow ones."""
    path = trial.mutant.path
    text = trial.mutant.source((place.tree / path).read_text(encoding="utf-8"))
    assert text is not None
    trial.tests, trial.ran, trial.cut = [], 0, False
    left = {False: limits.fast, True: limits.slow}
    with place.altered(path, text):
        for files, slow in reach.steps(trial.mutant):
            tests = [file for file in files if file not in known]
            if tests and left[slow] > 0:
                session = place.run(tests, slow=slow, seconds=left[slow], known=known)
                left[slow] -= session.seconds
                _note(trial, session, slow)
                if not session.passed:
                    return trial
    trial.outcome = "survived" if trial.ran else "unreached"
    return trial


def _note(trial: Trial, session: Session, slow: bool) -> None:
    trial.tests += [key(file, slow) for file in session.files]
    trial.ran += session.ran
    trial.cut |= session.stopped
    if not session.passed:
        trial.outcome = "hung" if session.hung else "killed"
        trial.killer, trial.slow = session.failed[0], slow


def unsound(place: Place, suspects: Collection[tuple[str, bool]]) -> list[str]:
    """Give those of some tests, fast and slow ones, that fail without a fault."""
    failed: set[str] = set()
    for half in (False, True):
        only = sorted({test for test, slow in suspects if slow == half})
        files = {test.split("::")[0] for test in only}
        if files := sorted(file for file in files if (place.tree / file).is_file()):
            failed.update(place.run(files, slow=half, only=only, first=False).failed)
    return sorted(failed)
