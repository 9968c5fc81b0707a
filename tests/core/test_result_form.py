"""Forms of results: what our own records write fits, and what contradicts itself does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tflbuild.core.form import Form, Malformed, check, fields
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.metric import Difference, Measurement
from tflbuild.core.result_form import (
    DELEGATE,
    DIFFERENCE,
    FACTS,
    FIGURES,
    LATENCY,
    MEASUREMENT,
    META,
    MODEL,
    OVERRIDING,
    REPORTED,
)

MEASURED: dict[str, Any] = {
    "value": 0.5,
    "unit": "1",
    "split": "val",
    "n": 7,
    "low": 0.25,
    "high": 0.75,
    "variance": 0.1,
    "kernels": "keras",
    "details": {},
}
INPUT: dict[str, Any] = {"modality": "image", "shape": [1, 1, 3], "preprocess": {}}
FACT: dict[str, Any] = {"task": "detection", "labels": ["cat"], "inputs": {"x": INPUT}, "head": {}}
OLD_FACT: dict[str, Any] = {
    "task": "detection",
    "height": 1,
    "width": 1,
    "labels": ["cat"],
    "preprocess": {},
    "detector": {},
}
"""Facts as tflbuild 0.1 wrote them."""
MODEL_FIELDS: dict[str, Any] = {
    "kind": "KerasModel",
    "digest": "0" * 64,
    "fingerprint": "0" * 64,
    "meta": {"facts": FACT, "signature": {"inputs": [], "outputs": []}, "more": 1},
}
LATENT = {"median": 1.0, "p90": 2.0, "threads": 0, "cpu": "x"}


def without(mapping: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}


RIGHT: list[tuple[Any, Form]] = [
    (MEASURED, MEASUREMENT),
    ({"value": None, "unit": ""}, MEASUREMENT),
    ({**MEASURED, "low": None, "high": None, "variance": None, "n": 0}, MEASUREMENT),
    ({**MEASURED, "low": 0, "high": 0}, MEASUREMENT),
    ({**MEASURED, "more": 1}, REPORTED),
    ({"value": 1.0, "low": None, "high": None, "n": 2, "variance": None}, DIFFERENCE),
    ({"value": None, "low": 0, "high": 0, "n": None}, DIFFERENCE),
    (FACT, FACTS),
    (without(FACT, "head"), FACTS),
    ({**FACT, "labels": [], "inputs": {"x": {**INPUT, "shape": []}, "y": INPUT}}, FACTS),
    (OLD_FACT, FACTS),
    (without(OLD_FACT, "detector"), FACTS),
    ({}, META),
    ({"signature": {}}, META),
    (MODEL_FIELDS, fields(MODEL)),
    (LATENT, LATENCY),
    ({"median": 1}, LATENCY),
    ({"name": "xnnpack", "delegated": 0, "total": 0}, DELEGATE),
    ({}, fields(FIGURES)),
    ({"latency_ms": None, "delegate": None, "npu_coverage": 0.5, "npu_cycles": 0}, fields(FIGURES)),
    ({"latency_ms": LATENT, "npu_sram": 0, "npu_latency": 0.1}, fields(FIGURES)),
    ({"other": 1}, fields(OVERRIDING)),
]
INPUTS = "a model's facts, with its inputs"
INTERVAL = "a measurement, whose low and high come together and with n"
WRONG: list[tuple[Any, Form, str]] = [
    *((without(MEASURED, name), MEASUREMENT, f"{name} is missing") for name in ("value", "unit")),
    (without(MEASURED, "low"), MEASUREMENT, INTERVAL),
    (without(MEASURED, "high"), MEASUREMENT, INTERVAL),
    ({**MEASURED, "high": None}, MEASUREMENT, INTERVAL),
    ({**MEASURED, "low": None}, REPORTED, INTERVAL),
    (without(MEASURED, "n"), MEASUREMENT, INTERVAL),
    (without(MEASURED, "n"), REPORTED, INTERVAL),
    ({**MEASURED, "low": 0, "high": None}, MEASUREMENT, INTERVAL),
    ({**MEASURED, "n": -1}, MEASUREMENT, "n is -1"),
    ({**MEASURED, "n": 1.0}, MEASUREMENT, "n is 1.0"),
    ({**MEASURED, "more": 1}, MEASUREMENT, "more is 1"),
    *(
        ({**MEASURED, name: 7}, MEASUREMENT, f"{name} is 7")
        for name in ("unit", "split", "kernels", "details")
    ),
    *(
        ({**MEASURED, name: "x"}, MEASUREMENT, f"{name} is 'x'")
        for name in ("value", "n", "low", "high", "variance")
    ),
    ({"value": 1.0, "low": 1.0, "high": 1.0}, DIFFERENCE, "n is missing"),
    *(
        ({"value": 1, "low": 1, "high": 1, "n": 1} | {name: "x"}, DIFFERENCE, f"{name} is 'x'")
        for name in ("value", "low", "high", "n", "variance", "more")
    ),
    *((without(FACT, name), FACTS, f"{name} is missing") for name in ("task", "labels")),
    (without(FACT, "inputs"), FACTS, INPUTS),
    *((without(OLD_FACT, name), FACTS, f"{name} is missing") for name in ("task", "labels")),
    *((without(OLD_FACT, name), FACTS, INPUTS) for name in ("height", "width", "preprocess")),
    *(({**FACT, name: 0}, FACTS, f"{name} is 0") for name in FACT),
    *(({**OLD_FACT, name: 0}, FACTS, f"{name} is 0") for name in OLD_FACT),
    *(
        ({**FACT, "inputs": {"x": without(INPUT, name)}}, FACTS, f"inputs.x.{name} is missing")
        for name in INPUT
    ),
    *(({**FACT, "inputs": {"x": {**INPUT, name: 0}}}, FACTS, f"inputs.x.{name} is 0") for name in INPUT),
    ({**FACT, "inputs": {"x": {**INPUT, "shape": [0]}}}, FACTS, "inputs.x.shape.0 is 0"),
    ({**FACT, "inputs": {"x": {**INPUT, "more": 1}}}, FACTS, "inputs.x.more is 1"),
    ({**FACT, "more": 1}, FACTS, "more is 1"),
    ({**OLD_FACT, "more": 1}, FACTS, "more is 1"),
    ({**FACT, "labels": [1]}, FACTS, "labels.0 is 1"),
    ({"facts": without(FACT, "task")}, META, "facts.task is missing"),
    ({"facts": {}}, META, INPUTS),
    ({"signature": {"inputs": 1}}, META, "signature.inputs is 1"),
    ({"signature": {"outputs": 1}}, META, "signature.outputs is 1"),
    *((without(MODEL_FIELDS, name), fields(MODEL), f"{name} is missing") for name in MODEL_FIELDS),
    (
        {**MODEL_FIELDS, "kind": "Model"},
        fields(MODEL),
        "one of KerasModel, SavedModel, TFLiteModel, OnnxModel",
    ),
    ({**MODEL_FIELDS, "digest": "x"}, fields(MODEL), "digest is 'x'"),
    ({**MODEL_FIELDS, "fingerprint": "x"}, fields(MODEL), "fingerprint is 'x'"),
    *(({**LATENT, name: "x" if name != "cpu" else 1}, LATENCY, f"{name} is") for name in LATENT),
    ({}, LATENCY, "median is missing"),
    *(
        (without({"name": "x", "delegated": 0, "total": 0}, name), DELEGATE, f"{name} is missing")
        for name in ("name", "delegated", "total")
    ),
    ({"name": 1, "delegated": 0, "total": 0}, DELEGATE, "name is 1"),
    ({"name": "x", "delegated": -1, "total": 0}, DELEGATE, "delegated is -1"),
    ({"name": "x", "delegated": 0, "total": -1}, DELEGATE, "total is -1"),
    *(
        ({name: "x"}, fields(FIGURES), f"{name} is 'x'")
        for name in ("latency_ms", "delegate", "npu_coverage", "npu_cycles", "npu_sram", "npu_latency")
    ),
    *(
        ({name: "x"}, fields(OVERRIDING), f"{name} is 'x'")
        for name in ("name", "path", "sha256", "bytes", "labels", "metrics")
    ),
]


@pytest.mark.parametrize(("value", "form"), RIGHT)
def test_what_we_write_fits(value: Any, form: Form) -> None:
    check(value, form)


@pytest.mark.parametrize(("value", "form", "message"), WRONG)
def test_what_is_missing_or_of_another_kind_is_named(value: Any, form: Form, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        check(value, form)
    assert message in str(caught.value)


def test_forms_have_the_fields_of_the_records() -> None:
    assert set(MEASURED) == {field.name for field in dataclasses.fields(Measurement)}
    assert set(FACT) == {field.name for field in dataclasses.fields(Meaning)}
    assert set(INPUT) == {field.name for field in dataclasses.fields(Input)}
    difference = Difference(value=0.0, low=0.0, high=0.0, n=1, variance=0.0)
    check(dataclasses.asdict(difference), DIFFERENCE)
