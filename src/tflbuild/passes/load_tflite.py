"""Take a float `.tflite` of the user's in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.model_format import Description
from tflbuild.core.plain_text import plain
from tflbuild.passes.quantizing import parity, writing


@compiler_pass("load_tflite")
class LoadTflite(Pass):
    """Start from the user's `.tflite` (`model=file model.path=FILE`) as it is.

    Its graph and its weights stay what they are; what it means is written beside them. Every operator is allocated and
    invoked, on samples of the train split, and gives what the user's own file gives, to the bit. What the outputs are
    taken for is held to what they are on these samples.
    """

    needs = ("ai_edge_litert", "numpy")
    promises = "the outputs of the user's file on samples of the train split, to the bit"

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some samples."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        """Check, hold to the data, and keep the file with what it means."""
        from tflbuild.evaluation.running import outputs_of
        from tflbuild.formats.tflite import brought
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.graph import Graph

        spec: Any = ctx.model_spec
        path = Path(spec.path)
        content, carried = brought.apart(flatbuffer.check(path), ctx.log)
        content = self._mended(content, ctx)
        description: Description = spec.description
        meaning = meaning_of(description, ctx, path)
        ctx.notes["recognised"] = spec.recognised()
        values = parity.sample_values(ctx)
        given = TFLiteModel(path=path, digest="", fingerprint="", meta={"facts": meaning.to_json()})
        if ctx.notes.get("mended"):
            given = replace(given, path=ctx.scratch / "mended.tflite")
            given.path.write_bytes(content)
        wanted = outputs_of(given, values)
        looks_alike(meaning, wanted, path, _steps(description))
        raw = settled(meaning, wanted, path, ctx)
        graph = Graph.unpacked(content)
        meaning = raw.kind.finish_file(graph, raw)
        more = {"quantized": spec.quantized()} if spec.quantized() else {}
        result = writing.emit_tflite(ctx, graph, meaning, **more, **carried)
        found = parity.compared(*parity.finished_alike(wanted, outputs_of(result, values), raw), len(values))
        ctx.notes["parity"] = parity.noted(f"'{path}'", found)
        wrong = parity.breaches(found, 0.0)
        if wrong:
            raise BrokenPromise(f"the file does not compute what '{path}' does: {'; '.join(wrong)}.")
        return result

    def _mended(self, content: bytes, ctx: PassContext) -> bytes:
        """Mend what LiteRT refuses in files of old converters, where it can mean one thing alone."""
        from tflbuild.tflite import old_axes, scales
        from tflbuild.tflite.graph import Graph

        graph = Graph.unpacked(content)
        wrong = scales.wrong_biases(graph)
        if wrong:
            ctx.log(
                f"{wrong[0]}: the file computes with a wrong bias in {len(wrong)} of its layers, and so does what is "
                f"made of it; its float model would give a better one"
            )
            ctx.notes["wrong_biases"] = len(wrong)
        names = old_axes.mended_axes(graph)
        if not names:
            return content
        ctx.log(
            f"{len(names)} biases, '{names[0]}' the first, name an axis of channels that they do not have: it is 0"
        )
        ctx.notes["mended"] = {"axes": len(names)}
        return graph.packed()


def meaning_of(description: Description, ctx: PassContext, path: Path) -> Meaning:
    """Say what a described file means on the recipe's data.

    Raises:
        RecipeError: its inputs are not of the data's modality, or its classes are not the data's.
    """
    from tflbuild.formats import fitting

    classes = ctx.dataset("data.train").classes
    reason = fitting.misfit(description, ctx.modality, classes)
    if reason:
        raise RecipeError(f"model.path: '{plain(path)}' {reason}.")
    inputs = {
        name: Input(modality=ctx.modality, shape=spec.shape[1:], preprocess=ctx.preprocess)
        for name, spec in description.signature.inputs.items()
    }
    task = ctx.model_spec.task_on(ctx.task)
    head = description.head if task == description.task else {}
    return Meaning(task=task, labels=labels_of(description, classes), inputs=inputs, head=head)


def labels_of(description: Description, classes: Sequence[str]) -> tuple[str, ...]:
    """Name the classes of a model: as its file says where it knows those of the data, else as the data do."""
    from tflbuild.formats import fitting

    own = next(iter(description.labels.values()), ())
    if not classes or fitting.known(description, classes):
        return own
    return tuple(classes) if fitting.classes_of(description) or not own else own


def settled(meaning: Meaning, outputs: Mapping[str, Any], path: Path, ctx: PassContext) -> Meaning:
    """Settle what names and shapes of outputs do not show.

    Args:
        meaning: of the user's file, or of a float `.tflite` that was made of it.
        outputs: (samples, ...) float32 by name, on real samples.
        path: the user's file.
        ctx: of the pass; what is settled is noted.

    Raises:
        RecipeError: the outputs are not what they are taken for.
    """
    try:
        meaning, said = meaning.kind.settled(meaning, outputs)
    except ValueError as error:
        raise RecipeError(f"model.head.{error}; the file is '{plain(path)}'.") from error
    for sentence in said:
        ctx.log(sentence)
    if said:
        ctx.notes["settled"] = list(said)
    return meaning


def _steps(description: Description) -> dict[str, float]:
    """Give the step of each quantized output."""
    return {name: spec.scale for name, spec in description.signature.outputs.items() if spec.scale}


def looks_alike(
    meaning: Meaning, outputs: Mapping[str, Any], path: Path, steps: Mapping[str, float] | None = None
) -> None:
    """Hold a classifier's scores to what they are taken for.

    Args:
        meaning: of the model.
        outputs: what it gave, by name, (samples, ...).
        path: the file, for the message.
        steps: of outputs that are quantized: each of a row's scores is rounded by half of one.

    Raises:
        RecipeError: they are not.
    """
    import numpy as np

    kind, name = meaning.head.get("scores"), meaning.head.get("outputs", {}).get("scores")
    if name not in outputs:
        return
    rows = outputs[name].reshape(len(outputs[name]), -1)
    sums = rows.sum(axis=1)
    rounding = rows.shape[1] * (steps or {}).get(name, 0.0) / 2
    reason = ""
    if kind in ("softmax", "sigmoid") and not (rows.min() >= -1e-3 and rows.max() <= 1 + 1e-3):
        reason = f"they lie in {rows.min():.3g}..{rows.max():.3g}, where 0..1 would be right"
    elif kind == "softmax" and not np.abs(sums - 1).max() <= 1e-2 + rounding:
        reason = f"one row adds up to {sums[np.abs(sums - 1).argmax()]:.3g}, where 1 would be right"
    if reason:
        raise RecipeError(
            f"model.path: the scores '{plain(name)}' of '{plain(path)}' are taken for those of a {kind}, but on "
            f"{len(rows)} samples {reason}."
        )
