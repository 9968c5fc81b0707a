"""Take an ONNX file of the user's in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import Description
from tflbuild.core.plain_text import plain
from tflbuild.passes.load_tflite import looks_alike, meaning_of, settled
from tflbuild.passes.quantizing import parity, writing

SAMPLES = 32
"""Samples that the `.tflite` is held to the ONNX file on."""


@compiler_pass("load_onnx")
class LoadOnnx(Pass):
    """Start from the user's ONNX file (`model=file model.path=FILE`): it becomes a float32 `.tflite`.

    onnx2tf writes it, in the environment `onnx` (`tflbuild setup onnx`). Every side is fixed first: the batch is one
    sample, other open sides are those of `model.shape`. Pictures have their channels last in the `.tflite`, and outputs
    of four axes, too; names stay those of the ONNX file. Before anything else, the `.tflite` is held to what
    onnxruntime makes of the ONNX file itself, output by output, on samples of the train split (1e-4 of its size).
    """

    needs = ("environment:onnx", "ai_edge_litert", "numpy")
    promises = (
        "the outputs of the ONNX file in onnxruntime on samples of the train split, within 1e-4 of their size"
    )

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some samples."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        """Convert, hold to the ONNX file and to the data, and keep the file with what it means."""
        from tflbuild.backends import onnx_conversion
        from tflbuild.formats.onnx import description as onnx

        spec: Any = ctx.model_spec
        path = Path(spec.path)
        description: Description = spec.description
        meaning = meaning_of(description, ctx, path)
        ctx.notes["recognised"] = spec.recognised()
        ends = onnx.ends(path, spec.shape)
        kept = [name for name in ends.given if name not in ends.first]
        folder = ctx.scratch / "onnx2tf"
        folder.mkdir()
        converted = onnx_conversion.convert(path, ends.given, kept, folder)
        place = ctx.scratch / "converted.tflite"
        _holds_to(description, converted.graph.packed(), place, path)
        made = TFLiteModel(path=place, digest="", fingerprint="", meta={"facts": meaning.to_json()})
        raw = settled(meaning, _held_to_source(made, meaning, ends.first, path, ctx), path, ctx)
        return writing.emit_tflite(ctx, converted.graph, raw.kind.finish_file(converted.graph, raw))


def _holds_to(description: Description, content: bytes, place: Path, path: Path) -> None:
    """Read the `.tflite` as any other, and hold what it shows to what the ONNX file showed.

    Raises:
        BrokenPromise: its scores are of another kind.
    """
    from tflbuild.formats.tflite import description as tflite

    place.write_bytes(content)
    tflite.check(place)
    found = tflite.describe(place)
    kinds = [one.head.get("scores", "") for one in (description, found)]
    if all(kinds) and kinds[0] != kinds[1]:
        raise BrokenPromise(
            f"the scores of '{plain(path)}' are {kinds[0]}, but the .tflite that was made of it shows {kinds[1]}."
        )


def _held_to_source(
    result: TFLiteModel, meaning: Meaning, first: Mapping[str, str], path: Path, ctx: PassContext
) -> Mapping[str, Any]:
    """Run both on samples, note the differences, and give what the `.tflite` gives.

    Raises:
        BrokenPromise: an output differs by more than float kernels do.
    """
    from tflbuild.evaluation.running import outputs_of

    values = parity.sample_values(ctx, SAMPLES)
    wanted = _of_source(meaning, first, path, values)
    found = outputs_of(result, values)
    wanted = {name: _laid_out(name, output, found[name]) for name, output in wanted.items()}
    looks_alike(meaning, wanted, path)
    differences = parity.compared(wanted, found)
    ctx.notes["parity"] = {"of": f"'{path}' in onnxruntime", "outputs": differences}
    wrong = parity.breaches(differences)
    if wrong:
        raise BrokenPromise(
            f"the .tflite does not compute what '{plain(path)}' does in onnxruntime: {'; '.join(wrong)}."
        )
    return found


def _of_source(
    meaning: Meaning, first: Mapping[str, str], path: Path, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Run the ONNX file on samples; gives each output by name, (samples, ...) float32."""
    import numpy as np

    from tflbuild.backends.onnx_execution import OnnxSession
    from tflbuild.evaluation.examples import Encoder

    encoder = Encoder(meaning)
    rows: dict[str, list[Any]] = {}
    with OnnxSession(path) as session:
        for key, value in values.items():
            inputs = {
                name: np.moveaxis(given[None], -1, 1) if name in first else given[None]
                for name, given in encoder.values(value, key).items()
            }
            for name, output in session.run(inputs).items():
                row = output[0] if output.ndim and len(output) == 1 else output
                rows.setdefault(name, []).append(row.astype(np.float32))
    return {name: np.stack(found) for name, found in rows.items()}


def _laid_out(name: str, wanted: Any, found: Any) -> Any:
    """Give an output of the ONNX file in the order of axes that the `.tflite` has it in: channels last, or as it is.

    Raises:
        BrokenPromise: it has another shape there.
    """
    import numpy as np

    orders = [wanted, np.moveaxis(wanted, 1, -1)] if wanted.ndim > 2 else [wanted]
    fitting = [one for one in orders if one.shape == found.shape]
    if not fitting:
        raise BrokenPromise(
            f"the output '{plain(name)}' is {wanted.shape[1:]} in the ONNX file, but {found.shape[1:]} in the .tflite."
        )
    return min(fitting, key=lambda one: float(np.max(np.abs(one - found), initial=0.0)))
