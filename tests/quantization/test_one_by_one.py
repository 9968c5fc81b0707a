"""Operators by two kinds of kernels: one that LiteRT really computes wrongly, and bounds held to float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from quantized_files import Held, held
from tflbuild.quantization import one_by_one
from tflbuild.quantization.kernel_bounds import UNIT, float_bound, gamma
from tflbuild.quantization.one_by_one import apart_by, compared, cut
from tflbuild.tflite.graph import Graph
from tflite_files import network, step

SHAPE = (1, 8, 8, 4)


def nothing(done: float, total: float) -> None:
    pass


def quiet(content: bytes, count: int = 2, most: float = 1.0) -> list[one_by_one.Compared]:
    """Compare the operators of a file on noise."""
    graph = Graph.unpacked(content)
    return compared(graph, noise(graph, count, most), nothing)


def noise(graph: Graph, count: int = 2, most: float = 1.0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    inputs = [(graph.name(int(i)), graph.tensors[int(i)].shape[1:]) for i in graph.model.subgraphs[0].inputs]
    return [
        {name: rng.uniform(-most, most, shape).astype(np.float32) for name, shape in inputs}
        for _ in range(count)
    ]


def root_of_nothing() -> bytes:
    """Give 1 / sqrt(max(x, 0)): XNNPACK of LiteRT 2 says that it is no number of 0, and not infinite."""
    names = ["image", "first", "wrong", "last"]
    kinds = ("RELU", "RSQRT", "NEG")
    steps = [
        step(kind, [given], [made]) for kind, given, made in zip(kinds, names[:-1], names[1:], strict=True)
    ]
    return network(dict.fromkeys(names, SHAPE), steps, ["image"], ["last"])


def test_the_operator_that_a_kernel_computes_wrongly_is_the_only_guilty_one() -> None:
    """Its errors are its own; what is behind it is right on the same inputs, though far apart in the file."""
    rows = quiet(root_of_nothing())
    assert [(row.layer, row.guilty) for row in rows] == [("first", False), ("wrong", True), ("last", False)]
    assert rows[1].beyond == pytest.approx(0.5, abs=0.1), "half of the noise is below zero"
    assert rows[1].reset == np.inf
    assert (rows[2].carried, rows[2].reset) == (np.inf, 0.0)
    assert rows[0].carried == 0.0


def test_the_guilty_operator_cut_out_shows_the_same_difference() -> None:
    graph = Graph.unpacked(root_of_nothing())
    samples = noise(graph)
    row = compared(graph, samples, nothing)[1]
    made = cut(graph, row, samples)
    assert made.kernels == ("default",), "LiteRT's own kernel is right"
    assert list(made.inputs) == ["first"]
    assert made.inputs["first"] == pytest.approx(np.maximum(samples[row.sample]["image"][None], 0))
    again = [
        one_by_one.Run(made.content, kernels)(list(made.inputs.values()))[0]
        for kernels in ("reference", "default")
    ]
    assert np.isposinf(again[0]).any()
    assert np.isnan(again[1]).any()
    assert apart_by(again[0], made.outputs["reference"]["wrong"]).max() == 0
    assert apart_by(again[1], made.outputs["default"]["wrong"]).max() == 0
    alone = Graph.unpacked(made.content)
    assert [alone.kind(one) for one in alone.operators] == ["RSQRT"]


def test_an_operator_that_reads_the_model_s_own_input_is_cut_out_with_its_codes() -> None:
    made = Network()
    made.depthwise("wrong", "image", fused=FUSED.NONE)
    content = held(made.content("wrong"), {"wrong/weights": Held("int8", 0.01, levels=np.ones((1, 3, 3, 3)))})
    graph = Graph.unpacked(content)
    samples = noise(graph)
    row = compared(graph, samples, nothing)[0]
    inputs = cut(graph, row, samples).inputs
    assert inputs["image"] == pytest.approx(samples[row.sample]["image"][None])


def test_integers_may_differ_by_a_step_and_by_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels of a sigmoid agree; a reference that is moved by one step, or two, stands for one that does not."""
    tensors = {"image": SHAPE, "out": SHAPE}
    content = held(
        network(tensors, [step("LOGISTIC", ["image"], ["out"])], ["image"], ["out"]),
        {"image": Held("int8", 0.05), "out": Held("int8", 1 / 256, -128)},
    )
    assert [(row.reset, row.bound, row.guilty) for row in quiet(content)] == [(0.0, 1.0, False)]
    run = one_by_one.Run.__call__

    def moved(by: int) -> Any:
        def call(self: Any, given: Any) -> Any:
            found = run(self, given)
            names = [details["name"] for details in self.inputs]
            return [value + np.int8(by) for value in found] if names == ["image"] else found

        return call

    monkeypatch.setattr(one_by_one.Run, "__call__", moved(1))
    (row,) = quiet(content)
    assert (row.reset, row.guilty) == (1.0, False)
    monkeypatch.setattr(one_by_one.Run, "__call__", moved(2))
    (row,) = quiet(content)
    assert (row.reset, row.beyond, row.guilty) == (2.0, 1.0, True)


