from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tflbuild.core import digest
from tflbuild.core.cache import cache_folder
from tflbuild.core.dataset import FileFacts
from tflbuild.engine import memo


class Reader:
    """Reads files as `inspect` does, and counts."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, path: Path) -> FileFacts:
        content = path.read_bytes()
        self.read.append(path.name)
        return FileFacts(digest.of_bytes(content), "", len(content), 1)


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust files that changed a moment ago."""
    monkeypatch.setattr(memo, "RACY", -(10**9))


@pytest.fixture
def files(tmp_path: Path, settled: None) -> list[Path]:
    (tmp_path / "images").mkdir()
    paths = [tmp_path / f"images/{number}.png" for number in range(3)]
    for path in paths:
        path.write_text(path.name)
    return paths


def look(paths: list[Path], version: str = "1") -> tuple[list[str], list[FileFacts]]:
    """Look as a new process would; gives what was read, and the facts."""
    reader = Reader()
    with memo.FileMemo(reader, lambda: version) as files:
        facts = files.many(paths)
    return sorted(reader.read), facts


def test_a_file_is_read_once(files: list[Path]) -> None:
    read, facts = look(files)
    assert read == ["0.png", "1.png", "2.png"]
    assert look(files) == ([], facts)
    assert look(files[1:]) == ([], facts[1:])


def test_a_changed_file_of_the_same_size_and_time_is_noticed(files: list[Path]) -> None:
    _, before = look(files)
    status = files[1].stat()
    files[1].write_text("1.gnp")
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files[1].stat().st_mtime_ns == status.st_mtime_ns
    read, after = look(files)
    assert read == ["1.png"]
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1].digest == digest.of_bytes(b"1.gnp")


def test_a_touched_file_is_read_again_and_is_the_same(files: list[Path]) -> None:
    _, before = look(files)
    os.utime(files[2])
    assert look(files) == (["2.png"], before)
    assert look(files) == ([], before)


def test_a_file_that_changed_a_moment_ago_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("abc")
    assert look([path])[0] == ["a.png"]
    assert look([path])[0] == ["a.png"], "it could have changed again within the same tick of its clock"


def test_a_file_that_changes_while_it_is_read_is_not_remembered(files: list[Path]) -> None:
    def slow(path: Path) -> FileFacts:
        found = digest.of_file(path)
        path.write_text("other")
        return FileFacts(found, "")

    with memo.FileMemo(slow) as first:
        first(files[0])
    assert look(files[:1])[0] == ["0.png"]


def test_a_missing_file_is_a_problem_until_it_is_there(files: list[Path]) -> None:
    look(files)
    files[0].unlink()
    read, facts = look(files)
    assert (read, facts[0]) == ([], FileFacts("", "the file is missing"))
    files[0].write_text("back")
    assert look(files)[0] == ["0.png"]


def test_a_loop_of_links_is_a_problem_of_its_file(files: list[Path]) -> None:
    loop = files[0].with_name("loop.png")
    loop.symlink_to(loop)
    read, facts = look([loop, *files])
    assert read == ["0.png", "1.png", "2.png"]
    assert facts[0] == FileFacts("", "Too many levels of symbolic links")


def test_what_could_not_be_read_is_tried_again(files: list[Path]) -> None:
    with memo.FileMemo(lambda path: FileFacts("", "input/output error")) as first:
        first.many(files)
    assert look(files, version="")[0] == ["0.png", "1.png", "2.png"]


def test_another_version_of_the_reader_reads_again(files: list[Path]) -> None:
    look(files)
    assert look(files, version="2")[0] == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 64 + b'\n{"head": [], "files": {}}'])
