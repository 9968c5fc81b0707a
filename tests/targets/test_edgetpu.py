"""The target `edgetpu`: with a stand-in for Google's compiler, without one, and of files that are compiled."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetpu_files import chain, compiled, fake_compiler, operator, package
from foreign_networks import Draft
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, PassError, RecipeError
from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.core.target import TARGETS
from tflbuild.recipe.validation import typed
from tflbuild.targets.edgetpu.target import EdgeTpu
from tflite_files import Typed, network, step, written
from workspace import Workspace

INSTALL = "sudo apt-get install edgetpu-compiler"


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "given.tflite"
    path.write_bytes(chain())
    return TFLiteModel(path=path, digest="", fingerprint="")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that alone is on the PATH."""
    made = tmp_path / "bin"
    made.mkdir()
    monkeypatch.setenv("PATH", str(made))
    monkeypatch.delenv("FAKE_EDGETPU", raising=False)
    return made


@pytest.fixture
def program(programs: Path) -> Path:
    return fake_compiler(programs)


def on(placement: Any) -> list[bool]:
    return [one["on"] for one in placement["operators"]]


def test_the_compilers_file_is_given_with_what_it_said(
    program: Path, model: TFLiteModel, folder: Path
) -> None:
    content, figures = EdgeTpu().compile(model, folder)
    assert content == compiled(chain(), [1, 2], package(3072, 0, 14))
    assert (figures["edgetpu_cached"], figures["edgetpu_streamed"]) == (3.0, 1280.0)
    assert figures["edgetpu"] == {
        "compiled": True,
        "parts": 1,
        "compiler": "16.0.384591198",
        "min_runtime_version": 14,
    }
    assert figures["not_executed"].startswith("The file is compiled for an Edge TPU")
    placement = figures["placement"]
    assert (placement["basis"], placement["source"]) == ("compiler", "edgetpu_compiler 16.0.384591198")
    assert (placement["coverage"], placement["partitions"], on(placement)) == (
        0.5,
        1,
        [True, False, False, True],
    )
    assert [one["reason"] for one in placement["operators"]] == [
        "",
        'is no operator of the Edge TPU; the compiler said "Operation not supported"',
        'comes after operator 1 (HARD_SWISH); the compiler said "More than one subgraph is not supported"',
        "",
    ]
    assert (
        placement["operators"][1]["cure"]
        == "relu6 in its place, as MobileNetV2 and the minimalistic MobileNetV3 have"
    )
    assert placement["remarks"] == []


