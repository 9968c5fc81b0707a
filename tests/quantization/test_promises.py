"""Full-integer files, islands in them, and kernels that have to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from on_bytes import fit, quantize
from small_network import constants, convolutional, model, quantized, ranges, spoilt, tensor
from tflbuild.core.errors import BrokenPromise
from tflbuild.quantization import promises, quantizer
from tflbuild.quantization.promises import check_declared, check_full_integer, check_weights
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.flatbuffer import Operator
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.islands import Island
from tflbuild.tflite.weights import Weights

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")

HEAD = Island(name="head", dtype="float32", reason="kept by quantize_mixed")


def with_kept(folder: Path, kept: dict[str, Any]) -> Path:
    """Quantize the network to int8, operators that write the given tensors otherwise."""
    path = folder / "kept.tflite"
    source = model(folder).path
    path.write_bytes(quantize(source, "int8", ranges(), float_input=False, float_output=True, kept=kept))
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
    path.write_bytes(quantize(source, "int8", ranges(), float_input=False, float_output=True))
    with pytest.raises(
        BrokenPromise, match="ELU 'scores' computes in float32: LiteRT Quantizer has no integer"
    ):
        check_full_integer(path, "int8")


def test_custom_operators_are_islands_with_a_reason(tmp_path: Path) -> None:
    from tflbuild.tflite.tiny import brightness_detector

    source, path = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    source.write_bytes(brightness_detector())
    names = {operator.output for operator in flatbuffer.operators(source)} | {"image"}
    bounds = dict.fromkeys(names, (-8.0, 8.0)) | {"flat_scores": (0.0, 1.0), "class_scores": (0.0, 1.0)}
    made = quantize(source, "int8", bounds, float_input=False, float_output=True)
    path.write_bytes(fit(made, source))
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
    check_weights(source, whole)
    with pytest.raises(BrokenPromise, match="all weights of 'head/MatMul' are zero after quantization"):
        check_weights(source, spoilt(whole, set_weights("head/MatMul", np.zeros(2 * 64))))
    with pytest.raises(BrokenPromise, match="'stem/Conv2D' lost 36 of 36 zeros in quantization"):
        check_weights(source, spoilt(whole, set_weights("stem/Conv2D", np.ones(4 * 27))))


def test_a_kernel_that_was_empty_before_may_be_so_after(tmp_path: Path) -> None:
    changed = {"stem/Conv2D": np.zeros((4, 3, 3, 3), np.float32), "stem/bias": np.zeros(4, np.float32)}
    check_weights(model(tmp_path, changed).path, quantized(tmp_path, changed=changed))


def test_the_network_of_these_tests_runs(tmp_path: Path) -> None:
    from tflbuild.runtimes import interpreter as litert

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


def operator(
    name: str, inputs: Sequence[str], outputs: Sequence[str], output: str = "t"
) -> flatbuffer.Operator:
    return flatbuffer.Operator(name=name, inputs=tuple(inputs), outputs=tuple(outputs), output=output)


@pytest.mark.parametrize(
    ("inputs", "outputs", "computed"),
    [
        (["int8", "int8", "int32"], ["int8"], "int8"),
        (["int16", "int8"], ["int16"], "int16"),
        (["float32", "int8"], ["float32"], "float32"),
        (["int8"], ["float32"], "float32"),
        (["int8", "float32"], ["int8"], "float32"),
        (["int8"], ["int32"], "int8"),  # e.g. ARG_MAX, which gives indices
        (["int32", "int16"], ["int32"], ""),
        (["int32"], ["int32"], ""),
        (["uint8"], ["bool"], ""),
    ],
)
def test_what_an_operator_computes_in(inputs: list[str], outputs: list[str], computed: str) -> None:
    assert promises._computed(operator("CONV_2D", inputs, outputs)) == computed


def test_operators_of_the_borders_and_of_no_values_are_no_islands() -> None:
    for name, inputs, outputs in (
        ("QUANTIZE", ["float32"], ["int8"]),
        ("DEQUANTIZE", ["int8"], ["float32"]),
        ("SHAPE", ["int8"], ["int32"]),
        ("GATHER", ["int32"], ["int32"]),
        ("ethos-u", ["int8"], ["int8"]),
    ):
        assert promises._island(operator(name, inputs, outputs), "int8", ()) is None


def test_the_first_island_that_fits_gives_the_reason() -> None:
    found = operator("CONV_2D", ["int16"], ["int16"], "net/head/BiasAdd")
    islands = (
        Island(name="head", dtype="float32", reason="another dtype"),
        Island(name="stem", dtype="int16", reason="another name"),
        Island(name="head", dtype="int16", reason="this"),
        Island(name="he*", dtype="int16", reason="later"),
    )
    wanted = {"operator": "CONV_2D", "tensor": "net/head/BiasAdd", "dtype": "int16", "reason": "this"}
    assert promises._island(found, "int8", islands) == wanted


@pytest.mark.parametrize(
    ("activations", "schemes", "said"),
    [
        ("int8", ["int16x8", "int8"], ""),
        ("int16", ["int16x8"], ""),
        ("int8", ["int16x8"], ": LiteRT Quantizer has no int8 form of ODD, but one for scheme int16x8"),
        ("int16", ["int8"], ": LiteRT Quantizer has no int16x8 form of ODD, but one for scheme int8"),
        (
            "int8",
            [],
            ": LiteRT Quantizer has no integer form of ODD; TensorFlow's converter ('convert_quantized') may, and "
            "schemes dynamic and float16 leave it float",
        ),
    ],
)
def test_what_would_work_is_said(
    activations: str, schemes: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizer, "integer_schemes", lambda name: schemes)
    assert promises._why("ODD", activations) == said


def test_an_island_has_to_compute_and_not_only_to_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        operator("CONV_2D", ["int8"], ["int8"], "head"),
        operator("DEQUANTIZE", ["int8"], ["float32"], "head"),
    ]
    monkeypatch.setattr(flatbuffer, "operators", lambda path: found)
    monkeypatch.setattr(promises.scales, "check_scales", lambda path: None)
    with pytest.raises(
        BrokenPromise, match=r"'head' was to be float32 \(kept by quantize_mixed\), but no operator"
    ):
        check_full_integer(Path("file"), "int8", [HEAD])
    found.append(operator("SOFTMAX", ["float32"], ["float32"], "head"))
    (entry,) = check_full_integer(Path("file"), "int8", [HEAD])
    assert entry["operator"] == "SOFTMAX"


def kernel(name: str, values: Any, **fields: Any) -> Weights:
    usual = {"operator": "CONV_2D", "output": name, "dtype": "float32", "axis": 0, "zero_point": 0}
    return Weights(name=name, values=np.asarray(values), scales=np.zeros(0), **{**usual, **fields})


def held(
    before: Sequence[Weights], after: Sequence[Weights], monkeypatch: pytest.MonkeyPatch, filling: Any = None
) -> None:
    monkeypatch.setattr(promises, "weights_in", lambda path: before if path == Path("before") else after)
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"")
    monkeypatch.setattr(promises.bias_scales, "filling", lambda content: filling or {})
    check_weights(Path("before"), Path("after"))


def test_zeros_are_those_of_each_files_zero_point(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [kernel("k", [0.0, 1.0, 0.0, 2.0])]
    held(before, [kernel("k", [7, 9, 7, 9], dtype="int8", zero_point=7)], monkeypatch)
    held(before, [kernel("k", [7, 7, 7, 9], dtype="int8", zero_point=7)], monkeypatch)  # more are no loss
    with pytest.raises(BrokenPromise, match=r"'k' lost 1 of 2 zeros in quantization"):
        held(before, [kernel("k", [7, 9, 8, 9], dtype="int8", zero_point=7)], monkeypatch)


def test_kernels_of_another_name_or_shape_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [kernel("k", [0.0, 1.0])]
    held(before, [kernel("other", [5, 5]), kernel("k", [[5, 5]])], monkeypatch)


def test_only_next_to_nothing_may_become_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tflbuild.quantization.grid import SMALLEST_BOUND

    empty = [kernel("k", [0, 0], dtype="int8")]
    held([kernel("k", [0.0, -0.99 * SMALLEST_BOUND])], empty, monkeypatch)
    for values, dtype in (([0.0, -SMALLEST_BOUND], "float32"), ([0.0, 0.5 * SMALLEST_BOUND], "float16")):
        with pytest.raises(BrokenPromise, match="all weights of 'k' are zero after quantization"):
            held([kernel("k", values, dtype=dtype)], empty, monkeypatch)


def test_weights_whose_biases_fill_their_integers_may_become_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, empty = [kernel("k", [[1e-7, 0], [0, 1e-7]])], [kernel("k", [[0, 0], [0, 0]], dtype="int8")]
    held(before, empty, monkeypatch, {"k": np.array([True, True])})
    for filled in (
        {"k": np.array([True, False])},
        {"k": np.array([True])},
        {"other": np.array([True, True])},
    ):
        with pytest.raises(BrokenPromise, match="all weights of 'k' are zero after quantization"):
            held(before, empty, monkeypatch, filled)


def declared(kernels: Sequence[Weights], monkeypatch: pytest.MonkeyPatch, **what: Any) -> None:
    monkeypatch.setattr(promises, "weights_in", lambda path: kernels)
    check_declared(Path("file"), what.get("zeros", {}), what.get("clusters", {}))


def test_shares_may_lose_what_writing_them_down_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [kernel("net/conv/Conv2D", [0, 0, 1, 2])]
    declared(found, monkeypatch, zeros={"conv/kernel": 0.5 + 0.9e-6}, clusters={"conv/kernel": 2})
    with pytest.raises(BrokenPromise, match=r"conv/kernel had 50.00% zeros, but in the file it has 50.00%"):
        declared(found, monkeypatch, zeros={"conv/kernel": 0.5 + 1.1e-6})


@pytest.mark.parametrize("name", ["conv", "quant_conv"])
def test_layers_are_found_fake_quantized_or_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other, found = kernel("net/other/Conv2D", [0, 0, 0, 0]), kernel(f"net/{name}/Conv2D", [[1, 2, 3]])
    with pytest.raises(BrokenPromise, match=r"conv/kernel had at most 2 distinct values .* has 3"):
        declared([other, found], monkeypatch, clusters={"conv/kernel": 2})
    with pytest.raises(BrokenPromise, match=r"conv/kernel had 10.00% zeros, but in the file it has 0.00%"):
        declared([other, found], monkeypatch, zeros={"conv/kernel": 0.1})


@pytest.mark.parametrize(
    ("name", "dtype", "found"),
    [
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "float32", True),
        ("WHILE", "float32", True),
        ("WHILE", "int8", False),
        ("L2_NORMALIZATION", "float32", False),
    ],
)
def test_recurrent_layers_in_floats_are_islands(name: str, dtype: str, found: bool) -> None:
    operator = Operator(name=name, inputs=(dtype,), outputs=(dtype,), output="cell")
    wanted = [Island(name="cell", dtype="float32", reason="no integer form")] if found else []
    assert promises.recurrent([operator]) == wanted
