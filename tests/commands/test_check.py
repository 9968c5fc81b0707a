"""`tflbuild check`, from words to exit code, with rules of the test's own; and what it says of bad input."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tflbuild
import tflbuild.commands.check as check_module
import tflbuild.commands.checked as checked_module
from conforming import conforms
from tflbuild.commands.check import check
from tflbuild.core.errors import BudgetExceeded
from tflbuild.targets.cpu import Cpu
from tflite_files import Typed, classifier, written
from workspace import Workspace

RULES = """\
device: Pip
source: made for this test
date: 2026-01-02
partition: prefix
model:
  - holds: not any(one.dynamic for one in model.inputs)
    says: it has an input with an open shape
    cure: model.shape=[1,8,8,3]
operators:
  FULLY_CONNECTED: []
  RELU:
    - {holds: output.dtype == int8, says: "it gives {output.dtype}", cure: quantize.scheme=int8}
"""
PIP = ("target=[cpu,ethos_u55]", "target.cpu.rule_file=pip.yaml", "target.ethos_u55.rule_file=pip.yaml")


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    (tmp_path / "pip.yaml").write_text(RULES)
    written(tmp_path, classifier("RELU", "SOFTMAX"))
    return Workspace(tmp_path)


def checked(here: Workspace, file: str, *words: str, code: int = 0) -> dict[str, Any]:
    printed = here.run("check", file, *words, "--json", code=code)
    return dict(conforms("check", json.loads(printed[: printed.rindex("\n}") + 2])))


def test_each_device_says_where_each_operator_runs(here: Workspace) -> None:
    made = checked(here, "model.tflite", *PIP)
    assert [device["device"] for device in made["devices"]] == ["cpu", "ethos_u55"]
    for device in made["devices"]:
        assert [(one["on"], one["reason"], one["cure"]) for one in device["operators"]] == [
            (True, "", ""),
            (False, "gives float32", "quantize.scheme=int8"),
            (False, "is no operator of the Pip", ""),
        ]
        assert [one["unknown"] for one in device["operators"]] == [False, False, True]
        assert (device["delegated"], device["total"], device["partitions"], device["ends"]) == (1, 3, 1, 1)
        assert device["macs_coverage"] == 1.0


def test_the_terminal_says_it_in_a_table(here: Workspace) -> None:
    lines = here.run("check", "model.tflite", *PIP).splitlines()
    assert lines[0].startswith("model.tflite: 3 operators, 576 multiply-accumulates a sample, ")
    assert lines[3].split() == ["0", "FULLY_CONNECTED", "yes", "yes"]
    assert "[1] cpu, ethos_u55, operator 1 (RELU): it gives float32" in lines
    assert "    cure: quantize.scheme=int8" in lines
    assert "cpu, ethos_u55: a prediction by rules (made for this test, 2026-01-02)" in lines
    assert lines[-1] == (
        "To build the file with such a cure: tflbuild recipe=int8 model.path=model.tflite data.root=FOLDER "
        "'target=[cpu,ethos_u55]' quantize.scheme=int8"
    )


def test_without_a_target_each_device_has_a_line_and_a_source_and_nothing_more(here: Workspace) -> None:
    lines = here.run("check", "model.tflite").splitlines()
    table = lines[2 : lines.index("", 2)]
    devices = [line.split()[0] for line in table[1:]]
    assert {"cpu", "edgetpu", "gpu", "tflite_micro"} <= set(devices)
    assert ["ethos_u55", "0", "of", "3", "0.0%", "0", "FULLY_CONNECTED"] in [line.split() for line in table]
    told = lines[lines.index("", 2) + 1 : -1]
    assert sorted(name for line in told for name in line.partition(": ")[0].split(", ")) == devices
    assert lines[-1].startswith("target=NAME says why a device leaves operators and what would cure it")
    assert len(here.run("check", "model.tflite", "--all").splitlines()) > len(lines)


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_folded_lines_below_the_table(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here.folder)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert check(["model.tflite", *PIP]) == 0
    printed = sys.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    sources = [place for place, line in enumerate(printed) if line.startswith("cpu, ethos_u55: a prediction")]
    assert printed[sources[0]] == "cpu, ethos_u55: a prediction by rules (made for this test,"
    assert printed[sources[0] + 1] == "  2026-01-02)"


def test_of_a_run_the_file_is_taken_that_was_delivered_to_the_device(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("cpu", "ethos_u55")
    for name in names:
        (here.folder / "run" / name).mkdir(parents=True)
        written(here.folder / "run" / name, classifier(*(["RELU"] if name == "cpu" else ["RELU", "SOFTMAX"])))
    (here.folder / "run" / "report.json").write_text("{}")
    report = {
        "recipe": "int8",
        "overrides": ["data.root=pics", "target=[cpu,gpu]", "target.gpu.step=x", "quantize.scheme=int16x8"],
        "targets": [{"name": name, "path": f"{name}/model.tflite"} for name in names],
    }
    for module in (check_module, checked_module):
        monkeypatch.setattr(module, "read_report", lambda path: report)
    assert checked(here, "run", *PIP[1:2], "target=cpu")["file"] == "run/cpu/model.tflite"
    lines = here.run("check", "run", "target=ethos_u55", PIP[2]).splitlines()
    assert lines[0].startswith("run/ethos_u55/model.tflite: 3 operators")
    assert lines[-1] == (
        "To build the file with such a cure: tflbuild recipe=int8 data.root=pics 'target=[ethos_u55]' "
        "quantize.scheme=int8"
    )


def test_what_an_npu_s_compiler_made_runs_on_that_npu_alone(here: Workspace) -> None:
    written(here.folder, classifier("ethos-u", "RELU"))
    found = checked(here, "model.tflite", "target=[ethos_u55,edgetpu]")["devices"]
    assert [[one["on"] for one in device["operators"]] for device in found] == [
        [False, True, False],
        [False, False, False],
    ]
    assert found[0]["basis"] == "compiler"
    assert "compiled for an Ethos-U NPU" in found[0]["remarks"][0]
    assert [one["reason"] for one in found[0]["operators"]][::2] == [
        "was left to the processor when the file was compiled"
    ] * 2
    assert found[1]["operators"][1]["reason"] == "holds what a compiler made for an Ethos-U NPU"
    assert found[1]["operators"][1]["cure"] == "the file that it was compiled from"


def test_what_is_over_is_said_once(here: Workspace) -> None:
    words = (*PIP, "budget.npu_coverage.min=0.5", "budget.size.max=1MB")
    printed = here.run("check", "model.tflite", *words, code=5)
    assert printed.count("npu_coverage 0.3333") == 1
    assert "within the budget on cpu: size" in printed


def test_a_compiler_that_is_asked_for_and_missing_ends_with_6(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(here.folder))
    printed = here.run("check", "model.tflite", "target=edgetpu", "--compile", code=6)
    assert "needs edgetpu_compiler, which is not on the PATH" in printed
    here.run("check", "model.tflite", "target=edgetpu", "target.edgetpu.compiler=never", "--compile")


def test_an_open_shape_keeps_everything_off_the_device(here: Workspace) -> None:
    def opened(model: Any) -> None:
        model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shapeSignature = [-1, 8, 8, 3]

    written(here.folder, classifier("RELU", change=opened))
    made = checked(here, "model.tflite", *PIP)
    assert {(one["on"], one["reason"], one["cure"]) for one in made["devices"][0]["operators"]} == {
        (False, "has an input with an open shape", "model.shape=[1,8,8,3]")
    }


def test_limits_are_judged_on_every_accelerator_and_end_with_5(here: Workspace) -> None:
    made = checked(here, "model.tflite", *PIP, "budget.npu_coverage.min=0.2", "budget.size.max=1MB")
    assert [(one["device"], one["metric"], one["ok"]) for one in made["verdicts"]] == [
        ("ethos_u55", "npu_coverage", True),
        ("cpu", "size", True),
        ("ethos_u55", "size", True),
    ]
    printed = here.run("check", "model.tflite", *PIP, "budget.npu_coverage.min=0.5", code=5)
    assert "error: budget: ethos_u55: npu_coverage 0.3333, at least 0.5000 allowed" in printed


def test_python_gives_the_same(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.folder)
    made = tflbuild.check("model.tflite", PIP)
    assert dict(made) == checked(here, "model.tflite", *PIP)
    assert repr(made) == "Check of model.tflite: cpu 1 of 3, ethos_u55 1 of 3"
    with pytest.raises(BudgetExceeded) as caught:
        tflbuild.check("model.tflite", [*PIP, "budget.size.max=1"])
    assert caught.value.report["verdicts"][0]["ok"] is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("nothing.tflite", *PIP),
            "check: nothing.tflite does not exist; expected a .tflite or the folder of a run.",
        ),
        ((".", *PIP), "check: . is a folder without report.json"),
        (("pip.yaml", *PIP), "pip.yaml is not a TensorFlow Lite file"),
        (("cut.tflite", *PIP), "cut.tflite "),
        (("model.tflite", "target=cpuu"), "there is no target 'cpuu'"),
        (("model.tflite", "target=onnxruntime"), "target 'onnxruntime' has no rules"),
        (("model.tflite", "edgetpu"), "'edgetpu' is not KEY=VALUE; did you mean target=edgetpu?"),
        (("model.tflite", "--target=cpu"), "'--target=cpu' is no flag; did you mean target=cpu?"),
        (("model.tflite", "--jsn"), "Did you mean '--json'?"),
        (("model.tflite", "target=[]"), "target: the recipe is left with none"),
        (("model.tflite", *PIP, "data.root=x"), "'data.root' changes nothing here"),
        (("model.tflite", *PIP, "model.path=x"), "'model.path' changes nothing here"),
        (("model.tflite", "target=gpu", "--simulate", "recipe=int8"), "'recipe' changes nothing here"),
        (
            ("model.tflite", "target=cpu", "--compile"),
            "there is no compiler for cpu; edgetpu, ethos_u have one.",
        ),
        (("model.h5", *PIP), "model.h5 is a .h5 file, and a check reads .tflite files"),
        (("model.onnx", *PIP), "tflbuild recipe=int8 model.path=model.onnx data.root=FOLDER"),
        (("saved", *PIP), "saved is a SavedModel"),
        (("runs", *PIP), "Did you mean runs/latest?"),
        (
            ("model.tflite", *PIP, "budget.npu_coverage.min=1", "budget.npu_coverage.on=cpu"),
            "check does not measure it for cpu; it knows",
        ),
        (("model.tflite", *PIP, "target.cpu.rule_file=none.yaml"), "none.yaml cannot be read"),
        (("model.tflite", *PIP, "budget.map.max_drop=1"), "budget.map: check does not measure it"),
        (("model.tflite", *PIP, "budget.mapp.min=1"), "there is no metric 'mapp'"),
        ((), "usage: tflbuild check"),
        (("target=cpu",), "usage: tflbuild check"),
    ],
)
def test_bad_input_is_one_sentence(here: Workspace, words: tuple[str, ...], said: str) -> None:
    for name in ("model.h5", "model.onnx", "saved/saved_model.pb", "runs/latest/report.json"):
        (here.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (here.folder / name).write_bytes(b"x")
    content = (here.folder / "model.tflite").read_bytes()
    (here.folder / "cut.tflite").write_bytes(content[: len(content) // 2])
    printed = here.run("check", *words, code=2)
    assert said in " ".join(printed.split())
    assert "Traceback" not in printed


def test_a_custom_operator_and_one_of_a_compiler_are_named(here: Workspace) -> None:
    written(here.folder, classifier("my-op", "edgetpu-custom-op"))
    reasons = [one["reason"] for one in checked(here, "model.tflite", *PIP)["devices"][0]["operators"]]
    assert reasons == [
        "",
        "is no custom operator of the Pip",
        "holds what a compiler made for an Edge TPU",
    ]


def test_integer_tensors_are_read_as_such(here: Workspace) -> None:
    written(here.folder, classifier("RELU", typed={"scores": Typed("int8", 0.1)}))
    assert [one["on"] for one in checked(here, "model.tflite", *PIP)["devices"][0]["operators"]] == [
        True,
        True,
    ]


def test_the_processor_is_asked_in_a_process_apart(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cpu, "place", lambda self, model: pytest.fail("the file was loaded in this process"))
    assert checked(here, "model.tflite", "target=cpu")["devices"][0]["basis"] == "measured"


DYING = '''
import os
from tflbuild.core.target import Target, target

@target("dying")
class Dying(Target):
    """A board whose runtime crashes on every file."""

    rules, loads = "pip.yaml", True

    def place(self, model):
        os.kill(os.getpid(), 11)

    def foresee(self, model):
        return super().place(model)
'''


def test_a_runtime_that_crashes_on_a_file_leaves_a_prediction_and_a_sentence(here: Workspace) -> None:
    (here.folder / "plugins").mkdir()
    (here.folder / "plugins/dying.py").write_text(DYING)
    code = "import sys; from tflbuild.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "check", "model.tflite", "target=dying", "--json"]
    done = subprocess.run(words, cwd=here.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (device,) = json.loads(done.stdout)["devices"]
    assert (device["basis"], device["delegated"]) == ("rules", 1)
    assert device["remarks"][-1] == (
        "It is predicted, not measured, because model.tflite: the runtime crashed (signal 11) on this file; it is "
        "damaged."
    )


def test_no_framework_is_imported(here: Workspace) -> None:
    code = f"""
import sys
from tflbuild.cli import main
assert main(["check", "model.tflite", *{PIP!r}]) == 0
assert not [name for name in ("tensorflow", "tf_keras", "litert_quantizer", "onnx") if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], cwd=here.folder, check=True, stdout=subprocess.DEVNULL)
