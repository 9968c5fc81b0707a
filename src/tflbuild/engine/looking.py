"""Look at files of samples, remembering what was seen: the same eyes while planning and in a worker."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tflbuild.core import toolchain
from tflbuild.core.code import code_digest
from tflbuild.core.dataset import FileFacts
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import named
from tflbuild.engine.memo import FileMemo, Looking


def inspect_of(modality: str, usual: str) -> str:
    """Name what gives the facts of a file of samples: that of the modality, or the usual one, of image files."""
    return MODALITIES.get(modality).inspect or usual


def looker(inspect: str, max_pixels: int, looking: Looking = lambda done, total: None) -> FileMemo:
    """Give the memo through which files of samples are inspected.

    Args:
        inspect: the dotted name of what gives the facts of a file.
        max_pixels: above which an image is not decoded.
        looking: is told of every file that had to be read.
    """
    return FileMemo(partial(_inspect, inspect, max_pixels), partial(inspector, inspect, max_pixels), looking)


def inspector(inspect: str, max_pixels: int) -> str:
    """Name what decides the facts of a file besides the file: the code that looks at it, and the image library."""
    return f"{code_digest(inspect.partition(':')[0])} {toolchain.version('PIL')} {max_pixels}"


def _inspect(inspect: str, max_pixels: int, path: Path) -> FileFacts:
    """Read a file; imports what reads it only when a file is new or changed."""
    facts: FileFacts = named(inspect)(path, max_pixels)
    return facts
