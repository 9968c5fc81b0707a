"""Classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tflbuild.core.answer import Answer
from tflbuild.core.field_checks import Check, one_of, text_mapping
from tflbuild.core.meaning import Meaning
from tflbuild.core.signature import TensorSpec
from tflbuild.core.task import Outputs, Rows, Task, task
from tflbuild.core.tensor_description import TensorDescription

SHOWN = 5
"""Classes that are shown of an answer."""

SCORES = "scores"
"""Name of the output of a classifier that tflbuild converted."""


@task("classification")
class Classification(Task):
    """One class a sample: the output `scores` (classes,) holds a score for each.

    A file of others may name it otherwise, `head.outputs.scores`, and give logits, `head.scores`.
    """

    purpose = "Says which class a sample is of."
    usual_steps = 1200  # on `sign_crops`, 600 reached a top-1 accuracy of 0.96
    serving: ClassVar[str] = "tflbuild.backends.keras:scores_of"
    training: ClassVar[str] = "tflbuild.tasks.classification.training"
    comparing: ClassVar[str] = "tflbuild.tasks.classification.comparing:disagreement"
    deciding: ClassVar[str] = "tflbuild.metrics.deciding.classification:decisions"
    head_checks: ClassVar[Mapping[str, Check]] = {
        "outputs": text_mapping,
        "scores": one_of("softmax", "sigmoid", "logits"),
    }

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Give `scores`, (classes,) float32; one number is that of the second of two classes."""
        name = meaning.head.get("outputs", {}).get(SCORES, SCORES)
        scores, kind = outputs[name].ravel(), meaning.head.get("scores")
        if len(scores) > 1 or kind is None:
            return {SCORES: scores}
        import numpy as np

        first = np.zeros_like(scores) if kind == "logits" else 1 - scores
        return {SCORES: np.concatenate([first, scores])}

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Collect scores by the data's classes; scores of other classes follow, and are never right."""
        import numpy as np

        from tflbuild.tasks.labels import columns, missing

        raw = np.stack([row[SCORES] for row in rows])
        if not classes:  # of data without labels
            return {SCORES: raw}
        labels = meaning.labels or tuple(map(str, range(raw.shape[1])))
        places = columns(labels, classes)
        foreign = np.flatnonzero(places < 0)
        places[foreign] = len(classes) + np.arange(len(foreign))
        scores = np.full((len(raw), len(classes) + len(foreign)), -np.inf, np.float32)
        scores[:, places] = raw
        return {SCORES: scores, "missing": missing(labels, classes)}

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give `labels` (samples,) int32 and `names` (classes,)."""
        import numpy as np

        return {
            "labels": np.concatenate([row.labels for row in annotations]).astype(np.int32),
            "names": np.array(classes, np.str_),
        }

    def described(
        self, meaning: Meaning, outputs: Mapping[str, TensorSpec]
    ) -> Mapping[str, TensorDescription]:
        """Describe a score for each class; one number alone is that of the second of two classes."""
        name, kind = meaning.head.get("outputs", {}).get(SCORES, SCORES), meaning.head.get("scores")
        raw = kind == "logits"
        what = "A logit" if raw else "A probability"
        single = kind is not None and name in outputs and outputs[name].shape[-1:] == (1,)
        return {
            name: TensorDescription(
                name="logit" if raw else "probability",
                description=f"{what} of the second of two classes." if single else f"{what} for each class.",
                low=() if raw else (0.0,),
                high=() if raw else (1.0,),
                labels=meaning.labels[1:2] if single else meaning.labels,
            )
        }

    def found(self, rows: Rows, meaning: Meaning) -> list[Answer]:
        """Name the best classes, with probabilities."""
        from tflbuild.tasks.labels import label_of, refuse_not_finite

        refuse_not_finite(rows[SCORES], "scores")
        raw = rows[SCORES]
        scores = (_softmax(raw) if meaning.head.get(SCORES) == "logits" else raw).tolist()
        if meaning.labels and len(meaning.labels) != len(scores):
            raise ValueError(f"{len(scores)} scores of {len(meaning.labels)} classes")
        every = [Answer(label=label_of(meaning.labels, k), score=score) for k, score in enumerate(scores)]
        return sorted(every, key=lambda one: -one.score)[:SHOWN]


def _softmax(logits: Any) -> Any:
    import numpy as np

    powers = np.exp(logits - logits.max())
    return powers / powers.sum()
