"""The form of findings about field samples: the comparison, and each cause."""

from __future__ import annotations

from tflbuild.core.cause import CAUSE, CURE
from tflbuild.core.form import (
    FLAG,
    NUMBER,
    TEXT,
    fields,
    list_of,
    maybe,
    number,
    one_of,
    optional,
    whole,
)
from tflbuild.core.form_choice import by_key

KINDS = ("looks", "answers", "ranges", "agreement")
"""Kinds of tests."""

VERDICTS = ("fine", "undecided", "mend_preprocessing", "recalibrate", "retrain")

TEST = fields(
    {
        "name": TEXT,
        "kind": one_of(*KINDS),
        "train": maybe(NUMBER),
        "field": maybe(NUMBER),
        "distance": number(0),
        "chance": number(0),
        "adjusted": number(0),
        "beyond": FLAG,
        "index": maybe(NUMBER),
        "index_noise": maybe(NUMBER),
        "n": number(0),
        "m": number(0),
    }
)

TENSOR = fields({"tensor": TEXT, "low": NUMBER, "high": NUMBER, "train": number(0), "field": number(0)})
"""Shares of an activation's values outside of its range."""

SHARE = fields({"value": NUMBER, "low": NUMBER, "high": NUMBER, "n": whole()})

COMPARISON = fields(
    {
        "text": TEXT,
        "said": TEXT,
        "verdict": one_of(*VERDICTS),
        "train_samples": whole(),
        "field_samples": whole(),
        "alpha": number(0),
        "tests": list_of(TEST),
        "tensors": list_of(TENSOR),
        "agreement": fields({"train": optional(SHARE), "field": optional(SHARE)}),
        "cures": list_of(CURE),
        "notes": list_of(TEXT),
    }
)

FORM = by_key("tests", COMPARISON, CAUSE)
