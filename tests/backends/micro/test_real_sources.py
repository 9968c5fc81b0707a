"""Sources of a delivered file, compiled and linked with tflite-micro itself: they print what the package computes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import micro_sources
import small_network
from tflbuild.backends.micro import inspection, session
from tflbuild.backends.micro.sources import Sources, sources_of
from tflbuild.core import toolchain

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
    pytest.mark.skipif(
        micro_sources.real() is None, reason="TFLBUILD_TEST_TFLM names no checkout of tflite-micro"
    ),
    pytest.mark.skipif(toolchain.version(session.TOOL) is None, reason="tflite-micro is not installed"),
]


def made_of(path: Path) -> tuple[Sources, list[int]]:
    """Give sources with a seeded sample, and the numbers of the output."""
    loaded = session.Loaded(path)
    ((name, spec),) = loaded.signature.inputs.items()
    image = np.random.default_rng(0).integers(0, 255, spec.shape).astype(spec.dtype)
    outputs = loaded.run({name: image})
    sample = {
        "inputs": [micro_sources.tensor(name, image)],
        "outputs": [micro_sources.tensor(output, value) for output, value in outputs.items()],
    }
    found = inspection.inspect(path, None, None)
    (scores,) = outputs.values()
    return sources_of(path.read_bytes(), found["micro"], sample), scores.reshape(-1).tolist()


def program(made: Sources, folder: Path) -> Path:
    checkout = micro_sources.real()
    assert checkout is not None
    folder.mkdir()
    for name, text in made.files().items():
        (folder / name).write_text(text)
    return micro_sources.linked(folder, checkout)


def test_the_outputs_of_the_sample_are_printed(tmp_path: Path) -> None:
    made, numbers = made_of(small_network.quantized(tmp_path))
    code, lines = micro_sources.run(program(made, tmp_path / "right"), {"inputs": [], "outputs": []})
    assert code == 0, lines
    assert np.allclose(list(map(float, lines[0].removeprefix("output 0: ").split())), numbers)


def test_other_outputs_and_a_smaller_arena_are_noticed(tmp_path: Path) -> None:
    made, _ = made_of(small_network.quantized(tmp_path))
    (right,) = made.outputs
    wrong = [{**right, "hex": "00" * (len(right["hex"]) // 2)}]
    for name, other, code in (
        ("wrong", replace(made, outputs=wrong), 1),
        ("small", replace(made, arena=made.arena // 2), 2),
        ("short", replace(made, resolver=made.resolver[1:]), 2),
    ):
        assert micro_sources.run(program(other, tmp_path / name), {"inputs": [], "outputs": []})[0] == code
