"""The score of mutants: killed and planted by area, and the survivors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from planting.trial import Trial

AREAS = (
    ("core", "core/"),
    ("engine storage", "engine/storage/"),
    ("lock, verify, workers", "engine/lock engine/verify engine/workers/"),
    ("engine", "engine/"),
    ("recipe", "recipe/"),
    ("sweep", "sweep/"),
    ("metrics", "metrics/"),
    ("tasks, modalities", "tasks/ modalities/"),
    ("data", "data/"),
    ("show", "show/"),
    ("quantization", "quantization/"),
    ("tflite, formats, runtimes", "tflite/ formats/ runtimes/"),
    ("training, backends", "training/ backends/"),
    ("passes", "passes/"),
    ("models, targets, hooks", "models/ targets/ hooks/"),
    ("commands and the rest", ""),
)
"""Areas by what their paths begin with under `src/tflbuild/`; the first that fits."""

CRITICAL = ("core/", "engine/keys", "engine/gate", "engine/measure", "metrics/", "recipe/")
"""With the digests of data, what a product that sells proof rests on: at least 95 of 100 are to be killed here."""


def critical(trial: Trial) -> bool:
    """Tell whether a fault is in what proof rests on; in data it is a line at a digest."""
    inner = trial.mutant.path.removeprefix("src/tflbuild/")
    return inner.startswith(CRITICAL) or (inner.startswith("data/") and "digest" in trial.diff)


def area(path: str) -> str:
    """Give the area of a source file."""
    inner = path.removeprefix("src/tflbuild/")
    return next(name for name, prefixes in AREAS if not prefixes or inner.startswith(tuple(prefixes.split())))


def table(done: Sequence[Trial]) -> Iterator[str]:
    """Give the score as a table in Markdown."""
    planted, killed = Counter(area(trial.mutant.path) for trial in done), Counter[str]()
    killed.update(area(trial.mutant.path) for trial in done if trial.killed)
    yield from ("| area | killed / planted | |", "| --- | --- | --- |")
    for name, _ in AREAS:
        if planted[name]:
            yield f"| {name} | {killed[name]} / {planted[name]} | {_share(killed[name], planted[name])} |"
    if resting := [trial for trial in done if critical(trial)]:
        noticed = sum(trial.killed for trial in resting)
        yield f"| *of these, what proof rests on* | {noticed} / {len(resting)} | {_share(noticed, len(resting))} |"
    yield f"| **all** | **{sum(killed.values())} / {len(done)}** | **{_share(sum(killed.values()), len(done))}** |"


def kinds(done: Sequence[Trial]) -> Iterator[str]:
    """Give the score by kind, in one line."""
    planted, killed = Counter(trial.mutant.kind for trial in done), Counter[str]()
    killed.update(trial.mutant.kind for trial in done if trial.killed)
    yield "by kind: " + ", ".join(f"{kind} {killed[kind]}/{planted[kind]}" for kind in sorted(planted))


def survivor(trial: Trial) -> Iterator[str]:
    """Give what a reader needs of a survivor: where, what, and what ran."""
    yield f"{trial.id}  {trial.mutant.path}:{trial.mutant.line}  {trial.mutant.kind}"
    yield from (f"    {line}" for line in trial.diff.splitlines()[2:])
    ran = f"{trial.ran} tests in {', '.join(trial.tests)}" if trial.tests else "no test reaches it"
    yield f"    ran: {ran}" + (", until time was up" if trial.cut else "")


def rows(done: Sequence[Trial]) -> Iterator[str]:
    """Give the survivors as rows for docs/testing.md, their verdicts left open."""
    yield from ("| mutant | fault | verdict |", "| --- | --- | --- |")
    for trial in done:
        if not trial.killed:
            old, new = (_first(trial.diff, sign) for sign in "-+")
            place = f"{trial.mutant.path.removeprefix('src/tflbuild/')}:{trial.mutant.line}"
            yield f"| `{place}` {trial.id} | {trial.mutant.kind}: `{old}` becomes `{new}` | |"


def _first(diff: str, sign: str) -> str:
    """Give the first line of a diff that has a sign, as a table can hold it."""
    lines = (line[1:].strip() for line in diff.splitlines()[2:] if line.startswith(sign))
    return next(lines, "").replace("|", "\\|")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""
