"""Shared steps of passes that write a `.tflite`: embed its facts, and check the file's contents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import BrokenPromise, PassError

if TYPE_CHECKING:
    from tflbuild.tflite.islands import Island


def detector_of(facts: ModelFacts) -> Any:
    """Give a `tflbuild.backends.converter.Detector`, None for a classifier."""
    if facts.task != "detection":
        return None
    from tflbuild.backends.converter import Detector
    from tflbuild.tasks.detection.decoding import anchors_of, suppression_of

    return Detector(anchors=anchors_of(facts), suppression=suppression_of(facts))


def emit_tflite(ctx: PassContext, content: bytes, facts: ModelFacts, **meta: Any) -> TFLiteModel:
    """Write a flatbuffer with its labels and preprocessing inside, and say what is in it."""
    from tflbuild.tflite import flatbuffer

    kept = facts.to_json()
    whole = flatbuffer.with_facts(flatbuffer.with_output_shapes(content, _shapes(facts)), kept)
    path = ctx.scratch / "census.tflite"
    path.write_bytes(whole)
    return ctx.emit(
        TFLiteModel,
        whole,
        facts=kept,
        signature=flatbuffer.signature(path),
        census=flatbuffer.census(path),
        **meta,
    )


def _shapes(facts: ModelFacts) -> dict[str, tuple[int, ...]]:
    if facts.task != "detection":
        return {}
    from tflbuild.tflite.suppression import output_shapes

    return output_shapes(int(facts.detector["postprocess"]["max_detections"]))


def check_full_integer(path: Path, activations: str, islands: Iterable[Island] = ()) -> list[dict[str, Any]]:
    """Hold a file to compute in integers between its borders: see `tflbuild.quantization.promises.check_full_integer`.

    Final scores of an int8 file may have 16 bits.
    """
    from tflbuild.quantization import final_scores, promises
    from tflbuild.tflite.islands import Island

    finer = final_scores.widened(path.read_bytes()) if activations == "int8" else []
    known = [Island(name=name, dtype="int16", reason="final scores") for name in finer]
    return promises.check_full_integer(path, activations, [*islands, *known])


def refuse_sparse(model: TFLiteModel) -> None:
    """Refuse a file whose kernels are stored without their zeros, which no quantizer reads.

    Raises:
        PassError: it says which option to change.
    """
    if model.meta.get("sparse_encoding"):
        raise PassError(
            "the file's kernels are stored without their zeros, which cannot be quantized; set "
            "convert.sparse_encoding=false: compressed, a quantized file with its zeros is smaller anyway."
        )


def check_declared(result: TFLiteModel) -> None:
    """Hold a file's kernels to the zeros and clusters that earlier passes said they gave them.

    Raises:
        BrokenPromise: a kernel has fewer zeros or more distinct values.
    """
    from tflbuild.quantization import promises

    clusters = result.meta.get("clusters", {}).get("layers", {})
    promises.check_declared(
        result.path,
        result.meta.get("sparsity", {}).get("layers", {}),
        {name: int(found["channel"]) for name, found in clusters.items()},
    )


def check_input(result: TFLiteModel, dtype: str) -> None:
    """Hold a file's input to a dtype and, for raw bytes, to the scale and zero point of the preprocessing.

    Raises:
        BrokenPromise: it is another.
    """
    from tflbuild.modalities.image.preprocess import Preprocess
    from tflbuild.tflite import flatbuffer

    found = flatbuffer.signature(result.path)["inputs"][0]
    if found["dtype"] != dtype:
        raise BrokenPromise(f"a {dtype} input was promised, but it is {found['dtype']}.")
    if dtype not in ("uint8", "int8"):
        return
    scale, zero_point = Preprocess.of(ModelFacts.of(result).preprocess).quantization()
    zero_point -= 128 if dtype == "int8" else 0
    if abs(found["scale"] - scale) > 1e-4 * scale or found["zero_point"] != zero_point:
        raise BrokenPromise(
            f"the input's scale {found['scale']:.6g} and zero point {found['zero_point']} are not those of the "
            f"preprocess block, {scale:.6g} and {zero_point}."
        )


def check_outputs(result: TFLiteModel, dtype: str) -> None:
    """Hold a classifier's output to a dtype; a detector's are float, since suppression gives floats.

    Raises:
        BrokenPromise: it is another.
    """
    from tflbuild.tflite import flatbuffer

    wanted = "float32" if ModelFacts.of(result).task == "detection" else dtype
    for found in flatbuffer.signature(result.path)["outputs"]:
        if found["dtype"] != wanted:
            raise BrokenPromise(f"a {wanted} output was promised, but '{found['name']}' is {found['dtype']}.")


def pixel_range(facts: ModelFacts) -> tuple[float, float]:
    """Give the model values of a black and a white pixel, as a uint8 input expresses them."""
    from tflbuild.modalities.image.preprocess import Preprocess

    return Preprocess.of(facts.preprocess).pixel_range()
