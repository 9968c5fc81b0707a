"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of real data, `bccd/` and `cards/`; skip where it is absent."""
    given = os.environ.get("TFLBUILD_TEST_DATA")
    folder = Path(given) if given else CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data: neither $TFLBUILD_TEST_DATA nor ../shared/data is a folder")
    return folder
