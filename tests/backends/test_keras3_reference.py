"""Keras 3 in its own process: what becomes of a file there, and of what goes wrong there."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import keras3_files
from tflbuild.core.errors import MissingTool, RecipeError

pytestmark = pytest.mark.slow

BATCH = {"image": np.zeros((2, 8, 8, 3), np.float32)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    config = keras3_files.dense(dtype=keras3_files.policy("mixed_float16"))
    return keras3_files.keras(tmp_path / "my.keras", {**config, "compile_config": {"loss": "x"}})


def test_what_keras_3_computes_is_read_back_and_asked_for_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: kernel row k is (2k, 2k + 1), biases 5 and 7; of zeros the logits are 5 and 7."""
    from tflbuild.backends import keras3_reference

    (found,) = keras3_reference.outputs_of(path, BATCH)
    share = 1 / (1 + np.exp(2.0))
    np.testing.assert_allclose(found, [[share, 1 - share]] * 2, rtol=1e-6)
    monkeypatch.setattr(subprocess, "run", None)
    assert keras3_reference.outputs_of(path, BATCH)[0] is found
    with pytest.raises(TypeError):
        keras3_reference.outputs_of(path, {"image": BATCH["image"] + 1})


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any, code: int = 0) -> list[dict[str, Any]]:
    """Let the process answer so; gives what it is started with, and the configuration that it is given."""
    started: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> Any:
        request = json.loads(command[-1])
        with zipfile.ZipFile(request["model"]) as archive:
            config = json.loads(archive.read("config.json"))
        started.append({**options, **request, "config": config})
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess(command, code, stdout=answer)

    monkeypatch.setattr(subprocess, "run", run)
    return started


def test_it_is_given_float32_built_in_layers_and_no_settings_of_the_user(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.backends import keras3_reference

    started = answering(monkeypatch, b'{"error": "none"}')
    with pytest.raises(RecipeError):
        keras3_reference.outputs_of(path, BATCH)
    (given,) = started
    assert "compile_config" not in given["config"]
    assert given["config"]["config"]["layers"][2]["config"]["dtype"]["config"] == {"name": "float32"}
    assert given["env"]["KERAS_BACKEND"] == "tensorflow"
    assert given["env"]["KERAS_HOME"] == str(given["cwd"])
    assert (given["inputs"], given["saved"]) == (["image"], "")
    assert given["limits"]["file"] > 0


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            b'warning\n{"error": "ValueError: no\\n such layer", "keras": "3.15.1"}\n',
            0,
            "Keras 3.15.1 cannot run '{}': ValueError: no such layer",
        ),
        (b"", -11, "cannot run '{}': its process ended with -11"),
        (b"[1]", 0, "cannot run '{}': its process ended with 0"),
        (subprocess.TimeoutExpired("x", 900), 0, "'{}' takes longer than 900 s in Keras 3."),
    ],
)
def test_what_goes_wrong_there_is_one_sentence(
    answer: Any, code: int, said: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.backends import keras3_reference

    answering(monkeypatch, answer, code)
    with pytest.raises(RecipeError) as raised:
        keras3_reference.outputs_of(path, BATCH)
    assert said.format(path) in str(raised.value)


def test_without_keras_3_the_command_that_installs_it_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.backends import keras3_reference

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingTool, match=r"is not installed: pip install 'keras>=3'$"):
        keras3_reference.outputs_of(path, BATCH)


def test_a_model_that_differs_from_keras_3_is_a_broken_promise(path: Path) -> None:
    from types import SimpleNamespace

    from tflbuild.backends import keras
    from tflbuild.backends.keras3_reference import Keras3Reference
    from tflbuild.backends.keras_reference import Reference
    from tflbuild.core.errors import BrokenPromise, OtherWay
    from tflbuild.passes import load

    built = keras.load(path)
    reference = Keras3Reference.at(path, Reference.of(built, name="'my.keras'"))
    other: dict[str, str] = {}
    facts = SimpleNamespace(task="classification")
    context = SimpleNamespace(notes={}, model_spec=SimpleNamespace(otherwise=lambda: other))
    right = np.asarray(built(BATCH["image"], training=False), np.float32)
    load._same_outputs(reference, [right * (1 + 8e-5)], built, facts, BATCH, context)  # type: ignore[arg-type]
    with pytest.raises(
        BrokenPromise, match=r"what 'my.keras' in Keras 3 does: .*; export it in Keras 3 with model.exp"
    ):
        load._same_outputs(reference, [right * (1 + 2e-4)], built, facts, BATCH, context)  # type: ignore[arg-type]
    other["format"] = "keras3_export"
    with pytest.raises(OtherWay, match=r"Keras 3 does: .*; model.format=keras3_export takes it in") as raised:
        load._same_outputs(reference, [right * (1 + 2e-4)], built, facts, BATCH, context)  # type: ignore[arg-type]
    assert raised.value.model == other


def test_this_process_imports_no_keras_3() -> None:
    from tflbuild.backends import keras3_reference  # noqa: F401

    code = "import tflbuild.backends.keras3_reference, sys; assert 'keras.src.models' not in sys.modules"
    variables = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}  # as workers have it
    assert subprocess.run([sys.executable, "-c", code], env=variables, check=False).returncode == 0
