"""Requirements are whole: what is imported is among them, and what a package of them needs is, too."""

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tflbuild import plugins
from tflbuild.core.environment import ENVIRONMENTS, Environment

NAMES = ("mediapipe", "onnx", "torch")


def declared(name: str) -> type[Environment]:
    plugins.load(None)
    return ENVIRONMENTS.get(name)


def plain(name: str) -> str:
    """Write a package's name as all its spellings are compared (packaging.python.org, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(name: str) -> set[str]:
    return {plain(one.partition("==")[0]) for one in declared(name).requirements}


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_once_and_what_is_imported_is_one_of_them(name: str) -> None:
    found = declared(name)
    assert len(pinned(name)) == len(found.requirements)
    assert {plain(module) for module in found.imports} <= pinned(name)
    assert plain(found.main) in {plain(module) for module in found.imports}


@pytest.mark.parametrize("name", NAMES)
def test_pythons_are_versions_of_two_numbers_the_best_one_first(name: str) -> None:
    assert all(re.fullmatch(r"3\.\d+", version) for version in declared(name).pythons)
    assert len(set(declared(name).pythons)) == len(declared(name).pythons)


@pytest.mark.parametrize(
    ("name", "package", "needed"),
    [
        (
            "mediapipe",
            "matplotlib",
            "contourpy cycler fonttools kiwisolver numpy packaging pillow pyparsing python-dateutil",
        ),
        ("mediapipe", "sounddevice", "cffi"),
        ("mediapipe", "cffi", "pycparser"),
        ("onnx", "sympy", "mpmath"),
        ("onnx", "rich", "markdown-it-py pygments"),
        ("onnx", "markdown-it-py", "mdurl"),
        ("torch", "torch", "filelock typing-extensions setuptools sympy networkx jinja2 fsspec"),
        ("torch", "jinja2", "markupsafe"),
        ("torch", "requests", "certifi charset-normalizer idna urllib3"),
    ],
)
def test_what_the_packages_say_that_they_need_is_pinned(name: str, package: str, needed: str) -> None:
    """By the `Requires-Dist` of each; the next test reads them all where the environment was made."""
    assert plain(package) in pinned(name)
    assert set(needed.split()) <= pinned(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_pinned_package_needs_is_pinned_and_nothing_is_left_to_the_installer(name: str) -> None:
    """Held to what the packages say themselves, in whichever environment of the name was made on this machine."""
    given = os.environ.get("TFLBUILD_TEST_ENVIRONMENTS")
    folder = Path(given) if given else Path("~/.cache/tflbuild/environments").expanduser()
    made = sorted(one.parent for one in folder.glob(f"{name}-*/ready.json"))
    if not made:
        pytest.skip(f"the environment '{name}' was not made: tflbuild setup {name}")
    (packages,) = made[-1].glob("lib/python3*/site-packages")
    version = packages.parent.name.removeprefix("python")
    surroundings = {**default_environment(), "python_version": version, "python_full_version": f"{version}.0"}
    found = {plain(one.name): one for one in importlib.metadata.distributions(path=[str(packages)])}
    lacking = {
        f"{package} needs {needed}"
        for package in pinned(name) & found.keys()
        for needed in map(Requirement, found[package].requires or [])
        if (needed.marker is None or needed.marker.evaluate({**surroundings, "extra": ""}))
        and plain(needed.name) not in pinned(name)
    }
    assert lacking == set()
    assert found.keys() - pinned(name) <= {"pip", "setuptools", "wheel"}
