"""What the base of architectures says of a user's file."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.architecture import contradicted


@pytest.mark.parametrize(
    ("asked", "given", "names"),
    [
        ({"scale": 0.003921568859368563}, {"scale": 1 / 255}, []),  # 1/255 in float32, and in float64
        ({"scale": 0.0039216}, {"scale": 1 / 255}, ["scale"]),
        ({"mean": [123.675, 116.28]}, {"mean": (123.67500305175781, 116.27999877929688)}, []),
        ({"mean": [123.675, 116.28]}, {"mean": [123.675, 116.28, 103.53]}, ["mean"]),
        ({"mean": [123.675]}, {"mean": None}, ["mean"]),
        ({"channels": "rgb", "offset": 0.0}, {"channels": "bgr", "offset": 0}, ["channels"]),
        ({"offset": -1.0}, {}, ["offset"]),
        ({}, {"scale": 1.0}, []),
    ],
)
def test_values_that_are_the_same_in_float32_contradict_nothing(
    asked: dict[str, Any], given: dict[str, Any], names: list[str]
) -> None:
    assert contradicted(asked, given) == names
