"""`tflbuild verify ... --on DEVICE`: replay the samples of a delivered file on a device."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild import plugins
from tflbuild.commands.devices import Device, device_of, kind_of, own_options
from tflbuild.commands.flags import flags_of
from tflbuild.commands.words import say, warn
from tflbuild.core import digest
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.errors import Drift, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import WorkerOptions
from tflbuild.core.samples import read_index
from tflbuild.engine.report_form import read_report
from tflbuild.engine.workers.worker import Worker
from tflbuild.evaluation.replaying import Allowed
from tflbuild.formats.tflite.embedded_samples import extract
from tflbuild.show.replayed import replay_document, replay_lines
from tflbuild.show.undelivered import undelivered
from tflbuild.wiring import NAMES

OPTIONS = "[target.DEVICE.KEY=VALUE ...] [--devices] [--steps N] [--relative X] [--json]"
FLAGS = ("--json", "--devices")
USAGE = f"usage: tflbuild verify RUN_OR_TFLITE --on DEVICE {OPTIONS}"
VALUED = ("--on", "--steps", "--relative")
REPLAY = "tflbuild.evaluation.replaying:replay"
HOW = "build with export.samples=8, which stores samples of the test split with their outputs"


class Asked(NamedTuple):
    """The words of `verify --on`.

    Attributes:
        path: of the run, or of a file.
        device: its name.
        overrides: options of the device.
        allowed: what a replay may differ by.
        as_json: whether one document is printed.
        devices: whether a device is reached by the program or the machine that a run's options name.
    """

    path: Path
    device: str
    overrides: tuple[str, ...]
    allowed: Allowed
    as_json: bool
    devices: bool = False


class Replayed(NamedTuple):
    """A file with its samples.

    Attributes:
        model: the file.
        folder: of its samples.
        target: whose file it is; "" for a file that is no run's.
    """

    model: Artifact
    folder: Path
    target: str


def replayed(words: Sequence[str]) -> int:
    """Replay samples on a device, and say how far its outputs are from those that are expected.

    Raises:
        Drift: they are farther than is allowed.
        RecipeError: a word is wrong, or there are no samples.
    """
    asked = read_words(words)
    with _samples(asked) as (device, given):
        index = read_index(given.folder)
        made = _run(device, given, asked.allowed)
        document = replay_document(
            str(asked.path), given.model.path.name, given.target, device.name, index, made
        )
    if device.remark:
        warn([device.remark])
    if asked.as_json:
        say(json.dumps(document, indent=1))
    else:
        for line in replay_lines(document):
            say(line)
    if not document["ok"]:
        beyond = ", ".join(f"'{plain(one['name'])}'" for one in document["outputs"] if not one["within"])
        raise Drift(
            f"{plain(asked.path)}: on {plain(device.name)} {beyond} is farther from the samples than allowed."
        )
    return 0


def read_words(words: Sequence[str]) -> Asked:
    """Read the words of `verify --on`.

    Raises:
        RecipeError: one is missing or wrong.
    """
    given, rest = flags_of("verify", words, VALUED, USAGE, FLAGS)
    paths = [word for word in rest if "=" not in word]
    if "--on" not in given or len(paths) != 1:
        raise RecipeError(USAGE)
    allowed = Allowed(steps=_number("--steps", given), relative=_number("--relative", given))
    overrides = tuple(word for word in rest if "=" in word)
    return Asked(Path(paths[0]), given["--on"], overrides, allowed, "--json" in words, "--devices" in words)


def _number(option: str, given: Mapping[str, str]) -> float | None:
    if option not in given:
        return None
    try:
        value = float(given[option])
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise RecipeError(f"verify: {option}: '{plain(given[option])}' is not a number from 0 on.")
    return value


@contextmanager
def _samples(asked: Asked) -> Iterator[tuple[Device, Replayed]]:
    """Give the device, and the file that is replayed on it with its samples: a run's, or those that a file brings."""
    if asked.path.is_dir():
        report = read_report(asked.path / "report.json")
        known = report["resolved"].get("target", {})
        own = known if asked.devices else own_options(known, asked.device)
        if own != known:
            text = f"{asked.device} is reached by what you type alone; --devices takes the options of the run"
            warn([text])
        device = device_of(asked.device, asked.overrides, own)
        yield device, _of_run(asked.path, report, device)
        return
    if not asked.path.exists():
        raise RecipeError(f"{plain(asked.path)} does not exist; expected a run's folder or a .tflite file.")
    device = device_of(asked.device, asked.overrides, {})
    with tempfile.TemporaryDirectory(prefix="tflbuild-verify-") as scratch:
        if not extract(asked.path, Path(scratch)):
            raise RecipeError(
                f"{plain(asked.path)} brings no samples; {HOW}, and with export.embed=true in the file, too."
            )
        model = _taken(asked.path, Path(scratch))
        _check_kind(model, device)
        yield device, Replayed(model, Path(scratch), "")


