"""Recipe files from elsewhere: read, or refused in one sentence that names the file and the line or the key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import load_recipe

FIRST = "# @package _global_\n"
START = f"{FIRST}defaults: [ssd_mobilenet_float, _self_]\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins.load(None)
    Path("recipes").mkdir()


def refused(content: str | bytes, name: str = "mine") -> str:
    """Write a recipe, load it, and give the sentence with which it is refused."""
    data = content.encode() if isinstance(content, str) else content
    Path(f"recipes/{name}.yaml").write_bytes(data)
    with pytest.raises(RecipeError) as caught:
        load_recipe([f"recipe={name}"])
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 500
    return sentence


REPEATED = {
    "aliases": (
        START
        + "a0: &a0 [x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)),
        "line 7 cannot be read: it stands for more than 5,000 values",
    ),
    "merged aliases": (
        START
        + "a0: &a0 {x: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 10)),
        "it stands for more than 5,000 values",
    ),
    "an alias of itself": (START + "a: &a [*a]\n", "line 3 cannot be read: the alias *a stands inside"),
    "texts": (
        START + "a0: xx\n" + "".join(f'a{n}: "{f"${{a{n - 1}}}" * 10}"\n' for n in range(1, 10)),
        "interpolations lead to more than 200 others",
    ),
    "mappings": (
        START
        + "a0: {x: 1}\n"
        + "".join(
            "a%d: {%s}\n" % (n, ", ".join("k%d: '${a%d}'" % (k, n - 1) for k in range(10)))  # noqa: UP031
            for n in range(1, 10)
        ),
        "interpolations lead to more than 200 others",
    ),
    "a long chain": (
        START + "".join(f"a{n}: ${{a{n + 1}}}\n" for n in range(60)) + "a60: 1\n",
        "more than 20 interpolations of the recipe lead to one another",
    ),
    "very many": (START + "".join(f"a{n}: ${{seed}}\n" for n in range(2000)), "more than 200 interpolations"),
    "itself": (START + "description: ${description}\n", "description: Recursive interpolation"),
    "one another": (START + "description: ${outputs}\noutputs: ${description}\n", "description: Recursive"),
    "nested interpolations": (
        START + f'description: "{"${" * 5000}{"}" * 5000}"\n',
        "description: an interpolation",
    ),
}
ENCODINGS = {
    "UTF-16": (START.encode("utf-16"), "line 1: byte 0xff is not UTF-8; save the file as UTF-8"),
    "UTF-16 without a mark": (
        START.encode("utf-16-le"),
        "line 1 cannot be read: it holds the control character 0x0",
    ),
    "Latin-1": ((START + "description: f\u00fcr\n").encode("latin-1"), "line 3: byte 0xfc is not UTF-8"),
    "a bell": (START + 'description: "a\x07"\n', "line 3 cannot be read: it holds the control character 0x7"),
    "a tab": (START + "data:\n\tseed: 1\n", "line 4 cannot be read"),
    "100 MB": (START + "x: |\n" + "  y\n" * 100_000, "at most 262144 are read"),
    "10,000 digits": (
        START + f"seed: 1{'0' * 10_000}\n",
        "line 3 cannot be read: a number has 10,001 characters",
    ),
    "100,000 digits of 16": (START + f"seed: 0x{'f' * 100_000}\n", "a number has 100,002 characters"),
    "minutes and seconds": (START + f"seed: {'1:' * 5000}1\n", "a number has 10,001 characters"),
    "deep lists": (START + f"a: {'[' * 50_000}\n", "line 3 cannot be read: more than 30 mappings and lists"),
    "deep mappings": (START + f"a: {'{a: ' * 20_000}\n", "more than 30 mappings and lists"),
    "deep blocks": (START + f"a:\n {'- ' * 20_000}x\n", "more than 30 mappings and lists"),
    "two documents": (START + "---\nseed: 1\n", "line 3 cannot be read"),
    "nothing": ("", "its first line must be '# @package _global_'"),
    "no first line": ("defaults: [ssd_mobilenet_float]\n", "its first line must be '# @package _global_'"),
}
VALUES = {
    "code": (
        START + "seed: !!python/object/apply:os.system [ls]\n",
        "has the tag '!!python/object/apply:os.system'",
    ),
    "bytes": (START + "description: !!binary aGVsbG8=\n", "line 3 cannot be read: it has the tag '!!binary'"),
    "a false number": (START + "seed: !!int abc\n", "it has the tag '!!int'"),
    "a key twice": (START + "seed: 1\nseed: 2\n", "line 4 cannot be read: found duplicate key seed"),
    "a number as key": (START + "data: {1: 2}\n", "'data.1': a key is text; 1 is none, put it in quotes"),
    "on as key": (START + "on: 2\n", "'True': a key is text"),
    "null as key": (START + "~: 2\n", "'None': a key is text"),
    "an empty key": (START + '"": 2\n', "a key needs letters"),
    "a key with ESC": (START + '"\\x1b[31m": 2\n', "'\\x1b[31m': a key needs letters"),
    "a date": (START + "seed: 2024-01-02\n", "seed: '2024-01-02' should be a valid integer"),
    "the environment": (
        START + "description: ${oc.env:AWS_SECRET}\n",
        "oc.env:AWS_SECRET: a recipe may read",
    ),
    "decoding": (START + "description: ${oc.decode:x}\n", "description: '${oc.decode:...}' is not read"),
    "creating": (
        START + 'description: "${oc.create:{a: 1}}"\n',
        "description: '${oc.create:...}' is not read",
    ),
    "Hydra's values": (
        START + "description: ${hydra:runtime.cwd}\n",
        "'${hydra:...}' is not read in a recipe",
    ),
}
DEFAULTS = {
    **{
        text: (f"{FIRST}defaults: {text}\n", "is no list")
        for text in ("7", "ssd_mobilenet_float", "{/model: a}", "null")
    },
    **{
        text: (f"{FIRST}defaults: {text}\n", "defaults.0: ")
        for text in (
            "[7]",
            "[null]",
            "[[a]]",
            "[{a: b, c: d}]",
            "[{}]",
            '[""]',
            "[{/model: {a: 1}}]",
            "[{/model: 7}]",
        )
    },
    "an interpolation": (f'{FIRST}defaults: ["${{a}}"]\n', "names are written out"),
    "a folder above": (f"{FIRST}defaults: [../../etc/passwd]\n", "names are written out"),
    "itself": (f"{FIRST}defaults: [mine, _self_]\n", "recipes name one another in a circle: mine -> mine"),
}
CODE = {
    "a callback": (START + "hydra: {callbacks: {x: {_target_: os.system}}}\n", "may not configure Hydra"),
    "a launcher by default": (
        FIRST + "defaults: [ssd_mobilenet_float, {/hydra/launcher: x}]\n",
        "configure Hydra",
    ),
    "a package of Hydra": (
        "# @package hydra.callbacks\nx: {a: 1}\n",
        "'@package hydra.callbacks': a recipe may not",
    ),
    "a default into Hydra": (
        FIRST + "defaults: [{/data@hydra.callbacks.x: voc}]\n",
        "may not configure Hydra",
    ),
    "a target in a list": (START + "x: [{_target_: os.system}]\n", "may not name code"),
}


@pytest.mark.parametrize(
    ("content", "message"),
    [row for table in (REPEATED, ENCODINGS, VALUES, DEFAULTS, CODE) for row in table.values()],
    ids=[name for table in (REPEATED, ENCODINGS, VALUES, DEFAULTS, CODE) for name in table],
)
def test_what_is_no_recipe_is_refused_in_one_sentence(content: str | bytes, message: str) -> None:
    assert message in refused(content)


def test_recipes_that_name_one_another_are_a_circle() -> None:
    Path("recipes/other.yaml").write_text(f"{FIRST}defaults: [mine, _self_]\n")
    assert "circle: mine -> other -> mine" in refused(f"{FIRST}defaults: [other, _self_]\n")


def test_recipes_that_double_with_each_file_are_bounded() -> None:
    for n in range(20):
        Path(f"recipes/_d{n}.yaml").write_text(f"{FIRST}defaults: [_d{n + 1}, _d{n + 1}]\n")
    Path("recipes/_d20.yaml").write_text(f"{FIRST}seed: 1\n")
    assert "recipe=mine: its defaults name more files than are read" in refused(f"{FIRST}defaults: [_d0]\n")


def test_a_group_file_may_run_nothing_either() -> None:
    Path("recipes/data").mkdir()
    Path("recipes/data/evil.yaml").write_text(
        "# @package _global_\nhydra: {callbacks: {x: {_target_: os.system}}}\n"
    )
    assert "may not configure Hydra" in refused(f"{FIRST}defaults: [{{/data: evil}}]\n")
    Path("recipes/hydra/launcher").mkdir(parents=True)
    Path("recipes/hydra/launcher/mine.yaml").write_text("_target_: os.system\n")
    with pytest.raises(RecipeError, match="hydra/launcher"):
        load_recipe(["recipe=ssd_mobilenet_float", "+hydra/launcher=mine"])


def test_a_fifo_is_no_recipe() -> None:
    os.mkfifo("recipes/mine.yaml")
    with pytest.raises(RecipeError, match="not a regular file"):
        load_recipe(["recipe=mine"])


def test_a_byte_order_mark_of_utf_8_is_read() -> None:
    Path("recipes/mine.yaml").write_bytes(b"\xef\xbb\xbf" + START.encode() + b"seed: 5\n")
    assert load_recipe(["recipe=mine"]).seed == 5


def test_aliases_that_stand_for_little_are_read() -> None:
    text = "train: &long {steps: 7, average: 0.5}\nconvert: {budget: {map: &small {max_drop: 0.5}, size: {max: 7}}}\n"
    Path("recipes/mine.yaml").write_text(START + text + "budget: {map: *small}\n")
    assert load_recipe(["recipe=mine"]).limits[0].bound == 0.5
