from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from tflbuild.show.pages.compiled import CompiledTemplates


def rendered(folder: Path, **options: bool) -> str:
    compiled = CompiledTemplates(options)
    environment = Environment(loader=FileSystemLoader(folder), bytecode_cache=compiled, **options)  # type: ignore[arg-type]
    return environment.get_template("page.j2").render(name="a")


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "page.j2").write_text("{% if name %}\n  <{{ name }}>\n{% endif %}\n")
    return tmp_path


def kept(templates: Path) -> list[Path]:
    return sorted((templates / "cache/tflbuild/templates").iterdir())


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


def test_code_that_another_user_wrote_is_not_read(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered(templates)
    (path,) = kept(templates)
    (templates / "page.j2").write_text("new")
    rendered(templates)
    path.write_bytes(path.read_bytes().replace(b"new", b"old"))
    assert rendered(templates) == "old", "what lies there is used"
    monkeypatch.setattr(os, "getuid", lambda: os.stat(path).st_uid + 1)
    assert rendered(templates) == "new"


def test_a_folder_that_cannot_be_written_is_no_error(templates: Path) -> None:
    (templates / "cache").write_text("a file where the folder would be")
    assert rendered(templates) == "\n  <a>\n"


def test_what_is_compiled_is_the_users_own_and_named_by_options_and_python(templates: Path) -> None:
    rendered(templates, autoescape=True)
    folder = templates / "cache/tflbuild/templates"
    assert folder.stat().st_mode & 0o777 == 0o700
    (path,) = kept(templates)
    # By hand: the SHA-256 of the options as JSON without spaces.
    options = hashlib.sha256(b'{"autoescape":true}').hexdigest()[:8]
    assert path.name.endswith(f".{options}.{sys.implementation.cache_tag}")


def test_a_compiled_template_is_put_into_place_whole(
    templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[tuple[str, str]] = []
    replace = os.replace

    def record(staged: Path, path: Path) -> None:
        moved.append((staged.name, path.name))
        assert staged.stat().st_size > 100
        replace(staged, path)

    monkeypatch.setattr(os, "replace", record)
    rendered(templates)
    ((staged, path),) = moved
    assert staged == f".{path}.{os.getpid()}"
    assert [file.name for file in kept(templates)] == [path]
