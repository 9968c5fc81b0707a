"""Batch norms that a Keras file calls in training mode, and what the pass `convert` says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kept_models import artifact
from keras_configs import functional, image, layer, written
from tflbuild.core.artifact import KerasModel
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.formats.keras.training_calls import norms_in_training
from tflbuild.passes.convert import _refuse_training


def model(path: Path, *training: object) -> Path:
    """Write a model of two batch norms, each called so."""
    norms = [layer("BatchNormalization", f"norm_{place}", "image") for place in range(2)]
    for norm, mode in zip(norms, training, strict=True):
        norm["inbound_nodes"][0][0][3] = {} if mode is None else {"training": mode}
    return written(path, functional(image(), *norms, ends=["norm_0", "norm_1"]))


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ((True, None), ["norm_0"]),
        ((True, True), ["norm_0", "norm_1"]),
        ((False, None), []),
        ((1, "True"), []),
    ],
)
def test_only_calls_with_training_set_are_named(
    training: tuple[object, ...], found: list[str], tmp_path: Path
) -> None:
    assert norms_in_training(model(tmp_path / "model.h5", *training)) == found


def test_a_refusal_of_the_converter_is_explained_by_them_and_by_nothing_else(tmp_path: Path) -> None:
    facts = Meaning(task="unlabelled", inputs={})
    error = PassError("the TensorFlow Lite converter refused the model")
    right = artifact(KerasModel, model(tmp_path / "right.h5", None, False), facts)
    _refuse_training(right, error)
    wrong = artifact(KerasModel, model(tmp_path / "wrong.h5", True, True), facts)
    with pytest.raises(
        PassError, match=r"^the batch norm 'norm_0' and 1 more is called with training=True: "
    ):
        _refuse_training(wrong, error)
