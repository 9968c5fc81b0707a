"""Rules that every pass keeps: what it reads is declared, and no pass reads what results are judged on."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild import plugins
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.dataset import Dataset, Index
from tflbuild.core.errors import PassError
from tflbuild.data.layouts.external import external_split
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.passes.quantizing.calibration import Calibration


def every() -> list[Pass]:
    """Give every built-in pass with its defaults, and with each value of its schemes and methods."""
    plugins.load(None)
    found = []
    built_in = [kind for _, kind in PASSES.items() if kind.__module__.startswith("tflbuild.passes.")]
    for made in (kind() for kind in built_in):
        found.append(made)
        options = {option.name for option in fields(made)}  # type: ignore[arg-type]
        for option, values in (
            ("scheme", ("int8", "int16x8", "float16", "dynamic")),
            ("method", ("auto", "fixed")),
            ("round", ("nearest", "learned")),
            ("parity", (3,)),
            ("sparse_encoding", (True,)),
        ):
            found += [replace(made, **{option: value}) for value in values if option in options]  # type: ignore[type-var]
    return found


def test_there_are_passes_to_hold() -> None:
    assert {"train", "prune", "quantize", "round", "correct_bias"} <= {made.name for made in every()}


def test_no_pass_reads_the_test_split_by_itself() -> None:
    for made in every():
        assert "data.test" not in made.reads(), made


def test_a_pass_that_calibrates_declares_what_it_calibrates_on_and_nothing_else_of_the_data() -> None:
    for made in every():
        if any(option.name == "calibration" for option in fields(made)):  # type: ignore[arg-type]
            changed = replace(made, calibration=Calibration(source="data.val"))  # type: ignore[type-var]
            assert changed.reads() in ((), ("data.val",)), made
            if not changed.reads():
                assert getattr(made, "scheme", "") in ("float16", "dynamic"), "no other leaves ranges out"
                assert getattr(made, "round", "") != "learned"


def context(folder: Path, *reads: str) -> WorkerContext:
    folder.joinpath("staging").mkdir(exist_ok=True)
    unused: Any = None
    assignment = Assignment(
        label="quantize",
        seed=0,
        model_spec=unused,
        data=Dataset(),
        index=folder / "unused",
        reads=reads,
        staging=folder / "staging",
        checkpoints=folder / "checkpoints",
        checkpoint_seconds=1.0,
    )
    index = Index(classes=("a",), splits={"train": (), "val": (), "test": ()})
    return WorkerContext(
        assignment=assignment,
        index=index,
        given=None,
        report=lambda done, total, note: None,
        external=external_split,
        log=lambda text: None,
    )


@pytest.mark.parametrize("source", ["data.test", "test", "data.val"])
def test_what_was_not_declared_cannot_be_read(tmp_path: Path, source: str) -> None:
    here = context(tmp_path, "data.train")
    assert here.dataset("data.train").name == here.dataset("train").name == "train"
    with pytest.raises(PassError, match=rf"reads '{source}' without declaring it"):
        here.dataset(source)
    np.savez(tmp_path / "images.npz", images=np.zeros((1, 2, 2, 3), np.uint8))
    with pytest.raises(PassError, match="without declaring it"):
        here.dataset(str(tmp_path / "images.npz"))
