"""What of a recipe in a run's folder is used, and what only where the user asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.errors import PluginError, RecipeError, TflbuildError
from tflbuild.recipe import kept as kept_recipe
from tflbuild.recipe.kept import (
    Asked,
    Kept,
    at_hand,
    check_outputs,
    placed,
    plugin_folder,
    take_words,
    thawed,
    without_places,
)

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


def test_a_tilde_in_a_place_is_the_home_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    asked, _ = take_words(["RUN", "outputs=~/x", "store.path=~"])
    assert asked.places == {"outputs": "/home/me/x", "store.path": "/home/me"}
    monkeypatch.setenv("TFLBUILD_STORE", "~/store")
    given = kept(here, store={"path": "/home/me/store", "remote": None})
    assert placed(given, Asked(), print)["store"]["path"] == "/home/me/store"


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


def test_devices_take_a_word(here: Path) -> None:
    phone, cpu = {"type": "android", "adb": "/theirs/adb"}, {"type": "cpu"}
    given = kept(here, target={"cpu": cpu, "my_phone": phone, "new": {"type": "of_a_plugin"}})
    said: list[str] = []
    mapping = at_hand(given, placed(given, Asked(), print), Asked(), said.append)
    assert list(mapping["target"]) == ["cpu", "new"]
    assert said == [f"target my_phone of {given.file} is not measured on: --devices reaches it"]
    assert at_hand(given, given.mapping, Asked(devices=True), print)["target"]["my_phone"] == phone
    alone = kept(here, target={"board": {"type": "remote", "host": "theirs"}})
    with pytest.raises(
        RecipeError, match=r"target board of .* --devices reaches it, if you trust that folder"
    ):
        at_hand(alone, alone.mapping, Asked(), print)


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


def test_a_word_without_a_place_asks_for_nothing() -> None:
    asked, rest = take_words(
        ["--hooks", "--devices", "store.remote=", "outputs=a=b", "outputs2=x", "store.path", "seed=1"]
    )
    assert asked == Asked(
        hooks=True, devices=True, places={"store.remote": "", "outputs": "a=b", "store.path": ""}
    )
    assert rest == ["outputs2=x", "seed=1"]
    assert take_words([]) == (Asked(plugins=False, hooks=False, places={}), [])


def test_places_that_are_asked_for_take_the_place_of_recorded_ones(here: Path) -> None:
    given = kept(here, store={"path": "theirs", "remote": "s3://x", "shared": True}, outputs="/theirs")
    places = {"store.path": "mine", "store.remote": "", "outputs": "runs"}
    said: list[str] = []
    mapping = placed(given, Asked(places=places), said.append)
    assert mapping["store"] == {"path": "mine", "remote": None, "shared": True}
    assert mapping["outputs"] == "runs"
    assert said == []
    assert given.mapping["store"]["path"] == "theirs", "what is kept stays as it is"
    check_outputs(given, mapping, Asked(places=places))


def test_outputs_that_are_asked_for_have_a_store_of_their_own(here: Path) -> None:
    given = kept(here, outputs="/theirs")
    with pytest.raises(RecipeError) as caught:
        placed(given, Asked(), print)
    assert str(caught.value) == (
        f"{given.file}: its store would be /theirs/store, where there is none; say where to keep results: "
        "store.path=FOLDER."
    )
    assert placed(given, Asked(places={"outputs": "/mine"}), print)["outputs"] == "/mine"
    theirs = kept(here, store={"path": "/theirs", "remote": None})
    with pytest.raises(RecipeError, match="its store would be /theirs, "):
        placed(theirs, Asked(places={"outputs": "/mine"}), print)


def test_the_store_of_the_environment_is_the_users_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = kept(here, store={"path": "/mine/store", "remote": None})
    monkeypatch.setenv("TFLBUILD_STORE", "/mine/store")
    assert placed(given, Asked(), print)["store"]["path"] == "/mine/store"
    for other in ("/mine", ""):
        monkeypatch.setenv("TFLBUILD_STORE", other)
        with pytest.raises(RecipeError, match="/mine/store"):
            placed(given, Asked(), print)


@pytest.mark.parametrize(
    ("name", "run", "outputs", "right"),
    [
        # (the recipe's name, where its run lies, what it says of outputs, whether that is where it lies)
        ("mine", "else/mine/run", "else", True),
        ("mine", "else/mine/run", "else/mine", False),
        ("a/mine", "else/a/mine/run", "else", True),
        ("a/mine", "else/a/mine/run", "else/a", True),
        ("a/mine", "else/a/mine/run", "else/a/mine", False),
        ("mine", "else/mine/run", "outputs", True),
        ("mine", "else/mine/run", "other", False),
    ],
)
def test_a_run_is_made_beside_its_run(name: str, run: str, outputs: str, right: bool, here: Path) -> None:
    folder = here / run
    given = Kept(
        mapping=MAPPING | {"recipe": name, "outputs": outputs},
        overrides=[],
        file=folder / "report.json",
        run=folder,
        cwd=here,
    )
    if right:
        check_outputs(given, given.mapping, Asked())
        placed(given, Asked(), print)
        return
    with pytest.raises(RecipeError) as caught:
        check_outputs(given, given.mapping, Asked())
    assert str(caught.value) == (
        f"{folder}/report.json: outputs is {outputs}, where this run does not lie; say where to build: outputs=FOLDER."
    )


def test_paths_are_relative_to_where_the_recipe_was_built(here: Path) -> None:
    (here / "there" / "big").mkdir(parents=True)
    (here / "there" / "big" / "schema").write_text("1\n")
    given = kept(here, store={"path": "big", "remote": None})
    with pytest.raises(RecipeError):
        placed(given, Asked(), print)
    there = Kept(mapping=given.mapping, overrides=[], file=given.file, run=given.run, cwd=here / "there")
    assert placed(there, Asked(), print)["store"]["path"] == "big"


def test_what_is_left_out_is_said_by_name(here: Path) -> None:
    said: list[str] = []
    given = kept(here, hooks={"b": {}, "a\x1b": {}}, store={"path": None, "remote": "s3://x"})
    placed(given, Asked(), said.append)
    assert said == [
        f"store.remote of {given.file} is not used; store.remote=s3://x uses it",
        f"the hooks of {given.file} are not called (b, a\\x1b); --hooks calls them",
    ]


def test_plugins_that_are_not_loaded_are_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    assert plugin_folder("/their\x1bs", Asked(), said.append) is None
    assert said == [
        "the plugins in /their\\x1bs are not loaded; --plugins loads them, if you trust that folder"
    ]
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "\x1byes")
    with pytest.raises(RecipeError) as caught:
        plugin_folder("/theirs", Asked(plugins=True), said.append)
    assert str(caught.value) == (
        "--plugins: $TFLBUILD_NO_LOCAL_PLUGINS=\\x1byes forbids plugins of any folder."
    )
    assert plugin_folder(None, Asked(plugins=True), said.append) is None


@pytest.mark.parametrize("call", ["placed", "thawed"])
def test_a_kept_recipe_of_another_form_is_refused_by_its_file(call: str, here: Path) -> None:
    given = kept(here, seed="x")
    with pytest.raises(RecipeError) as caught:
        placed(given, Asked(), print) if call == "placed" else thawed(given.mapping, given, None)
    assert str(caught.value).startswith(
        f"{given.file}: its recipe is none: resolved.seed is 'x' (a string); "
    )
    assert str(caught.value).endswith("number, 0 or more.")


def test_a_recipe_is_made_of_what_was_kept_and_errors_name_its_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = kept(here)
    asked: list[Any] = []
    monkeypatch.setattr(kept_recipe, "thaw", lambda *words, assumed: asked.append(words))
    other = MAPPING | {"seed": 1}
    thawed(other, given, Path("p"))
    assert asked == [(other, [], Path("p"))]

    def failing(error: Exception) -> str:
        def thaw(*words: Any, assumed: bool) -> None:
            raise error

        monkeypatch.setattr(kept_recipe, "thaw", thaw)
        with pytest.raises(TflbuildError) as caught:
            thawed(given.mapping, given, None)
        assert type(caught.value) is (type(error) if isinstance(error, TflbuildError) else RecipeError)
        return str(caught.value)

    assert failing(PluginError("gone")) == f"{given.file}: gone"
    for error in (
        KeyError("a"),
        ValueError("a"),
        TypeError("a"),
        AttributeError("a"),
        ZeroDivisionError("a"),
    ):
        assert failing(error) == f"{given.file}: its recipe is none: {error!r}."
    assert failing(RecursionError()) == f"{given.file}: its recipe is none: RecursionError()."


def test_a_lock_keeps_what_decides_results() -> None:
    run = (
        "locked",
        "stop_after",
        "keep_intermediate",
        "time_passes",
        "tensorboard",
        "store",
        "outputs",
        "hooks",
        "objective",
    )
    assert without_places({"seed": 0, **dict.fromkeys(run, 1)}) == {"seed": 0}


def test_what_is_no_path_is_said_by_its_file(here: Path) -> None:
    given = kept(here, store={"path": "\0", "remote": None})
    with pytest.raises(RecipeError) as caught:
        placed(given, Asked(), print)
    assert str(caught.value).startswith(f"{given.file}: '\\x00' is not a path: ")
    assert str(caught.value).endswith(".")
