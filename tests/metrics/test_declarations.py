"""What every metric declares, by name; a new one has to be added here and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core.metric import METRICS, AccuracyMetric, FileMetric, TargetMetric

plugins.load(None)

DETECTION, CLASSIFICATION, ANY = ("detection",), ("classification",), ()
DECLARED: dict[str, tuple[Any, ...]] = {
    # unit, higher is better, tasks, kinds, kind of metric, primary / exact / target
    "map": ("1", True, DETECTION, ANY, AccuracyMetric, True),
    "map50": ("1", True, DETECTION, ANY, AccuracyMetric, True),
    "top1": ("1", True, CLASSIFICATION, ANY, AccuracyMetric, True),
    "top5": ("1", True, CLASSIFICATION, ANY, AccuracyMetric, False),
    "auc": ("1", True, ("reconstruction",), ANY, AccuracyMetric, True),
    "pauc": ("1", True, ("reconstruction",), ANY, AccuracyMetric, False),
    "mae": ("1", False, ("regression",), ANY, AccuracyMetric, True),
    "rmse": ("1", False, ("regression",), ANY, AccuracyMetric, False),
    "r2": ("1", True, ("regression",), ANY, AccuracyMetric, False),
    "oks": ("1", True, ("keypoints",), ANY, AccuracyMetric, True),
    "pck": ("1", True, ("keypoints",), ANY, AccuracyMetric, False),
    "fidelity": ("1", True, ANY, ANY, AccuracyMetric, False),
    "size": ("bytes", False, ANY, ANY, FileMetric, True),
    "compressed_size": ("bytes", False, ANY, ANY, FileMetric, True),
    "latency": ("ms", False, ANY, ("TFLiteModel",), FileMetric, False),
    "npu_coverage": ("1", True, ANY, ANY, TargetMetric, "ethos_u"),
    "npu_cycles": ("cycles", False, ANY, ANY, TargetMetric, "ethos_u"),
    "npu_sram": ("KiB", False, ANY, ANY, TargetMetric, "ethos_u"),
    "arena": ("bytes", False, ANY, ANY, TargetMetric, "tflite_micro"),
    "npu_flash": ("KiB", False, ANY, ANY, TargetMetric, "ethos_u"),
    "npu_latency": ("ms", False, ANY, ANY, TargetMetric, "ethos_u"),
    "edgetpu_cached": ("KiB", False, ANY, ANY, TargetMetric, "edgetpu"),
    "edgetpu_streamed": ("KiB", False, ANY, ANY, TargetMetric, "edgetpu"),
}


def ours() -> list[str]:
    """Name the metrics of the package; a test may have declared others."""
    return [name for name, cls in METRICS.items() if cls.__module__.startswith("tflbuild.metrics.")]


def accuracies() -> list[str]:
    """Name those that measure predictions."""
    return [name for name in ours() if issubclass(METRICS.get(name), AccuracyMetric)]


def test_every_metric_is_listed() -> None:
    assert set(ours()) == set(DECLARED)


@pytest.mark.parametrize("name", DECLARED)
def test_a_metric_declares_its_unit_direction_and_what_it_is_for(name: str) -> None:
    unit, higher, tasks, kinds, base, last = DECLARED[name]
    cls: Any = METRICS.get(name)
    assert (cls.unit, cls.higher_is_better, cls.tasks, cls.kinds) == (unit, higher, tasks, kinds)
    assert issubclass(cls, base)
    which = {AccuracyMetric: "primary", FileMetric: "exact", TargetMetric: "target"}[base]
    assert getattr(cls, which) == last


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("map", ("numpy",)),
        ("top1", ("numpy",)),
        ("fidelity", ("numpy",)),
        ("size", ()),
        ("latency", ("ai_edge_litert", "numpy")),
    ],
)
def test_a_metric_names_the_tools_that_decide_its_value(name: str, needs: tuple[str, ...]) -> None:
    assert METRICS.get(name).needs == needs


def test_fidelity_is_held_against_the_base_and_measured_after_every_step_on_data_without_labels() -> None:
    held: dict[str, Any] = {
        name: (cls.against, cls.primary_of) for name, cls in METRICS.items() if name in accuracies()
    }
    assert held.pop("fidelity") == ("base", ("unlabelled",))
    assert set(held.values()) == {("truth", ())}


def test_declarations_import_neither_numpy_nor_a_framework() -> None:
    rooms = {
        "metrics": ("detection", "classification", "fidelity", "size", "latency", "npu"),
        "targets": ("cpu", "ethos_u"),
        "tasks": ("classification.task", "detection.task", "unlabelled"),
        "modalities": ("image.modality", "vector"),
        "runtimes": ("keras", "litert"),
    }
    modules = [f"tflbuild.{room}.{name}" for room, names in rooms.items() for name in names]
    heavy = "[name for name in ('numpy', 'tensorflow', 'ai_edge_litert') if name in sys.modules]"
    code = f"import sys, {', '.join(modules)}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
