"""The user's cache folder: entries that are whole, or not there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tflbuild.core import cache
from tflbuild.core.cache import Cache, cache_folder

NOW = 1_700_000_000.0
DAY = 24 * 60 * 60


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty cache folder, at a time that stands still."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(cache.time, "time", lambda: NOW)
    return tmp_path / "caches" / "tflbuild" / "files"


def entry(home: Path) -> Path:
    [path] = home.iterdir()
    return path


def test_the_folder_is_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder("x") == tmp_path / "caches" / "tflbuild" / "x"
    monkeypatch.setenv("HOME", "/home/someone")
    for unset in ("", None):
        monkeypatch.setenv("XDG_CACHE_HOME", unset) if unset is not None else monkeypatch.delenv(
            "XDG_CACHE_HOME"
        )
        assert cache_folder("x") == Path("/home/someone/.cache/tflbuild/x")


def test_an_entry_is_read_as_it_was_written() -> None:
    kept = Cache("files")
    assert kept.read("a") is None
    for content in (b"first", b"", b"with\nlines\n"):
        kept.write("a", content)
        assert kept.read("a") == content
        assert Cache("files").read("a") == content
    kept.write("\udcff", b"odd")
    assert kept.read("\udcff") == b"odd"
    assert kept.read("a") == b"with\nlines\n"
    assert Cache("others").read("a") is None


def test_an_entry_lies_under_the_digest_of_its_name_behind_its_checksum(home: Path) -> None:
    """As earlier versions left them, so that what they learned is not lost."""
    Cache("files").write("a", b"content")
    assert entry(home).name == hashlib.sha256(b"a").hexdigest()[:32]
    assert entry(home).read_bytes() == hashlib.sha256(b"content").hexdigest().encode() + b"\ncontent"
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damaged", [b"", b"x", b"\n", b"0" * 64 + b"\ncontent"])
def test_a_damaged_entry_is_not_there(damaged: bytes, home: Path) -> None:
    kept = Cache("files")
    kept.write("a", b"content")
    entry(home).write_bytes(damaged)
    assert kept.read("a") is None


def test_an_entry_is_written_beside_and_renamed_into_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[tuple[str, str, bytes]] = []
    replace = os.replace

    def noted(source: Path, target: Path) -> None:
        moves.append((Path(source).name, Path(target).name, Path(source).read_bytes()))
        replace(source, target)

    monkeypatch.setattr(cache.os, "replace", noted)
    Cache("files").write("a", b"content")
    [(source, target, staged)] = moves
    assert target == entry(home).name
    assert source.startswith(f".{target}.{os.getpid()}.")
    assert staged.endswith(b"\ncontent")


def test_what_nobody_read_for_90_days_goes_when_something_is_written(home: Path) -> None:
    kept = Cache("files")
    ages = {"old": 90 * DAY + 1, "edge": 90 * DAY, "fresh": 90 * DAY - 1}
    for name in ages:
        kept.write(name, b"x")
    for name, age in ages.items():
        path = home / hashlib.sha256(name.encode()).hexdigest()[:32]
        os.utime(path, (NOW - age, NOW - age))
    kept.write("new", b"x")
    assert kept.read("edge") == b"x"
    assert (kept.read("old"), kept.read("fresh"), kept.read("new")) == (None, b"x", b"x")


@pytest.mark.parametrize(("age", "marked"), [(DAY + 60, True), (DAY - 60, False)])
def test_reading_marks_an_entry_as_used_once_a_day(age: float, marked: bool, home: Path) -> None:
    kept = Cache("files")
    kept.write("a", b"x")
    os.utime(entry(home), (NOW - age, NOW - age))
    assert kept.read("a") == b"x"
    assert (entry(home).stat().st_mtime != NOW - age) is marked


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "caches").write_text("a file in the way")
    kept = Cache("files")
    kept.write("a", b"x")
    assert kept.read("a") is None
