"""`tflbuild cache`, as it is typed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from stored import keep, key, measure, opened

from tflbuild.cli import main
from tflbuild.commands import cache


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
    assert "models             2     6.0 kB" in said
    assert "predictions        1    5 bytes" in said
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


def test_verify_ends_with_0_or_7(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "verify"]) == 0
    assert "3 records and 3 files read, 6.0 kB" in capsys.readouterr().out
    (root / "actions" / f"{key(2)}.json").write_text("{}")
    assert main(["cache", "verify"]) == 7
    said = capsys.readouterr()
    assert f"damaged: {key(2)[:12]}: its record was altered or cut short" in said.out
    assert "1 file(s) that no record names (1.0 kB); tflbuild cache gc removes them" in said.out
    assert "1 stored result(s) or file(s)" in said.err
    assert main(["cache", "verify"]) == 0


def test_gc_says_what_it_would_remove_and_then_removes_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "gc", "--older-than", "30d", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"result      {key(1, 'prune')[:12]}  prune" in said
    assert "would remove 3 thing(s)" in said
    assert len(list((root / "actions").iterdir())) == 3
    assert main(["cache", "gc", "--older-than=30d"]) == 0
    assert "removed 3 thing(s)" in capsys.readouterr().out
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
    (["gc", "--max-size", "many"], "--max-size: 'many' is no size; right would be 5G"),
    (["gc", "--older-than", "30"], "--older-than: '30' is no age; right would be 30d"),
    (["gc", "--older-than"], "--older-than needs a value"),
    (["gc", "--max-sise", "5G"], "'--max-sise' is none of its options. Did you mean 'max-size'?"),
    (["info", "--dry-run"], "'--dry-run' is none of its options"),
    (["info", "store.path=nowhere"], "there is no store in nowhere"),
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
    assert "1 run(s) on disk and running builds need; give at least --max-size" in said
    assert len(list((root / "actions").iterdir())) == 3
    needed = re.search(r"give at least --max-size (\d+)", said)
    assert needed is not None
    assert main(["cache", "gc", "--max-size", needed[1]]) == 0
    assert len(list((root / "actions").iterdir())) == 2, "the model of the run, and what was measured on it"
