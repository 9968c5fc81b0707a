"""`tflbuild compare` of two model files, from words to exit code; small files, and no TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from foreign_networks import Draft, unsigned
from on_bytes import quantize
from tflbuild.commands.compare_files import is_model_file
from tflbuild.tflite import flatbuffer
from tflite_files import classifier
from workspace import Workspace

ROWS = 48


def vectors(seed: int, size: int = 12) -> Any:
    return np.random.default_rng(seed).normal(size=(ROWS, size)).astype(np.float32)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with two classifiers of vectors, a third of other classes, and data with and without labels."""
    folder = tmp_path_factory.mktemp("compare")
    content = unsigned()
    (folder / "a.tflite").write_bytes(content)
    (folder / "b.tflite").write_bytes(
        quantize(folder / "a.tflite", "dynamic", float_input=True, float_output=True)
    )
    worse = flatbuffer.unpack(content)
    for buffer in worse.buffers:
        if buffer.data is not None and len(buffer.data) == 8 * 12 * 4:
            kernel = np.frombuffer(bytes(buffer.data), np.float32).reshape(8, 12)
            buffer.data = np.frombuffer(np.ascontiguousarray(kernel[::-1]).tobytes(), np.uint8)
    (folder / "worse.tflite").write_bytes(flatbuffer.pack(worse))
    values = vectors(1)
    np.savez(folder / "rows.npz", x=values)
    np.savez(folder / "labelled.npz", x=values, y=np.arange(ROWS) % 3)
    plain = Draft(1, x=(1, 12))
    plain.dense("y", "x", 3)
    (folder / "plain.tflite").write_bytes(plain.content("y"))
    wide = Draft(1, x=(1, 12))
    wide.dense("y", "x", 4)
    (folder / "wide.tflite").write_bytes(wide.content("y"))
    (folder / "picture.tflite").write_bytes(classifier("SOFTMAX"))
    (folder / "photos").mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    return Workspace(folder)


def compared(here: Workspace, *words: str, code: int = 0) -> dict[str, Any]:
    printed = here.run("compare", *words, "--json", code=code)
    made: dict[str, Any] = json.loads(printed[: printed.rindex("\n}") + 2])
    return made


def test_two_files_are_measured_on_the_same_samples(here: Workspace) -> None:
    made = compared(here, "a.tflite", "worse.tflite", "data.root=rows.npz")
    assert made["schema"] == "tflbuild.compare_files/1"
    assert made["files"] == ["a.tflite", "worse.tflite"]
    assert (made["split"], made["n"]) == ("test", 12)
    assert set(made["metrics"]) == {"fidelity", "size", "compressed_size", "latency"}
    fidelity = made["metrics"]["fidelity"]
    assert fidelity["before"]["value"] == 1.0
    assert fidelity["after"]["value"] < 1.0
    assert fidelity["after"]["value"] - 1 == pytest.approx(fidelity["difference"]["value"])
    assert fidelity["difference"]["low"] <= fidelity["difference"]["value"] <= fidelity["difference"]["high"]
    assert fidelity["difference"]["n"] == 12
    size = made["metrics"]["size"]
    assert size["before"]["value"] != 0
    assert size["difference"] is None
    assert [entry["what"] for entry in made["recognised"][0]] == [
        "data",
        "samples",
        "task",
        "outputs",
        "input",
    ]
    assert made["verdicts"] == []


def test_the_first_file_is_what_the_second_is_held_to(here: Workspace) -> None:
    one = compared(here, "a.tflite", "worse.tflite", "data.root=rows.npz")["metrics"]["fidelity"]
    other = compared(here, "worse.tflite", "a.tflite", "data.root=rows.npz")["metrics"]["fidelity"]
    assert other["before"]["value"] == 1.0
    assert other["after"]["value"] == pytest.approx(one["after"]["value"])
    same = compared(here, "a.tflite", "a.tflite", "data.root=rows.npz")["metrics"]["fidelity"]
    assert (same["after"]["value"], same["difference"]["value"]) == (1.0, 0.0)


def test_with_labels_the_metrics_of_the_task_are_paired_too(here: Workspace) -> None:
    made = compared(here, "a.tflite", "worse.tflite", "data.root=labelled.npz", "budget.top5.min=0")
    top1, top5 = made["metrics"]["top1"], made["metrics"]["top5"]
    assert top1["difference"]["value"] == pytest.approx(top1["after"]["value"] - top1["before"]["value"])
    assert top5["after"]["value"] == 1.0, "of three classes five are always right"
    assert [verdict["metric"] for verdict in made["verdicts"]] == ["top5"]
    assert made["verdicts"][0]["ok"]


def test_what_is_stored_otherwise_is_smaller_and_nearly_the_same(here: Workspace) -> None:
    made = compared(here, "a.tflite", "b.tflite", "data.root=rows.npz")
    assert made["metrics"]["fidelity"]["after"]["value"] == 1.0
    output = made["metrics"]["fidelity"]["after"]["details"]["outputs"]["scores"]
    assert 20 < output["sqnr_db"] < 200


