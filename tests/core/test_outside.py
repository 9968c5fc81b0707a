"""What comes from outside: text, JSON, files, digests."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tflbuild.core import json_text
from tflbuild.core.digest import is_digest, of_bytes
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular, read_regular


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("cat", "cat"),
        ("gefäß 猫", "gefäß 猫"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        (os.fsdecode(b"\xff.jpg"), "\\udcff.jpg"),
        ("\x9b31m", "\\x9b31m"),
        (7, "7"),
    ],
)
def test_text_from_outside_is_shown_as_one_harmless_line(given: object, shown: str) -> None:
    assert plain(given) == shown


def test_long_text_is_cut() -> None:
    assert plain("x" * 1000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "line 1"),
        (b"\xff\xfe\x00", "not UTF-16"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "too large"),
        (b"1" * 10_000, "10000 digits"),
        (b"[" * 101 + b"]" * 101, "nested"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"", "line 1"),
    ],
)
def test_json_that_cannot_be_used_is_a_value_error(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        json_text.parse(content)


def test_marks_at_the_start_of_json_are_understood() -> None:
    assert json_text.parse('{"a": 1}'.encode("utf-8-sig")) == {"a": 1}
    assert json_text.parse('{"a": 1}'.encode("utf-16")) == {"a": 1}


def test_a_mapping_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text("[1]")
    with pytest.raises(ValueError, match="a list, not a mapping"):
        json_text.read_mapping(path)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    errors: list[OSError] = []

    def read(path: Path) -> None:
        try:
            read_regular(path, 100)
        except OSError as error:
            errors.append(error)

    for path in (fifo, tmp_path, Path("/dev/zero"), tmp_path / "gone", Path("a\0b")):
        thread = threading.Thread(target=read, args=(path,), daemon=True)
        thread.start()
        thread.join(10)
    assert len(errors) == 5
    with pytest.raises(OSError, match="regular"):
        check_regular(fifo)


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 101)
    with pytest.raises(OSError, match="101 bytes"):
        read_regular(path, 100)
    assert len(read_regular(path, 101)) == 101


@pytest.mark.parametrize("given", ["../x", "a" * 63, "A" * 64, "a" * 64 + "\n", 7, None, ["a" * 64]])
def test_a_digest_is_64_hexadecimal_digits(given: object) -> None:
    assert is_digest(of_bytes(b""))
    assert not is_digest(given)
