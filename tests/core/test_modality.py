"""Modalities: what holds of one that says nothing more, and what of it may lie in a file of somebody else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import PassError
from tflbuild.core.field_checks import number
from tflbuild.core.modality import MODALITIES, Batch, Encoded, Modality, modality
from tflbuild.core.signature import TensorSpec


class Plain(Modality):
    """Nothing more."""

    name = "plain"


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> type[Modality]:
    """Declare a modality with two options, which contradict one another where they are equal."""
    monkeypatch.setattr(MODALITIES, "_classes", {})

    @modality("sound")
    class Sound(Modality):
        training = "tests_of_modality:batches"
        checks = {"rate": number(above=0), "hop": number(above=0)}  # noqa: RUF012

        rate: float = 16_000.0
        hop: float = 160.0

        def check(self) -> None:
            if self.hop == self.rate:
                raise ValueError(f"hop: {self.hop:g} is the rate; make it smaller")

    return Sound


def test_a_modality_that_says_nothing_takes_every_tensor_and_gives_codes_as_they_are() -> None:
    made = Plain()
    assert (made.needs, made.training, made.checks) == (("numpy",), "", {})
    assert made.refusal(TensorSpec((1, 2), "float32")) == ""
    assert (made.quantization(), made.limits()) == (None, None)
    made.check()
    values = made.values(np.array([[1, 255]], np.uint8))
    assert values.dtype == np.float32
    assert values.tolist() == [[1.0, 255.0]]
    with pytest.raises(NotImplementedError):
        made.encode(None, (1,))


def test_a_modality_that_says_nothing_gives_no_training_batches() -> None:
    with pytest.raises(PassError) as caught:
        Plain().batches(None, {}, (1,), 8, 0)  # type: ignore[arg-type]
    assert str(caught.value) == "the modality 'plain' gives no training batches."


def test_training_batches_come_from_the_function_that_is_named(
    sound: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "tflbuild.core.modality.named", lambda name: lambda *given: asked.append((name, *given))
    )
    made = sound(rate=8000.0)
    made.batches("split", {"flip": 1}, (4,), 8, 3)
    made.batches("split", {}, (4,), 8, 3, start=5)
    assert asked == [
        ("tests_of_modality:batches", made, "split", {"flip": 1}, (4,), 8, 3, 0),
        ("tests_of_modality:batches", made, "split", {}, (4,), 8, 3, 5),
    ]


def test_a_declared_modality_is_built_from_its_options(sound: Any) -> None:
    assert MODALITIES.get("sound") is sound
    assert sound.name == "sound"
    assert sound.of({"rate": 8000.0}) == sound(rate=8000.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "'x.rate' is 0"),
        ({"more": 0}, "'x.more' is unknown to this version of tflbuild"),
        ({"rate": 160.0}, "x.hop: 160 is the rate; make it smaller"),
    ],
)
def test_options_of_a_file_are_held_to_their_checks_and_to_one_another(
    sound: Any, options: dict[str, Any], message: str
) -> None:
    sound.check_options("x.", {"rate": 8000.0})
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is looked at
        sound.check_options("x.", options)
    assert str(caught.value) == message


def test_a_sample_for_people_is_its_shape_and_dtype_or_itself() -> None:
    assert Plain().plain(np.zeros((2, 3), np.int16)) == "(2, 3) int16"
    assert Plain().plain("a word") == "a word"


def test_codes_have_no_geometry_unless_they_say_so() -> None:
    assert Encoded("codes") == ("codes", None)
    assert Batch._fields == ("codes", "boxes", "labels")
