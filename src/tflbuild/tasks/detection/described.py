"""A detector's outputs for tools of others: the roles that MediaPipe Tasks look for by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tflbuild.core.meaning import Meaning
from tflbuild.core.tensor_description import TensorDescription

ROLES: Mapping[str, TensorDescription] = {
    "detection_boxes": TensorDescription(
        name="location",
        description="Where each object is: ymin, xmin, ymax, xmax in 0..1 of the picture.",
        content="box",
    ),
    "detection_classes": TensorDescription(
        name="category", description="The class of each object, counted from 0.", labelled="values"
    ),
    "detection_scores": TensorDescription(
        name="score", description="How sure each object is, the surest first.", low=(0.0,), high=(1.0,)
    ),
    "num_detections": TensorDescription(
        name="number of detections", description="How many entries of the other outputs count."
    ),
}
"""Descriptions by the name that tflbuild gives an output."""


def described(meaning: Meaning) -> dict[str, TensorDescription]:
    """Describe the outputs of a detector that ends in suppression, by the file's own names of them."""
    names = meaning.head.get("outputs", {})
    return {
        names.get(role, role): replace(one, labels=meaning.labels if one.labelled == "values" else ())
        for role, one in ROLES.items()
    }
