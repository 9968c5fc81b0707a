"""Describe an export of the Object Detection API by its graph, and by the `pipeline.config` beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core import text_file
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats.pictures import ASSUMED
from tflbuild.formats.saved_model import detector, label_map, prototext
from tflbuild.formats.saved_model.detector import Cut
from tflbuild.formats.saved_model.flat import Flat
from tflbuild.formats.saved_model.pipeline import Pipeline, contradictions, pipeline_of
from tflbuild.formats.saved_model.reading import Reading
from tflbuild.formats.saved_model.source import CONFIG, MOST_TEXT

IMAGE, PICTURE = "image", "image"
"""Name of the input, and of its modality."""

OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
"""Outputs of the suppression that is attached, in its order; `exporter_main_v2` gives them too."""

VALUES = ("scale", "offset", "mean", "std", "channels")
"""Options of `preprocess` that say what becomes of a pixel's value; an export that takes pixels applies its own."""

RESIZED = {"channels": "rgb", "aspect": "stretch", "resize": "bilinear", "antialias": False}
"""Options of `preprocess` that say how the API resizes, by its fixed_shape_resizer where nothing else is said."""

MOST_DETECTIONS = 1000


@dataclass(frozen=True, eq=False)
class Export:
    """An export: its network, and how its boxes are suppressed.

    Attributes:
        flat: the graph.
        cut: the network in it.
        classes: number of them, without a background.
        max_detections: in all.
        class_wise: whether suppression looks at one class at a time.
        score_threshold: what is less likely is left out.
        iou_threshold: what overlaps more is suppressed.
        preprocess: options of `preprocess`; empty where nothing says them.
        labels: class names, by where they are written.
        recognised: what there is to say of it.
    """

    flat: Flat
    cut: Cut
    classes: int
    max_detections: int
    class_wise: bool
    score_threshold: float
    iou_threshold: float
    preprocess: Mapping[str, Any]
    labels: Mapping[str, tuple[str, ...]]
    recognised: tuple[Evidence, ...]


def describe(reading: Reading, asked: Asked) -> Description:
    """Say what an export takes, gives and means.

    Raises:
        RecipeError: its graph is built otherwise, or its configuration is of another model.
    """
    found = export_of(reading)
    cut, most = found.cut, found.max_detections
    shape = (1, cut.height, cut.width, 3)
    if asked.shape and asked.shape != shape:
        raise RecipeError(
            f"model.shape: {list(asked.shape)} is not what {reading.said} resizes to, {list(shape)}; leave it out."
        )
    sides: tuple[tuple[int, ...], ...] = ((1, most, 4), (1, most), (1, most), (1,))
    return Description(
        signature=Signature(
            inputs={IMAGE: TensorSpec(shape, "float32")},
            outputs={name: TensorSpec(side, "float32") for name, side in zip(OUTPUTS, sides, strict=True)},
        ),
        task="detection",
        labels=found.labels,
        inputs={IMAGE: (PICTURE, {**RESIZED, **found.preprocess})},
        head={"outputs": {name: name for name in OUTPUTS}},
        classes=0 if found.labels else found.classes,
        recognised=found.recognised,
        held=VALUES if cut.corners and takes_pixels(reading) else (),
    )


def export_of(reading: Reading) -> Export:
    """Find the network and how its boxes are suppressed.

    Raises:
        RecipeError: the graph is built otherwise, or its configuration is of another model.
    """
    config = _config(reading)
    try:
        flat, cut = detector.cut_of(reading.graph, reading.declared)
    except (Malformed, detector.Unlike) as error:
        raise RecipeError(f"model.path: the graph of {reading.said} {plain(error, 200)}.") from error
    if config is None and not cut.options:
        raise RecipeError(
            f"model.path: {reading.said} has no {CONFIG} beside it, which says how its boxes are suppressed; copy the "
            f"whole folder that the exporter wrote."
        )
    if config is None:
        return _without_config(flat, cut)
    wrong = contradictions(config, cut._asdict())
    if wrong:
        raise RecipeError(
            f"model.path: the {CONFIG} of {reading.said} is of another model: {'; '.join(wrong)}; put its own one "
            f"beside it."
        )
    return _with_config(flat, cut, config, reading)


def is_export(reading: Reading) -> bool:
    """Say whether a SavedModel is a detector of the Object Detection API, also of a kind that is not read."""
    ends = reading.declared.outputs.keys()
    return detector.is_export(reading.graph, reading.declared) or (
        bool(reading.source.config) and set(OUTPUTS) <= ends
    )


def takes_pixels(reading: Reading) -> bool:
    """Say whether an export takes decoded pictures, so that it can be given the pixels that the file takes."""
    return all(one.spec.dtype in ("uint8", "float32") for one in reading.declared.inputs.values())


def _config(reading: Reading) -> Pipeline | None:
    name = reading.source.config
    if not name:
        return None
    try:
        text = text_file.decoded(reading.source.read(name, MOST_TEXT))
        return pipeline_of(prototext.parsed(text))
    except ValueError as error:
        raise RecipeError(f"model.path: the {CONFIG} of {reading.said} {plain(error, 200)}.") from error


