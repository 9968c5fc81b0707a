"""Plant a fault, build, and let `tflbuild diagnose` say what is wrong."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import files
from planted import calibrating
from planted.faults import Case
from planted.running import Ended, as_json, surgery, tflbuild
from planted.subjects import UNGATED, Subject


@dataclass(kw_only=True)
class Outcome:
    """The end of a case.

    Attributes:
        case: it.
        value: of the metric, of the delivered file.
        half: half of its 95 % interval.
        n: samples.
        causes: names, in the order that diagnose gives.
        stages: of the causes.
        adds_up: how far the steps of the ladder are from the whole drop; None without a ladder.
        total: drop from base to file.
        gain: what the first cure gave; None where none was tried.
        cure: the override.
        said: what a command said that ended otherwise.
        seconds: of diagnose, with the cure.
    """

    case: Case
    value: float | None = None
    half: float = 0.0
    n: int = 0
    causes: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    adds_up: float | None = None
    total: float | None = None
    gain: float | None = None
    cure: str = ""
    said: str = ""
    seconds: float = 0.0


def tried(case: Case, subject: Subject, folder: Path, cures: int) -> Outcome:
    """Try one case in a folder; what was done before is used again."""
    out = Outcome(case=case)
    try:
        words = (_of_file if case.foreign else _of_run)(case, subject, folder)
        began = time.monotonic()
        said = as_json(folder, "diagnose", *words, *(["--try", str(cures)] if cures else []))
        out.seconds = time.monotonic() - began
    except Ended as error:
        out.said = error.said.strip()
        return out
    _read(said, subject, out)
    return out


def _of_run(case: Case, subject: Subject, folder: Path) -> list[str]:
    """Build with tflbuild; gives what is diagnosed."""
    base = _altered(case, subject, folder)
    words = [f"recipe={case.recipe}", f"model.path={base}", *_words(case, subject), *UNGATED, *case.build]
    if case.source:
        originals, one_class = _pictures(subject, folder)
        made = calibrating.pictures(case.source, originals, one_class, folder / f"{case.name}-source")
        words.append(f"quantize.calibration.source={made.name}")
    outputs = f"outputs/{case.name}"
    tflbuild(folder, *words, f"outputs={outputs}")
    return [f"{outputs}/{case.recipe}/latest"]


def _of_file(case: Case, subject: Subject, folder: Path) -> list[str]:
    """Make a file with another tool; gives what is diagnosed."""
    base = subject.base
    if case.file:
        file = str(files.MODELS / case.file)
    else:
        made_of = _altered(case, subject, folder)
        file = _converted(case, subject, folder, made_of)
        base = base if case.swapped else made_of
    return [file, f"base={base}", *_words(case, subject), f"outputs=outputs/{case.name}"]


def _altered(case: Case, subject: Subject, folder: Path) -> str:
    if not case.altered:
        return subject.base
    job, number = case.altered
    return str(surgery(folder, job, subject.base, folder / f"{case.name}.h5", number))


def _converted(case: Case, subject: Subject, folder: Path, base: str) -> str:
    """Let TensorFlow's converter make the file."""
    samples = ""
    if case.converter != "float":
        samples = f"{case.name}.npz"
        calibrating.arrays(case.calibration, folder / subject.calibration, folder / samples)
    job = "per_tensor" if case.converter == "tensor" else "plain"
    return surgery(folder, job, base, folder / f"{case.name}.tflite", samples=samples).name


def _words(case: Case, subject: Subject) -> list[str]:
    return subject.words(**{key.replace(".", "__"): value for key, value in case.reading.items()})


def _pictures(subject: Subject, folder: Path) -> tuple[list[Path], list[Path]]:
    """Give pictures of the training kind, and those of one class."""
    root = folder / subject.pictures
    every = sorted(path for path in root.rglob("*") if path.suffix in (".jpg", ".png"))
    return every[::3], [path for path in every if path.parent == every[0].parent]


def _read(said: dict[str, Any], subject: Subject, out: Outcome) -> None:
    out.causes = [cause["name"] for cause in said["causes"]]
    out.stages = [cause["stage"] for cause in said["causes"]]
    for entry in said["analyses"]:
        for finding in entry["findings"]:
            if finding.get("rungs"):
                _read_ladder(finding, out)
    if said["causes"]:
        cures = [cure for cause in said["causes"] for cure in cause["cures"] if cure.get("tried")]
        if cures:
            out.cure, out.gain = cures[0]["override"], cures[0]["tried"].get("gain")
            out.said = str(cures[0]["tried"].get("failed", ""))


def _read_ladder(finding: dict[str, Any], out: Outcome) -> None:
    rows = finding["rungs"]
    last = rows[-1]
    out.value, out.n = last["value"], finding["n"]
    out.half = (last["high"] - last["low"]) / 2
    out.total = finding["total"]["value"]
    costs = sum(row["cost"]["value"] for row in rows[1:])
    out.adds_up = max(abs(costs - out.total), abs(rows[0]["value"] - last["value"] - out.total))


def kept(outcome: Outcome) -> str:
    """Write an outcome as a line of JSON."""
    row = {key: value for key, value in vars(outcome).items() if key != "case"}
    return json.dumps({"case": outcome.case.name, **row})
