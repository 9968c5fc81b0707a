"""The `pipeline.config` of the Object Detection API: what an export of it does not say itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.formats.pictures import IMAGENET_MEAN, IMAGENET_STD

KINDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("efficientnet", {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)}),
    ("mobilenet", {"scale": 2 / 255, "offset": -1.0}),
    ("inception", {"scale": 2 / 255, "offset": -1.0}),
    ("resnet", {"mean": [123.68, 116.779, 103.939], "std": [1.0, 1.0, 1.0]}),
)
"""Pixels that a feature extractor takes, as options of `preprocess`, by a part of its type's name."""

OTHERS: Mapping[str, str] = {
    "faster_rcnn": "Faster R-CNN, whose second stage looks at regions of its own features again",
    "center_net": "CenterNet, whose boxes are peaks of heat maps and are not decoded from anchors",
}
"""Models of the Object Detection API whose exports are not cut, with what is not done, by their name there."""

SIGMOID, IDENTITY = "SIGMOID", "IDENTITY"

NEAR = 1e-6
"""Relative difference of two numbers that are the same in float32."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """An SSD as its configuration says it.

    Attributes:
        classes: number of them, without a background.
        background: whether scores have a column for it, the first.
        height: of the picture that goes in.
        width: of the picture that goes in.
        aspect: option of `preprocess` that says how a picture of another shape becomes one of these sides.
        extractor: type of the feature extractor.
        preprocess: options of `preprocess`; empty for an extractor that is not known.
        box_scales: of the coder: y, x, height, width.
        anchors: number of default boxes; 0 where the generator is not known.
        converter: of scores.
        score_threshold: what is less likely is left out.
        iou_threshold: what overlaps more is suppressed.
        max_detections: in all.
        class_wise: whether suppression looks at one class at a time.
        beyond: of its suppression that the device cannot do, in words; "" for nothing.
        label_maps: paths as they are written.
    """

    classes: int
    background: bool
    height: int
    width: int
    aspect: str
    extractor: str
    preprocess: Mapping[str, Any]
    box_scales: tuple[float, float, float, float]
    anchors: int
    converter: str
    score_threshold: float
    iou_threshold: float
    max_detections: int
    class_wise: bool
    beyond: str
    label_maps: tuple[str, ...]


def pipeline_of(config: Mapping[str, list[Any]]) -> Pipeline:
    """Read a configuration.

    Raises:
        ValueError: it is of another model than an SSD, or lacks what is needed; completes "it ".
    """
    model = _message(config, "model")
    ssd = model.get("ssd")
    if not ssd or not isinstance(ssd[0], Mapping):
        named = next((said for name, said in OTHERS.items() if name in model), "")
        named = named or ", ".join(plain(name, 40) for name in model) or "nothing"
        raise ValueError(
            f"is of the model {named}, which is not done; exports of SSDs are read, EfficientDet among them"
        )
    found: Mapping[str, list[Any]] = ssd[0]
    height, width, aspect = _resizing(_message(found, "image_resizer"))
    suppression = _message(_message(found, "post_processing"), "batch_non_max_suppression")
    extractor = str(_last(_message(found, "feature_extractor"), "type", ""))
    return Pipeline(
        classes=_whole(found, "num_classes", 1, 100_000),
        background=_last(found, "add_background_class", True) is True,
        height=height,
        width=width,
        aspect=aspect,
        extractor=extractor,
        preprocess=next((options for part, options in KINDS if part in extractor), {}),
        box_scales=_coder(_message(found, "box_coder")),
        anchors=_anchors(_message(found, "anchor_generator"), height, width, extractor),
        converter=str(_last(_message(found, "post_processing"), "score_converter", IDENTITY)),
        score_threshold=_number(suppression, "score_threshold", 0.0, 0, 1),
        iou_threshold=_number(suppression, "iou_threshold", 0.6, 0, 1),
        max_detections=_whole(suppression, "max_total_detections", 1, 100_000, 100),
        class_wise=_last(suppression, "use_class_agnostic_nms", False) is not True,
        beyond=_beyond(suppression),
        label_maps=_label_maps(config),
    )


def contradictions(found: Pipeline, seen: Mapping[str, Any]) -> list[str]:
    """Say what a configuration says otherwise than a graph shows: "it says 80 classes, and the graph has 3".

    Args:
        found: the configuration.
        seen: of the graph `height`, `width`, `boxes` (anchors), `columns` (of scores), `converter`, `box_scales`.
    """
    columns = seen["columns"]
    said = [
        ("an input of {} x {}", (found.height, found.width), (seen["height"], seen["width"])),
        ("{} classes", (found.classes,), (columns - 1 if found.background else columns,)),
        ("{} anchors", (found.anchors or seen["boxes"],), (seen["boxes"],)),
        ("the score converter {}", (found.converter,), (seen["converter"],)),
    ]
    differing = [
        f"it says {words.format(*one)}, and the graph has {words.format(*other)}"
        for words, one, other in said
        if one != other
    ]
    scales = seen["box_scales"]
    if not all(
        math.isclose(one, other, rel_tol=NEAR) for one, other in zip(found.box_scales, scales, strict=True)
    ):
        listed = (", ".join(f"{one:g}" for one in each) for each in (found.box_scales, scales))
        differing.append("it says the scales {} of the box coder, and the graph has {}".format(*listed))
    return differing


def _beyond(suppression: Mapping[str, list[Any]]) -> str:
    """Say what of a suppression the device cannot do, and what may be left out.

    Raises:
        ValueError: it is Soft-NMS, which gives other scores.
    """
    soft = _number(suppression, "soft_nms_sigma", 0.0, 0, 1e6)
    if soft:
        raise ValueError(
            f"has soft_nms_sigma: {soft:g}, and Soft-NMS, which lowers scores instead of leaving boxes out, is not "
            f"done by the device's suppression; measure with soft_nms_sigma: 0, and say that"
        )
    total = _whole(suppression, "max_total_detections", 1, 100_000, 100)
    each = _whole(suppression, "max_detections_per_class", 1, 100_000, 100)
    return f"max_detections_per_class {each}" if each < total else ""


def _resizing(resizer: Mapping[str, list[Any]]) -> tuple[int, int, str]:
    """Give the sides of the input, and `preprocess.aspect`.

    Raises:
        ValueError: pictures become inputs in a way that `preprocess` does not have; completes "it ".
    """
    for name, read in (("fixed_shape_resizer", _stretching), ("keep_aspect_ratio_resizer", _padding)):
        found = resizer.get(name)
        if found and isinstance(found[0], Mapping):
            _check_pixels(name, found[0])
            return read(found[0])
    named = ", ".join(plain(name, 40) for name in resizer) or "no resizer"
    raise ValueError(f"has {named}, and fixed_shape_resizer or keep_aspect_ratio_resizer is read")


def _check_pixels(name: str, found: Mapping[str, list[Any]]) -> None:
    method = _last(found, "resize_method", "BILINEAR")
    if method != "BILINEAR":
        raise ValueError(
            f"has a {name} with resize_method: {plain(method, 40)}, whose pixels preprocess has no kernel for; "
            f"BILINEAR is read"
        )
    if _last(found, "convert_to_grayscale", False) is not False:
        raise ValueError(f"has a {name} with convert_to_grayscale, and pictures of three colours are read")


def _stretching(found: Mapping[str, list[Any]]) -> tuple[int, int, str]:
    return _whole(found, "height", 1, 1 << 14), _whole(found, "width", 1, 1 << 14), "stretch"


def _padding(found: Mapping[str, list[Any]]) -> tuple[int, int, str]:
    """Read a resizer that keeps the shape: the API pads right and below, after pixels were normalised.

    Source: `resize_to_range` and `SSDMetaArch.preprocess` of the Object Detection API.
    """
    least = _whole(found, "min_dimension", 1, 1 << 14, 600)
    most = _whole(found, "max_dimension", 1, 1 << 14, 1024)
    values = found.get("per_channel_pad_value", [])
    reasons = {
        "without pad_to_max_dimension, so the input has no fixed sides; export it with "
        "pad_to_max_dimension: true": _last(found, "pad_to_max_dimension", False) is not True,
        f"with min_dimension {least} and max_dimension {most}, so that not every picture fills a side of the "
        f"input, and preprocess.aspect=letterbox_corner fills one; both the same are read": least != most,
        "with a per_channel_pad_value that is not 0, and preprocess pads with what is 0 to the model": any(
            values
        ),
    }
    wrong = next((reason for reason, holds in reasons.items() if holds), "")
    if wrong:
        raise ValueError(f"has a keep_aspect_ratio_resizer {wrong}")
    return most, most, "letterbox_corner"


def _coder(coder: Mapping[str, list[Any]]) -> tuple[float, float, float, float]:
    if "faster_rcnn_box_coder" not in coder:
        named = ", ".join(plain(name, 40) for name in coder) or "none"
        raise ValueError(f"has the box coder {named}, and faster_rcnn_box_coder is what the device decodes")
    found = _message(coder, "faster_rcnn_box_coder")
    usual = {"y_scale": 10.0, "x_scale": 10.0, "height_scale": 5.0, "width_scale": 5.0}
    y, x, height, width = (_number(found, name, value, 1e-6, 1e6) for name, value in usual.items())
    return y, x, height, width


def _anchors(generator: Mapping[str, list[Any]], height: int, width: int, extractor: str) -> int:
    """Count the default boxes of a generator; 0 for one, or for feature maps, that are not known."""
    multiscale = generator.get("multiscale_anchor_generator")
    if multiscale and isinstance(multiscale[0], Mapping):
        found = multiscale[0]
        levels = range(_whole(found, "min_level", 1, 20, 3), _whole(found, "max_level", 1, 20, 7) + 1)
        ratios = len(found.get("aspect_ratios", [])) or 3
        boxes = ratios * _whole(found, "scales_per_octave", 1, 100, 2)
        return sum(math.ceil(height / 2**level) * math.ceil(width / 2**level) * boxes for level in levels)
    ssd = generator.get("ssd_anchor_generator")
    usual = "ppn" not in extractor and ("mobilenet" in extractor or "inception" in extractor)
    if ssd and isinstance(ssd[0], Mapping) and usual:
        return _of_ssd(ssd[0], height, width)
    return 0


def _of_ssd(found: Mapping[str, list[Any]], height: int, width: int) -> int:
    """Count the boxes of the classical generator, whose finest map has a sixteenth of the picture's sides."""
    layers = _whole(found, "num_layers", 1, 20, 6)
    ratios = len(found.get("aspect_ratios", [])) or 5
    square = 1 if _number(found, "interpolated_scale_aspect_ratio", 1.0, 0, 1e6) > 0 else 0
    reduced = _last(found, "reduce_boxes_in_lowest_layer", True) is True
    total = 0
    for layer in range(layers):
        cells = math.ceil(height / 2 ** (layer + 4)) * math.ceil(width / 2 ** (layer + 4))
        total += cells * (3 if not layer and reduced else ratios + square)
    return total


