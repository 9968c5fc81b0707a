"""What explains that a float model and the quantized file it was made of differ: differences by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.quantization.restored import Restored, _of_output

GIVEN = np.array([[1.0, -2.0], [3.0, -4.0], [0.5, 0.0]], np.float32)


def of(step: float, given: Any, *more: Any) -> dict[str, float]:
    return _of_output([np.asarray(one, np.float32) for one in (given, *more)], step)


def test_differences_are_root_mean_squares_between_file_floats_and_rounded_floats() -> None:
    """The floats are 0.5 above the file, 0.25 of it by steps, 0.125 by their ends, and 0.125 for no reason."""
    found = of(0.25, GIVEN, GIVEN + 0.5, GIVEN + 0.125, GIVEN + 0.25)
    assert found == pytest.approx(
        {
            "difference": 0.5,
            "rounding": 0.25,
            "clipping": 0.125,
            "unexplained": 0.125,
            # twice what rounding and clipping cost, a step, and what float kernels may do: a ten-thousandth of 4
            "bound": 2 * 0.375 + 0.25 + 1e-4 * 4,
            "largest": 0.5,
            "step": 0.25,
            "size": 4.0,
            "samples": 3,
            "whole": False,
        }
    )


def test_one_large_difference_counts_by_its_square_and_by_itself() -> None:
    other = GIVEN.copy()
    other[2, 1] -= 3.0
    found = of(0.0, GIVEN + 0.5, other + 0.5, other + 0.5, other + 0.5)
    # By hand: 9 / 6 is the mean square.
    assert (found["difference"], found["unexplained"]) == pytest.approx((np.sqrt(1.5),) * 2)
    assert (found["largest"], found["rounding"], found["clipping"]) == (3.0, 0.0, 0.0)
    assert found["bound"] == pytest.approx(1e-4 * 3.5)


WHOLE = [[4.0, 7.0], [1.0, 0.0]]


def test_of_whole_numbers_the_share_that_is_unequal_counts() -> None:
    """Classes and counts, which have no steps: one of four is another in the floats, two when it is rounded."""
    found = of(0.0, WHOLE, [[4, 9], [1, 0]], [[4, 9], [1, 5]], [[5, 9], [1, 5]])
    assert (found["difference"], found["rounding"], found["clipping"]) == (0.25, 0.5, 0.25)
    assert (found["unexplained"], found["bound"], found["largest"]) == (0.5, 2 * 0.25, 2.0)
    assert found["whole"] is True


@pytest.mark.parametrize(
    ("step", "given", "made"),
    [(1.0, WHOLE, WHOLE), (0.0, [[4.5, 7.0]], [[4.0, 7.0]]), (0.0, [[4.0, 7.0]], [[4.0, 7.5]])],
)
def test_numbers_with_steps_or_fractions_are_no_whole_ones(step: float, given: Any, made: Any) -> None:
    assert of(step, given, made, made, made)["whole"] is False


@pytest.mark.parametrize(("unexplained", "said"), [(0.5, False), (0.51, True), (float("nan"), True)])
def test_what_is_beyond_its_bound_is_said(unexplained: float, said: bool) -> None:
    made = Restored(
        {"a": {"unexplained": 0.1, "bound": 0.1}, "b": {"unexplained": unexplained, "bound": 0.5}}, []
    )
    wanted = [
        f"'b' differs by {unexplained:.3g} from what the file's own steps give, where 0.5 could be rounding"
    ]
    assert made.breaches == (wanted if said else [])
