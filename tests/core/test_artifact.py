"""Models as files, and what they mean."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.artifact import KINDS, Artifact, KerasModel, TFLiteModel
from tflbuild.core.form import check
from tflbuild.core.meaning import Meaning
from tflbuild.core.result_form import FACTS

FULL: dict[str, Any] = {
    "task": "detection",
    "height": 96,
    "width": 128,
    "labels": ("cat", "dog"),
    "preprocess": {"scale": 0.5},
    "detector": {"feature_maps": [[3, 4]]},
}


def test_kinds_are_known_by_their_own_names_with_the_endings_of_their_files() -> None:
    assert {name: kind.suffix for name, kind in KINDS.items()} == {
        "KerasModel": ".h5",
        "SavedModel": ".zip",
        "TFLiteModel": ".tflite",
        "OnnxModel": ".onnx",
    }
    assert all(kind.kind == kind.__name__ == name for name, kind in KINDS.items())
    assert KINDS["KerasModel"] is KerasModel


def test_every_field_of_the_facts_is_written_under_its_own_name_and_read_back() -> None:
    assert set(FULL) == {field.name for field in dataclasses.fields(Meaning)}
    facts = Meaning.of_image(**FULL)
    written = json.loads(json.dumps(facts.to_json()))
    assert written == {**FULL, "labels": ["cat", "dog"]}
    model = TFLiteModel(path=Path("x"), digest="d", fingerprint="f", meta={"facts": written})
    assert Meaning.of(model) == facts
    check(written, FACTS)


def test_facts_that_lay_in_a_file_are_read_as_they_were_written() -> None:
    facts = Meaning.of_image(
        task="classification", height=8, width=9, labels=("a",), preprocess={"scale": 2.0}
    )
    assert Meaning.from_json(facts.to_json()) == facts
    assert facts.detector == {}
    with pytest.raises(ValueError, match="'height' is -1"):
        Meaning.from_json({**facts.to_json(), "height": -1})


def test_what_is_written_is_a_copy() -> None:
    facts = Meaning.of_image(**FULL)
    facts.to_json()["preprocess"]["scale"] = 9
    assert facts.preprocess["scale"] == 0.5


def test_an_artifact_knows_nothing_until_it_is_told() -> None:
    assert Artifact(path=Path("x"), digest="d", fingerprint="f").meta == {}
    assert (Artifact.kind, Artifact.suffix) == ("Artifact", "")
