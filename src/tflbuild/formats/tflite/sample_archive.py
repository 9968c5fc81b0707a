"""The archive of a folder of samples, whose digest names all of it."""

from __future__ import annotations

from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.errors import TflbuildError
from tflbuild.core.regular_file import read_regular
from tflbuild.core.samples import INDEX, MOST_BYTES, TABLE, read_index
from tflbuild.formats.tflite.packed_files import packed_behind


def archive_digest(folder: Path) -> str:
    """Give the digest of the archive that a folder of samples was unpacked from; "" where a file of it is gone."""
    try:
        samples = read_index(folder)["samples"]
        names = [one["file"] for sample in samples for side in ("inputs", "outputs") for one in sample[side]]
        files = {name: read_regular(folder / name, MOST_BYTES) for name in (INDEX, TABLE, *names)}
    except (TflbuildError, OSError):
        return ""
    return digest.of_bytes(packed_behind(b"", files))
