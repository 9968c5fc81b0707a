"""Builds as a user types them, on small settings; one store for all of them, and the first in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_detector import FREE, INT8, PRUNE, TRAIN
from tflbuild.tflite.census import census as census_of
from workspace import Workspace

pytestmark = pytest.mark.slow

FEW_STEPS = ["train.steps=5", "train.batch_size=8"]
FEW = ["data.train=64", "data.val=16", "data.test=16"]
SMALL = ["recipe=mobilenet_v1_int8", "model=resnet", "pipeline=[train,convert]", *FEW]
"""A training of seconds, for what holds of any."""
FREE_TOP1 = [word.replace("map", "top1") for word in FREE]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("builds"), trained)


@pytest.fixture(scope="module")
def int8(here: Workspace) -> dict[str, Any]:
    return here.build(*INT8, apart=True)


def delivered(here: Workspace, recipe: str, name: str = "model.tflite") -> Path:
    return here.folder / "outputs" / recipe / "latest" / name


def step(report: dict[str, Any], label: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in report["passes"] if s["label"] == label)
    return found


def test_the_int8_file_is_what_the_issue_asks_for(here: Workspace, int8: dict[str, Any]) -> None:
    from tflbuild.tflite import flatbuffer

    target = int8["targets"][0]
    assert int8["status"] == "built"
    (image,) = target["inputs"]
    tensor = {
        "name": "image",
        "shape": [1, 96, 96, 3],
        "dtype": "uint8",
        "scale": 0.0078125,
        "zero_point": 128,
    }
    assert {key: image[key] for key in tensor} == tensor
    assert (image["modality"], image["preprocess"]["channels"]) == ("image", "rgb")
    shapes = {output["name"]: output["shape"] for output in target["outputs"]}
    assert shapes["detection_boxes"] == [1, 100, 4]
    assert set(shapes) == {"detection_boxes", "detection_classes", "detection_scores", "num_detections"}
    assert len(target["labels"]) == 8
    assert target["delegate"]["delegated"] >= 0.95 * target["delegate"]["total"]
    assert target["bytes"] <= step(int8, "convert")["bytes"] / 2.7
    path = delivered(here, "ssd_mobilenet_int8")
    operators = flatbuffer.operators(path)
    assert operators[-1].name == "TFLite_Detection_PostProcess"
    floats = [op.name for op in operators[:-1] if "float32" in (*op.inputs, *op.outputs)]
    assert floats == ["DEQUANTIZE", "DEQUANTIZE"]
    assert flatbuffer.read_facts(path)["labels"] == target["labels"]
    blobs = here.folder / "outputs" / "store" / "blobs"
    before = census_of(blobs / step(int8, "convert")["output"])["weight_bytes"]
    assert census_of(path)["weight_bytes"] <= before / 3.8
    assert census_of(path)["sparsity"] > 0.4


def test_conversion_costs_nothing(int8: dict[str, Any]) -> None:
    before, after = (step(int8, label)["metrics"]["map"]["value"] for label in ("prune", "convert"))
    assert before > 0.01, "a model that finds nothing would prove nothing"
    assert after == pytest.approx(before, abs=0.001)


def test_what_is_reported_is_measured_on_the_delivered_file(here: Workspace, int8: dict[str, Any]) -> None:
    from tflbuild.core.digest import of_file

    assert of_file(delivered(here, "ssd_mobilenet_int8")) == int8["targets"][0]["sha256"]
    found = int8["targets"][0]["metrics"]["map"]
    assert (found["split"], found["n"], found["kernels"]) == ("test", 80, "xnnpack")
    assert found["low"] <= found["value"] <= found["high"]
    assert len(found["details"]["per_class"]) == 8
    assert list(int8["base"]["metrics"]) == ["map", "map50"]


def test_a_cached_build_imports_no_tensorflow_and_starts_no_worker(
    here: Workspace, int8: dict[str, Any]
) -> None:
    code = f"""
