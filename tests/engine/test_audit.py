"""Auditing: every byte of a store is held to its digest, and what is damaged is set aside."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from stored import keep, key, measure, opened
from tflbuild.engine.storage.audit import Audit, audit
from tflbuild.engine.storage.record import Record


@pytest.fixture
def three(tmp_path: Path) -> tuple[Path, list[Record]]:
    """A store with two models and predictions of the first."""
    store = opened(tmp_path)
    models = [keep(store, number) for number in (1, 2)]
    return tmp_path, [*models, measure(store, models[0].blobs[0], 0.5)]


def test_a_whole_store_is_found_whole_and_left_as_it_is(three: tuple[Path, list[Record]]) -> None:
    root, _ = three
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    steps: list[tuple[int, int]] = []
    found = audit(root, lambda done, total: steps.append((done, total)))
    assert found == Audit(records=3, blobs=3, bytes=2005)
    assert steps[-1] == (2005, 2005)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def cut_record(root: Path, record: Record) -> str:
    path = root / "actions" / f"{record.key}.json"
    path.write_bytes(path.read_bytes()[:-20])
    return record.key


def alter_value(root: Path, record: Record) -> str:
    path = root / "actions" / f"{record.key}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": {"note": 7}}))
    return record.key


def swap_records(root: Path, record: Record) -> str:
    path = root / "actions" / f"{record.key}.json"
    path.write_bytes((root / "actions" / f"{key(2)}.json").read_bytes())
    return record.key


def alter_blob(root: Path, record: Record) -> str:
    path = root / "blobs" / record.blobs[0]
    path.chmod(0o644)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    return record.key


def remove_blob(root: Path, record: Record) -> str:
    (root / "blobs" / record.blobs[0]).unlink()
    return record.key


def alter_orphan(root: Path, record: Record) -> str:
    (root / "blobs" / ("0" * 64)).write_text("not what its name says")
    return "0" * 64


DAMAGES = [
    (cut_record, "its record is not JSON"),
    (alter_value, "its record was changed or cut off"),
    (swap_records, "its record belongs to another key"),
    (alter_blob, "its file was changed or cut off"),
    (remove_blob, "its file is gone"),
    (alter_orphan, "its file was changed or cut off"),
]


@pytest.mark.parametrize(("damage", "why"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_damage_is_named_and_set_aside(
    three: tuple[Path, list[Record]], damage: Callable[[Path, Record], str], why: str
) -> None:
    root, kept = three
    name = damage(root, kept[0])
    found = audit(root)
    assert list(found.damaged) == [name]
    assert why in found.damaged[name]
    assert any(path.name.startswith(name) for path in (root / "quarantine").iterdir())
    again = audit(root)
    assert not again.damaged, "what is left is whole"
    store = opened(root)
    assert store.recall(kept[1].key) == kept[1]
    assert store.recall(kept[0].key) in (None, kept[0])


def test_every_result_that_shares_a_damaged_blob_is_set_aside(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kept = [keep(store, number, b"same") for number in (1, 2)]
    alter_blob(tmp_path, kept[0])
    found = audit(tmp_path)
    assert set(found.damaged) == {record.key for record in kept}
    assert list((tmp_path / "actions").iterdir()) == []


def test_files_that_no_record_names_are_said_and_kept(three: tuple[Path, list[Record]]) -> None:
    root, kept = three
    (root / "actions" / f"{kept[0].key}.json").unlink()
    found = audit(root)
    assert found.orphans == [kept[0].blobs[0]]
    assert not found.damaged
    assert (root / "blobs" / kept[0].blobs[0]).exists()


def test_what_a_build_is_putting_right_is_left_to_it(three: tuple[Path, list[Record]]) -> None:
    root, kept = three
    alter_blob(root, kept[0])
    with opened(root).lock(kept[0].key, lambda: None):
        found = audit(root)
    assert set(found.busy) == {kept[0].key}
    assert (root / "actions" / f"{kept[0].key}.json").exists()


def test_twenty_random_alterations_are_all_found_by_a_recall_and_by_an_audit(tmp_path: Path) -> None:
    chance = random.Random(7)
    for count in range(20):
        root = tmp_path / str(count)
        store = opened(root)
        kept = keep(store, 1)
        path = chance.choice([root / "actions" / f"{kept.key}.json", root / "blobs" / kept.blobs[0]])
        good = path.read_bytes()
        position = chance.randrange(len(good))
        change = chance.choice(
            [good[:position], good[:position] + b"\0" + good[position + 1 :], good + b"\0"]
        )
        path.chmod(0o644)
        path.write_bytes(change)
        assert opened(root).recall(kept.key) is None
        assert len(audit(root).damaged) == 1
