"""Full-integer files, islands in them, and kernels that have to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from small_network import constants, convolutional, model, quantized, ranges, spoilt, tensor
from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph
from tflbuild.backends.islands import Island
from tflbuild.backends.promises import check_declared, check_full_integer, check_kernels
from tflbuild.backends.quantization import bias_scales, quantizer
from tflbuild.core.errors import BrokenPromise

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")

HEAD = Island(name="head", dtype="float32", reason="kept by quantize_mixed")


def with_kept(folder: Path, kept: dict[str, Any]) -> Path:
    """Quantize the network to int8, operators that write the given tensors otherwise."""
    path = folder / "kept.tflite"
    source = model(folder).path
    path.write_bytes(
        quantizer.quantize(source, "int8", ranges(), float_input=False, float_output=True, kept=kept)
    )
    return path


def test_a_whole_int8_file_has_no_islands(tmp_path: Path) -> None:
    assert check_full_integer(quantized(tmp_path), "int8") == []


def test_int16_activations_are_not_int8_ones(tmp_path: Path) -> None:
    whole = quantized(tmp_path, "int16x8")
    assert check_full_integer(whole, "int16") == []
    with pytest.raises(BrokenPromise, match=r"CONV_2D 'stem/Relu' computes in int16\.$"):
        check_full_integer(whole, "int8")


@pytest.mark.parametrize(("kept", "dtype"), [("float32", "float32"), ("int16x8", "int16")])
def test_an_island_is_named_with_its_reason(tmp_path: Path, kept: str, dtype: str) -> None:
    path = with_kept(tmp_path, {"head/BiasAdd": kept})
    with pytest.raises(BrokenPromise, match=f"FULLY_CONNECTED 'head/BiasAdd' computes in {dtype}"):
        check_full_integer(path, "int8")
    island = Island(name="head/BiasAdd", dtype=dtype, reason="kept by quantize_mixed")
    assert check_full_integer(path, "int8", [island]) == [
        {
            "operator": "FULLY_CONNECTED",
            "tensor": "head/BiasAdd",
            "dtype": dtype,
            "reason": "kept by quantize_mixed",
        }
    ]


@pytest.mark.parametrize("name", ["head/BiasAdd", "head", "h?ad", "*BiasAdd"])
def test_an_island_has_the_name_of_a_tensor_or_a_layer_or_a_pattern(tmp_path: Path, name: str) -> None:
    path = with_kept(tmp_path, {"head/BiasAdd": "float32"})
    found = check_full_integer(path, "int8", [Island(name=name, dtype="float32", reason="r")])
    assert [entry["tensor"] for entry in found] == ["head/BiasAdd"]


@pytest.mark.parametrize(
    ("islands", "message"),
    [
        ([], "FULLY_CONNECTED 'head/BiasAdd' computes in float32"),
        ([Island(name="stem", dtype="float32", reason="r")], "'head/BiasAdd' computes in float32"),
        ([Island(name="head", dtype="int16", reason="r")], "'head/BiasAdd' computes in float32"),
        (
            [HEAD, Island(name="stem", dtype="float32", reason="why")],
            r"'stem' was to be float32 \(why\), but no op",
        ),
        ([HEAD, Island(name="nowhere", dtype="int16", reason="why")], "'nowhere' was to be int16"),
    ],
)
def test_only_what_is_meant_to_be_an_island_is_one(
    tmp_path: Path, islands: Sequence[Island], message: str
) -> None:
    path = with_kept(tmp_path, {"head/BiasAdd": "float32"})
    with pytest.raises(BrokenPromise, match=message):
        check_full_integer(path, "int8", islands)


def test_a_float_file_computes_nothing_in_integers(tmp_path: Path) -> None:
    with pytest.raises(BrokenPromise, match="CONV_2D 'stem/Relu' computes in float32"):
        check_full_integer(model(tmp_path).path, "int8")
    everything = [Island(name="*", dtype="float32", reason="r")]
    with pytest.raises(BrokenPromise, match="int8 activations were promised, but no operator gives any"):
        check_full_integer(model(tmp_path).path, "int8", everything)


def test_an_operator_without_integer_form_says_so(tmp_path: Path) -> None:
    def as_elu(graph: Graph) -> None:
        (softmax,) = (o for o in graph.operators if graph.kind(o) == "SOFTMAX")
        code = graph.model.operatorCodes[softmax.opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ELU
        softmax.builtinOptionsType, softmax.builtinOptions = 0, None

    source = spoilt(model(tmp_path).path, as_elu)
    path = tmp_path / "elu.tflite"
    path.write_bytes(quantizer.quantize(source, "int8", ranges(), float_input=False, float_output=True))
    with pytest.raises(
        BrokenPromise, match="ELU 'scores' computes in float32: LiteRT Quantizer has no integer"
    ):
        check_full_integer(path, "int8")


def test_custom_operators_are_islands_with_a_reason(tmp_path: Path) -> None:
    from tflbuild.backends.tiny import brightness_detector

    source, path = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    source.write_bytes(brightness_detector())
    names = {operator.output for operator in flatbuffer.operators(source)} | {"image"}
    bounds = dict.fromkeys(names, (-8.0, 8.0)) | {"flat_scores": (0.0, 1.0), "class_scores": (0.0, 1.0)}
    made = quantizer.quantize(source, "int8", bounds, float_input=False, float_output=True)
    path.write_bytes(bias_scales.fit(made, source))
    (found,) = check_full_integer(path, "int8")
    assert (found["operator"], found["reason"]) == ("TFLite_Detection_PostProcess", "custom operator")


def set_weights(name: str, values: Any) -> Any:
    def change(graph: Graph) -> None:
        data = np.frombuffer(np.asarray(values, np.int8).tobytes(), np.uint8)
        graph.model.buffers[tensor(graph, name).buffer].data = data

    return change


def test_kernels_keep_weights_and_zeros(tmp_path: Path) -> None:
    half = constants()["stem/Conv2D"] * (np.arange(3) > 0)  # 36 of 108 weights are zero
    changed = {"stem/Conv2D": half.astype(np.float32)}
    source, whole = model(tmp_path, changed).path, quantized(tmp_path, changed=changed)
    check_kernels(source, whole)
    with pytest.raises(BrokenPromise, match="all weights of 'head/MatMul' are zero after quantization"):
        check_kernels(source, spoilt(whole, set_weights("head/MatMul", np.zeros(2 * 64))))
    with pytest.raises(BrokenPromise, match="'stem/Conv2D' lost 36 of 36 zeros in quantization"):
        check_kernels(source, spoilt(whole, set_weights("stem/Conv2D", np.ones(4 * 27))))


def test_a_kernel_that_was_empty_before_may_be_so_after(tmp_path: Path) -> None:
    changed = {"stem/Conv2D": np.zeros((4, 3, 3, 3), np.float32), "stem/bias": np.zeros(4, np.float32)}
    check_kernels(model(tmp_path, changed).path, quantized(tmp_path, changed=changed))


def test_the_network_of_these_tests_runs(tmp_path: Path) -> None:
    from tflbuild.backends import litert

    (tmp_path / "a.tflite").write_bytes(convolutional())
    litert.check_runs(tmp_path / "a.tflite")


def test_zeros_and_clusters_that_were_declared_are_held_against_the_file(tmp_path: Path) -> None:
    weights = np.tile(np.array([0, 0, 0.1, 0.2, 0.3, 0.4], np.float32), 18)  # a third are zeros; 5 values
    path = quantized(tmp_path, changed={"stem/Conv2D": weights.reshape(4, 3, 3, 3)})
    check_declared(path, {"stem/kernel": 1 / 3, "head/kernel": 0.0, "gone/kernel": 0.9}, {"stem/kernel": 5})
    with pytest.raises(BrokenPromise, match=r"stem/kernel had 50.00% zeros, but in the file it has 33.33%"):
        check_declared(path, {"stem/kernel": 0.5}, {})
    with pytest.raises(BrokenPromise, match=r"stem/kernel had at most 4 distinct values .* has 5"):
        check_declared(path, {}, {"stem/kernel": 4})
