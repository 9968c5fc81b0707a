"""Write durations for people."""

from __future__ import annotations

MINUTE, HOUR = 60.0, 3600.0


def duration(seconds: float) -> str:
    """Write how long something took; at most ten letters.

    >>> [duration(s) for s in (0.04, 9.94, 9.96, 59.7, 61, 599.4, 600, 3599, 3660, 90000)]
    ['0.0 s', '9.9 s', '10 s', '1 min', '1 min 1 s', '9 min 59 s', '10 min', '1 h', '1 h 1 min', '25 h']
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < 10 * MINUTE:
        return _two(whole, "min", "s")
    minutes = round(seconds / MINUTE)
    if minutes < MINUTE:
        return f"{minutes} min"
    return _two(minutes, "h", "min") if minutes < 10 * MINUTE else f"{round(minutes / MINUTE)} h"


def whole_seconds(seconds: float) -> str:
    """Write how long something has taken so far, or still takes: a number that changes every second.

    >>> [whole_seconds(s) for s in (0.4, 9.94, 61.7)]
    ['0 s', '9 s', '1 min 1 s']
    """
    return f"{int(seconds)} s" if seconds < MINUTE else duration(int(seconds))


def about(seconds: float) -> str:
    """Write how long something will take, no more exactly than anyone knows.

    >>> [about(s).removeprefix('about ') for s in (2, 14, 58, 100, 290, 3000, 5000, 100000)]
    ['a few seconds', '15 s', '1 min', '2 min', '5 min', '50 min', '1.4 h', '28 h']
    """
    if seconds < 7.5:
        return "a few seconds"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 57.5 * MINUTE:
        minutes = round(seconds / MINUTE)
        return f"about {minutes if minutes < 10 else 5 * round(minutes / 5)} min"
    hours = seconds / HOUR
    return f"about {hours:.1f} h" if hours < 10 else f"about {hours:.0f} h"


def _two(number: int, large: str, small: str) -> str:
    whole, rest = divmod(number, 60)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
