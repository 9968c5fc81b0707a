"""Altered files of every kind: see `benchmarks/mutations.py`, which tries more of them."""

from __future__ import annotations

import random

import pytest

import mutations
from mutating import alterations, specimens
from mutating.kinds import KINDS

COUNT = 500


@pytest.mark.slow
def test_no_altered_file_ends_in_anything_but_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code = mutations.main(["--count", str(COUNT), "--seed", "10"])
    assert code == 0, capsys.readouterr().out


def test_the_same_seed_alters_alike() -> None:
    content = specimens.keras_h5()
    once, again, other = (alterations.of_bytes(content, random.Random(seed)) for seed in (1, 1, 2))
    assert once == again != other


def test_every_kind_alters_its_files() -> None:
    assert len(KINDS) >= 10
    content = {
        "h5": specimens.keras_h5(),
        "keras": specimens.keras_zip(),
        "recipe": specimens.RECIPE.encode(),
    }
    for name, whole in content.items():
        altered = {KINDS[name].alter(whole, random.Random(seed)) for seed in range(20)}
        assert len(altered - {whole}) >= 15, name
