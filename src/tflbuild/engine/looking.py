"""Look at files of images, remembering what was seen: the same eyes while planning and in a worker."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tflbuild.core import array_file, toolchain
from tflbuild.core.dataset import FileFacts
from tflbuild.core.names import named
from tflbuild.engine.memo import FileMemo, Looking
from tflbuild.engine.sources import code_digest


def looker(inspect: str, max_pixels: int, looking: Looking = lambda done, total: None) -> FileMemo:
    """Give the memo through which image and array files are inspected.

    Args:
        inspect: the dotted name of what gives the facts of an image file.
        max_pixels: above which an image is not decoded.
        looking: is told of every file that had to be read.
    """
    return FileMemo(partial(_inspect, inspect, max_pixels), partial(inspector, inspect, max_pixels), looking)


def inspector(inspect: str, max_pixels: int) -> str:
    """Name what decides the facts of a file besides the file: the code that looks at it, and the image library."""
    code = code_digest(inspect.partition(":")[0], array_file.__name__)
    return f"{code} {toolchain.version('PIL')} {max_pixels}"


def _inspect(inspect: str, max_pixels: int, path: Path) -> FileFacts:
    """Read a file; imports the image library only when a file is new or changed."""
    if array_file.is_array_name(path):
        return array_file.inspect(path, max_pixels)
    facts: FileFacts = named(inspect)(path, max_pixels)
    return facts
