"""Decode and suppress by the operators of a head: behind a file's own, or on its outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from tflbuild.core.meaning import Meaning
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.tasks.detection.heads import declared
from tflbuild.tasks.detection.heads.head import Given, Head
from tflbuild.tflite import flatbuffer, grafting
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression

UNSCALED = (1.0, 1.0, 1.0, 1.0)


def head_of(head: Mapping[str, Any]) -> Head:
    """Build the head that a meaning holds."""
    return declared.named(head["name"]).of(head["options"])


def given_of(head: Mapping[str, Any]) -> Given:
    """Give the outputs that a meaning's head is of."""
    height, width = head["picture"]
    return Given({name: tuple(shape) for name, shape in head["raw"].items()}, height, width)


def assembled(head: Mapping[str, Any]) -> Assembly:
    """Write decoding and suppression; inputs are the raw outputs, outputs are `OUTPUTS`."""
    kind, given = head_of(head), given_of(head)
    assembly = Assembly({name: given.outputs[name] for name in kind.reads()})
    coded = kind.decode(assembly, given)
    options = Postprocess.of(head["postprocess"])
    anchors = assembly.constant(np.ascontiguousarray(coded.anchors, np.float32))
    step = suppression(
        [coded.boxes, coded.scores, anchors],
        SuppressionOptions(
            classes=head["classes"],
            box_scales=UNSCALED,
            max_detections=options.max_detections,
            class_wise=options.nms == "class_wise",
            score_threshold=options.score_threshold,
            iou_threshold=options.iou_threshold,
        ),
    )
    assembly.add(step, output_shapes(options.max_detections))
    return assembly


def finish_file(graph: Graph, meaning: Meaning) -> Meaning:
    """Graft decoding and suppression onto a float file whose raw outputs they read.

    Constants that were outputs are in the graph then, or, where its caller suppresses, outputs of float constants: one
    scale of eight bits would move every anchor.

    Args:
        graph: edited in place.
        meaning: of its outputs.

    Returns:
        The meaning of the file that was made.
    """
    flatbuffer.add_signature(graph.model)
    head = meaning.head
    constants = head_of(head).constants()
    if head["suppression"] == "file":
        grafting.graft(graph, assembled(head), dict(zip(OUTPUTS, OUTPUTS, strict=True)))
        left = {name: value for name, value in head["options"].items() if name not in constants.values()}
        return replace(meaning, head={**head, "options": left})
    if not constants:
        return meaning
    raw = given_of(head).outputs
    assembly = Assembly({name: shape for name, shape in raw.items() if name not in constants})
    outputs = {name: name for name in assembly.inputs}
    for name, option in constants.items():
        values = assembly.constant(np.asarray(head["options"][option], np.float32))
        outputs[name] = assembly.reshape(values, raw[name])
    grafting.graft(graph, assembly, {name: outputs[name] for name in raw})
    return meaning


class Finisher:
    """Decode and suppress raw outputs of one picture.

    Args:
        head: of a meaning.
    """

    def __init__(self, head: Mapping[str, Any]) -> None:
        assembly = assembled(head)
        self._shapes = {name: assembly.shape(name) for name in assembly.inputs}
        self._run = assembly.executable(OUTPUTS)

    def run(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Give `detection_boxes` (n, 4), `detection_classes` (n,) and `detection_scores` (n,), see `Suppressor.run`."""
        inputs = {name: np.asarray(outputs[name], np.float32).reshape(s) for name, s in self._shapes.items()}
        found = self._run(inputs)
        count = int(found["num_detections"][0])
        return {name: found[name][0, :count] for name in OUTPUTS[:3]}


def finisher(head: Mapping[str, Any]) -> Finisher:
    """Give what decodes and suppresses; the last one is kept, since parts of a split come one by one."""
    return _finisher(json.dumps(head, sort_keys=True))


@lru_cache(maxsize=2)
def _finisher(head: str) -> Finisher:
    return Finisher(json.loads(head))
