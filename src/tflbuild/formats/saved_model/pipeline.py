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
        named = ", ".join(plain(name, 40) for name in model) or "nothing"
        raise ValueError(f"is of the model {named}, and SSDs are read")
    found: Mapping[str, list[Any]] = ssd[0]
    height, width = _sides(_message(found, "image_resizer"))
    suppression = _message(_message(found, "post_processing"), "batch_non_max_suppression")
    extractor = str(_last(_message(found, "feature_extractor"), "type", ""))
    return Pipeline(
        classes=_whole(found, "num_classes", 1, 100_000),
        background=_last(found, "add_background_class", True) is True,
        height=height,
        width=width,
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
    """Say what of a suppression the device cannot do."""
    soft = _number(suppression, "soft_nms_sigma", 0.0, 0, 1e6)
    total = _whole(suppression, "max_total_detections", 1, 100_000, 100)
    each = _whole(suppression, "max_detections_per_class", 1, 100_000, 100)
    words = [f"soft_nms_sigma {soft:g}"] if soft else []
    words += [f"max_detections_per_class {each}"] if each < total else []
    return " and ".join(words)


def _sides(resizer: Mapping[str, list[Any]]) -> tuple[int, int]:
    fixed = resizer.get("fixed_shape_resizer")
    if fixed and isinstance(fixed[0], Mapping):
        return _whole(fixed[0], "height", 1, 1 << 14), _whole(fixed[0], "width", 1, 1 << 14)
    kept = resizer.get("keep_aspect_ratio_resizer")
    if kept and isinstance(kept[0], Mapping):
        raise ValueError(
            "has a keep_aspect_ratio_resizer, which pads pictures at one side; train and export with a "
            "fixed_shape_resizer"
        )
    named = ", ".join(plain(name, 40) for name in resizer) or "no resizer"
    raise ValueError(f"has {named}, and fixed_shape_resizer is read")


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
        raise ValueError(f"has a '{name}' that is no message")
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
