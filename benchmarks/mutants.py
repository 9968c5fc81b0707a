"""Plant faults in the sources, one at a time, and see which tests notice: `python benchmarks/mutants.py --count 400`.

Faults are made by the operators of cosmic-ray and by ours (`planting/operators.py`), drawn by a seed, and tried in
copies of the checkout. Each is `killed` where a test fails, or `hung`, which counts as killed; a `survived` one is a
line that could be wrong. docs/testing.md says how to read the result.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from planting import score
from planting.mutant import Mutant, mutants, read
from planting.place import Place, in_all
from planting.reach import Reach
from planting.sample import sample
from planting.traces import Traces, traced
from planting.trial import Limits, Trial, planned, tried, unsound

CHECKOUT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, try, and print the score; gives 0 whatever survived."""
    options = parsed(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    state = options.root / ".mutants" / f"{options.name}.json"
    if options.show or options.run:
        return again(options, state)
    drawn = [
        planned(options.root, mutant)
        for mutant in sample(options.root, options.only, options.count, options.seed)
    ]
    if options.list:
        for trial in drawn:
            print(f"{trial.id}  {trial.mutant.path}:{trial.mutant.line}  {trial.mutant.kind}\n{trial.diff}\n")
        return 0
    done = {trial.id: trial for trial in (loaded(state) if options.resume else [])}
    done = {trial.id: done[trial.id] for trial in drawn if trial.id in done}
    started = time.monotonic()
    report(attempt(options, drawn, done, state))
    print(
        f"{len(drawn)} faults of seed {options.seed} in {(time.monotonic() - started) / 60:.0f} min: {state}"
    )
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root", type=Path, default=CHECKOUT, help="the checkout whose sources and tests are meant"
    )
    parser.add_argument(
        "--only", nargs="*", default=["src/"], metavar="PREFIX", help="sources whose paths begin so"
    )
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fast-seconds", type=float, default=45.0, help="of fast tests for a mutant")
    parser.add_argument(
        "--slow-seconds", type=float, default=60.0, help="of slow tests for a mutant; 0: none"
    )
    parser.add_argument(
        "--trace", choices=["none", "fast", "all"], default="none", help="see first what tests run"
    )
    parser.add_argument(
        "--traces",
        type=Path,
        help="where that is kept; ROOT/.mutants/traces.json, read from here where it is not there",
    )
    parser.add_argument(
        "--name", default="last", help="of the result in .mutants/, for --resume, --show and --run"
    )
    parser.add_argument("--resume", action="store_true", help="keep what the last run of this name has found")
    parser.add_argument("--list", action="store_true", help="print what is drawn, and try nothing")
    parser.add_argument("--show", metavar="ID", help="print a mutant of the last run of this name")
    parser.add_argument("--run", metavar="ID", help="try a mutant of the last run of this name again")
    options = parser.parse_args(arguments)
    options.root = options.root.resolve()
    return options


def attempt(
    options: argparse.Namespace, drawn: list[Trial], done: dict[str, Trial], state: Path
) -> list[Trial]:
    """Try what is not done, and what was killed by a test that fails anyway once more."""
    limits = Limits(options.fast_seconds, options.slow_seconds)
    with places(options) as copies:
        seen = traces(options, copies)
        reach = Reach(options.root, seen)
        known = unsound(copies[0], seen.suspects())
        started = time.monotonic()
        waiting = [trial for trial in drawn if trial.id not in done]
        while waiting:
            work = partial(tried, reach=reach, limits=limits, known=tuple(known))
            for trial in in_all(copies, waiting, work):
                done[trial.id] = trial
                saved(state, done.values())
                print(line(trial, len(done), len(drawn), time.monotonic() - started), flush=True)
            suspects = [(trial.killer, trial.slow) for trial in waiting if trial.killer]
            failing = [test for test in unsound(copies[0], suspects) if test not in known]
            known += failing
            waiting = [trial for trial in waiting if trial.killer in failing]
            if waiting:
                print(f"fail without a fault, and are left out: {', '.join(failing)}", flush=True)
                for trial in waiting:
                    del done[trial.id]
    return [done[trial.id] for trial in drawn]


@contextlib.contextmanager
def places(options: argparse.Namespace) -> Iterator[list[Place]]:
    """Give copies of the checkout, one for each job, and remove them in the end."""
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        yield [Place(options.root, Path(folder) / str(number)) for number in range(options.jobs)]


def traces(options: argparse.Namespace, copies: Sequence[Place]) -> Traces:
    """Give what the tests run, after the halves that are asked for were seen as they are."""
    own, ours = (root / ".mutants" / "traces.json" for root in (options.root, CHECKOUT))
    held = Traces.read(options.traces or (own if own.is_file() else ours))
    held.path = options.traces or own
    reach = Reach(options.root, held)
    halves = {"none": [], "fast": [False], "all": [False, True]}[options.trace]
    wanted = [
        (test, slow)
        for slow in halves
        for test in held.stale(options.root, reach.slow if slow else list(reach.texts), slow)
    ]
    for number, (name, trace) in enumerate(in_all(copies, wanted, traced), 1):
        held.found[name] = trace
        held.write()
        print(f"seen {number}/{len(wanted)}: {name}, {trace.seconds:.0f} s", flush=True)
    return held


def line(trial: Trial, number: int, count: int, seconds: float) -> str:
    """Give a line of progress."""
    by = f"  by {trial.killer}" if trial.killer else ""
    where = f"{trial.mutant.path.removeprefix('src/tflbuild/')}:{trial.mutant.line}"
    return f"{number}/{count} {seconds:5.0f} s  {trial.outcome:8} {where} {trial.mutant.kind} {trial.id}{by}"


def report(done: Sequence[Trial]) -> None:
    """Print the survivors, once more as rows, and the score."""
    for trial in done:
        if not trial.killed:
            print("", *score.survivor(trial), sep="\n")
    print("", *score.rows(done), "", *score.table(done), "", *score.kinds(done), sep="\n")
    hung = [trial.id for trial in done if trial.outcome == "hung"]
    if hung:
        print(f"hung, counted as killed: {', '.join(hung)}")


def again(options: argparse.Namespace, state: Path) -> int:
    """Print a mutant of an earlier run, or try it again."""
    wanted = options.show or options.run
    found = [trial for trial in loaded(state) if trial.id == wanted]
    if found and options.run:
        path, kind = found[0].mutant.path, found[0].mutant.kind
        alike = (one for one in mutants(path, read(options.root, path)) if one.kind == kind)
        found = [trial for trial in (planned(options.root, one) for one in alike) if trial.id == wanted][:1]
        found = attempt(options, found, {}, state.with_name("one.json")) if found else []
    if not found:
        print(f"{wanted} is not in {state}, or its lines have changed", file=sys.stderr)
        return 2
    print(*score.survivor(found[0]), f"    {found[0].outcome} {found[0].killer}", sep="\n")
    return 0


def saved(state: Path, done: Any) -> None:
    """Write trials, whole or not at all."""
    state.parent.mkdir(exist_ok=True)
    (state.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    staged = state.with_suffix(".staged")
    staged.write_text(json.dumps([trial.row() for trial in done], indent=1), encoding="utf-8")
    os.replace(staged, state)


def loaded(state: Path) -> list[Trial]:
    """Read trials; none where there is no file."""
    if not state.is_file():
        return []
    rows = json.loads(state.read_text(encoding="utf-8"))
    return [Trial(**(row | {"mutant": Mutant(**row["mutant"])})) for row in rows]


if __name__ == "__main__":
    sys.exit(main())
