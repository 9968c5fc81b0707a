"""What a `pipeline.config` says, number by number, with the defaults of the Object Detection API's own messages."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tflbuild.formats.saved_model.label_map import names_of
from tflbuild.formats.saved_model.pipeline import Pipeline, contradictions, pipeline_of
from tflbuild.formats.saved_model.prototext import DEEPEST, Malformed, parsed

PARTS = {
    "num_classes": "num_classes: 7",
    "resizer": "image_resizer { fixed_shape_resizer { height: 100 width: 60 } }",
    "extractor": "feature_extractor { type: 'ssd_mobilenet_v2_keras' }",
    "coder": "box_coder { faster_rcnn_box_coder { y_scale: 11 x_scale: 12 height_scale: 3 width_scale: 4 } }",
    "anchors": "anchor_generator { unknown { } }",
    "background": "add_background_class: false",
    "ending": "post_processing { batch_non_max_suppression { score_threshold: 0.25 iou_threshold: 0.75 "
    "max_detections_per_class: 30 max_total_detections: 20 use_class_agnostic_nms: true } "
    "score_converter: SIGMOID }",
}


def pipeline(more: str = "", **parts: str) -> Pipeline:
    return pipeline_of(parsed(f"model {{ ssd {{ {' '.join({**PARTS, **parts}.values())} }} }} {more}"))


def refusal(text: str = "", **parts: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        pipeline_of(parsed(text)) if text else pipeline(**parts)
    return str(caught.value)


def test_every_number_has_its_place() -> None:
    assert pipeline() == Pipeline(
        classes=7,
        background=False,
        height=100,
        width=60,
        aspect="stretch",
        extractor="ssd_mobilenet_v2_keras",
        preprocess={"scale": 2 / 255, "offset": -1.0},
        box_scales=(11.0, 12.0, 3.0, 4.0),
        anchors=0,
        converter="SIGMOID",
        score_threshold=0.25,
        iou_threshold=0.75,
        max_detections=20,
        class_wise=False,
        beyond="",
        label_maps=(),
    )


def test_what_is_not_said_has_the_defaults_of_the_messages() -> None:
    found = pipeline(
        coder="box_coder { faster_rcnn_box_coder { } }", background="", ending="", extractor="", anchors=""
    )
    assert dataclasses.asdict(found) | {"preprocess": {}} == dataclasses.asdict(found)
    said = {
        key: getattr(found, key) for key in ("box_scales", "background", "converter", "class_wise", "anchors")
    }
    assert said == {
        "box_scales": (10.0, 10.0, 5.0, 5.0),
        "background": True,
        "converter": "IDENTITY",
        "class_wise": True,
        "anchors": 0,
    }
    assert (found.score_threshold, found.iou_threshold, found.max_detections, found.extractor) == (
        0.0,
        0.6,
        100,
        "",
    )


def test_of_what_is_said_twice_the_last_counts() -> None:
    assert pipeline(num_classes="num_classes: 7 num_classes: 9").classes == 9


PIXELS: dict[str, dict[str, Any]] = {
    "ssd_efficientnet-b3_bifpn_keras": {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
    "ssd_mobilenet_v1_fpn_keras": {"scale": 2 / 255, "offset": -1.0},
    "ssd_inception_v2": {"scale": 2 / 255, "offset": -1.0},
    "ssd_resnet101_v1_fpn_keras": {"mean": [123.68, 116.779, 103.939], "std": [1.0, 1.0, 1.0]},
    "mine": {},
}
"""What `preprocess` of each feature extractor of the Object Detection API does to pixels."""


@pytest.mark.parametrize("extractor", PIXELS)
def test_pixels_are_those_of_the_extractor(extractor: str) -> None:
    found = pipeline(extractor=f"feature_extractor {{ type: '{extractor}' }}")
    assert found.preprocess == PIXELS[extractor]


def multiscale(text: str) -> str:
    return f"anchor_generator {{ multiscale_anchor_generator {{ {text} }} }}"


def classical(text: str) -> str:
    return f"anchor_generator {{ ssd_anchor_generator {{ {text} }} }}"


ANCHORS: list[tuple[str, int]] = [
    # 100 x 60: level 3 has 13 x 8 = 104 cells, 4 has 7 x 4 = 28, 5 has 4 x 2 = 8, 6 has 2 x 1 = 2, 7 has 1
    (multiscale("min_level: 3 max_level: 4 aspect_ratios: [1, 2] scales_per_octave: 1"), 2 * (104 + 28)),
    (multiscale("min_level: 4 max_level: 4 scales_per_octave: 3"), 9 * 28),
    (multiscale(""), 6 * (104 + 28 + 8 + 2 + 1)),
    # a sixteenth has 7 x 4 cells, then 4 x 2, 2 x 1, 1 ...
    (classical("num_layers: 2 aspect_ratios: [1, 2]"), 3 * 28 + 3 * 8),
    (classical("num_layers: 2 aspect_ratios: [1, 2] reduce_boxes_in_lowest_layer: false"), 3 * 28 + 3 * 8),
    (classical("num_layers: 3 reduce_boxes_in_lowest_layer: false"), 6 * (28 + 8 + 2)),
    (classical("num_layers: 2 interpolated_scale_aspect_ratio: 0"), 3 * 28 + 5 * 8),
    (classical(""), 3 * 28 + 6 * (8 + 2 + 1 + 1 + 1)),
    ("anchor_generator { grid_anchor_generator { } }", 0),
]


@pytest.mark.parametrize(("text", "count"), ANCHORS)
def test_default_boxes_are_counted_by_cells(text: str, count: int) -> None:
    assert pipeline(anchors=text).anchors == count


@pytest.mark.parametrize(
    ("extractor", "known"),
    [("ssd_inception_v3", True), ("ssd_mobilenet_v1_ppn_keras", False), ("ssd_resnet50_v1", False)],
)
def test_the_classical_generator_is_counted_on_usual_feature_maps_alone(extractor: str, known: bool) -> None:
    text = f"feature_extractor {{ type: '{extractor}' }}"
    assert bool(pipeline(anchors=classical(""), extractor=text).anchors) is known


def suppression(text: str) -> str:
    return f"post_processing {{ batch_non_max_suppression {{ {text} }} }}"


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        ("max_detections_per_class: 99", "max_detections_per_class 99"),
        ("max_detections_per_class: 100", ""),
        ("max_total_detections: 101", "max_detections_per_class 100"),
        ("soft_nms_sigma: 0.0 max_detections_per_class: 3", "max_detections_per_class 3"),
        ("soft_nms_sigma: 0.0", ""),
    ],
)
def test_what_the_device_cannot_do_is_in_words(text: str, beyond: str) -> None:
    assert pipeline(ending=suppression(text)).beyond == beyond


@pytest.mark.parametrize(
    ("text", "sigma"),
    [("soft_nms_sigma: 0.5", "0.5"), ("soft_nms_sigma: 1.5 max_detections_per_class: 3", "1.5")],
)
def test_soft_suppression_which_gives_other_scores_is_refused(text: str, sigma: str) -> None:
    assert refusal(ending=suppression(text)) == (
        f"has soft_nms_sigma: {sigma}, and Soft-NMS, which lowers scores instead of leaving boxes out, is not done by "
        "the device's suppression; measure with soft_nms_sigma: 0, and say that"
    )


def test_label_maps_are_those_of_the_readers_that_of_evaluation_first() -> None:
    more = (
        "train_input_reader { label_map_path: '/a/train.pbtxt' } "
        "eval_input_reader { label_map_path: '/a/eval.pbtxt' } "
        "eval_input_reader { label_map_path: '/a/train.pbtxt' } "
        "eval_input_reader { label_map_path: 'PATH_TO_BE_CONFIGURED' } eval_input_reader { } eval_input_reader: 7"
    )
    assert pipeline(more).label_maps == ("/a/eval.pbtxt", "/a/train.pbtxt")


REFUSED: list[tuple[dict[str, str], str]] = [
    (
        {"num_classes": "num_classes: 0"},
        "has num_classes: 0, where a whole number from 1 to 100000 would be right",
    ),
    (
        {"num_classes": "num_classes: 100001"},
        "has num_classes: 100001, where a whole number from 1 to 100000 would",
    ),
    (
        {"num_classes": "num_classes: true"},
        "has num_classes: True, where a whole number from 1 to 100000 would",
    ),
    (
        {"num_classes": "num_classes: 2.0"},
        "has num_classes: 2.0, where a whole number from 1 to 100000 would",
    ),
    ({"num_classes": ""}, "does not say num_classes"),
    (
        {"ending": suppression("iou_threshold: 1.5")},
        "has iou_threshold: 1.5, where a number from 0 to 1 would",
    ),
    (
        {"ending": suppression("score_threshold: -0.5")},
        "has score_threshold: -0.5, where a number from 0 to 1",
    ),
    (
        {"ending": suppression("iou_threshold: true")},
        "has iou_threshold: True, where a number from 0 to 1 would",
    ),
    ({"ending": "post_processing: 7"}, "has a 'post_processing' that is not a message"),
    (
        {"resizer": "image_resizer { identity_resizer { } }"},
        "has identity_resizer, and fixed_shape_resizer or keep_aspect_ratio_resizer is read",
    ),
    ({"resizer": "image_resizer { fixed_shape_resizer { height: 3 } }"}, "does not say width"),
    ({"coder": ""}, "has the box coder none, and faster_rcnn_box_coder is what the device decodes"),
]


@pytest.mark.parametrize(("parts", "said"), REFUSED)
def test_a_number_that_cannot_be_is_refused(parts: dict[str, str], said: str) -> None:
    assert refusal(**parts).startswith(said)


def test_bounds_themselves_are_taken() -> None:
    found = pipeline(num_classes="num_classes: 1", ending=suppression("iou_threshold: 1 score_threshold: 0"))
    assert (found.classes, found.iou_threshold, found.score_threshold) == (1, 1.0, 0.0)


def test_other_models_are_named() -> None:
    done = "which is not done; exports of SSDs are read, EfficientDet among them"
    assert refusal("model { unheard { } mask { } }") == f"is of the model unheard, mask, {done}"
    assert refusal("train_config { }") == f"is of the model nothing, {done}"
    assert refusal("model { ssd: 7 }") == f"is of the model ssd, {done}"


SEEN = {
    "height": 100,
    "width": 60,
    "boxes": 50,
    "columns": 7,
    "converter": "SIGMOID",
    "box_scales": (11.0, 12.0, 3.0, 4.0),
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        (
            {"height": 60, "width": 100},
            ["it says an input of 100 x 60, and the graph has an input of 60 x 100"],
        ),
        ({"columns": 8}, ["it says 7 classes, and the graph has 8 classes"]),
        ({"boxes": 49}, []),
        (
            {"converter": "IDENTITY"},
            ["it says the score converter SIGMOID, and the graph has the score converter IDENTITY"],
        ),
        ({"box_scales": (11.0 + 1e-6, 12.0, 3.0, 4.0)}, []),
        (
            {"box_scales": (11.0, 12.0, 3.0, 4.5)},
            ["it says the scales 11, 12, 3, 4 of the box coder, and the graph has 11, 12, 3, 4.5"],
        ),
    ],
)
def test_what_the_graph_shows_otherwise_is_said_with_both(changed: dict[str, Any], said: list[str]) -> None:
    assert contradictions(pipeline(), {**SEEN, **changed}) == said


def test_a_background_is_a_column_and_known_anchors_are_compared() -> None:
    found = pipeline(background="", anchors=multiscale("min_level: 4 max_level: 4 scales_per_octave: 1"))
    assert contradictions(found, {**SEEN, "columns": 8, "boxes": 84}) == []
    assert contradictions(found, SEEN) == [
        "it says 7 classes, and the graph has 6 classes",
        "it says 84 anchors, and the graph has 50 anchors",
    ]


def test_messages_lie_within_each_other_up_to_a_limit() -> None:
    assert parsed("a {" * DEEPEST + "}" * DEEPEST) != {}
    with pytest.raises(Malformed, match=r"^has messages more than 100 deep$"):
        parsed("a {" * (DEEPEST + 1) + "}" * (DEEPEST + 1))


def test_texts_and_numbers_are_what_the_text_form_says() -> None:
    text = "a: 'it\\'s' b: \"x\" \"y\" c: .5 d: -7 e: 1e3 f: -inf g: 12345678901234567890 h: [] i: ['p' 'q', 'r']"
    assert parsed(text) == {
        "a": ["it's"],
        "b": ["xy"],
        "c": [0.5],
        "d": [-7],
        "e": [1000.0],
        "f": [float("-inf")],
        "g": [1.2345678901234567e19],
        "h": [],
        "i": ["pq", "r"],
    }
    with pytest.raises(Malformed, match=r"^has \} in line 3 where '>' would be right|in line 3"):
        parsed("a\n<\n}")


NAMES: list[tuple[str, int, tuple[str, ...] | str]] = [
    ("item { id: 1 name: 'a' } item { id: 2 display_name: 'B' name: 'b' }", 2, ("a", "B")),
    ("item { id: 0 name: 'BackGround' } item { id: 1 name: 'a' }", 1, ("a",)),
    ("item { id: 3 name: 'c' }", 3, ("unnamed 1", "unnamed 2", "c")),
    ("item: 7", 1, "has an item that is not a message"),
    ("item { id: true name: 'a' }", 1, "has an item with the id True"),
    ("item { id: -1 name: 'a' }", 1, "has an item with the id -1"),
    ("item { id: 131073 name: 'a' }", 1, "has an item with the id 131073"),
    ("item { id: 1 name: '' }", 1, "has no name for the id 1"),
    ("item { id: 1 name: 7 }", 1, "has no name for the id 1"),
    ("item { id: 0 name: 'background' }", 1, "has 0 classes, and the model 1"),
    ("item { id: 1 name: 'x' } item { id: 2 name: 'y' } item { id: 3 name: 'y' }", 3, "has two ids for 'y'"),
]


@pytest.mark.parametrize(("text", "classes", "wanted"), NAMES)
def test_a_label_map_names_the_classes_of_the_model(text: str, classes: int, wanted: Any) -> None:
    if isinstance(wanted, tuple):
        assert names_of(text.encode(), classes) == wanted
        return
    with pytest.raises(ValueError, match=r".") as caught:
        names_of(text.encode(), classes)
    assert str(caught.value) == wanted
