"""JSON from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(VALUES)
def test_json_is_read_as_python_reads_it(value: Any) -> None:
    text = json.dumps(value)
    assert json_text.parse(text) == json.loads(text)
    assert json_text.parse(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1,\n "b" 2}', "Expecting ':' delimiter, line 2 column 6"),
        ("NaN", "it holds NaN, which is not a number of JSON"),
        ('{"a": [-Infinity]}', "it holds -Infinity, which is not a number of JSON"),
        ("1e400", "it holds 1e400, which is too large for a number"),
        ("-1E+400", "it holds -1E+400, which is too large for a number"),
        ("1" * 199 + "e999", f"it holds {'1' * 20}, which is too large for a number"),
        ("1" * 401, "it holds a number of 401 digits"),
        (b"\xff", "it is not UTF-8 text (byte 0)"),
        (b'"a\xff"', "it is not UTF-8 text (byte 2)"),
        (b"\xef\xbb\xbf\xff", "it is not UTF-8 text (byte 0)"),
        (b"\xfe\xff\x00", "it is not UTF-16 text (byte 2)"),
        (b"\xff\xfe\x00", "it is not UTF-16 text (byte 2)"),
        ("[" * 101 + "]" * 101, "it is nested more than 100 levels deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "it is nested more than 100 levels deep"),
        ("[" * 200_000, "it is nested more than 100 levels deep"),
    ],
)
def test_json_that_cannot_be_used_says_why(content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        json_text.parse(content)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100 + "]" * 100,
        "[" * 99 + '{"a": 1}' + "]" * 99,
        "1" * 400,
        "-" + "1" * 399,
        "1e308",
        "1E-400",
        "[1e+30, 1e200]",
        f"[{','.join(['[]'] * 200)}]",
    ],
)
def test_what_is_just_not_too_large_or_deep_is_read(text: str) -> None:
    assert json_text.parse(text) == json.loads(text)


def test_marks_name_the_encoding() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert json_text.parse('"grün"'.encode(encoding)) == "grün"
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert json_text.parse(mark + '"grün"'.encode(encoding)) == "grün"


def test_surrogates_in_a_text_are_kept() -> None:
    assert json_text.parse('"\udcff"') == "\udcff"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "boolean"),
        (0, "number"),
        (0.5, "number"),
        ("", "string"),
        ([], "list"),
        ({}, "mapping"),
        (b"", "bytes"),
    ],
)
def test_kinds_have_the_names_of_json(value: object, kind: str) -> None:
    assert json_text.kind_of(value) == kind


def test_files_are_read_up_to_a_gibibyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json_text.MOST_BYTES == 1024**3
    (tmp_path / "a.json").write_text('{"a": 1}')
    monkeypatch.setattr(json_text, "MOST_BYTES", 8)
    assert json_text.read(tmp_path / "a.json") == {"a": 1}
    assert json_text.read_mapping(tmp_path / "a.json") == {"a": 1}
    monkeypatch.setattr(json_text, "MOST_BYTES", 7)
    with pytest.raises(OSError, match="it has 8 bytes; at most 7 are read"):
        json_text.read(tmp_path / "a.json")


@pytest.mark.parametrize(("text", "kind"), [("[1]", "list"), ("null", "null"), ("3", "number")])
def test_a_mapping_is_told_from_others(text: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=f"^it holds a {kind}, not a mapping$"):
        json_text.read_mapping(tmp_path / "a.json")
