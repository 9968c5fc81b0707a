"""LiteRT Quantizer: quantize a float `.tflite`, with ranges that we measured.

Its own calibration merges by a moving average that depends on the order of the images and was the worst sane
setting in most of our measurements; ranges are injected instead.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from litert_quantizer import qtyping, quantizer
from litert_quantizer.algorithm_manager import AlgorithmName, check_op_quantization_config
from litert_quantizer.utils.tfl_flatbuffer_utils import TFL_OP_CODE_TO_NAME

from tflbuild.core.errors import PassError
from tflbuild.quantization import final_scores
from tflbuild.quantization.attempts import reason
from tflbuild.quantization.form import Form
from tflbuild.quantization.grid import FOUR_BIT
from tflbuild.tflite import flatbuffer, float_ends
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed

Scheme = Literal["int8", "int16x8", "float16", "dynamic"]
Range = tuple[float, float]
Kept = Literal["int16x8", "float32"]

EVERYTHING = ".+"
"""Pattern of all operators, like ".*", but in LiteRT Quantizer's recipe behind entries for single ones."""


def quantize(
    source: Packed,
    scheme: Scheme,
    ranges: dict[str, Range] | None = None,
    *,
    float_input: bool,
    float_output: bool,
    kept: Mapping[str, Kept] | None = None,
    form: Form | None = None,
) -> Graph:
    """Quantize a float `.tflite`, and unpack what LiteRT Quantizer gives.

    Args:
        source: the float file.
        scheme: int8 and int16x8 (int8 weights, int16 activations) need ranges.
        ranges: (low, high) of every activation by tensor name.
        float_input: leave the input float.
        float_output: leave the outputs float.
        kept: operators that are quantized otherwise, by the tensor they write: to int16 activations, or not at all.
        form: how numbers are stored.

    What `tflbuild.tflite.float_ends` marks stays float.

    Raises:
        PassError: the quantizer refused the model.
    """
    with _refusing():
        worker = quantizer.Quantizer(_of_today(source))
    _say(worker, ".*", scheme, form := form or Form())
    ends: dict[str, Kept] = dict.fromkeys(float_ends.kept(source.graph), "float32")
    kept = {**(kept or {}), **ends}
    _keep(worker, kept, form)
    names, borders = qtyping.TFLOperationName, {"INPUT": float_input, "OUTPUT": float_output}
    for name in ("CUSTOM_OP", *(border for border, is_float in borders.items() if is_float)):
        worker.update_quantization_recipe(
            regex=EVERYTHING, operation_name=names[name], algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    for name in (border for border, is_float in borders.items() if not is_float):
        shifted = name == "OUTPUT" and _ends_in_scores(source.graph)
        border = replace(form, activations="asymmetric") if shifted else form
        worker.update_quantization_recipe(EVERYTHING, names[name], _configuration(scheme, 8, border))
    if scheme in ("int8", "int16x8"):
        _keep_inner(worker, source.graph, form)
    result = None
    if ranges is not None:
        result = {
            name: {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
            for name, (low, high) in ranges.items()
        }
    # its progress bar goes to stderr, whatever it is told; what goes wrong it raises, but for biases that do not fit,
    # which `bias_scales.fit` mends
    with (
        np.errstate(invalid="ignore", over="ignore"),
        _refusing(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        made = worker.quantize(result, enable_progress_bar=False, enable_progress_report=False)
    graph = Graph.unpacked(bytes(made.quantized_model))
    if kept:
        _mend_outputs(graph, source.graph.model, float_output)
    return graph


def _of_today(source: Packed) -> bytes:
    """Give a file with operator codes of today: LiteRT Quantizer takes every operator of an old one for an ADD."""
    return source.content if flatbuffer.of_today(source.content) else source.graph.packed()


def _mend_outputs(graph: Graph, source: Any, float_output: bool) -> None:
    """Mend the outputs of a mixed file, in its graph and in its signature.

    Where a kept operator writes an output and an integer one reads it, LiteRT Quantizer redirects the graph's output to
    what the latter reads, and the signature's not.

    Args:
        graph: of a model with kept operators; edited in place.
        source: the unpacked float model.
        float_output: whether outputs are floats.
    """
    model = graph.model
    outputs = [int(index) for index in model.subgraphs[0].outputs]
    outputs = [_unrounded(graph, index) for index in outputs] if float_output else outputs
    order, names = [int(index) for index in source.subgraphs[0].outputs], flatbuffer.ends_of(source)[1]
    for entry in model.signatureDefs[0].outputs if model.signatureDefs else ():
        entry.tensorIndex = outputs[order.index(names[entry.name.decode()])]
    model.subgraphs[0].outputs = np.array(outputs, np.int32)
    graph.reindex()


def _unrounded(graph: Graph, index: int) -> int:
    """Give the float form of an output that was redirected to an integer one; any other as it is."""
    maker = graph.maker(index)
    if maker is None or graph.kind(maker) != "QUANTIZE":
        return index
    origin = int(maker.inputs[0])
    floats = (reader for reader in graph.readers(origin) if graph.kind(reader) == "DEQUANTIZE")
    return next((int(reader.outputs[0]) for reader in floats), origin)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Turn what LiteRT Quantizer raises into one sentence; models that it does not expect crash it in many ways."""
    try:
        yield
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise PassError(f"LiteRT Quantizer refused the model: {reason(error)}.") from error


def _say(worker: quantizer.Quantizer, regex: str, scheme: Scheme, form: Form) -> None:
    """Ask for a scheme in every operator, with fewer bits where the runtime can."""
    names = qtyping.TFLOperationName
    if scheme == "float16":
        worker.add_weight_only_config(
            regex, names.ALL_SUPPORTED, 16, algorithm_key=AlgorithmName.FLOAT_CASTING
        )
        return
    worker.update_quantization_recipe(regex, names.ALL_SUPPORTED, _configuration(scheme, 8, form))
    for kind in FOUR_BIT if form.weight_bits < 8 else ():
        worker.update_quantization_recipe(regex, names[kind], _configuration(scheme, form.weight_bits, form))


def _configuration(scheme: Scheme, weight_bits: int, form: Form) -> qtyping.OpQuantizationConfig:
    """Give LiteRT Quantizer's configuration of an operator."""
    granularities = {
        "channel": qtyping.QuantGranularity.CHANNELWISE,
        "tensor": qtyping.QuantGranularity.TENSORWISE,
    }
    activations = {
        "int8": qtyping.TensorQuantizationConfig(num_bits=8, symmetric=form.activations == "symmetric"),
        "int16x8": qtyping.TensorQuantizationConfig(num_bits=16, symmetric=True),
    }
    return qtyping.OpQuantizationConfig(
        activation_tensor_config=activations.get(scheme),
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=weight_bits, symmetric=True, granularity=granularities[form.granularity]
        ),
        compute_precision=qtyping.ComputePrecision.INTEGER,
    )


def _keep(worker: quantizer.Quantizer, kept: Mapping[str, Kept], form: Form) -> None:
    """Overrule the scheme for single operators; what stands last in LiteRT Quantizer's recipe counts.

    To it, the model's inputs and outputs are operators too, of the name of the one that writes them, so that they have
    to be said again afterwards.
    """
    for name, dtype in kept.items():
        only = f"^{re.escape(name)};"
        if dtype == "int16x8":
            _say(worker, only, dtype, form)
        else:
            worker.update_quantization_recipe(
                regex=only,
                operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
                algorithm_key=AlgorithmName.NO_QUANTIZE,
            )


def _keep_inner(worker: quantizer.Quantizer, graph: Graph, form: Form) -> None:
    """Let what a loop runs compute in floats, with integer weights: nobody measured ranges in there."""
    inner = [tensor.name.decode() for other in graph.model.subgraphs[1:] for tensor in other.tensors]
    if not inner:
        return
    only, names = f"^({'|'.join(re.escape(name) for name in inner)});", qtyping.TFLOperationName
    worker.update_quantization_recipe(only, names.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE)
    worker.update_quantization_recipe(only, names.FULLY_CONNECTED, _configuration("dynamic", 8, form))


def _ends_in_scores(graph: Graph) -> bool:
    """Say whether operators give the outputs whose int8 form has a zero point in any case."""
    makers = [graph.maker(index) for index in graph.outputs]
    return all(maker is not None and graph.kind(maker) in final_scores.KINDS for maker in makers)


def integer_schemes(operator: str) -> list[str]:
    """Name the schemes in which LiteRT Quantizer makes a built-in operator compute in integers.

    Args:
        operator: e.g. "CONV_2D".
    """
    name = TFL_OP_CODE_TO_NAME.get(getattr(qtyping.BuiltinOperator, operator))
    schemes: tuple[Scheme, ...] = ("int8", "int16x8")
    return [scheme for scheme in schemes if name is not None and _has_form(name, scheme)]


def _has_form(name: qtyping.TFLOperationName, scheme: Scheme) -> bool:
    try:
        check_op_quantization_config(
            AlgorithmName.MIN_MAX_UNIFORM_QUANT, name, _configuration(scheme, 8, Form())
        )
    except ValueError:  # how the library says no
        return False
    return True
