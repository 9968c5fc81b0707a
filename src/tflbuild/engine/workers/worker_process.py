"""The worker process: runs passes and measurements, one at a time, for its parent.

Started by `tflbuild.core.interpreter` with the number of a file descriptor, never forked. Requests and replies go
over that socket; everything printed, by Python or C++, goes to the parent's log; when the parent is gone, standard
input ends and so does the worker. Nothing is imported before something asks for it: evaluation stays light.

Longer than most modules: it is one class, with a short method for each request that a worker answers.
"""

from __future__ import annotations

import faulthandler
import json
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.analysis import Analysis, Variant
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.compiler_pass import Pass, kinds_of
from tflbuild.core.curve import NOTE
from tflbuild.core.dataset import Dataset, Index, Split
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.export import Proof
from tflbuild.core.judgement import Judgement
from tflbuild.core.metric import METRICS, FileMetric
from tflbuild.core.names import Names, named
from tflbuild.core.result_form import GRAPH
from tflbuild.core.runtime import Runtime, usual_runtime
from tflbuild.core.target import COVERAGE, Target
from tflbuild.engine.workers.candidates import Candidates
from tflbuild.engine.workers.channel import Channel, ChannelClosed
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.engine.workers.heavy_import import announce
from tflbuild.engine.workers.outcome import jsonable, outcome, plain_notes
from tflbuild.engine.workers.process_state import end_with_parent, reset, same_folder

TELL_EVERY = 0.05  # seconds between two reports of progress


