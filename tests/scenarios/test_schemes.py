"""Every scheme of `quantize`, and every form of it, by what is in the file and what LiteRT makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import small_network
from on_bytes import quantize
from running import outputs_of
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.quantization import ranges, settings, storage
from tflbuild.quantization.form import Form
from tflbuild.testing import artifact, run_pass
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.weights import weights_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning"),
]


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    return small_network.model(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Twenty images of noise in an `.npz`."""
    path = tmp_path / "images.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8))
    return str(path)


def options(source: str, **given: Any) -> Any:
    plugins.load(None)
    made = PASSES.get("quantize")(**{"method": "fixed", "calibration": Calibration(source=source)} | given)
    made.check()
    return made


def scores(path: Path) -> Any:
    pixels = np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return outputs_of(path, pixels)["scores"]


CONVOLUTIONS = ("CONV_2D", "FULLY_CONNECTED")

FORMS: list[tuple[dict[str, Any], dict[str, int], dict[str, int], float]] = [
    ({}, {"int8": 3}, {"channel": 3}, 0.03),
    ({"granularity": "tensor"}, {"int8": 3}, {"tensor": 3}, 0.03),
    ({"activations": "symmetric"}, {"int8": 3}, {"channel": 3}, 0.03),
    ({"weight_bits": 4}, {"int4": 2, "int8": 1}, {"channel": 3}, 0.15),
    ({"weight_bits": 4, "round": "learned"}, {"int4": 2, "int8": 1}, {"channel": 3}, 0.15),
    ({"weight_bits": 4, "granularity": "tensor"}, {"int4": 2, "int8": 1}, {"tensor": 3}, 0.15),
    ({"scheme": "int16x8"}, {"int8": 3}, {"channel": 3}, 0.01),
    ({"scheme": "int16x8", "granularity": "tensor"}, {"int8": 3}, {"tensor": 3}, 0.01),
    ({"scheme": "int16x8", "weight_bits": 4}, {"int4": 2, "int8": 1}, {"channel": 3}, 0.15),
    ({"scheme": "dynamic"}, {"int8": 3}, {"channel": 3}, 0.03),
    (
        {"scheme": "dynamic", "weight_bits": 4, "round": "learned"},
        {"int4": 2, "int8": 1},
        {"channel": 3},
        0.15,
    ),
    ({"scheme": "float16"}, {"float16": 3}, {}, 0.001),
]


@pytest.mark.parametrize(("given", "dtypes", "scales", "tolerance"), FORMS, ids=lambda value: str(value))
def test_the_file_holds_what_was_asked_for_and_stays_near_the_float_model(
    model: TFLiteModel,
    source: str,
    tmp_path: Path,
    given: dict[str, Any],
    dtypes: dict[str, int],
    scales: dict[str, int],
    tolerance: float,
) -> None:
    notes: dict[str, Any] = {}
    result = run_pass(options(source, **given), model, tmp_path, notes=notes)
    assert notes["stored"]["kernels"] == dtypes
    assert notes["stored"]["scales"] == scales
    assert [k.operator for k in weights_in(result.path) if k.dtype == "int4"] == (
        list(CONVOLUTIONS) if "int4" in dtypes else []
    )
    assert scores(result.path) == pytest.approx(scores(model.path), abs=tolerance)


def test_auto_tries_learned_rounding_for_four_bits(
    model: TFLiteModel, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "RANGES", ("mse",))
    monkeypatch.setattr(settings, "SHARED", (("none", "keep"),))
    notes: dict[str, Any] = {}
    run_pass(options(source, method="auto", weight_bits=4), model, tmp_path, notes=notes)
    found = {entry["setting"]: entry["error"] for entry in notes["auto"]["candidates"]}
    assert sum("learned rounding" in setting for setting in found) == 2
    assert ("round" in notes) == ("learned rounding" in notes["auto"]["chosen"])


