"""The head of a detector whose boxes are suppressed already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tflbuild.core.field_checks import Check, text
from tflbuild.tasks.detection.heads.head import Found, Given, Head, head

ROLES = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")

WORDS: Mapping[str, tuple[str, ...]] = {
    "detection_boxes": ("box",),
    "detection_classes": ("class", "label", "categor"),
    "detection_scores": ("score", "conf"),
    "num_detections": ("num", "count"),
}
"""Words in the names of outputs by role."""


@head("postprocessed")
class Postprocessed(Head):
    """Boxes (1, detections, 4) as ymin, xmin, ymax, xmax in 0..1, their classes and scores, and how many count.

    A `.tflite` that ends in `TFLite_Detection_PostProcess` shows it by its graph; others are recognised by the names of
    their four outputs, or say which is which.
    """

    checks: ClassVar[Mapping[str, Check]] = {role: text(1 << 10) for role in ROLES}

    detection_boxes: str = ""
    """Name of the output with the boxes. Empty: recognised by its shape."""
    detection_classes: str = ""
    """Name of the output with the classes. Empty: recognised by its name."""
    detection_scores: str = ""
    """Name of the output with the scores. Empty: recognised by its name."""
    num_detections: str = ""
    """Name of the output that says how many boxes count. Empty: recognised by its name."""

    @classmethod
    def recognise(cls, given: Given, said: Mapping[str, Any]) -> Found | None:
        """Find the shapes of the four outputs, and their roles in their names."""
        ranks = sorted(len(shape) for shape in given.outputs.values())
        boxes = [name for name, shape in given.outputs.items() if len(shape) == 3 and shape[2] == 4]
        if ranks not in ([1, 2, 2, 3], [2, 2, 3]) or len(boxes) != 1:
            return None
        roles = {role: said[role] for role in ROLES if said.get(role) in given.outputs} | {ROLES[0]: boxes[0]}
        for role in ROLES[1:]:
            left = [name for name in given.outputs if name not in roles.values()]
            named = [name for name in left if any(word in name.lower() for word in WORDS[role])]
            if role not in roles and len(named) == 1:
                roles[role] = named[0]
        if not set(ROLES[:3]) <= roles.keys():
            raise ValueError(
                "detection_scores: the names of the outputs do not tell scores from classes; say "
                "model.head=postprocessed model.head.detection_scores=NAME model.head.detection_classes=NAME"
            )
        most = given.outputs[boxes[0]][1]
        evidence = f"names and shapes of its outputs: {', '.join(roles.values())}"
        return Found(roles, 0, f"at most {most} boxes, suppressed already", evidence)

    def reads(self) -> tuple[str, ...]:
        """Name the outputs that are read."""
        return tuple(name for name in (getattr(self, role) for role in ROLES) if name)
