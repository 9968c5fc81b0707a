"""The form of the finding of `thresholds`."""

from __future__ import annotations

from tflbuild.core.form import NUMBER, TEXT, fields, list_of, maybe, optional, whole

FIGURES = maybe(fields({"precision": maybe(NUMBER), "recall": maybe(NUMBER), "f": NUMBER}))
"""Figures that the threshold gives on a split."""

CONFUSION = fields(
    {
        "rows": list_of(TEXT),
        "columns": list_of(TEXT),
        "counts": list_of(list_of(whole())),
        "from_score": maybe(NUMBER),
    }
)
"""How often what is right, by row, was taken for what, by column; by answers from a score on, or by all of them."""

FORM = fields(
    {
        "what": TEXT,
        "beta": NUMBER,
        "chosen_on": TEXT,
        "measured_on": TEXT,
        "threshold": maybe(NUMBER),
        "val": FIGURES,
        "test": FIGURES,
        "thresholds": list_of(NUMBER),
        "precision": list_of(maybe(NUMBER)),
        "recall": list_of(maybe(NUMBER)),
        "confusion": optional(CONFUSION),
        "confused": optional(list_of(fields({"right": TEXT, "said": TEXT, "n": whole()}))),
    }
)
