"""Run a model in Keras 3, and export it: a program of its own, since tf_keras and Keras 3 do not share a process.

It is started by `tflbuild.backends.keras3_process` with a request in JSON: `model`, the path of a file that was checked
to hold built-in layers alone; `inputs`, the names of its inputs; `given`, an .npz with their samples by place; `made`,
where the outputs go, likewise; `saved`, a folder that is to become a SavedModel, "" for none; `limits`. The network is
shut.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import numpy as np

from tflbuild.environments.running import guard

SIGNATURE = "serving_default"

BATCH = 8


def main() -> None:
    """Write the outputs of a model, and say their names; one line of JSON with `error` where that fails."""
    request = json.loads(sys.argv[1])
    sys.addaudithook(guard.shut)
    guard.limit(request["limits"])
    version = ""
    try:
        keras = importlib.import_module("keras")
        version = str(keras.__version__)
        loaded = keras.saving.load_model(request["model"], compile=False, safe_mode=True)
        model = _ordered(keras, loaded, request["inputs"])
        with np.load(request["given"], allow_pickle=False) as arrays:
            inputs = [arrays[str(number)] for number in range(len(arrays.files))]
        named: dict[str, Any] = {
            str(number): value
            for number, value in enumerate(_run(keras, model, inputs, 1 if request["saved"] else BATCH))
        }
        np.savez(request["made"], **named)
        if request["saved"]:
            _export(keras, model, request["saved"])
        answer: dict[str, Any] = {"version": version, "outputs": [_name(one) for one in model.outputs]}
    except Exception as error:  # noqa: BLE001  # whatever Keras raises is said by whoever started this
        answer = {"error": f"{type(error).__name__}: {error}"[:2000], "keras": version}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def _ordered(keras: Any, model: Any, names: list[str]) -> Any:
    """Give a model that takes a list of its inputs in the order of names, and gives a list."""
    found = [_name(one) for one in model.inputs]
    inputs = [model.inputs[found.index(name)] for name in names]
    return keras.Model(inputs, list(model.outputs))


def _name(tensor: Any) -> str:
    """Name the layer that gives a tensor, as the model's configuration does."""
    return str(tensor._keras_history.operation.name)


def _run(keras: Any, model: Any, inputs: list[Any], batch: int) -> list[Any]:
    rows = []
    for at in range(0, len(inputs[0]), batch):
        made = model([one[at : at + batch] for one in inputs], training=False)
        rows.append([np.asarray(one) for one in keras.tree.flatten(made)])
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


def _export(keras: Any, model: Any, folder: str) -> None:
    """Write a SavedModel whose one signature takes float32 for one sample: `input_0`, ...; gives `output_0`, ..."""
    tf: Any = importlib.import_module("tensorflow")

    def serve(*given: Any) -> dict[str, Any]:
        taken = [tf.cast(one, wanted.dtype) for one, wanted in zip(given, model.inputs, strict=True)]
        made = keras.tree.flatten(model(taken, training=False))
        return {f"output_{number}": tf.cast(one, tf.float32) for number, one in enumerate(made)}

    specs = [
        tf.TensorSpec((1, *one.shape[1:]), tf.float32, name=f"input_{number}")
        for number, one in enumerate(model.inputs)
    ]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(SIGNATURE, serve, input_signature=specs)
    archive.write_out(folder, verbose=False)
