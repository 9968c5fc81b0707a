"""Passes that take a file of the user's in, on pictures of no class, without the environment that converts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from fake_environments import here
from own_files import picture
from tflbuild import plugins
from tflbuild.core import environment
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.models.file import File
from tflbuild.testing import run_pass


class Pictures(Dataset):
    """Smooth random pictures of no class."""

    task = "unlabelled"
    modality = "image"

    def read(self, sample: Sample) -> Example:
        return Example(picture(int(sample.key)), np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


def index(count: int = 40) -> Index:
    samples = tuple(Sample(key=str(k), digest=str(k), labels=()) for k in range(count))
    return Index(classes=(), splits={"train": samples, "val": samples[:4], "test": samples[:4]})


class Taken(NamedTuple):
    """What a pass made, and what it noted."""

    made: TFLiteModel
    notes: Mapping[str, Any]


def taken(made_by: Pass, path: Path, folder: Path, **options: Any) -> Taken:
    """Run a pass that takes a file in."""
    plugins.load(None)
    notes: dict[str, Any] = {}
    spec = File(path=str(path), **options)
    made = run_pass(made_by, None, folder, model_spec=spec, data=Pictures(), index=index(), notes=notes)
    return Taken(made, notes)


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, **packages: str) -> list[tuple[str, str]]:
    """Let every environment be the Python of the tests, with such packages; gives what is required, by whom."""
    required: list[tuple[str, str]] = []

    def require(tool: str, wanted_by: str) -> Any:
        required.append((tool, wanted_by))
        made = here(folder)
        made.packages.update({name.replace("_", "-"): version for name, version in packages.items()})
        return made

    monkeypatch.setattr(environment, "require", require)
    return required


def softmax(rows: Any) -> Any:
    """Give the softmax of each row, as it is defined."""
    powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
