"""Mutation operators for the kinds of faults that cosmic-ray has none for, as functions from a node to its edits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from planting.edit import Edits, code, rewritten
from planting.exempt import is_belief

CONSTANTS = {
    "2.5": "5", "97.5": "95", "95": "90", "1.96": "1.64", "0.05": "0.1", "0.025": "0.05", "0.975": "0.95",
    "1024": "1000", "1000": "1024", "1000.0": "1024.0", "1_000_000": "1_048_576", "1e6": "1_048_576", "1e3": "1024",
    "255": "256", "255.0": "256.0", "256": "255", "127": "128", "128": "127", "127.5": "128.0", "100": "1",
    "60": "100", "3600": "6000", "10": "2",
}  # fmt: skip
"""Percentiles, units and ranges, and what is written in their stead by mistake."""

FUNCTIONS = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any",
    "floor": "ceil", "ceil": "floor", "argmin": "argmax", "argmax": "argmin", "median": "mean", "mean": "median",
    "startswith": "endswith", "endswith": "startswith", "round": "int", "sorted": "list", "reversed": "list",
    "append": "extend", "issubset": "issuperset", "intersection": "union", "union": "intersection",
}  # fmt: skip
"""Functions and their opposites."""

LEAVING = {"raise_stmt", "return_stmt", "continue_stmt", "break_stmt"}
AUGMENTED = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=", "&=": "|="}
PLAIN = {"encoding", "repr", "stacklevel"}
"""Keywords whose absence no test on a machine that speaks UTF-8 can see."""


def dropped_entries(node: Any) -> Edits:
    """Leave an entry out of a dictionary."""
    if node.type == "dictorsetmaker" and _entries(node):
        for entry in _entries(node):
            yield entry[0], _without(node, entry)


def dropped_keywords(node: Any) -> Edits:
    """Leave a keyword argument out of a call."""
    if node.type == "arglist" and _is_call(node.parent):
        for argument in filter(_is_keyword, node.children):
            yield argument, _without(node, [argument])
    elif _is_call(node) and _is_keyword(node.children[1]):
        yield node.children[1], "()"


def swapped_arguments(node: Any) -> Edits:
    """Swap two neighbours: names in a call or a tuple, values of keywords or of a dictionary."""
    if node.type == "dictorsetmaker" and _entries(node):
        values = [entry[2] for entry in _entries(node) if len(entry) == 3]
    elif node.type == "arglist" and _is_call(node.parent):
        values = [item for item in node.children[::2] if _is_name(item)]
        yield from _swaps(node, [item for item in node.children[::2] if _is_keyword(item)])
    elif node.type in {"testlist", "testlist_comp", "testlist_star_expr"} and len(node.children) <= 7:
        values = [item for item in node.children[::2] if _is_name(item)]
    else:
        values = []
    yield from _swaps(node, values)


def truths_for_none(node: Any) -> Edits:
    """Ask whether something is true in place of whether it is None."""
    if node.type == "comparison" and len(node.children) == 3 and code(node.children[2]) == "None":
        operand = code(node.children[0])
        wrapped = operand if _is_name(node.children[0]) else f"({operand})"
        if code(node.children[1]) == "is not":
            yield node, wrapped
        elif code(node.children[1]) == "is":
            yield node, f"(not {wrapped})"


def none_for_truths(node: Any) -> Edits:
    """Ask whether a name is None in place of whether it is true."""
    if node.type == "not_test" and _is_name(node.children[1]):
        yield node, f"({code(node.children[1])} is None)"
    elif node.type in {"if_stmt", "while_stmt"} and _is_name(node.children[1]):
        yield node.children[1], rewritten(node, {node.children[1]: f"{code(node.children[1])} is not None"})
    elif node.type == "test" and _is_name(node.children[2]):
        yield node.children[2], rewritten(node, {node.children[2]: f"({code(node.children[2])} is not None)"})
    elif node.type in {"and_test", "or_test"}:
        for operand in filter(_is_name, node.children[::2]):
            yield operand, rewritten(node, {operand: f"({code(operand)} is not None)"})


def wrong_constants(node: Any) -> Edits:
    """Write another percentile, unit or range, or half of a fraction."""
    if node.type != "number":
        return
    if code(node) in CONSTANTS:
        yield node, CONSTANTS[code(node)]
    elif "." in code(node) and "j" not in code(node) and float(code(node)) not in (0.0,):
        yield node, repr(float(code(node)) / 2)


def removed_calls(node: Any) -> Edits:
    """Do without a call that stands as a statement."""
    if node.type == "simple_stmt" and len(node.children) == 2 and _calls(node.children[0]):
        yield node.children[0], rewritten(node, {node.children[0]: "pass"})


def removed_guards(node: Any) -> Edits:
    """Do without an `if` that only leaves."""
    if node.type == "if_stmt" and len(node.children) == 4 and (left := _leaving(node.children[3])):
        yield left, _passed(node)


def left_out_fields(node: Any) -> Edits:
    """Leave an element out of a tuple, a list or a set."""
    if node.type not in {"testlist_comp", "dictorsetmaker"} or _entries(node) or _is_comprehension(node):
        return
    items = [child for child in node.children if child.type != "operator"]
    for item in items if len(items) > 1 else ():
        text = _without(node, [item])
        tuple_of_one = len(items) == 2 and code(node.parent.children[0]) == "("
        yield item, text.rstrip(", ") + "," if tuple_of_one else text


def opposite_functions(node: Any) -> Edits:
    """Call the opposite of a function."""
    if node.type == "name" and node.value in FUNCTIONS and _is_call(node.get_next_sibling() or _after(node)):
        yield node, FUNCTIONS[node.value]


def turned_orders(node: Any) -> Edits:
    """Sort the other way round."""
    if (
        _is_call(node)
        and code(node.get_previous_sibling()) in {"sorted", ".sort"}
        and "reverse" not in code(node)
    ):
        inside = "".join(child.get_code() for child in node.children[1:-1]).rstrip().rstrip(",")
        yield node, f"({inside}, reverse=True)" if inside else "(reverse=True)"


def lost_returns(node: Any) -> Edits:
    """Give None in place of a result."""
    if node.type == "return_stmt" and code(node.children[1]) != "None":
        yield node, "return None"


def turned_updates(node: Any) -> Edits:
    """Subtract in place of adding, and the like, in an assignment in place."""
    if node.type == "operator" and node.value in AUGMENTED:
        yield node, AUGMENTED[node.value]


def short_ends(node: Any) -> Edits:
    """Stop one early: a slice up to a name, a range of a name."""
    if node.type == "subscript" and _is_name(node.children[-1]) and code(node.children[-2]) == ":":
        yield node.children[-1], rewritten(node, {node.children[-1]: f"{code(node.children[-1])} - 1"})
    elif (
        _is_call(node) and code(node.get_previous_sibling()) == "range" and node.children[1].type != "arglist"
    ):
        yield node, f"({code(node.children[1])} - 1)" if len(node.children) == 3 else "()"


def _entries(node: Any) -> list[list[Any]]:
    """Give the entries of a dictionary, each `[key, ":", value]` or `["**", mapping]`; none of a set."""
    if _is_comprehension(node):
        return []
    entries: list[list[Any]] = [[]]
    for child in node.children:
        if child.type == "operator" and child.value == ",":
            entries.append([])
        else:
            entries[-1].append(child)
    entries = [entry for entry in entries if entry]
    return entries if all(len(entry) > 1 for entry in entries) else []


def _is_comprehension(node: Any) -> bool:
    return any(child.type in {"sync_comp_for", "comp_for"} for child in node.children)


def _without(node: Any, gone: list[Any]) -> str:
    """Give a node's text without some neighbours and the comma after them, or before them."""
    children = list(node.children)
    first, last = children.index(gone[0]), children.index(gone[-1])
    if last + 1 < len(children):
        last += 1
    elif first > 0:
        first -= 1
    kept = children[:first] + children[last + 1 :]
    return "".join(child.get_code() for child in kept).lstrip()


