"""Formats of model files: what holds of one that says nothing more, and of what one reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tflbuild.core.model_format import FORMATS, Description, Evidence, Format, model_format
from tflbuild.core.signature import Signature


def test_a_file_is_named_by_its_bytes_where_there_is_nothing_better(tmp_path: Path) -> None:
    path = tmp_path / "model.any"
    path.write_bytes(b"weights")
    assert Format().fingerprint(path) == hashlib.sha256(b"weights").hexdigest()


def test_a_format_that_says_nothing_recognises_nothing(tmp_path: Path) -> None:
    made = Format()
    assert (made.name, made.suffixes, made.kind, made.loader) == ("", (), "", "")
    for call in (
        lambda: made.recognises(tmp_path, b""),
        lambda: made.check(tmp_path),
        lambda: made.describe(tmp_path),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_a_declared_format_knows_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FORMATS, "_classes", {})

    @model_format("mine")
    class Mine(Format):
        suffixes = (".mine",)

    assert FORMATS.get("mine") is Mine
    assert (Mine.name, FORMATS.noun) == ("mine", "format")


def test_a_description_says_what_shows_and_nothing_else() -> None:
    said = Description(signature=Signature({}, {}))
    assert (said.task, said.labels, said.inputs, said.head, said.quantized, said.recognised) == (
        "",
        {},
        {},
        {},
        "",
        (),
    )


def test_evidence_is_written_as_reports_hold_it() -> None:
    assert Evidence("outputs", "softmax", "layer 'dense_1' ends in softmax").to_json() == {
        "what": "outputs",
        "value": "softmax",
        "evidence": "layer 'dense_1' ends in softmax",
    }
