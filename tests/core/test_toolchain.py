"""Tools: who provides them, and how to get those that are missing."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the distributions of a machine, to be filled."""
    found: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(toolchain, "_installed", toolchain._installed.__wrapped__)
    return found


def test_versions_are_those_of_the_first_distribution_that_is_there(installed: dict[str, str]) -> None:
    installed |= {"tf-nightly": "3", "tensorflow-cpu": "2", "other": "7"}
    assert toolchain.version("tensorflow") == "2"
    assert toolchain.version("other") == "7"
    assert toolchain.version("PIL") is None
    installed["tensorflow"] = "1"
    assert toolchain.require(["tensorflow", "other"], "x") == {"tensorflow": "1", "other": "7"}
    assert toolchain.require([], "x") == {}


@pytest.mark.parametrize(
    ("tool", "package"),
    [
        ("ethosu", '"tflbuild[ethos]"'),
        ("s3fs", '"tflbuild[s3]"'),
        ("PIL", "pillow"),
        ("tf_keras", "tf-keras"),
        ("unheard_of", "unheard_of"),
    ],
)
def test_a_missing_tool_is_said_with_what_installs_it(
    tool: str, package: str, installed: dict[str, str]
) -> None:
    with pytest.raises(MissingTool) as caught:
        toolchain.require([tool], "target 'x'")
    assert str(caught.value) == f"target 'x' needs {tool}, which is not installed: pip install {package}"


@pytest.mark.parametrize("tool", sorted(toolchain.EXTRAS))
def test_an_extra_has_the_tool_that_it_is_offered_for(tool: str) -> None:
    requirements = PROJECT["optional-dependencies"][toolchain.EXTRAS[tool]]
    names = toolchain.DISTRIBUTIONS.get(tool, (tool,))
    assert any(requirement.startswith(name) for requirement in requirements for name in names)


@pytest.mark.parametrize("tool", sorted(set(toolchain.DISTRIBUTIONS) - set(toolchain.EXTRAS)))
def test_other_tools_come_with_tflbuild_under_their_usual_name(tool: str) -> None:
    usual = toolchain.DISTRIBUTIONS[tool][0]
    assert any(requirement.startswith(f"{usual}>=") for requirement in PROJECT["dependencies"])


def test_every_extra_that_is_no_tool_chest_is_offered_for_something() -> None:
    assert set(toolchain.EXTRAS.values()) == set(PROJECT["optional-dependencies"]) - {"dev", "docs"}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("known", "1.0"),
        ("sklearn", "1.5"),  # of one distribution, which has another name
        ("google", "auth 2.0, protobuf 4.0"),  # of several, which may share files
        ("mine", None),  # a module of nobody's
        ("absent", None),
    ],
)
def test_a_package_is_known_by_whatever_distribution_provides_it(
    installed: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, version: str | None
) -> None:
    installed |= {"known": "1.0", "scikit-learn": "1.5", "protobuf": "4.0", "auth": "2.0"}
    provided = {"sklearn": ["scikit-learn"], "google": ["protobuf", "auth", "auth"], "absent": ["protobuf"]}
    monkeypatch.setattr(toolchain, "_providers", lambda: provided)
    monkeypatch.setattr(
        toolchain.PathFinder, "find_spec", lambda name: None if name == "absent" else "a module"
    )
    assert toolchain.version_behind(name) == version


def test_every_package_behind_a_name_is_found_by_the_files_it_installed() -> None:
    assert toolchain.version_behind("yaml") == metadata.version("PyYAML")
    assert toolchain.version_behind("hydra") == metadata.version("hydra-core")
