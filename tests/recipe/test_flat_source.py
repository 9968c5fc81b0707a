"""Recipe files as Hydra sees them: flat files as a group, folders beside them as groups, defaults in a circle."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import OmegaConf

from tflbuild.core.errors import RecipeError
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe.flat_source import FlatSource, RecipeSearchPath, circle_of

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


def source(folder: Path) -> FlatSource:
    return FlatSource("me", f"flat://{folder}")


def test_a_folder_of_recipes_is_a_group_beside_its_sub_folders(here: Path) -> None:
    found = source(here / "recipes")
    (here / "recipes" / "hydra").mkdir()
    assert found.available()
    assert not source(here / "nowhere").available()
    groups = {
        name: found.is_group(name) for name in ("", "recipe", "data", "model", "hydra", "hydra/launcher")
    }
    assert [name for name, known in groups.items() if known] == ["", "recipe", "data"]


def test_files_are_found_by_their_paths(here: Path) -> None:
    found = source(here / "recipes")
    (here / "recipes" / "hydra").mkdir()
    write(here / "recipes", "hydra/x")
    right = ["recipe/every", "recipe/every.yaml", "data/recipes"]
    wrong = ["every", "recipe/nobody", "hydra/x", "_"]
    assert [name for name in (*right, *wrong) if found.is_config(name)] == right


def test_what_lies_in_a_group_is_listed_by_its_kind(here: Path) -> None:
    found = source(here / "recipes")
    write(here / "recipes", "_part")
    assert found.list("recipe", ObjectType.CONFIG) == ["every", "recipes"]
    assert found.list("recipe", None) == ["every", "recipes"]
    assert found.list("data", ObjectType.CONFIG) == ["recipes"]
    assert found.list("", ObjectType.GROUP) == ["data", "recipe"]
    assert found.list("", None) == ["data", "recipe"]
    assert found.list("data", ObjectType.GROUP) == []
    assert found.list("", ObjectType.CONFIG) == []


def test_a_file_is_loaded_with_its_header(here: Path) -> None:
    write(here / "recipes", "mine", f"\n{FIRST}seed: 3\n")
    found = source(here / "recipes").load_config("recipe/mine")
    assert found.config == OmegaConf.create({"seed": 3})
    assert (found.header, found.provider) == ({"package": "_global_"}, "me")
    assert found.path == f"flat://{here / 'recipes'}"
    write(here / "recipes", "data/mine", "type: voc\n")
    found = source(here / "recipes").load_config("data/mine")
    assert (found.config, found.header) == (OmegaConf.create({"type": "voc"}), {"package": None})


def test_the_package_of_a_recipe_is_implied(here: Path) -> None:
    write(here / "recipes", "mine", "# mine\nseed: 3\n")
    found = source(here / "recipes").load_config("recipe/mine")
    assert (found.config, found.header) == (OmegaConf.create({"seed": 3}), {"package": "_global_"})


REFUSED = [
    (
        "recipe/mine",
        "# @package data\nseed: 3\n",
        "{path}: a recipe has no '@package data'; remove that line, or write '@package _global_'.",
    ),
    ("recipe/mine", f"{FIRST}- a\n", "{path} is not a mapping of recipe keys."),
    ("data/mine", "hydra: {a: 1}\n", "{path}: 'hydra': a recipe may not configure Hydra itself."),
    (
        "data/mine",
        "# @package hydra.x\na: 1\n",
        "{path}: '@package hydra.x': a recipe may not configure Hydra ",
    ),
    ("data/mine", "a: ${x:1}\n", "{path}: a: '${{x:...}}' is not read in a recipe; "),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_a_file_that_is_no_recipe_is_refused(name: str, text: str, message: str, here: Path) -> None:
    path = write(here / "recipes", name.removeprefix("recipe/"), text)
    with pytest.raises(RecipeError) as caught:
        source(here / "recipes").load_config(name)
    sentence = message.format(path=path)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value) == sentence or not sentence.endswith(".")


def test_a_file_that_is_not_there_cannot_be_loaded(here: Path) -> None:
    with pytest.raises(ConfigLoadError, match="Config not found"):
        source(here / "recipes").load_config("recipe/nobody")


class Noted(ConfigSearchPath):
    """A search path that keeps what is appended."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def append(self, provider: str, path: str, anchor: object = None) -> None:
        self.entries.append((provider, path))

    def prepend(self, provider: str, path: str, anchor: object = None) -> None:
        self.entries.insert(0, (provider, path))

    def get_path(self) -> list[object]:
        return []


def test_hydra_searches_the_users_folders_first(here: Path) -> None:
    noted = Noted()
    RecipeSearchPath().manipulate_search_path(noted)
    assert noted.entries == [
        ("recipes-0", f"flat://{here / 'named'}"),
        ("recipes-1", f"flat://{here / 'recipes'}"),
        ("recipes-2", f"flat://{here / 'package'}"),
    ]


def test_a_circle_of_defaults_is_named_from_where_it_begins(here: Path) -> None:
    def says(name: str, *defaults: str) -> Path:
        return write(here / "recipes", name, f"{FIRST}defaults: [{', '.join(defaults)}]\n")

    says("a", "_self_", "{/data: voc}", "leaf", "b")
    first = says("b", "leaf", "c")
    says("c", "b", "_self_")
    says("leaf", "_self_")
    assert circle_of(["seed=1", "recipe=a"]) == (
        f"{first}: defaults: recipes name one another in a circle: b -> c -> b."
    )
    own = says("own", "own")
    assert circle_of(["recipe=own"]) == (
        f"{own}: defaults: recipes name one another in a circle: own -> own."
    )


@pytest.mark.parametrize("words", [["recipe=every"], ["recipe=x"]])
def test_where_there_is_no_circle_there_are_too_many_files(words: list[str]) -> None:
    name = words[0].partition("=")[2]
    assert circle_of(words) == (
        f"recipe={name}: its defaults name more files than are read, or lead to one another."
    )
    assert circle_of([]).startswith("recipe=: its defaults")


def test_a_file_that_is_no_mapping_is_in_no_circle(here: Path) -> None:
    write(here / "recipes", "list", f"{FIRST}- a\n")
    assert "more files than are read" in circle_of(["recipe=list"])


def test_recipes_that_double_with_each_file_are_looked_through_once(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        write(here / "recipes", f"d{n}", f"{FIRST}defaults: [d{n + 1}, d{n + 1}]\n")
    write(here / "recipes", "d20", FIRST)
    asked = []
    find = recipe_files.find_recipe
    monkeypatch.setattr(recipe_files, "find_recipe", lambda name: asked.append(name) or find(name))
    assert "more files than are read" in circle_of(["recipe=d0"])
    assert len(asked) == 21
