"""What the documents say is true: examples run, generated pages are fresh, what is named is there."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core import errors
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.hook import CALLS, HOOKS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the shipped plugins anew, whatever tests before declared or took away."""
    monkeypatch.setattr(plugins, "_loaded", {})


def loaded(name: str) -> Any:
    """Load a script of `docs/`."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_page_of_passes_is_fresh() -> None:
    plugins.load(None)
    written = (ROOT / "docs" / "passes.md").read_text(encoding="utf-8")
    assert written == loaded("generate_passes").page_of_everything(), "run `make docs`"


def test_the_pages_of_commands_and_of_files_are_fresh() -> None:
    plugins.load(None)
    generator = loaded("generate_reference")
    for name, page in generator.PAGES.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), f"{name}: run `make docs`"
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and hasattr(error, "exit_code")
    }
    assert codes - {1} | {0, errors.INTERRUPTED} == set(generator.EXIT_CODES)


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


def test_the_pass_of_the_documents_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "writing_a_pass.md").read_text(encoding="utf-8")
    monkeypatch.setattr(PASSES, "_classes", {})
    names: dict[str, Any] = {"__name__": __name__}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), names)
    names["test_padding_keeps_the_model_running"](tmp_path)
    assert PASSES.get("pad_tail") is names["PadTail"]


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
    rooms = {path.name for folder in here for path in folder.iterdir() if path.is_dir()} - {"outputs", "dist"}
    for name in named:
        if name.split("/")[0] in rooms:
            places = [folder / name for folder in here] + [folder / f"{name}.py" for folder in here]
            assert any(place.exists() for place in places), f"{page.name} names {name}"
