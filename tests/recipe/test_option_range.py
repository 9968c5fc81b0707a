"""Ranges in plain notation, by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt

from tflbuild.recipe.option_range import holds_number, range_of

Share = Annotated[float, Ge(0), Lt(1)]

RANGES: list[tuple[Any, str, bool]] = [
    (int, "any whole number", True),
    (float, "any number", True),
    (str, "text", False),
    (bool, "true | false", False),
    (Any, "any value", False),
    (Share, "0 <= x < 1", True),
    (Annotated[float, Gt(0), Le(1000)], "0 < x <= 1,000", True),
    (Annotated[float, Gt(0.05)], "x > 0.05", True),
    (Annotated[float, Le(0.5)], "x <= 0.5", True),
    (Annotated[float, Lt(2)], "x < 2", True),
    (Annotated[int, Ge(1)], "whole number, x >= 1", True),
    (Annotated[int, Ge(1), Le(65_536)] | None, "whole number, 1 <= x <= 65,536 | null", True),
    (Literal["cosine", "step"], "cosine | step", False),
    (Literal[8, 4] | None, "8 | 4 | null", True),
    (tuple[str, ...], "list of texts", False),
    (list[str] | None, "list of texts | null", False),
    (tuple[Share, ...], "list of numbers, 0 <= each < 1", True),
    (tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]], "list of 2 whole numbers, each >= 1", True),
    (tuple[tuple[int, int], ...], "list of lists of 2 whole numbers", True),
    (tuple[tuple[str, float], ...], "list of pairs of text and any number", True),
    (Mapping[str, Annotated[int, Ge(2)]], "mapping of names to whole numbers, each >= 2", True),
    (Mapping[str, str], "mapping of names to texts", False),
    (str | Mapping[str, Any], "text | mapping of names to anything", False),
]


@pytest.mark.parametrize(("hint", "text", "numeric"), RANGES, ids=[text for _, text, _ in RANGES])
def test_a_type_is_said_as_a_range(hint: Any, text: str, numeric: bool) -> None:
    assert range_of(hint, "x") == text
    assert holds_number(hint) is numeric
