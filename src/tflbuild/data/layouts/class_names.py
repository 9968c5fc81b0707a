"""Names of classes that are one class spelled in two ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain

ACCENTS = re.compile("[\u0300-\u036f]")
"""Accents as marks of their own; those of scripts in which a mark is a letter are not among them."""

GAPS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


def spelled_alike(name: str) -> str:
    r"""Give what names have in common that differ by case, accents, or what stands between words.

    >>> spelled_alike("Caf\xe9_au-lait") == spelled_alike("cafe au lait")
    True
    >>> spelled_alike("+") == spelled_alike("-")
    False
    """
    letters = ACCENTS.sub("", unicodedata.normalize("NFKD", name).casefold())
    return GAPS.sub(" ", letters).strip()


def refuse_alike(names: Sequence[str], root: str) -> None:
    """Refuse classes that may be one, spelled in two ways.

    Raises:
        DataError: two names differ only by case, accents or what stands between words.
    """
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(spelled_alike(name), name)
        if other != name:
            raise DataError(
                f"data.root: the classes '{plain(other)}' and '{plain(name)}' of '{root}' differ only by case, accents "
                f"or blanks; spell them the same way, or list the right ones in data.classes."
            )
