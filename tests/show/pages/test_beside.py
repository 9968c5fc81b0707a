"""What was found out about a run since it was built, on its page, and the page written again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import made_up
import pages
from tflbuild.show.pages import publishing
from tflbuild.show.pages.beside import beside, gist_of
from tflbuild.show.pages.page import render
from tflbuild.show.pages.publishing import publish, publish_again


def found(folder: Path, name: str, content: Any) -> Path:
    page = folder / f"{name}.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("")
    page.with_suffix(".json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_a_run_that_nobody_looked_into_has_nothing_beside_it(tmp_path: Path) -> None:
    assert beside(tmp_path) == []


def test_a_diagnosis_stands_on_the_page_with_its_verdict_causes_and_cures(tmp_path: Path) -> None:
    (made,) = beside(found(tmp_path, "diagnosis/diagnosis", pages.diagnosis("x")))
    assert (made.title, made.page) == ("Why it lost accuracy", "diagnosis/diagnosis.html")
    assert made.text == "Map fell by 0.0610: x lost most."
    (first, cures), (second, _) = made.causes
    assert (first, second) == (
        "One scale for channels far apart in x.",
        "Only 8 samples calibrate the ranges.",
    )
    assert cures[0] == ("use one scale per channel of its own", "quantize.granularity=x")
    page = render(made_up.report(), [made])
    assert '<a href="diagnosis/diagnosis.html">' in page
    assert "<code>quantize.granularity=x</code>" in page


@pytest.mark.parametrize(
    ("low", "blamed", "title"),
    [
        (-0.01, False, "Accuracy, step by step"),
        (0.01, False, "Why it lost accuracy"),
        (-0.01, True, "Why it lost accuracy"),
    ],
)
def test_a_diagnosis_that_found_nothing_asks_for_no_reason(
    tmp_path: Path, low: float, blamed: bool, title: str
) -> None:
    ladder = {"text": "map", "rungs": [{"blamed": blamed}], "total": {"value": 0.0, "low": low, "high": 0.1}}
    content = {"analyses": [{"name": "ladder", "findings": [ladder]}], "causes": []}
    (made,) = beside(found(tmp_path, "diagnosis/diagnosis", json.dumps(content)))
    assert made.title == title


def test_every_page_of_a_run_is_led_to_in_order(tmp_path: Path) -> None:
    for name in ("drift", "preprocessing/diagnosis", "diagnosis/diagnosis"):
        found(tmp_path, name, pages.diagnosis())
    assert [made.page for made in beside(tmp_path)] == [
        *("diagnosis/diagnosis.html", "preprocessing/diagnosis.html", "drift.html")
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"analyses": [], "causes": 3}', '{"analyses": 1, "causes": []}']
)
def test_content_that_cannot_be_read_is_said_so_and_its_page_is_led_to(tmp_path: Path, content: str) -> None:
    (made,) = beside(found(tmp_path, "drift", content))
    assert (made.page, made.text, list(made.causes)) == ("drift.html", "drift.json cannot be read", [])


def test_the_gist_is_what_the_ladder_says_else_the_first_that_is_said() -> None:
    other = {"findings": [{"text": ""}, {"text": "a first"}]}
    assert gist_of({"analyses": [other]}) == "A first."
    assert (
        gist_of({"analyses": [other, {"findings": [{"rungs": [{}], "text": "the ladder"}]}]}) == "The ladder."
    )
    assert gist_of({"analyses": []}) == ""
    same = {"split": "test", "n": 3, "samples": []}
    untold = {"name": "disagreements", "findings": [{"text": "", **same}]}
    assert gist_of({"analyses": [untold]}).startswith(
        "The base and the delivered file agree on all 3 samples"
    ), "its line"


def whole() -> dict[str, Any]:
    """Give a report as `read_report` takes it."""
    report = made_up.report() | {"environment": {}, "targets": [], "reproduce": None}
    for step in report["passes"]:
        step |= {"measuring_seconds": 0.1, "action": made_up.SHA, "input": None, "output": made_up.SHA}
    report["resolved"] = {}
    return report


def test_a_page_is_written_again_with_what_was_found_since(tmp_path: Path) -> None:
    warned: list[str] = []
    (tmp_path / "report.json").write_text(json.dumps(whole()))
    publish(tmp_path, whole())
    assert "open the whole page" not in (tmp_path / "report.html").read_text()
    found(tmp_path, "drift", pages.diagnosis())
    publish_again(tmp_path, warned.append)
    assert '<a href="drift.html">' in (tmp_path / "report.html").read_text()
    assert warned == []


def test_a_page_that_cannot_be_written_again_stays_as_it_is_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlike_ours(*given: object) -> str:
        raise KeyError("drawn")

    warned: list[str] = []
    publish_again(tmp_path, warned.append)
    (tmp_path / "report.json").write_text(json.dumps(whole()))
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "render", unlike_ours)
        publish_again(tmp_path, warned.append)
    (tmp_path / "report.html").mkdir()
    publish_again(tmp_path, warned.append)
    for said, why in zip(
        warned, ("is not a report of a run", "is not as this tflbuild", "cannot write to"), strict=True
    ):
        assert said.startswith(f"{tmp_path / 'report.html'} stays as it is: ")
        assert why in said
