"""A remote store: read through, written back, never believed unseen, and done without when it fails."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from building import FakeBuild
from stored import SUPPORT, keep, key, measure, opened
from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Outcome
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare
from tflbuild.engine.storage import link, remote
from tflbuild.engine.storage.link import Link, within
from tflbuild.engine.storage.remote import Remote
from tflbuild.engine.storage.store import Store


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Forget what this process learned of remotes."""
    link.open_link.cache_clear()
    yield
    link.open_link.cache_clear()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


@pytest.fixture
def url(there: Path) -> str:
    return f"file://{there}"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_one_machine_keeps_another_recalls(tmp_path: Path, there: Path, url: str) -> None:
    kept = keep(opened(tmp_path / "one", remote=url), 1)
    assert set(files(there)) == {f"actions/{kept.key}.json", f"blobs/{kept.blobs[0]}"}
    found = opened(tmp_path / "two", remote=url).recall(kept.key)
    assert found is not None
    assert (found.preimage, found.value, found.cost) == (kept.preimage, kept.value, kept.cost)
    assert found.artifact is not None
    assert found.artifact.path == tmp_path / "two" / "blobs" / kept.blobs[0]
    shutil.rmtree(there)
    alone = opened(tmp_path / "two")
    assert alone.recall(kept.key) == found
    assert [relative.preimage for relative in alone.relatives("fake")] == [kept.preimage]


def test_a_plan_is_told_of_a_remote_result_and_writes_nothing(tmp_path: Path, url: str) -> None:
    kept = keep(opened(tmp_path / "one", remote=url), 1)
    found = Store(tmp_path / "two", remote=url).recall(kept.key)
    assert found is not None
    assert found.remote == url
    assert found.artifact is not None
    assert found.artifact.fingerprint == kept.blobs[0]
    assert not (tmp_path / "two").exists()


def test_a_plan_is_not_told_of_a_result_whose_files_are_gone(tmp_path: Path, there: Path, url: str) -> None:
    kept = keep(opened(tmp_path / "one", remote=url), 1)
    (there / "blobs" / kept.blobs[0]).unlink()
    assert Store(tmp_path / "two", remote=url).recall(kept.key) is None


def test_what_is_here_is_not_asked_for(tmp_path: Path, url: str) -> None:
    keep(opened(tmp_path / "one"), 1)
    code = (
        "import sys; from pathlib import Path; from stored import key, opened\n"
        "store = opened(Path(sys.argv[1]), remote=sys.argv[2])\n"
        "assert store.recall(key(1)) is not None\n"
        "print([name for name in ('fsspec', 's3fs', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "one"), url],
        capture_output=True,
        text=True,
        check=True,
        cwd=SUPPORT,
    )
    assert done.stdout == "[]\n"


def cut_record(there: Path, record: str, blob: str) -> None:
    path = there / "actions" / f"{record}.json"
    path.write_bytes(path.read_bytes()[:-30])


def alter_record(there: Path, record: str, blob: str) -> None:
    path = there / "actions" / f"{record}.json"
    path.write_text(path.read_text().replace('"note": 1', '"note": 2'))


def swap_record(there: Path, record: str, blob: str) -> None:
    (there / "actions" / f"{record}.json").write_bytes((there / "actions" / f"{key(2)}.json").read_bytes())


def alter_blob(there: Path, record: str, blob: str) -> None:
    path = there / "blobs" / blob
    path.chmod(0o644)
    path.write_bytes(b"y" + path.read_bytes()[1:])


def cut_blob(there: Path, record: str, blob: str) -> None:
    path = there / "blobs" / blob
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:10])


def remove_blob(there: Path, record: str, blob: str) -> None:
    (there / "blobs" / blob).unlink()


DAMAGES = [
    (cut_record, "its record is not JSON"),
    (alter_record, "its record was changed or cut off"),
    (swap_record, "its record belongs to another key"),
    (alter_blob, "its file was changed or cut off"),
    (cut_blob, "its file was changed or cut off"),
    (remove_blob, "its file is gone"),
]


