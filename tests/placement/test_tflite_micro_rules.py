"""The rules of `tflite_micro` against the interpreter: a file is predicted to run exactly where it is allocated."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_network
import stateful_files
import tflite_files
from foreign_networks import Draft
from tflbuild.backends.micro import session
from tflbuild.backends.micro.session import MicroSession, Refused
from tflbuild.core import toolchain
from tflbuild.targets.tflite_micro import TfliteMicro
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector

pytestmark = [
    pytest.mark.skipif(toolchain.version(session.TOOL) is None, reason="tflite-micro is not installed"),
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
]


def predicted(path: Path) -> bool:
    found = TfliteMicro().place(path)
    assert found is not None
    return all(one["on"] for one in found["operators"])


def allocated(path: Path) -> bool:
    """Ask the interpreter, and our own check that nothing is written past its memory."""
    try:
        session.check(flatbuffer.load(path))
        with MicroSession(path) as opened:
            opened.load()
    except Refused:
        return False
    return True


def test_every_shared_file_is_predicted_right(shared_models: Path) -> None:
    files = sorted(shared_models.rglob("*.tflite"))
    wrong = [path.name for path in files if predicted(path) != allocated(path)]
    assert len(files) >= 28
    assert wrong == []


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_quantized_networks_are_predicted_right(tmp_path: Path, scheme: str) -> None:
    path = small_network.quantized(tmp_path, scheme)
    assert predicted(path)
    assert allocated(path)


def drafted() -> dict[str, tuple[bytes, bool]]:
    """Give small files and whether they run."""
    softmax = Draft(x=(1, 4))
    softmax.softmax("y", "x")
    int16 = flatbuffer.unpack(softmax.content("y"))
    for tensor in int16.subgraphs[0].tensors:
        tensor.type = 9 if tensor.name == b"x" else 7  # int8 and int16
        tensor.quantization = flatbuffer.schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [1 / 32768], [0]
    shapeless = flatbuffer.unpack(brightness_detector())
    for index in shapeless.subgraphs[0].outputs:
        shapeless.subgraphs[0].tensors[int(index)].shape = []
    return {
        "floats": (tflite_files.classifier("RELU", "SOFTMAX"), True),
        "loop": (stateful_files.loop(), True),
        "variables": (stateful_files.counter(), True),
        "detections": (brightness_detector(), True),
        "detections without shapes": (flatbuffer.pack(shapeless), False),
        "custom": (tflite_files.classifier("MyOperator"), False),
        "softmax to int16 as LiteRT has it": (flatbuffer.pack(int16), False),
    }


@pytest.mark.parametrize("name", [*drafted()])
def test_small_files_are_predicted_right(tmp_path: Path, name: str) -> None:
    content, runs = drafted()[name]
    path = tflite_files.written(tmp_path, content)
    assert (predicted(path), allocated(path)) == (runs, runs)


def test_reasons_name_the_values_and_the_cure(tmp_path: Path) -> None:
    found = TfliteMicro().place(
        tflite_files.written(tmp_path, drafted()["softmax to int16 as LiteRT has it"][0])
    )
    assert found is not None
    (operator,) = (one for one in found["operators"] if not one["on"])
    assert operator["cure"] == "quantize.scores=int8"
    assert "zero point 0; the kernel has 1/65536 and -32768" in operator["reason"]
