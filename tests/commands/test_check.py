"""`tflbuild check`, from words to exit code, with rules of the test's own; and what it says of bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tflbuild
from conforming import conforms
from tflbuild.core.errors import BudgetExceeded
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
        assert (device["delegated"], device["total"], device["partitions"], device["ends"]) == (1, 3, 1, 1)
        assert device["macs_coverage"] == 1.0


def test_the_terminal_says_it_in_a_table(here: Workspace) -> None:
    lines = here.run("check", "model.tflite", *PIP).splitlines()
    assert lines[0].startswith("model.tflite: 3 operators, 576 multiply-accumulates a sample, ")
    assert lines[3].split() == ["0", "FULLY_CONNECTED", "yes", "yes"]
    assert "[1] cpu, operator 1 (RELU): it gives float32" in lines
    assert "    cure: quantize.scheme=int8" in lines
    assert "cpu: a prediction by rules (made for this test, 2026-01-02)" in lines


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
        (("model.tflite", "edgetpu"), "'edgetpu' is not KEY=VALUE"),
        (("model.tflite", *PIP, "target.cpu.rule_file=none.yaml"), "none.yaml cannot be read"),
        (("model.tflite", *PIP, "budget.map.max_drop=1"), "budget.map: check does not measure it"),
        (("model.tflite", *PIP, "budget.mapp.min=1"), "there is no metric 'mapp'"),
        ((), "usage: tflbuild check"),
        (("target=cpu",), "usage: tflbuild check"),
    ],
)
def test_bad_input_is_one_sentence(here: Workspace, words: tuple[str, ...], said: str) -> None:
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


def test_no_framework_is_imported(here: Workspace) -> None:
    code = f"""
import sys
from tflbuild.cli import main
assert main(["check", "model.tflite", *{PIP!r}]) == 0
assert not [name for name in ("tensorflow", "tf_keras", "litert_quantizer", "onnx") if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], cwd=here.folder, check=True, stdout=subprocess.DEVNULL)
