"""The simulation of float16 held to XNNPACK, which computes in float16 itself where it is told to.

XNNPACK fuses and sums otherwise, so that single numbers differ by some units of float16; how far both are from float32
on the whole is the same. Where it happens to sum alike, in dense layers, the numbers are the same bit by bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.cpu_options import CpuOptions
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.options import Options

from tflbuild.quantization.observation import Executable, without_custom
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.half_precision import compute_in_float16, without_unread

IN_FLOAT16 = 1 | 2 | 4
"""Flags of LiteRT's header xnnpack_delegate.h: the usual ones for int8 and uint8, and FORCE_FP16."""

SAMPLES = 16

DENSE = "mlperf_tiny/ad01_fp32"


def in_xnnpack(path: Path, image: npt.NDArray[Any], sizes: list[int]) -> list[npt.NDArray[np.float32]]:
    """Run a file in XNNPACK's float16; skip where this processor has none."""
    options = Options(
        hardware_accelerators=HardwareAccelerator.CPU,
        cpu_options=CpuOptions(num_threads=1, xnnpack_flags=IN_FLOAT16),
    )
    try:
        model = CompiledModel.from_file(str(path), options=options)
        given, made = model.create_input_buffers(0), model.create_output_buffers(0)
        given[0].write(np.ascontiguousarray(image[None]))
        model.run_by_index(0, given, made)
    except RuntimeError as error:
        pytest.skip(f"XNNPACK does not compute in float16 here: {error}")
    return [one.read(size, np.float32) for one, size in zip(made, sizes, strict=True)]


def errors(path: Path, folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Give by output the mean squared errors: of the simulation, of XNNPACK, and between the two."""
    cut = without_custom(Graph.unpacked(path.read_bytes()))
    source = folder / "source.tflite"
    source.write_bytes(cut.packed())
    halved = Graph.unpacked(source.read_bytes())
    compute_in_float16(halved)
    exact, simulated = (Executable(one) for one in (source.read_bytes(), without_unread(halved).packed()))
    shape = tuple(int(side) for side in cut.tensors[int(cut.model.subgraphs[0].inputs[0])].shape[1:])
    sums = np.zeros((3, len(exact.run({"x": np.zeros(shape, np.float32)}))))
    for seed in range(SAMPLES):
        image = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
        plain, mine = ([one.ravel() for one in running.run({"x": image})] for running in (exact, simulated))
        theirs = in_xnnpack(source, image, [one.size for one in plain])
        pairs = ((mine, plain), (theirs, plain), (mine, theirs))
        sums += [[float(np.mean((a - b) ** 2)) for a, b in zip(*pair, strict=True)] for pair in pairs]
    first, second, between = sums.tolist()
    return first, second, between


def test_dense_layers_give_the_same_bits(shared_models: Path, tmp_path: Path) -> None:
    simulated, xnnpack, between = errors(shared_models / f"{DENSE}.tflite", tmp_path)
    assert simulated == xnnpack
    assert simulated[0] > 0
    assert between == [0.0]


@pytest.mark.parametrize(
    "name",
    [
        "mlperf_tiny/vww_96_float",
        "tflite_support/mobilenet_v1_0.25_224_1_default_1",
        "odapi/ssd_mobilenet_v2/tflite/float_max10",
    ],
)
def test_the_error_of_a_network_is_that_of_xnnpack(shared_models: Path, tmp_path: Path, name: str) -> None:
    simulated, xnnpack, _ = errors(shared_models / f"{name}.tflite", tmp_path)
    for mine, theirs in zip(simulated, xnnpack, strict=True):
        assert 0.5 < np.sqrt(mine / theirs) < 2.0
