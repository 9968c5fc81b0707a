"""Equalization that leaves outputs as they were: which layers are left out, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pytest

from samples import samples
from tflbuild.core.errors import PassError
from tflbuild.quantization import unchanged
from tflbuild.quantization.unchanged import Equalized, Equalizer
from tflbuild.tflite.packed import Packed

FACTOR = np.array([2.0])
IMAGES = samples(np.full((1, 1, 3), number, np.float32) for number in range(20))


class Model:
    """A model of layers a to d; its graph are its bytes: what is equalized. A function says how far that is off."""

    def __init__(self, difference: Callable[[str], float], monkeypatch: pytest.MonkeyPatch) -> None:
        self.difference, self.asked, self.ways = difference, list[tuple[str, int]](), list[Any]()
        monkeypatch.setattr(unchanged.equalization, "equalized", self._equalized)
        monkeypatch.setattr(unchanged, "largest_difference", self._measured)
        monkeypatch.setattr(Packed, "graph", property(lambda packed: packed.content))

    def run(self, tolerance: float = 0.1) -> Equalized:
        observed: Any = {"observed": 1}
        return Equalizer(
            Packed(b"float"), observed, IMAGES, balance="activations", relu6="replace", tolerance=tolerance
        ).run()

    def _equalized(self, graph: bytes, observed: Any, *, without: Collection[str], **ways: Any) -> Any:
        self.ways.append((graph, observed, ways))
        kept = [name for name in "abcd" if name not in without]
        return "".join(kept).encode(), dict.fromkeys(kept, FACTOR)

    def _measured(self, model: Packed, other: Packed, images: Any) -> float:
        assert model.content == b"float"
        assert [one["image"].tolist() for one in images] == [
            one["image"].tolist() for one in IMAGES[: len(images)]
        ]
        self.asked.append((other.content.decode(), len(images)))
        return self.difference(other.content.decode())


def test_what_changes_nothing_is_equalized_whole_and_measured_on_every_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Model(lambda layers: 0.1, monkeypatch)
    found = model.run(tolerance=0.1)
    assert (found.model.content, list(found.factors), found.difference, found.left) == (
        b"abcd",
        list("abcd"),
        0.1,
        {},
    )
    assert model.asked == [("abcd", 20)]
    assert model.ways == [(b"float", {"observed": 1}, {"balance": "activations", "relu6": "replace"})]


def test_a_layer_that_alone_changes_an_output_is_left_with_by_how_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Model(lambda layers: 0.25 if "c" in layers else 0.0, monkeypatch)
    found = model.run()
    assert found.left == {"c": "alone it changes an output by 0.25 of its size"}
    assert (found.model.content, found.difference) == (b"abd", 0.0)
    assert model.asked == [("abcd", 20), *((name, 8) for name in "abcd"), ("abd", 20)]


def test_layers_that_together_change_an_output_are_left_from_the_first_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Model(lambda layers: 0.06 * len(layers) if len(layers) > 1 else 0.0, monkeypatch).run(0.13)
    assert found.left == {"a": "with others it changes an output", "b": "with others it changes an output"}
    assert (found.model.content, found.difference) == (b"cd", pytest.approx(0.12))


def test_where_nothing_can_be_equalized_the_model_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(lambda layers: 1.0, monkeypatch)
    found = model.run()
    assert (found.model.content, dict(found.factors), found.difference) == (b"", {}, 0.0)
    assert sorted(found.left) == list("abcd")
    assert ("", 20) not in model.asked, "what is not changed is not measured"


def test_a_layer_with_which_the_model_does_not_run_is_left_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refusing(layers: str) -> float:
        if "b" in layers:
            raise PassError("LiteRT cannot execute it.")
        return 0.0

    found = Model(refusing, monkeypatch).run()
    assert found.left == {"b": "LiteRT cannot execute it"}
    assert found.model.content == b"acd"


def test_even_without_a_tolerance_what_does_not_run_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(layers: str) -> float:
        if layers == "abcd":
            raise ValueError("no")
        return 1e9

    found = Model(refusing, monkeypatch).run(tolerance=1.7976931348623157e308)
    assert found.left == {"a": "with others it changes an output"}
    assert (found.model.content, found.difference) == (b"bcd", 1e9)
