"""Exceptions by which `zipfile` says that an archive is damaged."""

from __future__ import annotations

import zipfile
import zlib

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
)
"""While an archive is opened, or a member that should be there is read."""
