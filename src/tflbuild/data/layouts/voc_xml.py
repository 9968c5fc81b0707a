"""Parse one VOC annotation: a tree of elements, and nothing that could expand or reach outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tflbuild.core.regular_file import read_regular

MOST_BYTES = 1 << 24
"""Bytes of an annotation that are read."""

DECLARED = re.compile(rb"""^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
ASCII_BASED = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252", "cp1252"}
)
"""Encodings in which `<!DOCTYPE` is these bytes."""

REFUSED = "declares a document type, which no annotation needs"


class _WithoutTypes(ElementTree.TreeBuilder):
    """Build a tree; the parser reports a document type, whatever the encoding."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Refuse a document type."""
        raise ValueError(REFUSED)


def parse(path: str) -> ElementTree.Element:
    """Parse an annotation.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is broken, or declares a document type, through which entities could expand.
    """
    content = read_regular(path, MOST_BYTES)
    builder = None if _is_ascii_based(content) else _WithoutTypes()
    if builder is None and (b"<!DOCTYPE" in content or b"<!ENTITY" in content):
        raise ValueError(REFUSED)
    parser = ElementTree.XMLParser(target=builder)
    try:
        parser.feed(content)
        return parser.close()
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"broken XML: {error}") from error


def _is_ascii_based(content: bytes) -> bool:
    """Tell whether bytes can be searched for a document type; asking the parser takes twice as long."""
    if content.startswith(b"<a"):  # as most annotations begin, in UTF-8 without a declaration
        return b"\0" not in content
    if b"\0" in content or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return False
    declared = DECLARED.match(content)
    return declared is None or declared[1].decode().lower() in ASCII_BASED


def fields(node: ElementTree.Element | None) -> dict[str, ElementTree.Element]:
    """Give the first child of each name; `ElementTree.find` by path takes longer than parsing the whole file."""
    return {} if node is None else {child.tag: child for child in reversed(node)}


def text(field: ElementTree.Element | None) -> str:
    """Give the text of a field; "" where there is none."""
    return "" if field is None else (field.text or "").strip()


def integer(value: str) -> int:
    """Read a declared size; what is no number counts as not declared."""
    try:
        return max(0, int(float(value or 0)))
    except (ValueError, OverflowError):
        return 0