def _without_config(flat: Flat, cut: Cut) -> Export:
    options = cut.options
    classes = int(options.get("num_classes", 0))
    most = int(options.get("max_detections", 0))
    if not 1 <= most <= MOST_DETECTIONS or not 0 <= cut.columns - classes <= 1 or classes < 1:
        raise RecipeError(
            f"model.path: the suppression in the export says {classes} classes and {most} detections, and its scores "
            f"have {cut.columns} columns, which does not fit."
        )
    said = f"{cut.exporter} wrote them at its {detector.SUPPRESSION}; there is no {CONFIG}"
    return Export(
        flat,
        cut,
        classes,
        most,
        bool(options.get("use_regular_nms")),
        options.get("nms_score_threshold", 0.0),
        options.get("nms_iou_threshold", 0.6),
        {},
        {},
        (
            *_of_graph(cut, classes),
            _suppression(
                most, bool(options.get("use_regular_nms")), options.get("nms_iou_threshold", 0.6), said
            ),
            Evidence("preprocess", "assumed", ASSUMED),
        ),
    )


def _with_config(flat: Flat, cut: Cut, config: Pipeline, reading: Reading) -> Export:
    most = min(config.max_detections, MOST_DETECTIONS)
    said = f"{CONFIG}{config.beyond and f', but for {config.beyond}, which the device lacks'}"
    if cut.options:
        own = f"{int(cut.options.get('max_detections', 0))} detections"
        fast = "" if cut.options.get("use_regular_nms") else ", all classes together"
        said += f"; the exporter itself wrote {own}{fast}"
    labels, noted = _labels(config, reading)
    pixels = Evidence("preprocess", "assumed", ASSUMED)
    if config.preprocess:
        pixels = Evidence(
            "preprocess",
            _words(config.preprocess),
            f"the feature extractor '{plain(config.extractor, 60)}' in {CONFIG}",
        )
    return Export(
        flat,
        cut,
        config.classes,
        most,
        config.class_wise,
        config.score_threshold,
        config.iou_threshold,
        {"aspect": config.aspect, **config.preprocess},
        labels,
        (
            *_of_graph(cut, config.classes),
            _suppression(most, config.class_wise, config.iou_threshold, said),
            pixels,
            *_aspect(config),
            *noted,
        ),
    )


def _of_graph(cut: Cut, classes: int) -> Iterator[Evidence]:
    where = {
        "exporter_main_v2": "before raw_detection_boxes are decoded",
        "export_tflite_graph_tf2": f"at the three inputs of {detector.SUPPRESSION}",
    }[cut.exporter]
    yield Evidence("task", "detection", f"an export of the Object Detection API, by {cut.exporter}")
    background = ", the first column of scores is the background" if cut.columns > classes else ""
    words = f"{cut.boxes} boxes of {classes} classes, before suppression{background}"
    yield Evidence("outputs", words, f"the graph is cut {where}")
    yield Evidence(
        "input",
        f"image, (1, {cut.height}, {cut.width}, 3) float32",
        "the size that the exporter resizes to; that is done before the file, as for every model",
    )


def _aspect(config: Pipeline) -> Iterator[Evidence]:
    if config.aspect != RESIZED["aspect"]:
        words = "letterbox_corner: pictures keep their shape, and are padded right and below"
        yield Evidence("aspect", words, f"the keep_aspect_ratio_resizer in {CONFIG}")


def _suppression(most: int, class_wise: bool, overlap: float, evidence: str) -> Evidence:
    what = "class by class" if class_wise else "all classes together"
    return Evidence("suppression", f"at most {most} boxes, {what}, overlap {overlap:g}", evidence)


def _words(options: Mapping[str, Any]) -> str:
    if "mean" in options:
        return "mean and std of each channel"
    low, scale = options["offset"], options["scale"]
    return f"pixels in {low:.4g}..{255 * scale + low:.4g}"


def _labels(config: Pipeline, reading: Reading) -> tuple[dict[str, tuple[str, ...]], list[Evidence]]:
    """Read the label map that the configuration names, or one that lies in the folder.

    Raises:
        RecipeError: it is broken, or of another model.
    """
    source = reading.source
    named = [found for path in config.label_maps if (found := source.near(path))]
    for name in (named or [one for one in source.ending(".pbtxt") if "label" in one])[:1]:
        try:
            names = label_map.names_of(source.read(name, MOST_TEXT), config.classes)
        except ValueError as error:
            raise RecipeError(
                f"model.path: the label map '{plain(name)}' of {reading.said} {plain(error, 200)}."
            ) from error
        gaps = sum(one.startswith(label_map.UNNAMED) for one in names)
        more = f", {gaps} of them unnamed in the map" if gaps else ""
        return {name: names}, [Evidence("labels", f"{len(names)} names{more}", name)]
    missing = (
        f"{CONFIG} names '{plain(config.label_maps[0], 80)}', which is not there" if config.label_maps else ""
    )
    evidence = (
        f"{missing or 'no label map is there'}; its classes are taken to be those of the data, in that order; if that "
        f"is wrong, set data.classes=[...], or copy the label map beside {CONFIG}"
    )
    return {}, [Evidence("labels", "not there", evidence)]
