"""Files whole or not at all: also after a power cut, at any moment of what was recorded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from durability import Recorded
from stored import keep, key, opened
from tflbuild.core.errors import StoreError
from tflbuild.engine.storage import disk, sharing
from tflbuild.engine.storage.disk import append, flush, remove, replace_file, write_whole, writing


def test_a_file_is_flushed_before_it_gets_its_name_and_its_folder_after(
    tmp_path: Path, recorded: Recorded
) -> None:
    write_whole(tmp_path / "file", b"new", tmp_path)
    inode = (tmp_path / "file").stat().st_ino
    kinds = [what for what, *_ in recorded.done]
    assert kinds == ["write", "flush", "rename", "flush folder"]
    assert recorded.left(len(kinds)) == {str(tmp_path / "file"): (True, True)}
    assert all(whole for cut in range(4) for whole, _ in recorded.left(cut).values())
    assert recorded.done[1] == ("flush", inode)


def test_a_file_of_a_run_is_flushed_before_it_gets_its_name(tmp_path: Path, recorded: Recorded) -> None:
    replace_file(tmp_path / "sweep.json", "new")
    assert [what for what, *_ in recorded.done] == ["flush", "rename"]
    inode = (tmp_path / "sweep.json").stat().st_ino
    assert recorded.done[0] == ("flush", inode)


def test_a_power_cut_at_any_moment_of_a_commit_leaves_no_record_without_its_file(
    tmp_path: Path, recorded: Recorded
) -> None:
    root = tmp_path / "store"
    store = opened(root)
    recorded.done.clear()
    kept = keep(store, 1)
    record = str(root / "actions" / f"{key(1)}.json")
    blobs = [str(root / "blobs" / sha256) for sha256 in kept.blobs]
    assert len(blobs) == 1
    seen = 0
    for cut in range(len(recorded.done) + 1):
        left = recorded.left(cut)
        assert all(whole for whole, _ in left.values()), "a name with a content that was never flushed"
        if record in left:
            seen += 1
            assert [left[blob] for blob in blobs] == [(True, True)], (
                "the record came before its file was sure"
            )
    assert seen
    assert recorded.left(len(recorded.done))[record] == (True, True), (
        "what was kept is there after a power cut"
    )


def test_the_schema_of_a_store_is_there_whole_or_not_at_all(tmp_path: Path, recorded: Recorded) -> None:
    opened(tmp_path / "store")
    left = recorded.left(len(recorded.done))
    assert left[str(tmp_path / "store" / "schema")] == (True, True)


def test_what_is_there_whole_is_not_written_again(tmp_path: Path, recorded: Recorded) -> None:
    store = opened(tmp_path / "store")
    keep(store, 1, b"same")
    blobs = [name for name in recorded.left(10**6) if "/blobs/" in name]
    recorded.done.clear()
    keep(store, 2, b"same")
    assert len(blobs) == 1
    assert [name for name in recorded.left(10**6) if "/blobs/" in name] == []


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        yield


@pytest.mark.parametrize("name", ["write", "fsync", "replace", "fchmod"])
def test_what_cannot_be_written_leaves_the_old_content_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    staging = tmp_path / "tmp"
    staging.mkdir()
    (tmp_path / "file").write_bytes(b"old")
    before = os.listdir("/proc/self/fd")
    with failing(monkeypatch, name), pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "file", b"new", staging)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert list(staging.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == len(before), "no descriptor is left open"


def test_what_is_written_may_be_read_by_all_and_changed_by_the_group_of_a_shared_folder(
    tmp_path: Path,
) -> None:
    old = os.umask(0o077)
    try:
        write_whole(tmp_path / "own", b"", tmp_path)
        sharing.make_shared(tmp_path / "shared")
        write_whole(tmp_path / "shared" / "ours", b"", tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "shared" / "ours").stat().st_mode) == 0o664


def test_the_kernel_may_take_less_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []

    def little(descriptor: int, content: bytes) -> int:
        taken.append(bytes(content[:2]))
        return len(taken[-1])

    monkeypatch.setattr(os, "write", little)
    append(7, b"abcde")
    assert taken == [b"ab", b"cd", b"e"]


def test_a_link_in_the_place_of_a_run_s_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("theirs")
    for name in ("file", ".file"):
        (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    replace_file(tmp_path / "file", "ours")
    assert (tmp_path / "elsewhere").read_text() == "theirs"
    assert (tmp_path / "file").read_text() == "ours"
    assert not (tmp_path / "file").is_symlink()
    assert not os.path.lexists(tmp_path / ".file")


def test_whatever_is_there_is_removed_but_not_what_a_link_leads_to(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").touch()
    (tmp_path / "link").symlink_to(folder)
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo", "nothing"):
        remove(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]
    assert (folder / "deep" / "file").exists()
    remove(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught, writing(tmp_path):
        raise OSError(28, "No space left on device")
    assert (
        str(caught.value) == f"cannot write to {tmp_path}: No space left on device; nothing built was lost."
    )
    with pytest.raises(StoreError, match="a reason; nothing built was lost"), writing(tmp_path):
        raise OSError("a reason")
    with pytest.raises(KeyError), writing(tmp_path):
        raise KeyError


def test_flushing_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    flush(tmp_path)
    with failing(monkeypatch, "fsync"), pytest.raises(OSError, match="No space"):
        disk.flush(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
