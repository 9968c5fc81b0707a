"""Detection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from tflbuild.core.answer import Answer
from tflbuild.core.field_checks import (
    Check,
    boolean,
    check_fields,
    mapping,
    number,
    one_of,
    rows_of,
    text_mapping,
    whole,
)
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import TensorSpec
from tflbuild.core.task import Outputs, Rows, Task, task
from tflbuild.core.tensor_description import TensorDescription
from tflbuild.tasks.detection.postprocess_checks import POSTPROCESS

MOST_SIDE = 1 << 16
MOST_ANCHORS = 1 << 24

BOXES, CLASSES, SCORES, COUNT = "detection_boxes", "detection_classes", "detection_scores", "num_detections"
"""Names of the outputs of a detector that tflbuild converted; the last says how many of the others' entries count."""


def _feature_maps(value: Any) -> bool:
    pairs = rows_of(rows_of(whole(1, MOST_SIDE), 2, least=2), 64)
    return pairs(value) and sum(rows * columns for rows, columns in value) <= MOST_ANCHORS


ANCHORS: Mapping[str, Check] = {
    "min_scale": number(above=0, most=1),
    "max_scale": number(above=0, most=1),
    "aspect_ratios": rows_of(number(above=0), 64),
    "extra_square": boolean,
    "reduced_finest": boolean,
}
"""Options of `tflbuild.tasks.detection.detector.AnchorOptions`."""

PYRAMID: Mapping[str, Check] = {
    "scale": number(above=0, most=64),
    "octaves": whole(1, 4),
    "aspect_ratios": rows_of(number(above=0), 64),
}
"""Options of `tflbuild.tasks.detection.detector.PyramidAnchors`."""


