"""Compiled templates in the user's cache folder."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader
from jinja2.bccache import Bucket

from tflbuild.show.pages.compiled import compiled_templates


def rendered(folder: Path, **options: bool) -> str:
    compiled = compiled_templates(options)
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
    path.parent.chmod(0o770)
    assert rendered(templates) == "new", "others may have written it"
    path.parent.chmod(0o700)
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


def test_a_disk_that_is_full_is_no_error(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Bucket, "write_bytecode", full)
    assert rendered(templates) == "\n  <a>\n"
    assert kept(templates) == []
