"""A mistake in preparing a sample for a model, relative to the way that is right."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from tflbuild.core.modality import MODALITIES, Modality


class Mistake(NamedTuple):
    """One way to prepare a sample otherwise.

    Attributes:
        name: a word for it, unlike those of the others.
        kind: what it is about; two of one kind exclude one another.
        how: in words, behind "the picture is" or "the recording is".
        options: of the modality, where they differ.
        by: name of the modality that does so, where the right one has no such options.
    """

    name: str
    kind: str
    how: str
    options: Mapping[str, Any]
    by: str = ""

    def applied(self, now: Modality) -> Modality:
        """Give the modality that prepares samples so."""
        options = now.to_json()
        if {"scale", "mean"} & self.options.keys():
            options = {
                key: item for key, item in options.items() if key not in ("scale", "offset", "mean", "std")
            }
        cls = MODALITIES.get(self.by) if self.by else type(now)
        return cls.of({**options, **self.options})

    @property
    def override(self) -> str:
        """Write what prepares samples so, as it is typed; "" for what no option says."""
        if self.by:
            return ""
        words = (f"preprocess.{key}={_typed(item)}" for key, item in self.options.items())
        return " ".join(map(shlex.quote, words))


def joined(one: Mistake, other: Mistake) -> Mistake:
    """Make both mistakes at once."""
    return Mistake(
        f"{one.name}+{other.name}",
        f"{one.kind}+{other.kind}",
        f"{one.how}, and {other.how}",
        {**one.options, **other.options},
        one.by or other.by,
    )


def _typed(item: Any) -> str:
    if isinstance(item, list):
        return f"[{','.join(_typed(one) for one in item)}]"
    if isinstance(item, bool):
        return str(item).lower()
    return f"{item:.7g}" if isinstance(item, float) else str(item)
