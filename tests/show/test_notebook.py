"""Results in a notebook: whole, escaped, and asking nobody for anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from made_up import SHA, report
from tflbuild.core.errors import RecipeError
from tflbuild.show.notebook import Report, lines_html, load_report, table_html

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J"


class Tags(HTMLParser):
    """Keeps the tags and attributes of a text, and whether every one was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def harmless(text: str) -> None:
    found = Tags(text)
    assert found.open == []
    assert set(found.tags) <= {"div", "p", "table", "tr", "th", "td", "pre"}
    assert found.attributes <= {"style", "scope"}
    assert "\x1b" not in text
    assert "url(" not in text


@pytest.fixture
def content() -> dict[str, Any]:
    return report()


def test_a_report_is_a_mapping(content: dict[str, Any], tmp_path: Path) -> None:
    made = Report(folder=tmp_path, content=content)
    assert isinstance(made, Mapping)
    assert dict(made) == made.content
    assert made == content
    assert list(made) == list(content)
    assert made.get("nothing", 1) == 1
    assert len(made) == len(content)
    assert "\n" not in repr(made)
    assert len(repr(made)) < 200


def test_a_report_is_shown_whole_and_harmless(content: dict[str, Any], tmp_path: Path) -> None:
    shown = Report(folder=tmp_path, content=content)._repr_html_()
    harmless(shown)
    for step in content["passes"]:
        assert step["label"] in shown
    for field in ("recipe", "error"):
        content[field] = HOSTILE
    content["warnings"] = [HOSTILE]
    content["passes"][0]["label"] = HOSTILE
    shown = Report(folder=tmp_path / HOSTILE.replace("/", ""), content=content)._repr_html_()
    harmless(shown)
    assert shown.count("&lt;script&gt;") >= 4


def test_lines_and_tables_are_harmless() -> None:
    harmless(lines_html(HOSTILE, [HOSTILE, "a & b"]))
    harmless(table_html(HOSTILE, [HOSTILE], [[HOSTILE]]))


def test_a_report_of_an_earlier_run_is_read_and_held_to_its_form(
    content: dict[str, Any], tmp_path: Path
) -> None:
    for step in content["passes"]:
        step |= {name: SHA for name in ("input", "output", "action") if step[name]}
        step |= {name: 0.0 for name in ("measuring_seconds", "cost_seconds") if name not in step}
    (tmp_path / "report.json").write_text(json.dumps(content))
    assert load_report(tmp_path) == load_report(tmp_path / "report.json") == content
    assert load_report(tmp_path / "report.json").folder == tmp_path
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(RecipeError, match="not a report of a run"):
        load_report(str(tmp_path))
