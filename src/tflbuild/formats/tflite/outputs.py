"""The meaning of the outputs of a `.tflite`, read off the operators that make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.tflite.graph import Graph, Operator
from tflbuild.formats.tflite.scheme import WEIGHTED
from tflbuild.tflite.chips import CHIPS
from tflbuild.tflite.detection_rules import options_of

SUPPRESSION = "TFLite_Detection_PostProcess"

ROLES = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
"""Outputs of the operator, in its order."""

PASSING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE")
"""Operators behind which a probability is the same probability."""

MEANS = ("MEAN", "AVERAGE_POOL_2D")
"""Operators that give means: of probabilities that add up to 1, probabilities that add up to 1."""

PROBABILITIES: Mapping[str, str] = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid", "LOG_SOFTMAX": "logits"}
"""Kinds of scores by the operator that makes them; a softmax of logarithms of probabilities gives these again."""

SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The meaning of a model's outputs.

    Attributes:
        kind: "softmax", "sigmoid" or "logits" of one row of scores, "detection"; "" for anything else.
        head: what the task has to know.
        classes: names that a list of labels must have; 0 where the outputs are of no classes.
        sure: whether it is that task whatever else the file says; logits may as well be any numbers.
        value: the words for what it is.
        evidence: the words for what shows it.
        labelled: the output whose metadata name the classes; -1 for none.
        shapes: of outputs that the file leaves open.
    """

    kind: str = ""
    head: Mapping[str, Any] = field(default_factory=dict)
    classes: int = 0
    sure: bool = False
    value: str = ""
    evidence: str = ""
    labelled: int = -1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def outputs_of(graph: Graph, names: Mapping[str, int]) -> Outputs:
    """Read what a model's outputs are.

    Args:
        graph: of the model.
        names: tensors of its outputs by name.
    """
    suppressing = [one for one in graph.operators if one.custom and one.kind == SUPPRESSION]
    if suppressing:
        return _detection(suppressing[-1], names)
    if len(names) == 1:
        ((name, index),) = names.items()
        return _single(graph, name, index)
    shapes = ", ".join(
        f"'{plain(name, 40)}' {graph.spec(index).text}" for name, index in list(names.items())[:SHOWN]
    )
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Outputs(evidence=f"{len(names)} outputs, {shapes}{more}: {_of_several(graph, names)}")


