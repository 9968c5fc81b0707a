"""What the documents say is true: commands are valid, examples run, the generated page is fresh."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import onnx_files
import torch_files
from saved_model_files import classifier, written
from tflbuild import plugins
from tflbuild.cli import FLAGS, main
from tflbuild.core.command import COMMANDS
from tflbuild.core.errors import MissingTool
from tflbuild.core.hook import CALLS, HOOKS
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep import expand
from tflbuild.sweep.launchers import launcher
from tflbuild.sweep.request import read_request
from tflbuild.sweep.space import space_of
from tflbuild.testing import tiny_tflite

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the shipped plugins anew, whatever tests before declared or took away."""
    monkeypatch.setattr(plugins, "_loaded", {})


def commands() -> list[tuple[str, list[str]]]:
    """Give every indented or fenced line that begins with tflbuild."""
    found = []
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            text = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if text.startswith("tflbuild ") and line.startswith(("    ", "$ ")):
                found.append((page.name, shlex.split(text, comments=True)[1:]))
    return found


YOURS = {
    "model.path=best.tflite": "best.tflite",
    "data.root=photos/": "photos",
    "model.path=exported/": "exported",
    "model.path=best.onnx": "best.onnx",
    "model.path=best.pt2": "best.pt2",
}
"""A file and a folder of the reader's, which tests stand in for, by the word that names them."""


@pytest.fixture(scope="module")
def yours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make what the reader is taken to have, and give the words that name it."""
    folder = tmp_path_factory.mktemp("yours")
    tiny_tflite(folder).path.rename(folder / "best.tflite")
    written(folder / "exported", classifier())
    (folder / "best.onnx").write_bytes(onnx_files.classifier(shape=("N", 3, 320, 320)))
    torch_files.written(folder / "best.pt2")
    (folder / "photos").mkdir()
    for number in range(8):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / "photos" / f"{number}.png")
    return {word: f"{word.partition('=')[0]}={folder / name}" for word, name in YOURS.items()}


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda value: " ".join(value)[:70])
def test_every_command_of_the_documents_is_valid(
    page: str, words: list[str], yours: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    first = words[0]
    if first == "-sc":
        assert main(words[:2]) == 0  # what follows leads it into a file
        return
    words = [yours.get(word, word) for word in words]
    if "model.path=my.h5" in words:
        pytest.skip("needs the reader's own model; tests/scenarios/test_builds.py builds with one")
    if first == "compare" and yours["data.root=photos/"] in words:
        load_recipe(["recipe=_model_file", yours["model.path=best.tflite"], *(w for w in words if "=" in w)])
    if first in COMMANDS and first != "plan":
        return
    overrides = [FLAGS.get(word, word) for word in words if word not in ("-m", "plan")]
    if first == "-m":
        request = read_request(overrides)
        with suppress(MissingTool):  # an extra, or Slurm
            launcher(request.launcher, request.launcher_options)
        if request.sweeper == "optuna":
            pytest.importorskip("optuna", reason="the extra optuna is not installed")
            overrides = space_of(request.overrides).corner.overrides
        else:
            assert len(expand(request.overrides)) > 1
            overrides = expand(request.overrides)[0].overrides
    load_recipe(overrides)


def recipes() -> list[str]:
    """Give every recipe that the guide to quantization shows whole."""
    text = (ROOT / "docs" / "quantization.md").read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(# @package _global_\n.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("text", recipes(), ids=lambda text: re.sub(r"\s+", " ", text)[60:120])
def test_every_recipe_of_the_guide_is_valid(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    load_recipe(["recipe=mine"])


def test_the_page_of_passes_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("generate_passes", ROOT / "docs" / "generate_passes.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    plugins.load(None)
    written = (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")
    assert written == generator.page_of_everything(), "run `make docs`"


def test_the_hook_of_the_documents_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "writing_a_hook.md").read_text(encoding="utf-8")
    monkeypatch.setattr(HOOKS, "_classes", {})
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {"__name__": __name__})  # type: ignore[index]
    documented = HOOKS.get("notify")(path=str(tmp_path / "failures.txt"))  # type: ignore[call-arg]
    documented.before_build({}, tmp_path)
    documented.on_failure({"label": "prune", "error": "over budget", "exit_code": 5})
    assert (tmp_path / "failures.txt").read_text() == f"{tmp_path}: over budget\n"
    for call in CALLS:
        assert f"`{call}(" in text


def modules_with_examples() -> Iterator[Any]:
    """Give each module with an example; slow where it imports TensorFlow."""
    source = ROOT / "src"
    for path in sorted(source.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if ">>>" in text:
            marks = [pytest.mark.slow] if "\nimport tensorflow" in text else []
            yield pytest.param(".".join(path.relative_to(source).with_suffix("").parts), marks=marks)


@pytest.mark.parametrize("module", list(modules_with_examples()))
def test_docstring_examples_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed


def test_docstrings_name_their_subject() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if '"""What ' in line
    ]
    assert found == []


def test_no_document_names_a_file_that_is_not_there() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([\w./-]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_every_test_that_the_page_on_reliability_names_is_there() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    modules = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    named = {name.rpartition("/")[2] for name in re.findall(r"`((?:\w+/)?test_\w+)`", text)}
    assert len(named) > 10
    assert named <= modules.keys()
    for path, chosen in re.findall(r"pytest (tests/[\w/.]+)(?: -k (\w+))?", text):
        assert (ROOT / path).is_file()
        assert any(chosen in name for name in re.findall(r"def (test_\w+)", modules[Path(path).stem]))


def test_the_glossary_is_in_order_and_names_what_is_there() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.startswith("- ")]
    words = [re.match(r"- \*\*([a-z]+)\*\*: ", line)[1] for line in entries]  # type: ignore[index]
    assert words == sorted(set(words))
    for line in entries:
        places = re.findall(r"`([a-z_/]+(?:\.(?:py|md)|/))`", line)
        assert places, f"{line} says no place"
        for place in places:
            assert any((folder / place).exists() for folder in (ROOT / "src" / "tflbuild", ROOT)), place


def test_the_rooms_of_the_page_on_architecture_are_the_layers_in_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| room | what is in it | ")[2].partition("\n\n")[0]
    shown = [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines() if "`" in row]
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = [set(re.findall(r"tflbuild\.(\w+)", layer)) for layer in config["contracts"][0]["layers"]]
    assert shown == layers


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((ROOT / "docs" / "decisions").glob("*.md"))], ids=lambda p: p.stem
)
def test_modules_that_a_page_names_with_their_room_are_there(page: Path) -> None:
    named = re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", page.read_text(encoding="utf-8"))
    here = (ROOT / "src" / "tflbuild", ROOT, ROOT / "tests")
    rooms = {path.name for folder in here for path in folder.iterdir() if path.is_dir()}
    for name in named:
        if name.split("/")[0] in rooms:
            places = [folder / name for folder in here] + [folder / f"{name}.py" for folder in here]
            assert any(place.exists() for place in places), f"{page.name} names {name}"
