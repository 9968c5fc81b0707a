"""`tflbuild verify`: measure a shipped file again and compare it with its lock."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tflbuild import plugins, session
from tflbuild.commands.words import one, say
from tflbuild.core import digest
from tflbuild.core.artifact import Artifact, OnnxModel, TFLiteModel
from tflbuild.core.command import command
from tflbuild.core.errors import Drift, RecipeError
from tflbuild.core.machine import cpu_name
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.engine.drift import tool_drift
from tflbuild.engine.lock import NAME, altered_steps, read_lock
from tflbuild.engine.opened import opened
from tflbuild.engine.prepare import Prepared
from tflbuild.engine.report_form import read_report
from tflbuild.engine.verify import Claim
from tflbuild.engine.verify import verify as verify_claims
from tflbuild.formats.tflite.sample_archive import archive_digest
from tflbuild.recipe.kept import Kept, thawed, without_places
from tflbuild.show.undelivered import undelivered

REPORT = "report.json"


@command(
    "verify",
    "measure the delivered file again, or replay its samples on a device",
    usage="RUN [--on DEVICE]",
    prints=False,
)
def verify(words: list[str]) -> int:
    """Measure what a run delivered again; exit code 7 where the lock claims something else.

    `--on DEVICE` replays the samples that `export.samples` stored on a device: on a target or a runtime that executes,
    with its options, e.g. `target.android.serial=...`. It says of each sample and output whether all bytes are equal,
    how far they are apart in steps of quantization and in values, and whether the first class is the same; exit code 7
    where that is more than allowed. `--steps N` allows quantized outputs so many steps, `--relative X` others a share
    of their largest value, and `--json` prints one document. A `.tflite` with samples in it (`export.embed`) may stand
    in the place of the run.

    Raises:
        RecipeError: a word is wrong, or there is nothing to verify.
        Drift: something differs.
    """
    if any(word.partition("=")[0] == "--on" for word in words):
        from tflbuild.commands.replay import replayed

        return replayed(words)
    folder = Path(one(words, "verify RUN"))
    lock = _lock_of(folder)
    with tempfile.TemporaryDirectory(prefix="tflbuild-verify-") as scratch:
        recipe = _recipe(lock, folder / NAME, Path(scratch))
        worker = session.worker_for(recipe)
        try:
            with opened(recipe, worker, warn=lambda text: say(f"warning: {text}")) as store:
                drift = [*altered_steps(lock), *_data_drift(lock, store.prepared)]
                for text in _notes(lock):
                    say(f"note: {text}")
                claims = []
                for claim in verify_claims(lock, folder, store.measurer, _taken):
                    say(_line(claim))
                    claims.append(claim)
        finally:
            worker.stop()
    drift += _sample_drift(lock, folder)
    drift += [f"{c.what} is {c.found}, but the lock says {c.claimed}" for c in claims if not c.ok]
    if drift:
        raise Drift(f"{plain(folder / NAME)}: {plain('; '.join(drift), 2000)}.")
    say(f"{folder}: the file agrees with its lock")
    return 0


def _sample_drift(lock: dict[str, Any], folder: Path) -> list[str]:
    """Say which samples that the lock claims are others now, or gone."""
    drift = []
    for name, claims in lock["targets"].items():
        samples = claims.get("samples")
        if samples and archive_digest(folder / samples["path"]) != samples["sha256"]:
            drift.append(f"{name}: the samples in {plain(samples['path'])} are not those that the lock names")
    return drift


def _lock_of(folder: Path) -> dict[str, Any]:
    """Read the lock of a run; one that delivered no model has none."""
    if folder.is_file() or not folder.exists():
        what = "is a file" if folder.is_file() else "does not exist"
        raise RecipeError(
            f"{plain(folder)} {what}; expected the folder of a run, e.g. outputs/RECIPE/latest. With samples in it, a "
            f".tflite is verified by --on DEVICE."
        )
    if not (folder / NAME).exists() and (folder / REPORT).is_file():
        report = read_report(folder / REPORT)
        if not report["targets"]:
            raise RecipeError(undelivered(folder, report))
    return read_lock(folder / NAME)


def _taken(path: Path) -> Artifact:
    """Give a delivered file with what it means, of the kind that it is of."""
    sha256 = digest.of_file(path)
    if path.suffix == OnnxModel.suffix:
        from tflbuild.formats.onnx.own import meta_of

        return OnnxModel(path=path, digest=sha256, fingerprint=sha256, meta=meta_of(path))
    from tflbuild.tflite.flatbuffer import read_facts

    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={"facts": read_facts(path)})


def _recipe(lock: dict[str, Any], file: Path, scratch: Path) -> Recipe:
    """Thaw the lock's recipe with an empty store, so that nothing is taken from a cache."""
    places = {"store": {"path": str(scratch / "store")}, "outputs": str(scratch)}
    kept = Kept(mapping=without_places(lock["resolved"]) | places, overrides=[], file=file, run=file.parent)
    return thawed(kept.mapping, kept, plugins.default_folder())


def _data_drift(lock: dict[str, Any], prepared: Prepared) -> list[str]:
    locked, now = lock["data"]["test"]["digest"], prepared.index.digest("test")
    return [] if locked == now else [f"data.test is {now[:10]}, the lock was measured on {locked[:10]}"]


def _notes(lock: dict[str, Any]) -> list[str]:
    """Say what may explain a difference: other tools, another processor."""
    cpu = lock["environment"]["cpu"]
    return [
        *tool_drift(lock["toolchain"]),
        *([] if cpu == cpu_name() else [f"this is {cpu_name()}, the lock was made on {cpu}"]),
    ]


def _line(claim: Claim) -> str:
    state = "ok" if claim.ok else "DRIFT"
    if claim.note:
        return f"{'-':<6} {claim.what:<28} claimed {claim.claimed}; {claim.note}"
    found = "" if claim.ok else f", found {claim.found}"
    return f"{state:<6} {claim.what:<28} claimed {claim.claimed}{found}"
