"""Count the classes that LiteRT loses in suppression: `python benchmarks/suppression_threads.py [FILE.tflite ...]`.

The operator `TFLite_Detection_PostProcess` alone is given as many boxes as there are classes, far apart, each sure of a
class of its own, so that every class has to come back. The same input is run by one thread and by several. For each
FILE the operator has the kind of suppression, the number of classes and the thresholds of the one that the file ends
in; without FILE it suppresses class by class, and a row is a number of classes. Exit code 1 where a class was lost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert import interpreter as litert
from flatbuffers import flexbuffers

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.raw_outputs import SUPPRESSION
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression

USUAL = SuppressionOptions(
    classes=1,
    box_scales=(10, 10, 5, 5),
    max_detections=100,
    class_wise=True,
    score_threshold=0.01,
    iou_threshold=0.6,
)

COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 80, 90, 91)


class Row(NamedTuple):
    """One operator: its name in the table, and its options."""

    name: str
    options: SuppressionOptions


def main() -> int:
    """Print one row an operator, and a column a number of threads."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    rows = list(map(of_file, given.files)) or [
        Row(f"{count} classes", replace(USUAL, classes=count)) for count in COUNTS
    ]
    print("| | " + " | ".join(f"{threads} thread(s)" for threads in given.threads) + " |")
    print("| --- |" + " --- |" * len(given.threads))
    lost = False
    for row in rows:
        found = [missing(row.options, threads) for threads in given.threads]
        lost |= any(found)
        print(f"| {row.name} | " + " | ".join(said(each, row.options.classes) for each in found) + " |")
    return int(lost)


def of_file(path: Path) -> Row:
    """Read the suppression that a file ends in."""
    graph = Graph(flatbuffer.unpack(flatbuffer.check(path)))
    last = graph.operators[-1]
    if graph.kind(last) != SUPPRESSION:
        sys.exit(f"{path}: it does not end in {SUPPRESSION}.")
    options = flexbuffers.Loads(bytes(bytearray(last.customOptions)))
    read = replace(
        USUAL,
        classes=int(options["num_classes"]),
        class_wise=bool(options.get("use_regular_nms")),
        score_threshold=float(options["nms_score_threshold"]),
        iou_threshold=float(options["nms_iou_threshold"]),
    )
    kind = "class by class" if read.class_wise else "all classes together"
    return Row(f"{path.name}: {read.classes} classes, {kind}", read)


def missing(options: SuppressionOptions, threads: int) -> list[int]:
    """Give the classes that do not come back, though each has a box of its own that is sure of it."""
    count = options.classes
    options = replace(options, max_detections=count)
    shapes = {"box_encodings": (1, count, 4), "class_scores": (1, count, count)}
    step = suppression(["box_encodings", "class_scores", "anchors"], options)
    tensors = {**shapes, "anchors": np.array(list(_apart(count)), np.float32), **output_shapes(count)}
    loaded = litert.Interpreter(
        model_content=assemble(tensors, [step], list(shapes), OUTPUTS), num_threads=threads
    )
    loaded.allocate_tensors()
    scores = np.diag(np.linspace(0.95, 0.9, count, dtype=np.float32))[None]
    boxes = np.zeros((1, count, 4), np.float32)
    found = loaded.get_signature_runner()(box_encodings=boxes, class_scores=scores)
    kept = found["detection_classes"][0, : int(found["num_detections"][0])]
    return sorted(set(range(count)) - set(map(int, kept)))


def _apart(count: int) -> Iterator[Sequence[float]]:
    """Give boxes that do not touch, as centre y, centre x, height, width."""
    side = int(np.ceil(np.sqrt(count)))
    for place in range(count):
        yield (place // side + 0.5) / side, (place % side + 0.5) / side, 0.5 / side, 0.5 / side


def said(lost: Sequence[int], classes: int) -> str:
    """Say which classes are lost.

    >>> said([4], 5), said([], 5)
    ('1 of 5 lost: 4', 'none lost')
    """
    if not lost:
        return "none lost"
    shown = ", ".join(map(str, lost[:5])) + (", ..." if len(lost) > 5 else "")
    return f"{len(lost)} of {classes} lost: {shown}"


if __name__ == "__main__":
    sys.exit(main())
