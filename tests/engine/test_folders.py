"""What a store consists of: its folders, its schema, and where it lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stored import keep, opened
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.engine.storage import kernel_lock
from tflbuild.engine.storage.store import Store


def test_a_store_says_which_folder_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path / "store")
    keep(store, 1)
    assert store.obstacle() == ""
    known = os.access
    for closed in (
        tmp_path / "store",
        tmp_path / "store" / "recent",
        tmp_path / "store" / "locks" / "commits.lock",
    ):
        monkeypatch.setattr(
            os, "access", lambda path, how, closed=closed: path != closed and known(path, how)
        )
        assert store.obstacle() == (
            f"store.path: {closed} is not writable for this user, so nothing new can be stored in "
            f"{tmp_path / 'store'}; set store.path to another folder, or have its owner share it: store.shared=true."
        )


def test_a_folder_of_a_store_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "blobs").symlink_to(tmp_path)
    with pytest.raises(
        StoreError, match=r"blobs is a link; the folders of a store must lie in the store itself"
    ):
        Store(tmp_path / "store").prepare()


def test_a_store_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "schema").write_text("7\n")
    with pytest.raises(RecipeError, match="contains keys of schema 7"):
        Store(tmp_path)


def test_a_network_filesystem_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_lock, "network_filesystem", lambda path: "nfs4")
    said: list[str] = []
    for _ in range(3):
        opened(tmp_path, said.append)
    assert len(said) == 1
    assert "network filesystem (nfs4), where another machine may not see a lock" in said[0]
