"""A number of things, with the noun in the right form."""

from __future__ import annotations


def amount(count: int, noun: str) -> str:
    """Write how many there are.

    >>> amount(1, "thread"), amount(2, "thread"), amount(1200, "file")
    ('1 thread', '2 threads', '1,200 files')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