def _of_run(run: Path, report: Mapping[str, Any], device: Device) -> Replayed:
    """Choose which file of a run is replayed: the device's own, else the first that it takes and that ran here, too.

    Raises:
        RecipeError: there are no samples, or the device takes none of the files.
        Drift: the file is not the one that was delivered.
    """
    if not report["targets"]:
        raise RecipeError(undelivered(run, report))
    having = [one for one in report["targets"] if one.get("samples")]
    if not having:
        raise RecipeError(f"{plain(run)} stores no samples; {HOW}.")
    fitting = [one for one in having if kind_of(Path(one["path"]).suffix) in device.kinds]
    fitting.sort(key=lambda one: (one["name"] != device.name, "not_executed" in one))
    if not fitting:
        kinds = ", ".join(device.kinds)
        files = ", ".join(plain(one["path"]) for one in having)
        raise RecipeError(
            f"verify: --on: {plain(device.name)} takes {kinds}, and the run has samples of {files}."
        )
    chosen = fitting[0]
    path = run / chosen["path"]
    if not path.is_file() or not path.resolve().is_relative_to(run.resolve()):
        raise RecipeError(f"{plain(path)} is missing: the run's file was moved or removed.")
    model = _taken(path, run / chosen["samples"]["path"])
    if model.digest != chosen["sha256"]:
        raise Drift(
            f"{plain(path)} is not the file that was delivered: its SHA-256 is {model.digest[:12]}…, and the "
            f"report says {chosen['sha256'][:12]}…."
        )
    return Replayed(model, run / chosen["samples"]["path"], chosen["name"])


def _check_kind(model: Artifact, device: Device) -> None:
    if model.kind not in device.kinds:
        raise RecipeError(
            f"verify: --on: {plain(device.name)} takes {', '.join(device.kinds)}, not a {model.kind}."
        )


def _taken(path: Path, samples: Path) -> Artifact:
    """Give a file with what its samples say of its inputs and outputs."""
    index = read_index(samples)
    sha256 = digest.of_file(path)
    cls = KINDS[kind_of(path.suffix) or index["model"]["kind"]]
    meta: dict[str, Any] = {"signature": {side: index[side] for side in ("inputs", "outputs")}}
    if path.suffix == ".tflite":
        from tflbuild.tflite.flatbuffer import read_facts

        meta["facts"] = read_facts(path)
    else:
        from tflbuild.formats.onnx.own import meta_of

        meta |= meta_of(path)
    return cls(path=path, digest=sha256, fingerprint=sha256, meta=meta)


def _run(device: Device, given: Replayed, allowed: Allowed) -> dict[str, Any]:
    """Replay in a light process: a file or a device may end whatever runs it."""
    loader = (plugins.LOADER, plugins.default_folder())
    worker = Worker(WorkerOptions(), "cpu", loader, NAMES)
    try:
        runtime = device.runtime_for(given.model.kind)
        arguments = (REPLAY, runtime, given.model, given.folder, allowed)
        reply = worker.crew.ask("call", *arguments, who=f"replaying on {device.name}")
        found: dict[str, Any] = reply.value
        return found
    finally:
        worker.stop()
