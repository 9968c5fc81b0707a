"""The model's class names and the data's, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from tflbuild.core.exhibit import Row, Table
from tflbuild.core.label_list import disagreement, named_alike
from tflbuild.show.pages.figures import MISSING


def class_table(report: Mapping[str, Any]) -> Table | None:
    """Set what names the model's classes beside the data's, where they differ; outputs that differ are marked."""
    classes = report["data"].get("classes") or []
    listed = {
        where: labels
        for where, labels in report.get("labels", {}).items()
        if disagreement(where, labels, classes)
    }
    if not listed:
        return None
    rows = tuple(
        Row(
            cells=(str(place), *names),
            marked=len({named_alike(name) for name in names}) > 1,
        )
        for place, names in enumerate(zip_longest(classes, *listed.values(), fillvalue=MISSING))
    )
    return Table(headings=("output", "class of the data", *(f"by {where}" for where in listed)), rows=rows)
