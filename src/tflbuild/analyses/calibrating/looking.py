"""All that can be seen of calibration: samples, activations and grids, as far as each is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tflbuild.analyses.calibrating import held, judging, reached, sources
from tflbuild.analyses.calibrating.reached import MOST
from tflbuild.analyses.calibrating.sources import Samples
from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.metrics.statistics.comparing import fisher
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.passes.quantizing.faults import ALPHA, LOOKED, Fault, Source, places
from tflbuild.quantization.observation import Executable, runnable
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed

ONE, SEVERAL = 0.9, 0.6
"""Shares of samples that a model takes for one class: of calibration samples at least, of training samples at most."""

ALIKE = 0.9
"""Correlation of the outputs of two models that compute the same, but for rounding of weights."""

Found = tuple[dict[str, Any], list[Fault]]


def looked(
    calibration: Calibration,
    step: str,
    models: Mapping[str, Artifact],
    ctx: AnalysisContext,
    *,
    foreign: bool,
) -> Found:
    """Look at everything; gives figures, and faults with the gravest first.

    Args:
        calibration: of the recipe.
        step: label of the step that it is of.
        models: `base`, `model` and what steps gave.
        ctx: of the analysis.
        foreign: whether the model was quantized elsewhere, on samples that nobody knows.
    """
    floating = _float_of(models)
    figures: dict[str, Any] = {}
    found: list[Fault] = []
    if not foreign:
        of = floating or models.get("base") or models["model"]
        meaning = Meaning.of(of)
        train = sources.of_split("data.train", meaning, ctx)
        taken, count, whole = sources.of_source(calibration, meaning, ctx)
        source = Source(calibration.source, step or "quantize", count, whole, calibration.samples)
        names = ctx.dataset("data.train").classes
        found = judging.of_values(taken, train, meaning, source, names)
        found = _overlapping(calibration, taken, meaning, source, ctx) + found
        figures = {"source": source.name, "samples": count, "of": whole, "inputs": _inputs(taken, train)}
        figures |= {"coverage": judging.coverage(taken, train, names)}
        if floating is not None:
            found = _by_activations(figures, found, floating, taken, train, source)
    model = models.get("model")
    if isinstance(model, TFLiteModel) and model.meta.get("quantized"):
        found += _by_grids(
            figures, model, models.get("base"), floating, step or "quantize", ctx, known=bool(found)
        )
    return figures, found


def _float_of(models: Mapping[str, Artifact]) -> TFLiteModel | None:
    """Give the last float `.tflite` before anything was quantized."""
    steps = [model for name, model in models.items() if name.startswith("step:")]
    candidates = [
        one for one in (models.get("base"), *steps, models.get("model")) if isinstance(one, TFLiteModel)
    ]
    floats = [one for one in candidates if not one.meta.get("quantized")]
    return floats[-1] if floats else None


def _inputs(taken: Samples, train: Samples) -> list[dict[str, Any]]:
    """Give range, mean and deviation of each input, by channel, of calibration and of training samples."""
    rows = []
    for kind, samples in (("calibration", taken), ("training", train)):
        for name, looks in samples.looks.items():
            mean = np.mean([one.mean for one in looks], axis=0)
            square = np.mean([np.square(one.deviation) + np.square(one.mean) for one in looks], axis=0)
            deviation = np.sqrt(np.maximum(square - np.square(mean), 0))
            rows.append(
                {
                    "input": name,
                    "kind": kind,
                    "low": min(one.low for one in looks),
                    "high": max(one.high for one in looks),
                    "mean": float(mean.mean()),
                    "deviation": float(deviation.mean()),
                    "channel_mean": [float(one) for one in mean],
                    "channel_deviation": [float(one) for one in deviation],
                }
            )
    return rows


def _overlapping(
    calibration: Calibration, taken: Samples, meaning: Meaning, source: Source, ctx: AnalysisContext
) -> list[Fault]:
    """Name calibration samples that are val samples, on which limits are judged."""
    if calibration.source == "data.val":
        text = "calibration samples are those of val, on which limits are judged"
        return [
            Fault(
                "calibration.overlap", text, source.train, {"samples": len(taken.values)}, False, error=True
            )
        ]
    found = sources.in_val(calibration, taken, meaning, ctx)
    if not found:
        return []
    are = "samples are" if len(found) != 1 else "sample is"
    text = f"{len(found)} calibration {are} in val, on which limits are judged: {plain(found[0], 200)}"
    outside = calibration.source != "data.train"
    figures = {"samples": len(found), "keys": found[:20]}
    return [Fault("calibration.overlap", text, source.train, figures, beyond_doubt=False, error=outside)]


def _by_activations(
    figures: dict[str, Any],
    found: list[Fault],
    floating: TFLiteModel,
    taken: Samples,
    train: Samples,
    source: Source,
) -> list[Fault]:
    """Measure the ranges that samples reach; too few are blamed only where their ranges are too narrow."""
    graph = Graph.unpacked(floating.path.read_bytes())
    rows, others = (sources.ordered(one, floating) for one in (taken, train))
    rows, others = (
        [rows[place] for place in places(len(rows), MOST)],
        [others[place] for place in places(len(others), MOST)],
    )
    try:
        here, there = reached.ends_of(graph, rows), reached.ends_of(graph, others)
    except PassError:
        return found
    if not (np.isfinite(here.low).all() and np.isfinite(there.low).all()):
        return found
    beside = reached.beside(here, there)
    figures |= {"growth": reached.growth(here), "halves": reached.halves(here), "beside": beside}
    if not beside:
        return found
    judged = []
    for fault in found:
        if fault.cause == "calibration.few":
            enough = beside["reach"] >= reached.NARROW
            text = f"{fault.text}; their ranges are {beside['reach']:.0%} as wide as those of training samples too"
            fault = fault._replace(text=text, beyond_doubt=not enough)
        judged.append(fault)
    if not any(fault.cause == "calibration.one_class" for fault in judged):
        one = _one_class_seen(floating, rows, others, source)
        judged += [one] if one and not any(fault.cause for fault in judged) else []
    return judged


def _one_class_seen(
    floating: TFLiteModel, rows: list[Any], others: list[Any], source: Source
) -> Fault | None:
    """Name samples that a classifier takes for one class alone, where it takes training samples for several."""
    meaning = Meaning.of(floating)
    running = Executable(floating.path.read_bytes())
    if not rows or not meaning.labels or running.run(rows[0])[0].size != len(meaning.labels):
        return None  # no scores of classes
    here, there = ([int(running.run(one)[0].argmax()) for one in group] for group in (rows, others))
    top = max(set(here), key=here.count)
    hits, expected = here.count(top), there.count(top)
    if (
        hits < ONE * len(here)
        or expected > SEVERAL * len(there)
        or fisher(hits, len(here), expected, len(there)) >= ALPHA
    ):
        return None
    name = meaning.labels[top] if top < len(meaning.labels) else str(top)
    return Fault(
        "calibration.one_class",
        f"the float model classifies {hits} of {len(here)} calibration samples for '{name}', and "
        f"{expected} of {len(there)} "
        f"training samples",
        source.train,
        {"class": name, "share": hits / len(here), "train_share": expected / len(there)},
    )


def _by_grids(
    figures: dict[str, Any],
    model: TFLiteModel,
    base: Artifact | None,
    floating: TFLiteModel | None,
    step: str,
    ctx: AnalysisContext,
    *,
    known: bool,
) -> list[Fault]:
    """Hold the grids of a quantized file to preprocessing and to what training samples span."""
    graph = Graph.unpacked(model.path.read_bytes())
    own = Meaning.of(model)
    grids = held.input_grids(graph)
    found: list[Fault] = []
    wrong = held.misfits(grids, [own.inputs[name].kind.limits() for name in grids if name in own.inputs])
    given = own
    if not wrong and base is not None and floating is not None:
        other = Meaning.of(floating)
        apart = [one.kind.limits() for one in other.inputs.values()]
        wrong = held.misfits(grids, apart)
        if wrong and _computes(graph, floating, other, ctx):
            given = other
        else:
            wrong = []
    sure = bool(wrong) and floating is not None and _computes(graph, floating, Meaning.of(floating), ctx)
    for one in wrong:
        found.append(_misfit(one, step, beyond_doubt=sure and (bool(one["reading"]) or one["far"])))
    samples = sources.of_split("data.train", given, ctx, LOOKED)
    values = [
        dict(zip(_in_order(graph), (row[name] for name in given.inputs), strict=False))
        for row in samples.values
    ]
    seen = held.held(graph.copy(), values) if values else None
    if seen is not None:
        figures["held"] = judged = held.judged(seen)
        if not found and not known and (judged["wide"] or judged["narrow"]):
            found.append(_off(judged, step))
    return found


def _in_order(graph: Graph) -> list[str]:
    return [graph.name(int(index)) for index in graph.model.subgraphs[0].inputs]


def _computes(graph: Graph, floating: TFLiteModel, meaning: Meaning, ctx: AnalysisContext) -> bool:
    """Say whether a file without its grids computes what the float model does, of samples as that takes them."""
    from tflbuild.tflite.dequantization import dequantize

    floats = graph.copy()
    samples = sources.of_split("data.train", meaning, ctx, 4)
    rows = sources.ordered(samples, floating)
    try:
        dequantize(floats)
        one = Executable(runnable(Packed(floats)))
        other = Executable(runnable(Packed(floating.path.read_bytes())))
        outputs = [
            [np.concatenate([part.ravel() for part in each.run(row)]) for row in rows]
            for each in (one, other)
        ]
    except PassError:
        return False
    here, there = (np.concatenate(rows) for rows in outputs)
    if here.shape != there.shape or not (here.std() > 0 and there.std() > 0):
        return False
    return bool(np.corrcoef(here, there)[0, 1] >= ALIKE)


def _misfit(one: Mapping[str, Any], step: str, *, beyond_doubt: bool) -> Fault:
    said = (
        f"the input '{one['input']}' holds {one['low']:.4g} to {one['high']:.4g}, and the model takes "
        f"{one['least']:.4g} to {one['most']:.4g}"
    )
    reading = f": it was calibrated on {one['reading']}" if one["reading"] else ""
    return Fault(
        "calibration.scale",
        f"{said}{reading}",
        f"{step}.calibration.source=data.train",
        dict(one),
        beyond_doubt,
    )


def _off(judged: Mapping[str, Any], step: str) -> Fault:
    layers = ", ".join(f"{one['layer']} ({one['ratio']:.2g})" for one in judged["layers"][:3])
    factor = judged["median"] if judged["wide"] else 1 / judged["median"]
    return Fault(
        "calibration.range",
        f"the grids of {judged['count']} layers are {factor:.2g} times too {'wide' if judged['wide'] else 'narrow'} "
        f"for training samples, as after calibration on other values: {layers}",
        f"{step}.calibration.source=data.train",
        dict(judged),
    )
