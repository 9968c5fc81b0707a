"""A file of Keras 3 as a float `.tflite`, by the SavedModel that Keras 3 exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.backends import keras3_process
from tflbuild.backends.keras3_process import Batch, Floats
from tflbuild.backends.keras3_program import SIGNATURE
from tflbuild.backends.saved_model import Served
from tflbuild.core.model_format import Asked
from tflbuild.core.regular_file import read_regular
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.keras import header
from tflbuild.formats.saved_model import reading
from tflbuild.tflite.graph import Graph


class Exported(NamedTuple):
    """A file of Keras 3 that was converted.

    Attributes:
        graph: of the `.tflite`, with a signature of the file's names.
        outputs: what the file gives in Keras 3 itself on the samples, by name, (samples, ...).
    """

    graph: Graph
    outputs: dict[str, Floats]


def convert(
    path: Path, inputs: Mapping[str, TensorSpec], outputs: Sequence[str], batch: Batch, folder: Path
) -> Exported:
    """Let Keras 3 compute and export a file, and convert the SavedModel for one sample.

    Args:
        path: the file.
        inputs: by name, in the order of its description.
        outputs: names, likewise.
        batch: model values of samples by input, likewise.
        folder: an empty folder to work in.

    Raises:
        MissingTool: Keras 3 is not installed.
        RecipeError: the file is refused, or Keras 3 cannot load, run or export it.
        PassError: TensorFlow's converter cannot convert it.
    """
    saved = folder / "exported"
    found = keras3_process.computed(path, read_regular(path, header.MOST_BYTES), batch, saved)
    read = reading.read(saved, Asked(SIGNATURE))
    served = Served(read.source.folder(folder / "checked", read.graph.content), read.name, path)
    given = {
        f"input_{number}": TensorSpec((1, *spec.shape[1:]), "float32")
        for number, spec in enumerate(inputs.values())
    }
    made = [f"output_{number}" for number in range(len(outputs))]
    graph = Graph.unpacked(served.convert(given, made))
    signature = graph.model.signatureDefs[0]
    _rename(signature.inputs, dict(zip(given, inputs, strict=True)))
    _rename(signature.outputs, dict(zip(made, outputs, strict=True)))
    return Exported(graph, dict(zip(outputs, found, strict=True)))


def _rename(entries: Sequence[Any], names: Mapping[str, str]) -> None:
    """Give the ends of a signature the file's own names."""
    for entry in entries:
        entry.name = names[entry.name.decode()].encode()
