"""The store by itself: what it believes, what it keeps, what a crash or a full disk leaves."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stored import SUPPORT, elsewhere, end, keep, key, measure, opened, preimage
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import StoreError
from tflbuild.engine.storage import disk, kernel_lock, record, workspace
from tflbuild.engine.storage.record import Damaged
from tflbuild.engine.storage.store import Store


def record_of(root: Path, number: int = 1) -> Path:
    return root / "actions" / f"{key(number)}.json"


def blob_of(root: Path, number: int = 1) -> Path:
    content = json.loads(record_of(root, number).read_text())
    return root / "blobs" / content["blobs"][0]


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_what_was_kept_is_recalled(tmp_path: Path) -> None:
    kept = keep(opened(tmp_path), 1)
    found = opened(tmp_path).recall(key(1))
    assert found == kept
    assert found is not None
    assert isinstance(found.artifact, TFLiteModel)
    assert found.artifact.path.read_bytes() == b"1".rjust(1000)
    assert (found.value, found.cost) == ({"note": 1}, {"seconds": 2.5})


def test_a_store_that_was_not_prepared_is_only_read(tmp_path: Path) -> None:
    root = tmp_path / "store"
    assert Store(root).recall(key(1)) is None
    assert not root.exists()
    keep(opened(root), 1)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    os.utime(record_of(root), (1, 1))
    assert Store(root).recall(key(1)) is not None
    after = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert after == before | {record_of(root): 1_000_000_000}


def test_a_hit_of_a_build_is_dated_and_its_record_is_not_written_again(tmp_path: Path) -> None:
    keep(opened(tmp_path), 1)
    content = record_of(tmp_path).read_bytes()
    os.utime(record_of(tmp_path), (1, 1))
    node = record_of(tmp_path).stat().st_ino
    opened(tmp_path).recall(key(1))
    assert record_of(tmp_path).stat().st_mtime > 1
    assert (record_of(tmp_path).stat().st_ino, record_of(tmp_path).read_bytes()) == (node, content)


FIELDS = [
    ("value", {"note": 2}),
    ("cost", {"seconds": 0.0}),
    ("blobs", []),
    ("preimage", preimage(2)),
    ("key", key(2)),
    ("artifact", None),
]


@pytest.mark.parametrize(("field", "value"), FIELDS)
def test_an_altered_field_of_a_record_is_noticed(tmp_path: Path, field: str, value: Any) -> None:
    keep(opened(tmp_path), 1)
    content = json.loads(record_of(tmp_path).read_text())
    record_of(tmp_path).write_text(json.dumps({**content, field: value}))
    said: list[str] = []
    assert opened(tmp_path, said.append).recall(key(1)) is None
    assert "its record was changed or cut off" in said[0]


def test_an_altered_fact_of_an_artifact_is_noticed(tmp_path: Path) -> None:
    keep(opened(tmp_path), 1)
    text = record_of(tmp_path).read_text()
    assert '"number": 1' in text
    record_of(tmp_path).write_text(text.replace('"number": 1', '"number": 3'))
    assert opened(tmp_path).recall(key(1)) is None


def test_every_byte_of_a_record_counts(tmp_path: Path) -> None:
    store = opened(tmp_path)
    kept = keep(store, 1)
    good = record_of(tmp_path).read_bytes()
    for position in range(len(good)):
        with pytest.raises(Damaged):
            record.read(good[:position], key(1), store.blob)
        for flip in (1, 0x80):
            altered = good[:position] + bytes([good[position] ^ flip]) + good[position + 1 :]
            with suppress(Damaged):
                assert record.read(altered, key(1), store.blob) == kept, (
                    "white space may differ, nothing else"
                )


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"digest": "", "key": 1}', b"[" * 100_000],
    ids=["empty", "no fields", "list", "null", "text", "no text", "fields", "deep"],
)
def test_garbage_is_no_record(tmp_path: Path, content: bytes) -> None:
    keep(opened(tmp_path), 1)
    record_of(tmp_path).write_bytes(content)
    assert Store(tmp_path).recall(key(1)) is None


def test_a_record_without_a_digest_is_a_miss(tmp_path: Path) -> None:
    keep(opened(tmp_path), 1)
    content = json.loads(record_of(tmp_path).read_text())
    del content["digest"]
    record_of(tmp_path).write_text(json.dumps(content))
    assert opened(tmp_path).recall(key(1)) is None


def test_what_is_damaged_is_set_aside_with_a_note_and_nothing_is_lost(tmp_path: Path) -> None:
    said: list[str] = []
    store = opened(tmp_path, said.append)
    for number in (1, 2):
        keep(store, 1)
        overwrite(blob_of(tmp_path), b"damage %d" % number)
        name = blob_of(tmp_path).name
        assert store.recall(key(1)) is None
        assert record_of(tmp_path).exists(), "who holds no lock moves nothing"
        assert store.recall(key(1), locked=True) is None
        assert not record_of(tmp_path).exists()
    aside = tmp_path / "quarantine"
    assert (aside / name).read_bytes() == b"damage 1"
    assert (aside / f"{name}.2").read_bytes() == b"damage 2"
    assert (aside / f"{key(1)}.json").exists()
    assert "its file was changed or cut off" in (aside / f"{name}.why.txt").read_text()
    assert said == [
        f"stored result {key(1)[:12]} is not used: its file was changed or cut off; it is built again."
    ]


def test_a_blob_that_two_results_share_is_missed_by_both(tmp_path: Path) -> None:
    first = opened(tmp_path)
    keep(first, 1, b"same")
    keep(first, 2, b"same")
    overwrite(blob_of(tmp_path), b"sane")
    second = opened(tmp_path)
    assert second.recall(key(1), locked=True) is None
    assert second.recall(key(2), locked=True) is None
    keep(second, 1, b"same")
    assert second.recall(key(1)) is not None
    assert opened(tmp_path).recall(key(2)) is None


def test_a_blob_that_changes_while_a_process_lives_is_read_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    keep(store, 1)
    assert store.recall(key(1)) is not None
    good = blob_of(tmp_path).read_bytes()
    overwrite(blob_of(tmp_path), good[:-1] + b"!")
    assert store.recall(key(1)) is None
    overwrite(blob_of(tmp_path), good)
    assert store.recall(key(1)) is not None
    blob_of(tmp_path).unlink()
    assert store.recall(key(1)) is None


def test_a_blob_that_another_process_has_put_right_is_not_set_aside(tmp_path: Path) -> None:
    store = opened(tmp_path)
    keep(store, 1)
    good = blob_of(tmp_path)
    store.shelf.quarantine_blob(good.name, "it was damaged when somebody looked")
    assert good.exists()


def test_a_commit_puts_a_damaged_blob_right(tmp_path: Path) -> None:
    store = opened(tmp_path)
    keep(store, 1, b"same")
    overwrite(blob_of(tmp_path), b"sane")
    keep(store, 2, b"same")
    assert blob_of(tmp_path).read_bytes() == b"same"


def test_a_commit_removes_the_checkpoints_of_its_action(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in (1, 2):
        store.shelf.checkpoints(key(number)).mkdir()
        (store.shelf.checkpoints(key(number)) / "step-10").write_text("weights")
    keep(store, 1)
    assert not store.shelf.checkpoints(key(1)).exists()
    assert (store.shelf.checkpoints(key(2)) / "step-10").exists()


def test_relatives_are_those_that_are_whole_newest_first(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number in range(4):
        keep(store, number)
    record_of(tmp_path, 2).write_text("{}")
    record_of(tmp_path, 1).unlink()
    assert [relative.preimage["options"]["number"] for relative in store.relatives("fake")] == [3, 0]
    assert store.relatives("fake")[0].seconds == 2.5
    (tmp_path / "recent" / "fake.json").write_text('{"not": "a list"}')
    assert store.relatives("fake") == []


# what killed processes leave

STAGE = """
import sys
from pathlib import Path
from stored import opened
store = opened(Path(sys.argv[1]))
with store.staging() as folder:
    (folder / "half").write_bytes(b"x" * 100)
    print("staged", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_staged_is_removed_by_the_next_and_not_before(tmp_path: Path) -> None:
    process = elsewhere(STAGE, tmp_path)
    staged = list((tmp_path / "tmp").rglob("half"))
    assert len(staged) == 1
    opened(tmp_path)
    assert staged[0].exists(), "its owner lives"
    end(process)
    later = opened(tmp_path)
    assert not staged[0].exists()
    assert len(workspace.alive(tmp_path / "tmp")) == 1
    del later
    assert list((tmp_path / "tmp").iterdir()) == [], "one that ends by itself leaves nothing"


def test_a_folder_without_an_owner_is_removed(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "tmp" / "old").mkdir()
    (tmp_path / "tmp" / "old" / "model.h5").touch()
    (tmp_path / "tmp" / "file").touch()
    opened(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_workspace_of_another_machine_is_left_alone_on_a_network_filesystem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp = tmp_path / "tmp"
    opened(tmp_path)
    (tmp / "other.host-1").mkdir()
    (tmp / "other.host-1" / "uses").write_text(f"\n{key(1)}\n")
    monkeypatch.setattr(kernel_lock, "network_filesystem", lambda path: "nfs4")
    assert workspace.reap(tmp) == 0
    assert workspace.used(tmp) == {key(1)}
    os.utime(tmp / "other.host-1" / "uses", (1, 1))
    assert workspace.used(tmp) == set()
    assert workspace.reap(tmp) == 1


def test_a_forked_child_does_not_remove_the_workspace_of_its_parent(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from stored import opened
store = opened(Path(sys.argv[1]))
if os.fork() == 0:
    sys.exit(0)
os.wait()
with store.staging() as folder:
    print(folder.exists(), flush=True)
"""
    process = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=SUPPORT,
    )
    assert process.stdout == "True\n"


# a full disk


class Fault:
    """Let the n-th of the calls that write fail as on a full disk, and count them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.calls = 0

    def __call__(self, function: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments, **named)

        return call


WRITES = ("write", "fsync", "replace", "rename", "open", "mkdir", "fchmod", "utime")


def test_a_disk_that_is_full_at_any_one_write_leaves_a_valid_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    failed = at = 0
    said: set[str] = set()
    while True:
        at += 1
        root = tmp_path / str(at)
        first = opened(root)
        old = keep(first, 1)
        overwrite(blob_of(root), b"damage")
        with monkeypatch.context() as patch:
            fault = Fault(at)
            for name in WRITES:
                patch.setattr(os, name, fault(getattr(os, name)))
            try:
                second = opened(root)
                with second.lock(key(1), lambda: None):
                    if second.recall(key(1), locked=True) is None:
                        keep(second, 1)
                new = keep(second, 2)
                measure(second, new.blobs[0], 0.5)
            except StoreError as error:
                said.add(str(error).replace(str(root), "ROOT"))
                failed += 1
        third = opened(root)
        assert third.recall(key(1)) in (None, old)
        found = third.recall(key(2))
        assert found is None or found.artifact.path.read_bytes() == b"2".rjust(1000)  # type: ignore[union-attr]
        assert keep(third, 1) == old
        assert keep(third, 2) == third.recall(key(2))
        if fault.calls < at:
            break
    assert failed > 40, "every write was made to fail once"
    assert said == {"cannot write to ROOT: No space left on device; nothing built was lost."}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 5 MB; only root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small filesystem")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no small filesystem can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_runs_full_keeps_what_was_built(small_disk: Path, tmp_path: Path) -> None:
    root = small_disk / "store"
    store = opened(root)
    kept = 0

    def megabyte(number: int) -> bytes:
        return f"{number}".encode().rjust(1_000_000)

    def commit(number: int) -> None:
        model = tmp_path / "model.tflite"
        with store.staging() as folder:
            model = folder / "model.tflite"
            with disk.writing(folder):
                model.write_bytes(megabyte(number))
            store.commit(preimage(number), artifact=TFLiteModel(path=model, digest="", fingerprint=""))

    with suppress(StoreError):
        for kept in range(10):
            commit(kept)
    assert 3 <= kept < 9
    with pytest.raises(StoreError, match="No space left on device; nothing built was lost"):
        commit(kept)
    again = opened(root)
    for number in range(kept):
        found = again.recall(key(number))
        assert found is not None
        assert found.artifact is not None
        assert found.artifact.path.read_bytes() == megabyte(number)
    assert again.recall(key(kept)) is None
    blob_of(root, 0).unlink()
    assert again.recall(key(0), locked=True) is None
    store = again
    commit(kept)
    assert store.recall(key(kept)) is not None


def test_a_disk_so_full_that_not_a_byte_fits_is_said(small_disk: Path) -> None:
    keep(opened(small_disk / "store"), 1)
    filler = small_disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(StoreError, match="No space left on device"):
        keep(opened(small_disk / "store"), 2)
    filler.unlink()
    assert opened(small_disk / "store").recall(key(1)) is not None


@pytest.fixture
def read_only(small_disk: Path) -> Path:
    """A store with one result, on a filesystem that may only be read."""
    keep(opened(small_disk / "store"), 1)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    return small_disk / "store"


def test_a_store_that_may_only_be_read_still_gives_hits(read_only: Path) -> None:
    store = opened(read_only)
    assert store.recall(key(1)) is not None
    with pytest.raises(StoreError, match="cannot write to"):
        keep(store, 2)


def test_folders_that_may_only_be_read_and_never_became_a_store_are_refused(small_disk: Path) -> None:
    opened(small_disk / "store")
    (small_disk / "store" / "schema").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="Read-only file system"):
        opened(small_disk / "store")
