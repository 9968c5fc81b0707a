"""What is remembered of modules: an edit of any kind is seen, and what did not change is not read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tflbuild.core import code, file_stamp, module_memo
from tflbuild.core.cache import Cache
from tflbuild.core.module_memo import Module, ModuleMemo

HOUR = 3600 * 10**9


class Probe:
    """A package `probe` of two modules, looked at by a new process each time."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "probe"
        (self.package / "inner").mkdir(parents=True)
        for name in ("__init__", "a", "inner/__init__", "inner/b"):
            (self.package / f"{name}.py").write_text(f"x = '{name}'\n")
        self.read: list[str] = []

    def facts(self, name: str, rules: str = "rules") -> Module:
        self.read.clear()
        memo = ModuleMemo(self.package, rules, self._read)
        found = memo(name)
        memo.save()
        return found

    def _read(self, name: str, path: Path) -> Module:
        self.read.append(name)
        return Module(sha256(path.read_bytes()).hexdigest(), (f"{name}.reached",), ("numpy",))


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Probe]:
    """Give a package that was read an hour after it was written, and is remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Probe(tmp_path)
    started = (made.package / "a.py").stat().st_ctime_ns
    monkeypatch.setattr(module_memo.time, "time_ns", lambda: started + HOUR)
    made.facts("probe.a")
    assert made.read == ["probe.a"]
    return made


def held(probe: Probe) -> str:
    return sha256((probe.package / "a.py").read_bytes()).hexdigest()


def test_what_did_not_change_is_not_read(probe: Probe) -> None:
    assert probe.facts("probe.a") == Module(held(probe), ("probe.a.reached",), ("numpy",))
    assert probe.read == []


def test_an_edit_of_the_same_size_is_seen_also_where_the_time_of_change_is_put_back(probe: Probe) -> None:
    path = probe.package / "a.py"
    before = path.stat()
    path.write_text("x = 'A'\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert probe.facts("probe.a").digest == held(probe)
    assert probe.read == ["probe.a"]


def test_a_file_that_takes_the_place_of_another_is_read(probe: Probe) -> None:
    other = probe.package / "other"
    other.write_text("x = 'b'\n")
    os.replace(other, probe.package / "a.py")
    assert probe.facts("probe.a").digest == held(probe)


@pytest.mark.parametrize(
    ("age", "kept"), [(-HOUR, False), (0, False), (file_stamp.RACY, False), (HOUR, True)]
)
def test_a_file_that_changed_just_now_is_not_remembered(
    age: int, kept: bool, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = probe.package / "a.py"
    path.write_text("x = 'A'\n")
    monkeypatch.setattr(module_memo.time, "time_ns", lambda: path.stat().st_ctime_ns + age)
    probe.facts("probe.a")
    probe.facts("probe.a")
    assert probe.read == ([] if kept else ["probe.a"])


def test_edits_within_one_tick_of_the_clock_are_all_seen(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filesystem whose stamps have not moved yet, as within one tick: all that is edited has the same stamp."""
    path = probe.package / "a.py"
    stamp = file_stamp.Stamp.of(str(path))._replace(changed=5 * HOUR, inode_changed=5 * HOUR)
    monkeypatch.setattr(file_stamp.Stamp, "of", lambda path: stamp)
    monkeypatch.setattr(module_memo.time, "time_ns", lambda: 5 * HOUR + 10**6)
    for letter in "bcd":
        path.write_text(f"x = '{letter}'\n")
        assert probe.facts("probe.a").digest == held(probe)


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = probe.package / "a.py"
    path.write_text("x = 'A'\n")
    read = probe._read

    def edited(name: str, path: Path) -> Module:
        found = read(name, path)
        path.write_text("x = 'B'\n")
        return found

    monkeypatch.setattr(probe, "_read", edited)
    probe.facts("probe.a")
    monkeypatch.setattr(probe, "_read", read)
    assert probe.facts("probe.a").digest == held(probe)


def test_a_module_that_comes_or_goes_may_change_what_others_reach(probe: Probe) -> None:
    (probe.package / "inner/c.py").write_text("")
    probe.facts("probe.a")
    assert probe.read == ["probe.a"]
    (probe.package / "inner/c.py").unlink()
    probe.facts("probe.a")
    assert probe.read == ["probe.a"]


def test_other_rules_read_anew(probe: Probe) -> None:
    probe.facts("probe.a", rules="others")
    assert probe.read == ["probe.a"]


def test_what_is_damaged_is_read_anew(probe: Probe) -> None:
    [entry] = (Path(os.environ["XDG_CACHE_HOME"]) / "tflbuild/code").iterdir()
    entry.write_bytes(entry.read_bytes()[:-7])
    assert probe.facts("probe.a").digest == held(probe)
    assert probe.read == ["probe.a"]


def test_modules_are_named_by_their_place(probe: Probe) -> None:
    for other in ("inner.py", "__pycache__/a.py", "notes.txt", "a.b.py"):
        (probe.package / other).parent.mkdir(exist_ok=True)
        (probe.package / other).write_text("")
    sources = ModuleMemo(probe.package, "", probe._read).sources
    files = {name: str(path.relative_to(probe.package)) for name, path in sources.items()}
    assert files == {
        "probe": "__init__.py",
        "probe.a": "a.py",
        "probe.inner": "inner/__init__.py",
        "probe.inner.b": "inner/b.py",
    }


def test_what_is_remembered_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of tflbuild, remembered by one process and used by another."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_stamp, "RACY", -(10**12))
    names = ("tflbuild.passes.quantize", "tflbuild.passes.train", "tflbuild.tasks.detection.task")
    found = []
    for read in (code._read, None):
        memo = ModuleMemo(code.PACKAGE, "rules", read)  # type: ignore[arg-type]
        found.append({name: memo(name) for name in code.closure(*names) if name in memo.sources})
        memo.save()
    assert found[0] == found[1]
    assert found[0] == {name: code._read(name, memo.sources[name]) for name in found[0]}
    assert len(found[0]) > 100
    assert Cache(module_memo.KEPT).read(str(code.PACKAGE))
