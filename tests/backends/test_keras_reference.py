"""What a user's own model says, finished by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def reference(*kinds: str, task: str = "classification") -> Any:
    from tflbuild.backends.keras_reference import Reference

    return Reference(None, kinds, task=task)


def floats(*rows: Any) -> Any:
    return np.array(rows, np.float32)


def test_logits_become_a_softmax_and_probabilities_stay() -> None:
    raw = np.log(floats([1, 2, 5]))
    np.testing.assert_allclose(
        reference("logits").finished([raw])["scores"], [[0.125, 0.25, 0.625]], rtol=1e-6
    )
    large = reference("logits").finished([floats([1000, 1000])])["scores"]
    np.testing.assert_array_equal(large, [[0.5, 0.5]])
    for kind in ("softmax", "sigmoid"):
        rows = floats([0.2, 0.7])
        assert reference(kind).finished([rows])["scores"] is rows


@pytest.mark.parametrize(("kind", "value"), [("sigmoid", 0.75), ("logits", np.log(3))])
def test_one_number_is_the_probability_of_the_second_class(kind: str, value: float) -> None:
    found = reference(kind).finished([floats([value])])["scores"]
    np.testing.assert_allclose(found, [[0.25, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["sigmoid", "logits"])
def test_a_detectors_logits_become_independent_scores(kind: str) -> None:
    boxes, scores = floats([[1, 2, 3, 4]]), floats([[0.75, 0.5]])
    raw = scores if kind == "sigmoid" else np.log(floats([[3, 1]]))
    found = reference("unknown", kind, task="detection").finished([boxes, raw])
    assert list(found) == ["box_encodings", "class_scores"]
    np.testing.assert_array_equal(found["box_encodings"], boxes)
    np.testing.assert_allclose(found["class_scores"], scores, rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "looks"),
    [
        ([[0.25, 0.75], [0.5, 0.5]], "softmax"),
        ([[0.2509, 0.75]], "softmax"),
        ([[0.252, 0.75]], "sigmoid"),
        ([[0.25, 0.75], [0.9, 0.9]], "sigmoid"),
        ([[0.9, 0.9]], "sigmoid"),
        ([[1.0]], "sigmoid"),
        ([[0.0, 1.0009]], "softmax"),
        ([[0.0, 1.002]], "logits"),
        ([[-0.0009, 0.5]], "sigmoid"),
        ([[-0.002, 0.5]], "logits"),
        ([[5.0, -5.0]], "logits"),
        ([[[0.25, 0.75]], [[0.5, 0.5]]], "softmax"),
    ],
)
def test_outputs_look_like_what_their_rows_say(rows: Any, looks: str) -> None:
    from tflbuild.backends.keras_reference import found_in

    assert found_in(np.array(rows, np.float32)) == looks


@pytest.mark.parametrize(
    ("kind", "softmax", "sigmoid", "logits"),
    [("logits", False, True, True), ("softmax", True, False, False), ("sigmoid", True, True, False)],
)
def test_which_looks_agree_with_which_kind(kind: str, softmax: bool, sigmoid: bool, logits: bool) -> None:
    from tflbuild.backends.keras_reference import LOOKS, agrees

    rows = ([[0.25, 0.75]], [[0.9, 0.9]], [[5.0, -5.0]])
    assert tuple(agrees(kind, floats(*one)) for one in rows) == (softmax, sigmoid, logits)
    assert {"softmax", "sigmoid", "logits"} == set(LOOKS)


def test_raw_outputs_are_listed_and_given_without_training() -> None:
    from tflbuild.backends.keras_reference import Reference

    asked: list[Any] = []

    def model(batch: Any, training: bool) -> Any:
        asked.append(training)
        return [2 * each for each in batch] if isinstance(batch, list) else batch

    one, two = floats([0.5, 0.5]), floats([1.0], [2.0])
    made = Reference(model, ("softmax",), task="classification")
    assert [found.tolist() for found in made.raw({"image": one})] == [one.tolist()]
    several = made.raw({"a": one, "b": two})
    assert [found.tolist() for found in several] == [(2 * one).tolist(), (2 * two).tolist()]
    assert asked == [False, False]
    assert made.outputs({"image": one})["scores"].tolist() == one.tolist()


def test_outputs_without_a_meaning_keep_their_names() -> None:
    from tflbuild.backends.keras_reference import Reference

    one, two = floats([0.5]), floats([1.0, 2.0])
    model = SimpleNamespace(output_names=["left", "right"])
    found = Reference(model, ("unknown", "unknown"), task="unlabelled").finished([one, two])
    assert list(found) == ["left", "right"]
    assert found["right"] is two


def test_kinds_are_read_unless_a_classifiers_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    from tflbuild.backends import keras_reference

    ends = [SimpleNamespace(kind="unknown"), SimpleNamespace(kind="sigmoid")]
    monkeypatch.setattr(keras_reference.keras_intake, "ends_of", lambda model: ends[:model])
    of = keras_reference.Reference.of
    assert of(1).kinds == ("unknown",)
    assert of(1, "softmax", "mine") == keras_reference.Reference(1, ("softmax",), "mine", "classification")
    assert of(1, task="unlabelled").task == "unlabelled"
    assert of(2, "softmax").kinds == ("unknown", "sigmoid")


def test_what_normalization_makes_of_pixels_is_given_by_layer() -> None:
    from tf_keras import Model, Sequential, layers

    from tflbuild.backends.keras_reference import Reference

    image = layers.Input((1, 1, 1))
    first = layers.Normalization(mean=[100.0], variance=[4.0], name="first")(image)
    back = layers.Normalization(mean=[1.0], variance=[1.0], invert=True, name="back")(first)
    model = Model(image, layers.Flatten()(back))
    batch = np.full((1, 1, 1, 1), 106, np.float32)
    found = Reference(model, ("logits",)).normalized({"image": batch})
    assert {name: value.item() for name, value in found.items()} == {"first": 3.0}
    inner = Sequential(
        [layers.Input((1, 1, 1)), layers.Normalization(mean=[6.0], variance=[25.0], name="inner")]
    )
    nested = Model(image, layers.Flatten()(inner(image)))
    assert Reference(nested, ("logits",)).normalized({"image": batch})["inner"].item() == pytest.approx(20.0)
    later = Model(image, layers.Flatten()(inner(layers.ReLU()(layers.ReLU()(image)))))
    assert Reference(later, ("logits",)).normalized({"image": batch}) == {}
