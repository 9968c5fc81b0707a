"""Headless Chromium, as Debian installs it; no browser is ever downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
)


def chromium() -> str:
    """Give the browser's path; "" where there is none. $TFLBUILD_TEST_CHROMIUM names another."""
    given = os.environ.get("TFLBUILD_TEST_CHROMIUM")
    return given or next((path for name in NAMES if (path := shutil.which(name))), "")


@dataclass
class Tab:
    """A page in the browser, with what it said and asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def run(self, script: str) -> Any:
        """Evaluate an expression of JavaScript."""
        return self.page.evaluate(script)


class Browser:
    """Opens pages, each in a context of its own."""

    def __init__(self, started: Any) -> None:
        self._started = started

    @contextmanager
    def open(
        self, file: Path, *, width: int = 1280, scheme: str = "light", script: bool = True
    ) -> Iterator[Tab]:
        """Open a file; whatever it writes to the console and whatever it asks for is noted."""
        context = self._started.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        tab = Tab(context.new_page())
        tab.page.on("console", lambda message: tab.said.append(message.text))
        tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.page.on("request", lambda request: tab.asked.append(request.url))
        try:
            tab.page.goto(file.as_uri())
            yield tab
        finally:
            context.close()


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield Browser(started)
        finally:
            started.close()
