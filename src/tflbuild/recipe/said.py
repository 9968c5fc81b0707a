"""Options of a composed recipe that somebody said: in recipe files or on the command line, not by a pass's defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FOLLOWED = re.compile(r"\$\{(\w+)\.(\w+)\}")
"""An option that is nothing but that of another step."""


@dataclass(frozen=True)
class Said:
    """The options that somebody said, as they were written, by the key that they stand below."""

    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def says(self, label: str, option: str) -> bool:
        """Say whether somebody gave an option a value; one that follows another's is said where that is."""
        value = self.options.get(label, {}).get(option)
        origin = self.origin(label, option)
        return value is not None if origin is None else origin != (label, option) and self.says(*origin)

    def origin(self, label: str, option: str) -> tuple[str, str] | None:
        """Name the step and option that an option takes its value from; None where it has its own."""
        value = self.options.get(label, {}).get(option)
        found = FOLLOWED.fullmatch(value) if isinstance(value, str) else None
        return (found[1], found[2]) if found else None


def gathered(parts: Iterable[tuple[str, Any]]) -> Said:
    """Gather what was said, the latest last.

    Args:
        parts: keys with dots, and what was said below each; "" for the root.
    """
    found: dict[str, dict[str, Any]] = {}
    for key, content in parts:
        value = content
        for name in reversed(key.split(".") if key else []):
            value = {name: value}
        for label, options in value.items() if isinstance(value, Mapping) else ():
            if isinstance(options, Mapping):
                found.setdefault(str(label), {}).update({str(name): one for name, one in options.items()})
    return Said(found)
