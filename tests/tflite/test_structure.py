"""Mistakes in graphs, planted by hand; and none in files where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from conv_network import FUSED, Network
from quantized_files import Held, held
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.structure import (
    Twice,
    batch_norms_in_training,
    probabilities_twice,
    zeros_of,
)
from tflite_files import classifier

REAL = (
    "mlperf_tiny/vww_96_float.tflite",
    "mlperf_tiny/vww_96_int8.tflite",
    "mlperf_tiny/kws_ref_model.tflite",
    "mlperf_tiny/ad01_int8.tflite",
    "tflite_support/mobilenet_v1_0.25_224_1_default_1.tflite",
    "tflite_support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite",
    "coral/deeplabv3_mnv2_dm05_pascal_quant.tflite",
    "coral/mobilenet_v1_0.25_128_quant.tflite",
    "coral/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite",
    "coral/keras_lstm_mnist_ptq.tflite",
    "tflite_micro/person_detect.tflite",
)


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        (("SOFTMAX", "SOFTMAX"), [("SOFTMAX", "SOFTMAX")]),
        (("SOFTMAX", "RESHAPE", "SOFTMAX"), [("SOFTMAX", "SOFTMAX")]),
        (("LOGISTIC", "LOGISTIC"), [("LOGISTIC", "LOGISTIC")]),
        (("LOGISTIC", "SOFTMAX"), [("LOGISTIC", "SOFTMAX")]),
        (("SOFTMAX", "SOFTMAX", "SOFTMAX"), [("SOFTMAX", "SOFTMAX")] * 2),
        (("SOFTMAX",), []),
        (("TANH", "SOFTMAX"), []),
        (("SOFTMAX", "NEG", "SOFTMAX"), []),
    ],
)
def test_probabilities_of_probabilities_are_found(
    ends: tuple[str, ...], wanted: list[tuple[str, str]]
) -> None:
    graph = Graph.unpacked(classifier(*ends))
    assert [(one.first, one.second) for one in probabilities_twice(graph)] == wanted


def test_a_softmax_behind_its_integers_is_found() -> None:
    content = classifier("SOFTMAX", "DEQUANTIZE", "SOFTMAX")
    graph = Graph.unpacked(held(content, {"row_1": Held("int8", 1 / 256, -128)}))
    assert [*probabilities_twice(graph)] == [Twice("SOFTMAX", "SOFTMAX", "scores")]


def normalised(axes: tuple[int, ...]) -> Graph:
    """Give (x - mean) / sqrt(variance + 0.001) of a (2, 4, 4, 3) tensor, both over some axes."""
    made = Assembly({"image": (2, 4, 4, 3)})
    options = schema.ReducerOptionsT()
    options.keepDims = True

    def mean(name: str) -> str:
        shape = tuple(1 if axis in axes else side for axis, side in enumerate((2, 4, 4, 3)))
        given = [name, made.constant(np.array(axes, np.int32))]
        return made._step("MEAN", given, shape, (schema.BuiltinOptions.ReducerOptions, options))

    centred = made.binary("SUB", "image", mean("image"))
    variance = mean(made.binary("MUL", centred, centred))
    root = made.binary("POW", made.binary("ADD", variance, 0.001), -0.5)
    return Graph.unpacked(made.content([made.binary("MUL", centred, root)]))


@pytest.mark.parametrize(
    ("axes", "found"),
    [
        ((0, 1, 2), True),  # of a batch
        ((0, 2, 3), True),  # of a batch, channels first
        ((1, 2), False),  # instance norm
        ((3,), False),  # layer norm
        ((0, 1, 2, 3), False),  # one picture by its own standard deviation
    ],
)
def test_a_batch_norm_in_training_mode_takes_its_mean_over_samples(
    axes: tuple[int, ...], found: bool
) -> None:
    made = [*batch_norms_in_training(normalised(axes))]
    assert [(one.tensor, one.axes) for one in made] == ([("image", axes)] if found else [])


def test_a_mean_over_samples_without_a_variance_is_no_batch_norm() -> None:
    made = Assembly({"image": (2, 4, 4, 3)})
    averaged = made.mean("image", 0)
    assert not [*batch_norms_in_training(Graph.unpacked(made.content([averaged])))]


def test_zeros_and_dead_channels_are_counted_by_layer_and_heads_are_those_before_an_output() -> None:
    """Of 4 channels one is 1e-6 as large as the others, one zero; of the head's 8 weights 6 are zero."""
    network = Network(channels=2)
    body = np.array([[1.0, 2.0], [1e-6, 0.0], [0.0, 0.0], [3.0, 0.0]]).reshape(4, 1, 1, 2)
    head = np.array([[1.0, 0, 0, 0], [0, 2.0, 0, 0]]).reshape(2, 1, 1, 4)
    network.conv("body", "image", 4, fused=FUSED.NONE, weights=body)
    network.conv("head", network.relu6("act", "body"), 2, fused=FUSED.NONE, weights=head)
    first, second = zeros_of(Graph.unpacked(network.content("head")))
    assert (first.zeros, first.dead, first.channels, first.head) == (4 / 8, 2, 4, False)
    assert (second.zeros, second.dead, second.channels, second.head) == (6 / 8, 0, 2, True)


@pytest.mark.parametrize("name", REAL)
def test_nothing_is_claimed_of_files_where_nothing_is_wrong(name: str, shared_models: Path) -> None:
    graph = Graph.unpacked((shared_models / name).read_bytes())
    assert [*probabilities_twice(graph)] == []
    assert [*batch_norms_in_training(graph)] == []
    assert [one for one in zeros_of(graph) if one.head and one.zeros > 0.9] == []
