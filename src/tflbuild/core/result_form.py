"""Forms of what is written of results, in records of a store and in reports alike: measurements, figures, models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any

from tflbuild.core.artifact import KINDS
from tflbuild.core.form import (
    ANYTHING,
    DIGEST,
    FLAG,
    INSIDE,
    MAPPING,
    NOTHING,
    NUMBER,
    TEXT,
    Form,
    called,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    optional,
    such_that,
    whole,
)
from tflbuild.core.metric import Difference

_MEASUREMENT = {
    "value": maybe(NUMBER),
    "unit": TEXT,
    "split": optional(TEXT),
    "n": optional(whole()),
    "low": optional(maybe(NUMBER)),
    "high": optional(maybe(NUMBER)),
    "variance": optional(maybe(NUMBER)),
    "kernels": optional(TEXT),
    "details": optional(MAPPING),
}


def _has_interval(value: Mapping[str, Any]) -> bool:
    """Say whether both ends of an interval are there, with the number of images, or neither."""
    low, high = value.get("low"), value.get("high")
    return (low is None) == (high is None) and (low is None or "n" in value)


_INTERVAL = {
    "if": {"properties": {"low": {"type": "number"}}, "required": ["low"]},
    "then": {"properties": {"high": {"type": "number"}}, "required": ["high", "n"]},
    "else": {"properties": {"high": {"type": "null"}}},
}
"""The same in JSON Schema."""


def _measured(form: Form) -> Form:
    wanted = "a measurement, whose low and high come together and with n"
    return such_that(form, _has_interval, wanted, _INTERVAL)


MEASUREMENT = _measured(fields(_MEASUREMENT, others=NOTHING))
"""The form of a measurement, as `Measurement.to_json` gives it."""

REPORTED = called("measurement", _measured(fields(_MEASUREMENT)))
"""A measurement in a report, which may come from a later tflbuild that says more."""

DIFFERENCE = fields(
    {each.name: maybe(NUMBER) for each in fields_of(Difference)} | {"variance": optional(maybe(NUMBER))},
    others=NOTHING,
)
"""A `Difference`, field by field; null where it could not be measured."""

LATENCY = fields(
    {
        "median": NUMBER,
        "p90": optional(NUMBER),
        "threads": optional(whole()),
        "cpu": optional(TEXT),
    }
)
DELEGATE = fields({"name": TEXT, "delegated": whole(), "total": whole()})
PLACEMENT = fields(
    {
        "device": TEXT,
        "title": TEXT,
        "basis": one_of("rules", "compiler", "measured"),
        "source": TEXT,
        "date": TEXT,
        "delegated": whole(),
        "total": whole(),
        "coverage": number(0),
        "macs_coverage": maybe(number(0)),
        "remarks": list_of(TEXT),
        "operators": list_of(
            fields(
                {"index": whole(), "name": TEXT, "on": FLAG, "reason": TEXT, "cure": TEXT, "macs": whole()}
            )
        ),
    }
)
"""Where the operators of a file run, as `tflbuild.placement.placement.Placement.to_json` gives it."""

OPERATOR_TIMES = fields(
    {
        "cpu": TEXT,
        "threads": whole(1),
        "runs": whole(),
        "whole_ms": number(0),
        "operators": list_of(fields({"name": TEXT, "delegated": FLAG, "ms": number(0)})),
    }
)
"""The time of each operator on the device that a target measures on."""

NPU = {
    name: optional(number())
    for name in ("npu_coverage", "npu_cycles", "npu_sram", "npu_flash", "npu_latency")
}
NPU_LAYERS = list_of(
    fields(
        {
            "index": maybe(whole()),
            "name": TEXT,
            "output": TEXT,
            "cycles": whole(),
            "macs": whole(),
            "sram_bytes": whole(),
            "utilization": maybe(number(0)),
        }
    )
)
"""Cost of operators on an NPU; `index` is null for work that its compiler attributes to none of them."""

EQUALITY = fields(
    {
        "split": TEXT,
        "runtime": TEXT,
        "peer": TEXT,
        "samples": whole(),
        "equal": whole(),
        "outputs": mapping_of(
            fields(
                {
                    "equal": whole(),
                    "values": whole(),
                    "differing": whole(),
                    "largest": maybe(number(0)),
                    "first": maybe(fields({"sample": TEXT, "place": whole()})),
                }
            )
        ),
    }
)
"""Whether a runtime computes the bytes of its peer, see `tflbuild.evaluation.equality`."""

MICRO = fields(
    {
        "version": maybe(TEXT),
        "resolver": list_of(TEXT),
        "memory": fields({name: whole() for name in ("smallest", "used", "head", "tail")}),
    }
)
"""Needs of a file on a microcontroller, see `tflbuild.backends.micro.inspection`."""

FIGURES = {
    "equality": optional(EQUALITY),
    "micro": optional(MICRO),
    "beside": optional(list_of(INSIDE)),
    "arena": optional(whole()),
    "latency_ms": optional(maybe(LATENCY)),
    "delegate": optional(maybe(DELEGATE)),
    "placement": optional(maybe(PLACEMENT)),
    "memory": optional(mapping_of(number(0))),
    "device": optional(mapping_of(TEXT)),
    "operator_times": optional(OPERATOR_TIMES),
    "metadata": optional(TEXT),
    "signature": optional(maybe(TEXT)),
    "cautions": optional(list_of(TEXT)),
    "steps": optional(mapping_of(number(0))),
    "min_runtime": optional(fields({"version": TEXT, "by": TEXT, "unknown": list_of(TEXT)})),
    "npu_layers": optional(NPU_LAYERS),
    **NPU,
}
"""Fields of what a target reports that are read again."""

OVERRIDING = {
    name: optional(NOTHING) for name in ("name", "path", "step", "sha256", "bytes", "labels", "metrics")
}
"""Fields of a report's target that no figure may take the place of."""

