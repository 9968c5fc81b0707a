"""Where an export of the Object Detection API ends to be a network: before its boxes are decoded and suppressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Message
from tflbuild.formats.saved_model.flat import PASSING, Flat, Port, Step
from tflbuild.formats.saved_model.graph_def import Declared, MetaGraph
from tflbuild.formats.saved_model.tensors import Constant

SUPPRESSION = "TFLite_Detection_PostProcess"

RAW_BOXES, RAW_SCORES = "raw_detection_boxes", "raw_detection_scores"
"""Outputs of `exporter_main_v2` before suppression: boxes decoded already, and scores."""

MOVED = PASSING | {"Squeeze", "ExpandDims", "Reshape", "Transpose"}

CONVERTERS: Mapping[str, str] = {"Sigmoid": "SIGMOID", "Softmax": "SOFTMAX"}
"""Score converters of a configuration by the operator that they become; any other is IDENTITY."""

COORDINATES, SIDES = 4, 4


class Cut(NamedTuple):
    """The network of a detector within its graph.

    Attributes:
        exporter: that wrote it, `exporter_main_v2` or `export_tflite_graph_tf2`.
        image: the tensor that takes the normalised picture.
        height: of the picture.
        width: of the picture.
        box_encodings: (1, anchors, 4), before they are decoded.
        class_scores: (1, anchors, classes), a column of background first where there is one, converted.
        anchors: (anchors, 4).
        corners: whether these are ymin, xmin, ymax, xmax, and not ycenter, xcenter, height, width.
        boxes: number of anchors.
        columns: of scores.
        converter: of scores.
        box_scales: y, x, height, width.
        options: of the suppression that the exporter wrote; empty where it is in the graph.
    """

    exporter: str
    image: Port
    height: int
    width: int
    box_encodings: Port
    class_scores: Port
    anchors: Port
    corners: bool
    boxes: int
    columns: int
    converter: str
    box_scales: tuple[float, ...]
    options: Mapping[str, float]


class Unlike(ValueError):
    """The graph is not built as these exporters build it; completes "it "."""


def is_export(graph: MetaGraph, declared: Declared) -> bool:
    """Say whether a signature is that of a detector of the Object Detection API."""
    if {RAW_BOXES, RAW_SCORES} <= declared.outputs.keys():
        return True
    return any(one.implements == SUPPRESSION for one in graph.functions.values())


def cut_of(graph: MetaGraph, declared: Declared) -> tuple[Flat, Cut]:
    """Find the network.

    Raises:
        Unlike: the graph is built otherwise.
        Malformed: it leads nowhere.
    """
    if len(declared.inputs) != 1:
        raise Unlike(f"takes {len(declared.inputs)} inputs, and a detector one picture")
    flat = Flat(graph, [one.reference for one in declared.outputs.values()])
    if {RAW_BOXES, RAW_SCORES} <= declared.outputs.keys():
        return flat, _of_main(flat, declared)
    return flat, _of_tflite(flat, declared)


def _of_tflite(flat: Flat, declared: Declared) -> Cut:
    found = [step for step in flat.steps.values() if step.implements == SUPPRESSION]
    if len(found) != 1 or len(found[0].inputs) != 3:
        raise Unlike(f"calls {SUPPRESSION} {len(found)} times, where once with three inputs would be right")
    (step,) = found
    boxes, scores, anchors = step.inputs
    (given,) = declared.inputs.values()
    shape = given.spec.shape
    if len(shape) != SIDES or shape[3] != 3 or given.spec.dtype != "float32" or min(shape[1:]) < 1:
        raise Unlike(
            f"takes {given.spec.text}, and export_tflite_graph_tf2 writes (1, height, width, 3) float32"
        )
    options = _options(flat, step)
    stored = _stored(flat, anchors)
    columns = _columns(flat, scores)
    image = Port(given.reference.partition(":")[0], "", 0)
    return Cut(
        exporter="export_tflite_graph_tf2",
        image=image,
        height=shape[1],
        width=shape[2],
        box_encodings=boxes,
        class_scores=scores,
        anchors=anchors,
        corners=False,
        boxes=stored.shape[0],
        columns=columns or int(options.get("num_classes", 0)),
        converter=_converter(flat, scores),
        box_scales=tuple(options.get(f"{name}_scale", 0.0) for name in "yxhw"),
        options=options,
    )


def _of_main(flat: Flat, declared: Declared) -> Cut:
    ends = dict(zip(declared.outputs, flat.ends, strict=True))
    decoded, scores = ends[RAW_BOXES], _unpassed(flat, ends[RAW_SCORES])
    pack, _ = flat.made_by(decoded, MOVED)
    if pack.op != "Pack" or len(pack.inputs) != COORDINATES:
        raise Unlike(f"makes {RAW_BOXES} by {plain(pack.op, 40)}, and not by decoding")
    encodings, corners = _unpacked(flat, pack)
    scales = _scales(flat, encodings)
    columns = declared.outputs[RAW_SCORES].spec.shape
    count = declared.outputs[RAW_BOXES].spec.shape
    if len(count) != 3 or len(columns) != 3 or min(*count, *columns) < 1 or count[1] != columns[1]:
        raise Unlike(f"gives {RAW_BOXES} and {RAW_SCORES} of other shapes than one picture's")
    boxes = _before_transpose(flat, encodings)
    image, (height, width) = _entry(flat, boxes)
    return Cut(
        exporter="exporter_main_v2",
        image=image,
        height=height,
        width=width,
        box_encodings=boxes,
        class_scores=scores,
        anchors=_rows(flat, corners),
        corners=True,
        boxes=count[1],
        columns=columns[2],
        converter=_converter(flat, scores),
        box_scales=scales,
        options={},
    )


def _options(flat: Flat, step: Step) -> dict[str, float]:
    """Read the options that the exporter wrote at the function that stands for suppression."""
    found: dict[str, float] = {}
    for name, value in flat.attributes(step).items():
        held = Message(value)
        for number in (3, 5):
            if number in held:
                found[name] = held.signed(number)
        if 4 in held:
            found[name] = held.floats(4)[-1]
    return found


def _stored(flat: Flat, port: Port) -> Constant:
    step, _ = flat.made_by(port)
    if step.op == "Const" and len(shape := step.node.constant.shape) == 2 and shape[1] == COORDINATES:
        return step.node.constant
    raise Unlike(f"has anchors that {plain(step.op, 40)} makes, and not constant ones")


def _unpacked(flat: Flat, pack: Step) -> tuple[Step, Step]:
    """Find where encodings and anchors are taken apart: of the first, an exponential is taken."""
    found = {
        step.name: step
        for port in pack.inputs
        for step in flat.before(port, lambda one: one.op == "Unpack").values()
        if step.op == "Unpack"
    }
    coded = {
        name
        for step in flat.before(pack.inputs[0], lambda one: one.op == "Unpack").values()
        if step.op == "Exp" and step.inputs
        for name in flat.before(step.inputs[0], lambda one: one.op == "Unpack")
    } & found.keys()
    if len(found) != 2 or len(coded) != 1:
        raise Unlike(f"decodes boxes otherwise than the usual coder does, of {len(found)} tensors")
    (name,) = coded
    (other,) = found.keys() - coded
    return found[name], found[other]


def _scales(flat: Flat, encodings: Step) -> tuple[float, ...]:
    """Read what each number of the code is divided by; 1 where by nothing."""
    scales = dict.fromkeys(range(COORDINATES), 1.0)
    for step in flat.readers(encodings.name):
        if step.op != "RealDiv" or len(step.inputs) != 2:
            continue
        divisor = flat.made_by(step.inputs[1])[0]
        if divisor.op == "Const" and len(values := divisor.node.constant.values) == 1:
            scales[step.inputs[0].place] = float(values[0])
    return tuple(scales.values())


def _before_transpose(flat: Flat, unpack: Step) -> Port:
    """Give the tensor (1, anchors, 4) that is turned on its side, flattened, and taken apart."""
    step, port = flat.made_by(_given(unpack))
    for op in ("Transpose", "Reshape"):
        if step.op != op:
            raise Unlike(f"takes box encodings apart behind {plain(step.op, 40)}, where {op} is usual")
        port = _given(step)
        step = flat.step(port)
    return port


def _rows(flat: Flat, unpack: Step) -> Port:
    """Give the anchors (anchors, 4) that are turned on their side, and taken apart."""
    step, _ = flat.made_by(_given(unpack))
    if step.op != "Transpose":
        raise Unlike(f"takes anchors apart behind {plain(step.op, 40)}, where Transpose is usual")
    return _given(step)


def _given(step: Step) -> Port:
    if not step.inputs:
        raise Unlike(f"has a {plain(step.op, 40)} that is given nothing")
    return step.inputs[0]


def _entry(flat: Flat, boxes: Port) -> tuple[Port, tuple[int, int]]:
    """Find where the resized pictures of a batch become one tensor, and its sides."""
    found: dict[Port, tuple[int, int]] = {}
    needed = flat.before(boxes, lambda one: one.op == "TensorListStack")
    for step in needed.values():
        if step.op == "TensorListStack" and len(step.inputs) == 2:
            element = flat.made_by(step.inputs[1])[0]
            sides = element.node.constant.values if element.op == "Const" else ()
            if len(sides) == 3 and sides[2] == 3 and min(sides) > 0:
                found[Port(step.name, "", 0)] = (int(sides[0]), int(sides[1]))
    if len(found) != 1 or any(step.op == "Placeholder" for step in needed.values()):
        raise Unlike(
            "does not show where the resized picture enters the network, with fixed sides; export it by "
            "export_tflite_graph_tf2.py of the Object Detection API"
        )
    return next(iter(found.items()))


def _unpassed(flat: Flat, port: Port) -> Port:
    return flat.made_by(port)[1]


def _converter(flat: Flat, scores: Port) -> str:
    return CONVERTERS.get(flat.made_by(scores, MOVED)[0].op, "IDENTITY")


def _columns(flat: Flat, scores: Port) -> int:
    """Read the number of columns of scores off the last side that they are brought to; 0 where it does not show."""
    for step in _reshapes(flat, scores):
        shape = flat.made_by(step.inputs[1])[0]
        values = shape.node.constant.values if shape.op == "Const" else ()
        if len(values) >= 3 and values[-1] > 0:
            return int(values[-1])
    return 0


def _reshapes(flat: Flat, port: Port) -> Iterator[Step]:
    """Give the first reshapes before a tensor, through what keeps its columns."""
    keeping = PASSING | {"Sigmoid", "Softmax", "Mul", "ConcatV2"}
    waiting, seen = [port], set()
    while waiting:
        step = flat.step(waiting.pop())
        if step.name in seen:
            continue
        seen.add(step.name)
        if step.op == "Reshape" and len(step.inputs) == 2:
            yield step
        elif step.op in keeping:
            waiting += step.inputs[: -1 if step.op == "ConcatV2" else None]
