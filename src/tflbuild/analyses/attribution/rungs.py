"""Make the models of the ladder: from the one that was trained to the file that is delivered, one change at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from tflbuild.analyses.attribution.stages import (
    ACTIVATIONS,
    BASE,
    CONVERTED,
    DELEGATE,
    ENDS,
    FILE,
    INTEGERS,
    KERNELS,
    LABELS,
    PASS,
    PREPROCESS,
    SUPPRESSION,
    TRAINED,
    WEIGHTS,
    labels_in,
)
from tflbuild.core.analysis import STEP, AnalysisContext, Variant
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.runtimes.litert import Litert

if TYPE_CHECKING:
    from tflbuild.core.compiler_pass import PassContext
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.grids import Grid

REFERENCE = Litert(kernels="reference")

SAMPLES = 512
"""Training samples that the statistics of batch norm are measured again on."""


@dataclass(frozen=True)
class Ends:
    """The ends of a model as another has them: how it takes samples, and what it makes of raw outputs.

    Attributes:
        ending: options of what turns raw outputs into answers.
        meaning: of the base.
    """

    ending: Mapping[str, Any]
    meaning: Meaning


def rungs(models: Mapping[str, Artifact], ctx: AnalysisContext) -> Iterator[Variant]:
    """Give the ladder's models in order; each differs from the one before it in what its name says.

    Args:
        models: `base`, `model`, and every step's as `step:LABEL`.
        ctx: of the analysis.
    """
    base, model = models["base"], models["model"]
    trained = as_trained(base, ctx)
    if trained is not None:
        yield Variant(name=TRAINED, model=trained)
    yield Variant(name=BASE, model=base)
    converted = isinstance(base, TFLiteModel)
    last = base
    for label, step in behind(models, base):
        delivered = step.digest == model.digest and isinstance(model, TFLiteModel)
        if delivered or step.digest == last.digest:
            continue
        if isinstance(step, TFLiteModel) and step.meta.get("quantized"):
            break
        last = step
        if isinstance(step, TFLiteModel) and not converted:
            converted = True
            yield Variant(name=CONVERTED, model=step, runtime=REFERENCE)
            yield Variant(name=DELEGATE, model=step)
        else:
            yield Variant(name=f"{PASS}{label}", model=step)
    if model.digest != last.digest:
        assert isinstance(model, TFLiteModel)
        yield from _of_file(model, _ends(base), ctx)


def behind(models: Mapping[str, Artifact], base: Artifact) -> list[tuple[str, Artifact]]:
    """Give the models of the steps behind the base, by label."""
    steps = [(label, models[f"{STEP}{label}"]) for label in labels_in(models)]
    places = [place for place, (_, model) in enumerate(steps) if model.digest == base.digest]
    return steps[places[0] + 1 :] if places else steps


def as_trained(base: Artifact, ctx: AnalysisContext) -> KerasModel | None:
    """Give the base with the statistics of batch norm measured again, as training normalises; None without any."""
    if not isinstance(base, KerasModel) or base.meta.get("quantized") or not has_norms(base):
        return None
    from tflbuild.passes.reestimate_bn import ReestimateBatchNorm

    return ReestimateBatchNorm(samples=SAMPLES).run(base, cast("PassContext", ctx))


def has_norms(base: Artifact) -> bool:
    """Say whether a Keras model has a batch norm that can be measured again: its one input gives training batches."""
    from tflbuild.formats.keras.header import read

    meaning = Meaning.of(base)
    if len(meaning.inputs) != 1 or not meaning.only.kind.training:
        return False
    return "BatchNormalization" in str(read(base.path).config)


def _ends(base: Artifact) -> Ends:
    meaning = Meaning.of(base)
    return Ends(meaning.kind.ending(meaning, _graph(base)), meaning)


def with_ends_of(base: Artifact, model: TFLiteModel, ctx: AnalysisContext) -> TFLiteModel:
    """Give a file that takes samples, names classes and suppresses as the base does, see the rung `kernels`."""
    ends, own = _ends(base), Meaning.of(model)
    return _ended(model, ends, replace(own, **_as_base(own, ends.meaning)), ctx)


def _graph(model: Artifact) -> Graph | None:
    from tflbuild.tflite.graph import Graph

    return Graph.unpacked(model.path.read_bytes()) if isinstance(model, TFLiteModel) else None


def _of_file(model: TFLiteModel, ends: Ends, ctx: AnalysisContext) -> Iterator[Variant]:
    """Give what leads from a float model to a file: its weights, its grids, its kernels, and at last its own ends."""
    own = Meaning.of(model)
    taken = _as_base(own, ends.meaning)
    plain = _ended(model, ends, replace(own, **taken), ctx)
    parts = list(_quantized(plain, ctx))
    yield from parts
    yield Variant(name=KERNELS if parts else FILE, model=plain)
    last = plain
    for name, meaning in _steps_back(own, taken):
        last = replace(last, meta={**last.meta, "facts": meaning.to_json()})
        yield Variant(name=name, model=last)
    if plain.digest != model.digest:
        yield Variant(name=SUPPRESSION, model=model)


def _as_base(own: Meaning, base: Meaning) -> dict[str, Any]:
    """Give fields of a file's meaning in which the base differs, as the base has them."""
    taken: dict[str, Any] = {}
    if len(own.labels) == len(base.labels) and own.labels != base.labels:
        taken["labels"] = base.labels
    if len(own.inputs) == len(base.inputs):
        pairs = zip(own.inputs.items(), base.inputs.values(), strict=True)
        inputs = {
            name: replace(given, preprocess=other.preprocess) if given.modality == other.modality else given
            for name, (given, other) in (((name, (given, other)) for (name, given), other in pairs))
        }
        if any(inputs[name].kind != given.kind for name, given in own.inputs.items()):
            taken["inputs"] = inputs
    return taken


