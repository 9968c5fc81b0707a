"""Run the `.tflite` of a picture model on one picture, as an evaluation does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.modality import Modality
from tflbuild.evaluation.feeding import as_input
from tflbuild.evaluation.predictions import readable
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.runtimes.interpreter import Loaded

COUNT = "num_detections"


class Running:
    """A file that is loaded.

    Args:
        path: the `.tflite`; it has one input.
        modality: how a picture becomes its values; by default -1 to 127 / 128 as everywhere in the tests.
    """

    def __init__(self, path: Path, modality: ImageModality | None = None) -> None:
        self._loaded, self._modality = Loaded(path), modality or ImageModality()

    def run(self, pixels: npt.NDArray[np.uint8]) -> dict[str, Any]:
        """Give every output by name as float32, without the batch axis; a detector's are cut at `num_detections`.

        Args:
            pixels: (height, width, channels), of the size that the file takes.
        """
        ((name, spec),) = self._loaded.signature.inputs.items()
        found = self._loaded.run({name: as_input(pixels[None], self._modality, spec)})
        floats = {output: value[0] for output, value in readable(found, self._loaded).items()}
        count = floats.pop(COUNT, None)
        return floats if count is None else {name: value[: int(count)] for name, value in floats.items()}


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
