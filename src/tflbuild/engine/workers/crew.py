"""Light worker processes that evaluate, in parallel over the cores; they never import TensorFlow."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from tflbuild.engine.workers.process import Process, Start
from tflbuild.engine.workers.request import (
    Progress,
    Reply,
    Request,
    finished,
    next_reply,
    none_left_running,
)

IMAGES_A_PROCESS = 64
"""Starting another process costs as much as evaluating about so many images."""

LARGEST_SHARD, SMALLEST_SHARD = 64, 8
"""Images that are handed out at a time: many while many are left, few in the end, so that all end together."""


@dataclass(frozen=True)
class SplitWork:
    """A computation over every image of a split.

    Attributes:
        name: a method of `tflbuild.engine.workers.worker_process.Server` that takes, besides `arguments`, the first
            image, the one behind the last, and the file to write.
        arguments: its other arguments.
        images: how many images the split has.
        out: the file that the parts are joined to, in order; the parts lie beside it.
        who: what asks, as the error message names it.
        progress: is told how many images are done.
        alone: whether one process does all of it.
    """

    name: str
    arguments: tuple[Any, ...]
    images: int
    out: Path
    who: str
    progress: Progress = lambda done, total, note: None
    alone: bool = False

    def part(self, shard: range) -> Path:
        """Name the file of a part."""
        return self.out.with_name(f"{self.out.name}.{shard.start:08d}")


class Crew:
    """A process a core, each started when there is work for it.

    Args:
        start: how they are started.
        size: how many there may be; None for one a usable core.
    """

    def __init__(self, start: Start, size: int | None = None) -> None:
        self._members = [Process(start) for _ in range(size or usable_cores())]

    def ask(
        self,
        name: str,
        *arguments: Any,
        who: str,
        progress: Progress = lambda done, total, note: None,
    ) -> Reply:
        """Send a request to one process, and wait for the reply; the others rest. See `Worker.ask`."""
        return finished(self._members[0].begin(name, *arguments, who=who, progress=progress))

    def share(self, work: SplitWork) -> Reply:
        """Do work with as many processes as it is worth; what is written does not depend on how many.

        Returns:
            What the method gave of the first images; wall seconds, and CPU seconds and memory of all processes.

        Raises:
            WorkerDied: a process aborted or was killed; the others were stopped.
            PassError: what was asked raised.
        """
        started = time.perf_counter()
        members = 1 if work.alone else max(1, work.images // IMAGES_A_PROCESS)
        sharing = _Sharing(work, self._members[:members])
        replies = sharing.run()
        parts = [work.part(shard) for shard in sharing.shards]
        if len(parts) == 1:
            parts[0].replace(work.out)
        else:
            replies.append(self.ask("merge", parts, work.out, who=work.who))
        cost = {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": sum(reply.cost["cpu_seconds"] for reply in replies),
            "peak_rss_mib": sum(sharing.peaks),
        }
        return Reply(replies[0].value, cost)

    def stop(self) -> None:
        """Kill every process."""
        for member in self._members:
            member.stop()


class _Sharing:
    """Hands the shards of some work out.

    Each process owns a contiguous range of shards and takes them in order, so that it meets the same images
    the next time and has kept them. One that is idle steals the last shard of the range where most is left.

    Attributes:
        shards: images of each, in order.
        peaks: MiB that each process held at most.
    """

    def __init__(self, work: SplitWork, members: Sequence[Process]) -> None:
        self._work, self._members = work, members
        bounds = [work.images * member // len(members) for member in range(len(members) + 1)]
        homes = [list(shrinking(*home)) for home in pairwise(bounds)]
        self.shards = [shard for home in homes for shard in home]
        firsts = accumulate(map(len, homes), initial=0)
        self._homes = [deque(range(*numbers)) for numbers in pairwise(firsts)]
        self._done = [0.0] * len(self.shards)
        self._running: dict[Request, tuple[int, int]] = {}
        self.peaks = [0.0] * len(members)

    def run(self) -> list[Reply]:
        """Give the replies of all shards, in order."""
        replies: dict[int, Reply] = {}
        with none_left_running(self._running):
            for member in range(len(self._members)):
                self._hand_out(member)
            while self._running:
                request, reply = next_reply(list(self._running))
                member, number = self._running.pop(request)
                replies[number] = reply
                self.peaks[member] = max(self.peaks[member], reply.cost["peak_rss_mib"])
                self._hand_out(member)
                self._tell(number, len(self.shards[number]))
        return [replies[number] for number in range(len(replies))]

    def _hand_out(self, member: int) -> None:
        home = self._homes[member]
        if home:
            number = home.popleft()
        else:
            fullest = max(self._homes, key=len)
            if not fullest:
                return
            number = fullest.pop()
        work, shard = self._work, self.shards[number]
        request = self._members[member].begin(
            work.name,
            *work.arguments,
            shard.start,
            shard.stop,
            work.part(shard),
            who=work.who,
            progress=lambda done, total, note: self._tell(number, done),
        )
        self._running[request] = (member, number)

    def _tell(self, number: int, done: float) -> None:
        self._done[number] = done
        self._work.progress(sum(self._done), self._work.images, "")


def shrinking(start: int, stop: int) -> Iterator[range]:
    """Cut a range of images into shards that become smaller towards its end.

    >>> [len(shard) for shard in shrinking(0, 200)]
    [50, 37, 28, 21, 16, 12, 9, 8, 8, 8, 3]
    """
    while start < stop:
        size = min(LARGEST_SHARD, max(SMALLEST_SHARD, (stop - start) // 4), stop - start)
        yield range(start, start + size)
        start += size


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
