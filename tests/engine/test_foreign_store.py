"""A store or a remote that somebody prepared: nothing outside is read or written, nothing ends in a traceback."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import altered
import fakes
from stored import keep, key, measure, opened
from tflbuild.core import digest
from tflbuild.core.errors import PassError, RecipeError, StoreError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.contents import changed_contents
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare
from tflbuild.engine.storage import kernel_lock, link, recent, record
from tflbuild.engine.storage.audit import audit
from tflbuild.engine.storage.collect import choose, collect
from tflbuild.engine.storage.inventory import take_inventory
from tflbuild.engine.storage.record import Damaged, Record
from tflbuild.engine.storage.roots import find_roots
from tflbuild.engine.storage.store import Store

MODEL: dict[str, Any] = {"kind": "KerasModel", "digest": "a" * 64, "fingerprint": "b" * 64, "meta": {}}

Change = Callable[[dict[str, Any]], None]

VALUES: list[Any] = [
    None,
    5,
    -1,
    10**400,
    "text",
    "../../x",
    "/etc/passwd",
    "\x1b[2J",
    [],
    ["/x"],
    {},
    {"a": 1},
    True,
]


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Forget what this process learned of remotes."""
    link.open_link.cache_clear()
    yield
    link.open_link.cache_clear()


def signed(content: dict[str, Any]) -> bytes:
    """Give a record with a right digest of itself, as somebody who means it writes it."""
    content = {name: value for name, value in content.items() if name != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({"digest": digest.of_bytes(text.encode()), **content}).encode()


def rewrite(path: Path, change: Change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.chmod(0o644)
    path.write_bytes(signed(content))


def everything_in(folder: Path) -> set[str]:
    found = ((top, name) for top, folders, names in os.walk(folder) for name in (*folders, *names))
    return {os.path.relpath(os.path.join(top, name), folder) for top, name in found}


def absolute_blob(content: dict[str, Any]) -> None:
    content["blobs"] = ["/etc/hostname"]


def climbing_blob(content: dict[str, Any]) -> None:
    content["blobs"].append("../../outside/written")


def climbing_model(content: dict[str, Any]) -> None:
    content["artifact"]["digest"] = "../../outside/model"


def unnamed_model(content: dict[str, Any]) -> None:
    content["artifact"]["digest"] = "0" * 64


def no_kind(content: dict[str, Any]) -> None:
    content["artifact"]["kind"] = "Surprise"


def text_for_seconds(content: dict[str, Any]) -> None:
    content["cost"]["seconds"] = "long"


def no_artifact(content: dict[str, Any]) -> None:
    content["artifact"] = None


def text_for_facts(content: dict[str, Any]) -> None:
    content["artifact"]["meta"]["facts"] = "cat"


def more_fields(content: dict[str, Any]) -> None:
    content["more"] = 1


CHANGES: list[Change] = [
    absolute_blob,
    climbing_blob,
    climbing_model,
    unnamed_model,
    no_kind,
    text_for_seconds,
    no_artifact,
    text_for_facts,
    more_fields,
]


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Record]:
    """Give a remote with one result, a folder beside stores that must stay as it is, and the result."""
    there, outside = tmp_path / "there", tmp_path / "outside"
    outside.mkdir()
    (outside / "model").write_text("secret")
    kept = keep(opened(tmp_path / "one", remote=f"file://{there}"), 1)
    return there, outside, kept


@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__ for change in CHANGES])
def test_a_prepared_record_of_a_remote_is_refused_and_reaches_nothing_outside(
    change: Change, places: tuple[Path, Path, Record], tmp_path: Path
) -> None:
    there, outside, kept = places
    rewrite(there / "actions" / f"{kept.key}.json", change)
    (there / "blobs" / "written").write_text("from there")
    said: list[str] = []
    before = everything_in(outside)
    assert Store(tmp_path / "plan", said.append, f"file://{there}").recall(kept.key) is None
    assert "its record is not a result" in said[0]
    assert opened(tmp_path / "two", said.append, f"file://{there}").recall(kept.key) is None
    assert everything_in(outside) == before
    assert everything_in(tmp_path / "two") & {"blobs/written", f"actions/{kept.key}.json"} == set()


