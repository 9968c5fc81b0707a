"""The order of training examples, and batches that are prepared ahead: what every modality has in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from tflbuild.core.modality import Batch


def ahead(
    prepare: Callable[[int], Batch], start: int = 0, workers: int = 1, prefetch: int = 8
) -> Iterator[Batch]:
    """Give batches without end, prepared ahead in background threads.

    Args:
        prepare: gives the batch of a step.
        start: the first step.
        workers: threads that prepare.
        prefetch: batches prepared ahead.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Batch]] = deque()
        step = start
        try:
            while True:
                while len(waiting) < prefetch:
                    waiting.append(pool.submit(prepare, step))
                    step += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class Shuffle:
    """The order of training: slot k of the endless sequence of shuffled epochs.

    Args:
        count: examples of the split.
        seed: decides the order.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def position(self, slot: int) -> int:
        """Give the position in the split of a slot."""
        epoch, place = divmod(slot, self._count)
        order = self._orders.get(epoch)
        if order is None:
            order = np.random.Generator(np.random.PCG64([self._seed, 0, epoch])).permutation(self._count)
            # Replaced, not changed, since other threads read it; only neighbouring epochs are alive.
            self._orders = {k: v for k, v in self._orders.items() if abs(k - epoch) <= 2} | {epoch: order}
        return int(order[place])
