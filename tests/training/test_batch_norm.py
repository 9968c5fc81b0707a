"""Statistics of batch norm, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.modalities.image.modality import ImageModality

pytestmark = pytest.mark.slow

SCALE, OFFSET = 1 / 128, -1.0
SCALED = ImageModality(scale=SCALE, offset=OFFSET).scaled
BATCHES = [np.random.default_rng(seed).integers(0, 256, (6, 5, 5, 3)).astype(np.uint8) for seed in range(4)]


def network(nested: bool = False) -> Any:
    """Give two pointwise convolutions, each with a batch norm, and Dropout between them."""
    from tflbuild.backends import keras

    layers = keras.layers
    keras.seed(0)
    image = layers.Input((5, 5, 3))
    first = [layers.Conv2D(4, 1, name="one"), layers.BatchNormalization(momentum=0.999, name="norm_one")]
    second = [
        layers.ReLU(),
        layers.Dropout(0.5),
        layers.Conv2D(2, 1, name="two"),
        layers.BatchNormalization(epsilon=0.1, scale=False, center=False, trainable=False, name="norm_two"),
    ]
    if nested:
        inner = inward = layers.Input((5, 5, 4))
        for layer in second:
            inward = layer(inward)
        second = [keras.Model(inner, inward)]
    tensor = image
    for layer in (*first, *second):
        tensor = layer(tensor)
    model = keras.Model(image, tensor)
    norm = first[1]
    norm.gamma.assign([1.0, 2.0, -1.0, 0.5])
    norm.beta.assign([0.0, 1.0, 0.5, -0.5])
    return model


def by_hand(model: Any) -> dict[str, tuple[Any, Any]]:
    """Give mean and variance of each norm's input over all images; every norm normalises by its batch meanwhile."""
    from tflbuild.training import batch_norm

    weights = {v.name.split(":")[0]: v.numpy().astype(np.float64) for v in model.variables}
    seen: dict[str, list[Any]] = {norm.name: [] for norm in batch_norm.norms_of(model)}
    for batch in BATCHES:
        x = (batch * SCALE + OFFSET) @ weights["one/kernel"][0, 0] + weights["one/bias"]
        seen["norm_one"].append(x)
        x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3)
        x = np.maximum(x * weights["norm_one/gamma"] + weights["norm_one/beta"], 0)
        seen["norm_two"].append(x @ weights["two/kernel"][0, 0] + weights["two/bias"])
    whole = {name: np.concatenate(parts) for name, parts in seen.items()}
    return {name: (x.mean((0, 1, 2)), x.var((0, 1, 2))) for name, x in whole.items()}


@pytest.mark.parametrize("nested", [False, True])
def test_statistics_are_those_of_all_images_together(nested: bool) -> None:
    from tflbuild.training import batch_norm

    expected = by_hand(network(nested))
    found = batch_norm.population(network(nested), BATCHES, SCALED)
    assert list(found) == ["norm_one", "norm_two"]
    for name, (mean, variance) in expected.items():
        np.testing.assert_allclose(found[name].mean, mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[name].variance, variance, rtol=1e-5)


def test_only_statistics_change_and_what_else_changes_is_named() -> None:
    from tflbuild.training import batch_norm

    before, after = network(), network()
    found = batch_norm.population(network(), BATCHES, SCALED)
    batch_norm.assign(after, found)
    np.testing.assert_array_equal(
        after.get_layer("norm_two").moving_mean, found["norm_two"].mean.astype(np.float32)
    )
    assert batch_norm.changed(before, after) == []
    assert batch_norm.moved(before, found) > 0.1
    assert batch_norm.moved(after, found) < 1e-6
    after.get_layer("norm_one").gamma.assign_add([0, 0, 0, 1e-6])
    assert batch_norm.changed(before, after) == ["norm_one/gamma:0"]


def test_moments_of_batches_are_put_together_by_hand() -> None:
    from tflbuild.training.batch_norm import _joined

    # {1, 3} and {5, 11}: means 2 and 8, variances 1 and 9; all four have the mean 5 and the variance 14
    found = _joined(np.array([[[2.0], [1.0]], [[8.0], [9.0]]]))
    assert (found.mean.tolist(), found.variance.tolist()) == ([5.0], [14.0])
    assert np.var([1, 3, 5, 11]) == 14.0


def test_how_far_statistics_moved_by_hand() -> None:
    from tflbuild.backends import keras
    from tflbuild.training import batch_norm

    layers = keras.layers
    image = layers.Input((2,))
    first = layers.BatchNormalization(epsilon=1.0, name="first")(image)
    model = keras.Model(image, layers.BatchNormalization(epsilon=0.0, name="second")(first))
    model.get_layer("first").set_weights(
        [np.ones(2), np.zeros(2), np.array([1.0, 2.0]), np.array([3.0, 8.0])]
    )
    model.get_layer("second").set_weights([np.ones(2), np.zeros(2), np.zeros(2), np.array([4.0, 0.25])])
    moved = {
        "first": batch_norm.Statistics(mean=np.array([3.0, -1.0]), variance=np.ones(2)),
        "second": batch_norm.Statistics(mean=np.array([-1.0, 0.0]), variance=np.ones(2)),
    }
    # 2 / 2, 3 / 3, 1 / 2 and 0: the mean of the four
    assert batch_norm.moved(model, moved) == 0.625
    batch_norm.assign(model, moved)
    assert model.get_layer("second").moving_mean.numpy().tolist() == [-1.0, 0.0]
    assert model.get_layer("second").moving_variance.numpy().tolist() == [1.0, 1.0]
