"""The rules of `tflite_micro` against the interpreter: a file is predicted to run exactly where it is allocated."""

from __future__ import annotations

from pathlib import Path

import pytest

import micro_trials
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


DTYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool", "float16")
GRIDS = {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)}
UNARY = (
    *(
        "ABS",
        "CEIL",
        "COS",
        "ELU",
        "EXP",
        "FLOOR",
        "GELU",
        "HARD_SWISH",
        "L2_NORMALIZATION",
        "LEAKY_RELU",
        "LOG",
    ),
    *(
        "LOGISTIC",
        "LOG_SOFTMAX",
        "NEG",
        "RELU",
        "RELU6",
        "ROUND",
        "RSQRT",
        "SIGN",
        "SIN",
        "SOFTMAX",
        "SQRT",
        "SQUARE",
    ),
    *("TANH", "ZEROS_LIKE"),
)
BINARY = (
    *("ADD", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "MUL", "POW", "PRELU"),
    *("SQUARED_DIFFERENCE", "SUB"),
)
COMPARING = ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
CONVERTING = ("CAST", "DEQUANTIZE", "QUANTIZE", "SOFTMAX")


def single(name: str, inputs: tuple[tflite_files.Typed, ...], output: tflite_files.Typed) -> bytes:
    """Give a file of one operator."""
    places = [f"x{place}" for place in range(len(inputs))]
    typed = {**dict(zip(places, inputs, strict=True)), "y": output}
    shapes = dict.fromkeys(typed, (1, 2, 2, 3))
    return tflite_files.network(shapes, [tflite_files.step(name, places, ["y"])], places, ["y"], typed)


def singles() -> dict[str, bytes]:
    """Give a file for each operator and dtype, and for each pair of dtypes of those that convert."""
    typed = {dtype: tflite_files.Typed(dtype, *GRIDS.get(dtype, (0.0, 0))) for dtype in DTYPES}
    found = {}
    for dtype, one in typed.items():
        found |= {f"{name} {dtype}": single(name, (one,), one) for name in UNARY}
        found |= {f"{name} {dtype}": single(name, (one, one), one) for name in BINARY}
        found |= {f"{name} {dtype}": single(name, (one, one), typed["bool"]) for name in COMPARING}
        found |= {
            f"{name} {dtype} {other}": single(name, (one,), made)
            for name in CONVERTING
            for other, made in typed.items()
        }
    for scale, zero in ((1 / 65536, -32768), (1 / 65536, 0), (1 / 32768, -32768)):
        made = tflite_files.Typed("int16", scale, zero)
        found[f"SOFTMAX int16 {scale} {zero}"] = single("SOFTMAX", (typed["int8"],), made)
    return found


def test_every_dtype_of_an_operator_is_predicted_as_the_interpreter_takes_it(tmp_path: Path) -> None:
    contents = singles()
    files = [tmp_path / f"{place}.tflite" for place in range(len(contents))]
    for path, content in zip(files, contents.values(), strict=True):
        path.write_bytes(content)
    runs = micro_trials.run(files, tmp_path)
    wrong = [name for name, path, one in zip(contents, files, runs, strict=True) if predicted(path) != one]
    assert wrong == []
    assert 120 < sum(runs) < len(runs) - 120
