"""Recipe files: whose counts, what is listed, and which is meant by a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.files import (
    by_path,
    find_lock,
    find_recipe,
    group_names,
    keys_of,
    meant_recipe,
    named_file,
    packaged_recipes,
    recipe_folders,
    recipe_names,
)

FIRST = "# @package _global_\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside three folders of recipes: one that is named, the user's, and the package's."""
    for folder in ("named", "recipes", "package"):
        (tmp_path / folder / "data").mkdir(parents=True)
        write(tmp_path / folder, folder)
        write(tmp_path / folder, "every")
        write(tmp_path / folder, f"data/{folder}", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFLBUILD_CONFIG_DIR", str(tmp_path / "named"))
    monkeypatch.setattr(recipe_files, "packaged_recipes", lambda: tmp_path / "package")
    return tmp_path


def write(folder: Path, name: str, text: str = FIRST) -> Path:
    (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.yaml"


def test_the_users_folders_come_before_the_packages(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipe_folders() == [here / "named", here / "recipes", here / "package"]
    assert find_recipe("every") == here / "named" / "every.yaml"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("TFLBUILD_CONFIG_DIR")
        else:
            monkeypatch.setenv("TFLBUILD_CONFIG_DIR", unset)
        assert recipe_folders() == [here / "recipes", here / "package"]
        assert find_recipe("every") == here / "recipes" / "every.yaml"
    assert find_recipe("package") == here / "package" / "package.yaml"
    assert find_recipe("nobody") is None
    assert find_recipe("data") is None


def test_the_package_has_its_recipes_in_the_checkout() -> None:
    assert (packaged_recipes() / "ssd_mobilenet_int8.yaml").is_file()


def test_the_wheel_has_its_recipes_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "tflbuild"
    (package / "_recipes").mkdir(parents=True)
    monkeypatch.setattr(recipe_files, "__file__", str(package / "recipe" / "files.py"))
    assert packaged_recipes() == package / "_recipes"
    (package / "_recipes").rmdir()
    assert packaged_recipes() == tmp_path / "recipes"


def test_recipes_and_choices_are_listed_once_by_name(here: Path) -> None:
    write(here / "recipes", "_part")
    write(here / "recipes", "mine.lock")
    assert recipe_names() == ["every", "named", "package", "recipes"]
    assert group_names("data") == ["named", "package", "recipes"]
    assert group_names("nobody") == []


def test_a_lock_lies_beside_its_recipe(here: Path) -> None:
    assert find_lock("named") is None
    lock = write(here / "named", "named.lock")
    assert find_lock("named") == lock
    assert find_lock("nobody") is None
    (here / "recipes" / "recipes.lock.yaml").mkdir()
    assert find_lock("recipes") is None


def test_keys_are_listed_dotted_before_what_lies_in_them() -> None:
    assert keys_of({"a": {"b": 1, "c": [{"d": None}, [{"e": 1}]]}, "f": {}}) == [
        "a",
        "a.b",
        "a.c",
        "a.c.0.d",
        "a.c.1.0.e",
        "f",
    ]
    assert keys_of(7) == []


@pytest.fixture
def conf(here: Path) -> Path:
    """Write a recipe elsewhere, with a group and a recipe of a name that others have beside it."""
    (here / "conf" / "data").mkdir(parents=True)
    for name in ("mine", "every", "data/own", "odd name, v1.2"):
        write(here / "conf", name)
    return here / "conf"


@pytest.mark.parametrize(
    "typed", ["conf/mine.yaml", "./conf/mine.yaml", "conf/mine", "'conf/mine.yaml'", "{here}/conf/mine.yaml"]
)
def test_a_recipe_that_is_named_by_its_path_comes_with_what_lies_beside_it(
    typed: str, conf: Path, here: Path
) -> None:
    words = ["seed=1", f"recipe={typed.format(here=here)}", "strict=true"]
    assert named_file(words) == typed.format(here=here)
    before = recipe_folders()
    with by_path(words) as named:
        assert named == ["seed=1", "recipe=mine", "strict=true"]
        assert recipe_folders() == [conf, *before]
        assert find_recipe("every") == conf / "every.yaml"
        assert "own" in group_names("data")
        with by_path(named) as again:
            assert (again, recipe_folders()) == (named, [conf, *before])
    assert recipe_folders() == before


def test_a_path_begins_at_home_and_in_the_folder_where_one_stands(
    conf: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(here))
    with by_path(["recipe=~/conf/mine.yaml"]) as named:
        assert (named, recipe_folders()[0]) == (["recipe=mine"], conf)
    monkeypatch.chdir(conf)
    with by_path(["recipe=mine.yaml"]) as named:
        assert (named, recipe_folders()[0]) == (["recipe=mine"], conf)


def test_a_name_that_is_no_word_is_quoted_for_hydra(conf: Path) -> None:
    with by_path(["recipe=conf/odd name, v1.2.yaml"]) as named:
        assert named == ['recipe="odd name, v1.2"']


@pytest.mark.parametrize(
    "words", [["recipe=every"], ["recipe=glob(e*/x)"], ["a=b/c.yaml"], [], ["recipe=a,b"]]
)
def test_a_name_is_no_path(words: list[str]) -> None:
    assert named_file(words) == ""
    before = recipe_folders()
    with by_path(words) as named:
        assert (named, recipe_folders()) == (words, before)


def test_a_known_recipe_may_be_typed_with_its_suffix() -> None:
    before = recipe_folders()
    with by_path(["recipe=every.yaml"]) as named:
        assert (named, recipe_folders()) == (["recipe=every"], before)


NO_FILES = [
    ("conf/min.yaml", "recipe=conf/min.yaml: there is no such file. Did you mean 'conf/mine.yaml'?"),
    ("gone/x.yaml", "recipe=gone/x.yaml: there is no such file."),
    ("conf/data", "recipe=conf/data: it is a folder; name a file in it."),
    ("/", "recipe=/: it is a folder; name a file in it."),
    ("./", "recipe=./: it is a folder; name a file in it."),
    ("x/\x1b.yaml", "recipe=x/\\x1b.yaml: there is no such file."),
    ("x/\0.yaml", "recipe=x/\\x00.yaml: there is no such file."),
    (f"x/{'y' * 200}.yaml", f"recipe=x/{'y' * 200}.yaml: there is no such file."),
    ("conf/x.yml", "recipe=conf/x.yml: a recipe's file ends in .yaml; rename it."),
    ("conf/it's.yaml", "recipe=conf/it's.yaml: a recipe's file has no quotes in its name; rename it."),
]


@pytest.mark.parametrize(("typed", "message"), NO_FILES)
def test_a_path_that_is_no_recipes_is_refused_in_a_sentence(typed: str, message: str, conf: Path) -> None:
    (conf / "x.yml").write_text(FIRST)
    write(conf, "it's")
    with pytest.raises(RecipeError) as caught, by_path([f"recipe={typed}"]):
        pass
    assert str(caught.value) == message


def test_the_recipe_that_a_word_was_meant_for_is_named(conf: Path) -> None:
    assert meant_recipe("every") == " Did you mean 'recipe=every'?"
    assert meant_recipe("evry") == " Did you mean 'recipe=every'?"
    assert meant_recipe("every.yaml") == " Did you mean 'recipe=every'?"
    assert meant_recipe("conf/mine.yaml") == " Did you mean 'recipe=conf/mine.yaml'?"
    assert meant_recipe("zzz") == ""
    (conf / "best.onnx").write_bytes(b"")
    assert meant_recipe("conf/best.onnx") == " Did you mean 'recipe=int8 model.path=conf/best.onnx'?"
    assert meant_recipe("conf/gone.onnx") == ""
