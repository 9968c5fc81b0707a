"""Keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tflbuild.core.answer import Answer
from tflbuild.core.field_checks import Check, rows_of, text_mapping, whole
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import TensorSpec
from tflbuild.core.task import Outputs, Rows, Task, task
from tflbuild.core.tensor_description import TensorDescription

HEATMAPS = "heatmaps"
"""Name of the output of a model of keypoints that tflbuild converted."""

MOST_SIDE = 1 << 12

LONGEST = 24
"""Letters of a name that is drawn."""


@task("keypoints")
class Keypoints(Task):
    """Named points of the one object that a picture shows: `heatmaps` (rows, columns, points) holds logits for each.

    `head.grid` has rows and columns of a heatmap. A delivered file gives heatmaps; `Predictor`, `predict` and every
    measurement read the points off them with NumPy alone, see `tflbuild.tasks.keypoints.heatmaps`.
    """

    purpose = "Finds the named points of the one object that a picture shows."
    usual_steps = 1000  # on `figures`, 300 reached an oks of 0.44 on the test split and 1000 reached 0.92
    label_noun = ("point", "points")
    serving: ClassVar[str] = "tflbuild.tasks.keypoints.training:served"
    training: ClassVar[str] = "tflbuild.tasks.keypoints.training"
    comparing: ClassVar[str] = "tflbuild.tasks.keypoints.comparing:disagreement"
    head_checks: ClassVar[Mapping[str, Check]] = {
        "outputs": text_mapping,
        "grid": rows_of(whole(1, MOST_SIDE), 2, least=2),
    }

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Give `points` (points, 2), y and x in 0..1 of the original picture, and `sure` (points,)."""
        import numpy as np

        from tflbuild.tasks.keypoints.heatmaps import points_of

        name = meaning.head.get("outputs", {}).get(HEATMAPS, HEATMAPS)
        points, sure = points_of(outputs[name])
        ((input_name, given),) = meaning.inputs.items()
        height, width = given.shape[:2]
        image: Any = given.kind
        placed = image.unplace(np.tile(points, 2), *geometry[input_name], height, width)
        return {"points": placed[:, :2], "sure": sure}

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Collect points by the data's names; one that the model does not have is nowhere."""
        import numpy as np

        from tflbuild.tasks.labels import columns, missing

        points, sure = (np.stack([row[name] for row in rows]) for name in ("points", "sure"))
        if not classes or not meaning.labels:
            return {"points": points, "sure": sure}
        places = columns(meaning.labels, classes)
        known = places >= 0
        placed = np.full((len(rows), len(classes), 2), np.nan, np.float32)
        placed[:, places[known]] = points[:, known]
        surely = np.zeros((len(rows), len(classes)), np.float32)
        surely[:, places[known]] = sure[:, known]
        return {"points": placed, "sure": surely, "missing": missing(meaning.labels, classes)}

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give what is right.

        `points` (samples, points, 2), `visible` and `sigmas` (samples, points), `sizes` (samples, 2) of pictures and
        `areas` (samples,) of objects in pixels, `boxes` (samples, 4), and `names` (points,).
        """
        import numpy as np

        every = np.stack([row.labels for row in annotations]).astype(np.float64)
        return {
            "points": every[:, :-2, :2],
            "visible": every[:, :-2, 2],
            "sigmas": every[:, :-2, 3],
            "sizes": every[:, -2, :2],
            "areas": every[:, -2, 2],
            "boxes": np.stack([row.boxes[0] for row in annotations]).astype(np.float32),
            "names": np.array(classes, np.str_),
        }

    def described(
        self, meaning: Meaning, outputs: Mapping[str, TensorSpec]
    ) -> Mapping[str, TensorDescription]:
        """Say which points there are."""
        name = meaning.head.get("outputs", {}).get(HEATMAPS, HEATMAPS)
        said = f"Logits over the cells of a grid, a map for each point: {', '.join(meaning.labels)}."
        return {name: TensorDescription(name=HEATMAPS, description=said)}

    def draw(self, sample: Any, answers: Sequence[Any]) -> Any:
        """Draw a disc with its name at each point; None for what is no picture."""
        if getattr(sample, "ndim", 0) != 3:
            return None
        from tflbuild.core.plain_text import plain
        from tflbuild.modalities.image.dots import dotted

        known = [(one.point, plain(one.label, LONGEST)) for one in answers if one.point is not None]
        return dotted(sample, [point for point, _ in known], [name for _, name in known])

    def found(self, rows: Rows, meaning: Meaning) -> list[Answer]:
        """Give every point by its name, in the order of the model."""
        from tflbuild.tasks.labels import label_of, refuse_not_finite

        refuse_not_finite(rows["points"], "points")
        return [
            Answer(label=label_of(meaning.labels, place), score=score, point=(y, x))
            for place, ((y, x), score) in enumerate(
                zip(rows["points"].tolist(), rows["sure"].tolist(), strict=True)
            )
        ]
