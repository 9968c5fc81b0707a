"""The programs of docs/replay.md replay samples: the C++ one with LiteRT's library, the Kotlin one with a stand-in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import ai_edge_litert
import pytest

import litert_headers
import proven

PAGE = Path(__file__).resolve().parents[2] / "docs" / "replay.md"
LIBRARY = Path(ai_edge_litert.__file__).with_name("libLiteRt.so")


def code(language: str) -> str:
    """Give the code of the page in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    return str(found)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the C++ program and link it with LiteRT's library."""
    compiler = shutil.which("g++")
    if not compiler or not LIBRARY.is_file():
        pytest.skip("there is no g++, or LiteRT's package has no libLiteRt.so")
    folder = tmp_path_factory.mktemp("replay")
    text = code("cpp")
    (folder / "replay.cc").write_text(text)
    given = os.environ.get("TFLBUILD_TEST_LITERT_INCLUDE", "")
    if not given:
        litert_headers.write(folder, re.findall(r'#include "(litert/[^"]+)"', text))
    includes = [f"-I{one}" for one in (given.split(":") if given else [str(folder)])]
    made = folder / "replay"
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", *includes, str(folder / "replay.cc")]
    done = subprocess.run(
        [*command, str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}", "-o", str(made)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return made


def replayed(program: Path, run: Path) -> tuple[int, list[str], str]:
    command = [str(program), str(run / "model.tflite"), str(run / "samples")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_the_cpp_program_gives_what_was_stored_and_sees_what_was_not(
    program: Path, integer_classifier: Path, tmp_path: Path
) -> None:
    run = proven.run(integer_classifier, tmp_path / "run")
    table = run / "samples" / "samples.tsv"
    told = table.read_text()
    allowed = float(told.splitlines()[2].split("\t")[5])
    exact = [f"00{n} scores: 0 apart, {allowed:g} allowed" for n in range(5)]
    assert replayed(program, run)[:2] == (0, exact)

    stored = run / "samples/003/output_0.bin"
    content = stored.read_bytes()
    stored.write_bytes(bytes([content[0] ^ 0x40, content[1]]))  # 64 steps
    code, lines, _ = replayed(program, run)
    assert (code, lines[3]) == (1, f"003 scores: 64 apart, {allowed:g} allowed: DRIFT")
    assert lines[:3] + lines[4:] == exact[:3] + exact[4:]

    stored.write_bytes(content[:1])
    code, _, error = replayed(program, run)
    assert (code, "003/output_0.bin has 1 bytes, the model wants 2" in error) == (2, True)
    stored.unlink()
    assert replayed(program, run)[0] == 2
    stored.write_bytes(content)
    table.write_text(told.replace("scores", "other"))
    code, lines, error = replayed(program, run)
    assert (code, lines, "the model has no output 'other'" in error) == (2, [], True)
    table.unlink()
    code, _, error = replayed(program, run)
    assert (code, "has no samples.tsv" in error) == (2, True)


STUBS = {
    "Context.kt": """package android.content
abstract class Context { abstract val assets: android.content.res.AssetManager }
""",
    "Assets.kt": """package android.content.res
import java.io.File
import java.io.InputStream
class AssetManager(val folder: String) { fun open(name: String): InputStream = File(folder, name).inputStream() }
""",
    "LiteRt.kt": """package com.google.ai.edge.litert
import android.content.res.AssetManager
enum class Accelerator { CPU }
class TensorBuffer : AutoCloseable {
    var data: Any? = null
    fun writeInt(data: IntArray) { this.data = data }
    fun writeFloat(data: FloatArray) { this.data = data }
    fun writeInt8(data: ByteArray) { this.data = data }
    fun writeBoolean(data: BooleanArray) { this.data = data }
    fun writeLong(data: LongArray) { this.data = data }
    fun readInt(): IntArray = data as IntArray
    fun readFloat(): FloatArray = data as FloatArray
    fun readInt8(): ByteArray = data as ByteArray
    fun readBoolean(): BooleanArray = data as BooleanArray
    fun readLong(): LongArray = data as LongArray
    override fun close() {}
}
class CompiledModel private constructor() : AutoCloseable {
    class Options constructor(val accelerators: Set<Accelerator>) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))
    }
    fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer = TensorBuffer()
    fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer = TensorBuffer()
    fun run(inputs: Map<String, TensorBuffer>, outputs: Map<String, TensorBuffer>, signature: String = "") =
        answer(inputs, outputs)
    override fun close() {}
    companion object {
        var answer: (Map<String, TensorBuffer>, Map<String, TensorBuffer>) -> Unit = { _, _ -> }
        @JvmStatic
        fun create(assetManager: AssetManager, assetName: String, options: Options): CompiledModel = CompiledModel()
    }
}
""",
    "Main.kt": """import android.content.Context
import android.content.res.AssetManager
import com.google.ai.edge.litert.CompiledModel
import java.io.File
fun main(words: Array<String>) {
    val samples = File(words[0], "samples").listFiles()!!.filter { it.isDirectory }
    CompiledModel.answer = { inputs, outputs ->
        val given = inputs.getValue("image").readInt8()
        val sample = samples.first { File(it, "input_0.bin").readBytes().contentEquals(given) }
        val bytes = File(sample, "output_0.bin").readBytes()
        outputs.getValue("scores").writeInt8(ByteArray(bytes.size) { (bytes[it] xor words[1].toByte()) })
    }
    replay(object : Context() { override val assets = AssetManager(words[0]) }).forEach { println(it) }
}
infix fun Byte.xor(other: Byte): Byte = (this.toInt() xor other.toInt()).toByte()
""",
}
"""Classes with the signatures of Android's and of LiteRT's, whose model answers with what is stored, bits flipped."""


@pytest.mark.slow
def test_the_kotlin_function_compares_what_a_model_gives(integer_classifier: Path, tmp_path: Path) -> None:
    """$TFLBUILD_TEST_KOTLINC names a Kotlin compiler, e.g. the npm package kotlin-compiler's `bin/kotlinc`."""
    compiler, java = os.environ.get("TFLBUILD_TEST_KOTLINC", ""), shutil.which("java")
    if not compiler or not java:
        pytest.skip("$TFLBUILD_TEST_KOTLINC names no Kotlin compiler, or there is no java")
    run = proven.run(integer_classifier, tmp_path / "run")
    files = {**STUBS, "Replay.kt": code("kotlin")}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    made = tmp_path / "replay.jar"
    sources = [str(tmp_path / name) for name in files]
    subprocess.run(["bash", compiler, *sources, "-include-runtime", "-d", str(made)], check=True, timeout=300)

    def drift(flipped: int) -> list[str]:
        command = [java, "-jar", str(made), str(run), str(flipped)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.splitlines()

    assert drift(0) == []
    found = drift(64)
    assert len(found) == 5
    assert found[0].startswith("000 scores: 64.0 apart, ")
