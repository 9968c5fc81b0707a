"""Text files of unknown origin, in any encoding."""

from __future__ import annotations

import codecs

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Marks at the start of a file with the encodings that they mean; the longer ones first."""


def decoded(content: bytes) -> str:
    r"""Decode text by its mark; without one as UTF-16 if every other byte is zero, as UTF-8, or else as Windows has it.

    Raises:
        ValueError: it is not text.

    >>> decoded("\ufeffa".encode("utf-16-le")), decoded("a".encode("utf-16-le")), decoded(b"gef\xe4\xdf")
    ('a', 'a', 'gefäß')
    """
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "")
    try:
        text = content.decode(encoding) if encoding else _unmarked(content)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not {encoding.removesuffix('-sig').upper()} text") from error
    if "\0" in text:
        raise ValueError("it is not a text file: it has zero bytes")
    return text


def _unmarked(content: bytes) -> str:
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if (
            len(content) % 2 == 0
            and content
            and not any(content[offset::2])
            and any(content[1 - offset :: 2])
        ):
            return content.decode(encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
