"""Hold what executes a file elsewhere to LiteRT here, sample by sample, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.runtime import Execution
from tflbuild.core.signature import Signature
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite import flatbuffer


def samples(path: Path, count: int) -> dict[str, npt.NDArray[Any]]:
    """Give random samples for a file, (count, ...) by the names of its inputs."""
    rng = np.random.default_rng(5)
    specs = Signature.from_json(flatbuffer.signature(path)).inputs
    return {
        name: rng.normal(size=(count, *spec.shape[1:])).astype(spec.dtype) for name, spec in specs.items()
    }


def check_alike(loaded: Execution, path: Path, count: int) -> None:
    """Hold what it gives for a batch to what LiteRT gives for each sample."""
    given, here = samples(path, count), litert.Loaded(path)
    found = loaded.run(given)
    assert list(found) == list(here.signature.outputs)
    for number in range(count):
        wanted = here.run({name: value[number : number + 1] for name, value in given.items()})
        for name, value in wanted.items():
            row = value[0] if value.ndim and len(value) == 1 else value
            np.testing.assert_array_equal(found[name][number], row)
            assert found[name].dtype == value.dtype
