"""The site builds without a warning, asks nothing of another machine, and its search finds words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from browsing import Browser
from documents import ROOT

pytest.importorskip("mkdocs", reason="the extra docs is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; strict, so that a broken link, an unknown anchor or a page that is in no menu ends it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_in_the_menu_once(site: Path) -> None:
    made = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = re.findall(r"[\w/.-]+\.md", str(made["nav"]))
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)
    assert all((site / page).with_suffix(".html").is_file() for page in pages)


def test_no_page_fetches_anything_from_another_machine(site: Path) -> None:
    sources = r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(https?:)?//"
    links = r"<link[^>]*rel=[\"']?(?:stylesheet|preconnect|icon)[^>]*href=[\"']?(https?:)?//"
    fetched = re.compile(f"{sources}|{links}")
    for page in site.rglob("*.html"):
        assert not fetched.search(page.read_text(encoding="utf-8")), page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style.name


@pytest.mark.parametrize(
    ("word", "page"), [("equalization", "quantization.html"), ("undecided", "troubleshooting.html")]
)
def test_search_finds_a_word_in_a_browser_and_no_request_leaves(
    browser: Browser, site: Path, word: str, page: str
) -> None:
    with browser.open(site / "index.html") as tab:
        tab.page.wait_for_selector("[data-md-component=search-query]", state="attached")
        tab.page.keyboard.press("/")
        tab.page.keyboard.type(word, delay=20)
        tab.page.wait_for_selector(".md-search-result__item a", timeout=20_000)
        found = tab.run("[...document.querySelectorAll('.md-search-result__item a')].map(link => link.href)")
        assert any(page in link for link in found)
        tab.page.goto((site / page).as_uri())
        assert tab.said == []
        assert [url for url in tab.asked if not url.startswith(("file:", "data:", "blob:"))] == []
