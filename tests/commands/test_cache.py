"""`tflbuild cache`, as it is typed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stored import keep, key, measure, opened
from tflbuild.cli import main
from tflbuild.commands import cache
from tflbuild.core.errors import RecipeError
from tflbuild.engine.storage.audit import Audit
from tflbuild.engine.storage.collect import Choice, Removable
from tflbuild.engine.storage.inventory import Action


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with two models and predictions, all of them last used in 1970."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TFLBUILD_STORE", raising=False)
    monkeypatch.delenv("TFLBUILD_REMOTE", raising=False)
    folder = tmp_path / "outputs" / "store"
    store = opened(folder)
    model = keep(store, 1, bytes(5_000), name="prune")
    keep(store, 2)
    measure(store, model.blobs[0], 0.5)
    store.close()
    for path in (folder / "actions").iterdir():
        os.utime(path, (86_400, 86_400))
    return folder


def test_info_says_what_there_is(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info"]) == 0
    said = capsys.readouterr().out
    assert "models             2    5.9 KiB" in said
    assert "predictions        1        5 B" in said
    assert "least lately used: 1970-01-0" in said
    assert f"{key(1, 'prune')[:12]}  prune" in said
    assert "took 2.5 s" in said
    assert "remote" not in said
    assert main(["cache", "info", "store.remote=s3://bucket/prefix"]) == 0
    assert "remote: s3://bucket/prefix" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["store.path", "TFLBUILD_STORE", "outputs"])
def test_the_store_is_found_where_a_build_would_find_it(
    root: Path, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    words = {"store.path": [f"store.path={root}"], "outputs": [f"outputs={root.parent}"]}.get(how, [])
    if how == "TFLBUILD_STORE":
        monkeypatch.setenv("TFLBUILD_STORE", str(root))
    assert main(["cache", "info", *words]) == 0


@pytest.mark.parametrize("word", ["store.path=~/store", "outputs=~,other", "TFLBUILD_STORE"])
def test_a_store_in_the_home_folder_is_found_by_its_tilde(
    word: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(root.parent))
    if word == "TFLBUILD_STORE":
        monkeypatch.setenv(word, "~/store")
    assert main(["cache", "info", *([word] if "=" in word else [])]) == 0


def test_verify_ends_with_0_or_7(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "verify"]) == 0
    assert "3 records and 3 files read, 5.9 KiB" in capsys.readouterr().out
    (root / "actions" / f"{key(2)}.json").write_text("{}")
    assert main(["cache", "verify"]) == 7
    said = capsys.readouterr()
    assert f"damaged: {key(2)[:12]}: its record was changed or cut off" in said.out
    assert "1 file that no record uses (1000 B); tflbuild cache gc removes them" in said.out
    assert "outputs/store: 1 damaged file moved to" in said.err
    assert main(["cache", "verify"]) == 0


def test_gc_says_what_it_would_remove_and_then_removes_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "gc", "--older-than", "30d", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"result      {key(1, 'prune')[:12]}  prune" in said
    assert "would remove 3 items" in said
    assert len(list((root / "actions").iterdir())) == 3
    assert main(["cache", "gc", "--older-than=30d"]) == 0
    assert "removed 3 items" in capsys.readouterr().out
    assert list((root / "actions").iterdir()) == list((root / "blobs").iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [["--max-size", "4k"], ["--max-size=4000"], ["max_size=4KB"], ["max_size=4K", "dry_run=false"]],
)
def test_a_size_may_be_typed_in_several_ways(root: Path, words: list[str]) -> None:
    assert main(["cache", "gc", *words]) == 0
    assert sum(path.stat().st_size for path in (root / "blobs").iterdir()) < 4000


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("1.5m", 90), ("2w", 1_209_600)]
)
def test_an_age_has_a_unit(text: str, seconds: float) -> None:
    assert cache._age(text) == seconds


WRONG = [
    ([], "usage: tflbuild cache info"),
    (["clear"], "usage: tflbuild cache info"),
    (
        ["gc", "--max-size", "many"],
        "--max-size: 'many' is not a size; expected 500KB, 500KiB, 1.5MB, 5G, or a",
    ),
    (["gc", "--older-than", "30"], "--older-than: '30' is not an age; expected 30d"),
    (["gc", "--older-than"], "--older-than needs a value"),
    (["gc", "--max-sise", "5G"], "'--max-sise' is not one of its options. Did you mean 'max-size'?"),
    (["info", "--dry-run"], "'--dry-run' is not one of its options"),
    (["info", "store.path=nowhere"], "no store in nowhere"),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_what_is_typed_wrong_is_said(
    root: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", *words]) == 2
    assert message in capsys.readouterr().err
    assert len(list((root / "actions").iterdir())) == 3


def test_a_cap_below_what_a_run_needs_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "outputs" / "fake" / "2026-01-01_00-00-00"
    run.mkdir(parents=True)
    (run / "report.json").write_text(f'{{"passes": [{{"action": "{key(1, "prune")}"}}]}}')
    assert main(["cache", "gc", "--max-size", "1k"]) == 2
    said = capsys.readouterr().err
    assert "1 run on disk and running builds need; give at least --max-size" in said
    assert len(list((root / "actions").iterdir())) == 3
    needed = re.search(r"give at least --max-size (\d+)", said)
    assert needed is not None
    assert main(["cache", "gc", "--max-size", needed[1]]) == 0
    assert len(list((root / "actions").iterdir())) == 2, "the model of the run, and what was measured on it"


DAY = 86_400.0
CANDIDATES = (
    Removable(kind="result", name="k" * 64, what="prune", bytes=5_000, used=DAY),
    Removable(kind="orphan", name="o" * 64, bytes=700, used=0.0),
)
LINES = [
    "result      kkkkkkkkkkkk  prune                 4.9 KiB  last used 1970-01-02 00:00",
    f"orphan      {'o' * 60}      700 B  no record uses it",
]


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class World:
    """What a made-up store holds, and what became of it."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.left: list[Removable] = []
        self.audit = Audit(records=3, blobs=2, bytes=6_000)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, utc: None) -> World:
    """Give a store of 16,000 bytes, of which two items may go and 9,000 are needed by 3 runs."""
    made = World()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s" / "blobs").mkdir(parents=True)
    (tmp_path / "s" / "schema").write_text("1")
    monkeypatch.setenv("TFLBUILD_STORE", "s")
    monkeypatch.delenv("TFLBUILD_REMOTE", raising=False)

    def action(key: str, name: str, used: float, seconds: float) -> Action:
        return Action(key=key * 64, name=name, step=True, bytes=0, used=used, seconds=seconds)

    actions = [action("a", "train", 3 * DAY, 71.26), action("b", "prune", 2 * DAY, 0.0)]
    actions += [action(str(number), f"p{number}", 4 * DAY, 1.0) for number in range(8)]
    sizes = {"a" * 64: 1_500, "b" * 64: 9_000}
    inventory = SimpleNamespace(
        bytes=16_000,
        kinds=lambda: {"models": (2, 10_500), "predictions": (0, 0)},
        actions={each.key: each for each in actions},
        size=lambda each: sizes.get(each.key, 10),
    )

    def find_roots(given: object, outputs: list[Path], warn: Any) -> Any:
        made.asked["outputs"] = outputs
        warn("a run cannot be read")
        return SimpleNamespace(runs=3)

    def choose(given: object, roots: object, *, max_bytes: int | None, older_than: float | None) -> Choice:
        made.asked |= {"max_bytes": max_bytes, "older_than": older_than}
        return Choice(removables=CANDIDATES, before=16_000, after=10_300, needed=9_000)

    def collect(given: object, choice: Choice) -> list[Removable]:
        made.asked["collected"] = choice
        return made.left

    storage = "tflbuild.engine.storage"
    monkeypatch.setattr(f"{storage}.inventory.take_inventory", lambda root: inventory)
    monkeypatch.setattr(f"{storage}.roots.find_roots", find_roots)
    monkeypatch.setattr(f"{storage}.collect.choose", choose)
    monkeypatch.setattr(f"{storage}.collect.collect", collect)
    monkeypatch.setattr(f"{storage}.audit.audit", lambda root, progress: made.audit)
    return made


