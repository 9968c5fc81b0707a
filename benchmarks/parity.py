"""Hold float files to the Keras models that they were made of: `python benchmarks/parity.py [FILE ...]`.

Without files: the small cases and the VWW model of `../shared` (or $TFLBUILD_TEST_CASES, $TFLBUILD_TEST_MODELS), in
`.h5` and saved again as `.keras`, and every shipped architecture, untrained. A row is a model: what its outputs are,
what was recognised, the largest difference of the converted file from the model as `tf_keras` loads it, and of the
model that passes are given, both relative to the output's largest value. A build allows 1e-4. Images are those of the
cases, or noise where there are none.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild import plugins
from tflbuild.backends import converter, keras
from tflbuild.backends.keras_reference import Reference
from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import IMAGE, Meaning
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.models.keras_file import KerasFile
from tflbuild.passes.quantizing import parity
from tflbuild.tflite import raw_outputs

SHARED = Path(__file__).resolve().parents[2] / "shared"
CASES = Path(os.environ.get("TFLBUILD_TEST_CASES", SHARED / "cases"))
MODELS = Path(os.environ.get("TFLBUILD_TEST_MODELS", SHARED / "models"))
SHIPPED = ("mobilenet_v1", "mobilenet_v2", "resnet", "ssd_mobilenet_v1")
CLASSES = 3


def main() -> None:
    """Print one row a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args().files
    warnings.simplefilter("ignore")
    plugins.load(None)
    print("| model | outputs | pixels | file, relative | taken in, relative |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for path in given or [*_shared_files()]:
            print(row(path), flush=True)
            if not given:
                print(row(_saved_again(path, Path(folder))), flush=True)
    for name in () if given else SHIPPED:
        print(shipped(name), flush=True)


def row(path: Path) -> str:
    """Give one line for a user's file."""
    spec = KerasFile(path=str(path))
    try:
        original = spec.original()
        classes = original.model.outputs[-1].shape[-1]
        built = spec.build(2 if classes == 1 else classes)
        pixels = ImageModality(**dict(spec.preprocess()))
        facts = _facts(spec, built, pixels)
    except RecipeError as error:
        return f"| {path.name} | refused: {error} | | | |"
    batch = _batch(built, pixels)
    wanted = original.outputs(batch)
    content = converter.to_float(built, facts.kind, facts.kind.tail(facts))
    file = _worst(parity.compared(wanted, raw_outputs.run(content, batch)))
    taken = _worst(parity.compared(wanted, Reference.of(built, task=facts.task).outputs(batch)))
    recognised = {entry["what"]: entry["value"] for entry in spec.recognised()}
    return f"| {path.name} | {recognised['outputs']} | {recognised.get('preprocess', '')} | {file:.1e} | {taken:.1e} |"


def shipped(name: str) -> str:
    """Give one line for an architecture, untrained."""
    keras.seed(0)
    spec = ARCHITECTURES.get(name)()
    built, pixels = spec.build(CLASSES), ImageModality()
    facts, batch = _facts(spec, built, pixels), _batch(built, pixels)
    found = raw_outputs.run(converter.to_float(built, facts.kind, facts.kind.tail(facts)), batch)
    wanted = Reference.of(built, task=facts.task).outputs(batch)
    return f"| {name} | logits | | {_worst(parity.compared(wanted, found)):.1e} | |"


def _facts(spec: Any, built: Any, pixels: ImageModality) -> Meaning:
    height, width = built.input_shape[1:3]
    return Meaning.of_image(
        task=spec.task or "classification",
        height=height,
        width=width,
        labels=tuple(str(number) for number in range(built.outputs[-1].shape[-1])),
        preprocess=pixels.to_json(),
        detector=spec.head_of(built),
    )


def _batch(built: Any, pixels: ImageModality) -> dict[str, Any]:
    """Give images as the model takes them."""
    height, width = built.input_shape[1:3]
    return {IMAGE: pixels.values(np.stack([*_images(height, width, pixels)]))}


def _worst(found: dict[str, dict[str, float]]) -> float:
    return max(output["difference"] / output["size"] for output in found.values())


def _shared_files() -> Iterator[Path]:
    yield from sorted((CASES / "keras").glob("*.h5"))
    yield from sorted(MODELS.glob("mlperf_tiny/vww_96.h5"))


def _saved_again(path: Path, folder: Path) -> Path:
    """Save a model in the other format, as it is."""
    again = folder / f"{path.stem}.keras"
    keras.load(path).save(again)
    return again


def _images(height: int, width: int, pixels: ImageModality) -> Iterator[Any]:
    from tflbuild.modalities.image import files as image

    files = sorted((CASES / "shapes").glob("*/00*.png"))[: parity.SAMPLES]
    for file in files:
        yield pixels.pixels(image.read(file), height, width)
    generator = np.random.default_rng(0)
    for _ in range(parity.SAMPLES - len(files)):
        yield generator.integers(0, 256, (height, width, 3)).astype(np.uint8)


if __name__ == "__main__":
    main()
