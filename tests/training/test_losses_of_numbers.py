"""Losses of values and of heatmaps, by hand, and the layer that gives the units of the data."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tflbuild.core.dataset import Dataset, Index, Sample, Split
from tflbuild.core.errors import DataError

pytestmark = pytest.mark.slow

FOUND, WANTED = [[1.0, 30.0], [2.0, 10.0]], [[0.0, 10.0], [2.0, 10.0]]
"""Two values of two samples: errors 1 and 20 of the first, none of the second."""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("mse", (0.5**2 + 2.0**2) / 4),  # in deviations of 2 and 10
        ("mae", (0.5 + 2.0) / 4),
        ("huber", (0.5**2 / 2 + 2.0 - 0.5) / 4),
    ],
)
def test_errors_count_in_deviations(kind: str, value: float) -> None:
    from tflbuild.training import distillation, losses

    loss = losses.values(kind, [2.0, 10.0])
    given = np.float32(FOUND), (np.float32(WANTED),)
    assert float(loss(*given)) == pytest.approx(value)
    taught = distillation.values(loss, 0.25, [2.0, 10.0])
    same = float(taught(given[0], (np.float32(WANTED), given[0])))
    assert same == pytest.approx(0.75 * value)


def test_heatmaps_are_trained_by_cross_entropy_over_marked_points() -> None:
    from tflbuild.training import losses

    maps = np.zeros((1, 2, 2, 3), np.float32)
    maps[0, 0, 0, 0] = np.log(3)  # shares 1/2, 1/6, 1/6, 1/6
    wanted = np.zeros((1, 2, 2, 3), np.float32)
    wanted[0, 0, 0, 0] = wanted[0, 1, 1, 1] = 1
    counts = np.float32([[1, 1, 0]])
    assert float(losses.heatmaps(maps, (wanted, counts))) == pytest.approx((np.log(2) + np.log(4)) / 2)
    maps[..., 2] = 50 * np.random.default_rng(0).normal(size=(1, 2, 2))
    assert float(losses.heatmaps(maps, (wanted, counts))) == pytest.approx((np.log(2) + np.log(4)) / 2)


def split(*rows: tuple[float, ...]) -> Split:
    samples = tuple(Sample(str(place), "", numbers=row) for place, row in enumerate(rows))
    return Split("train", Dataset(), Index(classes=("load", "angle"), splits={"train": samples}))


def test_a_model_ends_in_the_units_of_the_data() -> None:
    from tflbuild.backends.keras import Model, layers
    from tflbuild.tasks.regression import training

    numbers = layers.Input((2,))
    model, head = training.ended(Model(numbers, numbers), split((900.0, 1.0), (1100.0, 5.0)))
    assert head == {"mean": [1000.0, 3.0], "std": [100.0, 2.0]}
    assert model(np.float32([[0.0, 0.0], [1.0, -1.0]])).numpy().tolist() == [[1000.0, 3.0], [1100.0, 1.0]]
    assert training.deviation_of(model) == [100.0, 2.0]
    loss = training.loss(model, SimpleNamespace(value_loss="mse"))
    assert float(loss(np.float32([[1100.0, 3.0]]), (np.float32([[1000.0, 3.0]]),))) == pytest.approx(0.5)
    assert training.deviation_of(Model(numbers, numbers)) == [1.0]


def test_a_value_that_never_changes_is_refused() -> None:
    from tflbuild.tasks.regression import training

    with pytest.raises(DataError, match="'angle' is 5 in every sample of train"):
        training.spread(split((900.0, 5.0), (1100.0, 5.0)))
