"""Variants of models as the store keeps them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tflbuild.core.analysis import Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.runtime import RUNTIMES
from tflbuild.engine import variants
from tflbuild.engine.storage.store import Store


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
