"""Measure a shipped file again and compare it with what its lock claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.metric import METRICS, AccuracyMetric, FileMetric
from tflbuild.core.target import TARGETS
from tflbuild.engine.deliver import FINAL_SPLIT
from tflbuild.engine.measure import Measurer


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of a lock, and what was found.

    Attributes:
        what: e.g. "cpu: map".
        claimed: what the lock says.
        found: what is there now; None where it was not measured again.
        ok: whether they agree; true for what cannot be measured again.
        note: why it was not measured again; "" where it was.
    """

    what: str
    claimed: Any
    found: Any
    ok: bool
    note: str = ""


def verify(
    lock: Mapping[str, Any], folder: Path, measurer: Measurer, taken: Callable[[Path], Artifact]
) -> Iterator[Claim]:
    """Hold every claim of a lock about its delivered files to the files.

    Args:
        lock: what `lock.read_lock` gave.
        folder: the run folder.
        measurer: measures on the lock's data; its store must be an empty one, or nothing would be measured again.
        taken: gives a file with what it means.
    """
    for name, claims in lock["targets"].items():
        path = folder / claims["path"]
        if not _is_own(path, folder):
            yield Claim(what=f"{name}: file", claimed=claims["path"], found="missing", ok=False)
            continue
        yield _compared(f"{name}: sha256", claims["sha256"], digest.of_file(path))
        yield _compared(f"{name}: bytes", claims["bytes"], path.stat().st_size)
        there, here = _measured_there(lock, name, claims["metrics"])
        yield from there
        yield from _measured(name, here, taken(path), measurer)


def _measured_there(
    lock: Mapping[str, Any], target: str, claims: Mapping[str, Any]
) -> tuple[list[Claim], dict[str, Any]]:
    """Part what a device of the target measured, of which this machine can say nothing, from what is measured here."""
    kind = lock.get("resolved", {}).get("target", {}).get(target, {}).get("type", "")
    if kind not in TARGETS or not TARGETS.get(kind).reaches:
        return [], dict(claims)
    there = {
        metric: claim
        for metric, claim in claims.items()
        if metric in METRICS and issubclass(METRICS.get(metric), AccuracyMetric)
    }
    note = f"measured on a device; verify RUN --on {target} replays samples there"
    found = [
        Claim(what=f"{target}: {metric}", claimed=claim["value"], found=None, ok=True, note=note)
        for metric, claim in there.items()
    ]
    return found, {metric: claim for metric, claim in claims.items() if metric not in there}


def _is_own(path: Path, folder: Path) -> bool:
    """Say whether a delivered file is there, in the run's folder itself and not by a link behind it."""
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _measured(target: str, claims: Mapping[str, Any], model: Artifact, measurer: Measurer) -> Iterator[Claim]:
    accuracy = [
        metric for metric in claims if metric in METRICS and issubclass(METRICS.get(metric), AccuracyMetric)
    ]
    found = measurer.accuracy(model, accuracy, FINAL_SPLIT) if accuracy else {}
    for metric, claim in claims.items():
        what = f"{target}: {metric}"
        cls = METRICS.get(metric) if metric in METRICS else None
        if metric in found:
            yield _compared(what, claim["value"], found[metric].value)
        elif cls is not None and issubclass(cls, FileMetric) and cls.exact:
            yield _compared(what, claim["value"], measurer.file_metric(metric, model).value)
        else:
            note = (
                "a time, which varies between runs"
                if claim.get("unit") == "ms"
                else "cannot be measured on the file"
            )
            yield Claim(what=what, claimed=claim["value"], found=None, ok=True, note=note)


def _compared(what: str, claimed: Any, found: Any) -> Claim:
    return Claim(what=what, claimed=claimed, found=found, ok=claimed == found)
