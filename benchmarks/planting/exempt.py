"""What is no place for a fault: text that states a belief, a type or a wording, and that no test can or should hold."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from planting.edit import code

STATEMENTS = {"assert_stmt", "decorator", "import_name", "import_from", "global_stmt", "nonlocal_stmt"}
TEXT = re.compile(r"[bfr]*[\"']")
ALIAS = re.compile(r"[A-Z]\w* = (Callable|Iterator|Mapping|Sequence|dict|list|tuple|npt\.NDArray)\[")
TYPE = re.compile(r"[A-Z]|None\b|(int|str|float|bool|bytes|dict|list|tuple|set|type)\b")


def exempt(node: Any) -> bool:
    """Tell whether a node stands in an annotation, an assertion, a decorator, an import, or in code for type checkers.

    The bounds in `Annotated[float, Ge(0)]` are no annotation: they are checked at run time. `zip(strict=True)` is an
    assertion.
    """
    chain = [node]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    inside = any(
        _is_annotation(child, above) and not _is_bound(node, child) for child, above in pairwise(chain)
    )
    return _is_typed(node) or inside or any(map(_states, chain))


def _states(node: Any) -> bool:
    """Tell a part of the source that is exempt as a whole."""
    if node.type == "if_stmt":
        return code(node.children[1]) in {"TYPE_CHECKING", '__name__ == "__main__"'}
    if node.type == "funcdef":
        return bool(node.name.value == "__repr__")
    if node.type == "expr_stmt":
        return code(node.children[0]).startswith("__") or ALIAS.match(code(node)) is not None
    if node.type == "operator":
        return node.parent is not None and node.parent.type == "parameters"
    return node.type in STATEMENTS or is_belief(node)


def is_belief(node: Any) -> bool:
    """Tell `strict=` of `zip`, which is an assertion."""
    if node.type != "argument" or code(node.children[0]) != "strict":
        return False
    call = node.parent if node.parent.type == "trailer" else node.parent.parent
    return code(call.get_previous_sibling()) == "zip"


def _is_typed(node: Any) -> bool:
    """Tell `A | B` of types, and `+` beside a text, which can be nothing else."""
    if node.type != "operator" or node.value not in {"|", "+"}:
        return False
    sides = [
        code(side) for side in (node.get_previous_sibling(), node.get_next_sibling()) if side is not None
    ]
    return any((TYPE if node.value == "|" else TEXT).match(side) for side in sides)


def _is_annotation(child: Any, above: Any) -> bool:
    if above.type in {"tfpdef", "annassign"}:
        return bool(child is above.children[2 if above.type == "tfpdef" else 1])
    return above.type == "funcdef" and code(child.get_previous_sibling() or child) == "->"


def _is_bound(node: Any, annotation: Any) -> bool:
    """Tell a number in a call in an annotation."""
    above = node
    while node.type == "number" and above is not annotation:
        above = above.parent
        if above.type == "trailer" and code(above.children[0]) == "(":
            return True
    return False
