from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tflbuild.core import code

PACKAGE = Path(code.__file__).parents[1]
DECLARED = """
import json
DOUBLE = ("keras", "sensitivity")  # names of two kinds
from tflbuild.core.analysis import ANALYSES
from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import DATASETS
from tflbuild.core.metric import METRICS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.runtime import RUNTIMES
from tflbuild.core.target import TARGETS
from tflbuild.core.task import TASKS
from tflbuild.core.code import closure, code_digest

named = (PASSES, ARCHITECTURES, DATASETS, METRICS, TARGETS, TASKS, MODALITIES, RUNTIMES, ANALYSES)
declared = {f"{names.noun} {n}" if n in DOUBLE else n: c for names in named for n, c in names.items()}
"""
DIGESTS = (
    DECLARED + "print(json.dumps({name: code_digest(cls.__module__) for name, cls in declared.items()}))"
)
CLOSURES = DECLARED + "print(json.dumps({name: closure(cls.__module__) for name, cls in declared.items()}))"

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write modules of a made-up package `probe`, looked at afresh."""
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe/__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_modules(**modules: str) -> None:
        for name, text in modules.items():
            (tmp_path / f"probe/{name}.py").write_text(text)
        for cached in (code.code_digest, code.packages_of, code._module, code._source, code._find):
            cached.cache_clear()  # type: ignore[attr-defined]

    return write_modules


@pytest.mark.parametrize(
    "statement",
    [
        "import probe.b",
        "import os, probe.b as c",
        "from probe import b",
        "from probe.b import something",
        "from . import b",
        "from .b import (\n    one,  # and not :)\n    two,\n)",
        "from . import (  # the others (all of them)\n    b,\n)",
        "from . import a, \\\n    b",
        "def run():\n    from probe import b",
        "try: import probe.b\nexcept ImportError: pass",
        "import os; from probe import b; import sys",
        "import importlib\nimportlib.import_module('probe.b')",
    ],
)
def test_every_form_of_import_is_followed(statement: str, write: Write) -> None:
    write(a=statement, b="from .c import x", c="x = 1")
    before = code.code_digest("probe.a")
    assert {"probe.a", "probe.b", "probe.c"} <= set(code.closure("probe.a"))
    write(c="x = 2")
    assert code.code_digest("probe.a") != before


def test_prose_of_an_option_decides_nothing_and_its_default_does(write: Write) -> None:
    field = "class A:\n    x: int = 0\n"
    write(a=field)
    before = code.code_digest("probe.a")
    write(a=field + '    """What it does. [images]"""\n')
    assert code.code_digest("probe.a") == before
    write(a=field + '    """Said otherwise, import json. [images]"""\n')
    assert code.code_digest("probe.a") == before
    write(a=field.replace("0", "1") + '    """What it does. [images]"""\n')
    assert code.code_digest("probe.a") != before


def test_what_is_not_reached_decides_nothing(write: Write) -> None:
    write(a="import json, numpy\nx = 1", b="x = 1")
    before = code.code_digest("probe.a")
    assert code.closure("probe.a") == ["probe.a"], "other packages are named by their version"
    write(b="x = 2")
    assert code.code_digest("probe.a") == before


def test_packages_of_others_are_named_by_their_version_wherever_they_are_imported(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"numpy": "2.0", "h5py": "3.0", "flatbuffers": "25.0", "absent": None}
    monkeypatch.setattr(code.toolchain, "version_behind", versions.__getitem__)
    write(
        a="import json, numpy as np\nfrom . import b\nfrom tflbuild.core import errors",
        b="from os import path\ndef run():\n    import h5py.h5 as low, absent\n    from .c import x",
        c='from annotated_types import Ge\nimport importlib\nimportlib.import_module("flatbuffers.util")',
    )
    assert code.packages_of("probe.a") == ("absent", "flatbuffers", "h5py", "numpy")
    assert code.tools_of("probe.a") == {"flatbuffers": "25.0", "h5py": "3.0", "numpy": "2.0"}


def test_what_is_no_name_of_a_package_is_none(write: Write) -> None:
    write(a="x = 1")
    code._module.cache_clear()
    assert code._module("probe.a").packages == ()
    assert code._module("probe.absent").packages == ()


@pytest.mark.parametrize(
    ("module", "packages"),
    [
        ("passes.equalize", {"flatbuffers", "ai_edge_litert", "numpy"}),
        ("passes.round", {"flatbuffers", "ai_edge_litert", "numpy"}),
        ("passes.convert", {"flatbuffers", "h5py", "tensorflow"}),
        ("passes.load", {"h5py", "tf_keras"}),
        ("passes.train", {"h5py", "tf_keras", "tensorflow", "numpy"}),
    ],
)
def test_packages_that_write_a_file_are_known_for_the_pass(module: str, packages: set[str]) -> None:
    assert packages <= set(code.tools_of(f"tflbuild.{module}"))


def test_a_training_is_not_repeated_for_another_litert() -> None:
    for training in ("train", "prune", "cluster", "reestimate_bn"):
        assert not {"ai_edge_litert", "flatbuffers"} & {*code.packages_of(f"tflbuild.passes.{training}")}


def test_errors_are_words_and_decide_nothing(write: Write) -> None:
    write(a="from tflbuild.core.errors import RecipeError\nfrom tflbuild.core import digest")
    assert "tflbuild.core.digest" in code.closure("probe.a")
    assert "tflbuild.core.errors" not in code.closure("probe.a")


def test_modules_that_import_one_another_end(write: Write) -> None:
    write(a="from . import b", b="from . import a")
    assert {"probe.a", "probe.b"} <= set(code.closure("probe.a"))


@pytest.fixture(scope="module")
def changed_by(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], set[str]]:
    """Append a comment to a file of a copy of the package; gives what has other digests then."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, root / "tflbuild", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(root)}

    def digests() -> dict[str, str]:
        command = [sys.executable, "-c", DIGESTS]
        printed = subprocess.run(
            command, env=environment, cwd=root, check=True, capture_output=True, text=True
        ).stdout
        found: dict[str, str] = json.loads(printed)
        return found

    before = digests()

    def edit(file: str) -> set[str]:
        path = root / "tflbuild" / file
        text = path.read_text()
        path.write_text(f"{text}\n# A comment.\n")
        after = digests()
        path.write_text(text)
        return {name for name in before if before[name] != after[name]}

    return edit


