"""Conditions of rules: a small language about operators and tensors, whose tree we evaluate ourselves.

It has the syntax of Python's expressions, as far as `docs/writing_a_target.md` lists it. Nothing of it is compiled or
executed by Python: a rule file may be a stranger's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tflbuild.placement.facts import ModelFacts, OperatorFacts
from tflbuild.placement.syntax import (
    ARITHMETIC,
    COMPARISON,
    FUNCTIONS,
    LONGEST,
    MODEL_FIELDS,
    OPERATOR_FIELDS,
    ROOTS,
    TENSOR_FIELDS,
    TENSORS,
    Mistake,
    check,
    source,
)
from tflbuild.placement.tensor_facts import TensorFacts


class Unknown(Exception):
    """A condition asks for what the operator does not have, e.g. the dtype of an input that is left out."""


class Scope(NamedTuple):
    """The file, operator and device that a condition is about.

    Attributes:
        model: the file.
        operator: the operator; None for a condition of the whole file.
        device: options of the target.
    """

    model: ModelFacts
    operator: OperatorFacts | None
    device: Mapping[str, Any]


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes:
        text: as it was written.
        tree: of its syntax, checked.
    """

    text: str
    tree: ast.expr

    def value(self, scope: Scope) -> Any:
        """Evaluate it.

        Raises:
            Unknown: it asks for what the operator does not have.
        """
        try:
            return _value(self.tree, scope, {})
        except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
            raise Unknown(f"'{self.text}' has no value here: {error}") from error

    def named_values(self, scope: Scope) -> dict[str, Any]:
        """Give the values of the facts that it asks for, by how it names them."""
        found: dict[str, Any] = {}
        for node in _paths(self.tree):
            try:
                value = _value(node, scope, {})
            except (Unknown, TypeError, ValueError, IndexError):
                continue
            if not isinstance(value, TensorFacts | OperatorFacts | ModelFacts):
                found[ast.unparse(node)] = _plain(value)
        return found


@dataclass(frozen=True)
class Text:
    """A sentence with values in it, e.g. "it has stride {options.stride_w}".

    Attributes:
        parts: texts, and expressions whose values stand between them.
    """

    parts: tuple[str | Expression, ...]

    def filled(self, scope: Scope) -> str:
        """Put the values in; one that is unknown is "?"."""
        return "".join(part if isinstance(part, str) else _shown(part, scope) for part in self.parts)


