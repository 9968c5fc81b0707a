"""What is no place for a fault: text that states a belief, a type or a wording, and that no test can or should hold."""

from __future__ import annotations

import re
from typing import Any

from planting.edit import code

STATEMENTS = {"assert_stmt", "decorator", "import_name", "import_from", "global_stmt", "nonlocal_stmt"}
TYPE = re.compile(r"[A-Z]|None\b|(int|str|float|bool|bytes|dict|list|tuple|set|type)\b")


def exempt(node: Any) -> bool:
    """Tell whether a node stands in an annotation, an assertion, a decorator, an import, or in code for type checkers.

    The bounds in `Annotated[float, Ge(0)]` are no annotation: they are checked at run time. `zip(strict=True)` is an
    assertion.
    """
    if _is_union(node):
        return True
    above = node
    while above.parent is not None:
        child, above = above, above.parent
        if above.type in STATEMENTS or child.type in STATEMENTS:
            return True
        if above.type == "parameters" and child.type != "param":
            return True
        if _is_annotation(child, above) and not _is_bound(node, child):
            return True
        if above.type == "if_stmt" and code(above.children[1]) in {"TYPE_CHECKING", '__name__ == "__main__"'}:
            return True
        if above.type == "funcdef" and above.name.value == "__repr__":
            return True
        if above.type == "expr_stmt" and code(above.children[0]).startswith("__"):
            return True
        if child.type == "argument" and code(child.children[0]) == "strict" and _function(child) == "zip":
            return True
    return False


def _is_union(node: Any) -> bool:
    """Tell `A | B` of types, outside of annotations."""
    return (
        node.type == "operator"
        and node.value == "|"
        and any(
            TYPE.match(code(side)) for side in (node.get_previous_sibling(), node.get_next_sibling()) if side
        )
    )


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


def _function(argument: Any) -> str:
    trailer = argument.parent if argument.parent.type == "trailer" else argument.parent.parent
    return code(trailer.get_previous_sibling()) if trailer.get_previous_sibling() is not None else ""
