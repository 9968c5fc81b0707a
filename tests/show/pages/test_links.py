"""What the page of a run links to: its own files, its sweep, and its neighbours."""

from __future__ import annotations

from pathlib import Path

import made_up
from tflbuild.show.pages.links import MOST_RUNS, Links, links_of
from tflbuild.show.pages.page import render


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_links_lead_to_files_that_are_there(tmp_path: Path) -> None:
    run = tmp_path / "recipe" / "2026-12-01_08-00-00"
    put(
        run,
        "report.json",
        "report.html",
        "log.txt",
        "recipe.lock.yaml",
        "cpu/model.tflite",
        "rejected/prune.h5",
    )
    report = made_up.report()
    assert links_of(run, report).files == (
        ("./", "run folder"),
        ("cpu/model.tflite", "model for cpu"),
        ("rejected/prune.h5", "rejected model"),
        ("report.json", "the report as JSON"),
        ("log.txt", "log"),
        ("recipe.lock.yaml", "lock"),
    )


def test_other_runs_of_the_recipe_are_listed_the_newest_first(tmp_path: Path) -> None:
    names = [f"2026-12-{day:02}_08-00-00" for day in range(1, 16)]
    for name in names:
        put(tmp_path / name, "report.html")
    put(tmp_path / "unfinished", "events.jsonl")
    (tmp_path / "latest").symlink_to(names[-1])
    found = links_of(tmp_path / names[3], made_up.report() | {"targets": []})
    others = [name for name in names[::-1] if name != names[3]]
    assert found.runs == tuple((f"../{name}/report.html", name) for name in others[:MOST_RUNS])
    assert (found.more, found.sweep) == (2, "")
    assert links_of(tmp_path / "latest", made_up.report()).runs[0][1] == names[-2], (
        "the run itself is no other"
    )


def test_a_job_leads_to_its_sweep_and_to_the_other_jobs(tmp_path: Path) -> None:
    put(tmp_path, "summary.html", "a=1/report.html", "a=2/report.html", "a=2/report.json")
    found = links_of(tmp_path / "a=1", made_up.report() | {"targets": []})
    assert (found.sweep, found.runs) == ("../summary.html", (("../a=2/report.html", "a=2"),))
    page = render(made_up.report(), links=found)
    assert '<a href="../summary.html">a sweep</a>' in page
    assert '<a href="../a=2/report.html">a=2</a>' in page
    assert "Other jobs of the sweep" in page


def test_an_address_is_quoted_and_its_text_escaped() -> None:
    page = render(made_up.report(), links=Links(runs=(("../a#b?<x>/report.html", "a#b?<x>"),)))
    assert '<a href="../a%23b%3F%3Cx%3E/report.html">a#b?&lt;x&gt;</a>' in page
    assert "Files and other runs" not in render(made_up.report()), "there is nothing to lead to"
