"""Checkpoints of TensorFlow 2, read as arrays by name: no object is made of them, and no graph is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

MOST_BYTES = 1 << 32
"""Bytes of all arrays together."""


def read(
    beginning: Path, description: str, without: re.Pattern[str]
) -> tuple[dict[str, npt.NDArray[Any]], bytes]:
    """Read the arrays of floats of a checkpoint, and the text that describes them.

    Args:
        beginning: of the names of its files.
        description: key of the text.
        without: keys that are left out.

    Raises:
        ValueError: it cannot be read; completes "it ".
    """
    try:
        reader = tf.train.load_checkpoint(str(beginning))
        kinds, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
        keys = [key for key, kind in kinds.items() if kind.is_floating and not without.fullmatch(key)]
        if sum(int(np.prod(shapes[key])) * kinds[key].size for key in keys) > MOST_BYTES:
            raise ValueError("holds more than 4 GiB")
        arrays = {key: np.asarray(reader.get_tensor(key)) for key in keys}
        text = reader.get_tensor(description) if description in kinds else b""
    except (tf.errors.OpError, RuntimeError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read as a checkpoint ({str(error).splitlines()[0][:200]})") from error
    broken = [key for key, array in arrays.items() if not np.all(np.isfinite(array))]
    if broken:
        raise ValueError(f"holds weights that are not finite, in {broken[0]}")
    return arrays, bytes(text)