import subprocess, sys
from tflbuild.cli import main
subprocess.Popen = None
assert main({INT8!r}) == 0
assert not [name for name in ("tensorflow", "tf_keras", "ai_edge_litert") if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], cwd=here.folder, check=True, stdout=subprocess.DEVNULL)
    again = here.report("ssd_mobilenet_int8")
    assert {s["outcome"] for s in again["passes"]} == {"cached"}
    assert again["targets"][0]["sha256"] == int8["targets"][0]["sha256"]
    assert again["targets"][0]["metrics"] == int8["targets"][0]["metrics"]


def test_a_run_leaves_a_page_and_a_lock(here: Workspace, int8: dict[str, Any]) -> None:
    folder = delivered(here, "ssd_mobilenet_int8").parent
    assert "<html" in (folder / "report.html").read_text()
    assert int8["targets"][0]["sha256"] in (folder / "recipe.lock.yaml").read_text()


@pytest.mark.parametrize(
    ("recipe", "extra", "dtype", "most"),
    [
        ("ssd_mobilenet_float", [], "float32", 1.0),
        ("ssd_mobilenet_float16", ["quantize.budget.map.max_drop=1"], "float32", 0.56),
        ("ssd_mobilenet_dynamic", ["quantize.budget.map.max_drop=1"], "float32", 0.4),
        ("ssd_mobilenet_int16x8", ["quantize.budget.map.max_drop=1"], "float32", 0.4),
        ("ssd_mobilenet_tfconverter", [*PRUNE, "convert_quantized.budget.map.max_drop=1"], "uint8", 0.37),
        ("ssd_mobilenet_qat", [*PRUNE, "qat.steps=10", "qat.batch_size=8"], "uint8", 0.37),
    ],
)
def test_every_other_recipe_builds(
    here: Workspace, int8: dict[str, Any], recipe: str, extra: list[str], dtype: str, most: float
) -> None:
    free = [
        f"{key}" for key in FREE if not (recipe == "ssd_mobilenet_tfconverter" and key.startswith("convert"))
    ]
    report = here.build(f"recipe={recipe}", *TRAIN, *free, *extra)
    assert step(report, "train")["outcome"] == "cached", "the training is shared"
    target = report["targets"][0]
    assert target["inputs"][0]["dtype"] == dtype
    assert report["passes"][-1]["bytes"] <= most * step(int8, "convert")["bytes"]
    assert 0 < target["bytes"] - report["passes"][-1]["bytes"] < 4096, "what the file says of itself"
    if recipe == "ssd_mobilenet_qat":
        census = census_of(delivered(here, recipe))
        assert census["sparsity"] > 0.4, "training for quantization keeps the zeros"
        assert target["inputs"][0]["scale"] == pytest.approx(1 / 128, rel=1e-4)
        assert target["inputs"][0]["zero_point"] == 128


def test_an_impossible_budget_ends_with_5_and_presents_nothing(here: Workspace, int8: dict[str, Any]) -> None:
    report = here.build(*INT8[:-1], "quantize.budget.map.max_drop=-1", "quantize.fallback=[]", code=5)
    assert report["status"] == "over_budget"
    verdict = step(report, "quantize")["verdicts"][0]
    assert (verdict["ok"], verdict["limit"]) == (False, {"max_drop": -1.0})
    assert verdict["value"] is not None
    assert not delivered(here, "ssd_mobilenet_int8").exists()
    assert delivered(here, "ssd_mobilenet_int8", "rejected/quantize.tflite").exists()


def test_a_fallback_delivers_another_scheme(here: Workspace, int8: dict[str, Any]) -> None:
    tight = [*INT8[:-1], "quantize.budget.size.max=540_000", "quantize.scheme=float16"]
    added = ["+passes@smaller=quantize", "smaller.scheme=int8", "smaller.method=fixed"]
    report = here.build(*tight, *added, "quantize.fallback=[smaller]")
    assert step(report, "quantize")["outcome"] == "replaced"
    assert [attempt["ok"] for attempt in step(report, "quantize")["tried"]] == [False, True]
    assert report["targets"][0]["inputs"][0]["dtype"] == "uint8"


