"""Google's `edgetpu_compiler`, through a stand-in that prints, writes and fails as it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgetpu_files import chain, fake_compiler
from tflbuild.backends.edgetpu import Status, compile_for_edgetpu, installed, parse
from tflbuild.core.errors import MissingTool, PassError

PRINTED = """\
Edge TPU Compiler version 15.0.340273435

Model compiled successfully in 1034 ms.

Input model: ssd.tflite
Input size: 6.47MiB
Output model: ssd_edgetpu.tflite
Output size: 6.62MiB
On-chip memory used for caching model parameters: 6.29MiB
On-chip memory remaining for caching model parameters: 1.50MiB
Off-chip memory used for streaming uncached model parameters: 64.50KiB
Number of Edge TPU subgraphs: 1
Total number of operations: 99
Operation log: ssd_edgetpu.log

Operator                       Count      Status

CUSTOM                         1          Operation is working on an unsupported data type
LOGISTIC                       1          Mapped to Edge TPU
RESHAPE                        12         Mapped to Edge TPU
RESHAPE                        1          More than one subgraph is not supported
Compilation succeeded!
"""
"""A log of the real compiler, but for the names."""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "given.tflite"
    path.write_bytes(chain())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a compiler on the PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("FAKE_EDGETPU", raising=False)
    return fake_compiler(tmp_path / "bin")


def test_a_log_is_read() -> None:
    made = parse(b"file", PRINTED)
    assert (made.content, made.version, made.parts) == (b"file", "15.0.340273435", 1)
    assert (made.cached, made.streamed) == (round(6.29 * 2**20), round(64.5 * 2**10))
    assert made.statuses == (
        Status("CUSTOM", 1, "Operation is working on an unsupported data type"),
        Status("LOGISTIC", 1, "Mapped to Edge TPU"),
        Status("RESHAPE", 12, "Mapped to Edge TPU"),
        Status("RESHAPE", 1, "More than one subgraph is not supported"),
    )


def test_a_log_that_says_nothing_gives_nothing() -> None:
    made = parse(b"file", "\nfine\n")
    assert (made.version, made.cached, made.streamed, made.parts, made.statuses) == ("", None, None, None, ())
    assert parse(b"", "On-chip memory used for caching model parameters: 0.00B\n").cached == 0


def test_the_file_that_it_wrote_is_given_with_its_figures(program: Path, model: Path, folder: Path) -> None:
    assert installed() == program
    made = compile_for_edgetpu(model, folder, ["--min_runtime_version", "13"], 60)
    assert made.content == (folder / "out" / "model_edgetpu.tflite").read_bytes()
    assert (made.version, made.parts, made.cached, made.streamed) == ("16.0.384591198", 1, 3072, 1310720)
    assert Status("HARD_SWISH", 1, "Operation not supported") in made.statuses
    words = (folder / "out" / "words").read_text().split("\n")
    assert words[:2] == ["--show_operations", "--out_dir"]
    assert words[3:] == ["--min_runtime_version", "13", str(folder / "model.tflite")]
    assert model.read_bytes() == chain()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("float", "Model not quantized; it takes full-integer files; set quantize.scheme=int8."),
        (
            "large",
            "Compilation failed due to large activation tensors in model; try target.edgetpu.search_delegate=true, "
            "or a smaller input.",
        ),
        (
            "internal",
            "Internal compiler error. Aborting!; try target.edgetpu.search_delegate=true, ",
        ),
        ("version", "Registration failed; it is of 2021 and does not know an operator of this file; "),
        ("silent", "Compilation failed!"),
    ],
)
def test_why_it_failed_is_said_in_its_words_with_what_helps(
    program: Path, model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str, said: str
) -> None:
    monkeypatch.setenv("FAKE_EDGETPU", how)
    with pytest.raises(PassError) as failed:
        compile_for_edgetpu(model, folder, [], 60)
    assert f"edgetpu_compiler failed: {said}" in str(failed.value)


def test_an_option_that_it_does_not_know_is_its_failure(program: Path, model: Path, folder: Path) -> None:
    with pytest.raises(PassError, match="failed: Unknown command line flag"):
        compile_for_edgetpu(model, folder, ["--num_chips", "3"], 60)


def test_one_that_does_not_end_is_ended(
    program: Path, model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EDGETPU", "hang")
    with pytest.raises(PassError, match=r"did not end within 2 s; allow more with target\.edgetpu\.timeout"):
        compile_for_edgetpu(model, folder, [], 2)


def test_one_that_writes_nothing_has_failed(program: Path, model: Path, folder: Path) -> None:
    program.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(PassError, match="failed: it ended with code 0 and said nothing"):
        compile_for_edgetpu(model, folder, [], 60)


def test_a_file_that_it_wrote_before_it_failed_does_not_count(
    program: Path, model: Path, folder: Path
) -> None:
    program.write_text("#!/bin/sh\necho half > out/model_edgetpu.tflite\necho Aborted\nexit 134\n")
    with pytest.raises(PassError, match="failed: Aborted"):
        compile_for_edgetpu(model, folder, [], 60)


def test_one_that_is_for_another_processor_is_said(program: Path, model: Path, folder: Path) -> None:
    program.write_bytes(b"\x7fELF of another processor")
    with pytest.raises(PassError, match="cannot be executed: Exec format error"):
        compile_for_edgetpu(model, folder, [], 60)


def test_one_that_prints_no_text_is_read_all_the_same(program: Path, model: Path, folder: Path) -> None:
    program.write_bytes(b"#!/bin/sh\nprintf 'ERROR: \\377\\033[31mred'\nexit 3\n")
    with pytest.raises(PassError) as failed:
        compile_for_edgetpu(model, folder, [], 60)
    assert "\x1b" not in str(failed.value)
    json.dumps(str(failed.value)).encode()


def test_without_it_how_to_get_it_is_said(
    tmp_path: Path, model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed() is None
    with pytest.raises(MissingTool, match="sudo apt-get install edgetpu-compiler"):
        compile_for_edgetpu(model, folder, [], 60)
