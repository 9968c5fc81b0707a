"""What of a recipe in a run's folder is used, and what only where the user asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.kept_recipe import Asked, Kept, check_outputs, placed, plugin_folder, take_words, without_places

MAPPING: dict[str, Any] = {
    "recipe": "mine",
    "description": "",
    "pipeline": ["train"],
    "seed": 0,
    "device": "cpu",
    "strict": False,
    "worker": {},
    "model": {"type": "a"},
    "data": {"type": "b"},
    "target": {"cpu": {"type": "c"}},
    "budget": {},
    "store": {"path": None, "remote": None},
    "outputs": "outputs",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TFLBUILD_STORE", "TFLBUILD_REMOTE", "TFLBUILD_NO_LOCAL_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def kept(here: Path, **changes: Any) -> Kept:
    run = here / "outputs" / "mine" / "run"
    return Kept(mapping=MAPPING | changes, overrides=[], file=run / "report.json", run=run)


def test_words_that_ask_for_something_are_told_from_others() -> None:
    asked, rest = take_words(["RUN", "--plugins", "store.path=x", "hydra/launcher=joblib"])
    assert asked == Asked(plugins=True, places={"store.path": "x"})
    assert rest == ["RUN", "hydra/launcher=joblib"]


def test_the_users_own_places_are_used(here: Path) -> None:
    said: list[str] = []
    mapping = placed(kept(here), Asked(), said.append)
    assert mapping == MAPPING | {"store": {"path": None, "remote": None}}
    check_outputs(kept(here), mapping, Asked())
    assert said == []


def test_a_store_that_is_there_is_used(here: Path) -> None:
    (here / "big").mkdir()
    (here / "big" / "schema").write_text("1\n")
    placed(kept(here, store={"path": str(here / "big"), "remote": None}), Asked(), print)


@pytest.mark.parametrize("path", ["elsewhere", "/somewhere", "../../x", "\0", "a" * 5000])
def test_a_store_that_is_not_there_is_said_first(path: str, here: Path) -> None:
    with pytest.raises(RecipeError):
        placed(kept(here, store={"path": path, "remote": None}), Asked(), print)


def test_hooks_and_remotes_take_a_word(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = {"mlflow": {"type": "mlflow", "tracking_uri": "http://elsewhere"}}
    given = kept(here, hooks=hooks, store={"path": None, "remote": "s3://theirs/x"})
    said: list[str] = []
    mapping = placed(given, Asked(), said.append)
    assert (mapping["hooks"], mapping["store"]["remote"]) == ({}, None)
    assert "store.remote=s3://theirs/x uses it" in said[0]
    assert "(mlflow); --hooks calls them" in said[1]
    mapping = placed(given, Asked(hooks=True, places={"store.remote": "s3://theirs/x"}), said.append)
    assert (mapping["hooks"], mapping["store"]["remote"]) == (hooks, "s3://theirs/x")
    monkeypatch.setenv("TFLBUILD_REMOTE", "s3://theirs/x")
    assert placed(given, Asked(), said.append)["store"]["remote"] == "s3://theirs/x"


def test_outputs_elsewhere_are_said_first(here: Path) -> None:
    given = kept(here, outputs="/somewhere")
    with pytest.raises(RecipeError, match="say where to build: outputs=FOLDER"):
        check_outputs(given, MAPPING | {"outputs": "/somewhere"}, Asked())


def test_plugins_are_the_users_own_or_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = here / "plugins"
    own.mkdir()
    said: list[str] = []
    assert plugin_folder(None, Asked(), said.append) == own
    assert plugin_folder(str(own), Asked(), said.append) == own
    assert said == []
    assert plugin_folder("/theirs", Asked(), said.append) == own
    assert "the plugins in /theirs are not loaded" in said[0]
    assert plugin_folder("/theirs", Asked(plugins=True), said.append) == Path("/theirs")
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "1")
    assert plugin_folder(str(own), Asked(), said.append) is None
    with pytest.raises(RecipeError, match="forbids plugins"):
        plugin_folder("/theirs", Asked(plugins=True), said.append)


def test_a_lock_brings_no_places_and_no_hooks() -> None:
    assert set(MAPPING | {"hooks": {}}) - set(without_places(MAPPING | {"hooks": {}})) == {
        "store",
        "outputs",
        "hooks",
    }
