"""Collecting: the longest unused goes, what runs and builds need stays, and no build is ever harmed."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from building import FakeBuild
from stored import elsewhere, end, keep, key, measure, opened
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Outcome
from tflbuild.engine.storage import collect as collecting
from tflbuild.engine.storage import workspace
from tflbuild.engine.storage.collect import Choice, Removable, choose, collect
from tflbuild.engine.storage.inventory import take_inventory
from tflbuild.engine.storage.record import Record
from tflbuild.engine.storage.roots import find_roots

DAY = 86_400.0


def ran(outcome: Outcome) -> list[str]:
    return [step["label"] for step in outcome.report["passes"] if not step["cached"]]


def choice_of(root: Path, outputs: Path | None = None, **limits: Any) -> Choice:
    inventory = take_inventory(root)
    return choose(inventory, find_roots(inventory, [outputs] if outputs else []), **limits)


def clean(root: Path, outputs: Path | None = None, **limits: Any) -> list[Removable]:
    return collect(take_inventory(root), choice_of(root, outputs, **limits))


def names(root: Path, folder: str) -> set[str]:
    return {path.name for path in (root / folder).iterdir()}


def aged(root: Path, kept: Record, days: float) -> Record:
    """Let a result have been used last so many days ago."""
    when = time.time() - days * DAY
    os.utime(root / "actions" / f"{kept.key}.json", (when, when))
    return kept


@pytest.fixture
def four(tmp_path: Path) -> tuple[Path, list[Record]]:
    """A store with four models, used 4, 3, 2 and 1 days ago; nobody uses them now."""
    store = opened(tmp_path / "store")
    kept = [aged(store.root, keep(store, number), 4 - number) for number in range(4)]
    return store.root, kept


def test_the_longest_unused_go_first_until_the_rest_fits(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    whole = take_inventory(root).bytes
    one = take_inventory(root).size(take_inventory(root).actions[kept[0].key])
    clean(root, max_bytes=whole - one - 10)
    assert names(root, "actions") == {f"{kept[2].key}.json", f"{kept[3].key}.json"}
    assert names(root, "blobs") == {kept[2].blobs[0], kept[3].blobs[0]}
    assert take_inventory(root).bytes <= whole - one - 10


def test_what_was_not_used_for_so_long_goes(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    clean(root, older_than=2.5 * DAY)
    assert names(root, "actions") == {f"{kept[2].key}.json", f"{kept[3].key}.json"}


def test_using_a_result_keeps_it(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    assert opened(root).recall(kept[0].key) is not None
    clean(root, older_than=2.5 * DAY)
    assert f"{kept[0].key}.json" in names(root, "actions")


def test_without_a_limit_only_garbage_goes(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    (root / "blobs" / ("0" * 64)).write_bytes(b"its record was never written")
    store = opened(root)
    for folder in (store.shelf.checkpoints(kept[0].key), store.shelf.checkpoints("f" * 64)):
        folder.mkdir()
        (folder / "state").write_text("weights")
    clean(root)
    assert len(names(root, "actions")) == 4
    assert names(root, "blobs") == {record.blobs[0] for record in kept}
    assert names(root, "checkpoints") == {"f" * 64}, "that of a result that is there is of no use"
    assert names(root, "locks") == set()


def test_a_dry_run_changes_nothing_and_says_what_would_go(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    choice = choice_of(root, older_than=2.5 * DAY)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert [candidate.name for candidate in choice.removables] == [kept[0].key, kept[1].key]
    assert choice.before - choice.after == sum(candidate.bytes for candidate in choice.removables)
    clean(root, older_than=2.5 * DAY)
    assert take_inventory(root).bytes == choice.after, "the figures are those of the files"


def test_a_blob_stays_as_long_as_a_record_names_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    first = aged(tmp_path, keep(store, 1, b"same"), 9)
    second = aged(tmp_path, keep(store, 2, b"same"), 1)
    del store
    clean(tmp_path, older_than=5 * DAY)
    assert names(tmp_path, "blobs") == {first.blobs[0]}
    clean(tmp_path, older_than=0.5 * DAY)
    assert second.blobs == first.blobs
    assert names(tmp_path, "blobs") == set()


def test_the_freed_bytes_of_a_shared_blob_count_once(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in (1, 2):
        aged(tmp_path, keep(store, number, bytes(10_000)), number)
    del store
    choice = choice_of(tmp_path, older_than=0.0)
    assert [candidate.bytes > 10_000 for candidate in choice.removables] == [False, True]


def test_a_checkpoint_in_use_stays(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in (1, 2):
        store.shelf.checkpoints(key(number)).mkdir()
        (store.shelf.checkpoints(key(number)) / "state").write_text("weights")
    with store.lock(key(1), lambda: None):
        clean(tmp_path, older_than=0.0)
    assert names(tmp_path, "checkpoints") == {key(1)}
    clean(tmp_path, older_than=1 * DAY)
    assert names(tmp_path, "checkpoints") == {key(1)}, "it is younger than that"


def test_quarantine_ages_like_the_rest(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    blob = root / "blobs" / kept[3].blobs[0]
    blob.chmod(0o644)
    blob.write_bytes(b"damage")
    store = opened(root)
    store.recall(kept[3].key, locked=True)
    del store
    clean(root, older_than=0.5 * DAY)
    assert len(names(root, "quarantine")) == 4
    for path in (root / "quarantine").iterdir():
        os.utime(path, (1, 1))
    clean(root, older_than=30 * DAY)
    assert names(root, "quarantine") == set()


# what runs on disk need


def age_everything(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (1, 1))


def test_what_a_run_on_disk_was_made_of_stays_with_every_measurement(
    recipe: Recipe, build: FakeBuild, log: Path
) -> None:
    build(recipe)
    done = log.read_text()
    age_everything(recipe.store)
    clean(recipe.store, recipe.outputs, older_than=DAY)
    again = build(recipe)
    assert ran(again) == []
    assert log.read_text() == done, "not one measurement was made again"


def test_what_only_a_removed_run_was_made_of_goes(recipe: Recipe, build: FakeBuild) -> None:
    import shutil

    import fakes

    first = build(recipe).report
    step = replace(recipe.steps["quantize"], options=fakes.FakeQuantize(cost=0.01))
    second = build(replace(recipe, steps={**recipe.steps, "quantize": step})).report
    shutil.rmtree(second.folder)
    age_everything(recipe.store)
    before = names(recipe.store, "actions")
    clean(recipe.store, recipe.outputs, older_than=DAY)
    gone = before - names(recipe.store, "actions")
    assert f"{second['passes'][3]['action']}.json" in gone
    assert len(gone) > 3, "and what was measured on it"
    assert {f"{step['action']}.json" for step in first["passes"]} <= names(recipe.store, "actions")


def test_a_cap_below_what_runs_need_is_refused_with_the_figure(recipe: Recipe, build: FakeBuild) -> None:
    build(recipe)
    needed = choice_of(recipe.store, recipe.outputs).needed
    before = sorted(recipe.store.rglob("*"))
    with pytest.raises(RecipeError, match=rf"give at least --max-size {needed}") as caught:
        clean(recipe.store, recipe.outputs, max_bytes=needed - 1)
    assert caught.value.exit_code == 2
    assert sorted(recipe.store.rglob("*")) == before
    clean(recipe.store, recipe.outputs, max_bytes=needed)
    assert ran(build(recipe)) == []


def test_a_run_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    run = tmp_path / "outputs" / "fake" / "run"
    run.mkdir(parents=True)
    (run / "report.json").write_bytes(b"\xff\xfe\xfa")
    opened(tmp_path / "store")
    said: list[str] = []
    find_roots(take_inventory(tmp_path / "store"), [tmp_path / "outputs"], said.append)
    assert "report.json cannot be read" in said[0]


# beside running builds

USE = """
import sys, time
from pathlib import Path
from stored import keep, key, opened
store = opened(Path(sys.argv[1]))
assert store.recall(key(1)) is not None
keep(store, 2)
print("in use", flush=True)
sys.stdin.read()
"""


def test_what_a_running_build_has_recalled_or_committed_stays_until_it_ends(tmp_path: Path) -> None:
    root = tmp_path / "store"
    kept = [keep(opened(root), number) for number in (1, 3)]
    process = elsewhere(USE, root)
    age_everything(root)
    assert clean(root, older_than=0.0) == []
    assert names(root, "actions") == {f"{key(1)}.json", f"{key(2)}.json"}
    assert kept[0].blobs[0] in names(root, "blobs")
    with pytest.raises(RecipeError, match="running builds need"):
        clean(root, max_bytes=0)
    end(process)
    clean(root, older_than=0.0)
    assert names(root, "actions") == names(root, "blobs") == set()


def test_a_blob_of_a_running_build_stays_though_its_record_is_gone(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kept = keep(store, 1)
    (tmp_path / "actions" / f"{kept.key}.json").unlink()
    clean(tmp_path, older_than=0.0)
    assert kept.blobs[0] in names(tmp_path, "blobs")
    del store
    clean(tmp_path, older_than=0.0)
    assert names(tmp_path, "blobs") == set()


def test_a_result_whose_lock_is_held_stays(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    choice = choice_of(root, older_than=0.0)
    inventory = take_inventory(root)
    store = opened(root)
    with store.lock(kept[0].key, lambda: None):
        assert kept[0].key in find_roots(inventory, []).actions
        left = collect(inventory, choice)
    assert [candidate.name for candidate in left] == [kept[0].key]
    assert names(root, "actions") == {f"{kept[0].key}.json"}
    assert names(root, "blobs") == {kept[0].blobs[0]}


def test_a_result_that_is_used_after_the_choice_stays(four: tuple[Path, list[Record]]) -> None:
    root, kept = four
    inventory, choice = take_inventory(root), choice_of(root, older_than=0.0)
    assert opened(root).recall(kept[1].key) is not None  # by a build that has ended when it is its turn
    left = collect(inventory, choice)
    assert [candidate.name for candidate in left] == [kept[1].key]


def test_a_result_that_is_used_while_it_is_moved_is_moved_back(
    four: tuple[Path, list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, kept = four
    builds = [opened(root)]
    rename = os.rename

    def used_just_before(source: Any, target: Any) -> None:
        if Path(source).name == f"{kept[0].key}.json" and builds:
            builds[0]._use(kept[0].key)  # it is about to read
        rename(source, target)

    monkeypatch.setattr(collecting.os, "rename", used_just_before)
    left = collect(take_inventory(root), choice_of(root, older_than=0.0))
    assert [candidate.name for candidate in left] == [kept[0].key]
    assert builds[0].recall(kept[0].key) == kept[0]


def test_a_file_that_a_new_record_names_stays(
    four: tuple[Path, list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, kept = four
    inventory, choice = take_inventory(root), choice_of(root, older_than=0.0)
    keep(opened(root), 9, b"0".rjust(1000))  # by a build that has ended when the files' turn comes
    collect(inventory, choice)
    assert names(root, "actions") == {f"{key(9)}.json"}
    assert names(root, "blobs") == {kept[0].blobs[0]}
    assert opened(root).recall(key(9)) is not None


def test_a_record_that_one_collector_moves_back_keeps_its_files_from_another(
    four: tuple[Path, list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, kept = four
    others: list[threading.Thread] = []
    used = workspace.used

    def collects_meanwhile() -> None:
        inventory = take_inventory(root)
        collect(inventory, choose(inventory, find_roots(inventory, [])))

    def used_at_last(tmp: Path) -> set[str]:
        """Let another collector begin while the record lies aside; then a build says that it uses it."""
        if threading.current_thread() is not threading.main_thread():
            return set(used(tmp))
        others.append(threading.Thread(target=collects_meanwhile))
        others[-1].start()
        others[-1].join(0.1)
        return {*used(tmp), *(record.key for record in kept)}

    inventory, choice = take_inventory(root), choice_of(root, older_than=0.0)
    monkeypatch.setattr(workspace, "used", used_at_last)
    collect(inventory, choice)
    for thread in others:
        thread.join(20)
    monkeypatch.undo()
    assert others
    assert all(opened(root).recall(record.key) is not None for record in kept)


def test_a_memo_stays_while_a_build_runs(tmp_path: Path) -> None:
    store = opened(tmp_path)
    (tmp_path / "memo" / "index-1.json").write_text("{}")
    age_everything(tmp_path)
    clean(tmp_path, older_than=DAY)
    assert names(tmp_path, "memo") == {"index-1.json"}
    del store
    clean(tmp_path, older_than=DAY)
    assert names(tmp_path, "memo") == set()


LOOP = """
import sys, time
from pathlib import Path
from tflbuild.engine.build import Outcome
from tflbuild.engine.storage.collect import choose, collect
from tflbuild.engine.storage.inventory import take_inventory
from tflbuild.engine.storage.roots import find_roots
root = Path(sys.argv[1])
print("collecting", flush=True)
rounds = 0
while not Path(sys.argv[2]).exists():
    inventory = take_inventory(root)
    collect(inventory, choose(inventory, find_roots(inventory, []), older_than=0.0))
    rounds += 1
