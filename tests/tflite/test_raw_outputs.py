"""What a float file computes before its suppression, image by image."""

from __future__ import annotations

import numpy as np

import stateful_files
from tflbuild.tflite import raw_outputs
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.tiny import brightness_detector, dense_classifier

BATCH = np.stack([np.full((8, 8, 3), value, np.float32) for value in (0.0, 0.5, -0.5)])


def test_a_detector_gives_boxes_and_scores_before_suppression() -> None:
    found = raw_outputs.run(Packed(brightness_detector()), {"image": BATCH})
    assert list(found) == ["box_encodings", "class_scores"]
    np.testing.assert_array_equal(found["box_encodings"], np.zeros((3, 4, 4)))
    assert found["class_scores"].shape == (3, 4, 2)
    # sigmoid(8 m) and sigmoid(-8 m) of the first anchor, sigmoid(-8) of the others
    first = [[1 / (1 + np.exp(-8 * m)), 1 / (1 + np.exp(8 * m))] for m in (0.0, 0.5, -0.5)]
    np.testing.assert_allclose(found["class_scores"][:, 0], first, rtol=1e-5)
    np.testing.assert_allclose(found["class_scores"][:, 1:], 1 / (1 + np.exp(8)), rtol=1e-5)


def test_a_classifier_gives_its_scores_by_image() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 192)).astype(np.float32)
    found = raw_outputs.run(Packed(dense_classifier()), {"image": BATCH})
    logits = BATCH.reshape(3, -1) @ weights.T
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        found["scores"], powers / powers.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6
    )
    assert list(found) == ["scores"]


def test_each_sample_is_run_from_a_fresh_start() -> None:
    rows = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    content = stateful_files.lstm(6, clip=0.0, peepholes=False)
    found = raw_outputs.run(Packed(content), {"rows": np.stack([rows, -rows, rows])})["out"]
    np.testing.assert_array_equal(found[2], found[0])
    assert not np.array_equal(found[1], found[0])
