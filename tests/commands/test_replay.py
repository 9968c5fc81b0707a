"""`tflbuild verify --on DEVICE`: which file and which device, what is said, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import made_up
import proven
from conforming import conforms, problems
from scripts import script
from tflbuild.cli import main
from tflbuild.commands.replay import Asked, read_words
from tflbuild.commands.verify import _sample_drift
from tflbuild.core.errors import RecipeError
from tflbuild.evaluation.replaying import Allowed

PLUGIN = '''
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Runtime, runtime
from tflbuild.core.target import Target, target
from tflbuild.runtimes.litert import Litert


@runtime("bench")
class Bench(Runtime):
    """A board on the bench, whose scores are off by some steps."""

    kinds = ("TFLiteModel",)

    off: int = 0

    def open(self, model: Artifact) -> Any:
        inner, off = Litert().open(model), self.off

        class Execution:
            signature = inner.signature
            kernels = "bench"

            def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
                made = inner.run(inputs)
                return {name: (value.astype("int16") + off).clip(-128, 127).astype(value.dtype)
                        for name, value in made.items()}

        return Execution()


@target("board")
class Board(Target):
    """The board."""

    runtime = "bench"

    off: int = 0
    """Steps. [steps]"""

    def runtime_options(self) -> Mapping[str, Any]:
        return {"off": self.off}


@target("far_board")
class FarBoard(Target):
    """Nothing runs its files."""

    executes = False
'''


@pytest.fixture
def run(integer_classifier: Path, tmp_path: Path) -> Path:
    return proven.run(integer_classifier, tmp_path / "run")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["verify", *words]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_the_file_of_a_run_gives_equal_bytes_where_it_was_built(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, str(run), "--on", "cpu").splitlines()
    assert lines[0].startswith(
        "model.tflite for cpu on cpu (xnnpack): 5 samples, expected as xnnpack kernels of "
    )
    assert lines[1:6] == [f"00{n} {n}: 'scores' equal bytes" for n in range(5)]
    assert lines[6].startswith(
        "within: 'scores' equal bytes in 5 of 5, first class the same in 5 of 5; largest difference 0 steps (0), "
    )


def test_an_accelerator_that_is_not_here_is_not_said_to_have_computed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remark = "warning: gpu: no such device is reached; this machine's processor replays what the device would be given"
    assert remark in said(capsys, str(run), "--on", "gpu")
    assert "no such device" not in said(capsys, str(run), "--on", "cpu")


def test_a_plugin_s_runtime_is_a_device_and_drift_ends_with_7(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plugins").mkdir()
    Path("plugins/bench.py").write_text(PLUGIN)
    assert "(bench): 5 samples" in said(capsys, str(run), "--on", "bench")
    off = said(capsys, str(run), "--on", "board", "target.board.off=-2", code=7)
    assert "model.tflite for cpu on board (bench): 5 samples" in off
    assert "2 steps (0.007812), first class the same, more than allowed" in off  # a step is 1/256
    assert (
        "DRIFT: 'scores' equal bytes in 0 of 5, first class the same in 5 of 5; largest difference 2 steps"
        in off
    )
    assert f"error: {run}: on board 'scores' is farther from the samples than allowed." in off
    assert "allowed 2 steps (--steps)" in said(
        capsys, str(run), "--on", "bench", "runtime.bench.off=-2", "--steps", "2"
    )
    document = json.loads(
        said(capsys, str(run), "--on", "board", "target.board.off=-1", "--steps=1", "--json")
    )
    conforms("replay", document)
    (output,) = document["outputs"]
    assert (output["steps"], output["equal"], output["within"], document["ok"]) == (1.0, 0, True, True)
    assert said(capsys, str(run), "--on", "far_board", code=2) == (
        "error: verify: --on: this machine cannot execute a file for far_board, so nothing is replayed on it.\n"
    )


def test_a_device_takes_the_options_that_the_run_was_built_with(
    integer_classifier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plugins").mkdir()
    Path("plugins/bench.py").write_text(PLUGIN)
    run = proven.run(integer_classifier, tmp_path / "run", targets=("cpu", "mine"))
    report = json.loads((run / "report.json").read_text())
    report["resolved"]["target"]["mine"] = {"type": "board", "off": -3}
    (run / "report.json").write_text(json.dumps(report))
    assert "model.tflite for mine on mine (bench): 5 samples" in said(
        capsys, str(run), "--on", "mine", code=7
    )
    assert "0 steps (0)" in said(capsys, str(run), "--on", "mine", "target.mine.off=0")
    assert "for cpu on litert" in said(capsys, str(run), "--on", "litert"), (
        "the first file that the device takes"
    )


def test_no_program_is_started_that_somebody_elses_run_names(
    integer_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run's `adb` is a program of whoever sent the run: it is started where --devices asks for it, and not before."""
    program = script(tmp_path / "adb", f"touch {tmp_path / 'started'}\nexit 1")
    (tmp_path / "bench").write_bytes(b"\x7fELF")
    options = {"type": "android", "adb": str(program), "benchmark": str(tmp_path / "bench")}
    run = proven.run(integer_classifier, tmp_path / "run", targets=("phone",))
    report = json.loads((run / "report.json").read_text())
    report["resolved"]["target"]["phone"] = options
    (run / "report.json").write_text(json.dumps(report))
    refused = said(capsys, str(run), "--on", "phone", code=6)
    assert "phone is reached by what you type alone; --devices takes the options of the run" in refused
    assert not (tmp_path / "started").exists()
    assert main(["verify", str(run), "--on", "phone", "--devices"]) != 0
    assert (tmp_path / "started").exists()


