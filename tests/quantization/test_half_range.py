"""Which operator overflows float16 first, on networks whose numbers are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.quantization.half_range import HalfRange, half_range
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.half_precision import compute_in_float16
from tflite_files import network, step


def grown(*factors: float) -> bytes:
    """Give layers that each multiply two numbers by a factor."""
    tensors = {"x": (1, 2), "b": np.zeros(2, np.float32)}
    steps = []
    given = "x"
    for place, factor in enumerate(factors):
        tensors |= {f"w{place}": np.eye(2, dtype=np.float32) * np.float32(factor), f"layer_{place}": (1, 2)}
        steps.append(step("FULLY_CONNECTED", [given, f"w{place}", "b"], [f"layer_{place}"]))
        given = f"layer_{place}"
    return network(tensors, steps, ["x"], [given])


def found(content: bytes, *samples: tuple[float, float]) -> HalfRange:
    graph = Graph.unpacked(content)
    halved = graph.copy()
    made = compute_in_float16(halved)
    return half_range(graph, halved, made, [{"x": np.array(one, np.float32)} for one in samples])


def test_the_first_operator_that_overflows_is_named_with_its_numbers() -> None:
    result = found(grown(100, 100, 100, 0.001), (1, 2), (7, 0), (-8, 3))
    first = result.first
    assert first is not None
    assert (first.operator, first.tensor, first.layer) == ("FULLY_CONNECTED", "layer_1", "layer_1")
    assert first.largest == 80000  # -8 x 100 x 100
    assert (first.beyond, first.samples, first.first) == (2, 2, 1)  # 70000 and -80000
    assert [one.beyond for one in result.operators] == [0, 2, 2, 0], "what comes of infinities is not counted"
    assert result.outputs == {"layer_3": np.inf}


def test_what_fits_is_told_by_its_largest_number() -> None:
    result = found(grown(2, 1000), (1, 32))
    assert result.first is None
    furthest = result.furthest
    assert furthest is not None
    assert (furthest.tensor, furthest.largest) == ("layer_1", 64000)
    assert result.sizes == {"layer_1": 64000}
    assert result.outputs == {"layer_1": 0.0}


def test_numbers_below_the_smallest_with_all_digits_are_counted() -> None:
    (only,) = found(grown(1.0), (6e-5, 1e-8), (0.0, 1.0)).operators
    assert (only.values, only.small, only.lost) == (4, 1, 0), "the input is rounded before: 1e-8 is 0 by then"
    (only,) = found(grown(2.0**-13), (2.0**-13, 1.0)).operators
    assert (only.small, only.lost) == (1, 1)  # 2^-26 becomes 0; 2^-13 has all of its digits


def test_one_infinite_number_is_enough_for_an_output_that_is_not_finite() -> None:
    result = found(grown(100, 100), (10, 1))
    assert result.outputs == {"layer_1": np.inf}
    assert result.sizes == {"layer_1": 100000}


def test_constants_beyond_float16_are_named_and_the_outputs_are_not_finite() -> None:
    result = found(grown(1e6), (1, 0))
    assert result.constants == ["w0"]
    assert result.outputs["layer_0"] == np.inf


@pytest.mark.parametrize("name", ["float_max10"])
def test_a_detector_ends_in_what_its_suppression_reads(shared_models: object, name: str) -> None:
    from pathlib import Path

    path = Path(str(shared_models)) / "odapi" / "ssd_mobilenet_v2" / "tflite" / f"{name}.tflite"
    graph = Graph.unpacked(path.read_bytes())
    halved = graph.copy()
    made = compute_in_float16(halved)
    rng = np.random.default_rng(0)
    shape = tuple(int(side) for side in graph.tensors[int(graph.model.subgraphs[0].inputs[0])].shape[1:])
    image = rng.uniform(-1, 1, shape).astype(np.float32)
    result = half_range(graph, halved, made, [{"image": image}])
    assert list(result.outputs) == ["Squeeze1", "convert_scores"]
    assert all(0 < apart < 0.1 for apart in result.outputs.values())
    assert result.first is None
