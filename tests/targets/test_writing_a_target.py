"""The blocks of docs/writing_a_target.md, written to `./plugins/` and used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from foreign_networks import Draft
from tflbuild.core.target import Target
from tflite_files import Typed, classifier, network, step, written
from workspace import Workspace

PAGE = Path(__file__).parents[2] / "docs" / "writing_a_target.md"
CHOSEN = ("target=kiwi",)


def blocks() -> dict[str, str]:
    """Give the files of the page by name."""
    found = re.findall(r"```(?:python|yaml)\n# plugins/(\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return dict(found)


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    (tmp_path / "plugins").mkdir()
    for name, text in blocks().items():
        (tmp_path / "plugins" / name).write_text(f"# plugins/{name}\n{text}")
    return Workspace(tmp_path)


def convolutions(stride: int = 1, dtype: str = "int8") -> bytes:
    """Give two convolutions of one channel, and a RESHAPE; the second convolution has a stride."""
    steps = [
        step("CONV_2D", ["image", "kernel"], ["seen"]),
        step("CONV_2D", ["seen", "kernel"], ["map"]),
        step("RESHAPE", ["map", "shape"], ["row"]),
    ]
    steps[1].options.strideH = steps[1].options.strideW = stride
    side = 6 // stride
    tensors = {
        "image": (1, 6, 6, 1),
        "kernel": np.ones((1, 1, 1, 1), np.float32 if dtype == "float32" else np.int8),
        "seen": (1, 6, 6, 1),
        "map": (1, side, side, 1),
        "shape": np.array([1, side * side], np.int32),
        "row": (1, side * side),
    }
    typed = {name: Typed(dtype, 0.5) for name in ("image", "kernel", "seen", "map", "row")}
    return network(tensors, steps, ["image"], ["row"], typed if dtype != "float32" else {})


def checked(here: Workspace, content: bytes, *words: str, code: int = 0) -> dict[str, object]:
    written(here.folder, content)
    printed = here.run("check", "model.tflite", *CHOSEN, *words, "--json", code=code)
    made = json.loads(printed[printed.index("{") : printed.rindex("\n}") + 2])
    (device,) = made["devices"]
    return dict(device)


def placed(device: dict[str, object]) -> list[tuple[bool, str]]:
    return [(one["on"], one["reason"]) for one in device["operators"]]  # type: ignore[attr-defined]


def test_the_target_of_the_page_runs_what_fits_it(here: Workspace) -> None:
    device = checked(here, convolutions())
    assert placed(device) == [(True, "")] * 3
    assert (device["title"], device["date"], device["coverage"]) == ("Kiwi board", "2026-11-02", 1.0)


def test_an_operator_that_breaks_a_rule_ends_the_partition_and_says_why(here: Workspace) -> None:
    device = checked(here, convolutions(stride=3))
    assert placed(device) == [
        (True, ""),
        (False, "has stride 3x3; 2 is the largest"),
        (False, "comes after operator 1 (CONV_2D)"),
    ]
    assert device["operators"][1]["values"] == {"options.stride_w": 3, "options.stride_h": 3}  # type: ignore[index]
    assert device["ends"] == 1


def test_a_float_file_is_told_the_override_that_cures_it(here: Workspace) -> None:
    first = checked(here, convolutions(dtype="float32"))["operators"][0]  # type: ignore[index]
    assert (first["on"], first["cure"]) == (False, "quantize.scheme=int8")
    assert first["reason"] == "reads float32; the Kiwi takes int8"


def test_options_of_the_target_decide(here: Workspace) -> None:
    assert placed(checked(here, convolutions(), "target.kiwi.memory=36"))[0] == (True, "")
    tight = placed(checked(here, convolutions(), "target.kiwi.memory=35"))
    assert tight[0] == (False, "does not run there: its output takes 36 bytes of 35")


def test_an_operator_that_is_not_listed_stays(here: Workspace) -> None:
    assert placed(checked(here, classifier("SOFTMAX")))[1] == (False, "is no operator of the Kiwi board")


def test_a_limit_on_the_share_of_operators_ends_with_exit_code_5(here: Workspace) -> None:
    checked(here, convolutions(stride=3), "budget.npu_coverage.min=0.3")
    printed = here.run("check", "model.tflite", *CHOSEN, "budget.npu_coverage.min=0.5", code=5)
    assert "npu_coverage 0.3333, at least 0.5000" in printed


def test_a_mistake_in_the_rules_is_named_as_the_page_says(here: Workspace) -> None:
    file = here.folder / "plugins" / "kiwi.yaml"
    file.write_text(file.read_text().replace("options.stride_w", "options.strid_w", 1))
    written(here.folder, convolutions())
    printed = here.run("check", "model.tflite", *CHOSEN, code=2)
    said = re.search(r"```text\nerror: (.*?)\n```", PAGE.read_text("utf-8"))
    assert said
    assert said[1] in " ".join(printed.split())


def own_file(here: Workspace) -> list[str]:
    """Write a float model with an operator that the device has not, and rows; gives the words that plan a build."""
    draft = Draft(1, x=(1, 12))
    draft.dense("h", "x", 8)
    draft.softmax("y", "h")
    written(here.folder, draft.content("y"))
    np.savez(here.folder / "rows.npz", x=np.random.default_rng(0).uniform(-1, 1, (96, 12)).astype(np.float32))
    return ["recipe=int8", "model.path=model.tflite", "data.root=rows.npz", "target=kiwi"]


def test_a_plan_says_which_operators_of_the_users_file_stay(here: Workspace) -> None:
    printed = " ".join(here.run("plan", *own_file(here)).split())
    assert "target.kiwi: of model.path FULLY_CONNECTED is no operator of the Kiwi board" in printed
    assert "SOFTMAX is no operator of the Kiwi board" in printed


def test_a_build_says_it_first_and_reports_where_the_delivered_operators_run(here: Workspace) -> None:
    words = [*own_file(here), "quantize.scores=int8", "budget=null", "quantize.budget=null", "analyses=[]"]
    printed = here.run(*words)
    assert "of model.path FULLY_CONNECTED is no operator" in " ".join(printed.split())
    report = json.loads((here.folder / "outputs" / "int8" / "latest" / "report.json").read_text())
    (target,) = report["targets"]
    assert target["placement"]["device"] == "kiwi"
    assert not any(one["on"] for one in target["placement"]["operators"])
    assert (target["npu_coverage"], target["metrics"]["npu_coverage"]["value"]) == (0.0, 0.0)
    page = (here.folder / "outputs" / "int8" / "latest" / "report.html").read_text()
    assert "Where operators run" in page
    assert "is no operator of the Kiwi board" in page
    assert "target.kiwi: 0 of " in here.run("plan", *words)


def test_the_page_names_all_that_a_class_may_say() -> None:
    said = [name for name in vars(Target)["__annotations__"] if name not in ("name", "step", "rule_file")]
    methods = [name for name, value in vars(Target).items() if callable(value) and name[0] not in "_"]
    page = PAGE.read_text("utf-8")
    unsaid = [name for name in (*said, *methods) if f"`{name}" not in page]
    assert unsaid == ["rule_table"], "by which other rooms ask for `rules`"


def test_no_plan_loads_a_file_in_the_users_own_process(here: Workspace) -> None:
    words = [*own_file(here)[:-1], "target=[cpu,kiwi]"]
    code = f"""
import sys
from tflbuild.cli import main
assert main(["plan", *{words!r}]) == 0
assert "ai_edge_litert.interpreter" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "of model.path FULLY_CONNECTED is no operator" in " ".join(done.stdout.split())
