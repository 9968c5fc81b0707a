"""Build sdist and wheel, check them, and build the demo's smallest setting from the wheel: what is uploaded works.

    python .ci/release.py                # everything; nothing is uploaded
    python .ci/release.py --no-demo      # sdist, wheel and their checks alone

The wheel is installed with the pins of constraints.txt in an environment of its own, and the demo runs in an empty
folder: nothing of the checkout can help it. It ends with the command that uploads.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"

SMALLEST = [
    "recipe=ssd_mobilenet_int8",
    "train.steps=60",
    "prune.steps=20",
    "data.train=200",
    "data.val=40",
    "data.test=60",
    "prune.budget.map.max_drop=1",
    "quantize.budget.map.max_drop=1",
    "budget.map.max_drop=1",
]
"""The demo, as small as `.ci/run` builds it."""


def main() -> int:
    """Make a release and try it; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-demo", action="store_true", help="do not install the wheel and build the demo")
    parser.add_argument("--python", default=sys.executable, help="the Python that the wheel is tried with")
    given = parser.parse_args()
    started = time.monotonic()
    sdist, wheel = built()
    hold(sdist, wheel)
    ran([sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel)])
    if not given.no_demo:
        try_wheel(wheel, given.python)
    print(f"ready after {time.monotonic() - started:.0f} s: {sdist.name}, {wheel.name}")
    print("to upload: python -m twine upload dist/*")
    return 0


def built() -> tuple[Path, Path]:
    """Build the sdist, and the wheel from the sdist; gives both files."""
    shutil.rmtree(DIST, ignore_errors=True)
    ran([sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT)])
    return next(DIST.glob("*.tar.gz")), next(DIST.glob("*.whl"))


def hold(sdist: Path, wheel: Path) -> None:
    """Hold both files to one version, and the wheel to the recipes of the checkout."""
    version = wheel.name.split("-")[1]
    if sdist.name != f"tflbuild-{version}.tar.gz":
        raise SystemExit(f"release: {sdist.name} and {wheel.name} are of different versions")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    recipes = (path.relative_to(ROOT / "recipes") for path in (ROOT / "recipes").rglob("*.yaml"))
    missing = [str(path) for path in recipes if f"tflbuild/_recipes/{path.as_posix()}" not in names]
    if missing:
        raise SystemExit(f"release: the wheel lacks recipes: {', '.join(sorted(missing))}")


def try_wheel(wheel: Path, python: str) -> None:
    """Install the wheel in an environment of its own, and build the demo in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="release-") as place:
        environment, folder = Path(place) / "env", Path(place) / "work"
        folder.mkdir()
        ran([python, "-m", "venv", str(environment)])
        inside = str(environment / "bin" / "python")
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        ran([inside, "-m", "pip", "install", "--quiet", *constraints, str(wheel)])
        words = [*SMALLEST, f"store.path={folder / 'store'}"]
        ran([str(environment / "bin" / "tflbuild"), *words], folder)
        report = json.loads(next(folder.glob("outputs/*/latest/report.json")).read_text(encoding="utf-8"))
        if report["status"] != "built" or not list(folder.glob("outputs/*/latest/*.tflite")):
            raise SystemExit(f"release: the demo from the wheel ended as '{report['status']}'")


def ran(words: Sequence[str], folder: Path = ROOT) -> None:
    """Run a command that must succeed, without what leads to another environment or to the checkout."""
    unset = ("PYTHONPATH", "VIRTUAL_ENV")
    variables = {name: value for name, value in os.environ.items() if name not in unset}
    print("+", " ".join(words), flush=True)
    done = subprocess.run(words, cwd=folder, env=variables, check=False)
    if done.returncode:
        raise SystemExit(f"release: '{' '.join(words[:4])} ...' ended with exit code {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
