"""Whether two runtimes compute the same bytes, with a runtime that is LiteRT but for what a test changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from foreign_networks import Draft, noise, written
from tflbuild.core.artifact import Artifact
from tflbuild.core.dataset import Split
from tflbuild.core.runtime import Execution, Runtime
from tflbuild.evaluation.equality import _Output, equality
from tflbuild.runtimes.litert import Litert

Change = Callable[[int, dict[str, Any]], Mapping[str, Any]]


class Changing:
    """LiteRT, whose outputs are changed by the number of the run."""

    kernels = "changing"

    def __init__(self, execution: Execution, change: Change) -> None:
        self._execution, self._change, self._runs = execution, change, 0
        self.signature = execution.signature

    def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        self._runs += 1
        made = {name: value.copy() for name, value in self._execution.run(inputs).items()}
        return self._change(self._runs, made)


@dataclass(frozen=True, kw_only=True)
class Twin(Runtime):
    change: Change = field(default=lambda run, made: made)

    def peer(self) -> Runtime:
        return Litert()

    def open(self, model: Artifact) -> Execution:
        return Changing(Litert().open(model), self.change)


def held(tmp_path: Path, change: Change, samples: int = 4) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what is said, and the sample."""
    draft = Draft(x=(1, 6))
    content = draft.content(draft.reshape("rows", "x", 3, 2), draft.mean("mean", "x"))
    data, index = noise(content, samples)
    out = tmp_path / "sample.json"
    found = equality(Twin(change=change), written(tmp_path, content), Split("val", data, index), out)
    return found, json.loads(out.read_text())


def test_equal_bytes_are_counted(tmp_path: Path) -> None:
    found, _ = held(tmp_path, lambda run, made: made)
    assert (found["runtime"], found["samples"], found["equal"]) == ("changing", 4, 4)
    assert found["outputs"] == {
        "rows": {"equal": 4, "values": 24, "differing": 0, "largest": 0.0, "first": None},
        "mean": {"equal": 4, "values": 4, "differing": 0, "largest": 0.0, "first": None},
    }


def test_the_first_difference_is_named_and_the_largest_measured(tmp_path: Path) -> None:
    def change(run: int, made: dict[str, Any]) -> dict[str, Any]:
        if run >= 3:  # two of four samples
            made["rows"].reshape(-1)[4] += run
        return made

    found, _ = held(tmp_path, change)
    rows = found["outputs"]["rows"]
    assert (found["equal"], rows["equal"], rows["differing"]) == (2, 2, 2)
    assert np.isclose(rows["largest"], 4, rtol=1e-6)
    assert rows["first"]["place"] == 4
    assert np.isclose(rows["first"]["value"] - rows["first"]["expected"], 3, rtol=1e-6)
    assert found["outputs"]["mean"]["equal"] == 4


def test_a_sign_of_zero_is_a_difference_though_its_size_is_none(tmp_path: Path) -> None:
    found = _Output()
    assert not found.add("a", np.array([0.0], np.float32), np.array([-0.0], np.float32))
    assert found.add("b", np.array([np.nan], np.float32), np.array([np.nan], np.float32))
    assert (found.differing, found.largest, found.said()["first"]["sample"]) == (1, 0.0, "a")


def test_another_shape_or_dtype_is_a_difference_without_a_size() -> None:
    for other in (np.zeros((1, 3), np.int8), np.zeros((1, 2), np.uint8)):
        found = _Output()
        assert not found.add("a", np.zeros((1, 2), np.int8), other)
        assert (found.largest, found.differing) == (None, other.size)
        assert "(1, 2) int8" in found.said()["first"]["value"]


def test_the_sample_is_the_first_one_with_the_runtimes_own_outputs(tmp_path: Path) -> None:
    def change(run: int, made: dict[str, Any]) -> dict[str, Any]:
        return {**made, "mean": made["mean"] + 1}

    _, sample = held(tmp_path, change)
    (x,) = sample["inputs"]
    assert (x["name"], x["dtype"], x["shape"]) == ("x", "float32", [1, 6])
    values = np.frombuffer(bytes.fromhex(x["hex"]), np.float32)
    outputs = {one["name"]: one for one in sample["outputs"]}
    assert np.array_equal(np.frombuffer(bytes.fromhex(outputs["rows"]["hex"]), np.float32), values)
    (mean,) = np.frombuffer(bytes.fromhex(outputs["mean"]["hex"]), np.float32)
    assert np.isclose(mean, values.mean() + 1, atol=1e-5)
    assert {name: one["compared"] for name, one in outputs.items()} == {"rows": 6, "mean": 1}
