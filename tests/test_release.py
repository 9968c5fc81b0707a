"""A release is held to what is uploaded: one version, every recipe in the wheel, links, a citation."""

from __future__ import annotations

import importlib.util
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tflbuild import __version__

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def release() -> Any:
    """Load `.ci/release.py`."""
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def wheel(folder: Path, *, without: str = "") -> Path:
    """Write a wheel with the recipes of the checkout, one of them left out."""
    path = folder / "tflbuild-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for recipe in sorted((ROOT / "recipes").rglob("*.yaml")):
            name = recipe.relative_to(ROOT / "recipes").as_posix()
            if name != without:
                archive.write(recipe, f"tflbuild/_recipes/{name}")
    return path


def test_a_wheel_with_every_recipe_is_let_pass(release: Any, tmp_path: Path) -> None:
    release.hold(tmp_path / "tflbuild-1.0.tar.gz", wheel(tmp_path))


def test_a_recipe_that_the_wheel_lacks_is_named(release: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"the wheel lacks recipes: data/voc\.yaml"):
        release.hold(tmp_path / "tflbuild-1.0.tar.gz", wheel(tmp_path, without="data/voc.yaml"))


def test_two_versions_are_no_release(release: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="are of different versions"):
        release.hold(tmp_path / "tflbuild-1.1.tar.gz", wheel(tmp_path))


def test_a_command_that_fails_ends_the_release(release: Any) -> None:
    with pytest.raises(SystemExit, match="exit code 3"):
        release.ran(["sh", "-c", "exit 3"])


def test_the_demo_of_a_release_is_the_one_of_ci(release: Any) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(word in script for word in release.SMALLEST if not word.startswith("recipe="))


def test_the_project_says_where_it_lives_and_how_it_is_cited() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} <= project["urls"].keys()
    assert cited["repository-code"] == project["urls"]["Source"]
    assert (str(cited["version"]), cited["license"]) == (__version__, project["license"])
    assert {"cff-version", "message", "title", "authors", "type"} <= cited.keys()