def parse(text: str) -> Expression:
    """Read a condition.

    Raises:
        Mistake: it is not written in the language.
    """
    if len(text) > LONGEST:
        raise Mistake(f"the condition has {len(text)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise Mistake(f"'{text}' is not a condition{place}") from error
    check(tree.body, frozenset())
    return Expression(text.strip(), tree.body)


def parse_text(text: str) -> Text:
    """Read a sentence with expressions in braces.

    Raises:
        Mistake: an expression is not written in the language.
    """
    parts: list[str | Expression] = []
    for place, part in enumerate(re.split(r"\{([^{}]*)\}", text)):
        parts.append(parse(part) if place % 2 else part)
    return Text(tuple(parts))


def _value(node: ast.AST, scope: Scope, bound: Mapping[str, Any]) -> Any:
    """Evaluate a checked node."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return bound[node.id] if node.id in bound else _named(node.id, scope)
        case ast.Attribute():
            return _attribute(_value(node.value, scope, bound), node, scope)
        case ast.Tuple():
            return tuple(_value(one, scope, bound) for one in node.elts)
        case ast.Subscript():
            return _value(node.value, scope, bound)[_place(node.slice, scope, bound)]
        case ast.BoolOp():
            return _joined(node, scope, bound)
        case ast.UnaryOp():
            value = _value(node.operand, scope, bound)
            return not value if isinstance(node.op, ast.Not) else -value
        case ast.BinOp():
            return _computed(node.op, _value(node.left, scope, bound), _value(node.right, scope, bound))
        case ast.Compare():
            return _compared(node, scope, bound)
        case ast.IfExp():
            chosen = node.body if _value(node.test, scope, bound) else node.orelse
            return _value(chosen, scope, bound)
        case ast.Call():
            assert isinstance(node.func, ast.Name)
            given = [
                _each(one, scope, bound) if isinstance(one, ast.GeneratorExp) else _value(one, scope, bound)
                for one in node.args
            ]
            return FUNCTIONS[node.func.id](*given)
        case ast.GeneratorExp():
            return tuple(_each(node, scope, bound))
    raise Unknown(f"'{source(node)}' cannot be evaluated")


def _named(name: str, scope: Scope) -> Any:
    operator = scope.operator
    if name == "model":
        return scope.model
    if name == "device":
        return scope.device
    if name not in ROOTS:
        return name
    if operator is None:
        raise Unknown(f"'{name}' belongs to an operator, and this rule is of the whole model")
    match name:
        case "op":
            return operator
        case "options":
            return operator.options
        case "inputs":
            return operator.inputs
        case "present":
            return tuple(one for one in operator.inputs if one is not None)
        case "outputs":
            return operator.outputs
        case "output":
            return operator.outputs[0] if operator.outputs else None
    place = TENSORS.index(name)
    return operator.inputs[place] if len(operator.inputs) > place else None


def _attribute(owner: Any, node: ast.Attribute, scope: Scope) -> Any:
    if owner is None:
        raise Unknown(f"there is no {source(node.value)}")
    if isinstance(owner, Mapping):
        if node.attr not in owner:
            where = "target" if owner is scope.device else "operator"
            raise Unknown(f"the {where} has no option '{node.attr}'")
        return owner[node.attr]
    kinds = (
        (TensorFacts, TENSOR_FIELDS),
        (OperatorFacts, OPERATOR_FIELDS | {"inputs", "outputs", "options"}),
        (ModelFacts, MODEL_FIELDS),
    )
    for kind, fields in kinds:
        if isinstance(owner, kind) and node.attr in fields:
            return getattr(owner, node.attr)
    raise Unknown(f"'{source(node)}' is not known")


def _place(node: ast.expr, scope: Scope, bound: Mapping[str, Any]) -> Any:
    if not isinstance(node, ast.Slice):
        return _value(node, scope, bound)
    ends = (node.lower, node.upper, node.step)
    return slice(*(None if one is None else _value(one, scope, bound) for one in ends))


def _joined(node: ast.BoolOp, scope: Scope, bound: Mapping[str, Any]) -> Any:
    wanted = isinstance(node.op, ast.Or)
    value: Any = not wanted
    for one in node.values:
        value = _value(one, scope, bound)
        if bool(value) is wanted:
            return value
    return value


def _computed(operator: ast.operator, left: Any, right: Any) -> Any:
    """Compute with numbers; tuples can be joined, but nothing can be repeated a million times."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if not numbers and not (isinstance(operator, ast.Add) and isinstance(left, tuple)):
        raise TypeError("it computes with what is no number")
    return ARITHMETIC[type(operator)](left, right)


def _compared(node: ast.Compare, scope: Scope, bound: Mapping[str, Any]) -> bool:
    left = _value(node.left, scope, bound)
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = _value(right_node, scope, bound)
        if not COMPARISON[type(operator)](left, right):
            return False
        left = right
    return True


def _each(node: ast.GeneratorExp, scope: Scope, bound: Mapping[str, Any]) -> Iterator[Any]:
    (only,) = node.generators
    assert isinstance(only.target, ast.Name)
    for value in _value(only.iter, scope, bound):
        inner = {**bound, only.target.id: value}
        if all(_value(one, scope, inner) for one in only.ifs):
            yield _value(node.elt, scope, inner)


def _paths(node: ast.AST) -> Iterator[ast.AST]:
    """Give the facts that a tree asks for, each as long as it is written."""
    if isinstance(node, ast.GeneratorExp):
        yield from _paths(node.generators[0].iter)
        return
    if isinstance(node, ast.Attribute | ast.Subscript) or (isinstance(node, ast.Name) and node.id in ROOTS):
        yield node
        return
    for inner in ast.iter_child_nodes(node):
        yield from _paths(inner)


def _plain(value: Any) -> Any:
    """Give a value as JSON has it; of a long list the beginning, of a tensor its dtype and shape."""
    if isinstance(value, TensorFacts):
        return f"{value.dtype} {list(value.shape)}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value[:8]]
    if isinstance(value, frozenset):
        return sorted(map(str, value))[:8]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _shown(expression: Expression, scope: Scope) -> str:
    try:
        value = _plain(expression.value(scope))
    except Unknown:
        return "?"
    if isinstance(value, list):
        return (
            "x".join(map(str, value))
            if all(isinstance(one, int) for one in value)
            else ", ".join(map(str, value))
        )
    return f"{value:g}" if isinstance(value, float) else str(value)
