"""Mutants of one file: all that can be made of it, and the text of one."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

from planting.edit import EditOperator
from planting.exempt import exempt
from planting.operators import OWN

COMPARISONS = "Eq_NotEq NotEq_Eq Lt_LtE LtE_Lt Gt_GtE GtE_Gt Lt_GtE LtE_Gt Gt_LtE GtE_Lt Is_IsNot IsNot_Is"
ARITHMETIC = "Add_Sub Sub_Add Mul_Div Div_Mul Div_FloorDiv FloorDiv_Mul Mod_FloorDiv Pow_Mul RShift_LShift"
BITS_AND_SIGNS = "Binary_BitOr_BitAnd Binary_BitAnd_BitOr Unary_Delete_USub Unary_Delete_Invert"

THEIRS = {
    "comparison": [f"ReplaceComparisonOperator_{pair}" for pair in COMPARISONS.split()],
    "arithmetic": [f"ReplaceBinaryOperator_{pair}" for pair in ARITHMETIC.split()]
    + ["Replace{}Operator_{}".format(*name.split("_", 1)) for name in BITS_AND_SIGNS.split()],
    "number": ["NumberReplacer"],
    "boolean": ["ReplaceTrueWithFalse", "ReplaceFalseWithTrue"],
    "condition": ["AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceUnaryOperator_Delete_Not"],
    "loop": ["ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"],
    "handler": ["ExceptionReplacer"],
}
"""Cosmic-ray's operators by kind. Left out: decorators removed and most pairs of operators, which nothing survives."""


def _operators() -> dict[str, list[Operator]]:
    theirs = OperatorProvider()
    kinds = {kind: [theirs[name]() for name in names] for kind, names in THEIRS.items()}
    return kinds | {kind: [EditOperator(edits)] for kind, edits in OWN.items()}


OPERATORS = _operators()


@dataclass(frozen=True)
class Mutant:
    """One fault in one file: which operator of which kind, and which of its places in the file."""

    path: str
    line: int
    function: str
    kind: str
    operator: int
    occurrence: int

    def source(self, original: str) -> str | None:
        """Give the file's text with the fault; None where it does not compile or says the same."""
        try:
            text = mutate_code(original, OPERATORS[self.kind][self.operator], self.occurrence)
            same = text is None or ast.dump(ast.parse(text)) == ast.dump(ast.parse(original))
            if text is None or same:
                return None
            compile(text, self.path, "exec")
        except (SyntaxError, ValueError, TypeError, AttributeError):
            return None
        return str(text)


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Give every mutant of a file, in the order of its nodes."""
    counts: dict[tuple[str, int], int] = {}
    for node in ast_nodes(get_ast(source)):
        allowed: bool | None = None
        for kind, operators in OPERATORS.items():
            for number, operator in enumerate(operators):
                for start, _ in list(operator.mutation_positions(node)):
                    occurrence = counts.get((kind, number), 0)
                    counts[kind, number] = occurrence + 1
                    allowed = not exempt(node) if allowed is None else allowed
                    if allowed:
                        yield Mutant(path, start[0], enclosing(node), kind, number, occurrence)


def enclosing(node: Any) -> str:
    """Give the qualified name of the outermost function around a node, else of the class, else nothing."""
    names: list[str] = []
    above = node
    while above is not None:
        if above.type == "funcdef":
            names = [above.name.value]
        elif above.type == "classdef":
            names.insert(0, above.name.value)
        above = above.parent
    return ".".join(names)


def difference(path: str, original: str, altered: str) -> str:
    """Give a unified diff with one line around."""
    lines = difflib.unified_diff(
        original.splitlines(), altered.splitlines(), f"a/{path}", f"b/{path}", lineterm="", n=1
    )
    return "\n".join(lines)


def identity(path: str, diff: str) -> str:
    """Give the name of a mutant: the same fault in the same lines has the same one."""
    body = "\n".join(line for line in diff.splitlines() if not line.startswith("@@"))
    return hashlib.sha256(f"{path}\n{body}".encode()).hexdigest()[:8]


def read(root: Path, path: str) -> str:
    """Read a source file of a checkout."""
    return (root / path).read_text(encoding="utf-8")
