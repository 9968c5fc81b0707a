"""The worker process: runs passes and measurements, one at a time, for its parent.

Started as `python -m tflbuild.engine.worker_process FD`, never forked. Requests and replies are pickled over the
socket FD; everything printed, by Python or C++, goes to the parent's log; when the parent is gone, standard input
ends and so does the worker.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import threading
import time
import traceback
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.compiler_pass import Pass, kinds_of
from tflbuild.core.dataset import Dataset, Index, Split
from tflbuild.core.errors import BrokenPromise, PassError, StoreError, TflbuildError
from tflbuild.core.metric import METRICS, FileMetric, Measurement
from tflbuild.core.target import Target
from tflbuild.engine.context import Assignment, WorkerContext
from tflbuild.engine.names import Names, named


class Server:
    """Answers requests, each a method's name and its arguments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names = Names()

    def load(self, loader: str, argument: Any, names: Names) -> None:
        """Load the declarations by the dotted name of what does."""
        self._names = names
        named(loader)(argument)

    def run_pass(
        self, options: Pass, model: Artifact | None, assignment: Assignment
    ) -> tuple[Artifact, dict[str, Any]]:
        """Run a pass and hold its result to its promises."""
        _reset(assignment.seed)
        context = WorkerContext(
            assignment=assignment,
            index=_index(assignment.index),
            model=model,
            report=self._report,
            external=named(self._names.external),
            log=lambda text: sys.stderr.write(f"[{assignment.label}] {text}\n"),
        )
        result = options.run(model, context)
        wanted = kinds_of(type(options))[1]
        if not isinstance(result, wanted):
            raise BrokenPromise(f"pass '{assignment.label}' gave {type(result).__name__}, not {wanted.kind}.")
        if digest.of_file(result.path) != result.digest:
            raise BrokenPromise(f"pass '{assignment.label}' changed its file after emitting it.")
        if isinstance(result, TFLiteModel):
            named(self._names.check_runs)(result.path)
        options.verify(model, result)
        return result, context.notes

    def predict(self, model: Artifact, data: Dataset, index: Path, split: str, out: Path) -> str:
        """Write a model's predictions on a split; gives the kernels that executed it."""
        kernels = named(f"{self._names.evaluation}:predict_file")(
            model, _split(split, data, index), out, self._report
        )
        return str(kernels)

    def truth(self, data: Dataset, index: Path, split: str, out: Path) -> None:
        """Write a split's annotations as arrays."""
        named(f"{self._names.evaluation}:truth_file")(_split(split, data, index), out)

    def measure(self, metrics: list[str], predictions: Path, truth: Path) -> dict[str, Measurement]:
        """Measure metrics of predictions."""
        return dict(named(f"{self._names.evaluation}:measure")(metrics, predictions, truth))

    def compare(self, metric: str, before: Path, after: Path, truth: Path) -> Any:
        """Give the paired difference of two predictions."""
        return named(f"{self._names.evaluation}:compare")(metric, before, after, truth)

    def file_fact(self, metric: str, model: Artifact) -> Measurement:
        """Measure a fact of the file itself."""
        cls = METRICS.get(metric)
        assert issubclass(cls, FileMetric)
        return cls().measure(model)

    def deliver(
        self, target: Target, model: TFLiteModel, staging: Path
    ) -> tuple[TFLiteModel, dict[str, Any]]:
        """Compile for a target and report on the file."""
        figures: dict[str, Any] = {}
        delivered = model
        if target.compiles:
            content, figures = target.compile(model, staging)
            path = staging / "delivered.tflite"
            path.write_bytes(content)
            sha256 = digest.of_file(path)
            delivered = TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta=model.meta)
        return delivered, figures | target.inspect(delivered)

    def _report(self, done: float, total: float, note: str = "") -> None:
        self._connection.send(("progress", (done, total, note)))


@cache
def _index(path: Path) -> Index:
    return Index.from_json(json.loads(path.read_text(encoding="utf-8")))


def _split(name: str, data: Dataset, index: Path) -> Split:
    return Split(name, data, _index(index))


def _reset(seed: int) -> None:
    """Bring generators and Keras's names to a known state, so that a warm worker gives a fresh one's bytes."""
    random.seed(seed)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    keras: Any = sys.modules.get("tf_keras")
    if keras is not None:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
    gc.collect()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _answer(server: Server, request: tuple[str, tuple[Any, ...]]) -> tuple[str, Any]:
    name, arguments = request
    started, cpu = time.perf_counter(), time.process_time()
    try:
        value = getattr(server, name)(*arguments)
    except TflbuildError as error:
        return "error", (error, traceback.format_exc())
    except OSError as error:
        wrapped = StoreError(
            f"{error.strerror or error}: {error.filename or 'worker'}; nothing built was lost."
        )
        return "error", (wrapped, traceback.format_exc())
    except Exception as error:  # noqa: BLE001 - whatever a pass raises is reported with its name by the parent
        text = f"{type(error).__name__}: {error}"
        return "error", (PassError(text), traceback.format_exc())
    cost = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    return "done", (value, cost)


def main() -> None:
    """Answer requests until the parent closes the socket."""
    connection: Connection = Connection(int(sys.argv[1]))
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = Server(connection)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            os._exit(0)
        connection.send(_answer(server, request))


if __name__ == "__main__":
    main()
