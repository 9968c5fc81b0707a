"""The zip archive of a `.pt2`: which members it may have, each read within limits; nothing is unpickled.

Source: torch/export/pt2_archive/constants.py of PyTorch, whose names of members are named here.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.plain_text import plain

PROGRAM = "models/model.json"
WEIGHTS, CONSTANTS = "data/weights/", "data/constants/"
CONFIGS = {
    WEIGHTS: f"{WEIGHTS}model_weights_config.json",
    CONSTANTS: f"{CONSTANTS}model_constants_config.json",
}
PASSED_OVER = (
    "data/sample_inputs/",
    "extra/",
    ".data/",
    "archive_format",
    "archive_version",
    "byteorder",
    "version",
)
"""Members that are not read: samples are pickles, and nothing of the result depends on the others."""

OLD = "serialized_exported_program.json"
"""The program as PyTorch wrote it before 2.8."""

MOST_MEMBERS, MOST_JSON, MOST_BYTES = 1 << 17, 1 << 28, 1 << 33
BLOAT, SPARE = 100, 1 << 20
"""Most bytes that one stored byte may become, and that any member may have besides."""


class Archive:
    """A `.pt2` whose members are as PyTorch writes them; a context.

    Raises:
        ValueError: it is damaged, or holds something else; completes "it ".
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
            raise ValueError(f"is a damaged archive ({plain(error, 120)})") from error
        try:
            self._top = self._checked()
        except ValueError:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    def json(self, member: str) -> dict[str, Any]:
        """Read a member that is JSON."""
        try:
            return json_text.mapping_of(self.read(member, MOST_JSON))
        except ValueError as error:
            raise ValueError(f"holds {member}, which {error}") from error

    def read(self, member: str, most: int = MOST_BYTES) -> bytes:
        """Read a member.

        Raises:
            ValueError: it is not there, damaged or larger than it may be.
        """
        try:
            found = self._zip.getinfo(self._top + member)
        except KeyError:
            raise ValueError(f"lacks {plain(member, 80)}") from None
        limit = min(most, BLOAT * found.compress_size + SPARE)
        if found.file_size > limit:
            raise ValueError(
                f"holds more in {plain(member, 80)} than its {found.compress_size} bytes may become"
            )
        try:
            with self._zip.open(found) as file:
                content = file.read(limit + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise ValueError(f"is a damaged archive ({plain(error, 120)})") from error
        if len(content) > limit:
            raise ValueError(
                f"holds more in {plain(member, 80)} than its {found.compress_size} bytes may become"
            )
        return content

    def _checked(self) -> str:
        """Give the folder that all members lie in."""
        names = [one.filename for one in self._zip.infolist() if not one.is_dir()]
        if len(names) > MOST_MEMBERS or len(set(names)) != len(names):
            raise ValueError("has more members than a program has, or one of them twice")
        if any(name.rpartition("/")[2] == OLD for name in names):
            raise ValueError(
                "was written by a PyTorch before 2.8; save the program again with a newer one (torch.export.save)"
            )
        tops = {name.partition(PROGRAM)[0] for name in names if name.endswith(PROGRAM)}
        if len(tops) != 1:
            raise ValueError(f"has {len(tops)} programs ({PROGRAM}), where one would be right")
        (top,) = tops
        for name in names:
            inner = name.removeprefix(top)
            known = inner == PROGRAM or inner.startswith((WEIGHTS, CONSTANTS, *PASSED_OVER))
            if not name.startswith(top) or not known:
                raise ValueError(
                    f"holds '{plain(name, 80)}', which is not part of a program: a .pt2 with compiled code is not taken"
                )
        return top
