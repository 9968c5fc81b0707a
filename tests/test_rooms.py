"""Each room holds what belongs into it: what is read here is the text of the package, and nothing is run."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.metric import METRICS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.model_format import FORMATS
from tflbuild.core.registry import Registry
from tflbuild.core.runtime import RUNTIMES
from tflbuild.core.split_names import SPLITS
from tflbuild.core.task import TASKS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "tflbuild"

Find = Callable[[str], Iterator[tuple[int, str]]]
"""Gives the lines of a module that it objects to, by number."""


def found(find: Find, allowed: Mapping[str, str], rooms: str = "") -> list[str]:
    """List what a check objects to, but for modules and rooms that are allowed it."""
    objections = []
    for path in sorted((PACKAGE / rooms).rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not any(name == one or name.startswith(f"{one}/") for one in allowed):
            lines = find(path.read_text(encoding="utf-8"))
            objections += [f"{name}:{number}: {line}" for number, line in lines]
    return objections


def unused(find: Find, allowed: Mapping[str, str]) -> list[str]:
    """List what is allowed and nothing needs any more."""
    modules = {one: [*(PACKAGE / one).rglob("*.py")] or [PACKAGE / one] for one in allowed}
    return [one for one, paths in modules.items() if not any([*find(p.read_text("utf-8"))] for p in paths)]


def built_in(*registries: Registry[Any]) -> set[str]:
    """Name what the package itself declares; other tests may have declared more."""
    return {
        name
        for registry in registries
        for name, cls in registry.items()
        if cls.__module__.startswith("tflbuild.")
    }


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Give the strings of a module that are no docstrings, those within f-strings too."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


# Tasks

COMPARED = {
    "formats": "a format says which task a file's outputs look like, and what follows from it for its labels",
    "models/file.py": "a file's outputs may be of a known task though the data have no labels, or of none",
    "models/keras_file.py": "likewise",
    "backends/keras_reference.py": "finishes raw outputs as the user knows them, which only two tasks say",
}
"""Rooms and modules that may compare with the name of a task, and why."""

CONSTANT = re.compile(r'^([A-Z_]+) = "(\w+)"$', re.MULTILINE)


@cache
def constants_of_tasks() -> frozenset[str]:
    """Name the constants of the package that hold the name of a task."""
    everywhere = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    names = built_in(TASKS)
    return frozenset(name for name, value in CONSTANT.findall(everywhere) if value in names)


def comparisons_with_tasks(source: str) -> Iterator[tuple[int, str]]:
    """Find comparisons with the name of a task, or with a constant that holds one."""
    names, constants = built_in(TASKS), constants_of_tasks()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        for side in (part for one in (node.left, *node.comparators) for part in ast.walk(one)):
            is_name = isinstance(side, ast.Constant) and side.value in names
            if is_name or (isinstance(side, ast.Name) and side.id in constants):
                yield node.lineno, ast.unparse(node)


def test_a_task_is_asked_and_never_compared_by_its_name() -> None:
    assert found(comparisons_with_tasks, COMPARED) == []
    assert unused(comparisons_with_tasks, COMPARED) == []


# Pictures

PICTURE = re.compile(
    r"(height|rows|size|side|h), ?(width|columns|size|side|w), ?3\b"  # as an axis of a picture
    r"|\[\.\.\., ?:?3\]"
    r"|\b(\d{2,}), ?\3, ?3\)"  # (1, 96, 96, 3)
)

PICTURES = {
    "modalities": "the modality of pictures, and rows of arrays that hold them",
    "data": "reads pictures",
    "models": "an architecture says its own input; a user's Keras model may have to be of this one",
    "analyses/field/pictures.py": "says how a picture looks",
    "formats": "recognise pictures by the shape of an input, and say which shape a file should have",
    "core/meaning.py": "Meaning.of_image, and facts of tflbuild 0.1, which were of a picture",
    "runtime.py": "says to people what an array of a picture is",
    "core/task.py": "a picture for people, which a task may draw",
    "core/array_file.py": "looks into an .npz of pictures to calibrate on; belongs into modalities/image",
}
"""Rooms and modules that may say that a picture has three channels, and why."""


def pictures(source: str) -> Iterator[tuple[int, str]]:
    """Find lines of code and of docstrings that take samples for pictures of three channels."""
    for number, line in enumerate(source.splitlines(), start=1):
        if PICTURE.search(line):
            yield number, line.strip()


def test_only_rooms_of_pictures_know_their_channels() -> None:
    assert found(pictures, PICTURES) == []
    assert unused(pictures, PICTURES) == []


# The engine

ITS_OWN = ("core", "engine")
"""Rooms that the engine may import, and so may name."""

MODULE = re.compile(r"\btflbuild((?:\.\w+)+)")


def dotted_names(source: str) -> Iterator[tuple[int, str]]:
    """Find strings that name a module of a room which the engine may not import."""
    for number, text in texts(source):
        for name in MODULE.findall(text):
            room = name.split(".")[1]
            if room not in ITS_OWN and [*PACKAGE.glob(room), *PACKAGE.glob(f"{room}.py")]:
                yield number, text


def test_the_engine_reaches_no_room_by_a_dotted_name() -> None:
    assert found(dotted_names, {}, "engine") == []


OTHERWISE = {
    ("engine/storage/link.py", "size"): "a field of what fsspec says of a file",
    ("engine/workers/process.py", "load"): "a request to a worker, for its declarations",
}
"""Words in the engine that are names of declarations, too, and what they mean there."""


def names_of_declarations(source: str) -> Iterator[tuple[int, str]]:
    """Find strings that are the name of a declaration, or hold one in quotes; but for those of splits."""
    names = built_in(PASSES, METRICS, TASKS, MODALITIES, FORMATS, RUNTIMES) - {*SPLITS}
    for number, text in texts(source):
        for name in sorted({text, *re.findall(r"'(\w+)'", text)} & names):
            yield number, name


def test_the_engine_knows_no_pass_metric_task_modality_format_or_runtime_by_name() -> None:
    objections = [line.split(":") for line in found(names_of_declarations, {}, "engine")]
    assert {(path, name.strip()) for path, _, name in objections} == OTHERWISE.keys()


# That the checks find what they look for

FAULTS = {
    "a comparison": (comparisons_with_tasks, 'if facts.task == "detection": pass', True),
    "a comparison in reverse": (comparisons_with_tasks, '"detection" != facts.task', True),
    "a choice of tasks": (comparisons_with_tasks, 'facts.task in ("classification", "other")', True),
    "a comparison with a constant": (comparisons_with_tasks, "task != UNLABELLED", True),
    "a declaration": (comparisons_with_tasks, 'tasks = ("detection",)', False),
    "another word": (comparisons_with_tasks, 'event.kind == "plan"', False),
    "a shape in a docstring": (pictures, '"""Images, (batch, height, width, 3) uint8."""', True),
    "the channels of anything": (pictures, "image[..., :3]", True),
    "a shape of one model": (pictures, 'f"e.g. (1, 96, 96, 3)"', True),
    "any shape": (pictures, "(batch, height, width, channels)", False),
    "a kernel": (pictures, "(3, 3)", False),
    "a dotted name": (dotted_names, 'names = "tflbuild.evaluation.truth:truth_file"', True),
    "one of its own": (dotted_names, 'command("tflbuild.engine.workers.worker_process")', False),
    "one in a docstring": (dotted_names, '"""See `tflbuild.passes.prune`."""', False),
    "a schema": (dotted_names, 'SCHEMA = "tflbuild.report/1"', False),
    "a pass": (names_of_declarations, 'step.options.name == "prune"', True),
    "a pass in a sentence": (
        names_of_declarations,
        "f\"it ends with {kind}; add 'convert' behind it\"",
        True,
    ),
    "a metric": (names_of_declarations, 'metrics.get("top1")', True),
    "a split": (names_of_declarations, 'splits["train"]', False),
}


@pytest.mark.parametrize("case", FAULTS)
def test_each_check_finds_what_it_looks_for(case: str) -> None:
    find, source, wrong = FAULTS[case]
    assert bool([*find(source)]) == wrong


# Directions

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def rooms() -> set[str]:
    """Name every folder and module right in the package, but for what starts it."""
    here = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    return {f"tflbuild.{name}" for name in here if not name.startswith("__")}


def contract(name: str) -> Mapping[str, Any]:
    return next(one for one in CONFIG["contracts"] if one["name"] == name)


def test_every_room_has_a_place_among_the_layers() -> None:
    layers = [room.strip() for layer in contract("Imports go one way")["layers"] for room in layer.split("|")]
    assert sorted(layers) == sorted(rooms())


MAY_IMPORT = {
    "Only training and backends import TensorFlow": {"training", "backends"},
    "Only rooms that work on a .tflite import LiteRT and the quantizer": {
        *("tflite", "runtimes", "quantization", "backends"),
    },
    "Only hooks import MLflow": {"hooks"},
}
"""The rooms that a contract leaves out, as its name says."""


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_contract_is_about_every_room_but_those_that_it_names(name: str) -> None:
    allowed = {f"tflbuild.{room}" for room in MAY_IMPORT[name]}
    assert {*contract(name)["source_modules"]} == rooms() - allowed


def test_no_folder_is_left_out_of_the_contract_on_circles() -> None:
    circles = contract("No modules of a room, and no rooms, import each other in a circle")
    assert circles["ancestors"] == ["tflbuild"]
    assert circles.get("skip_descendants", []) == []
