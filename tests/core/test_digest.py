"""Names by content, held to SHA-256's published examples and to the text that stores hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core import digest

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc", FIPS 180-2, appendix B.1."""


def test_bytes_and_files_are_named_by_sha_256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest.of_bytes(b"abc") == ABC
    assert digest.of_file(tmp_path / "abc") == ABC


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.5, None, True]}, '{"a":[1.5,null,true],"b":1}'),
        ({"ä": "\u2028"}, '{"\\u00e4":"\\u2028"}'),
        ((1, 2), "[1,2]"),
        ("", '""'),
    ],
)
def test_json_has_one_form(value: Any, text: str) -> None:
    assert digest.canonical_json(value) == text
    assert digest.of_json(value) == digest.of_bytes(text.encode())


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.dictionaries(st.text(max_size=3), st.integers() | st.none() | st.text(max_size=3), max_size=4))
def test_the_order_of_keys_does_not_count(value: dict[str, Any]) -> None:
    assert digest.of_json(dict(reversed(value.items()))) == digest.of_json(value)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_what_json_does_not_know_has_no_name(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest.canonical_json(value)


def test_what_json_cannot_say_has_no_name() -> None:
    with pytest.raises(TypeError):
        digest.of_json({"a": {1, 2}})


@pytest.mark.parametrize(
    ("value", "right"),
    [(ABC, True), (ABC.upper(), False), (ABC + "0", False), (f" {ABC}", False), (ABC[:-1], False)],
)
def test_a_digest_is_told_from_others(value: str, right: bool) -> None:
    assert digest.is_digest(value) is right
