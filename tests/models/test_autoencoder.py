from __future__ import annotations

import re
from pathlib import Path

import pytest

from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.modalities.vector import Vector
from tflbuild.models.autoencoder import Autoencoder

FRONT_END = Audio(
    front_end="log_mel",
    cut="pieces",
    duration=0.192,
    window=64.0,
    stride=32.0,
    bands=128,
    low=0.0,
    high=8000.0,
)

PUBLISHED = 269_992
"""Numbers in MLPerf Tiny's ad01.h5: 267,928 that are trained, and the statistics of nine batch norms."""


def test_it_takes_what_the_front_end_gives() -> None:
    assert Autoencoder().fitted(FRONT_END).shape == (640,)
    assert Autoencoder(shape=(5, 128)).fitted(FRONT_END).shape == (640,)
    assert Autoencoder(shape=(64,)).fitted(Vector()).shape == (64,)
    assert Autoencoder(shape=(28, 20, 3)).fitted(ImageModality()).resolution() == 28


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (
            Autoencoder(shape=(64,)),
            FRONT_END,
            "shape: [64] are 64 numbers, but the data's front end gives 640",
        ),
        (Autoencoder(), Vector(), "shape: null, but the data do not say how many numbers"),
        (Autoencoder(shape=(28, 28)), ImageModality(), "shape: [28, 28] is no picture of 3 channels"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(model: Autoencoder, kind: Audio, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fitted(kind)


def test_a_shape_of_too_many_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="are 4194304 numbers; an autoencoder takes at most"):
        Autoencoder(shape=(2048, 2048)).check()


@pytest.mark.slow
def test_parameters_are_the_published_ones(shared_models: Path) -> None:
    from tflbuild.backends import keras

    ours = Autoencoder().fitted(FRONT_END).build(0)
    theirs = keras.load(shared_models / "mlperf_tiny" / "ad01.h5")
    assert ours.count_params() == theirs.count_params() == PUBLISHED

    def told(model: object) -> list[tuple[str, int]]:
        layers = model.layers  # type: ignore[attr-defined]
        return [(type(layer).__name__, layer.count_params()) for layer in layers if layer.count_params()]

    assert told(ours) == told(theirs)
    assert ours.output_shape == ours.input_shape == (None, 640)


@pytest.mark.slow
def test_pictures_come_out_as_they_went_in() -> None:
    model = Autoencoder(shape=(8, 6, 3), layers=1, units=16, code=4).fitted(ImageModality()).build(0)
    assert (model.input_names, model.input_shape, model.output_shape) == (
        ["image"],
        (None, 8, 6, 3),
        (None, 8, 6, 3),
    )
