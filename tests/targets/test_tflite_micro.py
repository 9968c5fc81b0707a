"""The target `tflite_micro`, through the real interpreter of the package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micro_sources
import small_network
import tflite_files
from tflbuild.backends.micro import session
from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.metric import METRICS
from tflbuild.core.runtime import RUNTIMES
from tflbuild.core.target import TARGETS
from tflbuild.metrics.micro import Arena
from tflbuild.recipe.validation import typed
from tflbuild.runtimes.litert import Litert
from tflbuild.targets.tflite_micro import TfliteMicro

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
needs_package = pytest.mark.skipif(
    toolchain.version(session.TOOL) is None, reason="tflite-micro is not installed"
)


def file_of(path: Path) -> TFLiteModel:
    return TFLiteModel(path=path, digest="", fingerprint="")


def test_it_is_a_target_whose_file_runs_here_in_its_own_runtime() -> None:
    assert TARGETS.get("tflite_micro") is TfliteMicro
    assert (TfliteMicro.compiles, TfliteMicro.executes, TfliteMicro.offloads) == (False, True, False)
    assert TfliteMicro.wants == {"scheme": ("int8", "int16x8"), "scores": "int8"}
    runtime = RUNTIMES.get(TfliteMicro.runtime)(**TfliteMicro(arena_size=4096).runtime_options())
    assert runtime.arena_size == 4096
    assert runtime.peer() == Litert(kernels="reference")
    assert not runtime.usual


@needs_package
def test_the_arena_and_the_operators_are_reported(tmp_path: Path) -> None:
    found = TfliteMicro().inspect(file_of(small_network.quantized(tmp_path)))
    memory = found["micro"]["memory"]
    assert found["arena"] == memory["smallest"] >= memory["head"] + memory["tail"]
    assert found["micro"]["resolver"] == [
        "AddConv2D",
        "AddDepthwiseConv2D",
        "AddDequantize",
        "AddFullyConnected",
        "AddMaxPool2D",
        "AddReshape",
        "AddSoftmax",
    ]
    assert found["micro"]["version"] == toolchain.version("tflite_micro")
    assert METRICS.get("arena") is Arena


@needs_package
def test_a_file_that_needs_more_than_the_device_has_is_refused(tmp_path: Path) -> None:
    model = file_of(small_network.quantized(tmp_path))
    needed = TfliteMicro().inspect(model)["arena"]
    assert TfliteMicro(arena_size=needed).inspect(model)["arena"] == needed
    with pytest.raises(
        PassError, match=rf"needs an arena of {needed:,} bytes .*arena_size allows {needed - 1:,};"
    ):
        TfliteMicro(arena_size=needed - 1).inspect(model)


@needs_package
def test_a_file_that_does_not_run_is_refused_with_the_rule_and_its_cure(tmp_path: Path) -> None:
    typed_ = {"image": tflite_files.Typed("float32"), "weights": tflite_files.Typed("int8", 0.5)}
    content = tflite_files.classifier(
        "SOFTMAX", typed=typed_, change=lambda model: _as_int8(model, b"weights")
    )
    with pytest.raises(PassError) as error:
        TfliteMicro().inspect(file_of(tflite_files.written(tmp_path, content)))
    assert "Input type: FLOAT32 with filter type: INT8 not supported" in str(error.value)
    assert "operator 0 (FULLY_CONNECTED) multiplies float32 by weights of int8" in str(error.value)
    assert str(error.value).endswith("cure: quantize.scheme=int8.")


def _as_int8(model: Any, name: bytes) -> None:
    for tensor in model.subgraphs[0].tensors:
        if tensor.name == name:
            values = model.buffers[tensor.buffer].data.view(np.float32)
            model.buffers[tensor.buffer].data = (values * 2).astype(np.int8).view(np.uint8)


@pytest.mark.parametrize("size", [0, -1, 2**32 + 1])
def test_sizes_that_make_no_sense_are_refused(size: int) -> None:
    with pytest.raises(RecipeError, match=f"arena_size: {size}"):
        typed(TfliteMicro, {"arena_size": size}, "target.tflite_micro")


@needs_package
def test_the_sources_beside_the_file_compile_and_run_the_sample(tmp_path: Path) -> None:
    model = file_of(small_network.quantized(tmp_path))
    figures = TfliteMicro().inspect(model)
    loaded = session.Loaded(model.path)
    ((name, spec),) = loaded.signature.inputs.items()
    image = np.arange(np.prod(spec.shape)).reshape(spec.shape).astype(spec.dtype)
    outputs = loaded.run({name: image})
    sample = {
        "inputs": [micro_sources.tensor(name, image)],
        "outputs": [micro_sources.tensor(*one) for one in outputs.items()],
    }
    files = TfliteMicro().companions(model, figures, sample)
    assert {*files} == {
        f"micro/{one}" for one in ("main.cc", "model.cc", "model.h", "resolver.h", "sample.cc", "sample.h")
    }
    folder = tmp_path / "micro"
    folder.mkdir()
    for path, text in files.items():
        (tmp_path / path).write_text(text)
    code, lines = micro_sources.run(micro_sources.compiled(folder), sample)
    assert code == 0
    (scores,) = outputs.values()
    assert np.allclose(list(map(float, lines[0].split()[2:])), scores.reshape(-1))


def test_without_a_sample_there_are_no_sources(tmp_path: Path) -> None:
    assert TfliteMicro().companions(file_of(tmp_path / "model.tflite"), {}, None) == {}


def test_a_rule_file_of_the_users_takes_the_place_of_ours(tmp_path: Path) -> None:
    rules = tmp_path / "mine.yaml"
    rules.write_text(
        "device: mine\nsource: me\ndate: 2026-12-01\npartition: each\noperators: {FULLY_CONNECTED: []}\n"
    )
    path = tflite_files.written(tmp_path, tflite_files.classifier("SOFTMAX"))
    found = replace(TfliteMicro(), rule_file=str(rules)).place(path)
    assert found is not None
    assert [one["on"] for one in found["operators"]] == [True, False]
