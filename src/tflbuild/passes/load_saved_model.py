"""Take a SavedModel of the user's in, or an export of the Object Detection API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.meaning import Meaning
from tflbuild.passes.load_tflite import looks_alike, meaning_of
from tflbuild.passes.quantizing import parity, writing
from tflbuild.passes.taking_in.converted import finished, hold

if TYPE_CHECKING:
    from tflbuild.formats.saved_model.detection import Export
    from tflbuild.formats.saved_model.reading import Reading


@compiler_pass("load_saved_model")
class LoadSavedModel(Pass):
    """Start from the user's SavedModel (`model=file model.path=FOLDER`), converted to a float `.tflite`.

    Its graph was held to compute alone before it is loaded. One signature is converted for one sample; on samples of
    the train split the file gives what the signature gives in TensorFlow, within 1e-4 of its size.

    Of an export of the Object Detection API the network before suppression is cut out, and the device's own
    suppression attached: outputs are `detection_boxes`, `detection_classes`, `detection_scores` and `num_detections`,
    as of a detector that tflbuild trained. Box encodings and scores are held to the export's own: to the raw boxes and
    scores that `exporter_main_v2` gives of the same pixels; `export_tflite_graph_tf2` gives none, so that its graph is
    run in TensorFlow.
    """

    needs = ("tensorflow", "ai_edge_litert", "numpy")
    promises = (
        "the outputs of the SavedModel's signature on samples of the train split, within 1e-4 of their size"
    )

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some samples."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        """Convert, hold to the SavedModel, and keep the file with what it means."""
        from tflbuild.formats.saved_model import detection, reading

        spec: Any = ctx.model_spec
        path = Path(spec.path)
        found = reading.read(path, spec.asked)
        meaning = meaning_of(spec.description, ctx, path)
        ctx.notes["recognised"] = spec.recognised()
        folder = found.source.folder(ctx.scratch / "model", found.graph.content)
        if detection.is_export(found):
            return _detector(found, folder, meaning, ctx)
        return _signature(found, folder, meaning, ctx)


def _signature(found: Reading, folder: Path, meaning: Meaning, ctx: PassContext) -> TFLiteModel:
    """Convert a signature as it is."""
    from tflbuild.backends.saved_model import Served
    from tflbuild.tflite import raw_outputs
    from tflbuild.tflite.packed import Packed

    spec: Any = ctx.model_spec
    signature = spec.description.signature
    served = Served(folder, found.name, found.source.path)
    ctx.doing("converting the SavedModel")
    made = Packed(served.convert(signature.inputs, list(signature.outputs)))
    ctx.doing("comparing the file with TensorFlow")
    batch = parity.sample_batch(meaning, ctx)
    wanted = served.run(batch)
    looks_alike(meaning, wanted, found.source.path)
    given = raw_outputs.run(made, batch)
    hold(wanted, given, f"{found.said} in TensorFlow", ctx)
    return finished(made.copy(), meaning, given, parity.sample_values(ctx), ctx)


def _detector(found: Reading, folder: Path, meaning: Meaning, ctx: PassContext) -> TFLiteModel:
    """Cut the network out of an export, and attach suppression."""
    from tflbuild.backends.saved_model import Network
    from tflbuild.formats.saved_model import detection, variables
    from tflbuild.tflite import flatbuffer, raw_outputs
    from tflbuild.tflite.packed import Packed
    from tflbuild.tflite.suppression import output_shapes

    spec: Any = ctx.model_spec
    export = detection.export_of(found)
    cut, keys = export.cut, variables.keys_of(found.graph)
    image = spec.description.signature.inputs[detection.IMAGE]
    ctx.doing("converting the SavedModel")
    network = Network(
        export.flat,
        folder,
        keys,
        {detection.IMAGE: (cut.image, image)},
        {"box_encodings": cut.box_encodings, "class_scores": cut.class_scores},
    )
    stored = Network(export.flat, folder, keys, {}, {"anchors": cut.anchors})()["anchors"].numpy()
    tail = _tail(export, stored)
    made = Packed(network.convert(tail))
    ctx.doing("comparing the file with TensorFlow")
    batch = parity.sample_batch(meaning, ctx)
    given = raw_outputs.run(made, batch)
    if cut.corners and detection.takes_pixels(found):
        wanted, given = _of_main(found, folder, meaning, given, tail, ctx)
    else:
        wanted = _of_network(network, batch)
    hold(wanted, given, f"{found.said} in TensorFlow", ctx)
    graph = made.copy()
    flatbuffer.write_output_shapes(graph.model, output_shapes(export.max_detections))
    return writing.emit_tflite(ctx, graph, meaning)


def _tail(export: Export, anchors: Any) -> Any:
    import numpy as np

    from tflbuild.tflite.suppression import SuppressionOptions, Tail

    if export.cut.corners:
        low, high = anchors[:, :2], anchors[:, 2:]
        anchors = np.concatenate([low + (high - low) / 2, high - low], axis=1)
    y, x, height, width = export.cut.box_scales
    options = SuppressionOptions(
        classes=export.classes,
        box_scales=(y, x, height, width),
        max_detections=export.max_detections,
        class_wise=export.class_wise,
        score_threshold=export.score_threshold,
        iou_threshold=export.iou_threshold,
    )
    return Tail(anchors=np.ascontiguousarray(anchors, np.float32), suppression=options)


def _of_network(network: Any, batch: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    (name, values), rows = next(iter(batch.items())), []
    for value in values:
        rows.append({role: found.numpy()[0] for role, found in network(**{name: value[None]}).items()})
    return {role: np.stack([row[role] for row in rows]) for role in rows[0]}


def _of_main(
    found: Reading, folder: Path, meaning: Meaning, given: Mapping[str, Any], tail: Any, ctx: PassContext
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give raw boxes and scores, as the export gives them of the same pixels, and as the file does."""
    import numpy as np

    from tflbuild.backends.saved_model import Served
    from tflbuild.evaluation.examples import Encoder
    from tflbuild.formats.saved_model.detector import RAW_BOXES, RAW_SCORES
    from tflbuild.tasks.detection.boxes import decode

    encoder = Encoder(meaning)
    (name,) = meaning.inputs
    values = parity.sample_values(ctx)
    codes = np.stack([encoder(value, key)[name].codes for key, value in values.items()])
    served = Served(folder, found.name, found.source.path)
    (taken,) = found.declared.inputs
    wanted = served.run({taken: codes})
    boxes = decode(given["box_encodings"], tail.anchors, tail.suppression.box_scales)
    return (
        {RAW_BOXES: wanted[RAW_BOXES], RAW_SCORES: wanted[RAW_SCORES]},
        {RAW_BOXES: boxes, RAW_SCORES: given["class_scores"]},
    )
