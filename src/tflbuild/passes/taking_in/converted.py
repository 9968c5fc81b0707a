"""A float `.tflite` that a converter made of the user's file: held to the file, and finished as its task asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import Description
from tflbuild.core.plain_text import plain
from tflbuild.passes.load_tflite import looks_alike, meaning_of, settled
from tflbuild.passes.quantizing import parity, writing


def begun(ctx: PassContext) -> tuple[Any, Path, Meaning]:
    """Give the user's model, its path, and what it means on the recipe's data; what was recognised is noted.

    Raises:
        RecipeError: its inputs are not of the data's modality, or its classes are not the data's.
    """
    spec: Any = ctx.model_spec
    path = Path(spec.path)
    meaning = meaning_of(spec.description, ctx, path)
    ctx.notes["recognised"] = spec.recognised()
    return spec, path, meaning


def taken(
    graph: Any,
    meaning: Meaning,
    wanted: Mapping[str, Any],
    values: Mapping[str, Any],
    engine: str,
    ctx: PassContext,
) -> TFLiteModel:
    """Hold a converted file to its source, and keep it with what it means.

    Args:
        graph: of the `.tflite`, a `tflbuild.tflite.graph.Graph`; edited where its task appends something.
        meaning: of the user's file.
        wanted: outputs of the user's file by name, (samples, ...), in its own order of axes.
        values: the samples as they are read, by their keys.
        engine: what computed `wanted`, e.g. "onnxruntime".
        ctx: of the pass.

    Raises:
        BrokenPromise: an output differs by more than float kernels do.
        RecipeError: the outputs are not what they are taken for.
    """
    from tflbuild.evaluation.running import outputs_of

    spec: Any = ctx.model_spec
    path, place = Path(spec.path), ctx.scratch / "converted.tflite"
    place.write_bytes(graph.packed())
    _hold_to_description(spec.description, place, path)
    made = TFLiteModel(path=place, digest="", fingerprint="", meta={"facts": meaning.to_json()})
    found = outputs_of(made, values)
    wanted = {name: laid_out(name, output, found[name]) for name, output in wanted.items()}
    looks_alike(meaning, wanted, path)
    hold(wanted, found, f"'{plain(path)}' in {engine}", ctx)
    return finished(graph, meaning, found, values, ctx)


def hold(wanted: Mapping[str, Any], found: Mapping[str, Any], source: str, ctx: PassContext) -> None:
    """Hold what a converted file gives to what its source gives, and note how near they are.

    Args:
        wanted: outputs of the source by name, (samples, ...).
        found: those of the `.tflite`, of the same names and shapes.
        source: as a sentence names it, e.g. "'model.onnx' in onnxruntime".
        ctx: of the pass.

    Raises:
        BrokenPromise: an output differs by more than float kernels do.
    """
    differences = parity.compared(wanted, found)
    ctx.notes["parity"] = parity.noted(source, differences)
    wrong = parity.breaches(differences)
    if wrong:
        raise BrokenPromise(f"the .tflite does not compute what {source} computes: {'; '.join(wrong)}.")


def finished(
    graph: Any, meaning: Meaning, outputs: Mapping[str, Any], values: Mapping[str, Any], ctx: PassContext
) -> TFLiteModel:
    """Append what a delivered file of the task ends in, and hold the result to the same done outside the graph.

    Args:
        graph: of the `.tflite`; edited in place.
        meaning: of its outputs.
        outputs: of the `.tflite` by name, (samples, ...).
        values: the samples as they are read, by their keys.
        ctx: of the pass.

    Raises:
        BrokenPromise: the appended operators compute something else.
        RecipeError: the outputs are not what they are taken for.
    """
    from tflbuild.evaluation.running import outputs_of

    spec: Any = ctx.model_spec
    raw = settled(meaning, outputs, Path(spec.path), ctx)
    result = writing.emit_tflite(ctx, graph, raw.kind.finish_file(graph, raw))
    found = outputs_of(result, values)
    wrong = parity.breaches(parity.compared(*parity.finished_alike(outputs, found, raw), len(values)))
    if wrong:
        raise BrokenPromise(f"the finished .tflite does not compute what it is made of: {'; '.join(wrong)}.")
    return result


def laid_out(name: str, wanted: Any, found: Any) -> Any:
    """Give an output of the user's file in the order of axes of the `.tflite`: channels last, or as it is.

    Raises:
        BrokenPromise: it has another shape there.
    """
    import numpy as np

    orders = [wanted, np.moveaxis(wanted, 1, -1)] if wanted.ndim > 2 else [wanted]
    fitting = [one for one in orders if one.shape == found.shape]
    if not fitting:
        raise BrokenPromise(
            f"the output '{plain(name)}' is {wanted.shape[1:]} in the user's file, but {found.shape[1:]} in the "
            f".tflite."
        )
    return min(fitting, key=lambda one: float(np.max(np.abs(one - found), initial=0.0)))


def _hold_to_description(description: Description, place: Path, path: Path) -> None:
    """Read the `.tflite` as any other, and hold what it shows to what the user's file showed.

    Raises:
        BrokenPromise: its scores are of another kind.
    """
    from tflbuild.formats.tflite import description as tflite

    tflite.check(place)
    found = tflite.describe(place)
    kinds = [one.head.get("scores", "") for one in (description, found)]
    if all(kinds) and kinds[0] != kinds[1]:
        raise BrokenPromise(
            f"the scores of '{plain(path)}' are {kinds[0]}, but the .tflite that was made of it shows {kinds[1]}."
        )
