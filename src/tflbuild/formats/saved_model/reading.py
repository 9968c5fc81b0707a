"""A SavedModel that was read, held to compute alone, and taken by one of its signatures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked
from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.saved_model import effects, graph_def
from tflbuild.formats.saved_model.graph_def import SERVE, Declared, MetaGraph, Tensor
from tflbuild.formats.saved_model.source import Source

INNER = "__saved_model_"
"""Beginning of the names of signatures that TensorFlow keeps for itself."""

FLOATS = ("float32", "float16", "float64", "bfloat16")

SHOWN = 8


@dataclass(frozen=True, eq=False)
class Reading:
    """A SavedModel and the signature that is built.

    Attributes:
        source: where it lies.
        graph: with its functions.
        name: of the signature.
        declared: the signature.
        several: whether there are others.
    """

    source: Source
    graph: MetaGraph
    name: str
    declared: Declared
    several: bool

    @property
    def said(self) -> str:
        """Name it as a sentence does."""
        return f"'{plain(self.source.path)}'"


def read(path: Path, asked: Asked) -> Reading:
    """Read a SavedModel.

    Raises:
        RecipeError: it is damaged, does more than compute, lacks its variables, or has no such signature.
    """
    source = Source(path)
    try:
        graph, reason = _checked(path, tuple(_stamp(one) for one in source.files()))
        if reason:
            raise RecipeError(f"model.path: '{plain(path)}' {reason}.")
        name = _chosen(graph, asked.signature, path)
        declared = graph.signatures[name]
        _check_variables(source, graph, path)
    except Malformed as error:
        raise RecipeError(f"model.path: the graph of '{plain(path)}' {plain(error, 200)}.") from error
    return Reading(source, graph, name, declared, len(_named(graph)) > 1)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4)
def _checked(path: Path, status: tuple[tuple[int, int], ...]) -> tuple[MetaGraph, str]:
    """Read a graph once a process; `status` tells it from another that lay there before."""
    graphs = graph_def.meta_graphs(Source(path).graph)
    serving = [one for one in graphs if SERVE in one.tags] or graphs
    if not serving:
        raise Malformed("is empty")
    return serving[0], effects.refusal(graphs)


def _named(graph: MetaGraph) -> list[str]:
    return [name for name in graph.signatures if not name.startswith(INNER)]


def _chosen(graph: MetaGraph, asked: str, path: Path) -> str:
    names = _named(graph)
    listed = ", ".join(f"'{plain(name, 60)}'" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    if not names:
        raise RecipeError(
            f"model.path: '{plain(path)}' has no signature; save it with one, by tf.saved_model.save(model, folder, "
            f"signatures=function)."
        )
    if asked and asked not in names:
        raise RecipeError(
            f"model.signature: '{plain(path)}' has no signature '{plain(asked, 60)}'; it has {listed}{more}."
        )
    if not asked and len(names) > 1:
        raise RecipeError(
            f"model.signature: '{plain(path)}' has {len(names)} signatures, {listed}{more}; choose one, "
            f"e.g. model.signature={plain(names[0], 60)}."
        )
    return asked or names[0]


def _check_variables(source: Source, graph: MetaGraph, path: Path) -> None:
    needed = [node for node in graph.nodes.values() if node.op in ("VarHandleOp", "VariableV2", "Variable")]
    whole = any(name.endswith(".index") for name in source.variables) and len(source.variables) > 1
    if needed and not whole:
        raise RecipeError(
            f"model.path: '{plain(path)}' has {len(needed)} variables, but no variables/ folder with their "
            f"values; copy the whole folder."
        )


def static(name: str, tensor: Tensor, asked: Asked, reading: Reading) -> TensorSpec:
    """Give what an input takes for one sample: its batch is 1, and open sides are those that are asked.

    Raises:
        RecipeError: it takes no numbers, or sides are open, or other ones are asked.
    """
    said = f"the input '{plain(name, 60)}' of {reading.said}"
    spec = tensor.spec
    if not tensor.plain:
        raise RecipeError(f"model.path: {said} is a sparse or ragged tensor, which a .tflite cannot take.")
    if spec.dtype == "string":
        raise RecipeError(
            f"model.path: {said} takes strings, such as encoded pictures, but a .tflite takes numbers; "
            f"export a signature that "
            f"takes decoded pictures."
        )
    if spec.dtype not in FLOATS:
        raise RecipeError(
            f"model.path: {said} takes {spec.dtype}, but samples are float32; export a signature that takes floats."
        )
    given = asked.shape if len(reading.declared.inputs) == 1 else ()
    if not tensor.known and not given:
        raise RecipeError(
            f"model.shape: {said} has any number of axes; set its shape, e.g. model.shape=[1,192,192,3]."
        )
    shape = spec.shape if tensor.known else given
    fits = not given or (
        len(given) == len(shape)
        and all(side in (-1, wanted) for side, wanted in zip(shape, given, strict=True))
    )
    if not fits:
        raise RecipeError(f"model.shape: {list(given)} does not fit {said}, which is {spec.text}.")
    whole = given or (1, *shape[1:])
    if not shape or shape[0] not in (1, -1):
        raise RecipeError(
            f"model.path: {said} is {spec.text}; the first side of an input must be the batch, 1."
        )
    if min(whole) < 1:
        example = ",".join(str(side if side > 0 else 192) for side in whole)
        many = (
            "; export it with fixed ones"
            if len(reading.declared.inputs) > 1
            else f", e.g. model.shape=[{example}]"
        )
        raise RecipeError(f"model.shape: {said} is {spec.text}, whose sides are not fixed; set them{many}.")
    return TensorSpec(whole, "float32")