def test_info_counts_by_kind_and_names_the_largest(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "s: 15.6 KiB",
        "  models             2   10.3 KiB",
        "least lately used: 1970-01-03 00:00; last used: 1970-01-05 00:00",
        "largest:",
        "  bbbbbbbbbbbb  prune                 8.8 KiB  took 0.0 s, last used 1970-01-03 00:00",
        "  aaaaaaaaaaaa  train                 1.5 KiB  took 71.3 s, last used 1970-01-04 00:00",
    ]
    assert len(lines) == 4 + 8


@pytest.mark.parametrize("word", ["store.remote=s3://a", None])
def test_info_names_the_remote_that_is_typed_or_set(
    word: str | None, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFLBUILD_REMOTE", "s3://b")
    assert main(["cache", "info", *([word] if word else [])]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"remote: {'s3://a' if word else 's3://b'}"


def test_gc_says_what_it_removed_and_what_stays(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "gc", "--max-size", "5k", "--older-than", "2h", "outputs=a,b"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "warning: a run cannot be read",
        "removed 2 items, 5.6 KiB; 10.1 KiB stay, 8.8 KiB of them needed by 3 runs on disk and running builds",
    ]
    assert world.asked.pop("collected").removables == CANDIDATES
    assert world.asked == {"outputs": [Path("a"), Path("b")], "max_bytes": 5_000, "older_than": 7_200.0}
    world.left = [CANDIDATES[0]]
    assert main(["cache", "gc"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "removed 1 item, 700 B; 14.9 KiB stay, 8.8 KiB of them needed by 3 runs on disk and running builds",
        "kept: 1 item that a running build uses",
    ]
    assert (world.asked["max_bytes"], world.asked["older_than"]) == (None, None)


@pytest.mark.parametrize("word", ["--dry-run", "--dry-run=true", "dry_run=1", "dry-run=YES"])
def test_a_dry_run_names_everything_and_removes_nothing(
    word: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "gc", word]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        *LINES,
        "would remove 2 items, 5.6 KiB; 10.1 KiB stay, 8.8 KiB of them needed by 3 runs on disk and running "
        "builds",
    ]
    assert "collected" not in world.asked


@pytest.mark.parametrize("word", ["dry-run=false", "dry_run=0", "--dry-run=no"])
def test_what_is_no_dry_run_collects(word: str, world: World) -> None:
    assert main(["cache", "gc", word]) == 0
    assert "collected" in world.asked


def test_verify_tells_damage_busy_records_and_orphans_apart(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s" / "blobs" / "o1").write_bytes(bytes(1_500))
    world.audit = Audit(
        records=3,
        blobs=2,
        bytes=6_000,
        damaged={"d" * 64: "its bytes differ"},
        busy={"e" * 64: "it is cut short"},
        orphans=["o1", "gone"],
    )
    assert main(["cache", "verify"]) == 7
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "damaged: dddddddddddd: its bytes differ",
        "damaged: eeeeeeeeeeee: it is cut short; a running build is repairing it",
        "2 files that no record uses (1.5 KiB); tflbuild cache gc removes them",
        "3 records and 2 files read, 5.9 KiB",
    ]
    assert "s: 2 damaged files moved to s/quarantine; a build that needs one makes it again" in said.err
    world.audit = Audit(busy={"e" * 64: "it is cut short"})
    assert main(["cache", "verify"]) == 7
    world.audit = Audit(orphans=["o1"])
    assert main(["cache", "verify"]) == 0


@pytest.mark.parametrize(
    ("text", "count"), [("5G", 5 * 10**9), ("500M", 500 * 10**6), ("5GiB", 5 * 2**30), ("0", 0), ("12", 12)]
)
def test_a_size_is_read_in_its_unit(text: str, count: int) -> None:
    assert cache._bytes(text) == count


@pytest.mark.parametrize("text", ["", "d", "3", "3x", "-3d", "3 d", "3.d", "1e3s"])
def test_what_is_no_age_is_said(text: str) -> None:
    with pytest.raises(
        RecipeError, match=f"^--older-than: '{re.escape(text)}' is not an age; expected 30d, 12h or 2w"
    ):
        cache._age(text)


def test_an_age_may_be_in_seconds_or_hours() -> None:
    assert (cache._age("90s"), cache._age("0.5h")) == (90.0, 1_800.0)


@pytest.mark.parametrize("word", ["--store.path=x", "--outputs=x"])
def test_places_are_no_flags(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info", word]) == 2
    assert f"cache: '{word.partition('=')[0]}' is not one of its options." in capsys.readouterr().err


def test_the_store_that_is_typed_comes_before_the_one_that_is_set(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("t", "o/store"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "schema").write_text("1")
    assert cache._root({"store.path": "t", "outputs": "o"}) == Path("t")
    assert cache._root({"outputs": "o"}) == Path("s")
    monkeypatch.delenv("TFLBUILD_STORE")
    assert cache._root({"outputs": "o,x"}) == Path("o/store")
