"""Every block of README and the pages is of a language that a test knows: it is run, composed, parsed, or marked."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from documents import MARK, PAGES, ROOT, Block, Command, block_commands, blocks, commands, outside
from tflbuild import plugins
from tflbuild.recipe.load import load_recipe
from workspace import Workspace

ALL = [block for page in PAGES for block in blocks(page)]
OUTPUT = ("text", "mermaid")
"""What is shown and not typed; commands in it stand behind `$ ` and are tested as such."""

TYPED = ("bash", "yaml", "python", "toml", "json")


@pytest.mark.parametrize("block", ALL, ids=str)
def test_every_block_is_of_a_language_that_is_tested_or_marked(block: Block) -> None:
    assert block.language in (*TYPED, *OUTPUT) or block.mark, f"{block}: '{block.language}' is neither"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_has_code_that_no_fence_shows(page: Path) -> None:
    lines = outside(page)
    found = [
        number
        for (_, before), (number, line) in pairwise(lines)
        if re.match(r" {4,}\S", line) and not before.strip() and not re.match(r" *([-*]|\d+\.) ", line)
    ]
    assert found == [], f"{page.name}: indented code in these lines; fence it, and say its language"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_mark_says_what_is_needed_or_names_a_test_that_is_there(page: Path) -> None:
    for comment in re.findall(r"(?<!`)<!--.*?-->", page.read_text(encoding="utf-8"), re.DOTALL):
        mark = MARK.fullmatch(comment)
        if mark and mark[1] == "tested by":
            test = ROOT / mark[2]
            assert test.is_file(), f"{page.name} names {mark[2]}"
            assert page.name in test.read_text(encoding="utf-8"), f"{mark[2]} does not read {page.name}"


def of(language: str) -> list[Any]:
    """Give the blocks of a language that a test here is to try."""
    return [
        pytest.param(block, id=str(block)) for block in ALL if block.language == language and not block.mark
    ]


@pytest.mark.parametrize("block", of("yaml"))
def test_every_yaml_is_a_recipe_that_composes_or_a_workflow_whose_commands_are_tested(
    block: Block, reader: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader.folder)
    if "jobs" in yaml.safe_load(block.text):
        assert block_commands(block), f"{block}: a workflow that runs nothing"
        return
    plugins.load(plugins.default_folder())
    path = Path("recipes", "shown.yaml")
    path.write_text(block.text if block.text.startswith("#") else f"# @package _global_\n{block.text}")
    load_recipe(["recipe=shown"])


@pytest.mark.parametrize("page", sorted({block.page for block in ALL if block.language == "python"}))
def test_every_python_of_a_page_runs_in_its_order(page: str, reader: Workspace) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    latest = reader.folder / "outputs" / "int8" / "latest"
    run = latest.readlink()
    for block in ALL:
        if (block.page, block.language) == (page, "python") and not block.mark:
            reader.python(block.text, names)
    latest.unlink()
    latest.symlink_to(run)  # other pages look at that run; a sweep of this one leads elsewhere


@pytest.mark.parametrize("block", [*of("toml"), *of("json")])
def test_every_toml_and_json_is_well_formed(block: Block) -> None:
    assert (tomllib.loads if block.language == "toml" else json.loads)(block.text)


SHELL = [command for block in ALL for command in block_commands(block)] + [
    command for command in commands() if command.text.startswith(("tflbuild ", "pip "))
]


@pytest.mark.parametrize("command", SHELL, ids=str)
def test_every_command_is_quoted_so_that_zsh_takes_it(command: Command) -> None:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|\\.", "", command.text)
    found = re.findall(r"[*?\[\]()#<>]|(?<=\s)[=~]\S*|\{\S*,\S*\}", without_placeholders(bare))
    assert found == [], f"{command}: quote {' '.join(found)}; comments are not comments in an interactive zsh"


def without_placeholders(text: str) -> str:
    """Leave out what stands in brackets to say that it may be left out, and where output goes."""
    return re.sub(r" \[[A-Z][^=]*?\](?= |$)| >>? \S+", "", text)


def test_zsh_itself_makes_the_same_words_of_every_command(tmp_path: Path) -> None:
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("zsh is not installed; the test above looks for what it would expand")
    chosen = [command for command in SHELL if not command.shape and not re.search(" >>? ", command.text)]
    script = "".join(f"(print -rN -- {command.text}; print -rn -- $'\\n\\0')\n" for command in chosen)
    done = subprocess.run(
        [zsh, "-f"], input=script, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    read = [line.split("\0")[:-1] for line in done.stdout.split("\n\0")[:-1]]
    assert read == [shlex.split(command.text) for command in chosen]
