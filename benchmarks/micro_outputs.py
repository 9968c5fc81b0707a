"""Hold tflite-micro to LiteRT's reference kernels, byte for byte: `python benchmarks/micro_outputs.py [--samples 64]`.

Every int8 file of `../shared/models` (or $TFLBUILD_TEST_MODELS) that tflite-micro runs, with photos of `../shared/data`
(or $TFLBUILD_TEST_DATA) where the input is a picture, and with seeded noise otherwise; LSTMs start anew each time.
A file on which LiteRT or tflite-micro would refuse to work is made fit first, and the row says how: LiteRT 2 refuses an
axis of scales that a tensor does not have, and tflite-micro writes past outputs that have no shape in the file.
Beside the reference kernels stand LiteRT's other kernels, without XNNPACK: `against builtin`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tflbuild.backends.micro import session
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.signature import TensorSpec
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite import flatbuffer

SHARED = Path(__file__).resolve().parents[2] / "shared"
MODELS = Path(os.environ.get("TFLBUILD_TEST_MODELS", SHARED / "models"))
DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", SHARED / "data"))
PICTURES = ("vww_96", "person_detect", "ssd_mobilenet")
SUPPRESSION = "TFLite_Detection_PostProcess"
OUTPUTS = ((1, 0, 4), (1, 0), (1, 0), (1,))
"""Shapes of the outputs of the suppression, 0 for its number of detections."""


def main() -> None:
    """Print one row a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=64)
    samples = parser.parse_args().samples
    print("| file | inputs | samples equal | values that differ | by up to | against builtin | made fit |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(MODELS.rglob("*.tflite")):
            row = _row(path, Path(folder), samples)
            if row:
                print(row, flush=True)


def _row(path: Path, folder: Path, samples: int) -> str:
    """Give a file's row; "" for one that has no int8 layer."""
    try:
        model = flatbuffer.load(path)
    except RecipeError:
        return ""
    if not _is_int8(model):
        return ""
    made = _fit(model)
    fit = folder / "model.tflite"
    fit.write_bytes(flatbuffer.pack(model) if made else path.read_bytes())
    try:
        micro = session.Loaded(fit)
        others = [litert.Loaded(fit, 1, kernels) for kernels in ("reference", "builtin")]
    except (PassError, RecipeError) as error:
        return (
            f"| {path.parent.name}/{path.name} | | not run: {str(error).rpartition(': ')[2][:90]} | | | | |"
        )
    kind = "photos" if path.name.startswith(PICTURES) or "ssd_mobilenet" in str(path) else "noise"
    found = [_Held(), _Held()]
    for inputs in _inputs(micro.signature.inputs, kind, samples):
        ours = micro.run(inputs)
        for held, other in zip(found, others, strict=True):
            held.add(ours, other.run(inputs))
    reference, builtin = found
    return (
        f"| {path.parent.name}/{path.name} | {kind} | {reference.equal} of {samples} | {reference.differing} of "
        f"{reference.values} | {reference.largest:g} | {builtin.equal} of {samples}, by up to {builtin.largest:g} | "
        f"{', '.join(made) or 'no'} |"
    )


class _Held:
    """Outputs so far."""

    def __init__(self) -> None:
        self.equal = self.values = self.differing = 0
        self.largest = 0.0

    def add(self, ours: dict[str, npt.NDArray[Any]], theirs: dict[str, npt.NDArray[Any]]) -> None:
        count = min((int(np.ravel(one)[0]) for one in theirs.values() if one.shape == (1,)), default=None)
        same = True
        for name, wanted in theirs.items():
            one, other = (
                value if count is None or value.ndim < 2 else value[:, :count]
                for value in (ours[name], wanted)
            )
            apart = np.abs(one.astype(np.float64) - other)
            same &= one.tobytes() == other.tobytes()
            self.values += other.size
            self.differing += int((apart > 0).sum())
            self.largest = max(self.largest, float(apart.max(initial=0.0)))
        self.equal += same


def _is_int8(model: Any) -> bool:
    graph = model.subgraphs[0]
    for operator in graph.operators:
        name = flatbuffer.name_of(model.operatorCodes[operator.opcodeIndex])
        layer = name in flatbuffer.WEIGHTED or name.endswith("LSTM")
        if layer and flatbuffer.DTYPES[graph.tensors[int(operator.inputs[0])].type] == "int8":
            return True
    return False


def _fit(model: Any) -> list[str]:
    """Make a file fit for both; gives what was done, and changes no number that is computed."""
    graph, made = model.subgraphs[0], []
    for tensor in graph.tensors:
        found = tensor.quantization
        rank = 0 if tensor.shape is None else len(tensor.shape)
        if found is not None and found.quantizedDimension and found.quantizedDimension >= rank:
            found.quantizedDimension = 0  # of a bias, which has one axis
            made.append("axis of scales")
    for operator in graph.operators:
        if flatbuffer.name_of(model.operatorCodes[operator.opcodeIndex]) != SUPPRESSION:
            continue
        import flatbuffers.flexbuffers as flexbuffers

        most = flexbuffers.Loads(bytes(operator.customOptions))["max_detections"]
        for index, shape in zip(operator.outputs, OUTPUTS, strict=True):
            graph.tensors[int(index)].shape = np.array([side or most for side in shape], np.int32)
        made.append("shapes of outputs")
    return list(dict.fromkeys(made))


def _inputs(specs: dict[str, TensorSpec], kind: str, samples: int) -> Iterator[dict[str, npt.NDArray[Any]]]:
    rng = np.random.default_rng(0)
    photos = sorted((DATA / "coco128").rglob("*.jpg"))
    for place in range(samples):
        photo = photos[place] if kind == "photos" else None
        yield {name: _pixels(photo, spec) if photo else _noise(spec, rng) for name, spec in specs.items()}


def _pixels(photo: Path, spec: TensorSpec) -> npt.NDArray[Any]:
    _, height, width, channels = spec.shape
    with Image.open(photo) as picture:
        small = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
    pixels = np.asarray(small, np.float32).reshape(spec.shape)
    if spec.dtype == "float32":
        return pixels / np.float32(127.5) - 1
    return (pixels - (128 if spec.dtype == "int8" else 0)).astype(spec.dtype)


def _noise(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    if spec.dtype == "float32":
        return rng.uniform(-1, 1, spec.shape).astype(np.float32)
    limits = np.iinfo(spec.dtype)
    return rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(spec.dtype)


if __name__ == "__main__":
    main()