def test_what_both_kernels_say_is_no_number_is_no_difference() -> None:
    one = np.array([1.0, np.nan, np.inf, np.nan, 3.0])
    other = np.array([1.5, np.nan, np.inf, 2.0, -np.inf])
    assert apart_by(one, other).tolist() == [0.5, 0.0, 0.0, np.inf, np.inf]
    assert apart_by(np.zeros(3), np.zeros(4)).tolist() == [np.inf]


def test_the_bound_of_a_layer_holds_for_sums_in_any_order() -> None:
    """Float32 sums from the front and from the back are held to float64, and to Higham's gamma by hand."""
    made = Network(channels=16)
    made.conv("layer", "image", 5, kernel=3, fused=FUSED.NONE)
    graph = Graph.unpacked(made.content("layer"))
    (operator,) = graph.operators
    weights, bias = graph.constant(int(operator.inputs[1])), graph.constant(int(operator.inputs[2]))
    assert weights is not None
    assert bias is not None
    rng = np.random.default_rng(1)
    image = rng.uniform(-3, 3, (1, 6, 6, 16)).astype(np.float32)
    bound = float_bound(graph, operator, [image, weights, bias], np.zeros((1, 6, 6, 5), np.float32))
    sizes = np.abs(weights.reshape(5, -1)).sum(axis=1).max()
    terms = 3 * 3 * 16 + 2
    assert bound == pytest.approx(
        2 * terms * UNIT * (sizes * np.abs(image).max() + np.abs(bias).max()), rel=1e-4
    )
    patch = image[0, :3, :3].ravel()
    for row in weights.reshape(5, -1):
        forth, back = np.float32(0), np.float32(0)
        for product in (row * patch).astype(np.float32):
            forth = np.float32(forth + product)
        for product in (row * patch).astype(np.float32)[::-1]:
            back = np.float32(back + product)
        assert abs(float(forth) - float(back)) <= bound
        assert abs(float(forth) - float(row.astype("f8") @ patch.astype("f8"))) <= bound / 2


@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH", "EXP", "SOFTMAX", "HARD_SWISH", "RELU", "ABS", "SQRT"])
def test_kernels_of_float_functions_are_within_their_bound(kind: str) -> None:
    tensors = {"image": SHAPE, "out": SHAPE}
    rows = quiet(network(tensors, [step(kind, ["image"], ["out"])], ["image"], ["out"]), most=8.0)
    assert [row.guilty for row in rows] == [False]


def test_what_only_moves_values_may_not_differ_at_all() -> None:
    tensors = {"image": SHAPE, "out": (1, 256), "shape": np.array([1, 256], np.int32)}
    graph = Graph.unpacked(
        network(tensors, [step("RESHAPE", ["image", "shape"], ["out"])], ["image"], ["out"])
    )
    one = np.ones((1, 256), np.float32)
    assert float_bound(graph, graph.operators[0], [one], one) == 2.0**-126, (
        "what is taken for zero may be moved as zero"
    )
    assert gamma(100) == pytest.approx(100 * 2**-24, rel=1e-5)


def test_a_model_with_a_state_begins_each_run_with_the_same(shared_models: Path) -> None:
    """Coral's LSTM, which keeps what it saw: another number of runs is no difference of kernels."""
    graph = Graph.unpacked((shared_models / "coral/keras_lstm_mnist_ptq.tflite").read_bytes())
    rows = compared(graph, noise(graph), nothing)
    assert rows
    assert max(row.carried for row in rows) == 0


def test_a_number_too_small_to_be_normal_may_be_taken_for_zero() -> None:
    """XNNPACK does so, and LiteRT's own kernels do not: 1e-40 times 1 is 1e-40, or 0."""
    tensors = {"image": SHAPE, "out": SHAPE, "one": np.ones((1,), np.float32)}
    graph = Graph.unpacked(network(tensors, [step("MUL", ["image", "one"], ["out"])], ["image"], ["out"]))
    (row,) = compared(graph, [{"image": np.full(SHAPE[1:], 1e-40, np.float32)}], nothing)
    assert row.reset <= 1.01e-40
    assert not row.guilty
