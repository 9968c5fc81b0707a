"""Facts of operators and tensors, held against numbers counted by hand and files of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflbuild.placement import facts
from tflbuild.placement.tensor_facts import TensorFacts
from tflbuild.tflite import flatbuffer
from tflite_files import network, step
from xnnpack_cases import CASES


def of(tensors: object, steps: object, inputs: list[str], outputs: list[str]) -> facts.ModelFacts:
    return facts.facts_of(flatbuffer.unpack(network(tensors, steps, inputs, outputs)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "weights", "output", "macs"),
    [
        ("CONV_2D", (8, 3, 3, 4), (1, 5, 5, 8), 5 * 5 * 8 * 3 * 3 * 4),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), (1, 5, 5, 4), 5 * 5 * 4 * 3 * 3),
        ("FULLY_CONNECTED", (7, 100), (1, 7), 7 * 100),
    ],
)
def test_multiply_accumulates_are_those_counted_by_hand(
    kind: str, weights: tuple[int, ...], output: tuple[int, ...], macs: int
) -> None:
    image = (1, 100) if kind == "FULLY_CONNECTED" else (1, 5, 5, 4)
    tensors = {"x": image, "w": np.zeros(weights, np.float32), "y": output}
    (operator,) = of(tensors, [step(kind, ["x", "w"], ["y"])], ["x"], ["y"]).operators
    assert operator.macs == macs


def test_an_input_that_is_left_out_is_none(shared_models: Path) -> None:
    model = facts.read(shared_models / "coral" / "keras_lstm_mnist_ptq.tflite")
    lstm = [one for one in model.operators if None in one.inputs]
    assert len(lstm) == 1
    assert lstm[0].name == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert lstm[0].options["fused_activation_function"] == "TANH"


def test_the_work_of_a_known_network_is_that_of_its_paper(shared_models: Path) -> None:
    """MobileNet v1 0.25 at 128: 14 million multiply-adds (Howard et al., table 6 and 7 scaled: 0.25 MobileNet-128)."""
    model = facts.read(shared_models / "coral" / "mobilenet_v1_0.25_128_quant.tflite")
    assert sum(one.macs for one in model.operators) == pytest.approx(14e6, rel=0.05)
    assert model.inputs[0].shape == (1, 128, 128, 3)
    assert (model.inputs[0].dtype, model.graphs, model.custom) == ("uint8", 1, ())


def tensors_of(case: str) -> dict[str, TensorFacts]:
    """Give the tensors of a small file by name."""
    model = facts.facts_of(flatbuffer.unpack(CASES[case]()))
    return {t.name: t for one in model.operators for t in (*one.inputs, *one.outputs) if t is not None}


@pytest.mark.parametrize(
    ("case", "name", "source"),
    [
        ("weights from float16, bias from float32", "w", ("w_packed", "float16")),
        ("weights from float16, bias from float32", "w_packed", None),
        ("weights from float16, bias from float32", "b", None),
        ("sparse weights in float16", "wide", ("packed", "float16")),
        ("sparse weights in float32", "w", ("packed", "float32")),
        ("DEQUANTIZE int8", "out0", None),
    ],
)
def test_a_constant_that_is_unpacked_is_known(case: str, name: str, source: tuple[str, str] | None) -> None:
    found = tensors_of(case)[name].unpacked_from
    assert (None if found is None else (found.name, found.dtype)) == source


@pytest.mark.parametrize(
    ("size", "name", "block"), [(16, "w", 16), (64, "w", 64), (16, "b", 0), (16, "x", 0)]
)
def test_weights_with_a_scale_for_each_block_say_its_size(size: int, name: str, block: int) -> None:
    assert tensors_of(f"FULLY_CONNECTED int4 weights in blocks of {size}")[name].block == block