@pytest.mark.parametrize("file", ["cli.py", "core/errors.py"])
def test_editing_what_only_reports_rebuilds_nothing(file: str, changed_by: Callable[[str], set[str]]) -> None:
    assert changed_by(file) == set()


QUANTIZERS = {
    "convert",
    "convert_quantized",
    "correct_bias",
    "equalize",
    "dequantize",
    "load_keras3",
    "load_onnx",
    "load_saved_model",
    "load_tflite",
    "load_torch_export",
    "quantize",
    "quantize_mixed",
    "round",
    "pass sensitivity",
    "analysis sensitivity",
}
"""Passes that quantize, say in an error what would, or share their checks with those; none of them trains."""


@pytest.mark.parametrize(
    ("file", "users"),
    [
        ("training/tfmot.py", {"cluster", "prune", "qat"}),
        (
            "quantization/quantizer.py",
            QUANTIZERS | {"load_tflite", "ladder", "layers"},
        ),  # which write files, too
        ("backends/vela/compiler.py", {"ethos_u"}),
        ("data/scenes/sign_renderer.py", {"signs", "sign_crops"}),
        ("tasks/classification/task.py", {"classification"}),
        (
            "tasks/detection/anchors.py",
            {
                *("detection", "ssd_mobilenet_v1", "ssd_mobilenet_v2", "ssd_mobilenet_v2_fpnlite"),
                *("efficientdet_lite0", "model keras", "file"),
            },
        ),
        ("modalities/vector.py", {"vector"}),
        ("modalities/image/augmentation.py", set()),  # in the keys of what trains, by the name of its batches
        ("tasks/detection/training.py", set()),  # likewise
    ],
)
def test_editing_a_backend_rebuilds_what_uses_it(
    file: str, users: set[str], changed_by: Callable[[str], set[str]]
) -> None:
    assert changed_by(file) == users


def test_no_declared_class_reaches_what_runs_or_shows_it() -> None:
    command = [sys.executable, "-c", CLOSURES]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    closures: dict[str, list[str]] = json.loads(printed)
    reached = {module for modules in closures.values() for module in modules}
    evaluating = {
        name: found
        for name, modules in closures.items()
        if (
            found := {module for module in modules if ".evaluation" in module}
            - {"tflbuild.evaluation.examples", "tflbuild.evaluation.sample_look"}
        )
    }
    loaders = {"load_keras3", "load_onnx", "load_saved_model", "load_tflite", "load_torch_export"}
    assert evaluating.keys() == loaders | {
        "anomaly_scores",
        "disagreements",
        "drift",
        "preprocessing",
        "thresholds",
        "values",
    }, "which execute a file, or read predictions"
    rooms = {
        "analyses",
        "backends",
        "core",
        "data",
        "environments",
        "evaluation",
        "formats",
        "metrics",
        "modalities",
        "models",
        "passes",
    }
    rooms |= {"placement", "quantization", "runtimes", "targets", "tasks", "tflite", "training"}
    assert {module.split(".")[1] for module in reached} == rooms


def test_a_module_whose_source_is_not_there_has_a_name_all_the_same() -> None:
    assert code.closure("no_such_module.anywhere") == ["no_such_module.anywhere"]
    assert len(code.code_digest("no_such_module.anywhere")) == 64
