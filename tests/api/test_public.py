"""What is public: importable, lazy, light, and the same however it is reached."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tflbuild

PACKAGE = Path(tflbuild.__file__).parent

HEAVY = ("tensorflow", "hydra", "numpy", "rich", "pydantic", "PIL", "ai_edge_litert", "jinja2", "yaml")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_else() -> None:
    loaded = python(
        "import sys; before = set(sys.modules); import tflbuild; "
        "print(*sorted(name for name in set(sys.modules) - before if '.' not in name or 'tflbuild' in name))"
    ).split()
    assert [name for name in loaded if name not in sys.stdlib_module_names] == ["tflbuild"]


def test_planning_imports_no_tensorflow_and_no_litert() -> None:
    code = "import sys, tflbuild; tflbuild.plan; tflbuild.build; tflbuild.sweep; print(*sys.modules)"
    loaded = python(code).split()
    assert {"tensorflow", "tf_keras", "ai_edge_litert"} & set(loaded) == set()


@pytest.mark.parametrize("name", tflbuild.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(tflbuild, name)
    assert name in dir(tflbuild)
    if name != "__version__":
        assert (inspect.getdoc(found) or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'tflbuild' has no attribute 'bild'"):
        tflbuild.bild  # noqa: B018


def test_what_a_type_checker_sees_is_what_there_is() -> None:
    """The imports under TYPE_CHECKING name the places that `__getattr__` looks in, and all of them are public."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    checked = next(
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    typed = {
        (str(node.module).removeprefix("tflbuild."), alias.name)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    found = {(place, name) for place, names in tflbuild._PLACES.items() for name in names}
    assert typed == found | {("tflbuild", "runtime"), ("sweep.calling", "sweep")}
    assert {name for _, name in typed} | {"__version__"} == set(tflbuild.__all__)


def test_a_sweep_is_the_same_thing_whoever_imported_it_first() -> None:
    code = (
        "import tflbuild, tflbuild.sweep.run; print(callable(tflbuild.sweep), tflbuild.sweep.expand.__name__)"
    )
    assert python(code).split() == ["True", "expand"]


def test_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").is_file()
