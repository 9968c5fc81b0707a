"""The user's own model in Keras 3: the reference that a model of tf_keras, translated from it, is held to."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from tflbuild.backends import keras3_program
from tflbuild.backends.keras_reference import Batch, Floats, Reference
from tflbuild.core import digest
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.core.interpreter import command, environment
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.formats.keras import archive as keras_archive
from tflbuild.formats.keras import hdf5, header
from tflbuild.formats.keras.keras3.names import in_float32
from tflbuild.formats.keras.keras3.refusal import WAY_OUT

SECONDS = 900
"""Time limit of the process."""


@dataclass(frozen=True)
class Keras3Reference(Reference):
    """A model in Keras 3; `model` is its translation, and says what the outputs are.

    Attributes:
        path: the user's file.
    """

    path: Path = Path()
    nearness: float = 1e-4
    advice: str = f"; {WAY_OUT}"

    @classmethod
    def at(cls, path: Path, reference: Reference) -> Keras3Reference:
        """Give the reference that a file of Keras 3 is, beside its translation."""
        name = f"{reference.name} in Keras 3"
        return cls(reference.model, reference.kinds, name, reference.task, path=path)

    def raw(self, batch: Batch) -> list[Floats]:
        """Run the file in Keras 3, in float32."""
        return outputs_of(self.path, batch)


def outputs_of(path: Path, batch: Batch) -> list[Floats]:
    """Give what a file of Keras 3 computes there.

    Args:
        path: the file; it is read and checked again.
        batch: model values of samples by input, in the model's order.

    Raises:
        MissingTool: Keras 3 is not installed.
        RecipeError: the file is refused, or Keras 3 cannot load or run it.
    """
    if importlib.util.find_spec("keras") is None:
        raise MissingTool(f"'{plain(path)}' is held to what Keras 3 computes; pip install 'keras>=3'.")
    given = read_regular(path, header.MOST_BYTES)
    content = _float32(path, given)
    named = digest.of_json(
        [digest.of_bytes(given), [digest.of_bytes(one.tobytes()) for one in batch.values()]]
    )
    if named not in _KNOWN:
        _KNOWN.clear()  # one model at a time: loading holds to it, and converting does
        _KNOWN[named] = _computed(path, content, batch)
    return _KNOWN[named]


_KNOWN: dict[str, list[Floats]] = {}
"""The last outputs, by what they were computed of."""


def _computed(path: Path, content: bytes, batch: Batch) -> list[Floats]:
    with TemporaryDirectory(prefix="tflbuild-keras3-") as folder:
        ending = ".h5" if content.startswith(hdf5.SIGNATURE) else ".keras"
        model, given, made = (Path(folder, name) for name in (f"model{ending}", "given.npz", "made.npz"))
        model.write_bytes(content)
        named: dict[str, Any] = {str(number): values for number, values in enumerate(batch.values())}
        np.savez(given, **named)
        _run(path, [str(model), str(given), str(made)], Path(folder))
        with np.load(made, allow_pickle=False) as arrays:
            return [arrays[str(number)] for number in range(len(arrays.files))]


def _float32(path: Path, content: bytes) -> bytes:
    """Give a file with the same weights and only what was checked of the configuration, computing in float32."""
    found = header.header_of(content)
    header.check_loads(found, path, key="")
    assert found.origin is not None
    assert found.origin.config is not None
    config = in_float32(found.origin.config)
    if content.startswith(keras_archive.SIGNATURE):
        return keras_archive.pack(replace(keras_archive.unpack(content), config=config))
    target = io.BytesIO(content)
    with h5py.File(target, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs.pop("training_config", None)
    return target.getvalue()


def _run(path: Path, arguments: list[str], folder: Path) -> None:
    variables: Mapping[str, Any] = {
        **environment(os.environ),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(folder),  # nothing of the user's own settings, such as channels_first
        "TF_USE_LEGACY_KERAS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    try:
        done = subprocess.run(
            command(keras3_program.__name__, *arguments),
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
        raise RecipeError(
            f"model.path: Keras 3 cannot run '{plain(path)}': {plain(' '.join(str(reason).split()), 300)}"
        )


def _answer(printed: bytes) -> dict[str, Any]:
    lines = printed.decode(errors="replace").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}
