"""YAML as text alone."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.data.layouts.yaml_text import DEEPEST, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no\nb: 007\nc: 1e3\n", {"a": "no", "b": "007", "c": "1e3"}),
        ("a:\nb: ~\nc: null\nd: ''\ne: 'null'\n", {"a": None, "b": None, "c": None, "d": "", "e": "null"}),
        ("- [1, two]\n- {x: y}\n", [["1", "two"], {"x": "y"}]),
        ("word", "word"),
        ("", None),
        ("!!python/object/apply:os.system [ls]", ["ls"]),
    ],
)
def test_values_are_text_lists_and_mappings(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "it has 'a' twice, line 3"),
        ("a: 1\n? [x]\n: 2\n", "line 2 has a key that is not a word"),
        ("a: [1\n", "broken YAML: .*, line 2"),
        ("[" * 5000, f"it is nested more than {DEEPEST} levels deep"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        parse(text)


def test_twenty_levels_are_read_and_no_more() -> None:
    assert DEEPEST == 20
    assert str(parse("[" * 20 + "x" + "]" * 20)) == "[" * 20 + "'x'" + "]" * 20
    for opened, closed in (("[", "]"), ("{a: ", "}")):
        with pytest.raises(ValueError, match=r"^it is nested more than 20 levels deep$"):
            parse(opened * 21 + "x" + closed * 21)
