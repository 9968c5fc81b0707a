"""What is found in HDF5 files of others, looked at in this process."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tflbuild.formats.keras import hdf5, hdf5_survey
from tflbuild.formats.keras.hdf5_survey import answer


def file_of(change: Callable[[Any], Any]) -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        change(file)
    return held.getvalue()


def with_data(values: Any, **options: Any) -> bytes:
    return file_of(lambda file: file.create_dataset("group/data", data=values, **options))


def test_texts_elements_and_what_is_not_finite() -> None:
    def change(file: Any) -> None:
        file.attrs["model_config"], file.attrs["keras_version"] = "{}", np.bytes_(b"2.21")
        file.attrs["tflbuild.facts"], file.attrs["other"] = "ü", "ignored"
        file["a"] = np.zeros((2, 3), np.float32)
        file["b/c"] = np.array([1.0, np.nan], np.float16)
        file["b/d"] = np.array([np.inf])
        file["b/e"] = np.arange(4)

    found = answer(file_of(change))
    found["not_finite"].sort()
    assert found == {
        "texts": {"model_config": "{}", "keras_version": "2.21", "tflbuild.facts": "ü"},
        "elements": 6 + 2 + 1 + 4,
        "not_finite": ["/b/c", "/b/d"],
    }
    assert answer(file_of(lambda file: None)) == {"texts": {}, "elements": 0, "not_finite": []}


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "u8", "f2", "f4", "f8", "bool"])
def test_numbers_of_every_kind_are_taken(dtype: str) -> None:
    assert answer(with_data(np.zeros(3, dtype)))["elements"] == 3


@pytest.mark.parametrize("values", [np.zeros(2, "c8"), np.array([b"a"]), np.zeros(2, np.longdouble)])
def test_what_is_no_number_of_eight_bytes_is_refused(values: Any) -> None:
    assert answer(with_data(values)) == {"refused": "holds '/group/data', whose values are not numbers"}


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"shuffle": True}, {"fletcher32": True}])
def test_filters_of_libhdf5_itself_are_read(options: dict[str, Any]) -> None:
    assert answer(with_data(np.zeros(100), chunks=(10,), **options))["elements"] == 100


def test_a_filter_of_a_plugin_is_named() -> None:
    said = "stores '/group/data' with filter 32000; gzip, shuffle, fletcher32 are read"
    assert answer(with_data(np.zeros(8), chunks=(8,), compression="lzf")) == {"refused": said}


def test_zeros_packed_by_gzip_are_no_bloat_and_more_are(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = with_data(np.zeros(1 << 17, np.uint8), chunks=(1 << 17,), compression="gzip")
    with h5py.File(io.BytesIO(packed)) as file:
        stored = file["group/data"].id.get_storage_size()
    assert 1000 * stored >= (1 << 17)
    assert answer(packed)["elements"] == 1 << 17
    monkeypatch.setattr(hdf5_survey, "BLOAT", (1 << 17) // stored - 1)
    assert answer(packed) == {"refused": f"declares {1 << 17} bytes of '/group/data' and holds {stored}"}


def test_all_data_together_may_not_be_more_than_a_file_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_data(np.zeros(100))  # 800 bytes
    monkeypatch.setattr(hdf5_survey, "MOST_DATA", 800)
    assert "refused" not in answer(content)
    monkeypatch.setattr(hdf5_survey, "MOST_DATA", 799)
    assert answer(content) == {"refused": "declares more data than it contains"}


def test_more_groups_or_attributes_than_a_model_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(file: Any) -> None:
        file["a"] = np.zeros(1)
        file.attrs["n"] = np.zeros(4, np.float64)

    content, refused = file_of(change), {"refused": "holds too many groups or attributes"}
    monkeypatch.setattr(hdf5_survey, "MOST_OBJECTS", 2)  # the file itself and one more
    monkeypatch.setattr(hdf5_survey, "MOST_ATTRIBUTES", 32)
    assert "refused" not in answer(content)
    monkeypatch.setattr(hdf5_survey, "MOST_ATTRIBUTES", 31)
    assert answer(content) == refused
    monkeypatch.setattr(hdf5_survey, "MOST_ATTRIBUTES", 32)
    monkeypatch.setattr(hdf5_survey, "MOST_OBJECTS", 1)
    assert answer(content) == refused


@pytest.mark.parametrize("value", [np.zeros(2, "c8"), h5py.Empty("c8")])
def test_attributes_are_text_or_numbers(value: Any) -> None:
    def change(file: Any) -> None:
        file.create_group("g").attrs["odd"] = value

    said = "holds the attribute 'odd' of '/g', which is neither text nor numbers"
    assert answer(file_of(change)) == {"refused": said}


def test_attributes_that_keras_writes_are_taken() -> None:
    def change(file: Any) -> None:
        file.attrs["names"] = np.array([b"a", b"b"])
        file.attrs.create("words", ["a", "ü"], dtype=h5py.string_dtype())
        file.attrs["flag"], file.attrs["count"], file.attrs["none"] = True, np.uint8(3), h5py.Empty("f4")

    assert "refused" not in answer(file_of(change))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros(2), "has the attribute 'keras_version', which is not text"),
        (5, "has the attribute 'keras_version', which is not text"),
        (np.bytes_(b"\xff"), "holds text that is not UTF-8"),
    ],
)
def test_texts_are_texts(value: Any, said: str) -> None:
    def change(file: Any) -> None:
        file.attrs["keras_version"] = value

    assert answer(file_of(change)) == {"refused": said}


def test_large_data_are_looked_at_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_survey, "PIECE", 4)
    for place in (0, 5, 9):
        values = np.zeros(10, np.float32)
        values[place] = np.nan
        assert answer(with_data(values, chunks=(3,)))["not_finite"] == ["/group/data"]
    assert answer(with_data(np.zeros(10), chunks=(3,)))["not_finite"] == []
    assert answer(with_data(np.zeros(10, np.int32), chunks=(3,)))["not_finite"] == []


def test_links_named_types_and_circles_are_refused() -> None:
    def named_type(file: Any) -> None:
        file["kind"] = np.dtype("f4")

    def twice(file: Any) -> None:
        file["a"] = np.zeros(1)
        file["b"] = file["a"]

    assert answer(file_of(named_type)) == {"refused": "holds '/kind', which is neither a group nor data"}
    assert answer(file_of(twice)) == {"refused": "holds '/b', which also has another name"}
    soft = answer(file_of(lambda file: file.__setitem__("s", h5py.SoftLink("/x"))))
    assert soft == {"refused": "holds '/s', a link to somewhere else"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "needs more memory than a file of its size may"),
        (KeyError("x"), "is damaged (KeyError: 'x')"),
        (hdf5_survey.Refused("is odd"), "is odd"),
    ],
)
def test_whatever_happens_is_an_answer(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(content: bytes) -> None:
        raise error

    monkeypatch.setattr(hdf5_survey, "survey", fails)
    assert answer(b"") == {"refused": said}


def test_the_program_answers_file_after_file() -> None:
    files = [with_data(np.zeros(3)), b"no HDF5", with_data(np.zeros(5))]
    given = b"".join(len(content).to_bytes(8, "big") + content for content in files)
    program = Path(hdf5_survey.__file__)
    done = subprocess.run([sys.executable, str(program)], input=given, capture_output=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one.get("elements") for one in found] == [3, None, 5]
    assert found[1] == {"refused": "is a damaged or incomplete HDF5 file"}


class Cache:
    """The user's cache folder, as a mapping."""

    kept: dict[tuple[str, str], bytes]

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def read(self, name: str) -> bytes | None:
        return self.kept.get((self.kind, name))

    def write(self, name: str, value: bytes) -> None:
        self.kept[self.kind, name] = value


