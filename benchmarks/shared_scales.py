"""Measure what it costs that outputs share a scale: `python benchmarks/shared_scales.py FLOAT.tflite [OPTION ...]`.

A row is a file: the float one, int8 as its outputs are, and int8 whose parts have scales of their own. The file is a
detector whose head is recognised, and whose classes are those of `data.yaml`; pictures and boxes are those of a folder
in YOLO form, `../shared/data/coco128` unless `--data` says another. The first half of the pictures is calibrated on,
without boxes; all are measured on. Intervals are those of the metric, over pictures.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml

from tflbuild import plugins
from tflbuild.core.meaning import Input, Meaning
from tflbuild.metrics.detection import MeanAveragePrecision50
from tflbuild.modalities.image import files as image
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.models.file import File
from tflbuild.quantization.settings import Setting
from tflbuild.quantization.shared_scales import with_own_scales
from tflbuild.quantization.workbench import Border, Workbench
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tflite import flatbuffer, paddings
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", SHARED / "data")) / "coco128"


def main() -> None:
    """Print one row a file."""
    given = _given()
    plugins.load(None)
    pixels = ImageModality(channels=given.channels, scale=given.scale, offset=given.offset)
    pictures = [image.read(path) for path in _pictures(given.data)]
    truth, names = _truth(given.data)
    spec = File(path=str(given.file))
    meaning, shape = _meaning(spec, names, pixels)
    values = [
        {name: pixels.values(_codes(pixels, picture, shape)) for name in meaning.inputs}
        for picture in pictures
    ]
    meaning, graph = _finished(meaning, given.file.read_bytes(), values[:16])
    wanted = meaning.kind.truth(truth, names)
    print(
        f"| file | map50 | {len(pictures)} pictures, calibrated on {len(values) // 2}\n| --- | --- | --- |",
        flush=True,
    )
    mended, found = with_own_scales(graph, values[: len(values) // 2])
    for sentence in (one.text for one in found):
        print(f"<!-- {sentence} -->")
    rows = {"float": graph.packed()}
    rows |= {f"int8, as it is, {way}": made for way, made in _quantized(graph, values, pixels, given.ranges)}
    rows |= {
        f"int8, own scales, {way}": made for way, made in _quantized(mended, values, pixels, given.ranges)
    }
    for name, file in rows.items():
        print(_row(name, file, meaning, values, pictures, wanted, names), flush=True)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--channels", default="bgr")
    parser.add_argument("--scale", type=float, default=1 / 255)
    parser.add_argument("--offset", type=float, default=0.0)
    parser.add_argument("--ranges", nargs="+", default=["minmax", "p99.99"])
    return parser.parse_args()


def _pictures(root: Path) -> list[Path]:
    return sorted((root / "images").rglob("*.jpg"))


def _truth(root: Path) -> tuple[list[Any], tuple[str, ...]]:
    """Read labels in YOLO form: class, then centre and sides in 0..1."""
    names = yaml.safe_load((root / "data.yaml").read_text())["names"]
    names = tuple(names.values()) if isinstance(names, dict) else tuple(names)
    rows = []
    for path in _pictures(root):
        file = Path(str(path.with_suffix(".txt")).replace("/images/", "/labels/"))
        lines = [line.split()[:5] for line in file.read_text().splitlines()] if file.exists() else []
        numbers = np.array(lines, np.float32).reshape(-1, 5)
        x, y, width, height = numbers[:, 1:].T
        boxes = np.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=1).clip(0, 1)
        rows.append(SimpleNamespace(boxes=boxes.astype(np.float32), labels=numbers[:, 0].astype(np.int32)))
    return rows, names


def _meaning(spec: File, names: tuple[str, ...], pixels: ImageModality) -> tuple[Meaning, tuple[int, ...]]:
    described = spec.description
    ((name, tensor),) = described.signature.inputs.items()
    shape = tensor.shape[1:]
    given = Input(modality="image", shape=shape, preprocess=pixels.to_json())
    meaning = Meaning(task=described.task, labels=names, inputs={name: given}, head=described.head)
    return meaning, shape


def _codes(pixels: ImageModality, picture: Any, shape: tuple[int, ...]) -> Any:
    return pixels.encode(picture, shape).codes


def _finished(meaning: Meaning, content: bytes, values: list[Mapping[str, Any]]) -> tuple[Meaning, Graph]:
    """Settle the head on a few pictures, and append decoding and suppression."""
    path = Path(tempfile.mkdtemp()) / "float.tflite"
    graph = Graph.unpacked(content)
    flatbuffer.add_signature(graph.model)
    path.write_bytes(graph.packed())
    running = Loaded(path)
    outputs = [running.run({name: one[None] for name, one in value.items()}) for value in values]
    stacked = {name: np.concatenate([one[name] for one in outputs]) for name in outputs[0]}
    meaning, _ = meaning.kind.settled(meaning, stacked)
    meaning = replace(meaning, head={**meaning.head, "suppression": "file"})
    meaning = meaning.kind.finish_file(graph, meaning)
    paddings.use_pad(graph)
    return meaning, graph


def _quantized(
    graph: Graph, values: list[Mapping[str, Any]], pixels: ImageModality, ranges: list[str]
) -> Iterator[tuple[str, bytes]]:
    scratch = Path(tempfile.mkdtemp())
    border = Border(float_input=False, float_output=True, limits=(pixels.limits(),))
    bench = Workbench(Packed(graph), values[: len(values) // 2], [], "int8", border, scratch)
    for way in ranges:
        for correct in (False, True):
            yield (
                f"{way}{', biases corrected' if correct else ''}",
                bench.build(Setting(ranges=way, equalize="none", relu6="keep", correct_bias=correct)).content,
            )


def _row(
    name: str,
    content: bytes,
    meaning: Meaning,
    values: list[Mapping[str, Any]],
    pictures: list[Any],
    truth: Mapping[str, Any],
    names: tuple[str, ...],
) -> str:
    path = Path(tempfile.mkdtemp()) / "file.tflite"
    path.write_bytes(content)
    running, rows = Loaded(path), []
    for value, picture in zip(values, pictures, strict=True):
        given = {key: _fed(one[None], running.signature.inputs[key]) for key, one in value.items()}
        outputs = {key: found[0] for key, found in running.run(given).items()}
        geometry = dict.fromkeys(meaning.inputs, picture.shape[:2])
        rows.append(meaning.kind.decode(outputs, meaning, geometry))
    found = MeanAveragePrecision50().measure(meaning.kind.collected(rows, meaning, names), truth)
    return f"| {name} | {found.value:.4f} [{found.low:.4f}, {found.high:.4f}] | n {found.n} |"


def _fed(values: Any, spec: Any) -> Any:
    if not spec.scale:
        return values
    limits = np.iinfo(spec.dtype)
    return (np.rint(values / spec.scale) + spec.zero_point).clip(limits.min, limits.max).astype(spec.dtype)


if __name__ == "__main__":
    main()
