"""Keras 3 in a process of its own: what a file computes there, and the SavedModel that it exports."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from tflbuild.backends import keras3_program
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.core.interpreter import command, environment
from tflbuild.core.plain_text import plain
from tflbuild.environments.running.program import limits
from tflbuild.formats.keras import archive as keras_archive
from tflbuild.formats.keras import hdf5, header
from tflbuild.formats.keras.keras3.model import ends_of
from tflbuild.formats.keras.keras3.names import in_float32

SECONDS = 900
"""Time limit of the process."""

Floats = npt.NDArray[np.float32]

Batch = Mapping[str, Floats]
"""Model values of samples by input, (samples, ...)."""


def computed(path: Path, content: bytes, batch: Batch, saved: Path | None = None) -> list[Floats]:
    """Give what a file of Keras 3 computes there in float32, and let it export the file.

    Args:
        path: of the file, for messages.
        content: of the file; it is checked again, and Keras 3 is given what was checked alone.
        batch: model values of samples by input, in the order of the file's description.
        saved: where the SavedModel goes, which takes one sample; None for none.

    Returns:
        Its outputs, in the order of the file's description.

    Raises:
        MissingTool: Keras 3 is not installed.
        RecipeError: the file is refused, or Keras 3 cannot load, run or export it.
    """
    if importlib.util.find_spec("keras") is None:
        raise MissingTool(
            f"'{plain(path)}' is held to what Keras 3 computes, which is not installed: pip install 'keras>=3'"
        )
    checked, origin = _float32(path, content)
    inputs, outputs = ends_of(origin)
    with TemporaryDirectory(prefix="tflbuild-keras3-") as folder:
        ending = ".h5" if content.startswith(hdf5.SIGNATURE) else ".keras"
        model, given, made = (Path(folder, name) for name in (f"model{ending}", "given.npz", "made.npz"))
        model.write_bytes(checked)
        named: dict[str, Any] = {str(number): values for number, values in enumerate(batch.values())}
        np.savez(given, **named)
        request = {
            "model": str(model),
            "inputs": inputs,
            "given": str(given),
            "made": str(made),
            "saved": str(saved.absolute()) if saved else "",
            "limits": _limits(),
        }
        answer = _run(path, request, Path(folder))
        with np.load(made, allow_pickle=False) as arrays:
            found = [arrays[str(number)] for number in range(len(arrays.files))]
    names = [str(name) for name in answer["outputs"]]
    if sorted(names) != sorted(outputs):
        raise RecipeError(
            f"model.path: '{plain(path)}' gives {len(names)} outputs in Keras 3, {plain(', '.join(names), 200)}, and "
            f"by its configuration {plain(', '.join(outputs), 200)}."
        )
    return found if names == outputs else [found[names.index(name)] for name in outputs]


def _limits() -> dict[str, int]:
    """Give the most that the process may take; macOS takes no limit below the addresses that a process has mapped."""
    most = limits(SECONDS)
    return most if sys.platform == "linux" else {name: most[name] for name in most if name != "memory"}


def _float32(path: Path, content: bytes) -> tuple[bytes, Mapping[str, Any]]:
    """Give a file with the same weights and only what was checked of the configuration, computing in float32."""
    found = header.header_of(content)
    header.check_sound(found, path, key="")
    assert found.origin is not None
    assert found.origin.config is not None
    config = in_float32(found.origin.config)
    if content.startswith(keras_archive.SIGNATURE):
        return keras_archive.pack(replace(keras_archive.unpack(content), config=config)), config
    target = io.BytesIO(content)
    with h5py.File(target, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs.pop("training_config", None)
    return target.getvalue(), config


def _run(path: Path, request: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    variables: Mapping[str, Any] = {
        **environment(os.environ),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(folder),  # nothing of the user's own settings, such as channels_first
        "TF_USE_LEGACY_KERAS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    try:
        done = subprocess.run(
            command(keras3_program.__name__, json.dumps(request)),
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RecipeError(f"model.path: '{plain(path)}' takes longer than {SECONDS} s in Keras 3.") from error
    answer = _answer(done.stdout)
    if "version" not in answer:
        reason = answer.get("error") or f"its process ended with {done.returncode}"
        said = f"Keras {plain(answer.get('keras') or '3', 20)}"
        raise RecipeError(
            f"model.path: {said} cannot run '{plain(path)}': {plain(' '.join(str(reason).split()), 300)}"
        )
    return answer


def _answer(printed: bytes) -> dict[str, Any]:
    lines = printed.decode(errors="replace").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}
