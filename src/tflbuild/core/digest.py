"""Name things by their content."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True).encode


_written = re.compile(r"[0-9a-f]{64}").fullmatch


def is_digest(value: object) -> bool:
    """Tell whether a value read from outside is a digest: 64 hexadecimal digits and nothing else."""
    return isinstance(value, str) and _written(value) is not None


def of_bytes(data: bytes) -> str:
    """Give the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path) -> str:
    """Give the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """Write a JSON-able value in the one form that is digested.

    Raises:
        TypeError: `value` holds something that JSON cannot say.
        ValueError: `value` holds a NaN or an infinity.
    """
    return _encode(value)


def of_json(value: Any) -> str:
    """Give the SHA-256 of the canonical JSON of `value`."""
    return of_bytes(canonical_json(value).encode())
