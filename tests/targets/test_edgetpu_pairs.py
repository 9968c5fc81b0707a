"""The rules of the Edge TPU against files as Google's compiler left them, operator by operator.

Pairs are `NAME.tflite` and `NAME_edgetpu.tflite` in `../shared/models/coral`; others are tried the same way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetpu_files import OPERATOR, predicted
from tflbuild.placement import facts
from tflbuild.targets.edgetpu.memory import estimate
from tflbuild.targets.edgetpu.remaining import remaining
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.edgetpu_package import packages

NAMES = (
    "deeplabv3_mnv2_dm05_pascal_quant",
    "keras_lstm_mnist_ptq",
    "mobilenet_v1_0.25_128_quant",
    "posenet_mobilenet_v1_075_353_481_16_quant_decoder",
    "split_concat",
)
LEFT = {
    "deeplabv3_mnv2_dm05_pascal_quant": (64, 65, 66, 67, 68, 69, 70, 71),
    "posenet_mobilenet_v1_075_353_481_16_quant_decoder": (37,),
}
"""What Netron shows beside the Edge TPU's operator."""


def pair(shared_models: Path, name: str) -> tuple[Path, Path]:
    folder = shared_models / "coral"
    found = folder / f"{name}.tflite", folder / f"{name}_edgetpu.tflite"
    if not all(path.is_file() for path in found):
        pytest.skip(f"{name} is not there")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_operators_that_are_predicted_to_stay_are_those_that_the_compiler_left(
    shared_models: Path, name: str
) -> None:
    source, made = pair(shared_models, name)
    left = remaining(facts.read(source), facts.read(made), OPERATOR)
    assert left == LEFT.get(name, ())
    placed = predicted(source.read_bytes()).operators
    assert [one.index for one in placed if not one.on] == [*left]


def test_every_pair_that_is_there_is_placed_right(shared_models: Path) -> None:
    compiled = sorted((shared_models / "coral").glob("*_edgetpu.tflite"))
    for made in compiled:
        source = made.with_name(made.name.replace("_edgetpu.tflite", ".tflite"))
        left = remaining(facts.read(source), facts.read(made), OPERATOR)
        placed = predicted(source.read_bytes()).operators
        assert {one.index for one in placed if not one.on} == set(left), source.name


@pytest.mark.parametrize(
    ("name", "within"), [("mobilenet_v1_0.25_128_quant", 0.1), ("deeplabv3_mnv2_dm05_pascal_quant", 0.1)]
)
def test_the_estimate_of_memory_is_near_what_the_file_holds(
    shared_models: Path, name: str, within: float
) -> None:
    source, made = pair(shared_models, name)
    (held,) = packages(flatbuffer.load(made))
    on = {one.index for one in predicted(source.read_bytes()).operators if one.on}
    memory = estimate(facts.read(source), on)
    assert memory.streamed == held.streamed == 0
    assert abs(memory.cached / held.cached - 1) < within
