"""Rules of the store by hand: what is chosen to go, what is counted, what a record may be, whose a folder is."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stored import keep, key, measure, opened, preimage
from tflbuild.core import digest
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.engine.storage import collect as collecting
from tflbuild.engine.storage import recent, record, sharing, workspace
from tflbuild.engine.storage.collect import choose
from tflbuild.engine.storage.inventory import Action, Inventory, Thing, take_inventory
from tflbuild.engine.storage.record import Damaged, Record
from tflbuild.engine.storage.roots import Roots, find_roots
from tflbuild.engine.storage.shelf import Shelf

NOBODY = Roots(frozenset(), frozenset(), 0)
A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


def action(name: str, used: float, *blobs: str, **more: Any) -> Action:
    return Action(key=name, name="prune", step=True, bytes=10, used=used, blobs=blobs, **more)


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """Three results that share files, used at 100, 200 and 300, an orphan, and one of everything else."""
    made = Inventory(shelf=Shelf(tmp_path))
    found = [action("one", 100, A, B), action("two", 200, B, C, C), action("three", 300, C)]
    made.actions = {each.key: each for each in found}
    made.blobs = {A: 1000, B: 2000, C: 4000, D: 8000}
    made.quarantine = [Thing(path=tmp_path / "quarantine" / "q", bytes=7, used=150)]
    made.memo = [Thing(path=tmp_path / "memo" / "m", bytes=5, used=250)]
    made.checkpoints = [Thing(path=tmp_path / "checkpoints" / "running", bytes=3, used=350)]
    made.other = 1
    return made


def named(candidates: Any) -> list[tuple[str, str, int]]:
    return [(each.kind, each.name[:20], each.bytes) for each in candidates]


ORPHAN = ("orphan", "d" * 20, 8000)
IN_ORDER = [
    ("result", "one", 1010),
    ("quarantine", "quarantine/q", 7),
    ("result", "two", 2010),
    ("memo", "memo/m", 5),
    ("result", "three", 4010),
    ("checkpoint", "checkpoints/running", 3),
]


def test_a_store_holds_what_its_parts_hold_together(inventory: Inventory) -> None:
    assert inventory.bytes == 3 * 10 + 15_000 + 7 + 5 + 3 + 1
    inventory.staged = [Thing(path=Path("t"), bytes=100, used=0)]
    assert inventory.bytes == 15_146
    assert inventory.size(inventory.actions["two"]) == 10 + 2000 + 4000
    assert inventory.size(action("gone", 0, "e" * 64)) == 10


def test_without_a_limit_only_what_nothing_can_use_goes(inventory: Inventory) -> None:
    choice = choose(inventory, NOBODY)
    assert named(choice.removables) == [ORPHAN]
    assert (choice.before, choice.after, choice.needed) == (15_046, 7_046, 1)


def test_files_are_freed_with_the_last_result_that_names_them(inventory: Inventory) -> None:
    choice = choose(inventory, NOBODY, max_bytes=1)
    assert named(choice.removables) == [ORPHAN, *IN_ORDER]
    assert (choice.after, choice.needed) == (1, 1)


@pytest.mark.parametrize(
    ("most", "gone"), [(7_046, 0), (7_045, 1), (6_036, 1), (6_035, 2), (6_029, 2), (6_028, 3), (4_019, 3)]
)
def test_the_longest_unused_go_until_the_rest_fits_and_no_longer(
    inventory: Inventory, most: int, gone: int
) -> None:
    choice = choose(inventory, NOBODY, max_bytes=most)
    assert named(choice.removables) == [ORPHAN, *IN_ORDER[:gone]]
    assert choice.after == 7_046 - sum(size for _, _, size in IN_ORDER[:gone])


@pytest.mark.parametrize(("seconds", "gone"), [(900, 0), (899, 1), (850, 1), (849, 2), (0, 6)])
def test_what_was_not_used_for_longer_goes(inventory: Inventory, seconds: float, gone: int) -> None:
    choice = choose(inventory, NOBODY, older_than=seconds, now=1000.0)
    assert named(choice.removables) == [ORPHAN, *IN_ORDER[:gone]]
    assert named(choose(inventory, NOBODY, older_than=seconds, now=0.0).removables) == [ORPHAN]


def test_what_is_in_use_stays_with_its_files(inventory: Inventory) -> None:
    roots = Roots(frozenset({"one"}), frozenset({C, D}), 2)
    choice = choose(inventory, roots, older_than=0, now=1000.0)
    assert named(choice.removables) == [
        ("quarantine", "quarantine/q", 7),
        ("result", "two", 10),  # its files are those of what stays
        ("memo", "memo/m", 5),
        ("result", "three", 10),
        ("checkpoint", "checkpoints/running", 3),
    ]
    assert choice.needed == choice.after == 15_046 - 35
    with pytest.raises(RecipeError) as caught:
        choose(inventory, roots, max_bytes=15_010)
    assert str(caught.value) == (
        "--max-size: 14.7 KiB (15,010 bytes) is less than the 14.7 KiB (15,011 bytes) that 2 runs on disk "
        "and running builds need; give at least --max-size 15011, or remove runs first. Nothing was removed."
    )
    assert choose(inventory, roots, max_bytes=15_011).after == 15_011


def test_a_checkpoint_of_what_is_done_is_garbage_unless_somebody_holds_it(
    inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.checkpoints = [Thing(path=tmp_path / "checkpoints" / "one", bytes=3, used=350)]
    assert named(choose(inventory, NOBODY).removables) == [ORPHAN, ("checkpoint", "checkpoints/one", 3)]
    assert len(choose(inventory, NOBODY, older_than=0, now=1000.0).removables) == 7, "not twice"
    monkeypatch.setattr(collecting.kernel_lock, "is_held", lambda path: path.name == "one.lock")
    assert named(choose(inventory, NOBODY).removables) == [ORPHAN]
    assert "checkpoint" not in [each.kind for each in choose(inventory, NOBODY, max_bytes=10**6).removables]


def test_a_folder_that_nobody_stages_in_any_more_is_garbage(
    inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.staged = [Thing(path=tmp_path / "tmp" / name, bytes=9, used=0) for name in ("dead", "living")]
    monkeypatch.setattr(workspace, "abandoned", lambda tmp: [tmp / "dead"])
    assert named(choose(inventory, NOBODY).removables) == [ORPHAN, ("staged", "tmp/dead", 9)]


def test_the_inventory_counts_by_kind(inventory: Inventory) -> None:
    inventory.actions["one"] = action("one", 100, A, B, artifact=A)
    inventory.staged = [Thing(path=Path("t"), bytes=100, used=0)]
    assert inventory.kinds() == {
        "models": (1, 1000),
        "predictions": (2, 6000),
        "records": (3, 30),
        "checkpoints": (1, 3),
        "quarantine": (1, 7),
        "memo": (1, 5),
        "tmp": (1, 100),
        "orphans": (1, 8000),
    }


def test_an_action_in_the_inventory_is_what_its_record_says(tmp_path: Path) -> None:
    store = opened(tmp_path)
    model = keep(store, 1)
    made = measure(store, model.blobs[0], 0.5)
    path = tmp_path / "actions" / f"{model.key}.json"
    os.utime(path, (1000, 2000))
    found = take_inventory(tmp_path).actions
    assert found[model.key] == Action(
        key=model.key,
        name="fake",
        step=True,
        bytes=path.stat().st_size,
        used=2000.0,
        seconds=2.5,
        blobs=model.blobs,
        artifact=model.blobs[0],
    )
    predictions = found[made.key]
    assert (predictions.name, predictions.step, predictions.artifact) == ("predictions", False, "")
    assert predictions.measured == {model.blobs[0]}
    (tmp_path / "actions" / f"{A}.json").write_text("{")
    damaged = take_inventory(tmp_path).actions[A]
    assert (damaged.name, damaged.step, damaged.bytes, damaged.blobs) == ("damaged", False, 1, ())


def test_measurements_stay_as_long_as_all_that_they_are_of(inventory: Inventory, tmp_path: Path) -> None:
    def of(name: str, *measured: str, blobs: tuple[str, ...] = (), data: str = "") -> Action:
        return Action(
            key=name,
            name="m",
            step=False,
            bytes=1,
            used=0,
            blobs=blobs,
            measured=frozenset(measured),
            data=data,
        )

    one, two = "1" * 64, "2" * 64
    found = [
        action(one, 1, A),
        action(two, 1, B),
        of("predictions", A, blobs=(C,)),
        of("truth", data="e" * 64, blobs=(D,)),
        of("score", C, D),
        of("difference", C, D, B),
        of("other truth", data="f" * 64),
    ]
    inventory.actions = {each.key: each for each in found}
    runs = tmp_path / "outputs" / "run"
    runs.mkdir(parents=True)
    (runs / "report.json").write_text(json.dumps({"action": one, "data": "e" * 64}))
    (runs / "recipe.lock.yaml").write_text("nothing")
    roots = find_roots(inventory, [tmp_path / "outputs"])
    assert roots.actions == {one, "predictions", "truth", "score"}
    assert roots.runs == 1


# Records


def test_a_record_gives_back_every_field_that_was_written(tmp_path: Path) -> None:
    made = KerasModel(path=tmp_path, digest=A, fingerprint=B, meta={"facts": facts(), "sparsity": [0.5]})
    written = record.write(
        preimage(1), artifact=made, value={"note": (1, float("nan"))}, cost={"seconds": 2.5}, blobs=[A, C]
    )
    found = record.read(written, key(1), lambda sha256: tmp_path / sha256)
    assert found == Record(
        key=key(1),
        preimage=preimage(1),
        artifact=KerasModel(path=tmp_path / A, digest=A, fingerprint=B, meta=made.meta),
        value={"note": [1, None]},
        cost={"seconds": 2.5},
        blobs=(A, C),
    )
    assert type(found.artifact) is KerasModel
    covered = set(json.loads(written)) - {"digest"}
    assert covered == {field.name for field in fields(Record)} - {"remote"}


def facts() -> dict[str, Any]:
    return {"task": "t", "height": 1, "width": 1, "labels": [], "preprocess": {}, "detector": {}}


SIZES: dict[str, Any] = {"schema": 1, "measure": "file", "metric": "size"}


def read(
    said: dict[str, Any], value: dict[str, Any], blobs: list[str], under: str = "", artifact: Any = None
) -> Any:
    content = record.write(said, artifact=artifact, value=value, cost={}, blobs=blobs)
    return record.read(content, under or digest.of_json(said), Path)


@pytest.mark.parametrize(
    ("said", "value", "blobs", "why"),
    [
        (preimage(1), {}, [], "its record is not a result: artifact is "),
        (SIZES, {"value": "text", "unit": "bytes"}, [], "its record is not a result: value.value is "),
        (SIZES, {"unit": "bytes"}, [], "its record is not a result: value.value is missing"),
        (
            SIZES | {"measure": "accuracy"},
            {"unit": "1"},
            [],
            "its record is not a result: value.value is missing",
        ),
        (
            SIZES | {"measure": "comparison"},
            {"value": 1},
            [],
            "its record is not a result: value.low is missing",
        ),
        (
            SIZES | {"measure": "predictions"},
            {"file": A},
            [B],
            "mentions a file that it does not list",
        ),
        (SIZES | {"measure": "truth"}, {"file": A}, [], "mentions a file that it does not list"),
        (SIZES | {"measure": "truth"}, {"file": "x"}, [], "its record is not a result: value.file is "),
        ({"target": "cpu"}, {"bytes": 3}, [], "its record is not a result: value.bytes"),
    ],
)
def test_a_record_that_is_no_result_of_its_kind_is_not_believed(
    said: dict[str, Any], value: dict[str, Any], blobs: list[str], why: str
) -> None:
    with pytest.raises(Damaged, match=re.escape(why)):
        read(said, value, blobs)


def test_a_model_s_file_is_among_the_files_of_its_record() -> None:
    made = TFLiteModel(path=Path(), digest=A, fingerprint=B, meta={})
    assert read(preimage(1), {}, [A], artifact=made).blobs == (A,)
    with pytest.raises(Damaged, match="mentions a file that it does not list"):
        read(preimage(1), {}, [B], artifact=made)


def test_a_record_belongs_to_the_key_of_its_preimage_and_to_no_other() -> None:
    fine = {"value": 1.0, "unit": "bytes"}
    assert read(SIZES, fine, []).value == fine
    with pytest.raises(Damaged, match="its record belongs to another key"):
        read(SIZES, fine, [], under=A)
    content = json.loads(record.write(SIZES, artifact=None, value=fine, cost={}, blobs=[]))
    content["key"] = A
    del content["digest"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    forged = json.dumps({"digest": digest.of_bytes(text), **content}).encode()
    for under in (A, digest.of_json(SIZES)):
        with pytest.raises(Damaged, match="its record belongs to another key"):
            record.read(forged, under, Path)


TEXT = st.text('ab"\\\0\u2028\u00e9\U0001f600', max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(said=st.dictionaries(TEXT, JSON, max_size=3), value=st.dictionaries(TEXT, JSON, max_size=3))
def test_any_json_is_kept_as_it_is(said: dict[str, Any], value: dict[str, Any]) -> None:
    found = read(said, value, [])
    assert (found.preimage, found.value) == (said, value)


# The store


def test_what_is_used_is_said_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(tmp_path)
    kept = keep(first, 1)
    first.close()
    store = opened(tmp_path)
    known = store.shelf.read
    seen: list[set[str]] = []

    def read_it(key: str) -> Record:
        seen.append(workspace.used(tmp_path / "tmp"))
        return known(key)

    monkeypatch.setattr(store.shelf, "read", read_it)
    assert store.recall(kept.key) == kept
    assert seen == [{kept.key}]
    assert workspace.used(tmp_path / "tmp") == {kept.key, *kept.blobs}
    assert store.recall(A) is None
    assert A in workspace.used(tmp_path / "tmp"), "what is about to be made"


def test_what_is_about_to_be_kept_is_said_before_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    known = store.shelf.keep

    def keep_it(staged: Path, sha256: str) -> None:
        assert {sha256, key(1)} <= workspace.used(tmp_path / "tmp")
        assert not collecting.kernel_lock.take(store.shelf.commits, wait=False)
        known(staged, sha256)

    monkeypatch.setattr(store.shelf, "keep", keep_it)
    keep(store, 1)


def test_a_commit_fills_in_digests_and_what_names_its_files(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.staging() as folder:
        (folder / "m").write_bytes(b"model")
        (folder / "f").write_bytes(b"file")
        made = TFLiteModel(path=folder / "m", digest="", fingerprint="", meta={})
        kept = store.commit(preimage(1), artifact=made, files={"file": folder / "f"}, value={"note": 1})
    model, file = digest.of_bytes(b"model"), digest.of_bytes(b"file")
    assert kept.artifact == TFLiteModel(
        path=tmp_path / "blobs" / model, digest=model, fingerprint=model, meta={}
    )
    assert (kept.value, set(kept.blobs), kept.cost) == ({"note": 1, "file": file}, {model, file}, {})
    assert stat.S_IMODE((tmp_path / "blobs" / model).stat().st_mode) == 0o444
    assert not folder.exists()
    assert store.recall(kept.key) == kept


def test_a_fingerprint_of_its_own_is_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.staging() as folder:
        (folder / "m").write_bytes(b"model")
        made = TFLiteModel(path=folder / "m", digest="", fingerprint=B, meta={})
        assert store.commit(preimage(1), artifact=made).artifact.fingerprint == B  # type: ignore[union-attr]


def test_what_is_no_result_is_not_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(
        PassError, match=r"a result cannot be stored: its record is not a result: value\.value is missing"
    ):
        store.commit(SIZES, value={"unit": "1"})
    assert list((tmp_path / "actions").iterdir()) == []


def test_the_last_sixteen_of_a_name_are_remembered_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "recent").mkdir()
    keys = [f"{number:064x}" for number in range(18)]
    for each in keys:
        recent.remember(tmp_path, "prune", each, tmp_path)
    assert recent.latest(tmp_path, "prune") == keys[2:]
    recent.remember(tmp_path, "prune", keys[5], tmp_path)
    assert recent.latest(tmp_path, "prune") == [*keys[2:5], *keys[6:], keys[5]]
    assert recent.latest(tmp_path, "train") == []
    assert [path.name for path in (tmp_path / "recent").iterdir()] == ["prune.json"]


def test_names_that_are_no_file_s_own_are_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "recent").mkdir()
    recent.remember(tmp_path, "../prune", A, tmp_path)
    assert recent.latest(tmp_path, "../prune") == []
    assert list((tmp_path / "recent").iterdir()) == []
    for content in ("{", '{"a": 1}', f'["x", "{A}", 3]'):
        (tmp_path / "recent" / "prune.json").write_text(content)
        assert recent.latest(tmp_path, "prune") == ([A] if A in content else [])


def test_relatives_say_what_they_took_newest_first(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in (1, 2):
        keep(store, number)
    assert [(r.preimage["options"]["number"], r.seconds) for r in store.relatives("fake")] == [
        (2, 2.5),
        (1, 2.5),
    ]
    assert store.relatives("other") == []


@pytest.mark.parametrize(
    ("mode", "shared"), [(0o2775, True), (0o0775, False), (0o2755, False), (0o3777, True)]
)
def test_a_folder_is_shared_that_its_group_may_write_and_inherits(
    tmp_path: Path, mode: int, shared: bool
) -> None:
    tmp_path.chmod(mode)
    assert sharing.is_shared(tmp_path) is shared
    assert not sharing.is_shared(tmp_path / "nothing")


def test_what_is_made_in_a_shared_folder_is_the_group_s_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        sharing.make_shared(tmp_path / "shared")
        for parent in ("shared", "own"):
            sharing.make_folder(tmp_path / parent / "folder")
            (tmp_path / parent / "file").touch()
            sharing.share(tmp_path / parent / "file")
        sharing.share(tmp_path / "shared" / "gone")
    finally:
        os.umask(old)

    def mode(name: str) -> str:
        return oct(stat.S_IMODE((tmp_path / name).stat().st_mode))

    assert (mode("shared"), mode("shared/folder"), mode("shared/file")) == ("0o2775", "0o2775", "0o664")
    assert (mode("own/folder"), mode("own/file")) == ("0o700", "0o600")


def test_a_folder_may_be_written_that_is_there_or_could_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(os, "access", lambda path, how: asked.append((path, how)) or True)
    assert sharing.may_write(tmp_path / "a" / "b")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]
    (tmp_path / "file").touch()
    assert not sharing.may_write(tmp_path / "file")
    assert not sharing.may_write(tmp_path / "file" / "below")


@pytest.mark.parametrize(("idle", "reaped"), [(29, False), (31, True)])
def test_what_another_machine_left_is_removed_after_thirty_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle: int, reaped: bool
) -> None:
    (tmp_path / "elsewhere-1").mkdir()
    (tmp_path / "elsewhere-1" / workspace.USES).write_text(A)
    (tmp_path / "elsewhere-1.lock").touch()
    monkeypatch.setattr(workspace.kernel_lock, "network_filesystem", lambda path: "nfs")
    changed = (tmp_path / "elsewhere-1" / workspace.USES).stat().st_mtime
    monkeypatch.setattr(workspace.time, "time", lambda: changed + idle * 86_400.0)
    assert workspace.alive(tmp_path) == (set() if reaped else {"elsewhere-1"})
    assert workspace.used(tmp_path) == (set() if reaped else {A})
    assert workspace.abandoned(tmp_path) == ([tmp_path / "elsewhere-1"] if reaped else [])
    assert workspace.reap(tmp_path) == reaped
    assert list(tmp_path.iterdir()) == [] if reaped else len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("seconds", "believed"), [(0.0, True), (-0.5, False)])
def test_nothing_costs_less_than_nothing(seconds: float, believed: bool) -> None:
    fine = {"value": 1.0, "unit": "bytes"}
    content = record.write(SIZES, artifact=None, value=fine, cost={"seconds": seconds}, blobs=[])
    if believed:
        assert record.read(content, digest.of_json(SIZES), Path).cost == {"seconds": 0.0}
    else:
        with pytest.raises(Damaged, match="its record is not a result: cost"):
            record.read(content, digest.of_json(SIZES), Path)
