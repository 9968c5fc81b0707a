"""Models of others: whatever goes in and comes out, they are observed, quantized and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import WITH_TRANSPOSED as NETWORKS
from foreign_networks import every_tensor, samples_of
from on_bytes import (
    OutputError,
    Workbench,
    check_rounded,
    correct,
    input_tensors,
    largest_difference,
    learned_rounding,
    matching,
    observe,
)
from tflbuild.quantization.observation import Executable
from tflbuild.quantization.search import Search
from tflbuild.quantization.settings import SHARED, Setting
from tflbuild.quantization.unchanged import Equalizer
from tflbuild.quantization.workbench import Border
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.flatbuffer import bias_place
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.scales import scales_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
    pytest.mark.parametrize("network", NETWORKS),
]


def bench(content: bytes, folder: Path, scheme: Any = "int8", **border: Any) -> Workbench:
    count = len(input_tensors(content))
    border = {"float_input": False, "float_output": True} | border
    return Workbench(
        content,
        samples_of(content, 256),
        samples_of(content, 12, seed=8),
        scheme,
        Border(limits=(None,) * count, **border),
        folder,
    )


def test_outputs_are_those_of_the_interpreter(network: str) -> None:
    content = NETWORKS[network]()
    (sample,) = samples_of(content, 1)
    wanted = every_tensor(content, sample)
    model = flatbuffer.unpack(content)
    names = [model.subgraphs[0].tensors[index].name.decode() for index in model.subgraphs[0].outputs]
    for name, found in zip(names, Executable(content).run(sample), strict=True):
        np.testing.assert_allclose(found.ravel(), wanted[name].ravel(), rtol=1e-5, atol=1e-6)


def test_every_activation_is_observed(network: str) -> None:
    content = NETWORKS[network]()
    given = samples_of(content, 5)
    observed = observe(content, given)
    seen = [every_tensor(content, sample) for sample in given]
    for name, found in observed.items():
        values = np.stack([each[name] for each in seen])
        assert (found.low, found.high) == pytest.approx((values.min(), values.max()), rel=1e-5), name
        assert int(found.counts.sum()) == values.size
        channels = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)
        np.testing.assert_allclose(found.channel_high, channels.max(axis=0), rtol=1e-5)
    assert set(input_tensors(content)) <= set(observed)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_a_search_finds_what_is_near_the_float_model(network: str, scheme: str, tmp_path: Path) -> None:
    here = bench(NETWORKS[network](), tmp_path, scheme)
    search = Search(here)
    found = search.run(("mse", "minmax"), SHARED)
    assert search.failed == []
    outputs = len(flatbuffer.unpack(NETWORKS[network]()).subgraphs[0].outputs)
    assert found[0].error / outputs < (0.05 if scheme == "int8" else 0.02), "errors of outputs are added"
    assert {each.setting.correct_bias for each in found} == {True, False}


def test_integers_may_go_in_and_come_out(network: str, tmp_path: Path) -> None:
    here = bench(NETWORKS[network](), tmp_path, float_output=False)
    made = here.built(Setting())
    path = tmp_path / "made.tflite"
    path.write_bytes(made)
    signature = flatbuffer.signature(path)
    dtypes = {entry["dtype"] for entry in (*signature["inputs"], *signature["outputs"])}
    assert dtypes == {"int8"}
    assert here.error(made) < 0.15


def test_layers_are_measured_and_ordered(network: str, tmp_path: Path) -> None:
    here = bench(NETWORKS[network](), tmp_path)
    found = here.sensitivity(Setting(), here.held_out)
    assert found.error_of_all == pytest.approx(here.error(here.built(Setting())), rel=0.2)
    assert len(found.layers) >= 3
    steps = here.order(Setting(), "float32", 1.0, 4)
    assert steps
    assert steps[-1].after < steps[0].before
    kept = here.built(Setting(), dict.fromkeys(steps[0].tensors, "float32"))
    assert here.error(kept) < 1.5 * here.error(here.built(Setting()))


def test_layers_are_equalized_where_that_changes_nothing(network: str) -> None:
    content = NETWORKS[network]()
    given = samples_of(content, 8)
    equalizer = Equalizer(
        Packed(content), observe(content, given), given, balance="weights", relu6="keep", tolerance=1e-5
    )
    made = equalizer.run()
    assert made.left == {}
    assert largest_difference(content, made.model.content, given) < 1e-5


@pytest.mark.parametrize("bits", [8, 4])
def test_rounding_is_learned(network: str, bits: Any) -> None:
    content = NETWORKS[network]()
    made, layers = learned_rounding(content, samples_of(content, 16), bits=bits, steps=60)
    check_rounded(content, made, bits, "channel")
    assert [layer.reason for layer in layers] == [""] * len(layers)
    # were a row of the inputs beside another's target, the error would be as large as the outputs, about 1
    most = 1e-3 if bits == 8 else 0.1
    assert max(layer.nearest_error or 0.0 for layer in layers) < most


def test_what_was_added_to_biases_is_taken_out(network: str, tmp_path: Path) -> None:
    content, left = NETWORKS[network](), dict[str, str]()
    plain = bench(content, tmp_path).built(Setting())
    graph = Graph(flatbuffer.unpack(plain))
    for operator in graph.weighted():
        place = bias_place(graph.kind(operator))
        levels, scale = (
            graph.constant(operator.inputs[place]),
            scales_of(graph.tensors[operator.inputs[place]]),
        )
        graph.set_input(operator, place, (levels + np.rint(0.1 / scale)).astype(np.int32))  # type: ignore[operator]
    bad = flatbuffer.pack(graph.model)
    given = samples_of(content, 64)
    made = correct(bad, content, given, left=left)
    assert left == {}
    assert matching(plain, content)
    reference = OutputError(content, given)
    assert reference.of(made) < 0.5 * reference.of(bad), "a RELU lets half of a shift through, or less"
