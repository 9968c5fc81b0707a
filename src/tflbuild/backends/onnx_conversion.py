"""onnx2tf, in an environment of its own: an ONNX file becomes a float32 `.tflite`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.programs import onnx_to_tflite
from tflbuild.core import environment
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.environments.running import program
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.last_transposes import without_last_transposes
from tflbuild.tflite.late_activations import fuse_activations
from tflbuild.tflite.paddings import use_pad
from tflbuild.tflite.unread import drop_unread

ENVIRONMENT = f"{environment.PREFIX}onnx"

SECONDS = 600
"""Seconds that a conversion may take."""


class Converted(NamedTuple):
    """A converted file.

    Attributes:
        graph: of the `.tflite`, with a signature of ONNX's names, and operators of which there is an integer form.
        simplified: whether the graph was simplified first.
    """

    graph: Graph
    simplified: bool


def convert(path: Path, shapes: Mapping[str, Sequence[int]], kept: Sequence[str], folder: Path) -> Converted:
    """Convert a file.

    Args:
        path: the ONNX file.
        shapes: of its inputs, in its own order of axes, with every side fixed.
        kept: inputs whose order of axes stays; others of four axes have their channels last in the `.tflite`.
        folder: an empty folder to work in.

    Raises:
        MissingTool: the environment is not there.
        PassError: onnx2tf failed, or wrote a file that is not well-formed.
    """
    made = environment.require(ENVIRONMENT, "an ONNX file")
    out = folder / "converted"
    out.mkdir()
    request = {
        "model": str(path.resolve()),
        "shapes": {name: list(shape) for name, shape in shapes.items()},
        "kept": list(kept),
        "out": str(out),
    }
    version = made.packages.get("onnx2tf", "")
    try:
        answer = program.run(made, onnx_to_tflite, request, folder, SECONDS)
    except PassError as error:
        raise PassError(f"onnx2tf {version} cannot convert '{plain(path)}': {error}") from error
    found = Path(answer["tflite"])
    try:
        content = flatbuffer.check(found)
    except RecipeError as error:
        raise PassError(
            f"onnx2tf {version} made a .tflite of '{plain(path)}' that cannot be used: it "
            f"{str(error).removeprefix(f'{found} ')}"
        ) from error
    foreign = _foreign(content)
    if foreign:
        raise PassError(
            f"onnx2tf {version} cannot convert '{plain(path)}': a .tflite has no operator for {', '.join(foreign)}."
        )
    return Converted(_named(content, answer, turned=len(kept) < len(shapes)), bool(answer["simplified"]))


def _foreign(content: bytes) -> list[str]:
    """Name the operators that LiteRT does not have, as onnx2tf calls those that it could not convert."""
    names = flatbuffer.codes_in(content)
    return [f"'{plain(name, 60)}'" for name in names if name.startswith(("ONNX_", "Flex"))]


def _named(content: bytes, answer: Mapping[str, Any], *, turned: bool) -> Graph:
    """Give a file a signature of ONNX's names, and operators of which there is an integer form.

    Raises:
        PassError: its inputs or outputs are not those of the ONNX file.
    """
    graph = Graph.unpacked(content)
    model = graph.model
    model.signatureDefs = None
    if turned:
        without_last_transposes(graph)
    inputs, outputs = flatbuffer.ends_of(model)
    named = {name: inputs.get(tensor, -1) for name, tensor in answer["inputs"].items()}
    made = {name: outputs.get(tensor, -1) for name, tensor in answer["outputs"].items()}
    missing = [name for name, index in (named | made).items() if index < 0]
    if missing or len(named) < len(inputs):
        listed = ", ".join(f"'{plain(name, 40)}'" for name in missing) or "an input"
        raise PassError(f"onnx2tf wrote a .tflite in which {listed} of the ONNX file cannot be found again.")
    for name, index in (named | made).items():
        model.subgraphs[0].tensors[index].name = name.encode()
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs = [flatbuffer.tensor_entry(name, index) for name, index in named.items()]
    signature.outputs = [flatbuffer.tensor_entry(name, index) for name, index in made.items()]
    model.signatureDefs = [signature]
    graph.reindex()
    fuse_activations(graph)
    use_pad(graph)
    drop_unread(model)
    graph.reindex()
    return graph
