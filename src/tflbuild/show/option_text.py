"""Options in plain text, for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from tflbuild.recipe.declared_options import NEEDED, Option

WIDTH = 80
NAME_WIDTH = 32
"""Columns of a name with its default, behind which the range begins where there is room."""


def option_lines(options: Iterable[Option]) -> list[str]:
    """Give the lines of a list of options: name, default, range, unit; and below what each does."""
    lines: list[str] = []
    for option in options:
        lines += [*_head(option), *wrapped(option.text, 6)]
    return lines


def fact_lines(option: Option, places: Iterable[tuple[str, str]]) -> list[str]:
    """Give the page of one option.

    Args:
        option: it.
        places: the keys by which a recipe sets it, each with its default.
    """
    facts = [("range", option.range), ("unit", "none" if option.unit == "no unit" else option.unit)]
    lines = [*wrapped(option.text or "(no description)", 2), ""]
    lines += [line for name, fact in facts if fact for line in _labelled(name, fact)]
    for number, (place, default) in enumerate(places):
        shown = default if default in ("", NEEDED) else f"default {default}"
        label = "key" if place else "default"
        text = f"{place:<{NAME_WIDTH}} {shown}".rstrip() if place else default
        lines += _labelled("" if number else label, text)
    return lines


def _head(option: Option) -> list[str]:
    """Give name, default, range and unit: in one line where they fit."""
    default = "" if option.default == "" else f" = {option.default}"
    name = f"  {option.name}{default}"
    facts = "; ".join(part for part in (option.range, option.unit) if part)
    if option.is_group:
        return [f"  {option.name}.*"]
    if len(name) <= NAME_WIDTH and NAME_WIDTH + 1 + len(facts) <= WIDTH:
        return [f"{name:<{NAME_WIDTH}} {facts}"]
    return [*wrapped(name.strip(), 2, 8), *wrapped(facts, 6)]


def _labelled(label: str, text: str) -> list[str]:
    first, *rest = wrapped(text, 11)
    return [f"  {label:<8} {first.strip()}", *rest]


def wrapped(text: str, first: int = 0, further: int | None = None, width: int = WIDTH) -> list[str]:
    """Break a paragraph into lines.

    Args:
        text: it.
        first: columns in front of its first line.
        further: in front of the others; by default as many.
        width: columns of a line.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * first,
        subsequent_indent=" " * (first if further is None else further),
        break_long_words=False,
        break_on_hyphens=False,
    )


def reflowed(text: str) -> str:
    """Break the paragraphs of a docstring anew, so that a terminal breaks no word; entries of a list stay apart."""
    return "\n\n".join("\n".join(_paragraph(part.splitlines())) for part in text.split("\n\n"))


def _paragraph(lines: list[str]) -> list[str]:
    if not any(line.startswith(" ") for line in lines):
        return wrapped(" ".join(lines))
    items: list[tuple[int, str]] = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        before, said = items[-1] if items else (0, "")
        if 0 < before < indent or (0 < before == indent and not said.endswith((".", ":"))):
            items[-1] = (before, f"{said} {line.strip()}")
        else:
            items.append((indent, line.strip()))
    return [line for indent, item in items for line in wrapped(item, indent, indent + 4 if indent else 0)]
