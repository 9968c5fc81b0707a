"""The pieces of rounding that are measured one by one: those that give back most of the outputs' error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from tflbuild.analyses.per_layer.measuring import ACTIVATIONS, WEIGHTS, Row
from tflbuild.core.analysis import AnalysisContext, Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning

if TYPE_CHECKING:
    from tflbuild.core.compiler_pass import PassContext
    from tflbuild.quantization.loosened import Loosened, Piece
    from tflbuild.tflite.graph import Graph

ROUNDED = {ACTIVATIONS: "activations rounded", WEIGHTS: "weights rounded"}
"""Names of the variants that each kind of rounding ends with, and that others are held to."""

FREED = {ACTIVATIONS: "activations in float", WEIGHTS: "weights in float"}
"""Names of the variants that it begins with."""

LOOKED_AT, MEASURED = 8, 3
"""Layers, the noisiest, that outputs are looked at for; and of them those that accuracy is measured for."""


def wholes(part: str, model: TFLiteModel, taken: Loosened, ctx: AnalysisContext) -> list[Variant]:
    """Give the file's float model with a kind of rounding, and without it; [] where the file has none of it.

    Weights are rounded first, as in the ladder.
    """
    if part == WEIGHTS:
        graphs = (taken.graph.copy(), taken.floating()) if taken.restorable else ()
    else:
        graphs = (taken.rounded(), taken.graph.copy()) if taken.made.grids else ()
    names = (ROUNDED[part], FREED[part])
    return [_variant(name, graph, model, ctx) for name, graph in zip(names, graphs, strict=False)]


def singles(
    part: str,
    model: TFLiteModel,
    taken: Loosened,
    rows: Sequence[Row],
    samples: Sequence[Mapping[str, Any]],
    ctx: AnalysisContext,
) -> list[Variant]:
    """Give the variant with a kind of rounding, and those without that of one layer: those that promise most.

    Args:
        part: the kind.
        model: the file.
        taken: it, taken apart.
        rows: of the kind, of `measuring.rows_of`.
        samples: that the outputs' error is measured on.
        ctx: of the analysis.
    """
    from tflbuild.quantization.output_error import OutputError
    from tflbuild.tflite.packed import Packed

    reference = OutputError(Packed(taken.floating()), list(samples))
    found = sorted(_noisiest(taken, rows, part), key=lambda piece: reference.of(Packed(taken.without(piece))))
    whole = taken.graph.copy() if part == WEIGHTS else taken.rounded()
    return [
        _variant(ROUNDED[part], whole, model, ctx),  # which each round's differences are held to
        *(
            _variant(name_of(part, piece.tensor), taken.without(piece), model, ctx)
            for piece in found[:MEASURED]
        ),
    ]


def name_of(part: str, tensor: str) -> str:
    """Name the variant with one layer's part left in float."""
    return f"{part}:{tensor}"


def _noisiest(taken: Loosened, rows: Sequence[Row], part: str) -> Iterator[Piece]:
    from tflbuild.quantization.loosened import Piece

    known = [row for row in rows if part == ACTIVATIONS or row["tensor"] in taken.restorable]
    for row in known[:LOOKED_AT]:
        yield Piece(part="weights" if part == WEIGHTS else "activations", tensor=row["tensor"])


def _variant(name: str, graph: Graph, model: TFLiteModel, ctx: AnalysisContext) -> Variant:
    from tflbuild.passes.quantizing.writing import emit_tflite

    made = emit_tflite(cast("PassContext", ctx), graph, Meaning.of(model), quantized="")
    return Variant(name=name, model=made)
