"""Mistakes in structure as causes: planted in files by hand, with their cures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysing import context, tflite
from conv_network import FUSED, SIDE, Network
from tflbuild.analyses.structure import Structure
from tflbuild.core.artifact import TFLiteModel
from tflbuild.engine.diagnosis import causes_of
from tflbuild.formats.keras.training_calls import _trains
from tflite_files import classifier, network, step

IMAGES = list(np.random.default_rng(0).uniform(0, 1, (6, 8, 8, 3)).astype(np.float32))


def looked(
    folder: Path, base: TFLiteModel, model: TFLiteModel, images: Any = None, *steps: str
) -> list[dict[str, Any]]:
    analysis = Structure()
    models = {"base": base, "model": model} | {f"step:{label}": base for label in steps}
    return list(analysis.run(models, context(analysis, folder, IMAGES if images is None else images)))


def test_a_second_softmax_is_a_cause_of_the_base_where_it_has_it_too(tmp_path: Path) -> None:
    made = tflite(tmp_path, "m", classifier("SOFTMAX", "SOFTMAX"))
    (finding,) = looked(tmp_path, made, made)
    assert (finding["cause"], finding["stage"], finding["layer"]) == (
        "structure.double_softmax",
        "base",
        "scores",
    )
    assert "reads what a softmax gave" in finding["text"]
    assert finding["cures"][0]["text"] == "export the model without the softmax 'scores'"
    assert Structure().lines([finding]) == [finding["text"]]


def test_a_second_softmax_that_conversion_added_is_one_of_conversion(tmp_path: Path) -> None:
    base = tflite(tmp_path, "base", classifier("SOFTMAX"))
    (finding,) = looked(
        tmp_path, base, tflite(tmp_path, "m", classifier("SOFTMAX", "SOFTMAX"), quantized="int8")
    )
    assert finding["stage"] == "converted"


def test_a_softmax_of_numbers_that_sum_to_one_is_found_by_the_samples(tmp_path: Path) -> None:
    """x / (x + (1 - x)) by hand: two numbers, none below 0, that sum to 1, and no softmax made them."""
    shape = (1, 2)
    tensors = {"image": shape, "share": shape, "scores": shape, "one": np.ones((1, 2), np.float32)}
    steps = [step("MUL", ["image", "one"], ["share"]), step("SOFTMAX", ["share"], ["scores"])]
    made = tflite(tmp_path, "m", network(tensors, steps, ["image"], ["scores"]))
    rows = [np.array([k / 8, 1 - k / 8], np.float32) for k in range(6)]
    (finding,) = looked(tmp_path, made, made, rows)
    assert finding["cause"] == "structure.double_softmax"
    assert "reads numbers that are probabilities already" in finding["text"]
    rows[3] = np.array([0.9, 0.9], np.float32)
    assert looked(tmp_path, made, made, rows) == []
    rows[3] = np.array([1.5, -0.5], np.float32)
    assert looked(tmp_path, made, made, rows) == []


def test_a_sigmoid_of_a_sigmoid_is_named_for_what_it_is(tmp_path: Path) -> None:
    made = tflite(tmp_path, "m", classifier("LOGISTIC", "LOGISTIC"))
    assert [finding["cause"] for finding in looked(tmp_path, made, made)] == ["structure.double_sigmoid"]


def headed(folder: Path, name: str, zeros: int, quantized: str = "") -> TFLiteModel:
    """Give a head of 100 weights, some of which are zero."""
    made = Network(channels=10)
    weights = np.ones(100)
    weights[:zeros] = 0
    made.conv("head", "image", 10, fused=FUSED.NONE, weights=weights.reshape(10, 1, 1, 10))
    return tflite(folder, name, made.content("head"), quantized=quantized)


def test_a_pruned_head_explains_a_step_that_is_blamed_and_nothing_otherwise(tmp_path: Path) -> None:
    images = [np.ones((SIDE, SIDE, 10), np.float32)]
    base, pruned = headed(tmp_path, "base", 0), headed(tmp_path, "pruned", 95, "int8")
    found = looked(tmp_path, base, pruned, images, "train", "prune")
    assert [(one["cause"], one["stage"]) for one in found if "cause" in one] == [
        ("structure.pruned_head", "pass:prune")
    ]
    assert "95 % of the weights of the head 'head' are zero" in found[0]["text"]
    assert found[0]["cures"][0]["override"] == "'prune.exclude=[head]'"
    entry = {"name": "structure", "findings": found}
    assert causes_of([entry]) == []
    cost = {"metric": "top1", "value": 0.3, "low": 0.2, "high": 0.4, "n": 50}
    blamed = {
        "cause": "pass.prune",
        "stage": "pass:prune",
        "general": True,
        "text": "lost",
        "cost": cost,
        "cures": [],
    }
    (cause,) = causes_of([{"name": "ladder", "findings": [blamed]}, entry])
    assert (cause.name, cause.cost, cause.n) == ("structure.pruned_head", 0.3, 50)
    assert [
        one for one in looked(tmp_path, base, headed(tmp_path, "m", 90, "int8"), images) if "cause" in one
    ] == []


def test_a_head_that_the_base_has_pruned_too_is_told_and_is_no_cause(tmp_path: Path) -> None:
    images = [np.ones((SIDE, SIDE, 10), np.float32)]
    base = headed(tmp_path, "base", 95)
    found = looked(tmp_path, base, base, images)
    assert not any("cause" in finding for finding in found)
    assert found[0]["summary"] == "95 % of the weights of the head 'head' are zero"


def test_a_head_of_nothing_is_a_cause_by_itself(tmp_path: Path) -> None:
    images = [np.ones((SIDE, SIDE, 10), np.float32)]
    base, empty = headed(tmp_path, "base", 0), headed(tmp_path, "empty", 100, "int8")
    (finding,) = looked(tmp_path, base, empty, images)
    assert (finding["cause"], finding["stage"]) == ("structure.zero_head", "weights")
    assert finding["only_if_blamed"] is True, (
        "small weights of a trained head round to zero, and cost nothing"
    )
    (finding,) = looked(tmp_path, empty, empty, images)
    assert finding["stage"] == "base"


def test_a_name_that_a_shell_would_obey_is_never_typed(tmp_path: Path) -> None:
    from tflbuild.analyses.structure import _head
    from tflbuild.tflite.structure import Sparse

    one = Sparse(tensor="a/$(reboot)/x", operator="CONV_2D", zeros=0.95, channels=4, dead=0, head=True)
    assert _head(one, True, "prune")["cures"][0]["override"] == ""


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ([[["conv", 0, 0, {"training": True}]]], True),
        ([[["conv", 0, 0, {"training": False}]]], False),
        ([[["conv", 0, 0, {}]]], False),
        (None, False),
        ([{"args": [], "kwargs": {"training": True}}], True),  # as Keras 3 writes it
    ],
)
def test_a_keras_file_says_which_batch_norm_is_called_in_training_mode(nodes: Any, found: bool) -> None:
    assert any(_trains(nodes)) is found
