"""Mutants of one file: all that can be made of it, and the text of one."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

from planting.exempt import exempt
from planting.operators import OWN

THEIRS = {
    "comparison": [
        "ReplaceComparisonOperator_" + pair
        for pair in (
            "Eq_NotEq",
            "NotEq_Eq",
            "Lt_LtE",
            "LtE_Lt",
            "Gt_GtE",
            "GtE_Gt",
            "Lt_GtE",
            "LtE_Gt",
            "Gt_LtE",
        )
        + ("GtE_Lt", "Is_IsNot", "IsNot_Is")
    ],
    "arithmetic": [
        "ReplaceBinaryOperator_" + pair
        for pair in (
            "Add_Sub",
            "Sub_Add",
            "Mul_Div",
            "Div_Mul",
            "Div_FloorDiv",
            "FloorDiv_Mul",
            "Mod_FloorDiv",
        )
        + ("Pow_Mul", "RShift_LShift", "LShift_RShift", "BitOr_BitAnd", "BitAnd_BitOr")
    ]
    + ["ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Invert"],
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
    return kinds | {kind: [own()] for kind, own in OWN.items()}


OPERATORS = _operators()


@dataclass(frozen=True)
class Mutant:
    """One fault in one file: which operator of which kind, and which of its places in the file."""

    path: str
    line: int
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
                        yield Mutant(path, start[0], kind, number, occurrence)


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
