"""The syntax of conditions: which expressions of Python belong to the language, and which facts there are."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from tflbuild.core.errors import did_you_mean
from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.option_names import option_names

LONGEST = 1000
"""Characters of a condition."""

TENSORS = ("input", "weights", "bias", "output")
ROOTS = (*TENSORS, "inputs", "present", "outputs", "op", "options", "model", "device")
"""Names that a condition may begin with, besides those of dtypes."""

NAMES = frozenset({*DTYPES.values(), *ROOTS})

TENSOR_FIELDS = frozenset(
    {
        "name",
        "dtype",
        "shape",
        "dynamic",
        "open_axes",
        "variable",
        "constant",
        "scales",
        "zero_points",
        "axis",
        "producer",
    }
    | {"consumers", "is_input", "is_output", "rank", "elements", "values", "bytes", "scale", "zero_point"}
    | {"block", "per_channel", "quantized", "stored", "unpacked_from"}
)
OPERATOR_FIELDS = frozenset({"name", "version", "index", "macs", "weight_sum", "custom"})
MODEL_FIELDS = frozenset({"inputs", "outputs", "graphs", "bytes", "custom", "count", "operators"})

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "len": len,
    "max": max,
    "min": min,
    "product": prod,
    "round": round,
    "set": frozenset,
    "sum": sum,
    "tuple": tuple,
}

ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
COMPARISON: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}
_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call, ast.IfExp, ast.Attribute),
    *(ast.Subscript, ast.Slice, ast.Name, ast.Constant, ast.Tuple, ast.GeneratorExp, ast.comprehension),
    *(ast.And, ast.Or, ast.Not, ast.USub, ast.Load, ast.Store),
    *ARITHMETIC,
    *COMPARISON,
)


class Mistake(ValueError):
    """A condition is not written in the language; the message completes "...: "."""


def check(node: ast.AST, bound: frozenset[str]) -> None:
    """Refuse whatever is not in the language."""
    if not isinstance(node, _ALLOWED):
        raise Mistake(f"'{source(node)}' is not possible in a condition")
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
        raise Mistake(f"'{source(node)}' is not possible in a condition")
    if isinstance(node, ast.Call):
        return _check_call(node, bound)
    if isinstance(node, ast.GeneratorExp):
        return _check_generator(node, bound)
    if isinstance(node, ast.Name) and node.id not in NAMES | bound:
        known = ", ".join(sorted({*ROOTS, *bound}))
        near = did_you_mean(node.id, NAMES)
        raise Mistake(f"'{node.id}' is not known; there are {known} and the names of dtypes.{near}")
    if isinstance(node, ast.Attribute):
        _check_attribute(node, bound)
    for inner in ast.iter_child_nodes(node):
        check(inner, bound)
    return None


def _check_call(node: ast.Call, bound: frozenset[str]) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else source(node.func)
    if name not in FUNCTIONS:
        raise Mistake(
            f"'{name}' is not a function; there are {', '.join(FUNCTIONS)}.{did_you_mean(name, FUNCTIONS)}"
        )
    if node.keywords:
        raise Mistake(f"'{source(node)}' has a named argument, which is not possible in a condition")
    for inner in node.args:
        check(inner, bound)


def _check_generator(node: ast.GeneratorExp, bound: frozenset[str]) -> None:
    (first, *others) = node.generators
    if others or not isinstance(first.target, ast.Name) or first.is_async:
        raise Mistake(f"'{source(node)}' may only have one 'for NAME in ...'")
    check(first.iter, bound)
    inner = bound | {first.target.id}
    for part in (node.elt, *first.ifs):
        check(part, inner)


def _check_attribute(node: ast.Attribute, bound: frozenset[str]) -> None:
    """Hold a fact that is asked for to those that there are."""
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else ""
    if name == "device" or name in bound:
        return
    if name == "options" or (isinstance(owner, ast.Attribute) and owner.attr == "options"):
        known: frozenset[str] = option_names()
    elif name == "op":
        known = OPERATOR_FIELDS
    elif name == "model":
        known = MODEL_FIELDS
    else:
        known = TENSOR_FIELDS
    if node.attr not in known:
        near = did_you_mean(node.attr, sorted(known)) or f" There are {', '.join(sorted(known))}."
        raise Mistake(f"'{source(node)}': there is no '{node.attr}'.{near}")


def source(node: ast.AST) -> str:
    """Write a node as text."""
    try:
        return ast.unparse(node)
    except Exception:  # noqa: BLE001 - of any node, whatever it is
        return type(node).__name__