def test_the_shipped_fallback_keeps_the_layers_that_the_budget_asks_for(
    here: Workspace, int8: dict[str, Any]
) -> None:
    """A file of at least so many bytes is a budget that int8 breaks and layers in float32 hold, on any machine."""
    from tflbuild.tflite import flatbuffer

    least = step(int8, "quantize")["bytes"] + 10_000
    report = here.build(*INT8, f"quantize.budget.size.min={least}")
    quantize = step(report, "quantize")
    assert (report["status"], quantize["outcome"]) == ("built", "replaced")
    assert [(tried["run"], tried["ok"]) for tried in quantize["tried"]] == [
        ("quantize", False),
        ("quantize_mixed", True),
    ]
    (mixed,) = quantize["tried"][1]["passes"]
    assert mixed["options"]["keep"] == "float32", "the target is a processor"
    found, named = mixed["notes"]["mixed"], {island["tensor"] for island in mixed["notes"]["islands"]}
    kept = {tensor for layer in found["kept"] for tensor in layer["tensors"]}
    assert 0 < found["share"] <= 0.15
    assert sum(layer["file_bytes"] for layer in found["kept"]) == pytest.approx(
        quantize["bytes"] - least + 10_000, abs=2000
    )
    operators = flatbuffer.operators(delivered(here, "ssd_mobilenet_int8"))
    floats = {
        operator.output
        for operator in operators
        if operator.inputs[:1] == ("float32",) and operator.name.isupper()
    }
    assert kept <= named
    assert kept == {name for name in floats if not name.endswith("_quantized")}
    assert {"map", "size"} <= set(found["metrics"]["mixed"])


def test_a_sweep_trains_once_and_lists_every_job(here: Workspace, int8: dict[str, Any]) -> None:
    printed = here.run("-m", *INT8, "prune.sparsity=0.5,0.8,2", "seed=0", code=2)  # 0.5 is the recipe's own
    assert "3 jobs, " in printed
    folder = max((here.folder / "outputs" / "ssd_mobilenet_int8").glob("sweep-*"))
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["schema"] == "tflbuild.summary/1"
    statuses = {job["overrides"]["prune.sparsity"]: job["status"] for job in summary["jobs"]}
    assert statuses == {"0.5": "built", "0.8": "built", "2": "invalid"}
    sizes = [job["compressed_bytes"] for job in summary["jobs"][:2]]
    assert sizes[1] < sizes[0], "more zeros compress better"
    assert (folder / "prune.sparsity=0.8" / "report.json").exists()
    assert (folder / "summary.csv").read_text().startswith("prune.sparsity,map,drop,bytes,compressed")
    trained = json.loads((folder / "prune.sparsity=0.8" / "report.json").read_text())["passes"][0]
    assert trained["outcome"] == "cached"


def test_two_targets_are_delivered(here: Workspace, int8: dict[str, Any]) -> None:
    pytest.importorskip("ethosu", reason='pip install "tflbuild[ethos]"')
    report = here.build(*INT8, "target=[cpu,ethos_u55]", "budget.npu_coverage.min=0.5")
    targets = {target["name"]: target for target in report["targets"]}
    assert delivered(here, "ssd_mobilenet_int8", "cpu/model.tflite").exists()
    assert delivered(here, "ssd_mobilenet_int8", "ethos_u55/model.tflite").exists()
    assert targets["ethos_u55"]["metrics"]["npu_coverage"]["value"] > 0.5
    assert targets["ethos_u55"]["metrics"]["npu_cycles"]["value"] > 0
    assert "map" not in targets["ethos_u55"]["metrics"], "this machine cannot execute that file"
    assert "map" in targets["cpu"]["metrics"]


