"""Recipe files from elsewhere: read, or refused in one sentence that names the file and the line or the key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.core.errors import RecipeError
from tflbuild.recipe import text as recipe_text
from tflbuild.recipe.load import load_recipe

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
    "nothing": ("", "model: the recipe chooses none"),
    "another package": ("# @package data\nseed: 1\n", "a recipe has no '@package data'; remove that line"),
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
    "on as key": (START + "on: 2\n", "on: there is no such key in a recipe"),
    "true as key": (START + "true: 2\n", "'True': a key is text"),
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
        text: (f"{FIRST}defaults: {text}\n", "is not a list")
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
            "[{/target: [null]}]",
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


def said_of(text: str) -> str:
    """Parse a text, and give the sentence with which it is refused; "" where it is read."""
    try:
        recipe_text.parsed(text, Path("f.yaml"))
    except RecipeError as error:
        return str(error)
    return ""


def flow(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        # 29 lists: what is read counts as one more
        (
            flow(29),
            flow(30),
            "f.yaml, line 1 cannot be read: more than 30 mappings and lists lie inside one another",
        ),
        # 4,998 values, their list, and what is read: 5,000
        (
            f"[{'1,' * 4998}]",
            f"[{'1,' * 4999}]",
            "f.yaml, line 1 cannot be read: it stands for more than 5,000 values",
        ),
        (f"b: {'1' * 60}", f"b: {'1' * 61}", "a number has 61 characters; at most 60"),
        (f"b: {'1' * 58}.5", f"b: {'1' * 59}.5", "f.yaml, line 1 cannot be read: a number has 61 characters"),
        (
            "a: &a [1, 2]\nb: *a\n",
            "a: &a [*a]\n",
            "the alias *a stands inside what it stands for (a: &a [*a]).",
        ),
        ("a: &a 1\nb: [*a, *a]\n", "a: &a !x 1\n", "it has the tag '!x'; a recipe holds plain values only"),
        (
            "a: [b]\n",
            "a: !!seq [b]\n",
            "it has the tag '!!seq'; a recipe holds plain values only (a: !!seq [b]).",
        ),
        ("a: '1:30'\n", "a: !!int '1:x'\n", "it has the tag '!!int'"),
    ],
)
def test_a_text_is_bounded_where_it_says(right: str, wrong: str, message: str) -> None:
    assert said_of(right) == ""
    assert message in said_of(wrong)


def test_an_alias_counts_as_all_that_it_stands_for() -> None:
    # 99 values and their list are 100, as often as it is named; the anchor, 48 aliases, the mapping with its two
    # keys, the list of aliases, and what is read: 100 + 4,800 + 5.
    text = "a: &a [" + ", ".join(["1"] * 99) + "]\nb: [" + ", ".join(["*a"] * 48) + "{}]\n"
    assert said_of(text.format("")) == ""
    more = ", ".join(["1"] * 95)
    assert said_of(text.format(f", {more}")) == ""
    assert "it stands for more than 5,000 values, aliases included" in said_of(text.format(f", {more}, 1"))
    # One value that is an anchor is one value.
    assert said_of(f"a: &a 1\nb: [{', '.join(['*a'] * 4990)}]\n") == ""


def test_numbers_that_are_none_are_said() -> None:
    assert said_of("a: 0b\n") == ""
    assert said_of("a: 1\nb: 0x_\n") == "f.yaml, line 2 cannot be read: '0x_' is not a number (b: 0x_)."


def test_a_line_is_shown_in_60_letters_without_its_indent() -> None:
    line = f"a: [{'x' * 80}"
    assert said_of(f"b: 1\n  {line} \n").endswith(".")
    assert said_of(f"b: {{\n    c: !x {'y' * 80}\n}}").endswith(f" (c: !x {'y' * 53}…).")


def test_control_characters_are_said_with_their_line() -> None:
    assert said_of("\x07").startswith("f.yaml, line 1 cannot be read: it holds the control character 0x7")
    assert said_of("a: 1\nb: \x07\n").startswith(
        "f.yaml, line 2 cannot be read: it holds the control character 0x7"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "~"])
def test_nothing_is_an_empty_mapping(text: str) -> None:
    assert recipe_text.parsed(text, Path("f.yaml")) == {}


def test_a_file_is_read_up_to_256_kib(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbf#" + b"x" * (256 * 1024 - 4))
    assert recipe_text.read_text(path) == "#" + "x" * (256 * 1024 - 4)
    path.write_bytes(b"x" * (256 * 1024 + 1))
    with pytest.raises(RecipeError) as caught:
        recipe_text.read_text(path)
    assert str(caught.value) == f"{path} cannot be read: it has 262145 bytes; at most 262144 are read."


def test_bytes_that_are_no_utf_8_are_said_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\nb: f\xfcr\n")
    with pytest.raises(RecipeError) as caught:
        recipe_text.read_text(path)
    assert str(caught.value) == f"{path}, line 2: byte 0xfc is not UTF-8; save the file as UTF-8."
    with pytest.raises(RecipeError, match=r"gone\.yaml cannot be read: No such file or directory\.$"):
        recipe_text.read_text(tmp_path / "gone.yaml")


CODE_OR_NONE = [
    # (the package of the header, the content, what is said)
    (
        None,
        {"a": {"b": [{"_target_": 1}]}},
        "'a.b.0._target_': a recipe may not name code; use registered passes",
    ),
    (None, {"a._target_": 1}, "'a._target_': a recipe may not name code"),
    (None, {"hydra": 1}, "'hydra': a recipe may not configure Hydra itself."),
    (None, {"a": 1, "hydra.x": 1}, "'hydra.x': a recipe may not configure Hydra itself."),
    (None, {"hydra/launcher": 1}, "'hydra/launcher': a recipe may not configure Hydra itself."),
    ("hydra", {}, "'@package hydra': a recipe may not configure Hydra itself."),
    ("a.hydra.b", {}, "'@package a.hydra.b': a recipe may not"),
    (None, {"": 1}, "'': a key needs letters, and no control characters."),
    (None, {"a": {"b\x07": 1}}, "'a.b\\x07': a key needs letters, and no control characters."),
    (None, {"a": {7: 1}}, "'a.7': a key is text; 7 is none, put it in quotes."),
    (None, {None: 1}, "'None': a key is text; None is none, put it in quotes."),
    (
        None,
        {"defaults": "a"},
        "defaults: 'a' is not a list; write e.g. [ssd_mobilenet_int8, /data: voc, _self_].",
    ),
    (None, {"defaults": None}, "defaults: None is not a list; "),
    *(
        (
            None,
            {"defaults": ["_self_", entry]},
            f"defaults.1: {entry!r} names neither a recipe nor GROUP: NAME; write e.g. [ssd_mobilenet_int8, ",
        )
        for entry in (
            7,
            None,
            "",
            {},
            {"a": "b", "c": "d"},
            {"a": {}},
            {"a": [None]},
            {"a": ["b", None]},
            {"a": ["b", 7]},
            {"a": 7},
            {"a": ""},
            ["a"],
        )
    ),
    *(
        (None, {"defaults": [entry]}, f"defaults: '{name}': a recipe may not configure Hydra itself.")
        for entry, name in (
            ("hydra", "hydra"),
            ({"override /hydra/launcher": "x"}, "override /hydra/launcher"),
            ({"optional hydra": "x"}, "optional hydra"),
            ({"/a@hydra.b": "x"}, "/a@hydra.b"),
            ({"a": ["b", "hydra/x"]}, "hydra/x"),
            ({" hydra": "x"}, " hydra"),
        )
    ),
    *(
        (None, {"defaults": [entry]}, f"defaults: '{name}': names are written out, without '${{' and '..'.")
        for entry, name in (("a${b}", "a${b}"), ("../a", "../a"), ({"a": ["b", "c/.."]}, "c/.."))
    ),
]


@pytest.mark.parametrize(("header", "content", "message"), CODE_OR_NONE)
def test_what_would_run_code_or_names_no_file_is_refused(
    header: str | None, content: object, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_text.refuse_code(Path("f.yaml"), header, content)  # type: ignore[arg-type]
    sentence = str(caught.value).removeprefix("f.yaml: ")
    assert sentence.startswith(message)
    assert sentence == message or not message.endswith(".")


def test_other_keys_and_defaults_are_data() -> None:
    content = {
        "defaults": ["a", {"/data": "voc"}, {"override /hooks": ["x", "y"]}, {"a": None}, "_self_"],
        "a": {"hydra": 1, "hydrant": [{"target": 1}], "_target": 2, "x_target_": 3},
        "hydrant": None,
        "größe": 1,
    }
    recipe_text.refuse_code(Path("f.yaml"), "_global_", content)
    recipe_text.refuse_code(Path("f.yaml"), None, {"a": 1})


def test_on_is_a_key_and_still_a_value() -> None:
    text = "budget: {latency: {max: 5, on: phone}, size: [{max: 1, on: cpu}]}\nenabled: on\noff: off\n"
    assert recipe_text.parsed(text, Path("recipe.yaml")) == {
        "budget": {"latency": {"max": 5, "on": "phone"}, "size": [{"max": 1, "on": "cpu"}]},
        "enabled": True,
        "off": False,
    }
