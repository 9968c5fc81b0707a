"""Sensitivity against numpy, on a network whose ill layer is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import small_network
from dense_chain import FIRST, IMAGE, SECOND, DenseChain
from on_bytes import OutputError, sensitivity
from tflbuild.quantization.form import Form
from tflbuild.quantization.sensitivity import LayerCost, Sensitivity, _macs, layer_name, layers
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

ACTIVATIONS = {IMAGE, FIRST, SECOND}
WEIGHTS = {FIRST, SECOND}
CLOSE = 0.02  # relative: a value half way between two levels may fall to either


def measured(chain: DenseChain, folder: Path) -> Sensitivity:
    quantized = chain.quantized(folder / "float.tflite")
    return sensitivity(chain.content(), quantized, OutputError(chain.content(), chain.samples))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sensitivity:
    return measured(DenseChain(), tmp_path_factory.mktemp("chain"))


def test_totals_are_those_of_numpy(found: Sensitivity) -> None:
    chain = DenseChain()
    assert found.error_of_all == pytest.approx(chain.error(WEIGHTS, ACTIVATIONS), rel=CLOSE)
    assert found.error_of_weights == pytest.approx(chain.error(WEIGHTS), rel=CLOSE)
    assert found.error_of_activations == pytest.approx(chain.error((), ACTIVATIONS), rel=CLOSE)


@pytest.mark.parametrize("tensor", sorted(WEIGHTS))
def test_a_layers_weights_output_and_both_are_those_of_numpy(found: Sensitivity, tensor: str) -> None:
    chain, own = DenseChain(), {tensor}
    cost = of(found, tensor)
    assert cost.weights == pytest.approx(chain.error(own), rel=CLOSE)
    assert cost.activations == pytest.approx(chain.error((), own), rel=CLOSE)
    assert cost.alone == pytest.approx(chain.error(own, own), rel=CLOSE)
    assert cost.left_out == pytest.approx(chain.error(WEIGHTS - own, ACTIVATIONS - own), rel=CLOSE)


def test_the_input_has_no_weights(found: Sensitivity) -> None:
    cost = of(found, IMAGE)
    assert (cost.layer, cost.operator, cost.weights, cost.bytes, cost.macs) == ("image", "INPUT", None, 0, 0)
    assert cost.alone == cost.activations == pytest.approx(DenseChain().error((), {IMAGE}), rel=CLOSE)


def test_the_ill_layer_comes_first_and_activations_are_guilty(found: Sensitivity) -> None:
    assert found.layers[0].layer == "first"
    assert found.guilty == "activations"
    assert found.layers[0].left_out < 0.5 * found.error_of_all


def test_a_sound_network_has_no_layer_of_that_kind(tmp_path: Path) -> None:
    sound = measured(DenseChain(large=1.0), tmp_path)
    assert min(cost.left_out for cost in sound.layers) > 0.6 * sound.error_of_all


def test_weights_of_4_bits_cost_what_numpy_says(tmp_path: Path) -> None:
    chain = DenseChain(large=1.0)
    quantized = chain.quantized(tmp_path / "float.tflite", form=Form(weight_bits=4))
    found = sensitivity(chain.content(), quantized, OutputError(chain.content(), chain.samples))
    assert found.error_of_weights == pytest.approx(chain.error(WEIGHTS, largest=7), rel=CLOSE)
    assert found.guilty == "weights"


def test_bytes_and_multiplications_are_counted(found: Sensitivity) -> None:
    assert (of(found, FIRST).bytes, of(found, FIRST).macs) == (48, 48)
    assert (of(found, SECOND).bytes, of(found, SECOND).macs) == (12, 12)


@pytest.mark.parametrize(
    ("tensor", "operator", "name"),
    [
        ("ssd/conv_relu6/Relu6;ssd/conv_norm/FusedBatchNormV3;ssd/conv/Conv2D1", "CONV_2D", "conv"),
        ("ssd/dw_relu6/Relu6;ssd/dw_norm/FusedBatchNormV3;ssd/dw/depthwise1", "DEPTHWISE_CONV_2D", "dw"),
        ("ssd/box_2/BiasAdd;ssd/box_2/Conv2D;ssd/box_2/BiasAdd/ReadVariableOp1", "CONV_2D", "box_2"),
        ("net/back/bone/conv/Conv2D", "CONV_2D", "back/bone/conv"),
        ("net/add_3/add", "ADD", "add_3"),
        ("Sigmoid", "LOGISTIC", "Sigmoid"),
        ("StatefulPartitionedCall:0", "SOFTMAX", "softmax"),
        ("layer_7", "CONV_2D", "layer_7"),
        ("scope/conv", "CONV_2D", "scope"),
    ],
)
def test_a_layer_has_the_name_that_the_user_gave_it(tensor: str, operator: str, name: str) -> None:
    assert layer_name(tensor, operator) == name


def of(found: Sensitivity, tensor: str) -> LayerCost:
    (cost,) = [cost for cost in found.layers if cost.tensor == tensor]
    return cost


def test_what_costs_as_much_is_blamed_on_activations() -> None:
    def guilty(weights: float, activations: float) -> str:
        return Sensitivity(
            error_of_all=1.0, error_of_weights=weights, error_of_activations=activations, layers=()
        ).guilty

    assert (guilty(0.2, 0.1), guilty(0.1, 0.2), guilty(0.1, 0.1)) == ("weights", "activations", "activations")


def test_the_layer_comes_first_without_which_the_error_is_least_and_each_is_told(tmp_path: Path) -> None:
    chain, told = DenseChain(), list[tuple[float, float, str]]()
    made = sensitivity(
        chain.content(),
        chain.quantized(tmp_path / "float.tflite"),
        OutputError(chain.content(), chain.samples[:3]),
        lambda done, total, note: told.append((done, total, note)),
    )
    assert [cost.left_out for cost in made.layers] == sorted(cost.left_out for cost in made.layers)
    assert told == [(1, 3, "image"), (2, 3, "first"), (3, 3, "second")]


def test_weights_and_multiplications_of_convolutions_are_counted() -> None:
    """8 x 8 places of 4 channels by 3 x 3 x 3 taps; by 3 x 3 taps; two outputs of 64 inputs."""
    graph = Graph(flatbuffer.unpack(small_network.convolutional()))
    found = {layer.name: (layer.operator, layer.bytes, layer.macs) for layer in layers(graph)}
    assert found == {
        "image": ("INPUT", 0, 0),
        "stem": ("CONV_2D", 108, 6912),
        "middle": ("DEPTHWISE_CONV_2D", 36, 2304),
        "pool": ("MAX_POOL_2D", 0, 0),
        "flat": ("RESHAPE", 0, 0),
        "head": ("FULLY_CONNECTED", 128, 128),
        "scores": ("SOFTMAX", 0, 0),
    }


def test_each_value_that_a_transposed_convolution_reads_meets_every_weight_of_its_channel() -> None:
    """A (4, 5, 3) input, and 7 channels of 2 x 2 x 3 weights: 4 * 5 * 3 * 7 * 2 * 2."""
    shapes = [(4,), (7, 2, 2, 3), (1, 4, 5, 3), (1, 8, 10, 7)]
    graph: Any = SimpleNamespace(tensors=[SimpleNamespace(shape=shape) for shape in shapes])
    operator = SimpleNamespace(inputs=[0, 1, 2], outputs=[3])
    assert _macs(graph, operator, "TRANSPOSE_CONV") == 1680
