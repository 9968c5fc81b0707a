"""What is no number, traced to the operator that makes the first; by hand."""

from __future__ import annotations

import numpy as np
import pytest

from quantized_files import Held, held
from tflbuild.quantization.not_finite import computes_in_floats, traced
from tflbuild.tflite.graph import Graph
from tflite_files import network, step

SHAPE = (1, 3)


def graph(*kinds: str, constant: list[float] | None = None) -> Graph:
    """Give operators in a row, each reading the one before and, where it takes two, a constant."""
    names = ["image", *(f"{kind.lower()}_{place}" for place, kind in enumerate(kinds))]
    tensors = dict.fromkeys(names, SHAPE) | {"c": np.array([constant or [1.0, 2.0, 3.0]], np.float32)}
    steps = [
        step(kind, [given, "c"] if kind in ("DIV", "ADD", "MUL") else [given], [made])
        for kind, given, made in zip(kinds, names[:-1], names[1:], strict=True)
    ]
    return Graph.unpacked(network(tensors, steps, ["image"], [names[-1]]))


def samples(*rows: list[float]) -> list[dict[str, np.ndarray]]:
    return [{"image": np.array(row, np.float32)} for row in rows]


@pytest.mark.parametrize(
    ("kinds", "constant", "row", "operator", "reason", "nan"),
    [
        (("ABS", "LOG", "NEG"), None, [1, 0, 2], "LOG", "logarithm of zero", False),
        (("NEG", "LOG", "NEG"), None, [1, 5, 2], "LOG", "logarithm of a negative number, -5", True),
        (("ABS", "DIV"), [1.0, 0.0, 3.0], [1, 2, 3], "DIV", "division by zero", False),
        (("ABS", "DIV"), [1.0, 0.0, 3.0], [1, 0, 3], "DIV", "division by zero", True),
        (("NEG", "SQRT"), None, [1, 4, 9], "SQRT", "square root of a negative number, -9", True),
        (("ABS", "RSQRT"), None, [1, 0, 9], "RSQRT", "division by the square root of zero", True),
        (("ABS", "EXP"), None, [1, 90, 9], "EXP", "overflow: the exponential of 90 is beyond float32", False),
        (("ABS", "MUL"), [1e30] * 3, [1, 1e20, 9], "MUL", "overflow: it reads numbers up to 1e+30", False),
    ],
)
def test_arithmetic_that_makes_no_number_is_named_with_why(
    kinds: tuple[str, ...], constant: list[float], row: list[float], operator: str, reason: str, nan: bool
) -> None:
    found = traced(graph(*kinds, constant=constant), samples([1, 1, 1] if "NEG" not in kinds else row, row))
    (origin,) = found.origins
    assert (origin.operator, origin.reason, origin.nan, origin.weight) == (operator, reason, nan, "")
    assert found.samples == 2
    assert found.spoiled >= 1


def test_a_constant_that_holds_none_is_to_blame_and_what_is_behind_it_is_not() -> None:
    found = traced(
        graph("ABS", "ADD", "NEG", constant=[1.0, float("nan"), 1.0]), samples([1, 2, 3], [4, 5, 6])
    )
    (origin,) = found.origins
    assert (origin.operator, origin.weight, origin.samples, origin.nan) == ("ADD", "c", 2, True)
    assert (found.spoiled, found.samples) == (2, 2)


def test_samples_are_counted_and_the_first_is_remembered() -> None:
    found = traced(graph("ABS", "LOG"), samples([1, 1, 1], [1, 0, 1], [2, 2, 2], [0, 0, 1]))
    (origin,) = found.origins
    assert (origin.samples, origin.first, found.spoiled) == (2, 1, 2)


def test_an_infinity_that_the_outputs_do_not_show_spoils_nothing() -> None:
    """The sigmoid of minus infinity is zero, as where a mask is meant."""
    found = traced(graph("ABS", "LOG", "LOGISTIC"), samples([1, 0, 1]))
    assert found.origins[0].operator == "LOG"
    assert (found.spoiled, found.origins[0].nan) == (0, False)


def test_numbers_that_are_all_finite_have_no_origin() -> None:
    found = traced(graph("ABS", "LOG", "NEG"), samples([1, 2, 3]))
    assert (found.origins, found.spoiled) == ((), 0)


def test_integers_are_always_numbers() -> None:
    made = network({"image": SHAPE, "out": SHAPE}, [step("LOGISTIC", ["image"], ["out"])], ["image"], ["out"])
    integers = held(made, {"image": Held("int8", 0.1), "out": Held("int8", 1 / 256, -128)})
    assert not computes_in_floats(Graph.unpacked(integers))
    assert computes_in_floats(Graph.unpacked(made))