def _steps_back(own: Meaning, taken: Mapping[str, Any]) -> Iterator[tuple[str, Meaning]]:
    """Give a file's own labels and its own reading of samples back, one after the other."""
    left = dict(taken)
    for field, name in (("labels", LABELS), ("inputs", PREPROCESS)):
        if field in left:
            del left[field]
            yield name, replace(own, **left)


def _ended(model: TFLiteModel, ends: Ends, meaning: Meaning, ctx: AnalysisContext) -> TFLiteModel:
    """Let a file suppress as the base does; the file itself where it does so already."""
    from tflbuild.passes.quantizing.writing import emit_tflite

    graph = _graph(model)
    if graph is not None and meaning.kind.end_as(graph, ends.ending):
        quantized = model.meta.get("quantized", "")
        return emit_tflite(cast("PassContext", ctx), graph, meaning, quantized=quantized)
    return replace(model, meta={**model.meta, "facts": meaning.to_json()})


def _quantized(model: TFLiteModel, ctx: AnalysisContext) -> Iterator[Variant]:
    """Give the float model that a quantized file computes, with its grids put in step by step."""
    from tflbuild.tflite.dequantization import dequantize

    graph = _graph(model)
    assert graph is not None
    try:
        made = dequantize(graph)
    except PassError as error:
        ctx.log(f"the file cannot be taken apart: {error}")
        return
    if not (made.grids or made.layers):
        return
    yield _rounded(WEIGHTS, graph, {}, model, ctx)
    if not made.grids:
        return
    outer = ends_of(graph)
    inner = {name: grid for name, grid in made.grids.items() if name not in outer}
    yield _rounded(ACTIVATIONS, graph, inner, model, ctx)
    if len(inner) < len(made.grids):
        yield _rounded(ENDS, graph, made.grids, model, ctx)
    yield Variant(name=INTEGERS, model=model, runtime=REFERENCE)


def _rounded(
    name: str, graph: Graph, grids: Mapping[str, Grid], model: TFLiteModel, ctx: AnalysisContext
) -> Variant:
    from tflbuild.passes.quantizing.writing import emit_tflite
    from tflbuild.tflite.rounded import round_to

    altered = graph.copy()
    if grids:
        round_to(altered, grids)
    made = emit_tflite(cast("PassContext", ctx), altered, Meaning.of(model), quantized="")
    return Variant(name=name, model=made)


def ends_of(graph: Graph) -> set[str]:
    """Name the inputs of a graph, and what is read by nothing but its end: its outputs, or what suppression reads."""
    subgraph = graph.model.subgraphs[0]
    ends = {graph.name(int(index)) for index in (*subgraph.inputs, *subgraph.outputs)}
    last = graph.operators[-1]
    if not graph.kind(last).isupper():  # a custom operator
        ends |= {graph.name(int(index)) for index in last.inputs if int(index) >= 0}
    return ends