def _swaps(node: Any, values: list[Any]) -> Edits:
    for one, other in pairwise(values):
        if _is_keyword(one):
            new = {one: f"{code(one.children[0])}={code(other.children[2])}"}
            new[other] = f"{code(other.children[0])}={code(one.children[2])}"
            differ = code(one.children[2]) != code(other.children[2])
        else:
            new, differ = {one: code(other), other: code(one)}, code(one) != code(other)
        if differ:
            yield one, rewritten(node, new)


def _is_keyword(node: Any) -> bool:
    if node.type != "argument" or code(node.children[1]) != "=":
        return False
    return code(node.children[0]) not in PLAIN and not is_belief(node)


def _is_name(node: Any) -> bool:
    """Tell a name, dotted or not."""
    if node.type == "atom_expr":
        return all(child.type == "name" or code(child).startswith(".") for child in node.children)
    return bool(node.type == "name")


def _is_call(node: Any) -> bool:
    return node is not None and node.type == "trailer" and code(node.children[0]) == "("


def _after(name: Any) -> Any:
    """Give what follows the trailer `.name`."""
    return name.parent.get_next_sibling() if name.parent.type == "trailer" else None


def _calls(node: Any) -> bool:
    return node.type == "atom_expr" and _is_call(node.children[-1])


def _leaving(body: Any) -> Any:
    """Give the statement of a body that has one, if it leaves the block."""
    inside = [body] if body.type == "simple_stmt" else body.children
    statements = [child for child in inside if child.type != "newline"]
    if len(statements) != 1 or statements[0].type != "simple_stmt":
        return None
    only = statements[0].children[0]
    return only if only.type in LEAVING or code(only) in {"return", "continue", "break"} else None


def _passed(node: Any) -> str:
    """Give `pass` in the lines of a statement, so that the lines below keep their numbers."""
    return "pass" + "\n" * code(node).count("\n")


OWN = {
    "dropped entry": dropped_entries,
    "dropped keyword": dropped_keywords,
    "swapped": swapped_arguments,
    "truth for None": truths_for_none,
    "None for truth": none_for_truths,
    "constant": wrong_constants,
    "removed call": removed_calls,
    "removed guard": removed_guards,
    "left out": left_out_fields,
    "opposite": opposite_functions,
    "order": turned_orders,
    "lost return": lost_returns,
    "update": turned_updates,
    "short end": short_ends,
}
"""Our operators by kind."""
