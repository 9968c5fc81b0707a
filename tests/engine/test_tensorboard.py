"""The TensorBoard hook: builds with fake passes, and event files read back by their documented form."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from building import FakeBuild
from tflbuild.core.checksum import crc32c
from tflbuild.core.protobuf import Message
from tflbuild.core.recipe import Recipe
from tflbuild.hooks.event_files import EventFile
from tflbuild.hooks.tensorboard import TensorBoardLogs


def records(path: Path) -> Iterator[Message]:
    """Read a file of records, each held to its checksums."""
    content = path.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        body = content[12 : 12 + length]
        for part, given in ((content[:8], content[8:12]), (body, content[12 + length : 16 + length])):
            crc = crc32c(part)
            assert struct.unpack("<I", given)[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        yield Message(body)
        content = content[16 + length :]


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Give what the event files of a folder hold, by tag and step."""
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        first, *events = records(path)
        assert first.text(3) == "brain.Event:2"
        for event in events:
            for span in event.inner(5).spans(1):
                value = Message(span)
                found.setdefault(value.text(1), {})[event.number(2)] = value.floats(2)[0]
    return found


LOSSES = {1: 1.0, 21: pytest.approx(1 / 21), 40: pytest.approx(1 / 40)}


def logging(recipe: Recipe) -> Recipe:
    return replace(recipe, hooks={"tensorboard": TensorBoardLogs()})


def test_a_training_has_an_event_file_with_its_curve_and_what_its_gate_measured(
    recipe: Recipe, build_here: FakeBuild
) -> None:
    plain = build_here(recipe).report
    report = build_here(logging(replace(recipe, seed=recipe.seed + 1))).report
    assert report["warnings"] == []
    logs = report.folder / "tensorboard"
    assert [path.name for path in logs.iterdir()] == ["train"], "no other step trains"
    found = scalars(logs / "train")
    assert found == {
        "loss": LOSSES,
        "learning_rate": dict.fromkeys((1, 21, 40), pytest.approx(0.1)),
        "images_per_second": dict.fromkeys((21, 40), 100.0),
        "epoch": {1: pytest.approx(0.1), 21: pytest.approx(2.1), 40: 4.0},
        "val/score": {40: pytest.approx(0.9)},
    }
    assert report["passes"][0]["output"] == plain["passes"][0]["output"], "logs decide nothing"


def test_a_training_that_is_in_the_store_has_its_curve_too(recipe: Recipe, build_here: FakeBuild) -> None:
    build_here(recipe)
    report = build_here(logging(recipe)).report
    assert report["passes"][0]["cached"], "asking for logs is no reason to train"
    found = scalars(report.folder / "tensorboard" / "train")
    assert found["loss"] == LOSSES
    assert found["val/score"] == {40: pytest.approx(0.9)}


def test_logs_that_cannot_be_written_end_no_build(
    recipe: Recipe, build_here: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: EventFile, values: Any, step: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EventFile, "write", full)
    outcome = build_here(logging(recipe))
    assert outcome.error is None
    (said,) = outcome.report["warnings"]
    assert said.startswith(
        "hook 'tensorboard' raised OSError: [Errno 28] No space left on device in on_training"
    )


def test_the_checksum_is_castagnolis() -> None:
    """The check value and the test vectors of RFC 3720, appendix B.4."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="the extra tensorboard is not installed")
def test_tensorboard_reads_what_is_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    file = EventFile(tmp_path)
    for step in (1, 200, 70_000):
        file.write({"loss": 1 / step, "val/map": 0.5}, step)
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    found = {tag: [(one.step, one.value) for one in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    steps = (1, 200, 70_000)
    assert found == {
        "loss": [(step, pytest.approx(1 / step)) for step in steps],
        "val/map": [(step, 0.5) for step in steps],
    }


def test_a_curve_of_a_report_is_json(recipe: Recipe, build_here: FakeBuild) -> None:
    folder = build_here(recipe).report.folder
    curve = json.loads((folder / "report.json").read_text())["passes"][0]["curve"]
    assert curve["images_per_second"] == [None, 100.0, 100.0]
