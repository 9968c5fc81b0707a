"""Small pictures of samples, for a page that needs nothing else."""

from __future__ import annotations

import base64
import io
from typing import Any

QUALITY = 80
"""Of the JPEG: artefacts are not seen at this size."""


def pictured(value: Any, side: int) -> dict[str, Any] | None:
    """Give a raw sample as a small JPEG; None for one that is no picture.

    Args:
        value: a picture as a modality takes it, (rows, columns, channels) uint8, or anything else.
        side: pixels of the longer side, at most.

    Returns:
        `jpeg` in base 64, and `width` and `height` in pixels.
    """
    import numpy as np
    from PIL import Image

    shape: tuple[int, ...] = getattr(value, "shape", ())
    if len(shape) != 3 or shape[2] != 3 or value.dtype != np.uint8:
        return None
    picture = Image.fromarray(value)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=QUALITY, optimize=True)
    content = base64.b64encode(written.getvalue()).decode("ascii")
    return {"jpeg": content, "width": picture.width, "height": picture.height}
