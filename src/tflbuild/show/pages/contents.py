"""The list of contents of a page, read off its headings; regions of one name are told apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup

HEADING = re.compile(r"<h2(?P<more>[^>]*)>(?P<text>.*?)</h2>", re.DOTALL)

REGION = re.compile(r'role="region" aria-label="(?P<name>[^"]*)"')

TAGS = re.compile(r"<[^>]+>")


class Listed(NamedTuple):
    """The body of a page with its list of contents.

    Attributes:
        links: name of the place and text of each heading.
        body: with a name for each place.
    """

    links: list[tuple[str, Markup]]
    body: Markup


def listed(body: Markup) -> Listed:
    """Name every heading of the second level, and list them in order.

    Args:
        body: HTML of ours, in which all text from files is escaped.
    """
    links: list[tuple[str, Markup]] = []

    def named(found: re.Match[str]) -> str:
        text = TAGS.sub("", found["text"]).strip()
        links.append((f"part-{len(links) + 1}", Markup(text)))
        return f'<h2 id="{links[-1][0]}"{found["more"]}>{found["text"]}</h2>'

    made = HEADING.sub(named, str(body))
    return Listed(links, Markup(_distinct(made)))


def _distinct(body: str) -> str:
    """Number regions of one name: who jumps from one to the next has to tell them apart."""
    seen: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        name = found["name"]
        seen[name] = seen.get(name, 0) + 1
        return f'role="region" aria-label="{name}{f" ({seen[name]})" if seen[name] > 1 else ""}"'

    return REGION.sub(numbered, body)
