"""Kernel locks: held by one, gone with their process, and no lock on a file that is gone."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stored import elsewhere, end
from tflbuild.engine.storage import kernel_lock

HOLD = """
import sys
from pathlib import Path
from tflbuild.engine.storage import kernel_lock
held = kernel_lock.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_held_by_one_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first = kernel_lock.take(path)
    assert first is not None
    assert kernel_lock.take(path, wait=False) is None
    assert kernel_lock.is_held(path)
    first.release()
    assert not kernel_lock.is_held(path)
    second = kernel_lock.take(path, wait=False)
    assert second is not None
    second.release()


def test_who_shares_a_lock_keeps_out_only_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with kernel_lock.holding(path, shared=True), kernel_lock.holding(path, shared=True):
        assert kernel_lock.take(path, wait=False) is None
    with kernel_lock.holding(path):
        assert kernel_lock.take(path, shared=True, wait=False) is None


def test_a_lock_is_gone_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    process = elsewhere(HOLD, path)
    assert kernel_lock.is_held(path)
    end(process)
    assert not kernel_lock.is_held(path)


def test_looking_at_a_lock_makes_no_file(tmp_path: Path) -> None:
    assert not kernel_lock.is_held(tmp_path / "a.lock")
    assert list(tmp_path.iterdir()) == []


def test_one_who_waits_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    held = kernel_lock.take(path)
    assert held is not None
    told: list[int] = []

    def waiting() -> None:
        told.append(1)
        held.release()

    kernel_lock.acquire(path, waiting=waiting).release()
    assert told == [1]


def test_one_who_waited_for_a_removed_lock_does_not_hold_a_lock_that_others_cannot_see(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.lock"
    held = kernel_lock.take(path)
    assert held is not None
    inside = 0
    seen: list[int] = []
    ready = threading.Barrier(9)

    def work() -> None:
        nonlocal inside
        ready.wait()
        for _ in range(25):
            mine = kernel_lock.acquire(path)
            inside += 1
            seen.append(inside)
            inside -= 1
            mine.remove()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    ready.wait()
    held.remove()
    for thread in threads:
        thread.join()
    assert len(seen) == 200
    assert set(seen) == {1}, "every one of them held the lock alone"
    assert not path.exists()


@pytest.mark.parametrize(
    ("kind", "network"),
    [("ext4", False), ("nfs4", True), ("fuse.sshfs", True), ("9p", True), ("tmpfs", False)],
)
def test_a_network_filesystem_is_known_by_its_type(
    kind: str, network: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = os.stat(tmp_path).st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 999:1 / / rw,relatime shared:1 - xfs /dev/vda rw\n"
        f"40 22 {os.major(device)}:{os.minor(device)} / {tmp_path} rw,relatime - {kind} nas:/models rw\n"
    )
    monkeypatch.setattr(kernel_lock, "MOUNTS", mounts)
    assert kernel_lock.network_filesystem(tmp_path) == (kind if network else None)


def test_without_the_kernels_list_the_nearest_mount_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    monkeypatch.setattr(kernel_lock, "MOUNTS", Path("/no/such/list"))
    parts = [
        SimpleNamespace(mountpoint="/", fstype="apfs"),
        SimpleNamespace(mountpoint="/mnt/nas", fstype="smbfs"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: parts)
    assert kernel_lock.network_filesystem(Path("/mnt/nas/store")) == "smbfs"
    assert kernel_lock.network_filesystem(Path("/home/me/store")) is None


def test_a_lock_takes_one_descriptor_and_gives_it_back(tmp_path: Path) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = opened()
    held = kernel_lock.take(tmp_path / "a.lock")
    assert held is not None
    assert opened() == before + 1
    assert kernel_lock.take(tmp_path / "a.lock", wait=False) is None
    assert kernel_lock.is_held(tmp_path / "a.lock")
    assert opened() == before + 1
    held.release()
    assert opened() == before
    assert not kernel_lock.is_held(tmp_path / "a.lock")
    assert opened() == before


@pytest.mark.parametrize("shared", [True, False])
def test_a_lock_that_one_may_not_open_is_tried_again_where_it_is_about_to_be_shared(
    shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*given: Any) -> int:
        raise PermissionError("not yours")

    slept: list[float] = []
    monkeypatch.setattr(kernel_lock, "is_shared", lambda folder: shared)
    monkeypatch.setattr(kernel_lock.os, "open", closed)
    monkeypatch.setattr(kernel_lock.time, "sleep", slept.append)
    with pytest.raises(PermissionError, match="not yours"):
        kernel_lock.take(tmp_path / "a.lock")
    assert slept == (list(kernel_lock.PATIENCE) if shared else [])
