"""Every architecture that is trained here takes weights of a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.models.trainable import Trainable

OWN = sorted(name for name, cls in ARCHITECTURES.items() if cls.__module__.startswith("tflbuild.models"))
RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "model"

FILES = ("file", "keras")


@pytest.mark.parametrize("name", [name for name in OWN if name not in FILES])
def test_an_architecture_refuses_a_missing_file_of_weights(name: str) -> None:
    cls: Any = ARCHITECTURES.get(name)
    assert issubclass(cls, Trainable)
    # a key that a recipe's group does not have cannot be set on the command line
    assert 'weights: ""' in (RECIPES / f"{name}.yaml").read_text()
    with pytest.raises(ValueError, match=r"^weights: 'no\.h5' cannot be read: No such file or directory$"):
        cls(weights="no.h5").check()


def test_a_file_of_weights_is_named_by_its_content(tmp_path: Path) -> None:
    cls: Any = ARCHITECTURES.get("mobilenet_v1")
    for name, content in (("a.npz", b"1"), ("b.npz", b"1"), ("c.npz", b"2")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (cls(weights=str(tmp_path / f"{name}.npz")).starts_with() for name in "abc")
    assert first == same != other
    assert cls().starts_with() == {}
    assert cls(weights="imagenet").starts_with() == {"url": cls().published()}
    assert "weights" in {field.name for field in dataclasses.fields(cls)}
