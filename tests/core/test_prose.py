"""Prose below fields: what is read, and what the digest of code leaves out."""

from __future__ import annotations

import dis
import re
from dataclasses import make_dataclass
from typing import Any, ClassVar

import pytest

from tflbuild.core import prose
from tflbuild.core.prose import Prose, prose_of, without_prose


class Base:
    samples: int = 200
    """Images that ranges are measured on;
    more take longer. [images]"""
    how: str = "soft"
    """A word, e.g. [a, b]."""
    bare: int = 0
    kind: ClassVar[str] = ""
    """A word for people."""

    def after(self) -> None:
        """No field."""


class Derived(Base):
    samples: int = 50
    how: str = "hard"
    """Another word. []"""


def test_prose_is_read_in_one_line_with_its_unit() -> None:
    found = prose_of(Base)
    assert found["samples"] == Prose("Images that ranges are measured on; more take longer.", "images")
    assert found["how"] == Prose("A word, e.g. [a, b].", "")
    assert "bare" not in found
    assert "after" not in found


def test_a_field_that_is_declared_anew_keeps_its_prose_unless_it_has_its_own() -> None:
    assert prose_of(Derived)["samples"] == prose_of(Base)["samples"]
    assert prose_of(Derived)["how"] == Prose("Another word.", "")


def test_prose_of_a_class_within_a_function_is_read_and_of_one_without_source_there_is_none() -> None:
    class Inner:
        x: int = 0
        """Inside. [no unit]"""

    assert prose_of(Inner) == {"x": Prose("Inside.", "no unit")}
    assert prose_of(make_dataclass("Made", [("x", int)])) == {}
    named: Any = type("Nowhere", (), {"__module__": "of.no.file"})
    assert prose_of(named) == {}


FIELD = "class A:\n    x: int = 0\n"
BELOW = '    """What it does.\n\n    And more. [images]"""\n'


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (FIELD + BELOW + "    y: int = 1\n", FIELD + "    y: int = 1\n"),
        (FIELD + "\n" + BELOW, FIELD + "\n"),
        ('class A:\n    x: str = ""\n' + BELOW, 'class A:\n    x: str = ""\n'),
        (
            "class A:\n    x: int = f(\n        0\n    )\n" + BELOW,
            "class A:\n    x: int = f(\n        0\n    )\n",
        ),
        (
            "def f():\n    class B:\n        x: int\n        '''a'''\n        \"\"\"b\"\"\"\n",
            'def f():\n    class B:\n        x: int\n        """b"""\n',
        ),
        (FIELD + '    """Prose."""; y = 1\n', None),
        (FIELD + '    y = 1\n    """Of no annotated field."""\n', None),
        ('X: int = 0\n"""Of a constant."""\n', None),
        ('class A:\n    """Docstring."""\n    def f(self):\n        """Docstring."""\n', None),
        ("T = '''\nclass A:\n    x: int = 0\n    \"\"\"Text in a text.\"\"\"\n'''\n", None),
        (FIELD + BELOW + "    broken(\n", None),
    ],
)
def test_lines_that_hold_prose_alone_are_left_out_and_nothing_else(source: str, left: str | None) -> None:
    assert without_prose(source.encode()).decode() == (source if left is None else left)


def test_python_compiles_the_same_with_prose_and_without() -> None:
    source = (FIELD + BELOW + "    y: str = 'a'\n" + BELOW + "z = 1\n").encode()
    left = without_prose(source)

    def instructions(text: bytes) -> list[tuple[str, str]]:
        """Give what is executed, without the placeholder of a line that does nothing."""
        code = compile(text, "x", "exec")
        inner = next(constant for constant in code.co_consts if hasattr(constant, "co_code"))
        every = [*dis.get_instructions(code), *dis.get_instructions(inner)]
        return [
            (one.opname, re.sub(r" at 0x\w+|line .*", "", one.argrepr))
            for one in every
            if one.opname != "NOP"
        ]

    assert len(left) < len(source)
    assert instructions(left) == instructions(source)


def test_every_module_of_ours_with_prose_is_found_without_parsing_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources = [path.read_bytes() for path in sorted(prose.Path(prose.__file__).parents[1].rglob("*.py"))]
    likely = [source for source in sources if prose._is_likely(source)]
    assert len(likely) < len(sources) / 4
    monkeypatch.setattr(prose, "_is_likely", lambda source: True)
    assert [without_prose(source) for source in sources if source not in likely] == [
        source for source in sources if source not in likely
    ]
