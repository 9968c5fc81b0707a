from __future__ import annotations

import numpy as np
import pytest

from tflbuild.analyses.values import Values
from tflbuild.core.exhibit import Matrix
from tflbuild.show.outcome import step_lines


def test_given_values_are_counted_by_right_ones() -> None:
    right, given = np.array([0.0, 1.0, 9.0, 10.0]), np.array([0.4, 6.0, 9.5, np.nan], np.float32)
    found = Values(bins=2)._counted("load", given, right)
    assert (found["n"], found["counts"]) == (3, [[1, 1], [0, 1]])  # 1 was given as 6; 10 as no number
    assert found["edges"] == pytest.approx([0, 4.75, 9.5])
    assert (found["mean_error"], found["largest_error"]) == pytest.approx((5.9 / 3, 5.0))
    (exhibit,) = Values().exhibits([found])
    (matrix,) = exhibit.parts
    assert isinstance(matrix, Matrix)
    assert matrix.rows == ("0 to 4.75", "4.75 to 9.5")
    assert exhibit.text == ("Load is +1.967 off in the mean, at most 5, on 3 test samples.",)


def test_a_step_is_coarse_from_a_tenth_of_the_error_on() -> None:
    metrics = {"mae": {"details": {"per_value": {"load": 6.0, "angle": 4.9}}}}
    said = step_lines({"steps": {"values": 0.5}, "metrics": metrics})
    assert said[0] == "  'values' comes in steps of 0.5, in the units of the data"
    assert "a tenth of the mean absolute error of angle (4.9);" in said[1]
    assert step_lines({"metrics": {}}) == []
    assert len(step_lines({"steps": {"values": 0.4}, "metrics": metrics})) == 1
