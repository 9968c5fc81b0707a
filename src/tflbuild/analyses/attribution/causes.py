"""Causes that a ladder shows by itself: the step that lost accuracy, and what usually cures that kind of step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.analyses.attribution import stages
from tflbuild.core.artifact import Artifact
from tflbuild.core.cause import Cure
from tflbuild.core.meaning import Meaning

NAMES: Mapping[str, str] = {
    stages.BASE: "batch_norm",
    stages.CONVERTED: "conversion",
    stages.DELEGATE: "kernels.float",
    stages.WEIGHTS: "weights",
    stages.ACTIVATIONS: "activations",
    stages.ENDS: "ends",
    stages.INTEGERS: "kernels.int8",
    stages.KERNELS: "kernels.int8",
    stages.FILE: "file",
    stages.LABELS: "labels.order",
    stages.PREPROCESS: "preprocess",
    stages.SUPPRESSION: "suppression",
}
"""The cause that a step stands for, where no other analysis knows a better one."""

SENTENCES: Mapping[str, str] = {
    stages.BASE: "the batch-norm statistics in the file do not fit its weights",
    stages.CONVERTED: "the converted float file does not compute what the model computes",
    stages.DELEGATE: "this machine's float kernels give other results than the reference kernels",
    stages.WEIGHTS: "rounding the weights lost accuracy",
    stages.ACTIVATIONS: "rounding the activations lost accuracy",
    stages.ENDS: "rounding input and output lost accuracy",
    stages.INTEGERS: "integer arithmetic itself lost accuracy",
    stages.KERNELS: "this machine's integer kernels give other results than the reference kernels",
    stages.FILE: "the file gives other results than the base, although nothing in it is quantized",
    stages.LABELS: "the file names its classes in another order than the base",
    stages.PREPROCESS: "the file expects another preprocessing than the base",
    stages.SUPPRESSION: "the file's suppression of detections differs from the base's",
}


def of(
    rows: Sequence[Mapping[str, Any]], steps: Sequence[str], models: Mapping[str, Artifact]
) -> list[dict[str, Any]]:
    """Give a finding for each step that is blamed, and for a preprocessing that differs between base and file.

    Args:
        rows: of the ladder.
        steps: labels of the recipe's steps, in order.
        models: `base` and `model`.
    """
    found = [_cause(row, steps) for row in rows if row.get("blamed")]
    apart = _preprocess_apart(Meaning.of(models["base"]), Meaning.of(models["model"]))
    blamed = [row for row in rows if row.get("blamed") and row["name"] in (stages.ENDS, stages.PREPROCESS)]
    if apart and blamed:
        found.append(_prepared_apart(apart, blamed[0]))
    return found


def _preprocess_apart(base: Meaning, model: Meaning) -> dict[str, tuple[Any, Any]]:
    """Give options of the preprocessing of the one input that differ: of the base, and of the file."""
    if len(base.inputs) != 1 or len(model.inputs) != 1 or base.only.modality != model.only.modality:
        return {}
    one, other = base.only.kind.to_json(), model.only.kind.to_json()
    return {key: (one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)}


def _prepared_apart(apart: Mapping[str, tuple[Any, Any]], row: Mapping[str, Any]) -> dict[str, Any]:
    """Say that base and file are given samples that are prepared otherwise; one of the two is wrong."""
    said = ", ".join(f"{key} {_plain(one)} and {_plain(other)}" for key, (one, other) in apart.items())
    name = next(
        (f"pixels.{key}" for key in ("scale", "offset", "channels", "resize") if key in apart), "preprocess"
    )
    as_file = " ".join(
        f"preprocess.{key}={_plain(other)}" for key, (_, other) in apart.items() if other is not None
    )
    return {
        "cause": name,
        "stage": row["name"],
        "text": f"base and file expect different preprocessing: {said}; one of them is wrong",
        "cost": row["cost"],
        "cures": [
            Cure(
                "use the file's preprocessing for the base", as_file, float(row["cost"]["value"]), "seconds"
            ).to_json()
        ],
    }


def _plain(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _cause(row: Mapping[str, Any], steps: Sequence[str]) -> dict[str, Any]:
    name = str(row["name"])
    label = name.removeprefix(stages.PASS)
    own = name.startswith(stages.PASS)
    return {
        "cause": f"pass.{label}" if own else NAMES.get(name, name),
        "stage": name,
        "general": True,
        "text": f"the pass '{label}' lost accuracy" if own else SENTENCES.get(name, name),
        "cost": row["cost"],
        "cures": [cure.to_json() for cure in _cures(name, steps, float(row["cost"]["value"]))],
    }


def _cures(name: str, steps: Sequence[str], lost: float) -> list[Cure]:
    """Give what usually cures a kind of step, the cheapest for its gain first."""
    if name.startswith(stages.PASS):
        label = name.removeprefix(stages.PASS)
        return [
            Cure(
                f"leave '{label}' out", _pipeline([step for step in steps if step != label]), lost, "training"
            ),
        ]
    if name == stages.BASE:
        return [
            Cure(
                "estimate the batch-norm statistics again",
                _pipeline([*steps[:1], "reestimate_bn", *steps[1:]]),
                lost,
                "minutes",
            )
        ]
    quantize, mixed = quantizing(steps), mixed_cure(steps, lost)
    wide = Cure("keep activations in 16 bits", f"{quantize}.scheme=int16x8", lost, "minutes")
    if name == stages.WEIGHTS:
        channel = channel_cure(steps, lost)
        bits = Cure("store weights in 8 bits", f"{quantize}.weight_bits=8", lost, "minutes")
        return [bits, channel, mixed] if quantize in steps else [channel, mixed]
    if name == stages.ACTIVATIONS:
        fresh = Cure(
            "calibrate on samples of the train split", f"{quantize}.calibration.source=data.train", lost
        )
        return [fresh, wide, mixed]
    if name == stages.ENDS:
        return [Cure("use float outputs", f"{quantize}.output_dtype=float32", lost), wide]
    return []


def quantizing(steps: Sequence[str]) -> str:
    """Give the label of the step that quantizes; of a file of others, that of the recipes."""
    return next((step for step in steps if step.startswith("quantize")), "quantize")


def mixed_cure(steps: Sequence[str], lost: float) -> Cure:
    """Give the cure that leaves layers in float."""
    return Cure("keep the costliest layers in float", mixed_pipeline(steps), lost, "minutes")


def channel_cure(steps: Sequence[str], lost: float) -> Cure:
    """Give the cure of channels that share a scale of weights."""
    return Cure("use one scale per channel", f"{quantizing(steps)}.granularity=channel", lost, "minutes")


def mixed_pipeline(steps: Sequence[str]) -> str:
    """Give the override that quantizes all but the layers that cost most; of a file of others, by the recipe's steps.

    Args:
        steps: labels of the steps that the model went through, in order.
    """
    label = quantizing(steps)
    kept = ["quantize_mixed" if step == label else step for step in steps]
    return _pipeline(kept if label in steps or not steps else [*kept, "quantize_mixed"])


def _pipeline(steps: Sequence[str]) -> str:
    return f"'pipeline=[{','.join(steps)}]'" if steps else ""
