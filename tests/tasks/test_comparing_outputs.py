"""How far two models' outputs are apart, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.disagreement import Compared
from tflbuild.tasks.comparing_outputs import disagreement


def test_a_distance_is_in_mean_absolute_deviations_of_the_base_and_of_several_outputs_the_largest() -> None:
    base = {"output:x": np.array([[0.0, 2.0], [4.0, 6.0]]), "output:y": np.array([[1.0], [3.0]])}
    model = {"output:x": np.array([[1.0, 2.0], [4.0, 6.0]]), "output:y": np.array([[1.0], [2.5]])}
    found = disagreement(Compared(base=base, model=model, truth={"samples": np.ones(2)}, labels=()))
    # By hand: x deviates by 2 and is off by 0.5 on average in the first; y deviates by 1 and is off by 0.5.
    assert found.distances == pytest.approx([0.25, 0.5])
    assert found.differ.tolist() == [True, True]
    said = found.said(0)
    assert said.truth is None
    assert said.outputs == {"x": ([0.0, 2.0], [1.0, 2.0]), "y": ([1.0], [1.0])}
    assert said.note == "0.25 deviations apart"


def test_a_tenth_of_a_deviation_is_noticed_and_less_is_not() -> None:
    base = {"output:x": np.array([[0.0], [2.0]])}  # deviates by 1
    model = {"output:x": np.array([[0.09], [2.11]])}
    found = disagreement(Compared(base=base, model=model, truth={}, labels=()))
    assert found.differ.tolist() == [False, True]


@pytest.mark.parametrize(("value", "distance"), [(0.0, 0.5), (5.0, 0.1)])
def test_an_output_that_never_changes_is_measured_by_its_size(value: float, distance: float) -> None:
    base = {"output:x": np.full((2, 1), value)}
    found = disagreement(Compared(base=base, model={"output:x": base["output:x"] + 0.5}, truth={}, labels=()))
    assert found.distances == pytest.approx([distance] * 2)


def test_of_a_large_output_64_values_are_drawn_evenly() -> None:
    base = {"output:x": np.arange(2000.0).reshape(2, 1000)}
    found = disagreement(Compared(base=base, model=base, truth={}, labels=()))
    values, _ = (found.said(0).outputs or {})["x"]
    assert (len(values), values[0], values[-1]) == (64, 0.0, 999.0)
