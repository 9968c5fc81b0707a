"""Templates, compiled once: kept where Python keeps its compiled modules, and on the same terms."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from tflbuild.core import digest


class CompiledTemplates(BytecodeCache):
    """Compiled templates in `__pycache__`, or under $PYTHONPYCACHEPREFIX; compiling takes longer than a cached plan.

    Jinja compares the source and its own and Python's version. Nothing is written where Python is told to write no
    bytecode, or may not.

    Args:
        folder: where the templates lie.
        options: of the environment; other options give other code.
    """

    def __init__(self, folder: Path, options: Mapping[str, object]) -> None:
        self._folder = Path(cache_from_source(str(folder / "_.py"))).parent
        self._suffix = f"{digest.of_json(dict(options))[:8]}.{sys.implementation.cache_tag}.template"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read what was compiled; Jinja ignores what is stale or damaged."""
        with suppress(OSError), self._path(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled, if Python may."""
        if sys.dont_write_bytecode:
            return
        path = self._path(bucket)
        staged = path.with_name(f".{path.name}.{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with staged.open("wb") as file:
                bucket.write_bytecode(file)
            os.replace(staged, path)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{self._suffix}"
