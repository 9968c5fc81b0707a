"""How numbers are stored, against scales and levels computed by hand, and what LiteRT makes of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import small_network
import stateful_files
from on_bytes import exposed, fit, quantize, saturated
from tflbuild.core.errors import PassError
from tflbuild.quantization import observation, quantizer
from tflbuild.quantization.form import Form
from tflbuild.quantization.observation import Executable
from tflbuild.quantization.promises import check_full_integer, recurrent
from tflbuild.tflite import constants, flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of, zero_points_of
from tflbuild.tflite.weights import Weights, weights_in

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")


def quantized(folder: Path, scheme: Any = "int8", **form: Any) -> Path:
    """Quantize the small network with its ranges set by hand."""
    made = quantize(
        small_network.model(folder).path,
        scheme,
        small_network.ranges() if scheme in ("int8", "int16x8") else None,
        float_input=scheme == "dynamic",
        float_output=True,
        form=Form(**form),
    )
    path = folder / "quantized.tflite"
    path.write_bytes(made)
    return path


def by_hand(kernel: Weights, granularity: str, most: int) -> Any:
    """Quantize a float kernel and dequantize it again."""
    weights = small_network.constants()[kernel.name]
    axes = tuple(axis for axis in range(weights.ndim) if axis != kernel.axis)
    scale = np.abs(weights).max(axis=axes if granularity == "channel" else None, keepdims=True) / most
    return np.rint(weights / scale) * scale


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic"])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("weight_bits", [8, 4])
def test_weights_are_those_quantized_by_hand(
    tmp_path: Path, scheme: str, granularity: str, weight_bits: int
) -> None:
    found = weights_in(quantized(tmp_path, scheme, granularity=granularity, weight_bits=weight_bits))
    assert [kernel.operator for kernel in found] == ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]
    for kernel in found:
        narrow = weight_bits == 4 and kernel.operator != "DEPTHWISE_CONV_2D"
        assert kernel.dtype == ("int4" if narrow else "int8")
        assert len(kernel.scales) == (1 if granularity == "tensor" else kernel.values.shape[kernel.axis])
        assert kernel.dequantized() == pytest.approx(
            by_hand(kernel, granularity, 7 if narrow else 127), abs=1e-6
        )


@pytest.mark.parametrize(
    ("scheme", "granularity"),
    [  # dynamic per tensor is refused: LiteRT reads a depthwise convolution's one scale past its end
        ("int8", "channel"),
        ("int8", "tensor"),
        ("int16x8", "channel"),
        ("int16x8", "tensor"),
        ("dynamic", "channel"),
    ],
)
@pytest.mark.parametrize("weight_bits", [8, 4])
def test_the_runtime_computes_what_the_weights_say(
    tmp_path: Path, scheme: str, granularity: str, weight_bits: int
) -> None:
    path = quantized(tmp_path, scheme, granularity=granularity, weight_bits=weight_bits)
    dequantized = {kernel.name: kernel.dequantized() for kernel in weights_in(path)}
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 3)).astype(np.float32)
    wanted, found = (
        [Executable(exposed(content, ["head/BiasAdd"])).run({"image": image})[0] for image in images]
        for content in (small_network.convolutional(dequantized), path.read_bytes())
    )
    spread, missed = np.std(wanted), np.abs(np.array(found) - wanted).max()
    assert missed < {"int8": 0.35, "dynamic": 0.1, "int16x8": 0.005}[scheme] * spread


def test_symmetric_activations_have_no_zero_point_but_where_the_kernel_says_so(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.load(quantized(tmp_path, activations="symmetric")))
    found = {t.name.decode(): int(zero_points_of(t)[0]) for t in graph.tensors if len(scales_of(t)) == 1}
    assert {
        name: found[name] for name in ("image", "stem/Relu", "middle/Relu6", "head/BiasAdd")
    } == dict.fromkeys(("image", "stem/Relu", "middle/Relu6", "head/BiasAdd"), 0)
    scales = {t.name.decode(): scales_of(t) for t in graph.tensors}
    assert scales["stem/Relu"] == pytest.approx([4 / 127])
    assert found["scores"] == -128, "SOFTMAX writes 1/256 from -128"


def test_activations_have_a_zero_point_unless_symmetry_is_asked_for(tmp_path: Path) -> None:
    graph = Graph(flatbuffer.load(quantized(tmp_path)))
    (tensor,) = (t for t in graph.tensors if t.name == b"stem/Relu")
    assert (float(scales_of(tensor)[0]), int(zero_points_of(tensor)[0])) == (pytest.approx(4 / 255), -128)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_four_bit_integers_are_packed_as_they_are_read(count: int) -> None:
    values = np.random.default_rng(count).integers(-8, 8, count, dtype=np.int8)
    tensor = SimpleNamespace(type=17, shape=[count], buffer=0, sparsity=None)  # 17: INT4
    data = constants.stored(values, tensor)
    assert len(data) == (count + 1) // 2
    model = SimpleNamespace(buffers=[SimpleNamespace(data=data)])
    assert np.array_equal(constants.values_of(model, tensor), values)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_a_bias_that_four_bit_weights_cannot_hold_widens_their_scale(tmp_path: Path) -> None:
    weights = small_network.constants()["stem/Conv2D"]
    weights[1] *= 1e-9  # a channel that is as good as pruned away, but has its bias
    changed = {"stem/Conv2D": weights, "stem/bias": np.ones(4, np.float32)}
    source = small_network.model(tmp_path, changed).path
    made = quantize(
        source, "int8", small_network.ranges(), float_input=False, float_output=True, form=Form(weight_bits=4)
    )
    assert saturated(made) == ["stem/bias"]
    path = tmp_path / "fitted.tflite"
    path.write_bytes(fit(made, source))
    assert saturated(path.read_bytes()) == []
    kernel = weights_in(path)[0]
    assert kernel.dtype == "int4"
    assert kernel.dequantized()[[0, 2, 3]] == pytest.approx(
        np.stack([np.rint(w / (np.abs(w).max() / 7)) * (np.abs(w).max() / 7) for w in weights[[0, 2, 3]]]),
        abs=1e-6,
    )
    assert not np.any(kernel.values[1])


@pytest.mark.parametrize(
    ("operator", "schemes"),
    [("CONV_2D", ["int8", "int16x8"]), ("HARD_SWISH", ["int8"]), ("SIN", [])],
)  # by litert_quantizer's default_policy.py
def test_an_operator_has_the_integer_forms_of_the_policy(operator: str, schemes: list[str]) -> None:
    assert quantizer.integer_schemes(operator) == schemes


@pytest.mark.parametrize(
    "kind",
    [
        ZeroDivisionError,
        AssertionError,
        AttributeError,
        KeyError,
        IndexError,
        RuntimeError,
        TypeError,
        ValueError,
    ],
)
def test_whatever_the_quantizer_raises_is_told_in_one_sentence(kind: type[Exception]) -> None:
    error, told = kind("no"), r"^LiteRT Quantizer refused the model: .*no'?\.$"
    with pytest.raises(PassError, match=told) as caught, quantizer._refusing():
        raise error
    assert caught.value.__cause__ is error


def test_a_fault_that_is_none_of_its_own_stays() -> None:
    with pytest.raises(MemoryError), quantizer._refusing():
        raise MemoryError


@pytest.mark.parametrize(("activations", "zero_point"), [("symmetric", -128), ("asymmetric", -128)])
def test_int8_scores_are_written_from_minus_128_whatever_was_asked_for(
    tmp_path: Path, activations: Any, zero_point: int
) -> None:
    """SOFTMAX has 1/256 from -128, by the specification, and so has the output that it writes."""
    made = quantize(
        small_network.model(tmp_path).path,
        "int8",
        small_network.ranges(),
        float_input=False,
        float_output=False,
        form=Form(activations=activations),
    )
    path = tmp_path / "scores.tflite"
    path.write_bytes(made)
    (found,) = flatbuffer.signature(path)["outputs"]
    assert (found["dtype"], found["scale"], found["zero_point"]) == ("int8", 1 / 256, zero_point)


def test_outputs_are_scores_only_where_all_of_them_are(tmp_path: Path) -> None:
    path = small_network.model(tmp_path).path
    assert quantizer._ends_in_scores(Graph(flatbuffer.load(path)))

    def outputs(graph: Graph) -> None:
        subgraph, names = graph.model.subgraphs[0], [tensor.name.decode() for tensor in graph.tensors]
        subgraph.outputs = np.array([names.index("scores"), names.index("pool")], np.int32)
        graph.model.signatureDefs = []

    assert not quantizer._ends_in_scores(Graph(flatbuffer.load(small_network.spoilt(path, outputs))))


@pytest.mark.parametrize("float_input", [True, False])
@pytest.mark.parametrize("float_output", [True, False])
def test_borders_are_float_only_where_that_is_asked_for(
    tmp_path: Path, float_input: bool, float_output: bool
) -> None:
    path = tmp_path / "borders.tflite"
    source = small_network.model(tmp_path).path
    path.write_bytes(
        quantize(source, "int8", small_network.ranges(), float_input=float_input, float_output=float_output)
    )
    signature = flatbuffer.signature(path)
    dtypes = {True: "float32", False: "int8"}
    assert signature["inputs"][0]["dtype"] == dtypes[float_input]
    assert signature["outputs"][0]["dtype"] == dtypes[float_output]


def test_what_a_loop_runs_stays_in_floats_with_integer_weights(tmp_path: Path) -> None:
    """Of noise in -1..1; the outputs reach some 3, and a step of 8 bits is a hundredth of that."""
    content = stateful_files.loop()
    given = [{"x": row} for row in np.random.default_rng(2).uniform(-1, 1, (16, 4)).astype(np.float32)]
    seen = observation.observe(Graph.unpacked(content), given)
    ranges = {name: (one.low, one.high) for name, one in seen.items()}
    path = tmp_path / "loop.tflite"
    path.write_bytes(content)
    made = quantize(path, "int8", ranges, float_input=False, float_output=True)
    path.write_bytes(made)
    found = check_full_integer(path, "int8", recurrent(flatbuffer.operators(path)))
    assert [(one["operator"], one["dtype"], one["reason"]) for one in found] == [
        ("WHILE", "float32", "no integer form")
    ]
    body = flatbuffer.unpack(made).subgraphs[2]
    assert {
        one.name: flatbuffer.DTYPES[one.type] for one in body.tensors if one.name in (b"body/w", b"body/held")
    } == {
        b"body/w": "int8",
        b"body/held": "float32",
    }
    wanted, got = (np.stack([Executable(one).run(row)[0] for row in given]) for one in (content, made))
    assert np.abs(wanted - got).max() < 0.1 < np.abs(wanted).max()
