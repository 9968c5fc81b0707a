"""The values that a `.pt2` stores: plain bytes, seen through the strides that the program says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.plain_text import plain
from tflbuild.formats.torch_export.archive import Archive
from tflbuild.formats.torch_export.program import Program, Stored


def stored(archive: Archive, program: Program) -> dict[str, npt.NDArray[Any]]:
    """Read every parameter, buffer and constant, by the name that operators know it by.

    Raises:
        ValueError: a member is missing or too short; completes "it ".
    """
    members = {one.member: archive.read(one.member) for one in program.stored.values()}
    return {name: _array(members[one.member], one, name) for name, one in program.stored.items()}


def _array(content: bytes, stored: Stored, name: str) -> npt.NDArray[Any]:
    if stored.dtype == "unknown":
        raise ValueError(
            f"holds '{plain(name, 60)}' in a dtype that is not read; convert the model to float32 first"
        )
    values = np.frombuffer(content, np.dtype(stored.dtype).newbyteorder("<"))
    if len(stored.strides) != len(stored.shape):
        raise ValueError(
            f"holds '{plain(name, 60)}' with {len(stored.strides)} strides of {len(stored.shape)}"
        )
    last = stored.offset + sum(
        max(0, n - 1) * step for n, step in zip(stored.shape, stored.strides, strict=True)
    )
    if math.prod(stored.shape) and last >= len(values):
        raise ValueError(f"holds {len(values)} values where '{plain(name, 60)}' needs {last + 1}")
    steps = [step * values.itemsize for step in stored.strides]
    seen = np.lib.stride_tricks.as_strided(values[stored.offset :], stored.shape, steps, writeable=False)
    return np.ascontiguousarray(seen)