@task("detection")
class Detection(Task):
    """Boxes with classes and scores, as `TFLite_Detection_PostProcess` gives them.

    `head` says how a float model's raw outputs become boxes: `feature_maps`, `anchors` and `postprocess` of our own
    SSDs; `name`, `options`, `classes`, the shapes of its outputs (`raw`) and the sides of its `picture` of what others
    trained, see `heads`. `suppression` says whether the file does so, or its caller. A file that ends in suppression
    already may name its outputs otherwise: `outputs`.
    """

    purpose = "Finds objects in a picture: where they are, of which class, and how sure that is."
    float_outputs = True
    usual_steps = 2000  # on `signs`, 1000 reached mAP 0.49 on the test split and 2500 reached 0.68
    serving: ClassVar[str] = "tflbuild.backends.keras:boxes_of"
    training: ClassVar[str] = "tflbuild.tasks.detection.training"
    comparing: ClassVar[str] = "tflbuild.tasks.detection.comparing:disagreement"
    deciding: ClassVar[str] = "tflbuild.metrics.deciding.detection:decisions"
    head_checks: ClassVar[Mapping[str, Check]] = {
        "feature_maps": _feature_maps,
        "anchors": mapping,
        "postprocess": mapping,
        "outputs": text_mapping,
        "suppression": one_of("file", "caller"),
    }

    @classmethod
    def check_head(cls, prefix: str, head: Mapping[str, Any]) -> None:
        """Hold a head that lay in a file to what a detector's holds."""
        if not head:
            return
        if "name" in head:
            from tflbuild.tasks.detection.heads.untrusted import check_named

            check_named(prefix, head)
            return
        needed = ("outputs",) if "outputs" in head else ("feature_maps", "anchors", "postprocess")
        check_fields(prefix, head, cls.head_checks, needed=needed)
        if "anchors" in head:
            known = PYRAMID if "octaves" in head["anchors"] else ANCHORS
            check_fields(f"{prefix}anchors.", head["anchors"], known, needed=("aspect_ratios",))
        if "postprocess" in head:
            check_fields(f"{prefix}postprocess.", head["postprocess"], POSTPROCESS)

    def finisher(self, meaning: Meaning, *, whole: bool = False) -> Callable[[Outputs], Outputs]:
        """Decode and suppress as the device does, unless the file does so itself."""
        head = meaning.head
        if whole and head.get("suppression", "file") == "file":
            return lambda outputs: outputs
        if "name" in head:
            from tflbuild.tasks.detection.heads.finishing import finisher

            return finisher(head).run
        from tflbuild.tasks.detection.decoding import anchors_of, suppression_of
        from tflbuild.tflite.suppression import Suppressor

        suppressor = Suppressor(anchors_of(meaning), suppression_of(meaning))
        return lambda outputs: suppressor.run(outputs["box_encodings"], outputs["class_scores"])

    def settled(self, meaning: Meaning, outputs: Mapping[str, Any]) -> tuple[Meaning, Sequence[str]]:
        """Settle the options of a head by outputs on real pictures, and hold them to what the head says."""
        if "name" not in meaning.head:
            return meaning, ()
        from tflbuild.tasks.detection.heads.finishing import given_of, head_of

        head = meaning.head
        known, said = head_of(head).settled(outputs, given_of(head))
        return replace(meaning, head={**head, "options": {**head["options"], **known}}), said

    def finish_file(self, graph: Any, meaning: Meaning) -> Meaning:
        """Append decoding and suppression to a file of raw outputs, unless that is left to its caller."""
        if "name" not in meaning.head:
            return meaning
        from tflbuild.tasks.detection.heads.finishing import finish_file

        return finish_file(graph, meaning)

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Give `boxes` (detections, 4) in 0..1 of the original picture, `classes` and `scores` (detections,)."""
        names = meaning.head.get("outputs", {})
        boxes, classes, scores = (outputs[names.get(role, role)] for role in (BOXES, CLASSES, SCORES))
        counts = outputs.get(names.get(COUNT, COUNT))
        count = len(scores) if counts is None else int(counts.ravel()[0])  # behind it is uninitialised memory
        ((name, given),) = meaning.inputs.items()
        height, width = given.shape[:2]
        image: Any = given.kind
        unplaced = image.unplace(boxes[:count], *geometry[name], height, width)
        return {"boxes": unplaced, "classes": classes[:count], "scores": scores[:count]}

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Collect detections; those of classes that the data does not have are left out, as COCO does."""
        import numpy as np

        from tflbuild.tasks.labels import columns, missing

        by_data = np.append(columns(meaning.labels, classes), -1)  # behind the last label: what none names
        kept = []
        for row in rows:
            found = row["classes"].astype(np.int64)
            if classes:
                named = (found >= 0) & (found < len(meaning.labels))
                found = by_data[np.where(named, found, -1)]
            known = found >= 0
            kept.append((row["boxes"][known], found[known], row["scores"][known]))
        arrays = {
            "boxes": np.concatenate([boxes for boxes, _, _ in kept]).reshape(-1, 4).astype(np.float32),
            "classes": np.concatenate([found for _, found, _ in kept]).astype(np.int32),
            "scores": np.concatenate([scores for _, _, scores in kept]).astype(np.float32),
            "offsets": np.cumsum([0, *(len(found) for _, found, _ in kept)], dtype=np.int64),
        }
        return arrays | ({"missing": missing(meaning.labels, classes)} if classes else {})

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give `boxes`, `labels` and `offsets` of the objects, and `names` (classes,)."""
        import numpy as np

        return {
            "labels": np.concatenate([row.labels for row in annotations]).astype(np.int32),
            "names": np.array(classes, np.str_),
            "boxes": np.concatenate([row.boxes for row in annotations]).astype(np.float32),
            "offsets": np.cumsum([0, *(len(row.labels) for row in annotations)], dtype=np.int64),
        }

    def tail(self, meaning: Meaning) -> Any:
        """Give anchors and suppression options; None where the caller suppresses."""
        if meaning.head.get("suppression") == "caller":
            return None
        from tflbuild.tasks.detection.decoding import anchors_of, suppression_of
        from tflbuild.tflite.suppression import Tail

        return Tail(anchors=anchors_of(meaning), suppression=suppression_of(meaning))

    def tail_shapes(self, meaning: Meaning) -> Mapping[str, tuple[int, ...]]:
        """Give the shapes behind suppression; a file of others says its own."""
        from tflbuild.tflite.suppression import output_shapes

        options = meaning.head.get("postprocess")
        if meaning.head.get("suppression") == "caller":
            return {}
        return output_shapes(int(options["max_detections"])) if options else {}

    def ending(self, meaning: Meaning, graph: Any) -> Mapping[str, Any]:
        """Give thresholds, kind and most detections of suppression."""
        from tflbuild.tasks.detection.ending import ending

        return ending(meaning, graph)

    def end_as(self, graph: Any, ending: Mapping[str, Any]) -> bool:
        """Let a file suppress as another does."""
        from tflbuild.tasks.detection.ending import end_as

        return end_as(graph, ending)

    def described(
        self, meaning: Meaning, outputs: Mapping[str, TensorSpec]
    ) -> Mapping[str, TensorDescription]:
        """Describe boxes, classes, scores and their number, by the names that MediaPipe looks for."""
        from tflbuild.tasks.detection.described import described

        return {} if meaning.head.get("suppression") == "caller" else described(meaning)

    def found(self, rows: Rows, meaning: Meaning) -> list[Answer]:
        """Give every object."""
        from tflbuild.tasks.labels import label_of, refuse_not_finite

        refuse_not_finite(rows["boxes"], "boxes")
        refuse_not_finite(rows["scores"], "scores")
        objects = zip(rows["classes"].tolist(), rows["scores"].tolist(), rows["boxes"].tolist(), strict=True)
        every = [
            Answer(label=label_of(meaning.labels, label), score=score, box=tuple(box))
            for label, score, box in objects
        ]
        return sorted(every, key=lambda one: -one.score)