def parts_of(graph: Graph, names: Mapping[str, int]) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Give, of each output that is joined of several tensors, the axis and how much of it each takes."""
    found = {}
    for name, index in names.items():
        maker, sides = graph.maker(index), graph.spec(index).shape
        if maker is None or maker.kind != "CONCATENATION" or len(maker.inputs) < 2:
            continue
        shapes = [graph.spec(one).shape for one in maker.inputs]
        for axis in range(len(sides)):
            joined = tuple(shape[axis] for shape in shapes if len(shape) == len(sides))
            if len(joined) == len(shapes) and sum(joined) == sides[axis]:
                found[name] = (axis, joined)
    return found


def _of_several(graph: Graph, names: Mapping[str, int]) -> str:
    shapes = sorted((graph.spec(index).shape for index in names.values()), key=len)
    raw = len(shapes) == 2 and all(len(shape) == 3 for shape in shapes) and shapes[0][1] == shapes[1][1]
    if raw and 4 in (shapes[0][2], shapes[1][2]):
        return f"a detector's boxes and scores may look so, but no {SUPPRESSION} is behind them"
    custom = [one for one in map(graph.maker, names.values()) if one is not None and one.custom]
    if custom:
        return f"the custom operator '{plain(custom[0].kind, 60)}' makes them"
    return f"a classifier has one output, and a detector ends in {SUPPRESSION}"


def _detection(operator: Operator, names: Mapping[str, int]) -> Outputs:
    named = {index: name for name, index in names.items()}
    missing = [role for role, index in zip(ROLES, operator.outputs, strict=False) if index not in named]
    if missing:
        evidence = f"it has a {SUPPRESSION}, whose {' and '.join(missing)} are not outputs of the model"
        return Outputs(evidence=evidence)
    found = {role: named[index] for role, index in zip(ROLES, operator.outputs, strict=False)}
    options = options_of(bytes(operator.table.numbers("custom_options"))) or {}
    classes = int(options.get("num_classes", 0))
    most = int(options.get("max_detections", 0)) * int(options.get("max_classes_per_detection", 1))
    sides = ((1, most, 4), (1, most), (1, most), (1,))
    return Outputs(
        kind="detection",
        head={"outputs": found},
        classes=classes,
        sure=True,
        value=f"at most {most} boxes of {classes} classes",
        evidence=f"it ends in {SUPPRESSION}",
        labelled=operator.outputs[1],
        shapes={found[role]: shape for role, shape in zip(ROLES, sides, strict=True)},
    )


def _single(graph: Graph, name: str, index: int) -> Outputs:
    spec = graph.spec(index)
    said = f"'{plain(name, 60)}' {spec.text}"
    count = _row(spec)
    if not count:
        maker = _end(graph, index)
        made = f"; {plain(maker.kind, 60)} makes it" if maker else ""
        return Outputs(evidence=f"the one output, {said}, is not a row of scores{made}")
    kind, evidence = _kind(graph, index, count)
    if kind != "softmax" and any(graph.spec(given).shape == spec.shape for given in graph.inputs):
        return Outputs(
            evidence=f"the one output, {said}, has the shape of the input, as an autoencoder's has"
        )
    if not kind or (count == 1 and kind == "softmax"):
        reason = evidence if not kind else f"{evidence}, and a softmax of one number is always 1"
        return Outputs(evidence=f"the one output, {said}: {reason}", classes=count, labelled=index)
    head = {"outputs": {"scores": name}, "scores": kind}
    single = count == 1
    words = f"{kind} of {count} classes"
    if single:
        words = f"{'p' if kind == 'sigmoid' else 'the logit of p'}, the probability of the second class"
    return Outputs(
        kind=kind,
        head=head,
        classes=2 if single else count,
        sure=kind != "logits" and not single,
        value=words,
        evidence=evidence,
        labelled=index,
    )


def _row(spec: TensorSpec) -> int:
    """Give the number of scores of a tensor that is one row for one sample; 0 for any other."""
    shape = spec.shape
    if len(shape) < 2 or any(side != 1 for side in shape[:-1]) or spec.dtype in ("string", "bool"):
        return 0
    return max(shape[-1], 0)


def _kind(graph: Graph, index: int, count: int) -> tuple[str, str]:
    """Give what a row of scores is, and what shows it; "" with the reason where it does not show."""
    operator = _end(graph, index)
    if operator is None:
        return "", "no operator makes it"
    said = f"{operator.kind} makes it"
    if operator.kind in PROBABILITIES and not operator.custom:
        row = _row(graph.spec(operator.outputs[0]))
        if operator.kind == "LOGISTIC" or row == count:
            return PROBABILITIES[operator.kind], f"it ends in {operator.kind}"
        return "", f"its {operator.kind} is over other rows than that one"
    if operator.kind in MEANS:
        return _mean(graph, operator, count)
    linear = (operator.kind in WEIGHTED or operator.kind == "ADD") and not operator.custom
    if linear and not operator.activation:
        return "logits", f"{said}, without an activation"
    if operator.kind in CHIPS:
        return "", f"the operator '{operator.kind}' makes it, and what it computes is not in the graph"
    return (
        "",
        f"{said}{f', with {operator.activation}' if operator.activation else ''}, which makes no scores",
    )


def _mean(graph: Graph, operator: Operator, count: int) -> tuple[str, str]:
    behind = _end(graph, operator.inputs[0])
    said = f"{operator.kind} makes it"
    if behind is None or behind.custom:
        return "", f"{said}, of no layer that is known"
    alike = graph.spec(behind.outputs[0]).shape[-1:] == (count,)
    if behind.kind in ("SOFTMAX", "LOGISTIC") and alike:
        return PROBABILITIES[behind.kind], f"{said}, of what {behind.kind} makes"
    if behind.kind in WEIGHTED and alike and not behind.activation and not operator.activation:
        return "logits", f"{said}, of what {behind.kind} makes without an activation"
    return (
        "",
        f"{said}, of what {behind.kind} makes{f' with {behind.activation}' if behind.activation else ''}",
    )


def _end(graph: Graph, index: int) -> Operator | None:
    """Give the last operator that computes something, through those that only move values."""
    operator = graph.maker(index)
    for _ in graph.operators:
        if operator is None or operator.custom or operator.kind not in PASSING:
            break
        operator = graph.maker(operator.inputs[0])
    return operator