def test_a_damaged_memo_only_costs_time(files: list[Path], damage: bytes) -> None:
    _, facts = look(files)
    (path,) = cache_folder("files").iterdir()
    content = path.read_bytes()
    for wrong in (damage, content[: len(content) // 2], content.replace(b"0.png", b"5.png")):
        path.write_bytes(wrong)
        assert look(files) == (["0.png", "1.png", "2.png"], facts)


def test_a_cache_folder_that_cannot_be_written_is_no_error(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert look(files) == look(files)


def test_a_name_that_no_file_can_have_is_said_as_python_says_it() -> None:
    _, facts = look([Path("a\0b")])
    assert [fact.problem for fact in facts] == ["embedded null byte"]


def test_what_was_read_before_an_error_is_kept(files: list[Path]) -> None:
    def failing() -> None:
        with memo.FileMemo(Reader(), lambda: "1") as first:
            first.many(files)
            raise ValueError("no recipe")

    with pytest.raises(ValueError, match="no recipe"):
        failing()
    assert look(files)[0] == []


def test_relative_names_and_the_root_are_the_same_files(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, facts = look(files)
    monkeypatch.chdir(files[0].parent)
    assert look([Path("0.png"), Path("../images/1.png")]) == ([], facts[:2])
    reader = Reader()
    with memo.FileMemo(reader, lambda: "1") as there:
        assert there.many(["/nowhere.png"]) == [FileFacts("", "the file is missing")]


def test_many_writers_leave_a_whole_memo(files: list[Path]) -> None:
    _, facts = look(files)
    stop = time.monotonic() + 1.0

    def write(version: str) -> None:
        while time.monotonic() < stop:
            look(files, version)

    writers = [threading.Thread(target=write, args=(f"{number % 2}",)) for number in range(4)]
    for writer in writers:
        writer.start()
    while time.monotonic() < stop:
        assert look(files)[1] == facts
    for writer in writers:
        writer.join()


def test_memos_that_nobody_read_for_long_are_removed(files: list[Path], tmp_path: Path) -> None:
    look(files)
    (old,) = cache_folder("files").iterdir()
    os.utime(old, (0, 0))
    look(files)
    assert old.stat().st_mtime > 0, "what is read is noted as used"
    os.utime(old, (0, 0))
    (tmp_path / "more.png").write_text("more")
    look([tmp_path / "more.png"])
    assert not old.exists()


def test_progress_is_passed_on_only_where_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    told: list[tuple[int, int]] = []
    looking = memo.slowly(lambda done, total: told.append((done, total)))
    for step in range(1, 26):
        now = step / 8
        looking(step, 25)
    assert told == [(16, 25), (18, 25), (20, 25), (22, 25), (24, 25), (25, 25)]
    now = 0.0
    looking = memo.slowly(lambda done, total: told.append((done, total)))
    now = 1.9
    looking(25, 25)
    assert len(told) == 6, "it was done before it took long"


@pytest.mark.parametrize(("age", "trusted"), [(2.1, True), (1.9, False)])
def test_a_file_is_trusted_two_seconds_after_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, trusted: bool
) -> None:
    path = tmp_path / "a.png"
    path.write_text("a")
    status = path.stat()
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    monkeypatch.setattr(memo.time, "time_ns", lambda: changed + int(age * 10**9))
    reads: list[Path] = []

    def inspect(given: Path) -> FileFacts:
        reads.append(given)
        return FileFacts("digest", "")

    known = memo.FileMemo(inspect)
    known(path)
    known(path)
    assert len(reads) == (1 if trusted else 2)


def test_facts_of_many_files_are_in_their_order_and_progress_counts_what_was_read(
    tmp_path: Path, settled: None
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(70)]
    for path in paths:
        path.write_text(path.name)
    told: list[tuple[int, int]] = []

    def inspect(path: Path) -> FileFacts:
        return FileFacts(path.name, "", int(path.stem))

    known = memo.FileMemo(inspect, looking=lambda done, total: told.append((done, total)))
    assert [facts.height for facts in known.many(paths)] == list(range(70))
    assert told == [(done, 70) for done in range(1, 71)]
    told.clear()
    paths[3].write_text("changed")
    assert [facts.height for facts in known.many(list(reversed(paths)))] == list(range(69, -1, -1))
    assert told == [(1, 1)]