def test_a_file_is_looked_at_once_as_long_as_the_program_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    class Surveyor:
        def ask(self, content: bytes) -> bytes:
            asked.append(content)
            return b'{"texts": {"a": "b"}, "elements": 3, "not_finite": ["/x"]}\n'

    monkeypatch.setattr(Cache, "kept", {}, raising=False)
    monkeypatch.setattr(hdf5, "Cache", Cache)
    monkeypatch.setattr(hdf5, "_SURVEYOR", Surveyor())
    program = tmp_path / "program.py"
    program.write_text("first")
    monkeypatch.setattr(hdf5, "_PROGRAM", program)
    wanted = hdf5.Survey(texts={"a": "b"}, elements=3, not_finite=("/x",))
    for content in (b"one", b"one", b"two"):
        assert hdf5.survey(content) == wanted
    assert asked == [b"one", b"two"]
    program.write_text("second")
    hdf5.survey(b"one")
    assert asked == [b"one", b"two", b"one"]


def test_time_grows_with_the_file_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[Any] = []

    class Timer:
        def __init__(self, seconds: float, act: Any) -> None:
            timers.append([seconds, act])

        def start(self) -> None:
            timers[-1].append("started")

        def cancel(self) -> None:
            timers[-1].append("cancelled")

    class Process:
        kill = "kill"

    surveyor = hdf5._Surveyor()
    monkeypatch.setattr(hdf5.threading, "Timer", Timer)
    monkeypatch.setattr(surveyor, "_running", Process)
    monkeypatch.setattr(hdf5, "_exchange", lambda process, content: b"{}\n")
    monkeypatch.setattr(hdf5, "BYTES_PER_SECOND", 4)
    assert surveyor.ask(b"12345678") == b"{}\n"
    assert timers == [[62.0, "kill", "started", "cancelled"]]


def test_the_process_has_nothing_of_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Any, Any]] = []
    monkeypatch.setattr(
        hdf5.subprocess, "Popen", lambda command, **options: started.append((command, options))
    )
    monkeypatch.setattr(hdf5.sys, "path", ["", "relative", "/absolute"])
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/theirs")
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    monkeypatch.setenv("HOME", "/home")
    hdf5._started()
    ((command, options),) = started
    assert command[:3] == [sys.executable, "-I", "-c"]
    assert command[4:] == [str(hdf5._PROGRAM), "/absolute"]
    environment = options["env"]
    assert (environment["HDF5_PLUGIN_PRELOAD"], environment["OPENBLAS_NUM_THREADS"]) == ("::", "1")
    assert environment["HOME"] == "/home"
    assert "HDF5_PLUGIN_PATH" not in environment
    assert "PYTHONPATH" not in environment


def test_one_process_looks_through_many_files_and_a_dead_one_is_replaced() -> None:
    surveyor = hdf5._Surveyor()
    try:
        for size in (3, 4):
            assert json.loads(surveyor.ask(with_data(np.zeros(size))))["elements"] == size
        first = surveyor._process
        assert first is not None
        first.kill()
        first.wait()
        assert json.loads(surveyor.ask(with_data(np.zeros(5))))["elements"] == 5
        assert surveyor._process is not first
    finally:
        surveyor.stop()
    assert surveyor._process is None
    surveyor.stop()


def test_limits_are_those_of_models() -> None:
    assert hdf5_survey.MOST_MEMORY == 6 * 2**30
    assert hdf5_survey.MOST_DATA == 4 * 2**30  # as `keras_header.MOST_BYTES` of a file
    assert hdf5_survey.FILTERS == {1: "gzip", 2: "shuffle", 3: "fletcher32"}  # codes as in H5Zpublic.h
    assert (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32) == (1, 2, 3)
