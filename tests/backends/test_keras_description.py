"""What a header shows, and that whatever else stands there shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from keras_configs import functional, image, layer

from tflbuild.backends.keras_description import described
from tflbuild.core.errors import RecipeError


@dataclass(frozen=True)
class Header:
    config: Mapping[str, Any]


VALUES: list[Any] = [None, 0, "x", [], {}, [[["image", 9, 9]]], [["nobody", 0, 0]], {"a": {"b": 1}}]


@pytest.mark.parametrize("part", ["layers", "output_layers", "input_layers", "name"])
@pytest.mark.parametrize("value", VALUES)
def test_a_configuration_that_is_none_is_refused_in_one_sentence(part: str, value: Any) -> None:
    config = functional(image(), layer("Dense", "scores", "image", units=3, activation="softmax"))
    config["config"][part] = value
    found = described(Header(config))
    if not found.ends:
        with pytest.raises(RecipeError, match="cannot be followed from its outputs to its input"):
            found.check("my.h5", "auto")


@pytest.mark.parametrize("key", ["activation", "units", "dtype", "axis", "target_shape", "scale", "name"])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("kind", ["Dense", "Reshape", "Rescaling", "Softmax", "Normalization", "TFOpLambda"])
def test_options_of_a_layer_may_be_anything(kind: str, key: str, value: Any) -> None:
    config = functional(image(), layer(kind, "odd", "image", **{key: value} if key != "name" else {}))
    if key == "name":
        config["config"]["layers"][1]["config"]["name"] = value
    found = described(Header(config))
    found.recognised("auto", {})