def test_the_users_own_model_takes_the_place_of_training(here: Workspace, int8: dict[str, Any]) -> None:
    blob = here.folder / "outputs" / "store" / "blobs" / step(int8, "train")["output"]
    (here.folder / "my.h5").write_bytes(blob.read_bytes())
    words = ["recipe=ssd_mobilenet_float", *TRAIN, *FREE, "model=keras", "model.path=my.h5"]
    report = here.build(*words)
    assert step(report, "train")["outcome"] == "skipped"
    assert "train.init=continue" in step(report, "train")["reason"]
    same = report["base"]["metrics"]["map"]["value"]
    assert same == pytest.approx(int8["base"]["metrics"]["map"]["value"], abs=1e-6)
    further = here.build(*words, "train.init=continue", *FEW_STEPS, "stop_after=train")
    assert step(further, "train")["outcome"] == "ran"


def test_training_starts_from_a_file_whose_head_is_for_other_classes(
    here: Workspace, int8: dict[str, Any], shared_data: Path
) -> None:
    if not (here.folder / "my.h5").exists():
        blob = here.folder / "outputs" / "store" / "blobs" / step(int8, "train")["output"]
        (here.folder / "my.h5").write_bytes(blob.read_bytes())
    words = [
        "recipe=ssd_mobilenet_float",
        "data=voc",
        f"data.root={shared_data / 'bccd'}",
        "train.init=my.h5",
    ]
    report = here.build(*words, *FEW_STEPS, *FREE, "stop_after=train")
    notes = json.dumps(step(report, "train")["notes"])
    assert "class_0" in notes, "the head left fresh is named"
    assert report["data"]["splits"]["test"]["n"] == 72
    assert {Path(d["file"]).stem for d in report["data"]["dropped"]} == {
        "BloodImage_00338",
        "BloodImage_00343",
    }


def test_coco_data_build(here: Workspace, shared_data: Path) -> None:
    words = ["recipe=ssd_mobilenet_float", "data=coco", f"data.root={shared_data / 'cards'}", *FEW_STEPS]
    report = here.build(*words, *FREE)
    assert sorted(report["data"]["classes"]) == ["ace", "jack", "king", "nine", "queen", "ten"]
    assert report["targets"][0]["metrics"]["map"]["n"] == 67


def test_a_classifier_builds(here: Workspace) -> None:
    free = [f"{label}budget.top1.max_drop=1" for label in ("", "prune.", "convert.", "quantize.")]
    words = ["recipe=mobilenet_v1_int8", "train.steps=20", "prune.steps=10", *free]
    report = here.build(*words, "data.train=320", "data.val=60", "data.test=80")
    target = report["targets"][0]
    assert target["inputs"][0]["dtype"] == "uint8"
    assert target["metrics"]["top1"]["n"] == 80
    assert set(target["delegate"]["left"]) <= {"QUANTIZE", "SOFTMAX", "DEQUANTIZE"}, (
        "XNNPACK has no 16-bit softmax"
    )


def test_predict_prints_detections_and_draws_them(here: Workspace, int8: dict[str, Any]) -> None:
    from PIL import Image

    image = np.zeros((120, 160, 3), np.uint8)
    image[30:90, 40:100] = (200, 20, 20)
    Image.fromarray(image).save(here.folder / "scene.png")
    here.run(*INT8)
    printed = here.run("predict", "outputs/ssd_mobilenet_int8/latest", "scene.png")
    assert "scene.png" in printed
    run = here.folder / "outputs" / "ssd_mobilenet_int8" / "latest"
    assert list((run / "predictions").glob("scene*"))


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a build and wait until it trains; it is gone afterwards, whatever happened.

    A process started in the background may inherit that SIGINT is ignored; a person's terminal does not do that.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    try:
        next(line for line in process.stdout if line.startswith("train: ") and "/" in line)
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_ctrl_c_leaves_a_report_and_the_same_command_continues(here: Workspace) -> None:
    words = [*SMALL, "train.steps=50000", "seed=5"]
    command = [sys.executable, "-m", "tflbuild", *words]
    with started(command, here.folder) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130
    runs = [p for p in (here.folder / "outputs" / "mobilenet_v1_int8").iterdir() if not p.is_symlink()]
    report = json.loads((max(runs, key=lambda p: p.stat().st_mtime) / "report.json").read_text())
    assert report["status"] == "interrupted"
    shorter = [word.replace("50000", "3") for word in words]
    assert here.build(*shorter, *FREE_TOP1)["status"] == "built"


