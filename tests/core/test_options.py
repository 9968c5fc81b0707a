"""Options as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.options import to_json


@dataclass(frozen=True)
class Inner:
    zero: int = 0
    nothing: Any = None


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    empty: str = ""
    pairs: tuple[tuple[int, float], ...] = ((1, 0.5),)
    by_number: dict[int, Any] = field(default_factory=lambda: {7: Inner(zero=1), 8: []})
    path: Path = Path("a/b")
    off: bool = False


def test_every_field_is_written_zero_empty_and_none_included() -> None:
    assert to_json(Outer()) == {
        "inner": {"zero": 0, "nothing": None},
        "empty": "",
        "pairs": [[1, 0.5]],
        "by_number": {"7": {"zero": 1, "nothing": None}, "8": []},
        "path": "a/b",
        "off": False,
    }


@pytest.mark.parametrize("value", [None, True, False, 0, 7, 0.0, 1.5, "", "x"])
def test_plain_values_stay_as_they_are(value: Any) -> None:
    assert to_json(value) is value


@pytest.mark.parametrize("value", [{1}, set(), b"x", b"", object, Inner, 1j], ids=repr)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        to_json({"a": [value]})
    assert str(caught.value) == f"{value!r} cannot be written as JSON"
