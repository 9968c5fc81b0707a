"""The pace of a training: a point of its curve whenever the loss is looked at."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

Row = tuple[float, ...]
"""A point of the curve: step, loss, learning rate, images a second and epochs; NaN for what is not known."""

Trained = Callable[[int, float, float, float | None, float | None], None]
"""Callback that is told a point: the step, the loss, the learning rate, images a second, epochs."""


class Pace:
    """Counts images between two looks at the loss.

    Args:
        points: those that an interrupted training left; they are told again, and new ones are put behind them.
        trained: is told each point.
        rate: gives the learning rate of a step.
        epoch: steps of an epoch; 0 where nobody says.
    """

    def __init__(
        self, points: list[Row], trained: Trained, rate: Callable[[int], float], epoch: float
    ) -> None:
        self._points, self._trained, self._rate, self._epoch = points, trained, rate, epoch
        self._since: float | None = None  # the first step compiles the graph, and says nothing of the speed
        self._images = 0
        for step, loss, learning_rate, speed, epochs in points:
            trained(int(step), loss, learning_rate, _known(speed), _known(epochs))

    def went_on(self, step: int, images: int, loss: float | None) -> None:
        """Count a step, from 0, that is done; `loss` is None where nobody looked."""
        self._images += images
        if loss is None:
            return
        now = time.perf_counter()
        speed = math.nan if self._since is None else self._images / max(now - self._since, 1e-9)
        epochs = (step + 1) / self._epoch if self._epoch else math.nan
        self._since, self._images = now, 0
        rate = self._rate(step)
        self._points.append((step + 1, loss, rate, speed, epochs))
        self._trained(step + 1, loss, rate, _known(speed), _known(epochs))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
