from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Dropped, FileFacts, Index, Look, Sample
from tflbuild.engine import listing

COUNTED: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Folder(Dataset):
    """Lists the files below a folder, and counts how often."""

    root: str
    option: int = 0
    bounded: bool = True

    def decided_by(self) -> Path | None:
        return Path(self.root) if self.bounded else None

    def index(self, look: Look) -> Index:
        COUNTED.append(self.root)
        files = sorted(path for path in Path(self.root).rglob("*") if path.is_file())
        samples = tuple(
            Sample(
                key=path.name,
                digest=look(path).digest,
                path=str(path),
                boxes=((0.1, 0.2, 1 / 3, 0.4),),
                labels=(1,),
            )
            for path in files
        )
        return Index(classes=("a", "b"), splits={"train": samples}, dropped=(Dropped("x", "why"),))


def look(path: Path) -> FileFacts:
    return FileFacts(digest.of_file(path), "")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(listing, "RACY", -(10**9))
    folder = tmp_path / "data"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.png").write_text("aaa")
    (folder / "inner/b.png").write_text("bbb")
    COUNTED.clear()
    return folder


def listed(root: Path, version: str = "1", **options: object) -> tuple[bool, Index]:
    """List as a new process would; gives whether the data set was listed indeed."""
    before = len(COUNTED)
    index = listing.listed(Folder(root=str(root), **options), look, lambda: version)  # type: ignore[arg-type]
    return len(COUNTED) > before, index


def test_what_did_not_change_is_listed_once(root: Path) -> None:
    first, index = listed(root)
    second, same = listed(root)
    assert (first, second) == (True, False)
    assert same == index
    assert same.digest("train") == index.digest("train")


def rewrite(root: Path) -> None:
    path = root / "inner/b.png"
    status = path.stat()
    path.write_text("ccc")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "other content of the same size and time": rewrite,
    "a touched file": lambda root: os.utime(root / "a.png"),
    "a new file": lambda root: (root / "inner/c.png").write_text("c"),
    "a file gone": lambda root: (root / "a.png").unlink(),
    "a file renamed": lambda root: (root / "a.png").rename(root / "z.png"),
    "a file moved": lambda root: (root / "a.png").rename(root / "inner/a.png"),
    "a new folder": lambda root: (root / "more").mkdir(),
    "a file that became a link": lambda root: (
        (root / "a.png").unlink(),
        (root / "a.png").symlink_to("inner/b.png"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_noticed(change: str, root: Path) -> None:
    listed(root)
    CHANGES[change](root)
    again, index = listed(root)
    assert again
    assert listed(root) == (False, index)


def test_what_a_link_leads_to_is_watched(root: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (root / "link.png").symlink_to(tmp_path / "one")
    listed(root)
    assert not listed(root)[0]
    (tmp_path / "one").write_text("eno")
    assert listed(root)[0]
    (root / "link.png").unlink()
    (root / "link.png").symlink_to(tmp_path / "two")
    assert listed(root)[0]


def test_a_link_to_a_folder_is_not_watched_and_so_not_trusted(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    assert [listed(root)[0], listed(root)[0]] == [True, True]


def test_links_that_lead_nowhere_and_what_is_no_file_are_watched(root: Path, tmp_path: Path) -> None:
    (root / "nowhere.png").symlink_to(tmp_path / "later")
    (root / "loop.png").symlink_to(root / "loop.png")
    os.mkfifo(root / "inner/pipe.png")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9")).mkdir()
    assert [listed(root)[0], listed(root)[0]] == [True, False]
    (tmp_path / "later").write_text("now")
    assert listed(root)[0]


def test_a_folder_nested_a_thousand_deep_is_watched(root: Path) -> None:
    here = os.open(root / "inner", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        assert listing._state(root) is not None
    finally:
        subprocess.run(["rm", "-rf", str(root / "inner")], check=True)  # shutil.rmtree would not come so deep


def test_other_options_and_another_version_are_listed_apart(root: Path) -> None:
    listed(root)
    assert listed(root, option=1)[0]
    assert listed(root, version="2")[0]
    assert not listed(root)[0]


def test_what_others_decide_is_listed_always(root: Path) -> None:
    assert [listed(root, bounded=False)[0], listed(root, bounded=False)[0]] == [True, True]


def test_a_folder_that_changed_a_moment_ago_is_not_trusted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(root.parent / "cache"))
    assert [listed(root)[0], listed(root)[0]] == [True, True]


def test_a_folder_that_changes_while_it_is_listed_is_not_trusted(root: Path) -> None:
    def change(path: Path) -> FileFacts:
        (root / "late.png").write_text("late")
        return look(path)

    listing.listed(Folder(root=str(root)), change, lambda: "1")
    names = [sample.key for sample in listed(root)[1].splits["train"]]
    assert "late.png" in names


def test_a_damaged_listing_only_costs_time(root: Path) -> None:
    _, index = listed(root)
    (kept,) = (root.parent / "cache/tflbuild/listings").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"a.png", b"x.png"))
    assert listed(root) == (True, index)


def test_a_data_set_that_is_a_file_is_listed_once_until_it_changes(root: Path) -> None:
    file = root / "a.png"
    assert [listed(file)[0], listed(file)[0]] == [True, False]
    (root / "inner/b.png").write_text("another")
    assert not listed(file)[0]
    file.write_text("bbb")
    assert [listed(file)[0], listed(file)[0]] == [True, False]
