"""benchmark_model on a phone that really runs the model: outputs are LiteRT's, and what fails is one sentence."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_adb import Phones
from foreign_networks import two_inputs, two_outputs
from held_to_litert import check_alike, samples
from stateful_files import lstm
from tflbuild.backends.android.benchmark import Ends, Loaded, device, measured
from tflbuild.backends.android.elf import abi_of
from tflbuild.backends.android.setup import Setup
from tflbuild.backends.one_at_a_time import one_at_a_time
from tflbuild.core.digest import of_file
from tflbuild.core.errors import MissingTool, PassError, RecipeError
from tflbuild.core.signature import Signature
from tflbuild.runtimes import interpreter as litert
from tflbuild.runtimes.delegation import taken
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector

NAME = "Google Pixel 7 (Android 14, arm64-v8a)"


@pytest.fixture
def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    return Phones(tmp_path / "phones").attach()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    return path


def setup(phones: Phones, **changed: Any) -> Setup:
    made = Setup(
        adb=str(phones.adb),
        serial="",
        benchmark=str(phones.benchmark),
        delegate="xnnpack",
        threads=1,
        flags=(),
        affinity="",
        folder="/data/local/tmp",
        timeout=60,
    )
    return replace(made, **changed)


def loaded(made: Setup, path: Path) -> Loaded:
    signature = Signature.from_json(flatbuffer.signature(path))
    return Loaded(made, path, signature, litert.output_shapes(path))


def check_phone(made: Setup, path: Path, count: int) -> Loaded:
    """Hold what the phone gives to LiteRT."""
    on_phone = loaded(made, path)
    check_alike(on_phone, path, count)
    return on_phone


def test_the_phone_gives_what_litert_gives_and_nothing_is_left_on_it(phones: Phones, model: Path) -> None:
    on_phone = check_phone(setup(phones), model, 2)
    assert on_phone.kernels == "xnnpack"
    assert phones.left() == []


@pytest.mark.parametrize("make", [two_inputs, two_outputs])
def test_inputs_and_outputs_are_told_apart_by_their_place(phones: Phones, tmp_path: Path, make: Any) -> None:
    path = tmp_path / "two.tflite"
    path.write_bytes(make())
    check_phone(setup(phones), path, 1)


def test_each_sample_is_run_from_a_fresh_start(phones: Phones, tmp_path: Path) -> None:
    """A warm-up run would leave its state in an LSTM."""
    path = tmp_path / "lstm.tflite"
    path.write_bytes(lstm(3, clip=0.0, peepholes=False))
    check_phone(setup(phones), path, 1)


def test_ends_are_in_the_order_of_the_graph(tmp_path: Path) -> None:
    path = tmp_path / "two.tflite"
    path.write_bytes(two_inputs())
    graph = flatbuffer.load(path).subgraphs[0]
    inputs, outputs = flatbuffer.ends_of(flatbuffer.load(path))
    ends = Ends.of(path)
    assert [inputs[name] for name in ends.inputs] == list(graph.inputs)
    assert [outputs[name] for (name,) in ends.outputs] == list(graph.outputs)
    assert ends.signature == ""


def test_a_file_is_timed_operator_by_operator(phones: Phones, model: Path) -> None:
    found = measured(setup(phones, threads=3, affinity="f0"), model, 4)
    assert (found["latency_ms"]["cpu"], found["latency_ms"]["threads"]) == (NAME, 3)
    assert found["latency_ms"]["median"] > 0
    assert found["latency_ms"]["runs"] >= 4
    assert found["delegate"] == taken(model).told("xnnpack")
    assert found["memory"]["overall_mib"] == 4.5
    assert found["memory"]["peak_mib"] > 1
    rows = found["operator_times"]["operators"]
    assert [(row["name"], row["delegated"]) for row in rows[-2:]] == [
        ("Reshape (NC, F32)", True),
        ("TFLite_Detection_PostProcess", False),
    ]
    assert [row["ms"] for row in rows] == [0.125, 0.25, 0.375, 0.5, 0.625, 0.25]  # as the stand-in says
    assert found["device"]["benchmark_model"] == of_file(phones.benchmark)
    assert found["device"] == device(setup(phones))
    assert (phones.folder / "2B141FDH2000A1" / "masks").read_text().split() == ["f0", "f0"]


def test_without_a_delegate_all_operators_are_litert_s_own(phones: Phones, model: Path) -> None:
    found = measured(setup(phones, delegate="builtin"), model, 1)
    assert (found["delegate"]["delegated"], found["latency_ms"]["kernels"]) == (0, "builtin")
    assert not any(row["delegated"] for row in found["operator_times"]["operators"])


def test_a_gpu_that_runs_nothing_is_not_said_to_compute(phones: Phones, model: Path) -> None:
    on_phone = check_phone(setup(phones, delegate="gpu", flags=("--fake=unused",)), model, 1)
    assert on_phone.kernels == "builtin"


def failed(made: Setup, path: Path) -> str:
    """Give the sentence of a run that fails."""
    with pytest.raises(PassError) as found:
        loaded(made, path).run(samples(path, 1))
    return str(found.value)


def test_a_delegate_that_was_not_applied_is_an_error(phones: Phones, model: Path) -> None:
    assert failed(setup(phones, delegate="gpu", flags=("--fake=no_gpu",)), model) == (
        f"benchmark_model did not apply the delegate 'gpu' on {NAME}: WARN: GPU acceleration is unsupported on this "
        f"platform.; try target.android.delegate=xnnpack."
    )


def test_a_delegate_that_crashes_is_named_with_the_signal(phones: Phones, model: Path) -> None:
    said = failed(setup(phones, delegate="gpu", flags=("--fake=crash",)), model)
    assert said.startswith(
        f"benchmark_model was ended by signal 11 (crash) on {NAME} while running 1 sample, with delegate 'gpu': "
    )
    assert said.endswith("; try target.android.delegate=xnnpack.")
    assert phones.left() == []


def test_a_flag_that_the_program_does_not_know_is_an_error(phones: Phones, model: Path) -> None:
    assert "does not know --of_nobody=1" in failed(setup(phones, flags=("--of_nobody=1",)), model)


def test_a_program_that_writes_no_outputs_is_an_error(phones: Phones, model: Path) -> None:
    text = phones.benchmark.read_text()
    phones.benchmark.write_text(text.replace('if flags["output_filepath"]:', "if False:"))
    assert "wrote 0 bytes for the outputs" in failed(setup(phones), model)


def test_a_time_limit(phones: Phones, model: Path) -> None:
    said = failed(setup(phones, timeout=1, flags=("--fake=hang",)), model)
    assert said == f"{NAME} took longer than target.android.timeout=1 s while running 1 sample."


def test_a_phone_that_is_full(phones: Phones, model: Path) -> None:
    phones.change(free_kib=2)
    said = failed(setup(phones), model)
    assert said.startswith(f"{NAME}: cannot copy to /data/local/tmp: adb: error: failed to copy ")
    assert "No space left on device; 0.0 MiB are needed, and 0.0 MiB are free. Make room" in said


@pytest.mark.parametrize("where", ["push", "sh run.sh", "pull"])
def test_a_cable_that_breaks_once_is_tried_again(phones: Phones, model: Path, where: str) -> None:
    phones.fail(where, "cable")
    check_phone(setup(phones), model, 1)
    assert [words[2] for words in phones.calls() if len(words) > 2].count("wait-for-device") == 1
    assert phones.left() == []


def test_a_cable_that_breaks_twice_ends_it(phones: Phones, model: Path) -> None:
    phones.fail("sh run.sh", "cable", times=2)
    assert failed(setup(phones), model) == (
        f"The connection to {NAME} ended while running 1 sample, and again when it was tried once more: n=0; nothing "
        f"of it was kept. Look at the cable, and at what the phone shows."
    )


def test_another_phone_at_the_cable_is_not_gone_on_with(phones: Phones, model: Path) -> None:
    phones.fail("sh run.sh", "become another/phone:15")
    assert failed(setup(phones), model) == (
        f"{NAME} was exchanged while running 1 sample; nothing of it was kept."
    )


def test_a_program_of_another_abi_is_refused_before_it_is_pushed(phones: Phones, model: Path) -> None:
    phones.benchmark.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x03\x00\x28\x00" + bytes(32))
    assert abi_of(phones.benchmark) == "armeabi-v7a"
    with pytest.raises(
        RecipeError, match=r"is built for armeabi-v7a, and Google Pixel 7 .* executes arm64-v8a"
    ):
        loaded(setup(phones), model).run(samples(model, 1))
    assert not [words for words in phones.calls() if "push" in words]


@pytest.mark.parametrize(
    ("header", "abi"),
    [
        (b"\x7fELF\x02\x01" + bytes(12) + b"\xb7\x00", "arm64-v8a"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x3e\x00", "x86_64"),
        (b"\x7fELF\x02\x02" + bytes(12) + b"\x00\xf3", "riscv64"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x15\x00", ""),
        (b"#!/bin/sh\n", ""),
        (b"", ""),
    ],
)
def test_the_abi_is_in_the_elf_header(tmp_path: Path, header: bytes, abi: str) -> None:
    path = tmp_path / "program"
    path.write_bytes(header)
    assert abi_of(path) == abi


@pytest.mark.parametrize("said", ["not executable: 64-bit ELF file", "Exec format error"])
def test_what_the_phones_shell_says_of_another_abi_is_understood(
    phones: Phones, model: Path, said: str
) -> None:
    phones.fail("sh run.sh", f"exec {said}")
    with pytest.raises(
        RecipeError, match=rf"cannot be executed \({said}\), and Google Pixel 7 .* executes arm64-v8a"
    ):
        loaded(setup(phones), model).run(samples(model, 1))


def test_a_missing_program_says_where_it_is_from(phones: Phones, model: Path) -> None:
    for benchmark, text in (("", "not given; expected"), ("/nowhere/benchmark_model", "there is no file")):
        with pytest.raises(MissingTool, match=rf"target.android.benchmark: {text}.*developers.google.com"):
            measured(setup(phones, benchmark=benchmark), model, 1)


def test_a_second_process_waits_for_the_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    serial = f"of this test {os.getpid()}"
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with one_at_a_time(serial):
            order.append("second")

    with one_at_a_time(serial):
        waiting = threading.Thread(target=second)
        waiting.start()
        entered.wait()
        waiting.join(0.05)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
