"""Hold a described model file to the data that it is to be used on: kinds of samples, and classes."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.core.modality import MODALITIES
from tflbuild.core.model_format import Description
from tflbuild.core.plain_text import plain

SHOWN = 8
"""Classes of the data that a sentence names."""


def misfit(description: Description, modality: str, classes: Sequence[str]) -> str:
    """Say why data do not fit a model, as the end of "model.path: 'FILE' ..."; "" where they do.

    Args:
        description: of the model's file.
        modality: of the data's samples.
        classes: of the data; empty without labels.
    """
    kind = MODALITIES.get(modality)()
    for name, spec in description.signature.inputs.items():
        reason = kind.refusal(spec)
        if reason:
            said = f"its input '{plain(name)}' {reason.removeprefix('it ')}"
            return f"cannot take the data, whose samples are of the modality '{modality}': {said}"
    count = classes_of(description)
    if not count or not classes or known(description, classes) or count == len(classes):
        return ""
    shown = ", ".join(plain(name, 40) for name in classes[:SHOWN]) + (", ..." if len(classes) > SHOWN else "")
    return f"has {count} classes, but the data have {len(classes)} ({shown})"


def classes_of(description: Description) -> int:
    """Give how many classes a classifier's scores, or a detector's, tell apart; 0 where it does not show."""
    counted = description.classes or description.head.get("classes")
    if isinstance(counted, int) and counted:
        return counted
    scores = description.head.get("outputs", {}).get("scores")
    spec = description.signature.outputs.get(scores) if scores else None
    count = spec.shape[-1] if spec is not None and spec.shape else 0
    return 2 if count == 1 else max(count, 0)  # one score is that of the second of two classes


def known(description: Description, classes: Sequence[str]) -> bool:
    """Say whether the file names every class of the data."""
    own = next(iter(description.labels.values()), ())
    return bool(own) and set(classes) <= set(own)
