"""Noise of layers held to what theory says of even rounding, and to files whose every number is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from conv_network import FUSED, SIDE, Network
from dense_chain import FIRST, IMAGE, SECOND, DenseChain
from quantized_files import Held, held
from tflbuild.quantization.form import Form
from tflbuild.quantization.layer_noise import (
    BINS,
    ActivationNoise,
    activation_noise,
    channelwise,
    decibels,
    spread_of,
    whole,
)
from tflbuild.quantization.loosened import Loosened, Piece
from tflbuild.quantization.weight_noise import float_weights, weight_noise
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def noise(grid: Grid) -> ActivationNoise:
    return ActivationNoise(tensor="t", layer="t", operator="ADD", grid=grid)


@pytest.mark.parametrize("bits", [8, 16])
def test_even_rounding_of_a_uniform_signal_gives_six_decibels_a_bit(bits: int) -> None:
    """Signal and noise are uniform: (2^b step)^2 / 12 over step^2 / 12, so 20 log10(2^b) dB (Bennett, 1948)."""
    found = noise(Grid(low=-1.0, high=1.0, step=2 / (2**bits - 1), bits=bits))
    values = np.random.default_rng(0).uniform(-1, 1, (4000, 4))
    found.add(values, values)
    assert whole(found.signal, found.reset) == pytest.approx(20 * math.log10(2**bits), abs=0.1)
    assert found.saturated == 0
    assert not np.any(found.carried), "the file was said to hold the very values"


def test_values_beyond_the_ends_by_half_a_step_are_saturated() -> None:
    """Numbers 0 .. 255: -0.4 and 255.4 round to an end, -0.6 and 300 are cut off; 4 of 5 values lie at an end."""
    found = noise(Grid(low=0.0, high=255.0, step=1.0, bits=8))
    found.add(np.array([[-0.4, -0.6, 100.0, 255.4, 300.0]]), np.array([[0.0, 0.0, 100.0, 255.0, 255.0]]))
    assert (found.values, found.saturated, found.at_ends) == (5, 2, 4)
    assert np.flatnonzero(found.used).tolist() == [0, 100, 255]
    assert found.reset.tolist() == pytest.approx([0.16, 0.36, 0.0, 0.16, 45.0**2])


def test_a_histogram_reaches_a_quarter_of_the_grid_beyond_its_ends() -> None:
    """96 bins over -64 .. 320 are 4 wide: -1000 is in the first, 0 in the 16th, 256 in the 80th, 1e6 in the last."""
    found = noise(Grid(low=0.0, high=256.0, step=256 / 255, bits=8))
    found.add(np.array([[-1000.0, 0.5, 256.5, 1e6]]), np.zeros((1, 4)))
    assert np.flatnonzero(found.counts).tolist() == [0, 16, 80, BINS - 1]


def test_a_large_channel_hides_the_others_in_the_ratio_of_the_whole_and_not_in_that_by_channel() -> None:
    """Powers 10,000 and 1 with noise 0.5 each: 40 dB in all; shares 0.00005 and 0.5, 0.250025 on the mean, 6.02 dB."""
    signal, rounding = np.array([10000.0, 1.0]), np.array([0.5, 0.5])
    assert whole(signal, rounding) == pytest.approx(40.0, abs=0.01)
    assert channelwise(signal, rounding) == pytest.approx(10 * math.log10(1 / 0.250025))


def test_a_dead_channel_counts_for_nothing_and_a_lost_one_is_lost_once() -> None:
    assert channelwise(np.array([1.0, 1e-30, 0.0]), np.array([0.01, 7.0, 7.0])) == pytest.approx(20.0)
    assert channelwise(np.array([1.0, 1.0]), np.array([0.0, 900.0])) == pytest.approx(10 * math.log10(2))
    assert channelwise(np.zeros(2), np.zeros(2)) == math.inf
    assert decibels(0.0, 1.0) == 0.0
    assert spread_of(np.zeros(3)) == 1.0


def test_a_tensor_that_is_not_finite_is_left_out() -> None:
    found = noise(Grid(low=0.0, high=255.0, step=1.0, bits=8))
    found.add(np.array([[np.nan, 1.0]]), np.array([[0.0, 1.0]]))
    assert found.values == 0


def two_layers() -> tuple[bytes, bytes]:
    """Give a float file and an int8 one: 0.5 x and then 2 x, of one channel, grids in steps of 0.1 and 0.25."""
    network = Network(channels=1)
    network.conv("half", "image", 1, fused=FUSED.NONE, weights=np.full((1, 1, 1, 1), 0.5), bias=np.zeros(1))
    network.conv("twice", "half", 1, fused=FUSED.NONE, weights=np.full((1, 1, 1, 1), 2.0), bias=np.zeros(1))
    content = network.content("twice")
    return content, held(
        content,
        {
            "image": Held("int8", 0.01),
            "half/weights": Held("int8", 0.5, levels=[[[[1]]]]),
            "half/bias": Held("int32", 0.005, levels=[0]),
            "half": Held("int8", 0.1),
            "twice/weights": Held("int8", 2.0, levels=[[[[1]]]]),
            "twice/bias": Held("int32", 0.2, levels=[0]),
            "twice": Held("int8", 0.25),
        },
    )


def test_errors_are_reset_at_each_layer_or_carried_on_as_in_the_file() -> None:
    """Of 0.86: half of it, 0.43, is held as 0.4; twice that, exactly 0.86, as 0.75, and in the file 0.8 as 0.75.

    Noise by hand: half 0.03 of 0.43; twice 0.86 - 0.75 reset; carried on likewise 0.86 - 0.75, since 0.8 / 0.25 = 3.2.
    """
    quantized = Graph.unpacked(two_layers()[1])
    taken = Loosened(quantized)
    value = np.full((SIDE, SIDE, 1), 0.86, np.float32)
    rows = {
        one.tensor: one for one in activation_noise(quantized, taken.graph, taken.made, [{"image": value}])
    }
    assert list(rows) == ["image", "half", "twice"]
    assert rows["image"].operator == "INPUT"
    cells = SIDE * SIDE
    assert rows["half"].reset[0] == pytest.approx(cells * 0.03**2, rel=1e-4)
    assert rows["half"].carried[0] == pytest.approx(cells * 0.03**2, rel=1e-4)
    assert rows["twice"].reset[0] == pytest.approx(cells * 0.11**2, rel=1e-4)
    value = np.full(
        (SIDE, SIDE, 1), 0.90, np.float32
    )  # 0.45 is held as 0.5 or 0.4, 0.9 as 1.0, and 1.0 or 0.8 in it
    rows = {
        one.tensor: one for one in activation_noise(quantized, taken.graph, taken.made, [{"image": value}])
    }
    assert rows["twice"].reset[0] == pytest.approx(cells * 0.1**2, rel=1e-4)
    assert rows["twice"].carried[0] in (
        pytest.approx(cells * 0.1**2, rel=1e-3),
        pytest.approx(cells * 0.15**2, rel=1e-3),
    )


def test_one_large_channel_makes_its_layer_the_noisiest(tmp_path: Path) -> None:
    chain = DenseChain()
    quantized = Graph.unpacked(chain.quantized(tmp_path / "float.tflite"))
    taken = Loosened(quantized)
    rows = {one.tensor: one for one in activation_noise(quantized, taken.graph, taken.made, chain.samples)}
    ratios = {name: channelwise(one.signal, one.reset) for name, one in rows.items()}
    assert min(ratios, key=ratios.__getitem__) == FIRST
    assert whole(rows[FIRST].signal, rows[FIRST].reset) > ratios[FIRST] + 10, "which looks as good as any"
    assert rows[FIRST].channel_ratio > 50
    assert {IMAGE, FIRST} <= set(rows)


def test_the_noise_of_weights_is_measured_where_the_float_ones_are_at_hand(tmp_path: Path) -> None:
    chain = DenseChain()
    quantized = Graph.unpacked(chain.quantized(tmp_path / "float.tflite", form=Form(granularity="tensor")))
    floats = Graph.unpacked(chain.content())
    first, second = weight_noise(quantized, floats)
    assert (first.scales, first.channels, first.measured) == (1, 4, True)
    step = np.abs(chain.first).max() / 127
    wanted = np.square(np.rint(chain.first / step) * step - chain.first).sum(axis=1)
    assert first.noise == pytest.approx(wanted, rel=1e-3)
    ranges = np.abs(chain.first).max(axis=1)
    assert first.range_ratio == pytest.approx(ranges.max() / ranges.min(), rel=1e-5)
    assert first.fewest == min(len(np.unique(row)) for row in np.rint(chain.first / step))
    columns = np.abs(chain.second).max(axis=0)
    assert second.input_ratio == pytest.approx(columns.max() / np.median(columns), rel=0.1)
    assert first.counts.sum() == chain.first.size
    assert first.lowest == -128


def test_without_float_weights_the_noise_is_a_twelfth_of_the_squared_step(tmp_path: Path) -> None:
    chain = DenseChain()
    quantized = Graph.unpacked(chain.quantized(tmp_path / "float.tflite"))
    first = weight_noise(quantized, None)[0]
    steps = np.abs(chain.first).max(axis=1) / 127
    assert not first.measured
    assert first.noise == pytest.approx(12 * steps**2 / 12, rel=1e-4)
    measured = weight_noise(quantized, Graph.unpacked(chain.content()))[0]
    assert measured.noise.sum() == pytest.approx(first.noise.sum(), rel=0.5), "which the theory is near"


def test_weights_that_were_moved_are_not_taken_for_the_float_ones(tmp_path: Path) -> None:
    """As equalization does: other factors in the last hidden channel."""
    quantized = Graph.unpacked(DenseChain().quantized(tmp_path / "float.tflite"))
    assert set(float_weights(quantized, Graph.unpacked(DenseChain().content()))) == {FIRST, SECOND}
    assert float_weights(quantized, Graph.unpacked(DenseChain(large=2.0).content())) == {}
    network = Network()
    network.conv("other", "image", 3)
    assert float_weights(quantized, Graph.unpacked(network.content("other"))) == {}


def test_a_piece_left_in_float_gives_back_what_it_cost(tmp_path: Path) -> None:
    """Held to NumPy's own rounding of the same network."""
    from tflbuild.quantization.output_error import OutputError
    from tflbuild.tflite.packed import Packed

    chain = DenseChain()
    quantized = Graph.unpacked(chain.quantized(tmp_path / "float.tflite"))
    taken = Loosened(quantized, Graph.unpacked(chain.content()))
    reference = OutputError(Packed(chain.content()), chain.samples)

    def error(graph: Graph) -> float:
        return reference.of(Packed(graph))

    everything = chain.error([FIRST, SECOND], [IMAGE, FIRST, SECOND])
    assert error(taken.rounded()) == pytest.approx(everything, rel=0.02)
    freed = chain.error([FIRST, SECOND], [IMAGE, SECOND])
    assert error(taken.without(Piece("activations", FIRST))) == pytest.approx(freed, rel=0.02)
    restored = chain.error([FIRST], [])
    assert error(taken.without(Piece("weights", SECOND))) == pytest.approx(restored, rel=0.02)
    assert error(taken.floating()) == pytest.approx(0.0, abs=1e-6)
    assert freed < 0.5 * everything, "the fault that was planted"