def test_a_file_brings_its_samples(
    integer_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = proven.run(integer_classifier, tmp_path / "run", embed=True)
    file = tmp_path / "app.tflite"
    (run / "model.tflite").rename(file)
    found = said(capsys, str(file), "--on", "cpu")
    assert found.startswith("app.tflite on cpu (xnnpack): 5 samples")
    assert "within: 'scores' equal bytes in 5 of 5" in found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["RUN", "--on", "cup"], "there is no device 'cup'; there are "),
        (["RUN", "--on", "cup"], "Did you mean 'cpu'?"),
        (["RUN", "--on", "cpu", "target.cpu.thread=2"], "target.cpu.thread: there is no such option"),
        (
            ["RUN", "--on", "cpu", "target.cup.threads=2"],
            "'target.cup.threads=2' is no option of the device; write target.cpu.KEY=VALUE.",
        ),
        (["RUN", "--on", "cpu", "target.cpu.threads=[1"], "target.cpu.threads: '[1' is not a value."),
        (["RUN", "--on", "litert", "runtime.litert.kernels=slow"], "runtime.litert.kernels"),
        (["RUN", "--on", "keras"], "keras takes KerasModel, and the run has samples of model.tflite."),
        (["RUN", "--on"], "--on needs a value. usage: tflbuild verify RUN_OR_TFLITE --on DEVICE"),
        (["RUN", "--on", "cpu", "--step", "2"], "'--step' is not an option. Did you mean '--steps'?"),
        (["RUN", "--on", "cpu", "--steps", "-1"], "--steps: '-1' is not a number from 0 on."),
        (["RUN", "--on", "cpu", "--relative", "nan"], "--relative: 'nan' is not a number from 0 on."),
        (["RUN", "RUN", "--on", "cpu"], "usage: tflbuild verify RUN_OR_TFLITE --on DEVICE"),
        (["NONE", "--on", "cpu"], "NONE does not exist; expected a run's folder or a .tflite file."),
        (
            ["FILE", "--on", "cpu"],
            "brings no samples; build with export.samples=8, which stores samples of the test "
            "split with their outputs, and with export.embed=true in the file, too.",
        ),
        (["RUN/report.json", "--on", "cpu"], "report.json"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: list[str],
    message: str,
    run: Path,
    integer_classifier: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [word.replace("RUN", str(run)).replace("FILE", str(integer_classifier)) for word in words]
    found = said(capsys, *typed, code=2)
    assert message in found
    assert found.count("\n") == 1


def test_a_run_without_samples_says_how_to_get_them(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads((run / "report.json").read_text())
    for target in report["targets"]:
        del target["samples"]
    (run / "report.json").write_text(json.dumps(report))
    assert said(capsys, str(run), "--on", "cpu", code=2) == (
        f"error: {run} stores no samples; build with export.samples=8, which stores samples of the test split with "
        "their outputs.\n"
    )


def test_a_file_that_was_replaced_is_drift(
    run: Path, float_classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "model.tflite").write_bytes(float_classifier.read_bytes())
    assert "model.tflite is not the file that was delivered" in said(capsys, str(run), "--on", "cpu", code=7)
    (run / "model.tflite").unlink()
    assert "model.tflite is missing" in said(capsys, str(run), "--on", "cpu", code=2)


def test_a_device_that_takes_no_file_prefers_one_that_ran_here(
    integer_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = proven.run(integer_classifier, tmp_path / "run", targets=("npu", "cpu"))
    report = json.loads((run / "report.json").read_text())
    report["targets"][0]["not_executed"] = "This machine cannot."
    (run / "report.json").write_text(json.dumps(report))
    assert "model.tflite for cpu on litert" in said(capsys, str(run), "--on", "litert")


def test_words_are_read_in_any_order() -> None:
    asked = read_words(["--json", "--relative=0.5", "target.a.b=c=d", "--on", "a", "run"])
    assert asked == Asked(Path("run"), "a", ("target.a.b=c=d",), Allowed(relative=0.5), True)
    with pytest.raises(RecipeError, match="usage: tflbuild verify"):
        read_words(["run"])


def test_an_index_of_samples_fits_its_schema(run: Path) -> None:
    conforms("samples", json.loads((run / "samples/samples.json").read_text()))
    report: dict[str, Any] = made_up.report() | {"passes": []}
    report["targets"] = json.loads((run / "report.json").read_text())["targets"]
    assert not [one for one in problems("report", report) if "targets" in one]


def test_samples_that_a_lock_names_are_held_to_it(tmp_path: Path, integer_classifier: Path) -> None:
    run = proven.run(integer_classifier, tmp_path / "run")
    samples = json.loads((run / "report.json").read_text())["targets"][0]["samples"]
    lock: dict[str, Any] = {"targets": {"cpu": {"samples": samples}, "other": {}}}
    assert _sample_drift(lock, run) == []
    (run / "samples/000/input_0.bin").write_bytes(b"another photo")
    assert _sample_drift(lock, run) == ["cpu: the samples in samples are not those that the lock names"]
    del lock["targets"]["cpu"]["samples"]
    assert _sample_drift(lock, run) == [], "a lock of an earlier tflbuild names none"
