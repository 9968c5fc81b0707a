"""The scripts of pages: each is in the page, and named by its content, so that a browser runs no other."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

TEMPLATES = Path(__file__).with_name("templates")

COPY, SWEEP = "copy.js", "sweep.js"


class Scripts(NamedTuple):
    """Scripts of a page, and the policy that allows them."""

    texts: list[str]
    policy: str


def scripts(*names: str) -> Scripts:
    """Read scripts of ours, by file name."""
    texts = [(TEMPLATES / name).read_text(encoding="utf-8").strip() for name in names]
    return Scripts(texts, f"script-src {' '.join(_hash(text) for text in texts)}")


def _hash(script: str) -> str:
    """Name a script by its content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
