"""Which operators and arguments of a program may be computed: PyTorch's own, on numbers, texts, sides and tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tflbuild.formats.torch_export.permitted import check_argument, check_target, names_in
from torch_files import tensor

PYTHON = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "neg",
    "pow",
    "getitem",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
)
PYTHON += ("ge", "and_", "or_", "not_")
"""Functions of Python's module `operator` that sides are computed by."""


@pytest.mark.parametrize("name", PYTHON)
def test_arithmetic_and_comparisons_of_sides_are_permitted(name: str) -> None:
    check_target(f"_operator.{name}", [])


@pytest.mark.parametrize(
    "name", ["rand", "randn", "randint", "randperm", "bernoulli", "normal", "multinomial", "uniform"]
)
@pytest.mark.parametrize("ending", ["", "_", "_like"])
def test_whatever_draws_numbers_is_refused(name: str, ending: str) -> None:
    with pytest.raises(ValueError, match=rf"aten\.{name}{ending}\.default, which draws random numbers$"):
        check_target(f"torch.ops.aten.{name}{ending}.default", [])


@pytest.mark.parametrize(
    "target",
    [
        "_operator.call",
        "operator.add",
        "torch.ops.aten.add",
        "torch.ops.aten.add.Tensor.x",
        "xtorch.ops.aten.a.b",
        7,
        None,
    ],
)
def test_what_is_no_operator_of_pytorchs_own_is_refused(target: Any) -> None:
    with pytest.raises(ValueError, match="which is not one of PyTorch's own"):
        check_target(target, [])


@pytest.mark.parametrize(
    ("name", "arg", "trains"),
    [
        ("training", {"as_bool": True}, True),
        ("train", {"as_bool": True}, True),
        ("training", {"as_bool": False}, False),
        ("training", {"as_int": 1}, False),
        ("inplace", {"as_bool": True}, False),
    ],
)
def test_an_operator_that_trains_is_refused(name: str, arg: Mapping[str, Any], trains: bool) -> None:
    given = [{"name": "input", "arg": tensor("x")}, {"name": name, "arg": arg}]
    if not trains:
        check_target("torch.ops.aten.dropout.default", given)
        return
    with pytest.raises(
        ValueError, match=r"^was exported as it is trained \(torch\.ops\.aten\.dropout\.default\); call"
    ):
        check_target("torch.ops.aten.dropout.default", given)


PLAIN: Sequence[str] = (
    *(
        "none",
        "int",
        "float",
        "bool",
        "string",
        "ints",
        "floats",
        "bools",
        "strings",
        "int_lists",
        "float_lists",
    ),
    *("scalar_type", "memory_format", "layout", "device"),
    *("tensor", "tensors", "optional_tensor", "optional_tensors", "nested_tensors"),
)


@pytest.mark.parametrize("kind", PLAIN)
def test_numbers_texts_and_tensors_are_permitted(kind: str) -> None:
    check_argument("t", {f"as_{kind}": {}})


@pytest.mark.parametrize("kind", ["sym_int", "sym_bool", "sym_float"])
@pytest.mark.parametrize("inner", ["as_name", "as_int", "as_bool", "as_float"])
def test_sides_are_names_or_numbers(kind: str, inner: str) -> None:
    check_argument("t", {f"as_{kind}": {inner: 1}})
    if kind != "sym_bool":
        check_argument("t", {f"as_{kind}s": [{inner: 1}, {"as_name": "s"}]})
        with pytest.raises(ValueError, match=r"^has the operator t with a side of the kind 'as_expr'$"):
            check_argument("t", {f"as_{kind}s": [{inner: 1}, {"as_expr": "s0"}]})
    with pytest.raises(ValueError, match=r"^has the operator t with a side of the kind 'as_expr'$"):
        check_argument("t", {f"as_{kind}": {"as_expr": "s0"}})


def test_names_of_tensors_are_found_in_every_form() -> None:
    a, b, none = {"name": "a"}, {"as_tensor": {"name": "b"}}, {"as_none": True}
    for argument, names in (
        ({"as_tensor": a}, ["a"]),
        ({"as_tensors": [a, {"name": "c"}]}, ["a", "c"]),
        ({"as_optional_tensor": b}, ["b"]),
        ({"as_optional_tensor": none}, []),
        ({"as_optional_tensors": [none, b]}, ["b"]),
        ({"as_nested_tensors": [[a], [{"name": "c"}]]}, ["a", "c"]),
        ({"as_sym_int": {"as_name": "s"}}, []),
        ({"as_string": "a"}, []),
    ):
        assert list(names_in(argument)) == names
