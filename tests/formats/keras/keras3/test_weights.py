"""Every weight of a file belongs to one layer, by its place and its name; else nothing is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from keras3_files import dense, dense_weights, functional, image, layer, store
from tflbuild.formats.keras.keras3.weights import weights_of


def one(value: float) -> Any:
    return np.array([value], np.float32)


def values(config: Any, content: bytes) -> dict[tuple[str, ...], list[float]]:
    found = weights_of(config, content)
    return {path: [float(array.ravel()[0]) for array in arrays] for path, arrays in found.items() if arrays}


def nested() -> Any:
    """Two layers of a class in a model, and two in a nested one, which is called between them."""
    inner = functional(
        image("in"), layer("Dense", "x", "in"), layer("Dense", "same", "x"), name="inner", given=("same",)
    )
    return functional(image(), layer("Dense", "same", "image"), inner, layer("Dense", "last", "inner"))


NESTED = {
    "layers/dense/vars/0": one(1),
    "layers/functional/layers/dense/vars/0": one(2),
    "layers/functional/layers/dense_1/vars/0": one(3),
    "layers/dense_1/vars/0": one(4),
}
"""As Keras 3 numbers them: by class, anew in each model."""


def test_a_group_is_named_by_class_and_count_in_each_model() -> None:
    assert values(nested(), store(NESTED)) == {
        ("same",): [1],
        ("inner", "x"): [2],
        ("inner", "same"): [3],
        ("last",): [4],
    }


def test_weights_keep_their_order_and_random_states_are_none() -> None:
    more = {
        "optimizer/vars/0": one(9),
        "layers/dropout/seed_generator/vars/0": one(8),
        "seed_generator/vars/0": one(8),
    }
    found = weights_of(dense(), store({**dense_weights(), **more}))
    assert [array.shape for array in found["scores",]] == [(192, 2), (2,)]
    assert found["scores",][1].tolist() == [5, 7]


@pytest.mark.parametrize(
    ("weights", "names", "said"),
    [
        (
            {**NESTED, "layers/dense_2/vars/0": one(5)},
            {},
            "holds the weights 'layers/dense_2/vars/0', which no layer",
        ),
        (
            {**NESTED, "layers/dense/vars/2": one(5)},
            {},
            "holds weights of layer 'same' that are not numbered",
        ),
        (NESTED, {"layers/dense/vars": "last"}, "holds weights of 'last' where those of layer 'same' belong"),
        ({**NESTED, "vars/0": one(5)}, {}, "holds the weights 'vars/0', which no layer"),
    ],
)
def test_weights_in_another_place_are_refused(weights: Any, names: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weights_of(nested(), store(weights, names))


def test_what_a_recurrent_layer_has_lies_in_its_cell() -> None:
    config = functional(image(), layer("LSTM", "l", "image"))
    stored = {f"layers/lstm/cell/vars/{number}": one(number) for number in range(3)}
    assert values(config, store(stored)) == {("l",): [0, 1, 2]}
    legacy = {
        f"model_weights/l/l/lstm_cell/{name}": one(number) for number, name in enumerate(("bias", "kernel"))
    }
    assert values(config, store(legacy)) == {("l",): [1, 0]}


H5 = {
    "model_weights/same/same/kernel": one(1),
    "model_weights/inner/x/kernel": one(2),
    "model_weights/inner/same/bias": one(4),
    "model_weights/inner/same/kernel": one(3),
    "model_weights/last/last/kernel": one(5),
}


def test_a_h5_names_weights_and_gives_them_in_the_order_of_tf_keras() -> None:
    assert values(nested(), store({**H5, "optimizer_weights/adam/m": one(9)})) == {
        ("same",): [1],
        ("inner", "x"): [2],
        ("inner", "same"): [3, 4],
        ("last",): [5],
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("model_weights/inner/deep/same/kernel", "may be of two layers 'same'; save the model as .keras"),
        ("model_weights/inner/other/kernel", "holds the weights 'inner/other/kernel', which no layer"),
        ("model_weights/last/last/gamma", "may be of two layers"),
    ],
)
def test_weights_of_a_h5_that_two_layers_may_have_are_refused(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weights_of(nested(), store({**H5, path: one(6)}))
