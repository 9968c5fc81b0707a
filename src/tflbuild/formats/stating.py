"""Take a model file's outputs for what the user says they are, where the file does not show it."""

from __future__ import annotations

from dataclasses import replace

from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain

CLASSIFIED = "classification"


def stated(description: Description, outputs: str) -> Description:
    """Take the one output of a file for a classifier's scores.

    Args:
        description: of the file.
        outputs: kind of scores: "logits", "softmax" or "sigmoid".

    Raises:
        ValueError: the file shows others, or no row of scores at all; "outputs: 'logits' ...".
    """
    shown = description.head.get("scores")
    if shown == outputs:
        return description
    if shown or description.task not in ("", CLASSIFIED):
        what = f"that its scores are those of '{shown}'" if shown else f"that it is for {description.task}"
        raise ValueError(f"outputs: '{outputs}' contradicts the file, which shows {what}; leave it out")
    found = description.signature.outputs
    name, spec = next(iter(found.items()))
    if len(found) != 1 or len(spec.shape) < 2 or any(side != 1 for side in spec.shape[:-1]):
        listed = ", ".join(f"'{plain(one, 40)}' {each.text}" for one, each in found.items())
        raise ValueError(
            f"outputs: '{outputs}' is what the one row of scores of a classifier may be, and the file gives {listed}"
        )
    classes = max(spec.shape[-1], 2)
    evidence = f"model.outputs={outputs} says so"
    kept = [one for one in description.recognised if one.what not in ("task", "outputs")]
    said = [
        Evidence("task", CLASSIFIED, evidence),
        Evidence("outputs", f"{outputs} of {classes} classes", evidence),
    ]
    return replace(
        description,
        task=CLASSIFIED,
        head={"outputs": {"scores": name}, "scores": outputs},
        recognised=(*said, *kept),
    )
