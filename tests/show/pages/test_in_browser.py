"""Every page in a browser: what it draws, what it asks for, how it fits, and what its script does."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import pytest

from browsing import Browser, Tab

pytestmark = pytest.mark.slow

PAGES = ("detector", "classifier", "breach", "failed", "sweep", "diagnosis/diagnosis")
WIDTHS = (400, 800, 1280)
"""Of a phone, a tablet and a screen."""
LONG = ("long diagnosis", "long sweep", "devices")
HOSTILE = ("hostile", "hostile sweep", "hostile diagnosis")
MOST = 6 * 2**20
"""Bytes of a page."""

Written = Mapping[str, Path]

OUTSIDE = """[...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, pre, .fold thead"))
    .map((one) => `${one.tagName} ${one.className}`)"""

EMPTY = """[...document.querySelectorAll("svg")].filter((one) => {
    const box = one.getBoundingClientRect();
    return one.checkVisibility() && (box.width < 20 || box.height < 20 || one.querySelectorAll("*").length < 1);
}).map((one) => one.getAttribute("aria-label"))"""


@pytest.mark.parametrize("name", [*PAGES, *LONG])
def test_a_page_fits_draws_everything_and_asks_for_nothing(
    browser: Browser, written: Written, name: str
) -> None:
    begun = time.perf_counter()
    with browser.open(written[name], width=WIDTHS[0]) as tab:
        seconds = time.perf_counter() - begun
        print(f"{name}: {seconds:.2f} s, {written[name].stat().st_size} bytes")  # noqa: T201 - never asserted
        for width in WIDTHS:
            tab.page.set_viewport_size({"width": width, "height": 900})
            assert tab.run("document.documentElement.scrollWidth") <= width
            assert tab.run(OUTSIDE) == [], width
            assert tab.run(EMPTY) == [], width
        assert tab.run("[...document.images].filter((one) => !one.naturalWidth).length") == 0
        assert tab.said == []
        assert [address for address in tab.asked if not address.startswith(("file:", "data:"))] == []
        assert sum(address.startswith("file:") for address in tab.asked) == 1, "the page itself"
    assert written[name].stat().st_size < MOST


@pytest.mark.parametrize(
    "name", [name for name in PAGES if name != "failed"]
)  # it has nothing that "breach" lacks
def test_axe_finds_nothing_in_light_nor_in_the_colours_of_dark(
    browser: Browser, written: Written, name: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    look = "axe.run(document, {...OPTIONS, resultTypes: ['violations']}).then((found) => found.violations)"
    with browser.open(written[name]) as tab:
        tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        Axe().run(tab.page, options={"runOnly": ["document-title"]})  # puts its script into the page
        for scheme, options in (("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")):
            tab.page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                tab.page.set_viewport_size({"width": width, "height": 900})
                found = tab.run(look.replace("OPTIONS", options))
                assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (scheme, width)


def brightness(tab: Tab) -> float:
    colour = tab.run("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_a_page_is_dark_where_the_system_is(browser: Browser, written: Written) -> None:
    with browser.open(written["detector"]) as light, browser.open(written["detector"], scheme="dark") as dark:
        assert brightness(light) > 200
        assert brightness(dark) < 60


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_files_are_neither_markup_nor_script(browser: Browser, written: Written, name: str) -> None:
    with browser.open(written[name]) as tab:
        assert tab.run("window.struck") is None
        assert tab.run("document.querySelectorAll('img, script[src], [onerror]').length") == 0
        assert "struck = 1" in tab.run("document.body.textContent"), "it is there, as text"
        assert tab.said == []
        for mark in tab.page.locator("svg [data-job]").all()[:2]:
            mark.dispatch_event("pointermove")
            assert tab.run("document.querySelector('.tip img')") is None


def test_the_table_of_passes_becomes_cards_on_a_phone(browser: Browser, written: Written) -> None:
    with browser.open(written["detector"], width=400) as tab:
        passes = "[...document.querySelectorAll('h2')].find((one) => one.textContent === 'Passes').nextElementSibling"
        cells = tab.run(
            f"[...{passes}.querySelectorAll('tr.steps td')].map((one) => one.getBoundingClientRect().right)"
        )
        assert len(cells) == 24  # of four passes
        assert max(cells) <= 400
        assert (
            tab.run(f"getComputedStyle({passes}.querySelector('tr.steps td.number'), '::before').content")
            == '"map"'
        )


def test_boxes_lie_over_the_picture_that_is_in_the_page_once(browser: Browser, written: Written) -> None:
    with browser.open(written["detector"]) as tab:
        first, second = tab.page.locator(".sampled").first.locator("svg").all()
        assert first.locator("image").count() == 1
        assert second.locator("use").count() == 1
        box, alone = second.bounding_box(), first.locator("rect.alone").bounding_box()
        assert box is not None
        assert alone is not None
        around = first.bounding_box()
        # By hand: a box from 0.7 to 0.95 across and 0.5 to 0.9 down.
        assert (alone["x"] - around["x"]) / around["width"] == pytest.approx(0.7, abs=0.01)
        assert (alone["y"] + alone["height"] - around["y"]) / around["height"] == pytest.approx(0.9, abs=0.02)
        drawn = tab.run(
            "document.querySelector('.sampled use').getBoundingClientRect().width > 50"
            " && document.querySelector('.sampled use').href.baseVal"
            " === '#' + document.querySelector('.sampled image').id"
        )
        assert drawn, "the second picture is the first again"


REACHED = """[...document.querySelectorAll(".scroll, pre")]
    .filter((one) => one.tabIndex !== 0 || one.getAttribute("role") !== "region" || !one.getAttribute("aria-label"))
    .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("name", PAGES)
def test_what_scrolls_takes_the_keyboard_and_every_heading_of_a_table_has_text(
    browser: Browser, written: Written, name: str
) -> None:
    with browser.open(written[name]) as tab:
        assert tab.run(REACHED) == []
        assert (
            tab.run("[...document.querySelectorAll('th')].filter((one) => !one.textContent.trim()).length")
            == 0
        )
        names = tab.run("[...document.querySelectorAll('[role=region]')].map((one) => one.ariaLabel)")
        assert len(names) == len({*names}), "regions are told apart"


def test_a_button_copies_the_command_without_asking_for_anything(browser: Browser, written: Written) -> None:
    with browser.open(written["detector"]) as tab:
        tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        box = tab.page.locator(".code:has([aria-label='the command that was typed'])")
        box.get_by_role("button").click()
        tab.page.wait_for_function("document.getElementById('copied').textContent === 'Copied.'")
        text = box.locator("pre").inner_text()
        assert text.startswith("tflbuild recipe=ssd_mobilenet_int8")
        assert tab.run("navigator.clipboard.readText()") == text
        assert sum(address.startswith("file:") for address in tab.asked) == 1


def test_without_a_clipboard_the_command_is_copied_as_it_is_selected(
    browser: Browser, written: Written
) -> None:
    with browser.open(written["detector"]) as tab:
        tab.run("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        box = tab.page.locator(".code:has([aria-label='the command that was typed'])")
        box.get_by_role("button").click()
        tab.page.wait_for_function("document.getElementById('copied').textContent !== ''")
        assert tab.run("getSelection().toString()") == box.locator("pre").inner_text()


def test_the_contents_lead_to_every_heading(browser: Browser, written: Written) -> None:
    with browser.open(written["detector"]) as tab:
        texts = tab.run("[...document.querySelectorAll('nav a')].map((one) => one.textContent)")
        assert texts == tab.run("[...document.querySelectorAll('h2')].map((one) => one.textContent)")
        assert {"Training", "time per operator", "Build it again", "Files and other runs"} <= {*texts}
        tab.page.get_by_role("link", name="Build it again").click()
        top = "document.getElementById(location.hash.slice(1)).getBoundingClientRect().top"
        assert 0 <= tab.run(top) < 900


def test_bars_keep_a_width_on_a_phone(browser: Browser, written: Written) -> None:
    with browser.open(written["detector"], width=400) as tab:
        widths = tab.run(
            "[...document.querySelectorAll('.rails')].map((one) => one.getBoundingClientRect().width)"
        )
        assert min(width for width in widths if width) >= 120


def test_numbers_beside_points_do_not_lie_over_one_another(browser: Browser, written: Written) -> None:
    boxes = """[...document.querySelectorAll("svg")].map((drawing) =>
        [...drawing.querySelectorAll("[data-job] text, text.strong, text.quiet")].map((one) => {
            const box = one.getBoundingClientRect();
            return [box.left + 1, box.top + 3, box.right - 1, box.bottom - 3, one.textContent];
        }))"""
    with browser.open(written["sweep"]) as tab:
        for drawing in tab.run(boxes):
            over = [
                (one[4], other[4])
                for place, one in enumerate(drawing)
                for other in drawing[:place]
                if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
            ]
            assert over == []


# The page of a sweep


def column(tab: Tab, place: int) -> list[str]:
    cells = (
        f"[...document.querySelectorAll('table.jobs tbody:not([hidden]) tr')].map((one) => one.cells[{place}]"
    )
    return [text.split("\n")[0] for text in tab.run(f"{cells}.innerText)")]


def test_a_heading_sorts_the_jobs_and_again_the_other_way(browser: Browser, written: Written) -> None:
    with browser.open(written["sweep"]) as tab:
        tab.page.get_by_role("button", name="map").click()
        rising = [float(text) for text in column(tab, 5) if text]
        assert rising == sorted(rising)
        assert len(rising) == 10
        assert column(tab, 5)[10:] == ["", ""], "jobs without a figure stay last"
        assert tab.page.locator("th[aria-sort=ascending]").inner_text() == "map"
        tab.page.get_by_role("button", name="map").click()
        assert [float(text) for text in column(tab, 5)[:10]] == rising[::-1]
        assert column(tab, 5)[10:] == ["", ""]
        tab.page.get_by_role("button", name="model.input_size").click()
        assert column(tab, 3) == ["96"] * 4 + ["128"] * 4 + ["160"] * 4, "by number, not by letter"
        tab.page.get_by_role("button", name="status").click()
        assert column(tab, 1)[-1] == "failed"


def test_words_leave_jobs_out_of_the_table_and_fade_them_in_the_charts(
    browser: Browser, written: Written
) -> None:
    with browser.open(written["sweep"]) as tab:
        assert tab.page.locator("#told").inner_text() == "12 of 12 jobs"
        tab.page.get_by_label("show jobs with").fill("input_size=128 built")
        assert column(tab, 0) == ["5", "6", "7"]
        assert tab.page.locator("#told").inner_text() == "3 of 12 jobs"
        clear = "[...document.querySelectorAll('svg [data-job]:not(.faded)')].map((one) => one.dataset.job)"
        assert sorted(tab.run(clear)) == sorted(["5", "6", "7"] * 3), "in both charts and among the lines"
        tab.page.get_by_label("show jobs with").fill("nothing has this")
        assert column(tab, 0) == []


def test_a_point_says_what_its_job_is_and_leads_to_its_page(browser: Browser, written: Written) -> None:
    with browser.open(written["sweep"]) as tab:
        point = tab.page.locator("svg a[data-job='2']").first
        point.locator("circle.dot").hover()
        tip = tab.page.locator(".tip")
        assert tip.is_visible()
        settings = "2. prune.sparsity=0.5, model.input_size=96, quantize.scheme=int8"
        assert tip.inner_text() == f"{settings}: map 0.540, size 341.8 KiB, latency 0.38 ms"
        assert tab.page.locator("tbody.pointed").get_attribute("data-job") == "2"
        tab.page.mouse.move(2, 2)
        assert tip.is_hidden()
        with tab.page.expect_request("**/report.html") as asked:
            point.locator("circle.dot").click(no_wait_after=True)
        assert unquote(asked.value.url).endswith("/prune.sparsity=0.5,model.input_size=96/report.html")


def test_a_sweep_is_whole_without_its_script(browser: Browser, written: Written) -> None:
    with browser.open(written["sweep"], script=False) as tab:
        assert tab.page.locator("table.jobs tbody").count() == 12
        assert tab.page.locator("#tools").is_hidden()
        assert (
            tab.page.locator("svg title").count() == 32
        )  # ten jobs in two charts, and a line for each of twelve
        assert tab.page.get_by_text("prune: nothing is left of the head at 0.9").count() == 2
