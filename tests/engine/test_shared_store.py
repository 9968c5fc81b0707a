"""A store of several users: what one of them makes, the others of the group may change."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import fakes
from building import FakeBuild
from stored import keep, opened
from tflbuild.core.errors import StoreError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare
from tflbuild.engine.storage import sharing
from tflbuild.engine.storage.folders import FOLDERS
from tflbuild.engine.storage.store import Store

FIRST, SECOND, GROUP = 61001, 61002, 61000

USE = """
import os, sys
from pathlib import Path
umask, number, shared, *paths = sys.argv[1:]
os.umask(int(umask, 8))
sys.path[:0] = paths[1:]
from stored import keep
from tflbuild.engine.contents import keep_contents
from tflbuild.engine.storage.collect import choose, collect
from tflbuild.engine.storage.inventory import take_inventory
from tflbuild.engine.storage.roots import find_roots
from tflbuild.engine.storage.store import Store
store = Store(Path(paths[0]), print, shared=True if shared == "yes" else None)
if store.obstacle():
    sys.exit(store.obstacle())
store.prepare()
for each in (1, int(number)):
    keep(store, each)
    folder = store.checkpoints(f"{each:064x}")
    (folder / str(os.getpid())).touch() if folder.exists() else None
keep_contents(store.root, f"{int(number):064x}", {"a": "1"})
path = next((store.root / "blobs").iterdir())
store.shelf.quarantine_blob("0" * 64, "test")
if number == "3":
    inventory = take_inventory(store.root)
    collect(inventory, choose(inventory, find_roots(inventory, []), older_than=0.0))
"""


def modes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): stat.filemode(p.stat().st_mode) for p in sorted(folder.rglob("*"))}


def test_a_folder_says_by_its_bits_that_it_is_shared(tmp_path: Path) -> None:
    assert not sharing.is_shared(tmp_path)
    assert not sharing.is_shared(tmp_path / "nowhere")
    sharing.make_shared(tmp_path / "store")
    assert sharing.is_shared(tmp_path / "store")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_all_that_a_shared_store_holds_is_its_groups(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        store = Store(tmp_path / "store", shared=True)
        store.prepare()
        keep(store, 1)
        store.close()
    finally:
        os.umask(before)
    for name, mode in modes(tmp_path / "store").items():
        if mode.startswith("d"):
            assert mode == "drwxrwsr-x", name
        elif name.startswith("blobs/"):
            assert mode == "-r--r--r--", name
        else:
            assert mode == "-rw-rw-r--", name


def test_a_store_that_is_not_shared_stays_its_users(tmp_path: Path) -> None:
    keep(opened(tmp_path / "store"), 1)
    assert not [mode for mode in modes(tmp_path / "store").values() if mode[5] == "w"]


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that two users of one group may reach; skip where this process cannot be another user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can act as two users")
    folder = Path(tmp_path.anchor, "tmp", f"tflbuild-two-users-{os.getpid()}")
    folder.mkdir()
    os.chown(folder, FIRST, GROUP)
    folder.chmod(0o2775)
    yield folder
    shutil.rmtree(folder)


def acting(user: int, folder: Path, number: int, *, shared: bool, umask: str = "022") -> str:
    """Keep results as a user; gives what it ended with, "" where all was well."""
    places = list(filter(None, sys.path))
    words = [umask, str(number), "yes" if shared else "no", str(folder / "store"), *places]
    done = subprocess.run(
        [
            "setpriv",
            f"--reuid={user}",
            f"--regid={GROUP}",
            "--clear-groups",
            sys.executable,
            "-c",
            USE,
            *words,
        ],
        capture_output=True,
        text=True,
        cwd="/",
    )
    if "Permission denied" in done.stderr and "site-packages" in done.stderr:
        pytest.skip("the packages are not readable for other users")
    return (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else ""


@pytest.mark.slow
@pytest.mark.parametrize("umask", ["022", "077"])
def test_two_users_keep_collect_and_set_aside_in_one_store(users: Path, umask: str) -> None:
    assert acting(FIRST, users, 2, shared=True, umask=umask) == ""
    assert acting(SECOND, users, 3, shared=False, umask=umask) == ""
    assert acting(FIRST, users, 4, shared=False, umask=umask) == ""


def test_a_second_user_of_a_store_that_is_not_shared_is_told_at_once(users: Path) -> None:
    users.chmod(0o755)
    assert acting(FIRST, users, 2, shared=False) == ""
    assert "is not writable for this user" in acting(SECOND, users, 3, shared=False)


def test_only_its_owner_shares_a_store(users: Path) -> None:
    users.chmod(0o755)
    assert acting(FIRST, users, 2, shared=False) == ""
    assert "is not writable for this user" in acting(SECOND, users, 3, shared=True)
    assert acting(FIRST, users, 4, shared=True) == ""
    assert acting(SECOND, users, 3, shared=False) == ""


def test_what_cannot_be_kept_is_said_while_planning_and_before_anything_runs(
    recipe: Recipe, build: FakeBuild, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build(recipe).error is None
    monkeypatch.setattr(Store, "obstacle", lambda store: "store.path: it may not be written.")
    assert build(recipe).error is None, "all of it is there"
    other = replace(recipe, seed=1)
    prepared = prepare(other, names=fakes.NAMES)
    assert plan(prepared.recipe, prepared.keys, prepared.store).warnings
    before = log.read_text()
    error = build(other).error
    assert isinstance(error, StoreError)
    assert "may not be written" in str(error)
    assert log.read_text() == before


def test_a_store_that_may_be_written_has_no_obstacle(tmp_path: Path) -> None:
    assert Store(tmp_path / "not" / "yet").obstacle() == ""
    store = opened(tmp_path / "store")
    keep(store, 1)
    assert store.obstacle() == ""
    assert set(FOLDERS) <= {path.name for path in (tmp_path / "store").iterdir()}
