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
