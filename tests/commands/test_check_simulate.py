"""`tflbuild check --simulate`: the file measured as a device computes it that works in float16; no TensorFlow."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflbuild
from conforming import conforms
from foreign_networks import Draft
from one_operator import of, zeros
from quantized_files import Held
from tflbuild.tflite import flatbuffer
from workspace import Workspace

ROWS = 48


def scaled(content: bytes, factor: float) -> bytes:
    """Multiply the weights and the bias of the first layer, and divide those of the second's weights by the same."""
    model = flatbuffer.unpack(content)
    for shape, times in ((8 * 12, factor), (8, factor), (3 * 8, 1 / factor)):
        (buffer,) = [one for one in model.buffers if one.data is not None and len(one.data) == shape * 4]
        values = np.frombuffer(bytes(buffer.data), np.float32) * np.float32(times)
        buffer.data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
    return flatbuffer.pack(model)


def integers() -> bytes:
    """Give a layer in int8."""
    levels = np.random.default_rng(0).integers(-127, 128, (3, 12))
    types = {
        "i0": Held("int8", 0.02),
        "i1": Held("int8", 0.01, levels=levels),
        "i2": Held("int32", 0.0002, levels=[0, 0, 0]),
        "o0": Held("int8", 0.05),
    }
    return of("FULLY_CONNECTED", [(1, 12), zeros(3, 12), zeros(3)], (1, 3), types=types, version=4)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with a classifier of vectors, one whose hidden numbers are 2^17 times larger, and data."""
    folder = tmp_path_factory.mktemp("simulate")
    draft = Draft(3, x=(1, 12))
    draft.dense("h", "x", 8)
    draft.dense("y", "h", 3)
    content = draft.content("y")
    (folder / "model.tflite").write_bytes(content)
    (folder / "huge.tflite").write_bytes(scaled(content, 2.0**17))
    (folder / "tiny.tflite").write_bytes(scaled(content, 2.0**-14))
    (folder / "int8.tflite").write_bytes(integers())
    values = np.random.default_rng(1).normal(size=(ROWS, 12)).astype(np.float32)
    np.savez(folder / "labelled.npz", x=values, y=np.arange(ROWS) % 3)
    np.savez(folder / "rows.npz", x=values)
    return Workspace(folder)


def simulated(here: Workspace, file: str, *words: str) -> dict[str, Any]:
    printed = here.run("check", file, "--simulate", "--json", *words)
    made = conforms("check", json.loads(printed[: printed.rindex("\n}") + 2]))
    return dict(made["simulated"])


def test_a_file_that_fits_is_measured_before_and_after(here: Workspace) -> None:
    (found,) = simulated(
        here, "model.tflite", "target=gpu", "data.root=labelled.npz", "model.outputs=logits"
    ).values()
    assert (found["metric"], found["n"]) == ("top1", 12)
    assert set(found["values"]) == {"file", "float16", "flushed"}
    change = found["changes"]["float16"]
    assert change["value"] == pytest.approx(found["values"]["float16"] - found["values"]["file"])
    assert change["low"] <= change["value"] <= change["high"]
    assert change["n"] == 12
    assert found["overflow"] is None
    assert found["cures"] == []
    (output,) = found["outputs"]
    assert 0 < output["apart"] < 0.01 * output["largest"]
    assert found["operators"] == 2
    assert found["seen"] == found["samples"] * (8 + 3)


def test_what_overflows_is_named_with_a_cure_that_helps(here: Workspace) -> None:
    words = ("target=gpu", "data.root=rows.npz")
    (found,) = simulated(here, "huge.tflite", *words).values()
    assert found["metric"] == "fidelity"
    assert found["values"]["file"] == 1.0
    assert found["values"]["float16"] is None or found["values"]["float16"] < 1.0
    assert found["overflow"]["operator"] == "FULLY_CONNECTED"
    assert found["overflow"]["tensor"] == "h"
    assert found["overflow"]["largest"] > 65504
    assert found["outputs"][0]["apart"] is None
    assert found["beyond"] > 0
    assert found["cures"][0].startswith("target.gpu.precision=float32")
    code = here.run("check", "huge.tflite", *words, "--simulate", "target.gpu.precision=float32", code=2)
    assert "gpu does not compute in float16; coreml, gpu, qnn do" in code


def test_small_numbers_are_measured_as_zeros_once_more(here: Workspace) -> None:
    (found,) = simulated(here, "tiny.tflite", "target=gpu", "data.root=rows.npz").values()
    assert found["small"] > 0
    assert found["values"]["flushed"] < found["values"]["float16"], "weights of 2^-14 are 0 by then"
    for name in ("float16", "flushed"):
        assert found["changes"][name]["value"] == pytest.approx(
            found["values"][name] - found["values"]["file"]
        )


def test_the_terminal_says_what_changes_and_what_overflows(here: Workspace) -> None:
    lines = here.run("check", "huge.tflite", "target=coreml", "--simulate", "data.root=rows.npz").splitlines()
    said = [line for line in lines if line.startswith("coreml, simulated: ")]
    assert any("FULLY_CONNECTED of the layer 'h' is the first that overflows" in line for line in said)
    assert any("output 'y' is not finite" in line for line in said)
    assert "    cure: quantize.scheme=int8, where the device takes integers" in lines


def test_integers_are_simulated_where_the_device_makes_floats_of_them(here: Workspace) -> None:
    found = simulated(here, "int8.tflite", "target=[gpu,qnn]", "data.root=rows.npz")
    assert found["gpu"]["operators"] > found["qnn"]["operators"], "the NPU computes with integers"
    assert found["gpu"]["values"]["file"] == 1.0


def test_a_device_that_runs_nothing_has_nothing_to_simulate(here: Workspace) -> None:
    found = simulated(here, "int8.tflite", "target=coreml", "data.root=rows.npz")
    assert found == {
        "coreml": {"text": "nothing runs on Core ML delegate, so there is nothing to simulate", "cures": []}
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["target=nnapi", "data.root=rows.npz"], "nnapi does not compute in float16; coreml, gpu, qnn do."),
        (["target=gpu", "data.root=nowhere"], "nowhere"),
        (["target=gpu"], "data"),
    ],
)
def test_what_cannot_be_simulated_is_said(here: Workspace, words: list[str], message: str) -> None:
    said = here.run("check", "model.tflite", "--simulate", *words, code=2)
    assert message in said
    assert "Traceback" not in said


def test_the_command_of_the_page_runs(here: Workspace) -> None:
    page = (Path(__file__).parents[2] / "docs" / "device_tables.md").read_text()
    (line,) = [
        line for line in page.splitlines() if line.startswith("tflbuild check") and "--simulate" in line
    ]
    words = [one.replace("photos", "rows.npz") for one in shlex.split(line)[1:]]
    assert "gpu, simulated: in float16: " in here.run(*words)


def test_python_gets_the_same(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.folder)
    made = tflbuild.check(Path("model.tflite"), ["target=gpu", "data.root=rows.npz"], simulating=True)
    assert made.content["simulated"]["gpu"]["metric"] == "fidelity"
    assert any(line.startswith("gpu, simulated: in float16: ") for line in made.lines)