GRAPH = "graph"
"""Name of the note that says what a pass changed in the graph of its input."""

_GROUP = {"operator": TEXT, "count": whole(1), "tensors": list_of(TEXT)}
_HELD = list_of(fields({**_GROUP, "dtype": TEXT}))
_COUNTS = mapping_of(list_of(whole()))

CHANGES = called(
    "graph",
    fields(
        {
            "unread": optional(TEXT),
            "layers": optional(_COUNTS),
            "operators": optional(_COUNTS),
            "tensors": optional(list_of(whole())),
            "changed": optional(
                list_of(fields({**_GROUP, "dtype": list_of(TEXT), "shape": maybe(list_of(list_of(whole())))}))
            ),
            "added": optional(_HELD),
            "removed": optional(_HELD),
            "regridded": optional(whole()),
            "revalued": optional(whole()),
        }
    ),
)
"""Changes that a pass made to a graph, as `tflbuild.formats.changes` has it."""

INPUT = fields(
    {"modality": TEXT, "shape": list_of(whole(1)), "preprocess": MAPPING},
    others=NOTHING,
)
FACTS = such_that(
    fields(
        {
            "task": TEXT,
            "labels": list_of(TEXT),
            "inputs": optional(mapping_of(INPUT)),
            "head": optional(MAPPING),
            **{side: optional(whole(1)) for side in ("height", "width")},
            **{name: optional(MAPPING) for name in ("preprocess", "detector")},
        },
        others=NOTHING,
    ),
    lambda value: "inputs" in value or {"height", "width", "preprocess"} <= value.keys(),
    "a model's facts, with its inputs",
)
"""The form of a model's meaning, as `Meaning.to_json` gives it; of one picture, as tflbuild 0.1 wrote it, too."""

META = fields(
    {
        "facts": optional(FACTS),
        "signature": optional(
            fields({"inputs": optional(list_of(ANYTHING)), "outputs": optional(list_of(ANYTHING))})
        ),
    }
)

MODEL: dict[str, Form] = {"kind": one_of(*KINDS), "digest": DIGEST, "fingerprint": DIGEST, "meta": META}
"""Fields of a model wherever one is written down."""