def _label_maps(config: Mapping[str, list[Any]]) -> tuple[str, ...]:
    readers = [one for name in ("eval_input_reader", "train_input_reader") for one in config.get(name, [])]
    paths = [str(_last(one, "label_map_path", "")) for one in readers if isinstance(one, Mapping)]
    return tuple(dict.fromkeys(path for path in paths if path and path != "PATH_TO_BE_CONFIGURED"))


def _message(found: Mapping[str, list[Any]], name: str) -> Mapping[str, list[Any]]:
    value = found.get(name, [{}])[-1] if found.get(name) else {}
    if not isinstance(value, Mapping):
        raise ValueError(f"has a '{name}' that is not a message")
    return value


def _last(found: Mapping[str, list[Any]], name: str, usual: Any) -> Any:
    values = found.get(name)
    return values[-1] if values else usual


def _number(found: Mapping[str, list[Any]], name: str, usual: float, least: float, most: float) -> float:
    value = _last(found, name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(
            f"has {name}: {plain(value, 40)}, where a number from {least:g} to {most:g} would be right"
        )
    return float(value)


def _whole(found: Mapping[str, list[Any]], name: str, least: int, most: int, usual: int | None = None) -> int:
    value = _last(found, name, usual)
    if value is None:
        raise ValueError(f"does not say {name}")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(
            f"has {name}: {plain(value, 40)}, where a whole number from {least} to {most} would be right"
        )
    return value