def test_the_table_names_files_samples_metrics_and_outputs(here: Workspace) -> None:
    lines = here.run("compare", "a.tflite", "worse.tflite", "data.root=rows.npz").splitlines()
    assert lines[0].startswith("first: a.tflite (data: arrays; samples: numbers; task: classification; ")
    assert lines[1].startswith("second: worse.tflite (")
    assert lines[2] == "12 samples of data.test; differences are second file minus first"
    assert [line.split()[0] for line in lines[4:]] == [
        "fidelity",
        "scores:",
        "compressed_size",
        "latency",
        "size",
    ]


def test_operators_that_differ_are_counted(here: Workspace) -> None:
    made = compared(here, "plain.tflite", "plain.tflite", "data.root=rows.npz")
    assert made["operators"] == {}
    draft = Draft(1, x=(1, 12))
    draft.dense("hidden", "x", 3)
    draft.reshape("y", "hidden", 1, 3)
    (here.folder / "reshaped.tflite").write_bytes(draft.content("y"))
    made = compared(here, "plain.tflite", "reshaped.tflite", "data.root=rows.npz")
    assert made["operators"] == {"RESHAPE": [0, 1]}
    assert made["metrics"]["fidelity"]["after"]["value"] == pytest.approx(1.0)


BUDGETS = [
    (["budget.fidelity.max_drop=1"], 0),
    (["budget.fidelity.max_drop=0"], 5),
    (["budget.fidelity.min=0.99"], 5),
    (["budget.size.max=1"], 5),
    (["budget.size.max=100_000", "budget.latency.max=1000"], 0),
]


@pytest.mark.parametrize(("budget", "code"), BUDGETS)
def test_limits_are_judged_on_the_second_file(here: Workspace, budget: list[str], code: int) -> None:
    made = compared(here, "a.tflite", "worse.tflite", "data.root=rows.npz", *budget, code=code)
    assert [verdict["ok"] for verdict in made["verdicts"]] == [code == 0] * len(budget)
    printed = here.run("compare", "a.tflite", "worse.tflite", "data.root=rows.npz", *budget, code=code)
    assert ("within the budget: " in printed) is (code == 0)
    assert ("over the budget: " in printed) is (code == 5)
    assert ("error: budget: " in printed) is (code == 5)


REFUSED = [
    (
        ["a.tflite", "b.tflite", "worse.tflite", "data.root=rows.npz"],
        "compare: expected two model files, not 3.",
    ),
    (["a.tflite", "data.root=rows.npz"], "compare: expected two model files, not 1."),
    (["a.tflite", "gone.tflite", "data.root=rows.npz"], "model.path: there is no file 'gone.tflite'."),
    (["gone.tflite", "lost.h5", "data.root=rows.npz"], "model.path: there is no file 'gone.tflite'."),
    (
        ["a.tflite", "photos"],
        "compare: 'photos' is a folder, and 'a.tflite' a file; name two runs, or two model files.",
    ),
    (["a.tflite", "b.tflite"], "data.root: not given; "),
    (
        ["a.tflite", "b.tflite", "nonsense"],
        "compare: 'nonsense' is neither a model file nor KEY=VALUE. usage: ",
    ),
    (
        ["a.tflite", "rows.npz", "data.root=rows.npz"],
        "model.path: 'rows.npz' has none of the known formats, keras",
    ),
    (
        ["a.tflite", "plain.tflite", "data.root=rows.npz"],
        "compare: the outputs of 'a.tflite' are for classification and those of 'plain.tflite' are of an unknown kind; "
        "only outputs of the same kind can be compared.",
    ),
    (
        ["plain.tflite", "wide.tflite", "data.root=rows.npz"],
        "fidelity: the model gives 'y' of 4 numbers, and what it is compared with gives 'y' of 3 numbers; only the "
        "same outputs can be compared.",
    ),
    (
        ["a.tflite", "picture.tflite", "data.root=rows.npz"],
        "data: sample ",
    ),
    (
        ["picture.tflite", "a.tflite", "data.root=photos"],
        "model.path: 'a.tflite' cannot take the data, whose samples are of the modality 'image': its input "
        "'dense_input:0' is (1, 12) float32, and a picture is (1, height, width, 3) or (1, height, width, 1).",
    ),
    (
        ["a.tflite", "b.tflite", "data.root=rows.npz", "budget.top1.max_drop=1"],
        "budget.top1: 'top1' is a metric for classification, but the data have no labels; there are ",
    ),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_cannot_be_compared_is_one_sentence(here: Workspace, words: list[str], said: str) -> None:
    (line,) = here.run("compare", *words, code=2).splitlines()
    assert line.startswith(f"error: {said}")
    assert line == f"error: {said}" or not said.endswith(".")


def test_files_are_told_from_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run.tflite").mkdir()
    Path("report.json").write_text("{}")
    Path("model.bin").write_text("x")
    words = (
        "run",
        "run.tflite",
        "report.json",
        "model.bin",
        "gone.tflite",
        "gone.keras",
        "gone",
        "a=b.tflite",
        "gone.txt",
    )
    assert [word for word in words if is_model_file(word)] == ["model.bin", "gone.tflite", "gone.keras"]
