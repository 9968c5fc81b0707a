"""Exports of the Object Detection API: what graph and configuration say together, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saved_model_files import (
    SOFTMAX,
    UINT8,
    main_export,
    node,
    saved_model,
    signature,
    tensor,
    tflite_export,
    written,
)
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description
from tflbuild.formats.saved_model import detection, reading
from tflbuild.models.file import File
from tflbuild.tasks.detection.detector import Postprocess

CONFIG: dict[str, str] = {
    "classes": "num_classes: 2",
    "background": "",
    "resizer": "image_resizer { fixed_shape_resizer { height: 16 width: 24 } }",
    "extractor": "feature_extractor { type: 'ssd_mobilenet_v2_keras' }",
    "coder": "box_coder { faster_rcnn_box_coder { y_scale: 10.0 x_scale: 10.0 height_scale: 5.0 width_scale: 5.0 } }",
    "anchors": "anchor_generator { some_generator { } }",
    "ending": "post_processing { batch_non_max_suppression { score_threshold: 1e-8 iou_threshold: 0.45 "
    "max_detections_per_class: 30 max_total_detections: 40 } score_converter: SIGMOID }",
    "more": "",
}


def config(**changed: str) -> str:
    """Give a `pipeline.config`, with parts replaced."""
    parts = {**CONFIG, **changed}
    return f"model {{ ssd {{ {' '.join(value for key, value in parts.items() if key != 'more')} }} }} {parts['more']}"


def export(folder: Path, content: bytes, text: str | None, **beside: str) -> Path:
    written(folder / "saved_model", content)
    if text is not None:
        (folder / "pipeline.config").write_text(text)
    for name, said in beside.items():
        (folder / f"{name}.pbtxt").write_text(said)
    return folder


def described(folder: Path) -> Description:
    file = File(path=str(folder))
    file.check()
    return file.description


def refusal(folder: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        described(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [tflite_export(), main_export()], ids=["tflite", "main"])
def test_an_export_is_described_as_a_detector_of_one_picture(content: bytes, tmp_path: Path) -> None:
    found = described(export(tmp_path, content, config()))
    assert {name: spec.text for name, spec in found.signature.inputs.items()} == {
        "image": "(1, 16, 24, 3) float32"
    }
    assert {name: spec.shape for name, spec in found.signature.outputs.items()} == {
        "detection_boxes": (1, 40, 4),
        "detection_classes": (1, 40),
        "detection_scores": (1, 40),
        "num_detections": (1,),
    }
    assert (found.task, found.classes, found.labels) == ("detection", 2, {})
    assert found.held == (detection.VALUES if content == main_export() else ()), (
        "who takes pixels prepares them"
    )
    modality, options = found.inputs["image"]
    assert modality == "image"
    assert options == {
        "channels": "rgb",
        "aspect": "stretch",
        "resize": "bilinear",
        "antialias": False,
        "scale": pytest.approx(2 / 255),
        "offset": -1.0,
    }
    said = {one.what: one.value for one in found.recognised}
    assert said["outputs"] == (
        "5 boxes of 2 classes, before suppression, the first column of scores is the background"
    )
    assert said["suppression"] == "at most 40 boxes, class by class, overlap 0.45"
    assert said["preprocess"] == "pixels in -1..1"


@pytest.mark.parametrize("content", [tflite_export(), main_export()], ids=["tflite", "main"])
def test_the_network_is_found_between_picture_and_decoding(content: bytes, tmp_path: Path) -> None:
    found = detection.export_of(reading.read(export(tmp_path, content, config()), Asked()))
    cut = found.cut
    assert (cut.box_encodings.node, cut.class_scores.node, cut.anchors.node) == ("boxes", "scores", "anchors")
    assert cut.image.node == ("stacked" if cut.corners else "image")
    assert (cut.boxes, cut.columns, cut.box_scales) == (5, 3, (10.0, 10.0, 5.0, 5.0))
    assert (found.max_detections, found.class_wise, found.iou_threshold, found.score_threshold) == (
        40,
        True,
        0.45,
        1e-8,
    )


def test_without_a_configuration_the_exporters_own_suppression_is_taken(tmp_path: Path) -> None:
    found = detection.export_of(reading.read(export(tmp_path, tflite_export(), None), Asked()))
    assert (found.max_detections, found.class_wise, found.iou_threshold) == (10, False, 0.5)
    assert found.preprocess == {}
    assert ("preprocess", "assumed") in {one[:2] for one in found.recognised}


def test_the_main_exporter_needs_its_configuration(tmp_path: Path) -> None:
    assert refusal(export(tmp_path, main_export(), None)) == (
        f"model.path: '{tmp_path}' has no pipeline.config beside it, which says how its boxes are suppressed; copy the "
        f"whole folder that the exporter wrote."
    )


def test_what_the_device_cannot_suppress_is_said(tmp_path: Path) -> None:
    ending = "post_processing { batch_non_max_suppression { max_detections_per_class: 20 } "
    found = described(
        export(tmp_path, tflite_export(), config(ending=f"{ending} score_converter: SIGMOID }}"))
    )
    (said,) = [one for one in found.recognised if one.what == "suppression"]
    assert said.value == "at most 100 boxes, class by class, overlap 0.6"
    assert said.evidence == (
        "pipeline.config, but for max_detections_per_class 20, which the device lacks; the "
        "exporter itself wrote 10 detections, all classes together"
    )


OTHER: dict[str, tuple[str, str]] = {
    "classes": ("num_classes: 80", "it says 80 classes, and the graph has 2 classes"),
    "background": ("add_background_class: false", "it says 2 classes, and the graph has 3 classes"),
    "resizer": (
        "image_resizer { fixed_shape_resizer { height: 300 width: 24 } }",
        "it says an input of 300 x 24, and the graph has an input of 16 x 24",
    ),
    "anchors": (
        "anchor_generator { multiscale_anchor_generator { min_level: 3 max_level: 4 scales_per_octave: 1 } }",
        "it says 24 anchors, and the graph has 5 anchors",  # 2 x 3 and 1 x 2 cells of three ratios
    ),
    "coder": (
        "box_coder { faster_rcnn_box_coder { y_scale: 5 x_scale: 5 } }",
        "it says the scales 5, 5, 5, 5 of the box coder, and the graph has 10, 10, 5, 5",
    ),
    "ending": (
        "post_processing { score_converter: SOFTMAX }",
        "it says the score converter SOFTMAX, and the graph has the score converter SIGMOID",
    ),
}


@pytest.mark.parametrize("part", OTHER)
@pytest.mark.parametrize("content", [tflite_export(), main_export()], ids=["tflite", "main"])
def test_the_configuration_of_another_model_is_refused_with_both_numbers(
    content: bytes, part: str, tmp_path: Path
) -> None:
    changed, said = OTHER[part]
    assert refusal(export(tmp_path, content, config(**{part: changed}))) == (
        f"model.path: the pipeline.config of '{tmp_path}' is of another model: {said}; put its own one beside it."
    )


def test_anchors_of_the_classical_generator_are_counted(tmp_path: Path) -> None:
    generator = "anchor_generator { ssd_anchor_generator { num_layers: 2 aspect_ratios: [1.0, 2.0] } }"
    said = refusal(export(tmp_path, tflite_export(), config(anchors=generator)))
    # 1 x 2 cells of three boxes on the finest map, 1 x 1 of two ratios and the square between scales
    assert "it says 9 anchors, and the graph has 5 anchors" in said
    whole = generator.replace("num_layers: 2", "num_layers: 2 reduce_boxes_in_lowest_layer: false")
    described(export(tmp_path, tflite_export(anchors=9), config(anchors=whole)))
    unknown = config(anchors=generator, extractor="feature_extractor { type: 'ssd_mobilenet_v1_ppn_keras' }")
    described(export(tmp_path, tflite_export(), unknown))


SQUARE = "min_dimension: 24 max_dimension: 24 pad_to_max_dimension: true"


def kept(options: str) -> str:
    return f"image_resizer {{ keep_aspect_ratio_resizer {{ {options} }} }}"


@pytest.mark.parametrize("zero", ["", " per_channel_pad_value: [0, 0, 0]"])
def test_a_resizer_that_keeps_the_shape_and_pads_is_our_letterbox_of_the_corner(
    zero: str, tmp_path: Path
) -> None:
    content = tflite_export(sides=(24, 24))
    found = described(export(tmp_path, content, config(resizer=kept(SQUARE + zero))))
    assert found.inputs["image"][1]["aspect"] == "letterbox_corner"
    (said,) = [one for one in found.recognised if one.what == "aspect"]
    assert said.value == "letterbox_corner: pictures keep their shape, and are padded right and below"


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "an open size": (
        {"resizer": kept("min_dimension: 24 max_dimension: 24")},
        "has a keep_aspect_ratio_resizer without pad_to_max_dimension, so the input has no fixed sides; export it "
        "with pad_to_max_dimension: true.",
    ),
    "the usual sides": (
        {"resizer": kept("pad_to_max_dimension: true")},
        "has a keep_aspect_ratio_resizer with min_dimension 600 and max_dimension 1024, so that not every picture "
        "fills a side",
    ),
    "padded with grey": (
        {"resizer": kept(f"{SQUARE} per_channel_pad_value: 0 per_channel_pad_value: 114")},
        "has a keep_aspect_ratio_resizer with a per_channel_pad_value that is not 0, and preprocess pads with what is "
        "0 to the model.",
    ),
    "other pixels": (
        {"resizer": kept(f"{SQUARE} resize_method: AREA")},
        "has a keep_aspect_ratio_resizer with resize_method: AREA, whose pixels preprocess has no kernel for; BILINEAR",
    ),
    "other pixels, stretched": (
        {"resizer": CONFIG["resizer"].replace("width", "resize_method: BICUBIC width")},
        "has a fixed_shape_resizer with resize_method: BICUBIC, whose pixels preprocess has no kernel for; BILINEAR is",
    ),
    "grey pictures": (
        {"resizer": kept(f"{SQUARE} convert_to_grayscale: true")},
        "has a keep_aspect_ratio_resizer with convert_to_grayscale, and pictures of three colours are read.",
    ),
    "no resizer": (
        {"resizer": ""},
        "has no resizer, and fixed_shape_resizer or keep_aspect_ratio_resizer is read",
    ),
    "Soft-NMS": (
        {
            "ending": "post_processing { batch_non_max_suppression { soft_nms_sigma: 0.5 } score_converter: SIGMOID }"
        },
        "has soft_nms_sigma: 0.5, and Soft-NMS, which lowers scores instead of leaving boxes out, is not done by the "
        "device's suppression; measure with soft_nms_sigma: 0, and say that.",
    ),
    "no classes": ({"classes": ""}, "does not say num_classes"),
    "classes of a text": (
        {"classes": "num_classes: 'two'"},
        "has num_classes: two, where a whole number from 1 to 100000 would be right",
    ),
    "another coder": (
        {"coder": "box_coder { keypoint_box_coder { } }"},
        "has the box coder keypoint_box_coder, and faster_rcnn_box_coder is what the device decodes",
    ),
    "an overlap of two": (
        {
            "ending": "post_processing { batch_non_max_suppression { iou_threshold: 2.0 } score_converter: SIGMOID }"
        },
        "has iou_threshold: 2.0, where a number from 0 to 1 would be right",
    ),
    "a line that is none": ({"more": "\n= 3"}, "has '= 3' in line 2"),
    "no end": ({"more": "\ntrain_config {"}, "has the end where a field would be right"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_configuration_that_cannot_be_used_is_one_sentence(name: str, tmp_path: Path) -> None:
    changed, said = BROKEN[name]
    found = refusal(export(tmp_path, tflite_export(), config(**changed)))
    assert found.startswith(f"model.path: the pipeline.config of '{tmp_path}' {said}")


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("faster_rcnn", "Faster R-CNN, whose second stage looks at regions of its own features again"),
        ("center_net", "CenterNet, whose boxes are peaks of heat maps and are not decoded from anchors"),
        ("lstm_ssd", "lstm_ssd"),
    ],
)
def test_other_models_than_ssds_are_named(model: str, named: str, tmp_path: Path) -> None:
    said = (
        f"model.path: the pipeline.config of '{tmp_path}' is of the model {named}, which is not done; exports of SSDs "
        f"are read, EfficientDet among them."
    )
    text = f"model {{ {model} {{ num_classes: 3 }} }}"
    # the outputs that exporter_main_v2 gives of a CenterNet, which has none before suppression
    sides = {"boxes": (1, 100, 4), "classes": (1, 100), "scores": (1, 100)}
    outputs = {f"detection_{name}": tensor("image:0", shape) for name, shape in sides.items()}
    taken = signature(
        {"input_tensor": tensor("image:0", (1, -1, -1, 3), UINT8)},
        {**outputs, "num_detections": tensor("image:0", (1,))},
    )
    without_raw = saved_model([node("image", "Placeholder")], {"serving_default": taken})
    for content in (tflite_export(), main_export(), without_raw):
        assert refusal(export(tmp_path, content, text)) == said


GRAPHS: dict[str, tuple[bytes, str]] = {
    "no resizing": (
        main_export(resized=False),
        "does not show where the resized picture enters the network, with fixed sides; export it by "
        "export_tflite_graph_tf2.py of the Object Detection API",
    ),
    "softmax": (tflite_export(converter=SOFTMAX), ""),
}


def test_a_graph_that_is_built_otherwise_is_refused(tmp_path: Path) -> None:
    content, said = GRAPHS["no resizing"]
    assert refusal(export(tmp_path, content, config())) == f"model.path: the graph of '{tmp_path}' {said}."
    content, _ = GRAPHS["softmax"]
    ending = CONFIG["ending"].replace("SIGMOID", "SOFTMAX")
    described(export(tmp_path, content, config(ending=ending)))


def test_the_folder_of_the_graph_finds_the_configuration_above_it(tmp_path: Path) -> None:
    folder = export(tmp_path, tflite_export(), config())
    outer, inner = described(folder), described(folder / "saved_model")
    assert inner.signature == outer.signature
    assert File(path=str(folder / "saved_model")).files()[0].name == "pipeline.config"


def test_a_shape_that_is_not_the_exports_is_refused(tmp_path: Path) -> None:
    folder = export(tmp_path, tflite_export(), config())
    with pytest.raises(
        RecipeError, match=r"model\.shape: \[1, 32, 32, 3\] is not what .* resizes to, \[1, 16, 24, 3\]"
    ):
        File(path=str(folder), shape=(1, 32, 32, 3)).check()
    File(path=str(folder), shape=(1, 16, 24, 3)).check()


def test_a_suppression_that_the_recipe_says_is_refused_where_the_export_says_it(tmp_path: Path) -> None:
    file = File(
        path=str(export(tmp_path, tflite_export(), config())), postprocess=Postprocess(max_detections=10)
    )
    with pytest.raises(
        ValueError, match=r"^postprocess: '.*' says itself how its boxes are suppressed; leave it out"
    ):
        file.check()


READER = "eval_input_reader { label_map_path: '/home/somebody/data/cells.pbtxt' }"


def item(number: Any, name: str, more: str = "") -> str:
    return f"item {{ id: {number} name: '{name}' {more} }}\n"


def test_names_come_from_the_map_that_the_configuration_names(tmp_path: Path) -> None:
    label_map = item(2, "white") + item(1, "red")
    other = item(1, "cat") + item(2, "dog")
    folder = export(tmp_path, tflite_export(), config(more=READER), cells=label_map, label_map=other)
    found = described(folder)
    assert dict(found.labels) == {"cells.pbtxt": ("red", "white")}
    assert found.classes == 0, "the names say how many there are"
    assert File(path=str(folder)).listed_labels() == {"cells.pbtxt": ("red", "white")}


def test_a_map_in_the_folder_is_found_without_being_named(tmp_path: Path) -> None:
    label_map = (
        'item {\n  name: "n1"\n  id: 1\n  display_name: "red cell"\n}\nitem { id: 2, name: \'white\' }\n'
    )
    found = described(export(tmp_path, tflite_export(), config(), label_map=label_map))
    assert dict(found.labels) == {"label_map.pbtxt": ("red cell", "white")}


def test_a_map_that_is_not_there_is_said(tmp_path: Path) -> None:
    found = described(export(tmp_path, tflite_export(), config(more=READER)))
    (said,) = [one for one in found.recognised if one.what == "labels"]
    assert said.value == "not there"
    assert said.evidence.startswith(
        "pipeline.config names '/home/somebody/data/cells.pbtxt', which is not there; its classes "
    )
    file = File(path=str(tmp_path))
    assert file.misfit("image", ("red", "white")) == ""
    assert file.misfit("image", ("red",)).endswith("has 2 classes, but the data have 1 (red)")


MAPS: dict[str, tuple[str, str]] = {
    "from 0": (
        item(0, "red") + item(1, "white"),
        "begins with the id 0, 'red'; 0 is the background, and classes begin with 1",
    ),
    "two names": (item(1, "red") + item(1, "white"), "gives the id 1 to 'red' and to 'white'"),
    "two ids": (item(1, "red") + item(2, "red"), "has two ids for 'red'"),
    "too few": (item(1, "red"), "has 1 classes, and the model 2"),
    "too many": (item(1, "red") + item(3, "white"), "has 3 classes, and the model 2"),
    "no id": ("item { name: 'red' }", "has an item with the id None"),
    "no name": ("item { id: 1 }", "has no name for the id 1"),
    "empty": ("", "names no class"),
    "no map": ("item {{", "has { in line 1 where a field would be right"),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_label_map_that_is_wrong_is_refused(name: str, tmp_path: Path) -> None:
    label_map, said = MAPS[name]
    found = refusal(export(tmp_path, tflite_export(), config(), label_map=label_map))
    assert found == f"model.path: the label map 'label_map.pbtxt' of '{tmp_path}' {said}."


def test_gaps_of_a_label_map_are_said_and_keep_their_place(tmp_path: Path) -> None:
    content = tflite_export(columns=4, options=None)
    label_map = item(0, "background") + item(1, "red") + item(3, "white")
    found = described(export(tmp_path, content, config(classes="num_classes: 3"), label_map=label_map))
    assert dict(found.labels) == {"label_map.pbtxt": ("red", "unnamed 2", "white")}
    (said,) = [one for one in found.recognised if one.what == "labels"]
    assert said.value == "3 names, 1 of them unnamed in the map"


def test_pixels_of_extractors_are_known_by_their_types(tmp_path: Path) -> None:
    def pixels(kind: str) -> dict[str, Any]:
        text = config(extractor=f"feature_extractor {{ type: '{kind}' }}")
        _, options = described(export(tmp_path, tflite_export(), text)).inputs["image"]
        return {key: options[key] for key in ("scale", "offset", "mean", "std") if key in options}

    imagenet = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    assert pixels("ssd_efficientnet-b0_bifpn_keras") == imagenet
    assert pixels("ssd_resnet50_v1_fpn_keras") == {"mean": [123.68, 116.779, 103.939], "std": [1.0, 1.0, 1.0]}
    assert pixels("ssd_mobilenet_v1_fpn_keras") == {"scale": pytest.approx(2 / 255), "offset": -1.0}
    assert pixels("my_extractor") == {}


def test_real_exports_are_read(shared_models: Path) -> None:
    odapi = shared_models / "odapi"
    sides = {"ssd_mobilenet_v2/exporter_main_v2": 192, "efficientdet_d0/export_tflite_graph_tf2": 256}
    for name, side in sides.items():
        found = described(odapi / name)
        assert found.signature.inputs["image"].shape == (1, side, side, 3)
        assert found.classes == 3
    outputs = {one.what: one.value for one in found.recognised}["outputs"]
    assert outputs == "12276 boxes of 3 classes, before suppression", (
        "no background: add_background_class is false"
    )
