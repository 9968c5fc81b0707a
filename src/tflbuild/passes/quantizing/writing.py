"""Shared steps of passes that write a `.tflite`: embed its facts, and check the file's contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning

if TYPE_CHECKING:
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.islands import Island

WHOLE_NUMBERS = ("int32", "int64", "bool")
"""Dtypes of outputs that no quantizer makes, nor takes away."""


def emit_tflite(ctx: PassContext, graph: Graph, facts: Meaning, **meta: Any) -> TFLiteModel:
    """Write labels and preprocessing into a model, pack it, and say what is in it.

    Args:
        ctx: of the pass.
        graph: of the model; edited in place.
        facts: what it means.
        meta: what else is known of it.
    """
    from tflbuild.tflite import flatbuffer
    from tflbuild.tflite.census import census_of

    kept, model = facts.to_json(), graph.model
    flatbuffer.add_signature(model)
    flatbuffer.write_output_shapes(model, facts.kind.tail_shapes(facts))
    flatbuffer.write_facts(model, kept)
    return ctx.emit(
        TFLiteModel,
        graph.packed(),
        facts=kept,
        signature=flatbuffer.signature_of(model),
        census=census_of(model),
        **meta,
    )


def check_full_integer(
    path: Path, activations: str, islands: Iterable[Island] = (), *, recurrent: bool = False
) -> list[dict[str, Any]]:
    """Hold a file to compute in integers between its borders: see `tflbuild.quantization.promises.check_full_integer`.

    Final scores of an int8 file may have 16 bits, and where `recurrent` says so, recurrent layers may be floats.
    """
    from tflbuild.quantization import final_scores, promises
    from tflbuild.tflite import flatbuffer, float_ends
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.islands import Island

    finer = final_scores.widened(Graph(flatbuffer.load(path))) if activations == "int8" else []
    known = [Island(name=name, dtype="int16", reason="final scores") for name in finer]
    operators = flatbuffer.operators(path)
    ends = float_ends.islands(operator.output for operator in operators)
    loops = promises.recurrent(operators) if recurrent else []
    return promises.check_full_integer(path, activations, [*islands, *known, *ends, *loops])


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


def check_inputs(result: TFLiteModel, dtypes: Mapping[str, str]) -> None:
    """Hold a file's inputs to dtypes and, those of raw bytes, to the scale and zero point of the preprocessing.

    Raises:
        BrokenPromise: one is another.
    """
    from tflbuild.tflite import flatbuffer

    meaning = Meaning.of(result)
    for found in flatbuffer.signature(result.path)["inputs"]:
        name, dtype = found["name"], dtypes[found["name"]]
        if found["dtype"] != dtype:
            raise BrokenPromise(f"a {dtype} input was promised, but '{name}' is {found['dtype']}.")
        codes = meaning.inputs[name].kind.quantization()
        if dtype not in ("uint8", "int8") or codes is None:
            continue
        scale, zero_point = codes
        zero_point -= 128 if dtype == "int8" else 0
        if abs(found["scale"] - scale) > 1e-4 * scale or found["zero_point"] != zero_point:
            raise BrokenPromise(
                f"the scale {found['scale']:.6g} and zero point {found['zero_point']} of the input '{name}' are not "
                f"those of the preprocess block, {scale:.6g} and {zero_point}."
            )


def check_outputs(result: TFLiteModel, dtype: str) -> None:
    """Hold a classifier's output to a dtype; a detector's are float, since suppression gives floats.

    Whole numbers that stand for nothing else, such as the places that an ARG_MAX gives, stay what they are.

    Raises:
        BrokenPromise: it is another.
    """
    from tflbuild.tflite import flatbuffer

    wanted = "float32" if Meaning.of(result).kind.float_outputs else dtype
    for found in flatbuffer.signature(result.path)["outputs"]:
        if found["dtype"] != wanted and found["dtype"] not in WHOLE_NUMBERS:
            raise BrokenPromise(f"a {wanted} output was promised, but '{found['name']}' is {found['dtype']}.")


def input_dtypes(meaning: Meaning, scheme: str, given: str | None) -> dict[str, str]:
    """Give the dtype of each input of a file of a scheme.

    With scheme int8 an input takes raw bytes, uint8, where its modality has any, and else its values as int8.

    Args:
        meaning: of the model.
        scheme: of the file; "" for one that computes in floats.
        given: what the recipe says; None for nothing.

    Raises:
        PassError: raw bytes are asked for where there are none.
    """
    dtypes = {}
    for name, wanted in meaning.inputs.items():
        codes = wanted.kind.quantization() is not None
        if given == "uint8" and not codes:
            raise PassError(
                f"input_dtype: uint8 takes raw bytes, and the input '{name}' has none that one scale could express; "
                f"use int8 or float32."
            )
        usual = ("uint8" if codes else "int8") if scheme == "int8" else "float32"
        dtypes[name] = given or usual
    return dtypes


def limits_of(meaning: Meaning) -> dict[str, tuple[float, float]]:
    """Give the lowest and the highest model value of each input, as raw bytes express them, where it is known."""
    found = {name: given.kind.limits() for name, given in meaning.inputs.items()}
    return {name: limits for name, limits in found.items() if limits is not None}
