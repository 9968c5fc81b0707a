"""Run a `.tflite` on a picture that has the size of its input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tflbuild.core.modality import Modality
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.predictions import readable
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.runtimes.interpreter import Loaded


def outputs_of(
    path: Path, pixels: npt.NDArray[np.uint8], modality: Modality | None = None
) -> dict[str, npt.NDArray[np.float32]]:
    """Give a file's outputs for one picture, float32 and without the batch axis.

    Args:
        path: a file whose one input is `image`.
        pixels: (height, width, channels) uint8, of the input's size.
        modality: what a pixel is worth; by default -1 to 127/128.
    """
    loaded = Loaded(path)
    given = as_input(pixels[None], modality or ImageModality(), loaded.signature.inputs["image"])
    return {name: value[0] for name, value in readable(loaded.run({"image": given}), loaded).items()}
