"""Text from outside (names of files, classes, tensors; messages of other programs) as a terminal may show it."""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u2028\u2029"
)
"""Marks that turn the direction of text or end a line; they print nothing themselves."""


def plain(text: object, most: int = 300) -> str:
    r"""Give text from outside on one line, without anything that a terminal would obey.

    Control characters, marks that turn the direction of text, and bytes that are not UTF-8 (surrogates, as
    `os.fsdecode` leaves them) are written as escapes.

    Args:
        text: anything; `str()` of it is shown.
        most: characters after which it is cut.

    >>> plain("cat\x1b[2J\n")
    'cat\\x1b[2J\\n'
    >>> plain("gef\xe4\xdf")
    'gefäß'
    """
    whole = str(text)
    shown = whole if whole.isascii() and whole.isprintable() else "".join(map(_shown, whole))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def harmless(text: str) -> str:
    r"""Give text of several lines without anything that a terminal would obey; newlines and tabs stay.

    The last guard before a terminal: what is from outside has been through `plain` where the line was made, since
    here a newline of a file's name can no longer be told from ours.

    >>> harmless("one\n\ttwo\x1b[2J")
    'one\n\ttwo\\x1b[2J'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in "\n\t" else _shown(letter) for letter in text)


def _shown(letter: str) -> str:
    if letter in HIDDEN or unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Co"):
        return letter.encode("unicode_escape").decode("ascii")
    return letter
