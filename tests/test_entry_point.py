"""A plugin that is a real distribution, installed into an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DISTRIBUTION = Path(__file__).parent / "distribution"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that sees this one's packages, and install the distribution into it."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    here = {sysconfig.get_path("purelib"), str(Path(__file__).parents[1] / "src")}
    Path(site, "host.pth").write_text("\n".join(sorted(here)) + "\n")
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", str(DISTRIBUTION)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    return python


def run(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "tflbuild", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_an_installed_plugin_is_listed_and_described(python: Path, tmp_path: Path) -> None:
    assert "describe_file" in run(python, tmp_path, "list", "passes").stdout
    page = run(python, tmp_path, "describe", "describe_file").stdout
    assert "Write a description into the report" in page
    assert "style = short                  short | long" in page


def test_an_installed_plugin_is_planned_with_typed_options(python: Path, tmp_path: Path) -> None:
    added = ["plan", "recipe=ssd_mobilenet_float", "+passes@note=describe_file", "note.after=[convert]"]
    planned = run(python, tmp_path, *added, "note.style=long")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines()[2].startswith("note")
    wrong = run(python, tmp_path, *added, "note.level=10")
    assert wrong.returncode == 2
    assert "note.level: 10" in wrong.stderr


def test_an_installed_hook_is_chosen_with_typed_options(python: Path, tmp_path: Path) -> None:
    assert "count_passes" in run(python, tmp_path, "list", "hooks").stdout
    chosen = ["plan", "recipe=ssd_mobilenet_float", "hooks=[count_passes]"]
    planned = run(python, tmp_path, *chosen, "hooks.count_passes.unit=hits")
    assert planned.returncode == 0, planned.stderr
    wrong = run(python, tmp_path, *chosen, "hooks.count_passes.unit=misses")
    assert wrong.returncode == 2
    assert "hooks.count_passes.unit: 'misses' is not one of runs, hits" in wrong.stderr


def test_without_the_distribution_the_pass_is_unknown(tmp_path: Path) -> None:
    missing = run(Path(sys.executable), tmp_path, "describe", "describe_file")
    assert missing.returncode == 2
    assert "nothing called 'describe_file'" in missing.stderr
