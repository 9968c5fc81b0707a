"""Entries of a file: put in front of bytes that stay, replaced, and taken out again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import small_network
import tflite_files
from on_bytes import with_facts
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tflite import entries, flatbuffer


def names(content: bytes) -> list[bytes]:
    return [one.name for one in flatbuffer.unpack(content).metadata or []]


def test_every_byte_of_the_file_stays_at_a_place_that_is_aligned_as_before() -> None:
    content = small_network.convolutional()
    made = entries.with_entries(content, {"said": b"hello"})
    assert made.endswith(content + bytes(-len(content) % 16))
    assert (len(made) - len(content) - -len(content) % 16) % 16 == 0
    assert made[4:8] == b"TFL3"
    assert entries.entry(made, "said") == b"hello"


def test_the_file_with_an_entry_is_well_formed_and_computes_the_same(tmp_path: Path) -> None:
    content = tflite_files.classifier("SOFTMAX")
    made = entries.with_entries(content, {"said": b"hello" * 100})
    flatbuffer.check(tflite_files.written(tmp_path, made))
    inputs = {"image": np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(1, 8, 8, 3)}
    old, new = (Loaded(tflite_files.written(tmp_path, each, "m.tflite")) for each in (content, made))
    for name, value in old.run(inputs).items():
        np.testing.assert_array_equal(value, new.run(inputs)[name])


def test_an_entry_is_replaced_and_others_stay() -> None:
    content = with_facts(small_network.convolutional(), {"a": 1})
    once = entries.with_entries(content, {"said": b"one"})
    again = entries.with_entries(once, {"said": b"another"})
    assert entries.entry(again, "said") == b"another"
    assert names(again) == [b"tflbuild.facts", b"said"]
    assert entries.entry(again, "tflbuild.facts") == b'{"a": 1}'
    assert entries.entry(again, "nothing") is None


def test_what_was_added_can_be_taken_out_again() -> None:
    content = with_facts(small_network.convolutional(), {"a": 1})
    made = entries.with_entries(content, {"said": b"hello"})
    assert entries.without_entry(made, "said") == flatbuffer.pack(flatbuffer.unpack(content))
    assert entries.without_entry(content, "said") is content


def test_buffers_that_lie_outside_of_the_tables_are_taken_inside(tmp_path: Path) -> None:
    """What lies behind the tables is named by its distance from the start of the file."""
    content = small_network.convolutional()
    model = flatbuffer.unpack(content)
    stored = [bytes(one.data) if one.data is not None else b"" for one in model.buffers]
    largest = max(range(len(stored)), key=lambda number: len(stored[number]))
    model.buffers[largest].data = None
    model.buffers[largest].offset, model.buffers[largest].size = 2, len(stored[largest])
    model.buffers[largest].offset = len(flatbuffer.pack(model))
    outside = flatbuffer.pack(model) + stored[largest]
    made = flatbuffer.unpack(entries.with_entries(outside, {"said": b"x"}))
    assert bytes(made.buffers[largest].data) == stored[largest]


@pytest.mark.parametrize(
    "name", ["tflite_micro/person_detect_vela.tflite", "coral/split_concat_edgetpu.tflite"]
)
def test_what_a_compiler_laid_out_for_a_chip_keeps_its_alignment(shared_models: Path, name: str) -> None:
    content = next(iter(sorted(shared_models.rglob(Path(name).name)))).read_bytes()
    made = entries.with_entries(content, {"said": b"hello"})
    assert made.find(content) % 16 == 0