@pytest.mark.parametrize("activations", ["asymmetric", "symmetric"])
@pytest.mark.parametrize("input_dtype", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("output_dtype", ["float32", "int8", "uint8"])
def test_every_border_takes_pixels_and_gives_scores(
    model: TFLiteModel, source: str, tmp_path: Path, input_dtype: str, output_dtype: str, activations: str
) -> None:
    given = {"input_dtype": input_dtype, "output_dtype": output_dtype, "activations": activations}
    result = run_pass(options(source, **given), model, tmp_path)
    (entry,), (exit_,) = result.meta["signature"]["inputs"], result.meta["signature"]["outputs"]
    assert (entry["name"], entry["dtype"], exit_["name"], exit_["dtype"]) == (
        "image",
        input_dtype,
        "scores",
        output_dtype,
    )
    if input_dtype != "float32":  # by hand: model value = byte / 128 - 1
        assert (entry["scale"], entry["zero_point"]) == (1 / 128, 128 if input_dtype == "uint8" else 0)
    if output_dtype != "float32":  # 1/256 from 0, by LiteRT's specification of SOFTMAX
        assert (exit_["scale"], exit_["zero_point"]) == (1 / 256, 0 if output_dtype == "uint8" else -128)
    assert scores(result.path) == pytest.approx(scores(model.path), abs=0.03)


def test_uint8_scores_are_the_int8_ones_plus_128(model: TFLiteModel, source: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    found = []
    for dtype in ("int8", "uint8"):
        loaded = Interpreter(str(run_pass(options(source, output_dtype=dtype), model, tmp_path).path))
        runner = loaded.get_signature_runner()
        found.append(runner(image=pixels)["scores"].astype(int))
    assert np.array_equal(found[0] + 128, found[1])


REFUSED = [
    (
        {"scheme": "dynamic", "granularity": "tensor"},
        "granularity: 'tensor' is only possible with scheme int8 or",
    ),
    (
        {"scheme": "float16", "weight_bits": 4},
        "weight_bits: 4 is only possible with scheme int8 or int16x8 or dyn",
    ),
    (
        {"scheme": "dynamic", "activations": "symmetric"},
        "activations: 'symmetric' is only possible with scheme int8",
    ),
    ({"scheme": "float16", "round": "learned"}, "round: 'learned' is only possible with scheme"),
    (
        {"scheme": "int16x8", "output_dtype": "uint8"},
        "output_dtype: 'uint8' is only possible with scheme int8",
    ),
    ({"method": "auto", "round": "learned"}, "round: 'learned' is only possible with method fixed"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=str)
def test_what_a_scheme_cannot_have_is_refused_before_anything_runs(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        options("nowhere", **given)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_a_scheme_that_the_runtime_refuses_is_named_with_what_works(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {name: 0 * values for name, values in small_network.constants().items() if "middle" in name}
    monkeypatch.setattr(ranges, "SMALLEST_RANGE", 1e-6)  # 6 / (1e-6 / 32767), RELU6's end, is no int32
    model = small_network.model(tmp_path, weights)
    with pytest.raises(PassError) as caught:
        run_pass(options(source, scheme="int16x8"), model, tmp_path)
    message = str(caught.value)
    assert "scheme int16x8: LiteRT cannot execute DEPTHWISE_CONV_2D 'middle/Relu6'" in message
    assert (
        "what it executes: quantize.scheme=float16, quantize.scheme=dynamic"
        in message  # int8 has no such scale
    )


def test_an_operator_without_that_integer_form_is_named_with_the_scheme_that_has_one(
    model: TFLiteModel, source: str, tmp_path: Path
) -> None:
    def swish(graph: Graph) -> None:
        (pool,) = (operator for operator in graph.operators if graph.kind(operator) == "MAX_POOL_2D")
        pool.opcodeIndex = flatbuffer.code_index(graph.model, schema.BuiltinOperator.HARD_SWISH, 1)
        pool.builtinOptionsType, pool.builtinOptions = 0, None
        small_network.tensor(graph, "pool").shape = small_network.tensor(graph, "middle/Relu6").shape
        graph.set_input(graph.operators[3], 1, np.array([1, 256], np.int32))
        small_network.tensor(graph, "flat").shape = np.array([1, 256], np.int32)

    wide = {"head/MatMul": np.random.default_rng(0).normal(0, 0.1, (2, 256)).astype(np.float32)}
    path = small_network.spoilt(small_network.model(tmp_path, wide).path, swish)
    swishing = artifact(TFLiteModel, path, Meaning.of(model))
    with pytest.raises(
        BrokenPromise, match=r"HARD_SWISH 'pool' .*no int16x8 form of HARD_SWISH, but one for scheme int8"
    ):
        run_pass(options(source, scheme="int16x8"), swishing, tmp_path)
    run_pass(options(source), swishing, tmp_path)


def test_a_file_that_computes_garbage_is_noticed(model: TFLiteModel, tmp_path: Path) -> None:
    from tflbuild.quantization import execution

    def blown_up(graph: Graph) -> None:
        for name in ("head/MatMul", "head/bias", "head/BiasAdd"):  # the same integers in larger units
            quantization = small_network.tensor(graph, name).quantization
            quantization.scale = np.asarray(quantization.scale) * np.float32(1e6)
        head = graph.operators[-3]
        graph.model.subgraphs[0].operators = graph.operators[:-2]
        graph.model.subgraphs[0].outputs = np.array(head.outputs, np.int32)
        graph.model.signatureDefs = []

    spoilt = small_network.spoilt(small_network.quantized(tmp_path), blown_up)
    image = np.random.default_rng(0).uniform(-1, 1, (8, 8, 3)).astype(np.float32)
    source, sound = (Packed(path.read_bytes()) for path in (model.path, small_network.quantized(tmp_path)))
    tried, given = tmp_path / "tried.tflite", {"image": image}
    said = execution.failure(source, Packed(spoilt.read_bytes()), tried, given)
    assert "computes it wrongly: output 0 reaches" in said
    assert execution.failure(source, sound, tried, given) == ""


def per_channel(graph: Graph) -> None:
    tensor = small_network.tensor(graph, "middle/depthwise")
    tensor.quantization.scale = np.repeat(tensor.quantization.scale, 4)
    tensor.quantization.zeroPoint = np.repeat(tensor.quantization.zeroPoint, 4)
    tensor.quantization.quantizedDimension = 3


def shifted(graph: Graph) -> None:
    small_network.tensor(graph, "stem/Relu").quantization.zeroPoint = np.array([-3], np.int64)


SPOILT: list[tuple[Callable[[Graph], None], dict[str, Any], str]] = [
    (
        per_channel,
        {"granularity": "tensor"},
        "one scale a tensor was promised, but DEPTHWISE_CONV_2D 'middle/Relu6'",
    ),
    (shifted, {"activations": "symmetric"}, "but CONV_2D 'stem/Relu' has the zero point -3"),
    (
        lambda graph: None,
        {"weight_bits": 4},
        "int4 weights were promised, but those of CONV_2D 'stem/Relu' are int8",
    ),
]


@pytest.mark.parametrize(
    ("change", "form", "message"), SPOILT, ids=["granularity", "activations", "weight_bits"]
)
def test_a_file_that_stores_something_else_breaks_the_promise(
    tmp_path: Path, model: TFLiteModel, change: Callable[[Graph], None], form: dict[str, Any], message: str
) -> None:

    made = Form(**(form | {"weight_bits": 8}))
    path = tmp_path / "int8.tflite"
    path.write_bytes(
        quantize(model.path, "int8", small_network.ranges(), float_input=False, float_output=True, form=made)
    )
    with pytest.raises(BrokenPromise, match=message):
        storage.check_stored(small_network.spoilt(path, change), "int8", Form(**form))


def test_a_wrong_output_dtype_is_noticed(tmp_path: Path) -> None:
    path = small_network.quantized(tmp_path)
    facts = Meaning.of(small_network.model(tmp_path))
    with pytest.raises(BrokenPromise, match="a uint8 output was promised, but 'scores' is float32"):
        writing.check_outputs(artifact(TFLiteModel, path, facts), "uint8")
