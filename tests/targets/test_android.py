"""The target `android`: its options, what is asked while planning, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fake_adb import Phones
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.core.runtime import RUNTIMES
from tflbuild.core.target import TARGETS
from tflbuild.metrics.latency import Latency
from tflbuild.recipe.validation import typed
from tflbuild.runtimes.adb import Adb
from tflbuild.targets.android import Android
from tflbuild.tflite.tiny import brightness_detector

PROGRAM = "/data/local/tmp/benchmark_model"


@pytest.fixture
def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    return Phones(tmp_path / "phones").attach()


def test_the_phone_measures_the_latency_that_a_budget_judges(phones: Phones, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    found = Android(**phones.options(runs=3)).inspect(TFLiteModel(path=path, digest="", fingerprint=""))
    assert set(found) == {"latency_ms", "delegate", "memory", "operator_times", "device"}
    measured = Latency().from_figure(found[Latency.figure])
    assert (measured.value, measured.kernels) == (found["latency_ms"]["median"], "xnnpack")
    assert found["device"]["serial"] == "2B141FDH2000A1"


def test_accuracy_is_measured_by_the_runtime_with_the_same_options(phones: Phones) -> None:
    target = Android(**phones.options(serial="2B141FDH2000A1", delegate="gpu", threads=4, timeout=9, runs=7))
    made = RUNTIMES.get(target.runtime)(**target.runtime_options())
    assert made == Adb(**phones.options(serial="2B141FDH2000A1", delegate="gpu", threads=4, timeout=9))
    assert made.key() == {"device": target.device()}
    assert hash(made) == hash(Adb(**target.runtime_options()))
    assert (Adb.light, Adb.alone, Adb.whole_batches, Adb.usual) == (True, True, False, False)


def test_another_phone_another_android_and_another_program_have_another_key(phones: Phones) -> None:
    target = Android(**phones.options())
    first = target.device()
    phones.change(
        properties={**phones._state["phones"][0]["properties"], "ro.build.fingerprint": "of/next:15"}
    )
    updated = target.device()
    assert {name for name in first if first[name] != updated[name]} == {"fingerprint"}
    phones.benchmark.write_text(phones.benchmark.read_text() + "# newer\n")
    newer = target.device()
    assert {name for name in updated if updated[name] != newer[name]} == {"benchmark_model"}
    phones.detach().attach("C3")
    assert target.device()["serial"] == "C3"


def test_planning_asks_no_phone(phones: Phones) -> None:
    phones.detach()
    Android(**phones.options()).check()
    assert phones.calls() == []
    with pytest.raises(MissingTool, match="No phone is attached"):
        Android(**phones.options()).device()


def test_planning_says_what_is_missing(phones: Phones) -> None:
    with pytest.raises(MissingTool, match=r"target.android.benchmark: not given; .*benchmark_model"):
        Android(adb=str(phones.adb)).check()
    with pytest.raises(MissingTool, match=r"target.android.adb: there is no program 'nothing'; install"):
        Android(**phones.options(adb="nothing")).check()


def test_the_program_is_among_the_files_that_decide(phones: Phones) -> None:
    assert Android(**phones.options()).files() == (phones.benchmark,)
    assert Android().files() == Android(benchmark="/nowhere").files() == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads: 0"),
        ({"runs": 0}, "runs: 0"),
        ({"timeout": 0}, "timeout: 0"),
        ({"delegate": "npu"}, "'npu' is not one of xnnpack, builtin, gpu, nnapi"),
        ({"folder": "tmp"}, "folder 'tmp' is not the whole path"),
        ({"folder": "/data/$(reboot)"}, "is not the whole path"),
        ({"affinity": "f0; reboot"}, "is not a mask"),
        ({"flags": ["gpu=1"]}, "'gpu=1' is not a flag of the form --NAME=VALUE"),
        ({"flags": ["--graph=other.tflite"]}, "'--graph=other.tflite' is set by tflbuild itself"),
        ({"flags": ["--output_filepath=x"]}, "is set by tflbuild itself"),
        ({"flags": ["--use_gpu=true"]}, "is set by tflbuild itself"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as found:
        typed(Android, options, "target.android")
    assert message in str(found.value)


def test_further_flags_are_handed_on(phones: Phones) -> None:
    flags = ["--gpu_precision_loss_allowed=false", "--xnnpack_force_fp16=true"]
    made = typed(Android, {"flags": flags}, "target.android")
    assert made.runtime_options()["flags"] == tuple(flags)


def test_android_is_a_target_whose_file_runs_on_a_phone() -> None:
    assert TARGETS.get("android") is Android
    assert (Android.compiles, Android.executes, Android.runtime) == (False, True, "adb")
