"""A real model that is given other pixels, or other classes, than it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("chance"))


def finding(shared_cases: Path, here: Workspace, *overrides: str) -> list[dict[str, Any]]:
    """Build as far as the base; gives the findings of the look at it."""
    data = ("data=image_folder", f"data.root={shared_cases / 'shapes'}", "stop_after=train")
    model = ("model=keras", f"model.path={shared_cases / 'keras' / 'nnsoftmax.h5'}")
    report = here.build("recipe=mobilenet_v1_int8", *data, *model, *overrides)
    assert report["status"] == "built"
    found = [note for entry in report["analyses"] for note in entry["findings"]]
    assert [note["text"] for note in found] == [text for text in report["warnings"] if "the base" in text]
    return found


def test_wrong_pixels_and_wrong_classes_are_found_out_and_the_right_ones_are_not(
    shared_cases: Path, here: Workspace
) -> None:
    assert finding(shared_cases, here) == []
    pixels = ("data.preprocess.scale=1", "data.preprocess.offset=0")
    (wrong,) = finding(shared_cases, here, "data.classes=[square,triangle,disc]", *pixels)
    assert "preprocess.scale=0.0078" in wrong["text"]
    assert "data.classes=[disc,square,triangle]" in wrong["text"]
    best = max(row["with_order"]["value"] for row in wrong["readings"] if "with_order" in row)
    assert best > 0.95
