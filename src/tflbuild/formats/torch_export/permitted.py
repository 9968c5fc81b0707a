"""Operators and arguments of a program that may be computed: PyTorch's own, on numbers, texts and tensors.

Source: torch/_export/serde/schema.py of PyTorch, whose names of fields are named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tflbuild.core.plain_text import plain

ATEN = re.compile(r"torch\.ops\.aten\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)")
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "neg", "pow", "getitem")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "not_")
PYTHON = frozenset(f"_operator.{name}" for name in (*ARITHMETIC, *COMPARISONS))
"""Operators on sides of shapes."""

READING = frozenset({"from_file"})
RANDOM = frozenset({"rand", "randn", "randint", "randperm", "bernoulli", "normal", "multinomial", "uniform"})
CHECKING = ("_assert", "sym_constrain_range", "_check")
"""Beginnings of the names of operators that compute nothing."""

NUMBERS = ("int", "float", "bool", "string", "ints", "floats", "bools", "strings", "int_lists", "float_lists")
PLAIN = frozenset(f"as_{kind}" for kind in ("none", *NUMBERS, "scalar_type", "memory_format", "layout"))
TENSORS = frozenset(
    {"as_tensor", "as_tensors", "as_optional_tensor", "as_optional_tensors", "as_nested_tensors"}
)
SIDES = frozenset({"as_sym_int", "as_sym_ints", "as_sym_bool", "as_sym_float", "as_sym_floats"})
DEVICE = "as_device"


def check_target(target: Any, inputs: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an operator that is not PyTorch's own, reads files, draws numbers, or trains.

    Raises:
        ValueError: it is one; completes "it ".
    """
    known = ATEN.fullmatch(target) if isinstance(target, str) else None
    if known is None:
        if target in PYTHON:
            return
        raise ValueError(
            f"has the operator {plain(target, 80)}, which is not one of PyTorch's own (torch.ops.aten)"
        )
    name = known[1]
    if name in READING:
        raise ValueError(f"has the operator {plain(target, 80)}, which reads a file")
    if name.rstrip("_").removesuffix("_like") in RANDOM:
        raise ValueError(f"has the operator {plain(target, 80)}, which draws random numbers")
    for given in inputs:
        if given["name"] in ("training", "train") and given["arg"].get("as_bool") is True:
            raise ValueError(
                f"was exported as it is trained ({plain(target, 80)}); call .eval() on the model, and export it again"
            )


def check_argument(target: str, argument: Mapping[str, Any]) -> None:
    """Refuse an argument that is no number, text or tensor.

    Raises:
        ValueError: it is another; completes "it ".
    """
    kind, value = only(argument)
    if kind not in PLAIN | TENSORS | SIDES | {DEVICE}:
        raise ValueError(
            f"has the operator {plain(target, 80)} with an argument of the kind '{plain(kind, 40)}'"
        )
    if kind in SIDES:
        for one in value if isinstance(value, list) else [value]:
            inner, _ = only(one)
            if inner not in ("as_name", "as_int", "as_bool", "as_float"):
                raise ValueError(
                    f"has the operator {plain(target, 80)} with a side of the kind '{plain(inner, 40)}'"
                )


def is_check(target: str) -> bool:
    """Say whether an operator computes nothing."""
    found = ATEN.fullmatch(target)
    return found is not None and found[1].startswith(CHECKING)


def names_in(argument: Mapping[str, Any]) -> Iterator[str]:
    """Walk over the names of tensors in an argument or an output."""
    kind, value = only(argument)
    if kind in TENSORS:
        for one in _flat(value):
            if "name" in one:
                yield one["name"]
            elif isinstance(one.get("as_tensor"), Mapping):
                yield one["as_tensor"]["name"]


def _flat(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    elif isinstance(value, Mapping):
        yield value


def only(union: Mapping[str, Any]) -> tuple[str, Any]:
    """Give the one field of a union."""
    ((kind, value),) = union.items()
    return kind, value