def test_what_the_compiler_did_otherwise_than_the_rules_say_is_said(
    program: Path, tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "given.tflite"
    path.write_bytes(
        network(
            {"row": (1, 4), "out": (1, 4)},
            [step("TANH", ["row"], ["out"])],
            ["row"],
            ["out"],
            {"row": Typed("int8", 0.5), "out": Typed("int8", 0.5)},
        )
    )
    model = TFLiteModel(path=path, digest="", fingerprint="")
    content, figures = EdgeTpu().compile(model, folder)
    assert EdgeTpu().place(path)["coverage"] == 1.0  # type: ignore[index]
    assert content == path.read_bytes()
    assert on(figures["placement"]) == [False]
    (one,) = figures["placement"]["operators"]
    assert one["reason"] == 'was left to the processor; the compiler said "Operation not supported"'
    assert figures["placement"]["remarks"] == ["The rules had predicted operator 0 (TANH) otherwise."]
    assert (figures["edgetpu"]["compiled"], figures["placement"]["partitions"]) == (False, 0)
    assert "not_executed" not in figures, "it holds nothing of an Edge TPU"


def test_the_compiler_speaks_of_custom_operators_by_that_name_alone(
    program: Path, tmp_path: Path, folder: Path
) -> None:
    shapes = dict.fromkeys(("row", "found"), (1, 4))
    steps = [operator("PosenetDecoderOp", ["row"], ["found"])]
    path = tmp_path / "given.tflite"
    path.write_bytes(
        network(shapes, steps, ["row"], ["found"], {name: Typed("int8", 0.5) for name in shapes})
    )
    figures = EdgeTpu().compile(TFLiteModel(path=path, digest="", fingerprint=""), folder)[1]
    (one,) = figures["placement"]["operators"]
    assert one["reason"] == (
        "is no custom operator of the Edge TPU; the compiler said "
        '"Operation is working on an unsupported data type"'
    )


OPTIONS: dict[str, tuple[Any, list[str]]] = {
    "compiler": ("always", []),
    "min_runtime_version": (12, ["--min_runtime_version", "12"]),
    "intermediate_tensors": (("seen", "pooled"), ["--intermediate_tensors", "seen,pooled"]),
    "search_delegate": (True, ["--search_delegate"]),
    "timeout": (600, ["--timeout_sec", "600"]),
}
"""A value of every option, and what the compiler is told of it."""


def test_every_option_is_told_to_the_compiler(program: Path, model: TFLiteModel, tmp_path: Path) -> None:
    assert {field.name for field in fields(EdgeTpu)} == {*OPTIONS, "step", "rule_file"}
    for name, (value, words) in {"": (None, []), **OPTIONS}.items():
        work = tmp_path / f"work{name}"
        work.mkdir()
        EdgeTpu(**({name: value} if name else {})).compile(model, work)
        given = (work / "out" / "words").read_text().split("\n")
        assert given == [
            "--show_operations",
            "--out_dir",
            str(work / "out"),
            *words,
            str(work / "model.tflite"),
        ]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("garbled", "wrote a file that holds no program"),
        ("other", r"wrote a file that holds LOGISTIC \(swished\), which is no"),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_refused(
    program: Path, model: TFLiteModel, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str, said: str
) -> None:
    monkeypatch.setenv("FAKE_EDGETPU", how)
    with pytest.raises(PassError, match=f"edgetpu_compiler {said}"):
        EdgeTpu().compile(model, folder)


def test_searching_helps_with_large_activations(
    program: Path, model: TFLiteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EDGETPU", "large")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with pytest.raises(PassError, match=r"try target\.edgetpu\.search_delegate=true"):
        EdgeTpu().compile(model, tmp_path / "one")
    assert EdgeTpu(search_delegate=True).compile(model, tmp_path / "two")[1]["edgetpu"]["compiled"]


def test_without_the_compiler_the_file_is_given_as_it_is(
    programs: Path, model: TFLiteModel, folder: Path
) -> None:
    content, figures = EdgeTpu().compile(model, folder)
    assert content == chain()
    assert figures == {
        "edgetpu_cached": 16 * (2 + 12.5) / 1024,  # channels are padded to 16
        "edgetpu_streamed": 0.0,
        "edgetpu": {"compiled": False, "parts": 1, "compiler": ""},
    }
    remarks = EdgeTpu(min_runtime_version=13, intermediate_tensors=("a b",)).place(model.path)["remarks"]  # type: ignore[index]
    assert INSTALL in remarks[-1]
    assert remarks[-1].endswith(
        "Then: edgetpu_compiler --show_operations --min_runtime_version '13' --intermediate_tensors 'a b' given.tflite"
    )
    stored = folder / "0b3de3ea"
    stored.write_bytes(chain())
    remarks = EdgeTpu().place(stored)["remarks"]  # type: ignore[index]
    assert remarks[-1].endswith("Then: edgetpu_compiler --show_operations model.tflite")
    with pytest.raises(MissingTool, match=INSTALL):
        EdgeTpu(compiler="always").compile(model, folder)


def test_never_is_never_even_where_the_compiler_is(program: Path, model: TFLiteModel, folder: Path) -> None:
    assert EdgeTpu(compiler="never").compile(model, folder)[0] == chain()
    assert not (folder / "out").exists()
    assert INSTALL not in str(EdgeTpu().place(model.path))


def test_the_compiler_is_part_of_the_key(program: Path) -> None:
    assert EdgeTpu().files() == (program,)
    assert EdgeTpu(compiler="never").files() == ()
    behind = program.parent / "edgetpu_compiler_bin" / "edgetpu_compiler"
    behind.parent.mkdir()
    behind.touch()
    assert EdgeTpu().files() == (program, behind), "what the package starts"
    program.unlink()
    assert EdgeTpu().files() == ()


def test_tensors_that_end_the_part_count_in_the_prediction(programs: Path, model: TFLiteModel) -> None:
    made = EdgeTpu(intermediate_tensors=("seen",)).place(model.path)
    assert made is not None
    assert on(made) == [True, False, False, True]
    assert made["operators"][2]["reason"] == "comes after the tensor seen, which ends the part"


def test_a_compiled_file_says_what_it_holds(model: TFLiteModel, folder: Path) -> None:
    model.path.write_bytes(compiled(chain(), [1, 2], package(3072, 2048, 13)))
    made = EdgeTpu().place(model.path)
    assert made is not None
    assert (made["basis"], made["source"]) == ("compiler", "the file itself, which is compiled")
    assert [(one["name"], one["on"]) for one in made["operators"]] == [
        ("edgetpu-custom-op", True),
        ("HARD_SWISH", False),
        ("CONV_2D", False),
    ]
    assert made["operators"][1]["reason"] == "was left to the processor when the file was compiled"
    (remark,) = made["remarks"]
    assert remark.startswith(
        "The file is compiled for an Edge TPU: 1 part of its graph, with 3.0 KiB of parameters in the chip's memory "
        "and 2.0 KiB sent in every run, for runtime 13 and later."
    )
    with pytest.raises(PassError, match="compiled for an Edge TPU already"):
        EdgeTpu().compile(model, folder)


def test_a_compiled_file_without_a_program_is_said(model: TFLiteModel) -> None:
    model.path.write_bytes(compiled(chain(), [1, 2], b"nothing"))
    made = EdgeTpu().place(model.path)
    assert made is not None
    assert made["remarks"] == [
        "The file is compiled for an Edge TPU, but it holds no program for an Edge TPU."
    ]


def test_it_offloads_integers() -> None:
    assert TARGETS.get("edgetpu") is EdgeTpu
    assert (EdgeTpu.compiles, EdgeTpu.executes, EdgeTpu.integer_only, EdgeTpu.offloads) == (
        True,
        True,
        True,
        True,
    )
    own = {name for name, cls in METRICS.items() if issubclass(cls, TargetMetric) and cls.target == "edgetpu"}
    assert own == {"edgetpu_cached", "edgetpu_streamed"}


@pytest.mark.parametrize(
    ("option", "value"),
    [("min_runtime_version", 9), ("min_runtime_version", 15), ("timeout", 0), ("compiler", "maybe")],
)
def test_options_have_limits(option: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=f"target.edgetpu.{option}"):
        typed(EdgeTpu, {option: value}, "target.edgetpu")


def checked(here: Workspace, *words: str) -> dict[str, Any]:
    printed = here.run("check", "model.tflite", "target=edgetpu", *words, "--json")
    (device,) = json.loads(printed[printed.index("{") : printed.rindex("\n}") + 2])["devices"]
    return dict(device)


def test_check_predicts_and_with_compile_says_what_the_compiler_did(program: Path, tmp_path: Path) -> None:
    here = Workspace(tmp_path)
    written(tmp_path, chain())
    predicted = checked(here)
    made = checked(here, "--compile")
    assert (predicted["basis"], made["basis"]) == ("rules", "compiler")
    assert on(predicted) == on(made) == [True, False, False, True]
    written(tmp_path, compiled(chain(), [1, 2], package(3072, 2048, 13)))
    assert checked(here)["basis"] == "compiler"


WORDS = ["recipe=int8", "model.path=model.tflite", "data.root=rows.npz", "target=edgetpu"]
ALONE = ["budget=null", "quantize.budget=null", "analyses=[]"]


def built(here: Workspace, *words: str) -> dict[str, Any]:
    """Build a small network; gives what the report says of the target."""
    draft = Draft(1, x=(1, 12))
    draft.dense("h", "x", 8)
    draft.softmax("y", "h")
    written(here.folder, draft.content("y"))
    rows = np.random.default_rng(0).uniform(-1, 1, (96, 12)).astype(np.float32)
    np.savez(here.folder / "rows.npz", x=rows)
    (target,) = here.build(*WORDS, *ALONE, *words, apart=True)["targets"]
    return dict(target)


def test_a_build_delivers_the_compiled_file_and_does_not_execute_it(program: Path, tmp_path: Path) -> None:
    here = Workspace(tmp_path)
    target = built(here)
    assert target["edgetpu"]["compiled"]
    assert target["placement"]["basis"] == "compiler"
    assert target["not_executed"].startswith("The file is compiled for an Edge TPU")
    assert target["metrics"]["edgetpu_cached"]["value"] == 3.0
    assert b"edgetpu-custom-op" in (tmp_path / "outputs" / "int8" / "latest" / "model.tflite").read_bytes()
    program.unlink()
    target = built(here)
    assert not target["edgetpu"]["compiled"], "without the compiler the stored file is another one's"
    assert target["placement"]["basis"] == "rules"
    assert "not_executed" not in target
    assert 0 < target["metrics"]["edgetpu_cached"]["value"] < 1
    assert (target["npu_coverage"], target["metrics"]["npu_coverage"]["value"]) == (1.0, 1.0)
