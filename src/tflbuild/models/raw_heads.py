"""Take a file's outputs for a detector's before suppression, where they are recognised, or where the recipe says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.signature import Signature
from tflbuild.core.task import TASKS
from tflbuild.formats import labels
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.tasks.detection.heads import recognition
from tflbuild.tasks.detection.heads.head import Given
from tflbuild.tasks.detection.task import Detection

DETECTION = "detection"
SUPPRESSIONS = ("file", "caller")
CHANNELS = (1, 3)
LAST = (0, 3, 1, 2)
"""Place of each axis of a map, whose channels came first, when they come last."""


def with_head(
    description: Description, said: Mapping[str, Any], postprocess: Postprocess, *, whole: bool
) -> Description:
    """Add the head of a detector.

    Args:
        description: of the file.
        said: what the recipe says of the head.
        postprocess: how boxes are suppressed.
        whole: whether the file is executed as it is, not converted first.

    Raises:
        ValueError: what is said contradicts the file, or is not enough.
        RecipeError: there is no head of that name.
    """
    suppression = said.get("suppression", "file")
    if suppression not in SUPPRESSIONS:
        raise ValueError(f"head.suppression: {suppression!r} is not one of {', '.join(SUPPRESSIONS)}")
    if description.task:
        return _known(description, said, whole=whole)
    given = given_of(description.signature, description.parts) if whole else None
    if given is None:
        if said:
            raise ValueError("head: the outputs are not those of one picture with fixed sides")
        return description
    found = recognition.recognised(given, said)
    if found.found is None and said:
        reason = f" ({found.reason})" if found.reason else ""
        raise ValueError(
            f"head.suppression: it is of a detector, and the outputs are not recognised as one's{reason}; say "
            f"model.head=NAME"
        )
    if found.found is None:
        return _doubtful(description, found.reason) if found.reason else description
    return _recognised(description, given, found, suppression, postprocess, said)


def given_of(signature: Signature, parts: Mapping[str, tuple[int, tuple[int, ...]]]) -> Given | None:
    """Give what heads are recognised by; None where no one picture goes in, or sides are open.

    Where channels come first, as in an ONNX model, maps are taken as they come out of its conversion: channels last.
    """
    shapes = [spec.shape for spec in signature.inputs.values()]
    outputs = {name: spec.shape for name, spec in signature.outputs.items()}
    if len(shapes) != 1 or len(shapes[0]) != 4 or min(shapes[0]) < 1:
        return None
    if not outputs or any(not shape or min(shape) < 1 for shape in outputs.values()):
        return None
    _, one, two, three = shapes[0]
    if three in CHANNELS:
        return Given(outputs, one, two, parts)
    if one not in CHANNELS:
        return None
    turned = {
        name: (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else shape
        for name, shape in outputs.items()
    }
    axes = {
        name: (LAST[axis] if len(outputs[name]) == 4 else axis, sides)
        for name, (axis, sides) in parts.items()
    }
    return Given(turned, two, three, axes)


def _known(description: Description, said: Mapping[str, Any], *, whole: bool) -> Description:
    """Hold what is said to a file that shows its task already."""
    name = said.get("type", recognition.AUTO)
    if not issubclass(TASKS.get(description.task), Detection):
        raise ValueError(f"head: it is of a detector, and the file shows that it is for {description.task}")
    own = description.head.get("name", "postprocessed" if whole else "ssd")
    if name not in (recognition.AUTO, own):
        raise ValueError(f"head: '{name}' contradicts the file, whose head is '{own}'; leave it out")
    if "suppression" not in said or not whole:  # conversion appends it to a framework's model, or does not
        return description
    if description.head.get("suppression", "file") != said["suppression"]:
        raise ValueError(
            f"head.suppression: '{said['suppression']}' contradicts the file, which leaves it to the "
            f"{description.head.get('suppression', 'file')}; use the file from before suppression was added"
        )
    return description


def _doubtful(description: Description, reason: str) -> Description:
    """Say why no head is taken for sure; the outputs stay what they are."""
    kept = [one for one in description.recognised if one.what != "task"]
    return replace(description, recognised=(Evidence("task", "not recognised", reason), *kept))


def _recognised(
    description: Description,
    given: Given,
    recognised: recognition.Recognised,
    suppression: str,
    postprocess: Postprocess,
    said: Mapping[str, Any],
) -> Description:
    found = recognised.found
    assert found is not None
    chosen = labels.fitting(description.listed, found.classes, detects=True)
    evidence = f"model.head={said['type']} says so; {found.evidence}" if "type" in said else found.evidence
    head: dict[str, Any] = {"outputs": dict(found.options)}
    if recognised.name != "postprocessed":
        head = {
            "name": recognised.name,
            "options": dict(found.options),
            "classes": found.classes,
            "raw": {name: list(shape) for name, shape in given.outputs.items()},
            "picture": [given.height, given.width],
            "postprocess": asdict(postprocess),
            "suppression": suppression,
        }
    told = [
        Evidence("task", DETECTION, evidence),
        Evidence("head", found.value, evidence),
        *([Evidence("suppression", _words(suppression), "model.head.suppression")] if "name" in head else []),
    ]
    left = [one for one in description.recognised if one.what not in ("task", "outputs", "labels")]
    return replace(
        description,
        task=DETECTION,
        head=head,
        labels=chosen.lists,
        recognised=(*told, *left, *chosen.recognised),
    )


def _words(suppression: str) -> str:
    return "appended to the file" if suppression == "file" else "left to the caller"
