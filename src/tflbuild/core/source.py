"""Images from outside the data set, for calibration: a folder, a glob, a list file or an `.npz`."""

from __future__ import annotations

import glob
from pathlib import Path

from tflbuild.core.errors import DataError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm"}


def files_of(source: str, key: str = "calibration.source") -> list[Path]:
    """List the files that a source names, in a fixed order.

    Args:
        source: a folder (searched with its sub-folders), a glob, a text file with one path a line (relative to the
            text file's folder), or an `.npz` with an array `images` (images, height, width, 3) uint8.
        key: the recipe key, for the error message.

    Raises:
        DataError: it names nothing.
    """
    path = Path(source)
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    elif path.suffix == ".npz":
        found = [path] if path.is_file() else []
    elif path.suffix in (".txt", ".list", ".lst"):
        found = _listed(path) if path.is_file() else []
    elif path.is_file():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob.glob(source, recursive=True))
    if not found:
        raise DataError(
            f"{key}: '{source}' names no image; expected data.<split>, a folder, a glob, a list file (.txt) or an "
            f".npz."
        )
    return found


def _listed(path: Path) -> list[Path]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [path.parent / line for line in lines if line]
