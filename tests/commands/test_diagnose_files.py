"""`tflbuild diagnose FILE base=FILE` where only the base shows what its outputs are."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreign_networks import Draft
from own_files import CLASSES, write_classes, write_photos
from tflbuild.commands.diagnose import _said_by_base
from tflbuild.recipe.load import load_recipe


def logits(classes: int = 3) -> bytes:
    draft = Draft(6, image=(1, 12, 12, 3))
    draft.conv("seen", "image", 4)
    draft.reshape("flat", "seen", 1, 576)
    draft.dense("row", "flat", classes)
    return draft.content("row")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a base that has its classes beside it, a file that has none, and pictures."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.tflite").write_bytes(logits())
    (tmp_path / "base" / "labels.txt").write_text("\n".join(CLASSES))
    (tmp_path / "file.tflite").write_bytes(logits())
    (tmp_path / "more.tflite").write_bytes(logits(4))
    write_classes(tmp_path / "photos", count=4)
    write_photos(tmp_path / "unlabelled", count=8)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(file: str, data: str, *words: str) -> list[str]:
    recipe = load_recipe(["recipe=int8", "model.path=base/base.tflite", f"data.root={data}"])
    return _said_by_base(recipe, file, words)


def test_scores_are_taken_for_what_those_of_the_base_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said("file.tflite", "photos") == ["model.outputs=logits"]
    assert "the outputs of 'file.tflite' are taken as logits, like the base's" in capsys.readouterr().err


def test_what_is_said_or_shown_or_of_another_width_stays_as_it_is(here: Path) -> None:
    assert said("file.tflite", "photos", "model.outputs=sigmoid") == []
    assert said("more.tflite", "photos") == []
    assert said("base/base.tflite", "photos") == []
    assert said("file.tflite", "unlabelled") == []
