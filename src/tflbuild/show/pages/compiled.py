"""Templates, compiled once: kept in the user's cache folder, since compiling takes long beside a cached build."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from tflbuild.core import digest
from tflbuild.core.cache import cache_folder


class CompiledTemplates(BytecodeCache):
    """Compiled templates, by what decides their code: text, options, and the versions of Jinja and Python.

    Jinja compares the text and the versions. Since it is code that is read, only a file of the user's own is believed.
    Where nothing can be written, templates are compiled each time.

    Args:
        options: of the environment; other options give other code.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        self._folder = cache_folder("templates")
        self._suffix = f"{digest.of_json(dict(options))[:8]}.{sys.implementation.cache_tag}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read what was compiled; Jinja ignores what is stale or damaged."""
        with suppress(OSError), self._path(bucket).open("rb") as file:
            if os.fstat(file.fileno()).st_uid == os.getuid():
                bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        path = self._path(bucket)
        staged = path.with_name(f".{path.name}.{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with staged.open("wb") as file:
                bucket.write_bytecode(file)
            os.replace(staged, path)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{self._suffix}"
