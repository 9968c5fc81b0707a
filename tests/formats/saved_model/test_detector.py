"""The network within an export, number by number, and graphs that are built otherwise.

Exports are those of `saved_model_files`; what is changed of one is a node in the place of another of the same name.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from saved_model_files import (
    FLOAT,
    UINT8,
    entry,
    floats,
    integers,
    main_export,
    message,
    node,
    number,
    signature,
    tensor,
    tflite_export,
    varint,
    written,
)
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked
from tflbuild.formats.saved_model import detection, reading
from tflbuild.formats.saved_model.detector import Cut, Unlike, cut_of, is_export
from tflbuild.formats.saved_model.flat import Port
from tflbuild.formats.saved_model.graph_def import Declared, MetaGraph, meta_graphs


def parts(content: bytes) -> tuple[MetaGraph, Declared]:
    (graph,) = meta_graphs(content)
    return graph, graph.signatures["serving_default"]


def changed(content: bytes, *nodes: bytes, ends: bytes | None = None) -> bytes:
    """Put nodes in the place of those of their names, and another signature in the place of the one."""
    graph, _ = parts(content)
    library = b"".join(message(1, bytes(one.message.content)) for one in graph.functions.values())
    bodies = b"".join(message(1, bytes(one)) for one in graph.bodies) + b"".join(
        message(1, one) for one in nodes
    )
    found = message(1, message(4, "serve")) + message(2, bodies + message(2, library))
    kept = ends if ends is not None else bytes(graph.message.entries(5)["serving_default"])
    return number(1, 1) + message(2, found + entry(5, "serving_default", kept))


def cut(content: bytes) -> Cut:
    return cut_of(*parts(content))[1]


def unlike(content: bytes) -> str:
    with pytest.raises(Unlike) as caught:
        cut(content)
    return str(caught.value)


def option(value: float) -> bytes:
    return varint(4 << 3 | 5) + struct.pack("<f", value)


OPTIONS = {
    "num_classes": number(3, 6),
    "max_detections": number(3, 17),
    "use_regular_nms": number(5, 1),
    "nms_iou_threshold": option(0.25),
    "nms_score_threshold": option(0.125),
    "y_scale": option(2.0),
    "x_scale": option(3.0),
    "h_scale": option(4.0),
    "w_scale": option(6.0),
}


def test_the_network_of_the_exporter_for_tflite_is_before_its_suppression() -> None:
    assert cut(tflite_export(anchors=9, columns=7, options=OPTIONS)) == Cut(
        exporter="export_tflite_graph_tf2",
        image=Port("image", "", 0),
        height=16,
        width=24,
        box_encodings=Port("boxes", "", 0),
        class_scores=Port("scores", "", 0),
        anchors=Port("anchors", "", 0),
        corners=False,
        boxes=9,
        columns=7,
        converter="SIGMOID",
        box_scales=(2.0, 3.0, 4.0, 6.0),
        options={
            "num_classes": 6,
            "max_detections": 17,
            "use_regular_nms": 1,
            "nms_iou_threshold": 0.25,
            "nms_score_threshold": 0.125,
            "y_scale": 2.0,
            "x_scale": 3.0,
            "h_scale": 4.0,
            "w_scale": 6.0,
        },
    )


def test_the_network_of_the_main_exporter_is_before_its_decoding() -> None:
    assert cut(main_export(anchors=9, columns=7, scales=(2.0, 3.0, 4.0, 6.0))) == Cut(
        exporter="exporter_main_v2",
        image=Port("stacked", "", 0),
        height=16,
        width=24,
        box_encodings=Port("boxes", "", 0),
        class_scores=Port("scores", "", 0),
        anchors=Port("anchors", "", 0),
        corners=True,
        boxes=9,
        columns=7,
        converter="SIGMOID",
        box_scales=(2.0, 3.0, 4.0, 6.0),
        options={},
    )


@pytest.mark.parametrize(
    ("op", "converter"), [("Softmax", "SOFTMAX"), ("Identity", "IDENTITY"), ("Relu", "IDENTITY")]
)
def test_the_score_converter_is_the_operator_that_makes_the_scores(op: str, converter: str) -> None:
    assert cut(tflite_export(converter=op)).converter == converter


def test_columns_that_do_not_show_are_those_that_the_options_say() -> None:
    hidden = node("scores/shape", "Const", value=integers(1, -1, -1))
    assert cut(changed(tflite_export(columns=3, options=OPTIONS), hidden)).columns == 6
    short = node("scores/shape", "Const", value=integers(-1, 5))
    assert cut(changed(tflite_export(options=OPTIONS), short)).columns == 6


def test_columns_are_seen_through_joined_levels() -> None:
    """Scores of several maps are brought to columns one by one, and joined."""
    joined = [
        node("axis", "Const", value=integers(1)),
        node("low/shape", "Const", value=integers(1, -1, 4)),
        node("low", "Reshape", "image", "low/shape"),
        node("logits", "ConcatV2", "low", "low", "axis"),
    ]
    assert cut(changed(tflite_export(), *joined)).columns == 4


def test_both_are_known_by_their_outputs_or_their_function() -> None:
    assert is_export(*parts(tflite_export()))
    assert is_export(*parts(main_export()))
    graph, _ = parts(main_export())
    alone = {"raw_detection_boxes": tensor("upright:0", (1, 5, 4))}
    assert not is_export(*parts(changed(main_export(), ends=signature({}, alone))))
    assert graph.functions == {}


def suppressing(*inputs: str) -> bytes:
    return node("end", "PartitionedCall", *inputs, f=message(10, message(1, "dummy")))


def taking(sides: tuple[int, ...], dtype: int = FLOAT) -> bytes:
    outputs = {f"output_{place}": tensor(f"end:{place}", ()) for place in range(4)}
    return signature({"input": tensor("image:0", sides, dtype)}, outputs)


UNLIKE: dict[str, tuple[bytes, str]] = {
    "two inputs": (
        changed(
            tflite_export(),
            ends=signature(
                {"a": tensor("image:0", (1,)), "b": tensor("image:0", (1,))}, {"y": tensor("end:0", ())}
            ),
        ),
        "takes 2 inputs, and a detector one picture",
    ),
    "two anchors": (
        changed(tflite_export(), suppressing("boxes", "scores")),
        "calls TFLite_Detection_PostProcess 1 times, where once with three inputs would be right",
    ),
    "grey pictures": (
        changed(tflite_export(), ends=taking((1, 16, 24, 1))),
        "takes (1, 16, 24, 1) float32, and export_tflite_graph_tf2 writes (1, height, width, 3) float32",
    ),
    "pictures of bytes": (
        changed(tflite_export(), ends=taking((1, 16, 24, 3), UINT8)),
        "takes (1, 16, 24, 3) uint8, and export_tflite_graph_tf2 writes (1, height, width, 3) float32",
    ),
    "open sides": (
        changed(tflite_export(), ends=taking((1, -1, 24, 3))),
        "takes (1, ?, 24, 3) float32, and export_tflite_graph_tf2 writes (1, height, width, 3) float32",
    ),
    "rows": (
        changed(tflite_export(), ends=taking((16, 24, 3))),
        "takes (16, 24, 3) float32, and export_tflite_graph_tf2 writes (1, height, width, 3) float32",
    ),
    "anchors that are computed": (
        changed(tflite_export(), node("anchors", "Exp", "boxes")),
        "has anchors that Exp makes, and not constant ones",
    ),
    "anchors of five numbers": (
        changed(tflite_export(), node("anchors", "Const", value=floats([1, 5], *[0.5] * 5))),
        "has anchors that Const makes, and not constant ones",
    ),
    "boxes that are not decoded": (
        changed(main_export(), node("packed", "Relu", "boxes")),
        "makes raw_detection_boxes by Relu, and not by decoding",
    ),
    "boxes of three numbers": (
        changed(main_export(), node("packed", "Pack", "side0", "side1", "side2")),
        "makes raw_detection_boxes by Pack, and not by decoding",
    ),
    "no exponential": (
        changed(main_export(), node("size0", "Relu", "part2"), node("size1", "Relu", "part3")),
        "decodes boxes otherwise than the usual coder does, of 2 tensors",
    ),
    "encodings behind something else": (
        changed(main_export(), node("columns", "Relu", "rows")),
        "takes box encodings apart behind Relu, where Transpose is usual",
    ),
    "encodings that are not flattened": (
        changed(main_export(), node("rows", "Relu", "boxes")),
        "takes box encodings apart behind Relu, where Reshape is usual",
    ),
    "encodings of nothing": (
        changed(main_export(), node("columns", "Transpose")),
        "has a Transpose that is given nothing",
    ),
    "anchors that are not turned": (
        changed(main_export(), node("sideways", "Relu", "anchors")),
        "takes anchors apart behind Relu, where Transpose is usual",
    ),
    "pictures that are not stacked": (
        main_export(resized=False),
        "does not show where the resized picture enters the network, with fixed sides; export it by "
        "export_tflite_graph_tf2.py of the Object Detection API",
    ),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_a_graph_that_is_built_otherwise_is_said(case: str) -> None:
    content, said = UNLIKE[case]
    assert unlike(content) == said


@pytest.mark.parametrize("sides", [(16, 24, 1), (16, 24), (0, 24, 3), (16, -1, 3)])
def test_the_resized_picture_has_fixed_sides_and_three_channels(sides: tuple[int, ...]) -> None:
    content = changed(main_export(), node("sides", "Const", value=integers(*sides)))
    assert unlike(content).startswith("does not show where the resized picture enters the network")


@pytest.mark.parametrize(
    ("boxes", "scores"),
    [((1, 5, 4), (1, 6, 3)), ((5, 4), (1, 5, 3)), ((1, 5, 4), (5, 3)), ((-1, 5, 4), (1, 5, 3))],
)
def test_boxes_and_scores_are_of_one_picture(boxes: tuple[int, ...], scores: tuple[int, ...]) -> None:
    outputs = {
        "raw_detection_boxes": tensor("upright:0", boxes),
        "raw_detection_scores": tensor("scores:0", scores),
    }
    ends = signature({"input_tensor": tensor("image:0", (1, -1, -1, 3), UINT8)}, outputs)
    said = "gives raw_detection_boxes and raw_detection_scores of other shapes than one picture's"
    assert unlike(changed(main_export(), ends=ends)) == said


def test_a_code_that_is_divided_by_nothing_has_scales_of_one() -> None:
    plain = [node(f"part{place}", "Mul", f"code:{place}", f"scale{place}") for place in (0, 3)]
    several = node("scale1", "Const", value=floats([2], 5.0, 7.0))
    assert cut(changed(main_export(), *plain, several)).box_scales == (1.0, 1.0, 5.0, 1.0)


def export(folder: Path, content: bytes) -> detection.Export:
    return detection.export_of(reading.read(written(folder, content), Asked()))


def test_without_a_configuration_the_options_of_the_exporter_count(tmp_path: Path) -> None:
    found = export(tmp_path, tflite_export(columns=7, options=OPTIONS))
    assert (found.classes, found.max_detections, found.class_wise) == (6, 17, True)
    assert (found.score_threshold, found.iou_threshold) == (0.125, 0.25)
    said = {one.what: (one.value, one.evidence) for one in found.recognised}
    assert said["suppression"] == (
        "at most 17 boxes, class by class, overlap 0.25",
        "export_tflite_graph_tf2 wrote them at its TFLite_Detection_PostProcess; there is no pipeline.config",
    )
    assert said["outputs"][0].endswith("the first column of scores is the background")


def test_of_an_option_that_is_written_twice_the_last_counts(tmp_path: Path) -> None:
    """As protocol buffers are read: of a field that is no list the last one counts."""
    twice = {"nms_iou_threshold": option(0.75) + option(0.25), "max_detections": number(3, 9) + number(3, 17)}
    found = export(tmp_path, tflite_export(columns=7, options={**OPTIONS, **twice}))
    assert (found.iou_threshold, found.max_detections) == (0.25, 17)


def test_thresholds_that_are_not_said_are_the_usual_ones(tmp_path: Path) -> None:
    few = {name: OPTIONS[name] for name in ("num_classes", "max_detections")}
    found = export(tmp_path, tflite_export(columns=6, options=few))
    assert (found.score_threshold, found.iou_threshold, found.class_wise) == (0.0, 0.6, False)
    assert found.cut.box_scales == (0.0,) * 4
    said = {one.what: one.value for one in found.recognised}
    assert said["suppression"] == "at most 17 boxes, all classes together, overlap 0.6"
    assert said["outputs"] == "5 boxes of 6 classes, before suppression"


@pytest.mark.parametrize(
    ("options", "columns", "said"),
    [
        (
            {"max_detections": number(3, 0)},
            7,
            "says 6 classes and 0 detections, and its scores have 7 columns",
        ),
        (
            {"max_detections": number(3, 1001)},
            7,
            "says 6 classes and 1001 detections, and its scores have 7 columns",
        ),
        ({"num_classes": number(3, 0)}, 1, "says 0 classes and 17 detections, and its scores have 1 columns"),
        ({}, 8, "says 6 classes and 17 detections, and its scores have 8 columns"),
        ({}, 5, "says 6 classes and 17 detections, and its scores have 5 columns"),
    ],
)
def test_options_that_do_not_fit_the_scores_are_refused(
    options: dict[str, bytes], columns: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        export(tmp_path, tflite_export(columns=columns, options={**OPTIONS, **options}))
    assert str(caught.value) == f"model.path: the suppression in the export {said}, which does not fit."


def test_only_exports_that_take_pixels_can_be_given_some(tmp_path: Path) -> None:
    def takes(dtype: int, name: str) -> Any:
        ends = taking((1, 16, 24, 3), dtype)
        return detection.takes_pixels(read(tmp_path / name, ends))

    assert takes(FLOAT, "f") is True
    assert takes(UINT8, "u") is True
    assert takes(7, "s") is False


def read(folder: Path, ends: bytes) -> reading.Reading:
    return reading.read(written(folder, changed(tflite_export(), ends=ends)), Asked())


def test_of_nodes_of_one_name_the_last_counts_in_these_tests() -> None:
    content = changed(tflite_export(), node("anchors", "Const", value=floats([2, 4], *[0.5] * 8)))
    assert cut(content).boxes == 2
