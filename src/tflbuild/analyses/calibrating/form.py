"""The form of findings about calibration: the figures, and each fault, which may be a cause."""

from __future__ import annotations

from tflbuild.core.cause import OF_FINDING
from tflbuild.core.form import (
    FLAG,
    MAPPING,
    NUMBER,
    TEXT,
    fields,
    list_of,
    one_of,
    optional,
    whole,
)
from tflbuild.core.form_choice import by_key

INPUT = fields(
    {
        "input": TEXT,
        "kind": one_of("calibration", "training"),
        "low": NUMBER,
        "high": NUMBER,
        "mean": NUMBER,
        "deviation": NUMBER,
        "channel_mean": list_of(NUMBER),
        "channel_deviation": list_of(NUMBER),
    }
)

LAYER = fields({"layer": TEXT, "ratio": NUMBER, "beyond": optional(NUMBER)})

HELD = fields(
    {
        "median": NUMBER,
        "beyond": NUMBER,
        "wide": FLAG,
        "narrow": FLAG,
        "layers": list_of(LAYER),
        "count": whole(),
    }
)
"""Grids of a quantized file, beside what training samples span."""

BESIDE = fields(
    {
        "ratio": optional(NUMBER),
        "reach": optional(NUMBER),
        "beyond": optional(NUMBER),
        "layers": optional(list_of(LAYER)),
    }
)
"""Ranges of calibration samples beside those of training samples; {} where neither moves anything."""

FIGURES = fields(
    {
        "source": optional(TEXT),
        "samples": optional(whole()),
        "of": optional(whole()),
        "inputs": optional(list_of(INPUT)),
        "coverage": optional(fields({"text": optional(TEXT), "missing": optional(list_of(whole()))})),
        "growth": optional(list_of(list_of(NUMBER))),
        "halves": optional(NUMBER),
        "beside": optional(BESIDE),
        "held": optional(HELD),
    }
)

FAULT = fields(
    {
        **OF_FINDING,
        "named": TEXT,
        "level": one_of("error", "warning"),
        "text": TEXT,
        "figures": MAPPING,
    }
)

FORM = by_key("summary", fields({"summary": TEXT, "figures": FIGURES}), FAULT)
