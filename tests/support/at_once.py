"""A worker without processes: what a `Server` does is done here and now, for tests of what the engine decides."""

from __future__ import annotations

from typing import Any

import fakes
from tflbuild.core.names import Names
from tflbuild.engine.workers.crew import SplitWork
from tflbuild.engine.workers.endings import named
from tflbuild.engine.workers.request import Progress, Reply
from tflbuild.engine.workers.worker_process import Server

COST = {"seconds": 2.50049, "cpu_seconds": 4.0625, "peak_rss_mib": 7.4}
"""What everything costs here."""


class Replies(list[tuple[int, str, Any]]):
    """Stands for the channel to the parent: keeps what was sent."""

    send = list.append


class AtOnce:
    """Stands for `Worker`.

    Attributes:
        asked: who did what for whom, e.g. ("tensorflow", "run_pass", "pass 'prune'").
        arguments: of each request in `asked`.
        timeouts: of each request of the TensorFlow process.
    """

    def __init__(self, names: Names = fakes.NAMES) -> None:
        self.names = names
        self.log: Any = lambda text: None
        self.told: Any = lambda kind, fields: None
        self.asked: list[tuple[str, str, str]] = []
        self.arguments: list[tuple[Any, ...]] = []
        self.timeouts: list[float | None] = []
        self.crew = Crew(self)
        self._replies = Replies()
        self._server = Server(self._replies)  # type: ignore[arg-type]
        self._server.load("fakes:load", None, names)

    def ask(
        self,
        name: str,
        *arguments: Any,
        who: str,
        progress: Progress = lambda done, total, note: None,
        timeout: float | None = None,
    ) -> Reply:
        self.timeouts.append(timeout)
        return self.do("tensorflow", name, arguments, who, progress)

    def do(self, place: str, name: str, arguments: tuple[Any, ...], who: str, progress: Progress) -> Reply:
        self.asked.append((place, name, who))
        self.arguments.append(arguments)
        self._replies.clear()
        self._server.answer(1, name, arguments)
        *told, (_, kind, value) = self._replies
        for _, what, said in told:
            (self.told if what == "told" else progress)(*said)
        if kind == "error":
            raise named(value, who)
        return Reply(value[0], dict(COST))

    def stop(self) -> None:
        """There is nothing to stop."""


class Crew:
    """Stands for the `Crew` of light processes."""

    def __init__(self, worker: AtOnce) -> None:
        self._worker = worker

    def ask(
        self, name: str, *arguments: Any, who: str, progress: Progress = lambda done, total, note: None
    ) -> Reply:
        return self._worker.do("crew", name, arguments, who, progress)

    def share(self, job: SplitWork) -> Reply:
        arguments = (*job.arguments, 0, job.images, job.out)
        return self._worker.do("crew", job.name, arguments, job.who, job.progress)
