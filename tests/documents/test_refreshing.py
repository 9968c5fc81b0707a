"""The output that pages show is put in by a script that runs their commands again."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from documents import ROOT
from tflbuild import __version__

FENCE = "```"


@pytest.fixture(scope="module")
def refreshing() -> Any:
    """Load `docs/refresh_outputs.py`."""
    spec = importlib.util.spec_from_file_location("refresh_outputs", ROOT / "docs" / "refresh_outputs.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_output_is_replaced_and_what_was_shortened_by_hand_stays(refreshing: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    short = f"{FENCE}text\n$ tflbuild --help\n...\nthe end\n{FENCE}\n"
    page.write_text(f"# Page\n\n{FENCE}text\n$ tflbuild --version\nold\n{FENCE}\n\n{short}", encoding="utf-8")
    refreshing.main(str(page), str(tmp_path))
    new = f"{FENCE}text\n$ tflbuild --version\ntflbuild {__version__}\n{FENCE}"
    assert page.read_text(encoding="utf-8") == f"# Page\n\n{new}\n\n{short}"


def test_an_exit_code_that_the_page_does_not_say_leaves_the_page_as_it_was(
    refreshing: Any, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    text = f"{FENCE}text\n$ tflbuild nonsense\nold\n{FENCE}\n\nThis works.\n"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="exit code 2, and the page says 0"):
        refreshing.main(str(page), str(tmp_path))
    assert page.read_text(encoding="utf-8") == text
    page.write_text(text.replace("This works.", "It ends with exit code 2."), encoding="utf-8")
    refreshing.main(str(page), str(tmp_path))
    assert "old" not in page.read_text(encoding="utf-8")
