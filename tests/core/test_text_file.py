from __future__ import annotations

import pytest

from tflbuild.core.text_file import decoded

TEXT = "grün\nb\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_text_is_read_in_the_encoding_in_which_it_was_saved(encoding: str) -> None:
    assert decoded(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("content", [b"a\0b\0\0", b"\xff\xfea", b"\x00\x01\x02\x00"])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is no"):
        decoded(content)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"\xef\xbb\xbf", ""),
        (b"\xff\xfe\0\0a\0\0\0", "a"),
        (b"\0\0\xfe\xff\0\0\0a", "a"),
        (b"\xff\xfea\0", "a"),
        (b"\xfe\xff\0a", "a"),
        (b"a\0", "a"),
        (b"\0a", "a"),
        (b"abc", "abc"),
        ("aä".encode(), "aä"),
        (b"\xe4", "ä"),
        (b"\x81", "\ufffd"),
    ],
)
def test_text_is_decoded_by_its_mark_or_by_how_it_looks(content: bytes, text: str) -> None:
    assert decoded(content) == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xef\xbb\xbf\xff", "it is not UTF-8 text"),
        (b"\xff\xfea", "it is not UTF-16 text"),
        (b"\0\0\xfe\xff\0", "it is not UTF-32 text"),
        (b"a\0b", "it is not a text file: it has zero bytes"),
        (b"\0\0", "it is not a text file: it has zero bytes"),
        (b"\0a\0", "it is not a text file: it has zero bytes"),
        (b"ab\0\0", "it is not a text file: it has zero bytes"),
        (b"a\0\0b", "it is not a text file: it has zero bytes"),
    ],
)
def test_what_is_no_text_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        decoded(content)
    assert str(caught.value) == reason
