"""The pages, written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import made_up
import pages
from tflbuild.show.pages import diagnosis
from tflbuild.show.pages.beside import beside
from tflbuild.show.pages.links import Links
from tflbuild.show.pages.page import render
from tflbuild.show.pages.sweep import render_summary


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Write every page; gives the files by name."""
    folder = tmp_path_factory.mktemp("pages")
    found = folder / "diagnosis"
    found.mkdir()
    (found / "diagnosis.json").write_text(json.dumps(pages.diagnosis()))
    made = {
        "diagnosis/diagnosis": diagnosis.render(pages.diagnosis()),
        "hostile diagnosis": diagnosis.render(pages.diagnosis(pages.HOSTILE)),
        "classifier": render(pages.classifier()),
        "breach": render(pages.breach()),
        "devices": render(pages.devices()),
        "failed": render(
            made_up.report("failed") | {"error": f"{pages.LONG} broke", "reproduce": pages.LONG}
        ),
        "long diagnosis": diagnosis.render(pages.diagnosis(pages.LONG)),
        "long sweep": render_summary(pages.sweep(pages.LONG)),
        "hostile": render(pages.hostile()),
        "sweep": render_summary(pages.sweep()),
        "hostile sweep": render_summary(pages.sweep(pages.HOSTILE)),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    links = Links(
        files=(("./", "run folder"), ("model.tflite", "model for cpu"), ("log.txt", "log")),
        runs=(("../2026-11-20_08-00-00/report.html", "2026-11-20_08-00-00"),),
        more=3,
    )
    detector = render(pages.detector(), beside(folder), "outputs/a run", links)
    (folder / "detector.html").write_text(detector, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in (*made, "detector")}
