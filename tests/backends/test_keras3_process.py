"""What comes back from Keras 3 is put in the order of the file's configuration, or refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras3_files
from keras3_files import functional, image, layer
from tflbuild.backends import keras3_process
from tflbuild.core.errors import RecipeError

BATCH = {"image": np.zeros((3, 8, 8, 3), np.float32)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a file with two outputs and a layer that tf_keras lacks."""
    config = functional(image(), layer("RMSNormalization", "norm", "image"), layer("Flatten", "flat", "norm"))
    config["config"]["output_layers"] = [["norm", 0, 0], ["flat", 0, 0]]
    return keras3_files.keras(tmp_path / "my.keras", config)


def answering(monkeypatch: pytest.MonkeyPatch, outputs: list[str]) -> list[dict[str, Any]]:
    """Let the process give for its first output 0, for its second 1; gives what it is asked."""
    asked: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> Any:
        request = json.loads(command[-1])
        asked.append(request)
        rows: dict[str, Any] = {str(k): np.full((3, 1), k, np.float32) for k in range(len(outputs))}
        np.savez(request["made"], **rows)
        answer = json.dumps({"version": "3.15.1", "outputs": outputs}).encode()
        return subprocess.CompletedProcess(command, 0, stdout=answer)

    monkeypatch.setattr(subprocess, "run", run)
    return asked


@pytest.mark.parametrize(("outputs", "first"), [(["norm", "flat"], 0), (["flat", "norm"], 1)])
def test_outputs_come_in_the_order_of_the_configuration(
    outputs: list[str], first: int, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, outputs)
    found = keras3_process.computed(path, path.read_bytes(), BATCH, tmp_path / "saved")
    assert [int(one[0, 0]) for one in found] == [first, 1 - first]
    assert (asked[0]["inputs"], asked[0]["saved"]) == (["image"], str(tmp_path / "saved"))


def test_other_outputs_than_the_configuration_says_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, ["flat"])
    with pytest.raises(
        RecipeError, match="gives 1 outputs in Keras 3, flat, and by its configuration norm, flat"
    ):
        keras3_process.computed(path, path.read_bytes(), BATCH)


def test_nothing_of_a_file_with_code_is_given_to_keras_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, ["norm"])
    config = functional(image(), layer("RMSNormalization", "norm", "image"), layer("Lambda", "code", "norm"))
    prepared = keras3_files.keras(tmp_path / "code.keras", config)
    with pytest.raises(RecipeError, match="layer 'code' is a Lambda"):
        keras3_process.computed(prepared, prepared.read_bytes(), BATCH)
    assert asked == []
