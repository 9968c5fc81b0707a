"""Kotlin and C++ on the page: names, shapes and numbers of the file; the C++ is compiled where LiteRT's headers are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import made_up
from tflbuild.show.pages.snippets import cpp, kotlin
from tflbuild.show.pages.snippets.delivered import File, file_of
from tflbuild.show.pages.snippets.listing import snippets

IMAGE = {"name": "image", "shape": [1, 96, 96, 3], "modality": "image", "preprocess": {}}
SCORES = {"name": "scores", "shape": [1, 2], "dtype": "float32"}


def file(inputs: dict[str, Any], outputs: dict[str, Any] = SCORES) -> File:
    found = file_of({"path": "model.tflite", "labels": [], "inputs": [inputs], "outputs": [outputs]})
    assert found is not None
    return found


UINT8 = IMAGE | {"dtype": "uint8", "scale": 0.0078125, "zero_point": 128}
INT8 = IMAGE | {"dtype": "int8", "scale": 0.0078125, "zero_point": 0}
FLOAT = IMAGE | {"dtype": "float32", "preprocess": {"mean": [1.0, 2.0, 3.0], "std": [2.0, 2.0, 4.0]}}
OTHER = IMAGE | {"dtype": "int8", "scale": 0.02, "zero_point": -5}
VECTOR = {"name": "x$1", "shape": [None, 640], "dtype": "int8", "scale": 0.4, "zero_point": 89}
ALL = {"uint8": UINT8, "int8": INT8, "float32": FLOAT, "another scale": OTHER, "no picture": VECTOR}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (UINT8, "    imageValues[3 * place + 0] = (pixel shr 16 and 255).toByte()"),
        (INT8, "    imageValues[3 * place + 2] = ((pixel and 255) - 128).toByte()"),
        (FLOAT, "    imageValues[3 * place + 2] = (pixel and 255) * 0.25f + -0.75f"),
        (
            OTHER,
            "    imageValues[3 * place + 1] = ((((pixel shr 8 and 255) * 0.0078125f + -1.0f) / 0.02f)"
            ".roundToInt() + -5).coerceIn(-128, 127).toByte()",
        ),
        (VECTOR, "// fill x1Values: round(value / 0.4) + 89, between -128 and 127"),
    ],
)
def test_kotlin_fills_an_input_as_the_file_takes_it(given: dict[str, Any], line: str) -> None:
    text = kotlin.code(file(given))
    assert line in text.splitlines()


def test_kotlin_reads_outputs_by_name_with_their_scale() -> None:
    out = {"name": "a $b", "shape": [1, 4], "dtype": "uint8", "scale": 0.5, "zero_point": 3}
    text = kotlin.code(file(UINT8, out))
    assert 'model.createOutputBuffer("a \\$b")' in text, "a dollar would begin a template"
    assert ".readInt8().map { ((it.toInt() and 255) - 3) * 0.5f }  // (1, 4) uint8" in text
    assert 'val model = CompiledModel.create(context.assets, "model.tflite", CompiledModel.Options' in text


def test_cpp_has_the_numbers_of_the_file() -> None:
    text = cpp.code(file(OTHER, SCORES | {"dtype": "int8", "scale": 0.00390625, "zero_point": -128}))
    for part in (
        "// image: (1, 96, 96, 3) int8, scale 0.02, zero point -5; RGB pixels, resized: bilinear, stretch, each "
        "pixel * 0.0078125 + -1; each number is round(value / 0.02) + -5",
        "litert::Expected<void> Infer(const std::vector<int8_t>& image, std::vector<float>& scores) {",
        'model.CreateInputBuffer("image")',
        "// 27648 numbers",
        "for (float& value : scores) value = (value - -128) * 0.00390625f;",
    ):
        assert part in text, part


@pytest.mark.slow
def test_cpp_compiles_against_the_headers_of_litert(tmp_path: Path) -> None:
    """$TFLBUILD_TEST_LITERT_INCLUDE names folders, joined by ":", with `litert/cc/` and `absl/`."""
    folders = os.environ.get("TFLBUILD_TEST_LITERT_INCLUDE", "")
    compiler = shutil.which("g++")
    if not folders or not compiler:
        pytest.skip("$TFLBUILD_TEST_LITERT_INCLUDE names no headers of LiteRT, or there is no g++")
    source = tmp_path / "all.cc"
    texts = [
        f"namespace n{k} {{\n" + _body(cpp.code(file(one))) + "}\n" for k, one in enumerate(ALL.values())
    ]
    headers = cpp.code(file(UINT8)).partition("//")[0]
    source.write_text(headers + "".join(texts))
    includes = [f"-I{folder}" for folder in folders.split(":")]
    command = [compiler, "-std=c++20", "-fpermissive", "-w", "-fsyntax-only", *includes, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def _body(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#include")) + "\n"


def test_a_microcontroller_is_given_its_operators_and_an_arena() -> None:
    _, npu = made_up.targets()
    (snippet,) = snippets(npu)
    assert snippet.language == "C++ on a microcontroller"
    for part in (
        "MicroMutableOpResolver<2> resolver;",
        "resolver.AddEthosU();",
        "resolver.AddDequantize();",
        "arena[88 * 1024]",  # 72.7 KiB, and a fifth more
        "uint8_t* image = tflite::GetTensorData<uint8_t>(interpreter.input(0));  // fill 27648: (1, 96, 96, 3) uint8",
    ):
        assert part in snippet.code, part


def test_a_file_for_tflite_micro_has_its_own_resolver_and_the_arena_that_was_measured() -> None:
    cpu, _ = made_up.targets()
    micro = {"resolver": ["AddConv2D", "AddSoftmax"]}
    (snippet,) = snippets({**cpu, "micro": micro, "arena": 85_488})
    assert snippet.language == "C++ on a microcontroller"
    for part in (
        "MicroMutableOpResolver<2> resolver;",
        "resolver.AddConv2D();",
        "resolver.AddSoftmax();",
        "arena[85488];  // the smallest that was measured here",
    ):
        assert part in snippet.code, part
    assert "AddEthosU" not in snippet.code