print(rounds, flush=True)
"""


@pytest.fixture
def collectors(tmp_path: Path) -> Iterator[Callable[[], list[int]]]:
    """Two processes that collect everything they may, without a pause; gives how often when they are stopped."""
    opened(tmp_path / "store")
    processes = [elsewhere(LOOP, tmp_path / "store", tmp_path / "stop") for _ in range(2)]

    def stop() -> list[int]:
        (tmp_path / "stop").touch()
        return [int(process.communicate()[0]) for process in processes]

    yield stop
    for process in processes:
        end(process)


@pytest.mark.slow
def test_builds_that_loop_beside_a_collector_that_removes_everything_it_may_are_all_right(
    recipe: Recipe, build: FakeBuild, tmp_path: Path, collectors: Callable[[], list[int]]
) -> None:
    right = build(replace(recipe, store=tmp_path / "alone")).report["targets"][0]["sha256"]
    for count in range(40):
        outcome = build(replace(recipe, outputs=tmp_path / f"outputs-{count}"))
        assert outcome.error is None
        assert outcome.report["targets"][0]["sha256"] == right
        assert not [text for text in outcome.report["warnings"] if "is not used" in text]
    assert min(collectors()) > 5


@pytest.mark.slow
def test_stores_that_loop_beside_collectors_lose_nothing_that_they_use(
    tmp_path: Path, collectors: Callable[[], list[int]]
) -> None:
    root = tmp_path / "store"
    said: list[str] = []
    for count in range(60):
        store = opened(root, said.append)
        for number in range(6):
            found = store.recall(key(number)) or keep(store, number, f"{number % 3}".encode())
            predictions = measure(store, found.blobs[0], 0.5, content=found.blobs[0].encode())
            for each in (found, predictions):
                # A collector that sees only now that a result is used moves it back, and holds its lock meanwhile.
                with store.lock(each.key, lambda: None):
                    assert store.recall(each.key, locked=True) is not None, f"in round {count}"
            assert found.artifact is not None
            assert found.artifact.path.read_bytes() == f"{number % 3}".encode()
    assert min(collectors()) > 5
    assert said == []


def test_a_collector_that_is_killed_leaves_a_store_that_works(tmp_path: Path) -> None:
    root = tmp_path / "store"
    for _ in range(5):
        store = opened(root)
        kept = [keep(store, number) for number in range(30)]
        del store
        process = elsewhere(LOOP, root, tmp_path / "stop")
        end(process)
        store = opened(root)
        for record in kept:
            assert store.recall(record.key) in (None, record)
        del store
    clean(root, older_than=0.0)
    assert take_inventory(root).kinds() == dict.fromkeys(take_inventory(root).kinds(), (0, 0))
    assert workspace.abandoned(root / "tmp") == []


def test_the_inventory_says_what_is_there_by_kind(tmp_path: Path) -> None:
    store = opened(tmp_path)
    model = keep(store, 1)
    measure(store, model.blobs[0], 0.5)
    (tmp_path / "blobs" / ("0" * 64)).write_bytes(bytes(7))
    kinds = take_inventory(tmp_path).kinds()
    assert kinds["models"] == (1, 1000)
    assert kinds["predictions"] == (1, 5)
    assert kinds["orphans"] == (1, 7)
    assert kinds["records"][0] == 2
    assert kinds["tmp"][0] == 1
    assert json.loads((tmp_path / "actions" / f"{model.key}.json").read_text())["key"] == model.key
