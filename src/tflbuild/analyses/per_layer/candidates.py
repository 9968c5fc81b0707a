"""The pieces of rounding that are measured one by one: those that give back most of the outputs' error."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from tflbuild.analyses.per_layer.measuring import ACTIVATIONS, WEIGHTS, Row
from tflbuild.core.analysis import AnalysisContext, Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning

if TYPE_CHECKING:
    from tflbuild.core.compiler_pass import PassContext
    from tflbuild.quantization.loosened import Loosened, Piece
    from tflbuild.tflite.graph import Graph

ROUNDED = "rounded"
"""Name of the variant with everything rounded."""

FREED = {ACTIVATIONS: "activations in float", WEIGHTS: "weights in float"}
"""Names of the variants with one kind of rounding left out."""

LOOKED_AT, MEASURED = 8, 3
"""Layers, the noisiest, that outputs are looked at for; and of them those that accuracy is measured for."""


def wholes(model: TFLiteModel, taken: Loosened, ctx: AnalysisContext) -> Iterator[Variant]:
    """Give the file's float model with everything rounded, and without the rounding of activations, and of weights."""
    names = list(taken.made.grids)
    yield _variant(ROUNDED, taken.built(), model, ctx)
    if names:
        yield _variant(FREED[ACTIVATIONS], taken.built(freed=names), model, ctx)
    if taken.restorable:
        yield _variant(FREED[WEIGHTS], taken.built(weights=taken.restorable), model, ctx)


def singles(
    model: TFLiteModel,
    taken: Loosened,
    rows: Mapping[str, Sequence[Row]],
    samples: Sequence[Mapping[str, Any]],
    parts: Collection[str],
    ctx: AnalysisContext,
) -> Iterator[Variant]:
    """Give the variant with everything rounded, and those with one layer's part left in float that promise most.

    Args:
        model: the file.
        taken: it, taken apart.
        rows: of `measuring.rows_of`.
        samples: that the outputs' error is measured on.
        parts: kinds of rounding that lost accuracy.
        ctx: of the analysis.
    """
    from tflbuild.quantization.output_error import OutputError
    from tflbuild.tflite.packed import Packed

    reference = OutputError(Packed(taken.floating()), list(samples))
    found = [piece for part in sorted(parts) for piece in _noisiest(taken, rows[part], part)]
    errors = {piece: reference.of(Packed(taken.without(piece))) for piece in found}
    yield _variant(ROUNDED, taken.built(), model, ctx)  # which each round's differences are held to
    for part in sorted(parts):
        own = sorted((piece for piece in found if piece.part == part), key=errors.__getitem__)
        for piece in own[:MEASURED]:
            yield _variant(name_of(part, piece.tensor), taken.without(piece), model, ctx)


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
