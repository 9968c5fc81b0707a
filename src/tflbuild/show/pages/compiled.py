"""Templates, compiled once: kept in the user's cache folder, since compiling takes long beside a cached build."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

from tflbuild.core import digest
from tflbuild.core.cache import cache_folder


class _Dispensable(FileSystemBytecodeCache):
    """A cache whose disk may be full: templates are then compiled each time."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


def compiled_templates(options: Mapping[str, object]) -> FileSystemBytecodeCache | None:
    """Give Jinja's cache of compiled templates in a private folder; None where there is none.

    Since it is code that is read, only a folder of the user's own, which nobody else can write to, is believed.

    Args:
        options: of the environment; other options give other code.
    """
    folder = cache_folder("templates")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return None
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        return None
    variant = f"{digest.of_json(dict(options))[:8]}.{sys.implementation.cache_tag}"
    return _Dispensable(str(folder), f"%s.{variant}")
