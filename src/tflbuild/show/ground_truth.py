"""The ground truth of a photo by what lies beside it; read in a process apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.answer import Truth
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.beside import beside
from tflbuild.engine.workers.request import Progress


class Known(NamedTuple):
    """The truth about one image, as far as somebody says it.

    Attributes:
        truth: its objects or its class; None where nothing says it.
        source: the data set or the file that says it; "" for none.
        notes: a sentence on each thing that was left out or taken for granted.
    """

    truth: tuple[Truth, ...] | None = None
    source: str = ""
    notes: tuple[str, ...] = ()


def of_photo(photo: Path, labels: Sequence[str], report: Progress) -> Known:
    """Give what an annotation beside a photo says, or the folder that it lies in; for a process apart.

    Args:
        photo: a file.
        labels: the model's class names.
        report: is not told.
    """
    path = Path(os.path.abspath(photo))  # annotations lie beside a link, not beside what it leads to
    try:
        found = beside(path, labels)
    except (DataError, ValueError, OSError) as error:
        return Known(notes=(f"no ground truth: {plain(error)}",))
    if found is None:
        named = path.parent.name
        return Known((Truth(label=named),), "its folder") if named in labels else Known()
    strange = sorted({label for label, _ in found.objects} - set(labels)) if labels else []
    notes = found.said
    if strange:
        notes += (f"the model has no class {plain(', '.join(strange))}",)
    truth = tuple(Truth(label=label, box=box) for label, box in found.objects)
    return Known(truth, str(found.source), notes)
