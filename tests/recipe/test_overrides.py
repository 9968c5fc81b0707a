"""What is typed as KEY=VALUE: read as Hydra reads it, or one sentence, at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import overrides
from tflbuild.recipe.load import load_recipe
from tflbuild.show import hydra_app

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
        (
            "model=null",
            "model: null is not a choice; there are autoencoder, ds_cnn, efficientdet_lite0, efficientnet_lite0",
        ),
        ("model=7", "model: 7 is not a choice"),
        ("target=null", "target: null is not a choice"),
        ("prune=7", "prune: 7 is not a mapping of the step's options"),
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


def refused(*words: str) -> str:
    with pytest.raises(RecipeError) as caught:
        overrides.parse(words)
    return str(caught.value)


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("seed=3", "seed", 3),
        ("a.b=[1,{c: null}]", "a.b", [1, {"c": None}]),
        ("x=", "x", ""),
        ("description=1" + "0" * 58, "description", int("1" + "0" * 58)),
        ("a=" + "[" * 15 + "]" * 15, "a", eval("[" * 15 + "]" * 15)),
        ("a=[[],[],[[]],{b: []}]", "a", [[], [], [[]], {"b": []}]),
        ("digest=" + "a" + "1" * 63, "digest", "a" + "1" * 63),
        ('path="x/' + "1" * 64 + '"', "path", "x/" + "1" * 64),
        ("a=x_" + "1" * 60, "a", "x_" + "1" * 60),
        ("description='a\n\tb'", "description", "a\n\tb"),
        ('a="' + "x" * 19_996 + '"', "a", "x" * 19_996),
        ('a="~x"', "a", "~x"),
    ],
)
def test_a_word_is_read_as_key_and_value(word: str, key: str, value: object) -> None:
    [override] = overrides.parse([word])
    assert override.key_or_group == key
    assert override.value() == value


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            'a="' + "x" * 19_997 + '"',
            "a: it has 20,001 characters; at most 20,000 are read. Use a recipe file.",
        ),
        (
            "a=" + "[" * 16 + "]" * 16,
            "a: more than 15 brackets lie inside one another in " + "[" * 16 + "]" * 16 + ".",
        ),
        (
            "a=" + "[({" * 5 + "[" + "x" * 90,
            "a: more than 15 brackets lie inside one another in " + "[({" * 5 + "[",
        ),
        ("a=" + "1" * 60, "a: a number has more than 60 digits."),
        ("a=[-" + "1" * 60 + "]", "a: a number has more than 60 digits."),
        ("a=" + "1_" * 30, "a: a number has more than 60 digits."),
        ("b\x1b=1", "b\\x1b=1: it holds a control character."),
        ('b="x\r"', 'b="x\\r": it holds a control character.'),
        (
            "a${x:1}=${x:1}",
            "a${x:1}: '${x:...}' is not read in a recipe; write ${KEY}, or ${oc.env:NAME,DEFAULT}.",
        ),
        ("seed", "seed: cannot be read as KEY=VALUE."),
        ("a b=1", "a b=1: cannot be read as KEY=VALUE; a text with other signs needs quotes: 'a b=\"...\"'."),
        ("a='b", "a='b: cannot be read as KEY=VALUE: a quote is not closed, or something follows it."),
        ('a="b"c', 'a="b"c: cannot be read as KEY=VALUE: a quote is not closed, or something follows it.'),
        ("a=b c]", "a=b c]: cannot be read as KEY=VALUE; a text with other signs needs quotes: 'a=\"...\"'."),
        (
            "a=" + "x" * 120 + "]",
            f"a={'x' * 97}…: cannot be read as KEY=VALUE; a text with other signs needs quotes: 'a=\"...\"'.",
        ),
    ],
)
def test_a_word_that_cannot_be_read_says_why(word: str, message: str) -> None:
    sentence = refused("seed=3", word)
    assert sentence.startswith(message)
    assert sentence == message or not message.endswith(".")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("a=~", "/home/me"),
        ("a=~/x", "/home/me/x"),
        ('a=~/x "y"', '/home/me/x "y"'),
        ("a=~/x\\y", "/home/me/x\\y"),
    ],
)
def test_a_tilde_that_a_shell_left_is_written_out(
    word: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    [override] = overrides.parse([word])
    assert override.value() == value


@pytest.mark.parametrize("error", [ValueError, RecursionError])
def test_whatever_else_a_parser_raises_is_one_sentence(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Parser:
        def parse_overrides(self, words: list[str]) -> None:
            raise error("y" * 200)

    monkeypatch.setattr(overrides.OverridesParser, "create", lambda: Parser())
    assert refused("a=1", "b=" + "x" * 200) == (
        f"a=1 b={'x' * 93}…: cannot be read as KEY=VALUE: {'y' * 99}…."
    )
