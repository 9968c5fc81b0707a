"""litert-torch, in an environment of its own: a program of torch.export becomes a float32 `.tflite`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.backends.programs import torch_to_tflite
from tflbuild.core import environment
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.environments.running import program as running
from tflbuild.formats.onnx.ends import Ends
from tflbuild.formats.torch_export import description
from tflbuild.formats.torch_export.program import Program
from tflbuild.formats.torch_export.values import stored
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

ENVIRONMENT = f"{environment.PREFIX}torch"

SECONDS = 900
"""Seconds that a conversion may take."""


class Converted(NamedTuple):
    """A converted program.

    Attributes:
        graph: of the `.tflite`, with a signature of the program's names.
        outputs: of the program itself in PyTorch on the samples, by name, (samples, ...).
    """

    graph: Graph
    outputs: dict[str, npt.NDArray[Any]]


def convert(
    path: Path, program: Program, ends: Ends, samples: Mapping[str, npt.NDArray[Any]], folder: Path
) -> Converted:
    """Convert a program, and compute it.

    Args:
        path: the `.pt2`.
        program: what it holds.
        ends: its inputs and outputs, every side fixed.
        samples: by input, (samples, ...) in the program's own order of axes.
        folder: an empty folder to work in.

    Raises:
        MissingTool: the environment is not there.
        PassError: litert-torch failed, or wrote a file that is not well-formed.
        RecipeError: the file's values cannot be read.
    """
    made = environment.require(ENVIRONMENT, "a .pt2 file")
    out = folder / "made"
    out.mkdir()
    with description.opened(path) as archive:
        values: Any = stored(archive, program)
    np.savez(folder / "values.npz", **values)
    dtypes = {name: spec.dtype for name, spec in program.inputs.items()}
    given: Any = {name: value.astype(dtypes[name]) for name, value in samples.items()}
    np.savez(folder / "samples.npz", **given)
    request = {
        "nodes": list(program.nodes),
        "inputs": [
            {"name": name, "shape": list(shape), "dtype": dtypes[name], "first": name in ends.first}
            for name, shape in ends.given.items()
        ],
        "outputs": list(program.outputs.values()),
        "turned": [
            name for name, spec in ends.signature.outputs.items() if ends.first and len(spec.shape) == 4
        ],
        "values": str(folder / "values.npz"),
        "samples": str(folder / "samples.npz"),
        "out": str(out),
    }
    version = made.packages.get("litert-torch", "")
    try:
        answer = running.run(made, torch_to_tflite, request, folder, SECONDS)
    except PassError as error:
        raise PassError(f"litert-torch {version} cannot convert '{plain(path)}': {error}") from error
    try:
        content = flatbuffer.check(Path(answer["tflite"]))
    except RecipeError as error:
        raise PassError(
            f"litert-torch {version} made a .tflite of '{plain(path)}' that is not well-formed: {error}"
        ) from error
    with np.load(answer["outputs"], allow_pickle=False) as found:
        outputs = {name: found[tensor] for name, tensor in program.outputs.items()}
    return Converted(_named(Graph.unpacked(content), list(program.inputs), list(program.outputs)), outputs)


def _named(graph: Graph, inputs: Sequence[str], outputs: Sequence[str]) -> Graph:
    """Give the signature the program's names in the place of litert-torch's, `args_0` and `output_0`.

    Raises:
        PassError: it has others.
    """
    signature = (graph.model.signatureDefs or [None])[0]
    for entries, names, prefix in (
        (getattr(signature, "inputs", None) or [], inputs, "args"),
        (getattr(signature, "outputs", None) or [], outputs, "output"),
    ):
        wanted = {f"{prefix}_{place}".encode(): name for place, name in enumerate(names)}
        if {entry.name for entry in entries} != wanted.keys():
            found = ", ".join(plain(entry.name.decode(errors="replace"), 40) for entry in entries) or "none"
            raise PassError(
                f"litert-torch wrote a .tflite with the {prefix} {found}, not {', '.join(names)}."
            )
        for entry in entries:
            entry.name = wanted[entry.name].encode()
    return graph
