"""Class names among the properties of an ONNX file: lists and numbered mappings, in JSON or in Python's words."""

from __future__ import annotations

import pytest

from tflbuild.formats.onnx import labels
from tflbuild.formats.onnx.labels import listed

READ: dict[str, tuple[str, ...]] = {
    '["ant", "bee", "cow"]': ("ant", "bee", "cow"),
    "['ant', 'bee']": ("ant", "bee"),
    "('ant', 'bee')": ("ant", "bee"),
    "['ant']": ("ant",),
    "{0: 'ant'}": ("ant",),
    "{0: 'ant', 1: 'bee'}": ("ant", "bee"),
    "{1: 'bee', 2: 'cow', 0: 'ant'}": ("ant", "bee", "cow"),
    '{"1": "bee", "0": "ant"}': ("ant", "bee"),
}

PASSED_OVER = (
    "{1: 'ant'}",
    "'ant'",
    "{}",
    "[]",
    "['ant', 2]",
    "{0: 'ant', 2: 'bee'}",
    "{1: 'ant', 2: 'bee'}",
    "{0: 'ant', 1: 2}",
    "{0: 'ant', 1: 'bee', 'x': 'cow'}",
    "{'a': 0, 'b': 1}",
    "'ant, bee'",
    "ant,bee",
    "7",
    "",
    "[" * 5000,
    "__import__('os').getcwd()",
)


@pytest.mark.parametrize("text", READ)
def test_names_are_in_the_order_of_their_numbers(text: str) -> None:
    assert listed({"names": text}) == {"the property 'names'": READ[text]}


@pytest.mark.parametrize("text", PASSED_OVER)
def test_what_holds_no_names_gives_none(text: str) -> None:
    assert listed({"names": text}) == {}


def test_each_property_of_the_known_names_is_read_and_no_other() -> None:
    known = ("names", "labels", "classes", "class_names")
    given = {name: f"['{name}', 'b']" for name in (*known, "author", "Names")}
    assert listed(given) == {f"the property '{name}'": (name, "b") for name in known}


def test_no_more_names_are_read_than_a_list_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_LABELS", 3)
    assert listed({"names": "['a', 'b', 'c']"}) != {}
    assert listed({"names": "['a', 'b', 'c', 'd']"}) == {}


def test_a_text_that_is_too_long_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "['ant', 'bee']"
    monkeypatch.setattr(labels, "MOST_CHARACTERS", len(text))
    assert listed({"names": text}) != {}
    monkeypatch.setattr(labels, "MOST_CHARACTERS", len(text) - 1)
    assert listed({"names": text}) == {}
