"""The store: results by what made them, blobs by what they are.

`blobs/<sha256>` and `actions/<key>.json`. Files are staged on the same filesystem, flushed to the disk and
renamed; an action's record comes last, so that a record without its blob cannot be the work of a crash. A hit is
believed only if the blob's bytes have the digest that the record says; what is not believed is moved to
`quarantine/`.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from tflbuild.core import digest
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.errors import RecipeError, StoreError

KEY_SCHEMA = 1
"""Version of what an action key covers; a store holds keys of one schema."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A stored result.

    Attributes:
        key: SHA-256 of `preimage`.
        preimage: everything that decided the result.
        artifact: the model, None for a measurement.
        value: JSON-able result of a measurement or of a target; what a pass noted, for a pass.
        cost: `seconds`, `cpu_seconds`, `peak_rss_mib` when it was computed.
    """

    key: str
    preimage: Mapping[str, Any]
    artifact: Artifact | None
    value: Mapping[str, Any]
    cost: Mapping[str, float]


class Relative(NamedTuple):
    """An earlier action of the same pass: what decided it, and the seconds it took."""

    preimage: Mapping[str, Any]
    seconds: float


class Store:
    """A folder of results, shared by every run.

    Args:
        root: the folder; made when something is first written.
        warn: is told when something had to be quarantined.

    Raises:
        RecipeError: the folder belongs to another key schema.
    """

    def __init__(self, root: Path, warn: Callable[[str], None] = lambda text: None) -> None:
        self.root = root
        self._warn = warn
        self._verified: set[str] = set()
        schema = root / "schema"
        if schema.is_file():
            found = schema.read_text(encoding="utf-8").strip()
            if found != str(KEY_SCHEMA):
                raise RecipeError(
                    f"store.path: {root} holds keys of schema {found}, this tflbuild uses schema {KEY_SCHEMA}; "
                    f"set store.path to another folder (nothing in {root} was changed)."
                )

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            StoreError: the folder cannot be written.
        """
        with writing(self.root):
            for name in ("blobs", "actions", "locks", "tmp", "recent", "checkpoints", "memo"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            if not (self.root / "schema").is_file():
                self._write(self.root / "schema", f"{KEY_SCHEMA}\n".encode())

    def blob(self, sha256: str) -> Path:
        """Give the path of a blob, there or not."""
        return self.root / "blobs" / sha256

    def recall(self, key: str, *, read_only: bool = False) -> Record | None:
        """Find a stored result, believed only if its blob is whole.

        Args:
            key: the action key.
            read_only: leave what is broken where it is.
        """
        path = self.root / "actions" / f"{key}.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            record = self._record(content)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            self._refuse(path, None, f"its record cannot be read ({error})", read_only)
            return None
        if record.key != key or digest.of_json(record.preimage) != key:
            self._refuse(path, None, "its record belongs to another key", read_only)
            return None
        for sha256 in content["blobs"]:
            problem = self._problem(sha256)
            if problem:
                self._refuse(path, self.blob(sha256), problem, read_only)
                return None
        return record

    def commit(
        self,
        preimage: Mapping[str, Any],
        *,
        artifact: Artifact | None = None,
        files: Mapping[str, Path] | None = None,
        value: Mapping[str, Any] | None = None,
        cost: Mapping[str, float] | None = None,
        name: str = "",
    ) -> Record:
        """Keep a result: blobs first, the record last.

        Args:
            preimage: everything that decided the result.
            artifact: the model, its file lying in `staging`.
            files: further staged files by the name that `value` gets for their digest.
            value: JSON-able result.
            cost: what computing it cost.
            name: what kind of action it is, so that a later one finds its nearest relative.
        """
        key = digest.of_json(preimage)
        blobs = {field: self._keep(path) for field, path in (files or {}).items()}
        content: dict[str, Any] = {
            "key": key,
            "preimage": preimage,
            "artifact": None,
            "value": {**(value or {}), **blobs},
            "cost": dict(cost or {}),
            "blobs": list(blobs.values()),
        }
        if artifact is not None:
            sha256 = self._keep(artifact.path)
            content["blobs"].append(sha256)
            content["artifact"] = {
                "kind": artifact.kind,
                "digest": sha256,
                "fingerprint": artifact.fingerprint or sha256,
                "meta": dict(artifact.meta),
            }
        with writing(self.root):
            self._write(self.root / "actions" / f"{key}.json", json.dumps(content, indent=1).encode())
            if name:
                self._remember(name, key)
        return self._record(content)

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the one lock of an action; a kernel lock, gone with its process.

        Args:
            key: the action key.
            waiting: is called once if another process holds it.
        """
        with writing(self.root):
            held = FileLock(self.root / "locks" / f"{key}.lock")
            try:
                held.acquire(blocking=False)
            except Timeout:
                waiting()
                held.acquire()
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder on the store's filesystem, removed afterwards."""
        with writing(self.root):
            folder = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def relatives(self, name: str) -> list[Relative]:
        """Give the latest actions of a name, newest first; an unreadable one is passed over."""
        try:
            keys = json.loads((self.root / "recent" / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []
        found = []
        for key in reversed(keys):
            try:
                content = json.loads((self.root / "actions" / f"{key}.json").read_text(encoding="utf-8"))
                found.append(Relative(content["preimage"], content["cost"].get("seconds", 0.0)))
            except (FileNotFoundError, ValueError, KeyError):
                continue
        return found

    def _remember(self, name: str, key: str, limit: int = 16) -> None:
        path = self.root / "recent" / f"{name}.json"
        try:
            keys = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            keys = []
        self._write(path, json.dumps([*(k for k in keys if k != key), key][-limit:]).encode())

    def _record(self, content: Mapping[str, Any]) -> Record:
        made = content["artifact"]
        artifact = None
        if made is not None:
            artifact = KINDS[made["kind"]](
                path=self.blob(made["digest"]),
                digest=made["digest"],
                fingerprint=made["fingerprint"],
                meta=made["meta"],
            )
        return Record(
            key=content["key"],
            preimage=content["preimage"],
            artifact=artifact,
            value=content["value"],
            cost=content["cost"],
        )

    def _problem(self, sha256: str) -> str:
        if sha256 in self._verified:
            return ""
        path = self.blob(sha256)
        if not path.is_file():
            return "its file is gone"
        if digest.of_file(path) != sha256:
            return "its file was altered or cut short"
        self._verified.add(sha256)
        return ""

    def _refuse(self, record: Path, blob: Path | None, why: str, read_only: bool) -> None:
        self._warn(f"stored result {record.stem[:12]} is not used: {why}; it is built again.")
        if read_only:
            return
        with writing(self.root):
            quarantine = self.root / "quarantine"
            quarantine.mkdir(exist_ok=True)
            for path in (record, blob):
                if path is not None and path.exists():
                    os.replace(path, quarantine / path.name)

    def _keep(self, staged: Path) -> str:
        sha256 = digest.of_file(staged)
        path = self.blob(sha256)
        with writing(self.root):
            if not path.exists() or self._problem(sha256):
                staged.chmod(0o444)
                _flush(staged)
                os.replace(staged, path)
                _flush(path.parent)
        self._verified.add(sha256)
        return sha256

    def _write(self, path: Path, content: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into one clear sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror or error}; nothing built was lost."
        ) from error
