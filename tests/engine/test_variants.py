"""Variants of models as the store keeps them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core.analysis import Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.runtime import RUNTIMES
from tflbuild.engine import variants
from tflbuild.engine.storage.store import Store
from tflbuild.runtimes.litert import Litert


@pytest.fixture
def given(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "given.tflite"
    path.write_bytes(b"given")
    return TFLiteModel(path=path, digest="0" * 64, fingerprint="given", meta={"facts": {"labels": []}})


def test_variants_that_share_a_file_and_those_of_a_given_one_are_read_back(
    tmp_path: Path, given: TFLiteModel
) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    made = tmp_path / "made.tflite"
    made.write_bytes(b"made")
    one = TFLiteModel(path=made, digest="", fingerprint="one", meta={"facts": {"labels": ["a"]}})
    other = replace(one, fingerprint="other", meta={"facts": {"labels": ["b"]}})
    reference = RUNTIMES.get("litert")(kernels="reference")
    asked = [
        Variant(name="given", model=given),
        Variant(name="one", model=one, samples=8),
        Variant(name="other", model=other, runtime=reference),
    ]
    result = variants.kept(asked, {"model": given}, {})
    record = store.commit({"what": "x"}, files=result.files, value=result.value, cost=result.cost)
    found = variants.read(record, store, {"model": given})
    assert [each.name for each in found] == ["given", "one", "other"]
    assert [each.model.path.read_bytes() for each in found] == [b"given", b"made", b"made"]
    assert [each.model.meta["facts"]["labels"] for each in found] == [[], ["a"], ["b"]]
    assert [each.samples for each in found] == [0, 8, 0]
    assert [each.runtime for each in found] == [None, None, reference]


def test_a_record_that_names_no_files_has_one_for_each_row(tmp_path: Path, given: TFLiteModel) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    made = tmp_path / "made.tflite"
    made.write_bytes(b"made")
    result = variants.kept(
        [Variant(name="a", model=given), Variant(name="b", model=replace(given, path=made))],
        {"model": given},
        {},
    )
    for row in result.value["variants"]:
        del row["file"]
    record = store.commit({"what": "x"}, files=result.files, value=result.value, cost={})
    assert [each.model.path.read_bytes() for each in variants.read(record, store, {"model": given})] == [
        b"given",
        b"made",
    ]


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