def test_two_processes_compute_every_action_once(here: Workspace) -> None:
    words = [*SMALL, *FREE_TOP1, "train.steps=20", "seed=9", "store.path=shared_store"]
    command = [sys.executable, "-m", "tflbuild", *words]
    both = [subprocess.Popen(command, cwd=here.folder, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    runs = (here.folder / "outputs" / "mobilenet_v1_int8").glob("*/report.json")
    reports = [json.loads(path.read_text()) for path in runs if path.parent.name != "latest"]
    mine = [report for report in reports if report["seed"] == 9]
    assert len(mine) == 2
    ran = [s["label"] for report in mine for s in report["passes"] if s["outcome"] == "ran"]
    assert sorted(ran) == ["convert", "train"]


def test_a_worker_dies_with_its_parent(here: Workspace) -> None:
    import psutil

    words = [*SMALL, "train.steps=50000", "seed=6"]
    command = [sys.executable, "-m", "tflbuild", *words]
    with started(command, here.folder) as process:
        workers = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 60
    while any(w.is_running() and w.status() != psutil.STATUS_ZOMBIE for w in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert workers


def test_python_builds_as_the_command_does(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    import tflbuild
    from tflbuild.core.errors import BudgetExceeded

    monkeypatch.chdir(here.folder)
    report = tflbuild.build("ssd_mobilenet_int8", overrides=INT8[1:], show=False)
    assert report.status == "built"
    assert report.metric("map") == report["targets"][0]["metrics"]["map"]["value"]
    over = [*INT8[1:-1], "quantize.budget.map.max_drop=-1", "quantize.fallback=[]"]
    with pytest.raises(BudgetExceeded, match=r"map (fell|rose) by") as caught:
        tflbuild.build("ssd_mobilenet_int8", overrides=over, show=False)
    assert caught.value.folder is not None
    assert (caught.value.folder / "rejected").is_dir()
    assert caught.value.report["status"] == "over_budget"


def test_a_plugin_of_the_users_is_built_with(here: Workspace, int8: dict[str, Any]) -> None:
    source = Path(__file__).resolve().parents[2] / "plugins" / "pad_tail.py"
    (here.folder / "plugins").mkdir(exist_ok=True)
    (here.folder / "plugins" / "pad_tail.py").write_text(source.read_text())
    report = here.build(
        *INT8, "+passes@pad=pad_tail", "pad.after=[quantize]", "pad.zeros=64", apart=True
    )  # other tests declare `pad_tail` in this process
    assert step(report, "pad")["outcome"] == "ran"
    assert step(report, "quantize")["outcome"] == "cached"
    assert step(report, "pad")["bytes"] == step(report, "quantize")["bytes"] + 64
    assert report["targets"][0]["metrics"]["map"] == int8["targets"][0]["metrics"]["map"]


def test_calibration_from_a_folder_is_keyed_by_content(
    here: Workspace, int8: dict[str, Any], shared_data: Path
) -> None:
    folder = here.folder / "calibration"
    folder.mkdir()
    names = sorted((shared_data / "cards" / "train").glob("*.jpg"))[:4]
    for path in names[:3]:
        (folder / path.name).write_bytes(path.read_bytes())
    words = [*INT8, "quantize.calibration.source=calibration"]
    assert step(here.build(*words), "quantize")["notes"]["calibration"]["samples"] == 3
    assert step(here.build(*words), "quantize")["outcome"] == "cached"
    (folder / names[3].name).write_bytes(names[3].read_bytes())
    again = step(here.build(*words), "quantize")
    assert (again["outcome"], again["notes"]["calibration"]["samples"]) == ("ran", 4)
    assert "calibration content changed" in again["reason"]
