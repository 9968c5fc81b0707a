"""Losses with a teacher, against numpy."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.modalities.image.modality import ImageModality

pytestmark = pytest.mark.slow

SCALED = ImageModality().scaled  # -1 to 127 / 128


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-logits))


def logits(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(0, 3, shape)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_classifier_learns_the_softened_classes_of_its_teacher(temperature: float) -> None:
    from tflbuild.training import distillation, losses

    student, teacher, labels = logits(0, 5, 4), logits(1, 5, 4), np.array([0, 3, 1, 1, 2])
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    divergence = (p * np.log(p / q)).sum(axis=-1).mean()
    entropy = -np.log(softmax(student)[np.arange(5), labels]).mean()
    expected = 0.7 * entropy + 0.3 * temperature**2 * divergence
    hard = losses.classification(True, 0.0)
    for ends in ((True, True), (False, True), (True, False), (False, False)):
        loss = distillation.classification(
            hard if ends[0] else losses.classification(False, 0.0), 0.3, temperature, *ends
        )
        given = [
            np.float32(x if end else softmax(x)) for x, end in zip((student, teacher), ends, strict=True)
        ]
        assert float(loss(given[0], (labels, given[1]))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_detector_learns_where_its_teacher_sees_objects(temperature: float) -> None:
    from tflbuild.training import distillation, losses

    anchors, classes = 6, 3
    code, said_code, boxes = (logits(k, 2, anchors, 4) for k in range(3))
    student, teacher = logits(3, 2, anchors, classes), logits(4, 2, anchors, classes)
    labels = np.array([[0, -1, -1, 2, -1, -1], [-1, -1, 1, -1, -1, -1]], np.int32)
    p, q = sigmoid(teacher / temperature), sigmoid(student / temperature)
    divergence = (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).sum(axis=-1)
    size = np.abs(code - said_code)
    shift = np.where(size < 1, size**2 / 2, size - 0.5).sum(axis=-1)
    objectness = sigmoid(teacher).max(axis=-1)
    soft = (objectness * (temperature**2 * divergence + shift)).sum() / 3  # three matched boxes
    outputs = (np.float32(code), np.float32(student))
    hard = losses.detection("hard_negative")
    usual = float(hard(outputs, (np.float32(boxes), labels)))
    loss = distillation.detection(hard, 0.25, temperature)
    found = float(loss(outputs, (np.float32(boxes), labels, np.float32(said_code), np.float32(teacher))))
    assert found == pytest.approx(0.75 * usual + 0.25 * soft, rel=1e-5)


def test_student_that_agrees_costs_nothing_but_the_labels() -> None:
    from tflbuild.training import distillation, losses

    student, labels = np.float32(logits(0, 5, 4)), np.array([0, 3, 1, 1, 2])
    hard = losses.classification(True, 0.0)
    loss = distillation.classification(hard, 0.5, 3.0, True, True)
    assert float(loss(student, (labels, student))) == pytest.approx(0.5 * float(hard(student, (labels,))))


def network() -> Any:
    from tflbuild.backends import keras

    image = keras.layers.Input((4, 4, 3))
    hidden = keras.layers.BatchNormalization(momentum=0.5)(keras.layers.Conv2D(4, 3)(image))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Flatten()(hidden))
    return keras.Model(image, keras.layers.Dense(2)(hidden))


def batches(start: int, last: int | None = None) -> Iterator[tuple[Any, ...]]:
    """Give images whose labels say nothing; of step `last` on, kill."""
    for step in itertools.count(start):
        if step == last:
            raise KeyboardInterrupt
        draw = np.random.default_rng(step)
        yield draw.integers(0, 256, (16, 4, 4, 3)).astype(np.uint8), np.zeros(16, np.int32)


def taught(stream: Any, checkpoint: Path | None = None) -> tuple[Any, Any, float]:
    """Train a student with nothing but its teacher to learn from; gives both, and the last loss."""
    from tflbuild.backends import keras
    from tflbuild.training import distillation, losses
    from tflbuild.training import loop as training

    keras.seed(0)
    teacher, student = network(), network()
    loss = distillation.classification(losses.classification(True, 0.0), 1.0, 2.0, True, True)
    schedule = training.Schedule(steps=80, learning_rate=0.03, warmup=1)
    watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=1e-9)
    hooks = training.Hooks(targets=distillation.query_teacher(teacher))
    return teacher, student, training.fit(student, stream, loss, schedule, SCALED, watch, hooks)


def test_teacher_says_what_it_says_on_the_device_and_is_not_trained() -> None:
    from tflbuild.backends import keras
    from tflbuild.training import distillation

    teacher, student, _ = taught(batches)
    keras.seed(0)
    for kept, weight in zip(network().get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, kept)
    images, labels = next(batches(1000))
    values = np.float32(images / 128 - 1)
    given, said = distillation.query_teacher(teacher)(values, (labels,))
    assert given is labels
    np.testing.assert_array_equal(said, teacher(values, training=False))
    # the labels, all 0, count nothing: the student says of new images what its teacher says
    agreeing = np.argmax(student(values, training=False), -1) == np.argmax(said, -1)
    assert agreeing.mean() > 0.8
    assert 0.2 < np.argmax(said, -1).mean() < 0.8


def test_killed_training_goes_on_with_its_teacher_to_the_bit(tmp_path: Path) -> None:
    _, whole, loss = taught(batches)
    with pytest.raises(KeyboardInterrupt):
        taught(lambda start: batches(start, last=37), tmp_path / "state.npz")
    _, resumed, last = taught(batches, tmp_path / "state.npz")
    assert last == loss
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_outputs_of_a_teacher_stand_behind_the_targets() -> None:
    from tflbuild.training import distillation

    asked: list[Any] = []

    def teacher(values: Any, training: bool) -> Any:
        asked.append((values, training))
        return ["boxes", "scores"]

    assert distillation.query_teacher(teacher)("pixels", ("given", "labels")) == (
        "given",
        "labels",
        "boxes",
        "scores",
    )
    assert asked == [("pixels", False)]


def test_a_probability_of_nothing_has_the_logit_of_a_ten_millionth() -> None:
    from tflbuild.training import distillation

    found = np.asarray(distillation._logits(np.float32([0.0, 1.0]), False))
    np.testing.assert_allclose(found, [np.log(1e-7), 0.0], rtol=1e-6)


def test_softened_classes_by_hand() -> None:
    from tflbuild.training import distillation

    # temperature 2 makes logits log 9 and 0 those of 3 to 1; the student says 1 to 1
    loss = distillation.classification(lambda scores, targets: 100.0, 0.25, 2.0, True, True)
    teacher, student = np.float32([[np.log(9), 0]]), np.float32([[0, 0]])
    divergence = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    found = float(loss(student, (np.array([0]), teacher)))
    assert found == pytest.approx(0.75 * 100 + 0.25 * 4 * divergence, rel=1e-5)
