"""Runtimes: which one executes a kind of model, and what holds of one that says nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.core.artifact import KINDS, TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.runtime import RUNTIMES, Runtime, runtime, usual_runtime


def test_every_kind_of_model_that_can_be_executed_has_one_usual_runtime() -> None:
    assert {kind: usual_runtime(kind).name for kind in ("KerasModel", "TFLiteModel")} == {
        "KerasModel": "keras",
        "TFLiteModel": "litert",
    }
    for kind in KINDS:
        assert sum(found.usual and kind in found.kinds for _, found in RUNTIMES.items()) <= 1


def test_a_kind_that_nothing_executes_is_to_be_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RUNTIMES, "_classes", {})

    @runtime("mine")
    class Mine(Runtime):
        kinds = ("TFLiteModel",)

    assert RUNTIMES.get("mine") is Mine
    with pytest.raises(PassError) as caught:
        usual_runtime("TFLiteModel")
    assert str(caught.value) == "no runtime can execute a model of kind TFLiteModel; convert it first."

    @runtime("usual")
    class Usual(Mine):
        usual = True

    assert usual_runtime("TFLiteModel") is Usual


def test_a_runtime_that_says_nothing_decides_nothing_and_has_no_clock() -> None:
    made = Runtime()
    model = TFLiteModel(path=Path("x"), digest="d", fingerprint="f")
    assert (made.kinds, made.usual, made.needs, made.light, made.batch) == ((), False, (), True, 1)
    assert (made.key(), made.latency(model)) == ({}, None)
    made.prove(model)
    with pytest.raises(NotImplementedError):
        made.open(model)
