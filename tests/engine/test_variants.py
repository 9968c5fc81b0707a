"""Variants of models as the store keeps them: what they are when they are read back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tflbuild import plugins
from tflbuild.core.analysis import Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.engine import variants
from tflbuild.runtimes.litert import Litert


def model(name: str) -> TFLiteModel:
    return TFLiteModel(
        path=Path(name), digest=f"digest of {name}", fingerprint=f"print of {name}", meta={"facts": name}
    )


def test_a_variant_is_read_back_as_it_was_kept() -> None:
    plugins.load(None)
    given = {"base": model("base.tflite"), "model": model("model.tflite")}
    made = [
        Variant(name="as it is", model=given["model"]),
        Variant(name="altered", model=model("altered.tflite"), samples=7),
        Variant(name="plain", model=given["base"], runtime=Litert(threads=2, kernels="reference")),
    ]
    kept = variants.kept(made, given, {"seconds": 1.0})
    assert kept.files == {"model1": Path("altered.tflite")}, "those that were given are not kept again"
    assert kept.cost == {"seconds": 1.0}
    record: Any = SimpleNamespace(value={**kept.value, "model1": "abc"})
    store: Any = SimpleNamespace(blob=lambda sha256: f"blobs/{sha256}")
    first, second, third = variants.read(record, store, given)
    assert [one.name for one in (first, second, third)] == ["as it is", "altered", "plain"]
    assert [one.samples for one in (first, second, third)] == [0, 7, 0]
    assert (first.model, first.runtime) == (given["model"], None)
    assert (second.model.path, second.model.digest) == (Path("blobs/abc"), "abc")
    assert (second.model.fingerprint, second.model.meta) == (
        "print of altered.tflite",
        {"facts": "altered.tflite"},
    )
    assert (third.model, third.runtime) == (given["base"], Litert(threads=2, kernels="reference"))
