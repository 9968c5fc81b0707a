"""The form of the findings of `layers`: every layer's noise, and a cause for a layer that lost accuracy."""

from __future__ import annotations

from tflbuild.analyses.per_layer.measuring import ACTIVATIONS, WEIGHTS
from tflbuild.core.cause import CAUSE
from tflbuild.core.form import FLAG, NUMBER, TEXT, fields, list_of, maybe, one_of, optional, whole
from tflbuild.core.form_choice import by_key

_LAYER = {
    "layer": TEXT,
    "tensor": TEXT,
    "operator": TEXT,
    "sqnr": maybe(NUMBER),
    "channel_sqnr": maybe(NUMBER),
}
"""SQNR is in dB; None where there is no noise, or no signal."""

OF_WEIGHTS = fields(
    {
        **_LAYER,
        "measured": FLAG,
        "scales": whole(),
        "channels": whole(),
        "range_ratio": maybe(NUMBER),
        "input_ratio": maybe(NUMBER),
        "steps": whole(),
        "fewest_steps": whole(),
    }
)

OF_ACTIVATION = fields(
    {
        **_LAYER,
        "sqnr_carried": maybe(NUMBER),
        "channel_sqnr_carried": maybe(NUMBER),
        "saturated": NUMBER,
        "at_ends": NUMBER,
        "scale": NUMBER,
        "zero_point": whole(-(2**31)),
        "low": NUMBER,
        "high": NUMBER,
        "bits": whole(),
        "steps": whole(),
        "channel_ratio": maybe(NUMBER),
    }
)

HISTOGRAM = fields(
    {
        "part": one_of(ACTIVATIONS, WEIGHTS),
        "layer": TEXT,
        "tensor": TEXT,
        "counts": list_of(whole()),
        "low": NUMBER,
        "high": NUMBER,
        "ends": list_of(NUMBER),
        "unit": TEXT,
    }
)

LEFT = fields(
    {
        "name": TEXT,
        "metric": TEXT,
        "value": NUMBER,
        "low": maybe(NUMBER),
        "high": maybe(NUMBER),
        "n": optional(whole()),
    }
)
"""How much better the file is with some of its rounding left out."""

LAYERS = fields(
    {
        "summary": TEXT,
        "n": whole(),
        "split": TEXT,
        WEIGHTS: list_of(OF_WEIGHTS),
        ACTIVATIONS: list_of(OF_ACTIVATION),
        "histograms": list_of(HISTOGRAM),
        "left_in_float": optional(list_of(LEFT)),
    }
)

FORM = by_key("histograms", LAYERS, CAUSE)
