"""The outputs of a Keras model: their task, and the classes that names are given to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tflbuild.core.model_format import Evidence
from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.description import Description
from tflbuild.formats.keras.shapes import Shape
from tflbuild.formats.keras.signature import spec_of

SHOWN = 6


class Result(NamedTuple):
    """The meaning of a model's outputs.

    Attributes:
        task: its name; "" for none.
        classes: names that a list must have; 0 where there are no classes, None where their number does not show.
        value: the words for what the outputs are.
        evidence: the words for what shows it.
        sure: whether it is of that task though no list names as many classes.
        scores: kind of a classifier's scores, "softmax", "sigmoid" or "logits"; "" where it does not show.
    """

    task: str
    classes: int | None
    value: str
    evidence: str
    sure: bool = True
    scores: str = ""

    def recognised(self, *, named: bool) -> list[Evidence]:
        """List what was recognised.

        Args:
            named: whether a list has as many names as there are classes.
        """
        if self.task and (self.sure or named):
            return [
                Evidence("task", self.task, self.evidence),
                Evidence("outputs", self.value, self.evidence),
            ]
        classes = "the classes" if self.classes is None else f"{self.classes} classes"
        doubt = f": {self.value}, or other numbers, since no labels.txt names {classes}" if self.task else ""
        return [Evidence("task", "not recognised", f"{self.evidence}{doubt}")]


def result_of(
    graph: Description, outputs: Mapping[str, Shape | None], inputs: Collection[Shape], *, pictures: bool
) -> Result:
    """Read what a model's outputs are.

    Args:
        graph: its description.
        outputs: their shapes by name.
        inputs: shapes of its inputs.
        pictures: whether it takes pictures.
    """
    if not graph.ends or len(outputs) != len(graph.ends):
        return _none("its graph cannot be followed from its outputs to its input")
    if len(graph.ends) == 1:
        return _row(graph, next(iter(outputs.values())), inputs, pictures=pictures)
    shapes = list(outputs.values())
    if graph.task == "detection" and len(inputs) == 1 and _are_boxes(shapes, graph.ranks):
        end = graph.ends[1]
        classes = shapes[1][-1] if shapes[1] else None
        value = f"boxes and class {'scores' if end.kind == 'sigmoid' else end.kind}"
        return Result("detection", classes, value, plain(end.evidence))
    said = [f"'{plain(name, 40)}' {_text(shape)}" for name, shape in outputs.items()]
    more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return _none(
        f"{len(said)} outputs, {', '.join(said[:SHOWN])}{more}: a classifier has one, and a detector two, boxes and "
        f"class scores for one picture"
    )


def _row(graph: Description, shape: Shape | None, inputs: Collection[Shape], *, pictures: bool) -> Result:
    """Read what one output is: a row of scores for each sample, or anything else."""
    ((kind, evidence),) = graph.ends
    evidence = plain(evidence)
    rank = len(shape) if shape else graph.ranks[0]
    if rank not in (2, None):
        return _none(f"the one output, {_text(shape, rank)}, is not a row of scores; {evidence}")
    if shape is not None and shape in inputs and kind != "softmax":
        return _none(
            f"the one output, {_text(shape)}, has the shape of the input, as an autoencoder's has; {evidence}"
        )
    count = shape[-1] if shape else None
    if count == 1 and kind == "softmax":
        return _none(f"{evidence}, and a softmax of one number is always 1")
    scores = "" if kind == "unknown" else kind
    sure = kind in ("softmax", "sigmoid") or (kind == "logits" and pictures)
    if count == 1:
        one = "the logit of p" if kind == "logits" else "p"
        return Result(
            "classification", 2, f"{one}, the probability of the second class", evidence, sure, scores
        )
    words = "scores that model.outputs names" if kind == "unknown" else kind
    value = words if count is None else f"{words} of {count} classes"
    return Result("classification", count, value, evidence, sure, scores)


def _none(evidence: str) -> Result:
    return Result("", 0, "", evidence)


def _are_boxes(shapes: list[Shape | None], ranks: tuple[int | None, ...]) -> bool:
    """Say whether two outputs may be (batch, anchors, 4) and (batch, anchors, classes), as far as they show."""
    boxes, scores = shapes
    if boxes is None or scores is None:
        return all(rank in (3, None) for rank in ranks)
    if len(boxes) != 3 or len(scores) != 3:
        return False
    return boxes[2] in (4, None) and (boxes[1] == scores[1] or None in (boxes[1], scores[1]))


def _text(shape: Shape | None, rank: int | None = None) -> str:
    if shape is None:
        return f"of {rank} axes" if rank else "of an unknown shape"
    return spec_of(shape).text
