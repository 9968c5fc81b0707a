"""README and the pages of `docs/`, read as a reader reads them: blocks, commands, and what marks them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("passes.md", "commands.md", "report.md")
"""Pages that are written from the declarations; tests hold that they are fresh."""

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name not in GENERATED),
]

PROGRAMS = ("tflbuild", "make", "pip", "python", "python3", "git", "cd", "adb", "tensorboard", "cp", "source")
"""What a line of a shell block, or a piece of code in a sentence, begins with where it is a command."""

MARK = re.compile(r"<!-- (needs|tested by): (.+?) -->")
"""`needs: what the reader has and no test` or `tested by: tests/FILE.py`, above a block or in the line of a command."""

FILE = re.compile(r"<!-- file: (\S+) -->")
"""Above a block that the reader is to save under that name."""

WORKFLOW = ("printf", "gh")
"""Programs that a workflow may run besides; test_workflow.py runs it whole, with a stand-in for GitHub's."""

PLACEHOLDER = re.compile(r"(?<![\w${])[A-Z][A-Z_]+(?!\w)|\.\.\.")
"""Stands for what the reader puts there."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        page: its page, below the checkout.
        line: the number of its first line.
        language: the word behind the fence.
        text: what is in it.
        mark: `needs` or `tested by`, and what; empty where nothing marks it.
        file: the name to save it under, or nothing.
    """

    page: str
    line: int
    language: str
    text: str
    mark: tuple[str, str] | tuple[()] = ()
    file: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command that a page shows.

    Args:
        where: page and line.
        text: as it is shown, on one line.
        mark: as that of a block.
    """

    where: str
    text: str
    mark: tuple[str, str] | tuple[()] = ()

    @property
    def words(self) -> list[str]:
        """The words that a POSIX shell makes of it."""
        return shlex.split(self.text)

    @property
    def program(self) -> str:
        """What is run, without the folder of an environment."""
        return self.text.split()[0].removeprefix(".venv/bin/")

    @property
    def shape(self) -> bool:
        """Whether parts of it are placeholders, so that nobody can run it as it is."""
        return bool(PLACEHOLDER.search(re.sub(r"\w+=\S*\.yaml", "", self.text)))

    def __str__(self) -> str:
        return f"{self.where} {self.text}"


def blocks(page: Path) -> list[Block]:
    """Give the fenced blocks of a page."""
    found, name = [], page.relative_to(ROOT).as_posix()
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = re.fullmatch(r"( *)(`{3,})(\w*).*", lines[number])
        if opening:
            indent, fence, language = opening.groups()
            first = number + 1
            number = first
            while lines[number].strip() != fence:
                number += 1
            text = "\n".join(line.removeprefix(indent) for line in lines[first:number])
            above = _above(lines, first - 1)
            mark, file = MARK.fullmatch(above), FILE.fullmatch(above)
            marked = (mark[1], mark[2]) if mark else ()
            found.append(Block(name, first + 1, language, text, marked, file[1] if file else ""))
        number += 1
    return found


def outside(page: Path) -> list[tuple[int, str]]:
    """Give the lines of a page that are in no block, by number."""
    found, fenced = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            found.append((number, line))
    return found


def block_commands(block: Block) -> list[Command]:
    """Give the commands of a block: lines of a shell block, what stands behind `$ `, and what a workflow runs."""
    if block.language == "yaml" and "\njobs:" in block.text:
        return [
            Command(str(block), line, block.mark)
            for line in workflow_lines(block)
            if not line.startswith(WORKFLOW)
        ]
    found = []
    lines = block.text.replace("\\\n", "").splitlines()
    for line in lines:
        shell = block.language == "bash"
        if line.strip() and (shell or line.startswith("$ ")):
            parts = re.split(r" && | \|\| |; ", line.removeprefix("$ ").strip())
            found += [Command(str(block), re.sub(r" +", " ", part), block.mark) for part in parts]
    return found


def workflow_lines(block: Block) -> list[str]:
    """Give the lines that a GitHub workflow runs, without where their output goes."""
    steps = [step for job in yaml.safe_load(block.text)["jobs"].values() for step in job["steps"]]
    lines = "\n".join(step.get("run", "") for step in steps).splitlines()
    return [line.partition(" > ")[0].strip() for line in lines if line.strip()]


def sentence_commands(page: Path) -> Iterator[Command]:
    """Give the commands within sentences and tables of a page."""
    name = page.relative_to(ROOT).as_posix()
    for number, line in outside(page):
        mark = MARK.search(line)
        for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", line):
            if code.removeprefix(".venv/bin/").split(" ")[0] in PROGRAMS and " " in code:
                yield Command(f"{name}:{number}", code, (mark[1], mark[2]) if mark else ())


def commands() -> list[Command]:
    """Give every command of every page, those that are shown twice once."""
    found: dict[tuple[str, object], Command] = {}
    for page in PAGES:
        shown = [command for block in blocks(page) for command in block_commands(block)]
        for command in [*shown, *sentence_commands(page)]:
            found.setdefault((command.text, bool(command.mark)), command)
    return list(found.values())


def _above(lines: list[str], fence: int) -> str:
    """Give the line above a fence, an empty one between them or none."""
    above = [line.strip() for line in lines[max(0, fence - 2) : fence] if line.strip()]
    return above[-1] if above else ""
