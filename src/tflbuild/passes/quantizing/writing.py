"""Shared steps of passes that write a `.tflite`: embed its facts, and check the file's contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning

if TYPE_CHECKING:
    from tflbuild.tflite.islands import Island


def emit_tflite(ctx: PassContext, content: bytes, facts: Meaning, **meta: Any) -> TFLiteModel:
    """Write a flatbuffer with its labels and preprocessing inside, and say what is in it."""
    from tflbuild.tflite import flatbuffer
    from tflbuild.tflite.census import census as census_of

    kept = facts.to_json()
    signed = flatbuffer.with_signature(content)
    whole = flatbuffer.with_facts(flatbuffer.with_output_shapes(signed, facts.kind.tail_shapes(facts)), kept)
    path = ctx.scratch / "census.tflite"
    path.write_bytes(whole)
    return ctx.emit(
        TFLiteModel,
        whole,
        facts=kept,
        signature=flatbuffer.signature(path),
        census=census_of(path),
        **meta,
    )


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

    Raises:
        BrokenPromise: it is another.
    """
    from tflbuild.tflite import flatbuffer

    wanted = "float32" if Meaning.of(result).kind.float_outputs else dtype
    for found in flatbuffer.signature(result.path)["outputs"]:
        if found["dtype"] != wanted:
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


def quantizable(model: TFLiteModel, ctx: PassContext | AnalysisContext) -> TFLiteModel:
    """Bring a float file of somebody else into a form that can be quantized, and that computes the same.

    Weights that are stored in int8 or float16 while their layers compute in floats become float32; SQUEEZE and
    EXPAND_DIMS become RESHAPE.
    """
    from tflbuild.core import digest
    from tflbuild.tflite import float_weights, reshapes

    given = model.path.read_bytes()
    content, unpacked = float_weights.with_float_weights(given)
    content, reshaped = reshapes.with_reshapes(content)
    if content is given:
        return model
    if unpacked:
        ctx.log(
            f"weights of {len(unpacked)} layers were stored in fewer bits, and are float32 of the same values now"
        )
    if reshaped:
        ctx.log(f"{', '.join(reshaped)}: reshaped by RESHAPE now, which has an integer form")
    path = ctx.scratch / "quantizable.tflite"
    path.write_bytes(content)
    sha256 = digest.of_file(path)
    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta=model.meta)


def with_even_inputs(
    model: TFLiteModel, ctx: PassContext | AnalysisContext, scheme: str, given: str | None
) -> TFLiteModel:
    """Let inputs that are normalised by channel take raw bytes: the normalisation moves into the graph.

    Args:
        model: a float file.
        ctx: gives a folder for the changed file.
        scheme: of the file that is to be made.
        given: what the recipe says of the dtype of inputs; None for nothing.

    Returns:
        The changed file with its meaning; the given one where nothing is moved. What is done is noted.
    """
    if scheme != "int8" or given == "float32":
        return model
    meaning = Meaning.of(model)
    evened = {name: found for name, one in meaning.inputs.items() if (found := one.kind.evened())}
    _note_normalisation(meaning, evened, ctx)
    if not evened:
        return model
    from tflbuild.core import digest
    from tflbuild.tflite import normalisation

    channels = {name: (factors, shifts) for name, (_, factors, shifts) in evened.items()}
    path = ctx.scratch / "even.tflite"
    path.write_bytes(normalisation.moved_inside(model.path.read_bytes(), channels))
    inputs = {
        name: replace(one, preprocess=evened[name][0].to_json()) if name in evened else one
        for name, one in meaning.inputs.items()
    }
    facts = replace(meaning, inputs=inputs).to_json()
    sha256 = digest.of_file(path)
    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={**model.meta, "facts": facts})


def _note_normalisation(
    meaning: Meaning, evened: Mapping[str, Any], ctx: PassContext | AnalysisContext
) -> None:
    """Say of each input that is normalised by channel where that is done: in the graph, or before it."""
    notes: dict[str, Any] = {
        name: {"factor": list(factors), "shift": list(shifts)}
        for name, (_, factors, shifts) in evened.items()
    }
    for name, one in meaning.inputs.items():
        if name not in evened and one.kind.quantization() is None and one.kind.limits() is not None:
            notes[name] = "outside: the input takes normalised values"
            ctx.log(
                f"the normalisation of '{name}' stays outside of the file, whose input takes normalised values"
            )
    if notes:
        ctx.notes["normalisation"] = notes


def limits_of(meaning: Meaning) -> dict[str, tuple[float, float]]:
    """Give the lowest and the highest model value of each input, as raw bytes express them, where it is known."""
    found = {name: given.kind.limits() for name, given in meaning.inputs.items()}
    return {name: limits for name, limits in found.items() if limits is not None}


def inputs_in_order(model: TFLiteModel) -> list[str]:
    """Name the inputs of a file, in the order of its graph.

    Raises:
        PassError: its facts name others.
    """
    from tflbuild.tflite import flatbuffer

    names = [entry["name"] for entry in flatbuffer.signature(model.path)["inputs"]]
    known = Meaning.of(model).inputs
    if sorted(names) != sorted(known):
        raise PassError(
            f"the file takes {', '.join(names)}, but is said to take {', '.join(known)}; name its inputs as it does."
        )
    return names
