"""ONNX in and ONNX out, as a user runs it: built, delivered to onnxruntime, verified and compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import onnx_files
from own_files import write_photos
from workspace import Workspace

pytestmark = pytest.mark.slow

WORDS = ["recipe=int8", "model.path=net.onnx", "data.root=photos", "quantize.method=fixed"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with an ONNX classifier and photos."""
    folder = tmp_path_factory.mktemp("onnx")
    onnx_files.written(folder, onnx_files.classifier(), "net.onnx")
    write_photos(folder / "photos")
    return Workspace(folder)


def test_without_the_environment_a_build_ends_with_the_command_that_makes_it(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for command in ([], ["plan"]):
        printed = here.run_apart(*command, *WORDS, code=6)
        assert printed.splitlines()[-1] == (
            "error: pass 'load' needs the environment 'onnx', which is not there; make it once: tflbuild setup onnx"
        )


def test_an_onnx_file_is_built_delivered_as_onnx_and_verified(
    here: Workspace, onnx_environment: Path
) -> None:
    printed = here.run_apart(*WORDS, "target=[cpu,onnxruntime]", "pipeline=[load,export_onnx,quantize]")
    assert "convert" not in printed
    assert "parity: 'scores' is within " in printed
    assert "fidelity 1.0000 with the .tflite that it was made from, on 12 test samples" in printed
    report = here.report("int8")
    load, exported, quantize = report["passes"]
    assert load["notes"]["parity"]["outputs"]["scores"]["images"] == 24
    cpu, onnx, floats = report["targets"]
    assert exported["output"] == load["output"], "the step gives the model on as it is"
    assert (floats["name"], floats["path"]) == ("export_onnx", "export_onnx/model.onnx")
    ((name, apart),) = floats["difference"]["outputs"].items()
    assert (name, apart["samples"]) == ("scores", 12)
    assert 0 < apart["size"] <= 1
    assert apart["relative"] <= 1e-5
    assert (
        f"'scores' differs from the .tflite by up to {apart['largest']:.3g} (12 samples; largest value "
        in printed
    )
    rounded = onnx["difference"]["outputs"]["scores"]
    assert (rounded["samples"], rounded["largest"]) == (12, pytest.approx(0, abs=1 / 64))
    page = (here.folder / "outputs" / "int8" / "latest" / "report.html").read_text()
    assert f"by up to {rounded['largest']:.3g} (12 samples; largest value " in page
    assert (Path(cpu["path"]).suffix, Path(onnx["path"]).suffix) == (".tflite", ".onnx")
    assert onnx["inputs"] == cpu["inputs"]
    assert onnx["latency_ms"]["kernels"] == "onnxruntime"
    assert onnx["metrics"]["fidelity"]["kernels"] == "onnxruntime"
    assert onnx["agreement"]["fidelity"]["value"] == 1.0
    run = here.folder / "outputs" / "int8" / "latest"
    assert "onnxruntime: fidelity" in here.run_apart("verify", str(run.resolve()))
    again = json.loads(
        here.run_apart("compare", "net.onnx", str(run / cpu["path"]), "data.root=photos", "--json")
    )
    assert again["metrics"]["fidelity"]["after"]["value"] >= 0.75
    assert again["metrics"]["fidelity"]["before"]["value"] == 1.0
    assert quantize["outcome"] == "ran"


def test_the_environment_is_in_the_key_and_a_cached_build_runs_nothing(
    here: Workspace, onnx_environment: Path
) -> None:
    here.run_apart(*WORDS)
    printed = here.run_apart("plan", *WORDS)
    assert "RUN" not in printed
    lock = (here.folder / "outputs" / "int8" / "latest" / "recipe.lock.yaml").read_text()
    assert "onnx2tf 2.6.9, " in lock