class Server:
    """Answers requests, each a method's name and its arguments.

    Args:
        channel: where progress is told.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._names: Any = None  # until `load` is told
        self._request, self._told = 0, 0.0
        self._splits: dict[tuple[str, Path], Split] = {}

    def answer(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        """Serve one request and reply."""
        self._request, self._told = number, 0.0
        kind, value = outcome(getattr(self, name), arguments)
        try:
            self._channel.send((number, kind, value))
        except ChannelClosed:
            raise
        except Exception as error:  # noqa: BLE001 - pickling calls what foreign code made, which may raise anything
            text = f"its result cannot be sent: {type(error).__name__}: {error}"
            self._channel.send((number, "error", (PassError(text), traceback.format_exc())))

    def load(self, loader: str, argument: Any, names: Names | None) -> None:
        """Load the declarations by the dotted name of what does."""
        self._names = names
        named(loader)(argument)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function by its dotted name; it is told last how to report progress."""
        return named(function)(*arguments, self._report)

    def run_pass(
        self, options: Pass, model: Artifact | None, assignment: Assignment
    ) -> tuple[Artifact, dict[str, Any]]:
        """Run a pass and hold its result to its promises."""
        reset(assignment.seed)
        judged = self._candidates(assignment).judge if options.judges() else None
        context = self._context(assignment, model, judged)
        with same_folder():
            result = options.run(model, context)
        self._hold(result, options, assignment.label)
        options.verify(model, result)
        curve = context.curve.to_json()
        trained = {NOTE: curve} if curve else {}
        return result, plain_notes(context.notes) | self._changes(model, result) | trained

    def _changes(self, before: Artifact | None, after: Artifact) -> dict[str, Any]:
        """Give a note of what a pass changed in the graph; {} where there is nothing to compare."""
        found = named(self._names.changes)(before, after) if before is not None else {}
        return {GRAPH: found} if found else {}

    def variants(
        self, analysis: Analysis, models: dict[str, Artifact], assignment: Assignment
    ) -> list[Variant]:
        """Let an analysis give the models that it wants measured."""
        reset(assignment.seed)
        context = self._context(assignment)
        with same_folder():
            return list(analysis.variants(models, context))

    def analyse(
        self, analysis: Analysis, models: dict[str, Artifact], assignment: Assignment
    ) -> list[dict[str, Any]]:
        """Run an analysis; gives its findings as JSON."""
        reset(assignment.seed)
        context = self._context(assignment)
        with same_folder():
            found = [dict(finding) for finding in analysis.run(models, context)]
        return list(jsonable({"findings": found}, f"analysis '{assignment.label}'")["findings"])

    def _context(
        self,
        assignment: Assignment,
        given: Artifact | None = None,
        judged: Callable[[Artifact], Judgement] | None = None,
    ) -> WorkerContext:
        return WorkerContext(
            assignment=assignment,
            index=_index(assignment.index),
            given=given,
            report=self._report,
            tell=self._tell,
            external=self._external,
            log=lambda text: sys.stderr.write(f"[{assignment.label}] {text}\n"),
            judged=judged,
        )

    def _external(self, source: str, data: Dataset) -> Split:
        """Read a source outside the data set, with what planning remembered of its files."""
        from tflbuild.engine.looking import inspect_of, looker

        look = looker(inspect_of(data.modality, self._names.inspect), data.max_pixels)
        found: Split = named(self._names.external)(source, data, look)
        return found

    def _candidates(self, assignment: Assignment) -> Candidates:
        split = partial(self._split, data=assignment.data, index=assignment.index)
        return Candidates(
            self._names, assignment.held, assignment.base, split, assignment.strict, assignment.staging
        )

    def _hold(self, result: Any, options: Pass, label: str) -> None:
        wanted = kinds_of(type(options))[1]
        if not isinstance(result, wanted):
            raise BrokenPromise(f"pass '{label}' returned {type(result).__name__}, not {wanted.kind}.")
        if not result.path.is_file() or digest.of_file(result.path) != result.digest:
            raise BrokenPromise(f"pass '{label}' changed its file after emitting it.")
        if "facts" not in result.meta:
            raise BrokenPromise(
                f"pass '{label}' returned a model without its meaning; emit it with "
                f"facts=Meaning(...).to_json()."
            )
        try:
            digest.canonical_json(result.meta)
        except (TypeError, ValueError) as error:
            raise BrokenPromise(f"pass '{label}' returned facts that are not JSON: {error}") from error
        named(self._names.prove)(result)

    def predict(
        self,
        runtime: Runtime,
        model: Artifact,
        data: Dataset,
        index: Path,
        split: str,
        start: int,
        stop: int,
        out: Path,
    ) -> str:
        """Write a model's predictions on samples `start` to `stop` of a split; gives the kernels that executed it."""
        samples = self._split(split, data, index).part(start, stop)
        return str(named(self._names.predict)(runtime, model, samples, out, self._report))

    def truth(self, data: Dataset, index: Path, split: str, start: int, stop: int, out: Path) -> None:
        """Write the annotations of images `start` to `stop` of a split as arrays."""
        named(self._names.truth)(self._split(split, data, index).part(start, stop), out)

    def merge(self, parts: list[Path], out: Path) -> None:
        """Join what `predict` or `truth` wrote of neighbouring images."""
        named(self._names.merge)(parts, out)

    def differ(
        self, runtime: Runtime, model: Artifact, base: Artifact, data: Dataset, index: Path, split: str
    ) -> dict[str, Any]:
        """Say how far a delivered file is from the model that it was written of, output by output, as JSON."""
        samples, executes = self._split(split, data, index), usual_runtime(base.kind)()
        found = named(self._names.differ)(runtime, model, executes, base, samples, self._report)
        return jsonable({"outputs": found}, "the difference of a delivered file")

    def equality(
        self, runtime: Runtime, model: Artifact, data: Dataset, index: Path, split: str, out: Path
    ) -> dict[str, Any]:
        """Say whether a runtime computes the bytes of its peer, as JSON; one sample with its outputs is written."""
        samples = self._split(split, data, index)
        found = named(self._names.equality)(runtime, model, samples, out, self._report)
        return jsonable(found, "the outputs of two runtimes")

    def samples(
        self, proof: Proof, data: Dataset, index: Path, split: str, staging: Path
    ) -> tuple[dict[str, Any], Artifact | None]:
        """Write samples with a delivered file's outputs; gives what a report says, and the file with them in it."""
        found, made = named(self._names.samples)(
            proof, self._split(split, data, index), staging, self._report
        )
        return jsonable(found, "the samples of a delivered file"), made

    def measure(self, metric: str, predictions: Path, truth: Path) -> dict[str, Any]:
        """Measure a metric of predictions; gives a `Measurement` as JSON."""
        found = named(f"{self._names.measuring}:measure")(metric, predictions, truth)
        return jsonable(found.to_json(), f"metric '{metric}'")

    def compare(self, metric: str, before: Path, after: Path, truth: Path) -> dict[str, Any]:
        """Give the paired difference of two predictions as JSON."""
        found = named(f"{self._names.measuring}:compare")(metric, before, after, truth)
        return jsonable(asdict(found), f"metric '{metric}'")

    def chance(
        self, predictions: Path, truth: Path, listed: dict[str, tuple[str, ...]], split: str
    ) -> dict[str, Any]:
        """Hold a base's predictions against chance."""
        return jsonable(named(self._names.chance)(predictions, truth, listed, split), "the look at the base")

    def readings(
        self, model: Artifact, data: Dataset, index: Path, split: str, finding: dict[str, Any], out: Path
    ) -> dict[str, Any]:
        """Try a base that is no better than chance with other readings of its input."""
        predict, runtime = named(self._names.predict), usual_runtime(model.kind)()
        samples, look = self._split(split, data, index), named(self._names.readings)
        whole = look(model, samples, partial(predict, runtime), finding, out, self._report)
        return jsonable(whole, "the look at the base")

    def file_metric(self, metric: str, model: Artifact) -> dict[str, Any]:
        """Measure a fact of the file itself; gives a `Measurement` as JSON."""
        cls = METRICS.get(metric)
        assert issubclass(cls, FileMetric)
        return jsonable(cls().measure(model).to_json(), f"metric '{metric}'")

    def deliver(self, target: Target, model: TFLiteModel, staging: Path) -> tuple[Artifact, dict[str, Any]]:
        """Compile for a target, let a `.tflite` describe itself, and report on the file."""
        delivered: Artifact = model
        given = model.path.read_bytes()
        content, figures = target.compile(model, staging) if target.compiles else (given, {})
        if target.makes is TFLiteModel:
            content, said = named(self._names.describe)(content, model)
            figures |= said
        if content != given:
            path = staging / f"delivered{target.makes.suffix}"
            path.write_bytes(content)
            sha256 = digest.of_bytes(content)
            delivered = target.makes(path=path, digest=sha256, fingerprint=sha256, meta=model.meta)
        figures |= target.inspect(delivered)
        placed = figures["placement"] if "placement" in figures else target.place(model.path)
        if placed is not None:
            figures["placement"] = placed
        if type(target).offloads and placed:
            figures.setdefault(COVERAGE, placed["coverage"])
        return delivered, jsonable(figures, f"target '{type(target).name}'")

    def _split(self, name: str, data: Dataset, index: Path) -> Split:
        """Give a split; the last ones are kept, because naming a large one by its content takes a while."""
        found = self._splits.get((name, index))
        if found is None or found.dataset != data:
            found = self._splits[name, index] = Split(name, data, _index(index))
        return found

    def doing(self, text: str) -> None:
        """Tell the parent what is being waited for; "" where that is over."""
        self._tell("doing", {"label": "", "text": text})

    def _tell(self, kind: str, fields: dict[str, Any]) -> None:
        """Tell the parent of an event."""
        self._channel.send((self._request, "told", (kind, fields)))

    def _report(self, done: float, total: float, note: str = "") -> None:
        """Tell the parent, but not more often than anyone can see."""
        now = time.monotonic()
        if now - self._told >= TELL_EVERY or done >= total:
            self._told = now
            self._channel.send((self._request, "progress", (done, total, note)))


@cache
def _index(path: Path) -> Index:
    return Index.from_json(json.loads(path.read_text(encoding="utf-8")))


def main() -> None:
    """Answer requests until the parent closes the socket."""
    end = socket.socket(fileno=int(sys.argv[1]))
    end.set_inheritable(False)
    end_with_parent()
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable(all_threads=False)
    channel = Channel(end)
    server = Server(channel)
    announce(server.doing)
    while True:
        try:
            server.answer(*channel.wait())
        except ChannelClosed:
            os._exit(0)
