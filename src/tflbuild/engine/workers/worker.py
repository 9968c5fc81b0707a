"""The processes that run passes and measurements: one with TensorFlow, and a crew of light ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tflbuild.core.names import Names
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers.crew import Crew
from tflbuild.engine.workers.process import Process, Start
from tflbuild.engine.workers.request import Progress, Reply, finished

__all__ = ["Progress", "Reply", "Worker"]

LIGHT_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
"""One thread a process: there is a process a core, and results do not depend on how many cores there are."""


class Worker:
    """One warm process that runs passes and Keras models, and a crew that does the rest; each started when needed.

    Args:
        options: memory, threads and how many evaluate.
        device: "cpu" or "gpu".
        loader: dotted name of what loads the declarations, and its argument.
        names: entry points of evaluation.
        log: is given every line the processes print.
        told: is told what the TensorFlow process does meanwhile: a kind of event, and its fields.

    Attributes:
        crew: the light processes, which never import TensorFlow.
    """

    def __init__(
        self,
        options: WorkerOptions,
        device: str,
        loader: tuple[str, Any],
        names: Names,
        log: Callable[[str], None] = lambda text: None,
        told: Callable[[str, dict[str, Any]], None] = lambda kind, fields: None,
    ) -> None:
        self.options = options
        self.device = device
        self.log, self.told = log, told
        self.names = names

        def start(environment: dict[str, str]) -> Start:
            return Start(
                environment=environment,
                loader=loader,
                names=self.names,
                max_rss=options.max_rss,
                log=lambda text: self.log(text),
                told=lambda kind, fields: self.told(kind, fields),
            )

        self._process = Process(start(_tensorflow_environment(options, device)))
        self.crew = Crew(start(LIGHT_ENVIRONMENT), options.evaluators)

    def ask(
        self,
        name: str,
        *arguments: Any,
        who: str,
        progress: Progress = lambda done, total, note: None,
        timeout: float | None = None,
    ) -> Reply:
        """Send a request to the TensorFlow process, and wait for the reply.

        Args:
            name: a method of `tflbuild.engine.workers.worker_process.Server`.
            arguments: its arguments; pickled.
            who: what asks, as the error message names it, e.g. "pass 'prune'".
            progress: is told how far it is.
            timeout: seconds after which the process is killed.

        Raises:
            WorkerDied: the process aborted, was killed or exceeded `timeout`; the message names the signal.
            PassError: what was asked raised; chained to the worker's traceback.
        """
        return finished(self._process.begin(name, *arguments, who=who, progress=progress, timeout=timeout))

    def stop(self) -> None:
        """Kill every process, if there is one."""
        self._process.stop()
        self.crew.stop()


def _tensorflow_environment(options: WorkerOptions, device: str) -> dict[str, str]:
    threads = str(options.threads)
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "PYTHONHASHSEED": "0",
    }
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    return environment
