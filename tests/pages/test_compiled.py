from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from tflbuild.pages.compiled import CompiledTemplates


def rendered(folder: Path, **options: bool) -> str:
    compiled = CompiledTemplates(folder, options)
    environment = Environment(loader=FileSystemLoader(folder), bytecode_cache=compiled, **options)  # type: ignore[arg-type]
    return environment.get_template("page.j2").render(name="a")


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "cache"))
    (tmp_path / "page.j2").write_text("{% if name %}\n  <{{ name }}>\n{% endif %}\n")
    return tmp_path


def kept(templates: Path) -> list[Path]:
    return sorted((templates / "cache").rglob("*.template"))


def test_a_template_is_compiled_once_for_its_text_and_options(templates: Path) -> None:
    assert rendered(templates, autoescape=True) == "\n  <a>\n"
    (path,) = kept(templates)
    written = path.stat().st_mtime_ns
    assert rendered(templates, autoescape=True) == "\n  <a>\n"
    assert path.stat().st_mtime_ns == written
    assert rendered(templates, autoescape=True, trim_blocks=True) == "  <a>\n"
    (templates / "page.j2").write_text("{{ name }}!")
    assert rendered(templates, autoescape=True) == "a!"


def test_a_damaged_compiled_template_is_compiled_again(templates: Path) -> None:
    rendered(templates)
    kept(templates)[0].write_bytes(b"j2 nonsense")
    assert rendered(templates) == "\n  <a>\n"


def test_nothing_is_written_where_python_writes_no_bytecode(
    templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(templates) == "\n  <a>\n"
    assert not kept(templates)


def test_a_folder_that_cannot_be_written_is_no_error(templates: Path) -> None:
    (templates / "cache").write_text("a file where the folder would be")
    assert rendered(templates) == "\n  <a>\n"