@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__ for change in CHANGES])
def test_a_prepared_local_record_goes_to_quarantine_and_is_built_again(
    change: Change, tmp_path: Path
) -> None:
    kept = keep(opened(tmp_path), 1)
    rewrite(tmp_path / "actions" / f"{kept.key}.json", change)
    store = opened(tmp_path)
    assert store.recall(kept.key, locked=True) is None
    assert (tmp_path / "quarantine" / f"{kept.key}.json").is_file()
    assert keep(store, 1) == kept
    assert store.recall(kept.key) == kept


def test_predictions_are_a_file_that_the_record_names(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    found = measure(opened(tmp_path / "store"), "a" * 64, 0.5)
    path = tmp_path / "store" / "actions" / f"{found.key}.json"
    for value in ("../../secret", str(secret), digest.of_file(secret), None):

        def change(content: dict[str, Any], value: Any = value) -> None:
            content["value"]["file"] = value

        rewrite(path, change)
        assert Store(tmp_path / "store").recall(found.key) is None


def fields_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every field of a nested value."""
    inner: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, part in inner:
        yield (*path, name)
        yield from fields_of(part, (*path, name))


def put(content: Any, path: tuple[Any, ...], value: Any) -> None:
    for name in path[:-1]:
        content = content[name]
    content[path[-1]] = value


def test_every_field_of_a_record_with_any_value_is_a_result_or_damage(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kept = [keep(store, 1), measure(store, "a" * 64, 0.5)]
    for one in kept:
        content = json.loads((tmp_path / "actions" / f"{one.key}.json").read_text())
        for path in fields_of(content):
            for value in VALUES:
                changed = json.loads(json.dumps(content))
                put(changed, path, value)
                try:
                    found = record.read(signed(changed), one.key, store.blob)
                except Damaged:
                    continue
                assert all(digest.is_digest(sha256) for sha256 in found.blobs)
                assert f"{found.cost.get('seconds', 0.0):.1f}"


def test_random_bytes_in_a_record_are_damage(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kept = keep(store, 1)
    good = (tmp_path / "actions" / f"{kept.key}.json").read_bytes()
    chance = random.Random(9)
    for _ in range(300):
        altered = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            altered[chance.randrange(len(altered))] = chance.randrange(256)
        try:
            assert record.read(bytes(altered), kept.key, store.blob) == kept
        except Damaged:
            continue


def test_a_measurement_that_is_none_is_not_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(PassError, match=r"value\.value is 'high'"):
        store.commit({"measure": "accuracy", "metric": "map"}, value={"value": "high", "unit": "1"})
    assert everything_in(tmp_path / "actions") == set()


def test_a_link_or_a_fifo_in_the_place_of_a_file_is_damage(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    kept = keep(store, 1)
    blob, action = store.blob(kept.blobs[0]), tmp_path / "store" / "actions" / f"{kept.key}.json"
    elsewhere = tmp_path / "elsewhere"
    shutil.copyfile(blob, elsewhere)
    for path in (blob, action):
        saved = path.read_bytes()
        for replace in (lambda path=path: path.symlink_to(elsewhere), lambda path=path: os.mkfifo(path)):
            path.unlink()
            replace()
            assert Store(tmp_path / "store").recall(kept.key) is None
        path.unlink()
        path.write_bytes(saved)
    assert Store(tmp_path / "store").recall(kept.key) is not None


def test_a_fifo_of_any_name_holds_up_neither_info_nor_verify_nor_gc(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    keep(store, 1)
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    os.mkfifo(outputs / "report.json")
    for folder in ("blobs", "actions", "tmp", "quarantine", "memo", "checkpoints", "recent"):
        (tmp_path / "store" / folder).mkdir(exist_ok=True)
        os.mkfifo(tmp_path / "store" / folder / ("f" * 64 + (".json" if folder == "actions" else "")))
    audit(tmp_path / "store")
    inventory = take_inventory(tmp_path / "store")
    said: list[str] = []
    roots = find_roots(inventory, [outputs], said.append)
    collect(inventory, choose(inventory, roots, older_than=0.0))
    assert "not a regular file" in said[0]


def test_a_lock_that_is_a_link_makes_no_file_elsewhere(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    target = tmp_path / "made"
    (tmp_path / "store" / "locks" / f"{key(1)}.lock").symlink_to(target)
    with pytest.raises(StoreError), store.lock(key(1), lambda: None):
        pass
    assert not target.exists()
    with pytest.raises(OSError, match="symbolic links"):
        kernel_lock.is_held(tmp_path / "store" / "locks" / f"{key(1)}.lock")


def test_a_folder_of_a_store_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "blobs").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="blobs is a link"):
        opened(tmp_path / "store")


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"2" * 1000, b"\x1b[2J"])
def test_a_schema_that_is_none_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "schema").write_bytes(content)
    with pytest.raises((RecipeError, StoreError)) as caught:
        Store(tmp_path)
    assert "\x1b" not in str(caught.value)


def test_the_list_of_what_came_last_leads_nowhere_else(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    kept = keep(store, 1)
    path = tmp_path / "store" / "recent" / "fake.json"
    for content in (["../../secret", 5, None, kept.key], {"a": 1}, "text", None):
        path.write_text(json.dumps(content))
        assert set(recent.latest(tmp_path / "store", "fake")) <= {kept.key}
    recent.remember(tmp_path / "store", "../../outside", kept.key, tmp_path)
    assert not (tmp_path / "outside.json").exists()
    path.write_bytes(b"\xff")
    assert store.relatives("fake") == []


@pytest.mark.parametrize("content", ["[]", "5", "null", '[["a", 1]]', '{"a": [1]}', "\x00", "[" * 10_000])
def test_a_memory_of_contents_that_is_none_says_nothing(content: str, tmp_path: Path) -> None:
    folder = tmp_path / "memo" / "contents"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 64}.json").write_text(content)
    assert isinstance(changed_contents(tmp_path, "0" * 64, {"a": "1"}), str)
    (tmp_path / "x.json").write_text('{"a": "2"}')
    assert changed_contents(tmp_path, "../../x", {"a": "1"}) == ""
    assert changed_contents(tmp_path, {"not": "text"}, {"a": "1"}) == ""  # type: ignore[arg-type]


def test_a_record_of_a_remote_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    kept = keep(opened(tmp_path / "one", remote=f"file://{there}"), 1)
    monkeypatch.setattr(record, "MOST_BYTES", 100)
    said: list[str] = []
    assert Store(tmp_path / "two", said.append, f"file://{there}").recall(kept.key) is None
    assert "too large" in said[0]


class Liar:
    """A filesystem that gives more than it says."""

    def info(self, where: str) -> dict[str, int]:
        return {"size": 10}

    def cat_file(self, where: str, end: int) -> bytes:
        return b"x" * 1_000_000

    def get_file(self, where: str, target: str, callback: Any) -> None:
        with Path(target).open("wb") as file:
            for _ in range(1000):
                file.write(b"x" * 1000)
                callback.relative_update(1000)


def test_a_remote_that_gives_more_than_it_says_is_cut_off(tmp_path: Path) -> None:
    there = link.Link(Liar(), "root", True)
    assert not there.fetch("blobs/x", 5000, tmp_path / "fetched")
    assert (tmp_path / "fetched").stat().st_size <= 6000
    assert there.read("actions/x.json", 100) == b"x" * 10


def test_a_remote_whose_file_is_a_folder_is_a_miss(tmp_path: Path) -> None:
    there = tmp_path / "there"
    kept = keep(opened(tmp_path / "one", remote=f"file://{there}"), 1)
    blob = there / "blobs" / kept.blobs[0]
    blob.unlink()
    blob.mkdir()
    assert opened(tmp_path / "two", remote=f"file://{there}").recall(kept.key) is None


def test_a_plan_survives_any_earlier_action_that_lies_in_a_store(recipe: Recipe) -> None:
    prepared = prepare(recipe, names=fakes.NAMES)
    prepared.store.prepare()
    step = recipe.steps["train"]
    before = {**prepared.keys.preimage_but_input(step), "models": {"a": "b"}, "judging": {"limits": []}}
    root = prepared.store.root
    for changed in altered.every(before, 200):
        if "pass" not in changed:
            continue
        named = digest.of_json(changed)
        content = {"key": named, "preimage": changed, "artifact": MODEL, "value": {}, "cost": {}}
        content["blobs"] = [MODEL["digest"]]
        (root / "actions" / f"{named}.json").write_bytes(signed(content))
        (root / "recent" / "fake_train.json").write_text(json.dumps([named]))
        reason = plan(prepared.recipe, prepared.keys, prepared.store).steps[0].reason
        assert reason.isprintable()
        assert reason != "never run before"