@pytest.mark.parametrize(("damage", "why"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_what_is_damaged_there_is_refused_built_again_and_put_right(
    tmp_path: Path, there: Path, url: str, damage: Callable[[Path, str, str], None], why: str
) -> None:
    first = opened(tmp_path / "one", remote=url)
    kept = keep(first, 1)
    keep(first, 2)
    good = files(there)
    damage(there, kept.key, kept.blobs[0])
    said: list[str] = []
    second = opened(tmp_path / "two", said.append, remote=url)
    assert second.recall(kept.key) is None
    assert second.recall(kept.key, locked=True) is None
    assert [text for text in said if "is not used: " in text and why in text] == said
    assert len(said) == 1
    assert list((tmp_path / "two" / "actions").iterdir()) == []
    assert list((tmp_path / "two" / "blobs").iterdir()) == []
    assert keep(second, 1).blobs == kept.blobs
    assert files(there) == good, "the next machine finds it whole"


def test_what_is_damaged_here_is_fetched_again(tmp_path: Path, url: str) -> None:
    store = opened(tmp_path / "one", remote=url)
    kept = keep(store, 1)
    path = store.blob(kept.blobs[0])
    path.chmod(0o644)
    path.write_bytes(b"damage")
    assert store.recall(kept.key) is None, "without the lock nothing is moved"
    assert store.recall(kept.key, locked=True) == kept
    assert (tmp_path / "one" / "quarantine" / kept.blobs[0]).read_bytes() == b"damage"


def test_what_is_there_is_not_written_again(tmp_path: Path, there: Path, url: str) -> None:
    keep(opened(tmp_path / "one", remote=url), 1)
    before = {path: path.stat().st_mtime_ns for path in there.rglob("*")}
    keep(opened(tmp_path / "two", remote=url), 1)
    assert {path: path.stat().st_mtime_ns for path in there.rglob("*")} == before


def test_a_file_that_was_cut_short_there_is_written_again(tmp_path: Path, there: Path, url: str) -> None:
    kept = keep(opened(tmp_path / "one", remote=url), 1)
    good = files(there)
    (path,) = there.rglob(kept.blobs[0])
    path.write_bytes(path.read_bytes()[:10])
    keep(opened(tmp_path / "two", remote=url), 1)
    assert files(there) == good


def test_a_record_is_written_after_its_files(
    tmp_path: Path, there: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    put = Link.put

    def watched(self: Link, path: str, content: Any) -> None:
        written.append(Path(path).parent.name)
        put(self, path, content)

    monkeypatch.setattr(Link, "put", watched)
    store = opened(tmp_path / "one", remote=url)
    model = keep(store, 1)
    measure(store, model.blobs[0], 0.5)
    assert written == ["blobs", "actions", "blobs", "actions"]


class Failing:
    """A filesystem that fails, or hangs, whatever it is asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.asked = 0
        self.seconds = seconds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any, **named: Any) -> Any:
            self.asked += 1
            time.sleep(self.seconds)
            raise ConnectionError("nobody is there")

        return ask


def test_a_remote_that_fails_costs_one_warning_and_is_not_asked_again(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing()
    made = Link(failing, "/there", True)
    monkeypatch.setattr(remote, "open_link", lambda url: made)
    said: list[str] = []
    for name in ("one", "two"):
        store = opened(tmp_path / name, said.append, remote=url)
        for number in range(3):
            assert store.recall(key(number)) is None
            assert keep(store, number) == store.recall(key(number))
    assert failing.asked == 1
    assert said == [
        f"store.remote: {url} cannot be used (ConnectionError: nobody is there); this run goes on with the local "
        "store."
    ]


def test_a_remote_that_hangs_is_left_behind(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Link(Failing(seconds=5.0), "/there", True)
    monkeypatch.setattr(remote, "open_link", lambda url: made)
    monkeypatch.setattr(link, "ANSWER_SECONDS", 0.05)
    said: list[str] = []
    store = opened(tmp_path / "one", said.append, remote=url)
    assert store.recall(key(1)) is None
    assert "TimeoutError: no answer within" in said[0]


def test_what_hangs_ends_with_a_timeout_and_what_raises_raises() -> None:
    with pytest.raises(TimeoutError):
        within(0.05, lambda: time.sleep(5))
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    assert within(5, lambda: 7) == 7


def test_a_remote_that_may_only_be_read_gives_hits(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(opened(tmp_path / "one", remote=url), 1)
    keep(opened(tmp_path / "one", remote=url), 2)

    def denied(*arguments: Any) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(Link, "_upload", denied)
    said: list[str] = []
    store = opened(tmp_path / "two", said.append, remote=url)
    assert store.recall(key(1)) is not None
    keep(store, 3)
    assert len(said) == 1
    assert "cannot be written (PermissionError: Access Denied)" in said[0]
    assert store.recall(key(2)) is not None, "it is still read"


WRONG = [
    ("bucket/prefix", RecipeError, "'bucket/prefix' is not a URL; expected s3://bucket/prefix"),
    ("s3://", RecipeError, "'s3://' is not a URL"),
    ("nosuch://bucket", RecipeError, "store.remote=nosuch://bucket: Protocol not known: nosuch"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG)
def test_a_wrong_url_is_said(tmp_path: Path, given: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Store(tmp_path, remote=given).recall(key(1))


@pytest.mark.parametrize(
    ("given", "missing", "line"),
    [
        ("file:///there", "fsspec", r"pip install \"tflbuild\[remote\]\""),
        ("s3://bucket/prefix", "s3fs", r"pip install \"tflbuild\[s3\]\""),
        ("s3://bucket/prefix", "s3fs fsspec", r"pip install \"tflbuild\[s3\]\""),
    ],
)
def test_a_missing_package_is_named_with_its_line(
    given: str, missing: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = toolchain.version
    monkeypatch.setattr(toolchain, "version", lambda tool: None if tool in missing.split() else version(tool))
    with pytest.raises(MissingTool, match=line):
        Remote(given, print)


def test_several_processes_fetch_a_result_once(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep(opened(tmp_path / "one", remote=url), 1)
    fetched: list[str] = []
    fetch = Remote.fetch

    def counted(self: Remote, key: str, sha256: str, target: Path) -> bool:
        fetched.append(sha256)
        time.sleep(0.05)
        return fetch(self, key, sha256, target)

    monkeypatch.setattr(Remote, "fetch", counted)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(opened(tmp_path / "two", remote=url).recall(kept.key)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.value for record in found] == [kept.value] * 4
    assert fetched == [kept.blobs[0]]


# builds


def ran(outcome: Outcome) -> list[str]:
    return [step["label"] for step in outcome.report["passes"] if not step["cached"]]


def two_machines(
    recipe: Recipe, build: FakeBuild, log: Path, url: str, tmp_path: Path
) -> tuple[Outcome, Outcome]:
    """Build on one machine and then on another, which must build nothing."""
    first = build(replace(recipe, remote=url))
    assert first.error is None
    done = log.read_text()
    other = replace(recipe, remote=url, store=tmp_path / "other", outputs=tmp_path / "other runs")
    second = build(other)
    assert second.error is None
    assert ran(second) == []
    assert log.read_text() == done, "not one measurement was made again"
    assert first.report["targets"][0]["sha256"] == second.report["targets"][0]["sha256"]
    assert (second.report.folder / "model.tflite").read_bytes() == (
        first.report.folder / "model.tflite"
    ).read_bytes()
    return first, second


def test_a_second_machine_builds_nothing(
    recipe: Recipe, build: FakeBuild, log: Path, url: str, tmp_path: Path
) -> None:
    _, second = two_machines(recipe, build, log, url, tmp_path)
    assert second.report["warnings"] == []


def test_a_plan_says_what_would_come_from_the_remote(
    recipe: Recipe, build: FakeBuild, url: str, tmp_path: Path
) -> None:
    import fakes

    build(replace(recipe, remote=url))
    other = replace(recipe, remote=url, store=tmp_path / "other")
    prepared = prepare(other, names=fakes.NAMES)
    made = plan(prepared.recipe, prepared.keys, prepared.store)
    assert [planned.status for planned in made.steps] == ["HIT"] * 4
    assert all(planned.reason.endswith(f"from {url}") for planned in made.steps)
    assert not (tmp_path / "other").exists()


# a real server


class Server:
    """moto's S3, in a process of its own."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        self.stop()
        raise TimeoutError("moto did not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    import fsspec

    made = Server()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    fsspec.filesystem("s3").mkdir("models")
    yield made
    made.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


S3 = "s3://models/tflbuild"


@pytest.mark.slow
def test_a_second_machine_builds_nothing_from_a_real_server(
    recipe: Recipe, build: FakeBuild, log: Path, tmp_path: Path, server: Server
) -> None:
    import fsspec

    first, second = two_machines(recipe, build, log, S3, tmp_path)
    assert second.report["warnings"] == []
    there = {Path(path).stem for path in fsspec.filesystem("s3").find("models/tflbuild/actions")}
    assert there == {path.stem for path in (recipe.store / "actions").iterdir()}
    assert {step["action"] for step in first.report["passes"]} <= there


@pytest.mark.slow
def test_a_blob_that_was_altered_in_the_bucket_is_refused_and_built_again(
    recipe: Recipe, build: FakeBuild, tmp_path: Path, server: Server
) -> None:
    import fsspec

    first = build(replace(recipe, remote=S3))
    sha256 = first.report["passes"][1]["output"]
    s3 = fsspec.filesystem("s3")
    good = s3.cat_file(f"models/tflbuild/blobs/{sha256}")
    s3.pipe_file(f"models/tflbuild/blobs/{sha256}", good.replace(b"x", b"y"))
    other = replace(recipe, remote=S3, store=tmp_path / "other", outputs=tmp_path / "other runs")
    second = build(other)
    assert second.error is None
    assert ran(second) == ["prune"]
    assert second.report["passes"][1]["output"] == sha256
    said = [text for text in second.report["warnings"] if "is not used" in text]
    assert len(said) == 1
    assert f"{S3}/blobs/{sha256} is not used: its file was changed or cut off" in said[0]
    assert s3.cat_file(f"models/tflbuild/blobs/{sha256}") == good, "the next machine finds it whole"
    third = build(replace(other, store=tmp_path / "third"))
    assert ran(third) == []


@pytest.mark.slow
def test_a_server_that_dies_midway_costs_one_warning(
    recipe: Recipe, build: FakeBuild, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(replace(recipe, remote=S3))
    fetch, fetched = Remote.fetch, 0

    def dying(self: Remote, key: str, sha256: str, target: Path) -> bool:
        nonlocal fetched
        fetched += 1
        if fetched == 3:
            server.stop()
        return fetch(self, key, sha256, target)

    monkeypatch.setattr(Remote, "fetch", dying)
    other = replace(recipe, remote=S3, store=tmp_path / "other", outputs=tmp_path / "other runs")
    second = build(other)
    assert second.error is None
    assert fetched == 3, "it is not asked again"
    assert 0 < len(ran(second)) < 4
    said = [text for text in second.report["warnings"] if "store.remote" in text]
    assert len(said) == 1
    assert f"{S3} cannot be used" in said[0]
    assert ran(build(replace(other, remote=None))) == []


@pytest.mark.slow
@pytest.mark.parametrize("listens", [False, True], ids=["refused", "silent"])
def test_an_unreachable_server_is_a_warning_and_a_local_build(
    recipe: Recipe, build: FakeBuild, server: Server, listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        outcome = build(replace(recipe, remote=S3))
        assert outcome.error is None
        assert len(ran(outcome)) == 4
        said = [text for text in outcome.report["warnings"] if "store.remote" in text]
        assert len(said) == 1


@pytest.mark.slow
def test_a_bucket_that_does_not_exist_is_a_warning_and_a_local_build(
    recipe: Recipe, build: FakeBuild, server: Server
) -> None:
    outcome = build(replace(recipe, remote="s3://no-such-bucket/prefix"))
    assert outcome.error is None
    said = [text for text in outcome.report["warnings"] if "store.remote" in text]
    assert len(said) == 1
    assert "s3://no-such-bucket/prefix cannot be written" in said[0]
    assert json.loads((outcome.report.folder / "report.json").read_text())["status"] == "built"
