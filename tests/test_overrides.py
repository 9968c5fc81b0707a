"""What is typed as KEY=VALUE: read as Hydra reads it, or one sentence, at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild import hydra_app, plugins
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import load_recipe

R = "recipe=ssd_mobilenet_int8"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "my home"))
    plugins.load(None)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("a=" + "[" * 5000, "a: more than 15 brackets"),
        ("a=[[[", "a=[[[: cannot be read as KEY=VALUE"),
        ('description="abc', "a quote is not closed"),
        ("seed=" + "1" * 10_000, "seed: a number has more than 60 digits"),
        ("description=" + "x" * 30_000, "description: it has 30,012 characters"),
        ("description=${oc.decode:x}", "description: '${oc.decode:...}' is not read"),
        ("description=${description}", "description: Recursive interpolation"),
        ('description="\x1b[2J"', "holds a control character"),
        ("=3", "it names no key"),
        ("model=null", "model: null is no choice; there are keras"),
        ("model=7", "model: 7 is no choice"),
        ("target=null", "target: null is no choice"),
        ("prune=7", "prune: 7 is no mapping of the step's options"),
        ("hydra.callbacks.x._target_=os.system", "hydra.callbacks"),
        ("+hydra.launcher._target_=os.system", "hydra.launcher"),
        ("hydra.searchpath=[pkg://os]", "hydra.searchpath"),
        ("+x._target_=os.system", "x: there is no such key"),
        ("+prune._target_=os.system", "prune._target_: there is no such option"),
        ("seed=1,2", "several values make a sweep; add -m"),
    ],
)
def test_a_wrong_word_is_one_sentence(typed: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe([R, typed])
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("typed", ["outputs=~/x", 'outputs="~/x"'])
def test_a_tilde_is_the_users_folder(typed: str, tmp_path: Path) -> None:
    assert load_recipe([R, typed]).outputs == tmp_path / "my home/x"


def test_a_tilde_is_expanded_wherever_a_path_is_given(tmp_path: Path) -> None:
    recipe = load_recipe(
        [R, "store.path=~/s", "data=voc", "data.root=~/d", "quantize.calibration.source=~/c/*.jpg"]
    )
    home = tmp_path / "my home"
    assert recipe.store == home / "s"
    assert recipe.mapping["data"]["root"] == f"{home}/d"
    assert recipe.mapping["quantize"]["calibration"]["source"] == f"{home}/c/*.jpg"
    assert load_recipe([R, "outputs=$HOME/x"]).outputs == tmp_path / "$HOME/x"


@pytest.mark.parametrize("path", ["a b", "a=b,c", "f\u00fcr", "a'b", "a#b"])
def test_any_path_can_be_quoted(path: str, tmp_path: Path) -> None:
    assert load_recipe([R, f'outputs="{path}"']).outputs == tmp_path / path


@pytest.mark.parametrize(
    "word", ["hydra.callbacks.x._target_=os.system", "+hydra/launcher=joblib", "++hydra={a: 1}"]
)
def test_hydras_own_settings_cannot_be_shown_with_code_in_them(word: str) -> None:
    with pytest.raises(RecipeError, match="Hydra's own settings"):
        hydra_app.run_hydra([R, "--cfg", "job", word])
