"""The way to a remote store by hand: what is asked, how long it may take, and what is remembered of it."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.engine.storage import link as module
from tflbuild.engine.storage.link import Link, Unusable, check, open_link, within


class Filesystem:
    """Stands for fsspec's: holds files, and keeps what it was asked."""

    def __init__(self, **files: bytes) -> None:
        self.files = dict(files)
        self.asked: list[tuple[Any, ...]] = []
        self.error: Exception | None = None

    def _note(self, *said: Any) -> None:
        self.asked.append(said)
        if self.error is not None:
            raise self.error

    def info(self, path: str) -> dict[str, Any]:
        self._note("info", path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return {"size": len(self.files[path])}

    def cat_file(self, path: str, end: int) -> bytes:
        self._note("cat", path, end)
        return self.files[path]

    def get_file(self, path: str, target: str, callback: Any) -> None:
        self._note("get", path, target)
        Path(target).write_bytes(self.files[path])
        callback.relative_update(len(self.files[path]))

    def makedirs(self, path: str, exist_ok: bool) -> None:
        self._note("makedirs", path, exist_ok)

    def pipe_file(self, path: str, content: bytes) -> None:
        self._note("pipe", path)
        self.files[path] = content

    def put_file(self, source: str, path: str) -> None:
        self._note("put", path)
        self.files[path] = Path(source).read_bytes()

    def mv(self, source: str, target: str) -> None:
        self._note("mv", source, target)
        self.files[target] = self.files.pop(source)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Do everything at once; gives how long it might have taken."""
    given: list[float] = []

    def at_once(seconds: float, action: Any) -> Any:
        given.append(seconds)
        return action()

    monkeypatch.setattr(module, "within", at_once)
    return given


def linked(whole: bool = True, **files: bytes) -> tuple[Link, Filesystem]:
    filesystem = Filesystem(**{f"root/{name}": content for name, content in files.items()})
    return Link(filesystem, "root", whole), filesystem


def test_a_small_file_is_read_and_no_more_than_a_byte_too_much(limits: list[float]) -> None:
    link, filesystem = linked(a=b"12345", empty=b"")
    assert [link.read("a", most) for most in (9, 5, 4, 2)] == [b"12345", b"12345", b"12345", b"123"]
    assert [end for what, *_, end in filesystem.asked if what == "cat"] == [5, 5, 5, 3]
    assert link.read("empty", 5) == b""
    assert link.read("nothing", 5) is None
    assert (link.size("a"), link.size("empty")) == (5, 0)
    assert set(limits) == {10.0}


def test_what_is_absent_is_not_asked_for_again_within_ten_seconds(
    limits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    link, filesystem = linked()
    assert link.size("a") is None
    filesystem.files["root/a"] = b"there by now"
    for later, size in ((9.0, None), (0.75, None), (0.25, 12)):
        now[0] += later
        assert link.size("a") == size
    assert len(filesystem.asked) == 2


def test_what_is_not_trusted_is_absent_until_it_is_written(limits: list[float]) -> None:
    link, filesystem = linked(a=b"bad", b=b"fine")
    link.distrust("a")
    assert (link.size("a"), link.size("b")) == (None, 4)
    link.put("a", b"right")
    assert link.size("a") == 5
    assert [what for what, *_ in filesystem.asked] == ["info", "pipe", "info"]


def test_a_transfer_may_take_five_seconds_a_megabyte_longer(limits: list[float], tmp_path: Path) -> None:
    link, _ = linked(a=b"x" * 400_000)
    (tmp_path / "source").write_bytes(b"y" * 600_000)
    assert link.fetch("a", 400_000, tmp_path / "target")
    link.put("b", tmp_path / "source")
    link.put("c", b"z" * 200_000)
    assert limits == [12.0, 13.0, 11.0]
    assert (tmp_path / "target").read_bytes() == b"x" * 400_000


def test_a_file_that_is_larger_than_was_said_is_not_taken(limits: list[float], tmp_path: Path) -> None:
    link, _ = linked(a=b"12345")
    assert link.fetch("a", 5, tmp_path / "a")
    assert not link.fetch("a", 4, tmp_path / "b")
    assert link.size("a") == 5, "which is no reason to do without the remote"
    filesystem = Filesystem()
    filesystem.error = FileNotFoundError()
    assert not Link(filesystem, "root", True).fetch("a", 5, tmp_path / "c")


def test_a_file_appears_whole(limits: list[float], tmp_path: Path) -> None:
    link, filesystem = linked(whole=False)
    link.put("blobs/a", b"1")
    (made, pipe, moved) = filesystem.asked
    assert made == ("makedirs", "root/blobs", True)
    assert re.fullmatch(r"root/blobs/a\.[0-9a-f]{32}\.part", pipe[1])
    assert moved == ("mv", pipe[1], "root/blobs/a")
    link, filesystem = linked(whole=True)
    link.put("blobs/a", b"1")
    assert filesystem.asked == [("pipe", "root/blobs/a")]


@pytest.mark.parametrize(
    "error", [ValueError("bad\n news"), TimeoutError("no answer"), PermissionError("closed")]
)
def test_a_remote_that_fails_says_so_once_and_is_asked_no_more(limits: list[float], error: Exception) -> None:
    link, filesystem = linked(a=b"1")
    filesystem.error = error
    with pytest.raises(Unusable) as caught:
        link.size("a")
    text = " ".join(str(error).split())
    assert str(caught.value) == (
        f"cannot be used ({type(error).__name__}: {text}); this run goes on with the local store"
    )
    filesystem.error = None
    for ask in (lambda: link.size("a"), lambda: link.put("b", b"")):
        with pytest.raises(Unusable) as again:
            ask()
        assert str(again.value) == ""
    assert len(filesystem.asked) == 1


@pytest.mark.parametrize("error", [PermissionError("closed"), FileNotFoundError("no bucket")])
def test_a_remote_that_may_only_be_read_is_read_all_the_same(limits: list[float], error: Exception) -> None:
    link, filesystem = linked(a=b"1")
    filesystem.error = error
    with pytest.raises(Unusable) as caught:
        link.put("b", b"")
    assert (
        str(caught.value)
        == f"cannot be written ({type(error).__name__}: {error}); new results stay in the local store"
    )
    filesystem.error = None
    with pytest.raises(Unusable) as again:
        link.put("b", b"")
    assert str(again.value) == ""
    assert link.size("a") == 1
    assert [what for what, *_ in filesystem.asked] == ["pipe", "info"]


def test_what_hangs_is_left_behind_with_its_limit() -> None:
    never = threading.Event()
    try:
        with pytest.raises(TimeoutError, match="no answer within 0 s"):
            within(0.01, never.wait)
    finally:
        never.set()
    assert within(60, lambda: "given") == "given"
    with pytest.raises(KeyError):
        within(60, lambda: {}["a"])


@pytest.mark.parametrize("url", ["bucket", "s3://", "://bucket", "s3:/bucket", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check(url)
    assert str(caught.value) == (
        f"store.remote: '{url}' is not a URL; expected s3://bucket/prefix or file:///mnt/store."
    )


def test_what_a_protocol_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    needed: list[Any] = []
    monkeypatch.setattr(module.toolchain, "require", lambda tools, who: needed.append((tuple(tools), who)))
    for url in ("s3://a/b", "s3a://a", "file:///a", "gs://a"):
        check(url)
    assert [tools for tools, _ in needed] == [
        ("s3fs", "fsspec"),
        ("s3fs", "fsspec"),
        ("fsspec",),
        ("fsspec",),
    ]
    assert needed[0][1] == "store.remote=s3://a/b"


def test_a_filesystem_is_opened_with_what_keeps_it_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    core = pytest.importorskip("fsspec").core
    opened: list[Any] = []

    def url_to_fs(url: str, **options: Any) -> tuple[Any, str]:
        opened.append((url, options))
        if url == "gs://missing":
            raise ImportError("gcsfs")
        if url == "odd://x":
            raise ValueError("Protocol not known: odd")
        return Filesystem(), url.partition("://")[2] + "/"

    monkeypatch.setattr(core, "url_to_fs", url_to_fs)
    open_link.cache_clear()
    open_link("s3://another")
    opened.pop()[1]["config_kwargs"]["retries"].update(mode="legacy")  # as botocore does
    s3: Any = open_link("s3://bucket/prefix")
    assert (s3._root, s3._whole, s3._filesystem.retries) == ("bucket/prefix", True, 2)
    assert opened[0][1] == {
        "use_listings_cache": False,
        "config_kwargs": {"connect_timeout": 3, "read_timeout": 10, "retries": {"max_attempts": 1}},
    }
    assert open_link("s3://bucket/prefix") is s3
    file: Any = open_link("file:///mnt/store")
    assert (file._root, file._whole, opened[1][1]) == ("/mnt/store", False, {})
    memory: Any = open_link("memory://x")
    assert memory._whole
    with pytest.raises(MissingTool, match=r"store\.remote=gs://missing: gcsfs"):
        open_link("gs://missing")
    with pytest.raises(RecipeError, match=r"store\.remote=odd://x: Protocol not known: odd"):
        open_link("odd://x")
    open_link.cache_clear()
