"""The rules of the GPU, and its arithmetic on integers, held to LiteRT's own GPU accelerator on a software GPU.

It is WebGPU, not OpenCL, and computes in float32 there; which operators it takes, into which part it divides a graph,
and what it makes of integers are its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpu_accelerator
from litert_files import outputs_of
from tflbuild.core.target import TARGETS
from tflbuild.tflite import half_precision
from tflbuild.tflite.graph import Graph


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tflite_support/mobilenet_v1_0.25_224_1_default_1", 1001),
        ("odapi/ssd_mobilenet_v2_fpnlite/tflite/float_regular_nms100", 100),
        pytest.param("odapi/efficientdet_d0/tflite/float_max10", 10, marks=pytest.mark.slow),
        ("odapi/ssd_mobilenet_v2/tflite/int8_max10_float_io", 10),
        ("mlperf_tiny/vww_96_int8", 2),
    ],
)
def test_as_many_operators_are_taken_as_predicted(
    shared_models: Path, tmp_path: Path, name: str, size: int
) -> None:
    path = shared_models / f"{name}.tflite"
    graph = Graph.unpacked(path.read_bytes())
    tensor = graph.tensors[int(graph.model.subgraphs[0].inputs[0])]
    shape = tuple(int(side) for side in tensor.shape)
    kind = np.int8 if "vww" in name else np.float32
    taken, _ = gpu_accelerator.run(path, tmp_path, np.zeros((0, *shape), kind), size)
    found = TARGETS.get("gpu")().place(path)
    assert found is not None
    assert found["delegated"] == (found["total"] if taken is None else taken)


def test_integers_are_computed_as_the_accelerator_does(
    shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the rounding to float16, the simulation gives the accelerator's integers, where LiteRT's differ."""
    path = shared_models / "mlperf_tiny" / "kws_ref_model.tflite"
    images = np.stack(
        [np.random.default_rng(seed).integers(-128, 128, (1, 49, 10, 1)).astype(np.int8) for seed in range(6)]
    )
    taken, wanted = gpu_accelerator.run(path, tmp_path, images, 12)
    assert taken is None
    monkeypatch.setattr(half_precision, "FLOAT16", half_precision.FLOAT32)
    monkeypatch.setattr(half_precision, "rounded", lambda values, flush=False: values)
    graph = Graph.unpacked(path.read_bytes())
    half_precision.compute_in_float16(graph)
    (name,) = [graph.name(int(index)) for index in graph.model.subgraphs[0].inputs]
    content = half_precision.without_unread(graph).packed()

    def all_of(file: bytes) -> Any:
        return np.stack([next(iter(outputs_of(file, {name: image}).values()))[0] for image in images])

    np.testing.assert_array_equal(all_of(content), wanted)
    assert np.abs(all_of(path.read_bytes()).astype(int) - wanted.astype(int)).max() > 1
