"""Run the bytes of a float `.tflite` with LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter


def outputs_of(content: bytes, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Give the outputs by tensor name, with the batch axis.

    Args:
        content: the file.
        inputs: by tensor name, with the batch axis, in the tensors' own dtypes.
    """
    loaded = Interpreter(model_content=content)
    loaded.allocate_tensors()
    for details in loaded.get_input_details():
        loaded.set_tensor(details["index"], inputs[details["name"]])
    loaded.invoke()
    return {
        details["name"]: loaded.get_tensor(details["index"]).copy() for details in loaded.get_output_details()
    }
