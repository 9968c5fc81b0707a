"""Operators of a file found again in what a compiler made of it."""

from __future__ import annotations

import numpy as np
import pytest

from edgetpu_files import OPERATOR, chain, compiled, operator, package
from tflbuild.placement import facts
from tflbuild.placement.facts import ModelFacts
from tflbuild.targets.edgetpu.remaining import Apart, remaining
from tflbuild.tflite import flatbuffer
from tflite_files import Typed, network


def known(content: bytes) -> ModelFacts:
    return facts.facts_of(flatbuffer.unpack(content))


def twins(names: tuple[str, str] = ("one", "other")) -> bytes:
    """Give two operators that have all but their names in common."""
    shape = (1, 4)
    steps = [operator("LOGISTIC", ["row"], [names[0]]), operator("LOGISTIC", ["row"], [names[1]])]
    typed = {name: Typed("int8", 0.5) for name in ("row", *names)}
    return network({"row": shape, **dict.fromkeys(names, shape)}, steps, ["row"], [*names], typed)


@pytest.mark.parametrize("left", [(), (1,), (1, 2), (0, 1, 2, 3)])
def test_operators_are_found_by_the_names_of_their_outputs(left: tuple[int, ...]) -> None:
    assert remaining(known(chain()), known(compiled(chain(), left, package())), OPERATOR) == left


def test_equal_ones_are_told_apart_by_their_names() -> None:
    assert remaining(known(twins()), known(compiled(twins(), (1,), package())), OPERATOR) == (1,)


def test_an_output_that_was_renamed_is_found_by_its_form() -> None:
    made = compiled(chain(), (1, 2), package()).replace(b"swished", b"altered")
    assert remaining(known(chain()), known(made), OPERATOR) == (1, 2)


def test_one_of_several_that_look_alike_is_refused() -> None:
    made = compiled(twins(("one", "two")), (1,), package()).replace(b"two", b"new")
    with pytest.raises(Apart, match=r"holds LOGISTIC \(new\), which could be any of 2 operators"):
        remaining(known(twins(("one", "two"))), known(made), OPERATOR)


def test_an_operator_of_another_file_is_refused() -> None:
    shape = (1, 9)
    other = network(
        {"row": shape, "made": shape, "more": np.zeros(9, np.int32)},
        [operator("LOGISTIC", ["row"], ["made"])],
        ["row"],
        ["made"],
    )
    with pytest.raises(Apart, match=r"holds LOGISTIC \(made\), which is no operator of the file"):
        remaining(known(chain()), known(other), OPERATOR)


def test_a_tensor_of_another_type_is_of_another_network() -> None:
    # three pairs of Coral's posenet: the decoder takes floats in one file and integers in the other
    def typed(dtype: str) -> ModelFacts:
        names = dict.fromkeys(("row", "one"), (1, 4))
        step = operator("LOGISTIC", ["row"], ["one"])
        return known(network(names, [step], ["row"], ["one"], {name: Typed(dtype, 0.5) for name in names}))

    with pytest.raises(Apart, match="holds the tensor one in uint8, and the file that was compiled in int8"):
        remaining(typed("int8"), typed("uint8"), OPERATOR)
