"""Hold the rules for Arm Ethos-U to vela: `python benchmarks/placement_ethos.py`.

Each file is given to vela for an Ethos-U55, U65 and U85, and each of its operators is compared with what the rules of
the target predict: whether the NPU runs it. On a file on which vela fails nothing runs, and the rules have to say so
of every operator.

The files are the `.tflite` below --models that hold integers, those below --more (e.g. a folder with the files that
recipes delivered), and files of single operators at either side of each condition that vela has
(`tests/support/ethos_cases.py`). Floats are left out: nothing of them runs.

    --models FOLDER   else $TFLBUILD_TEST_MODELS, else ../shared/models
    --more FOLDER     more files
    --seconds N       time limit of one run of vela; it never ends on some files (default 120)
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

from ethos_cases import cases  # noqa: E402
from tflbuild import plugins  # noqa: E402
from tflbuild.core.artifact import TFLiteModel  # noqa: E402
from tflbuild.core.errors import PassError  # noqa: E402
from tflbuild.core.target import TARGETS  # noqa: E402
from tflbuild.placement import facts  # noqa: E402

ACCELERATORS = ("ethos-u55-128", "ethos-u65-256", "ethos-u85-256")
SHIPPED, MADE, SINGLE = "files of others", "files of recipes", "single operators"


@dataclass(frozen=True)
class Compared:
    """A file and an accelerator: operators, those that are placed right, and the misses in words."""

    group: str
    accelerator: str
    operators: int
    right: int
    failed: bool
    misses: tuple[str, ...]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = os.environ.get("TFLBUILD_TEST_MODELS", str(CHECKOUT / "../shared/models"))
    parser.add_argument("--models", type=Path, default=Path(given))
    parser.add_argument("--more", type=Path)
    parser.add_argument("--seconds", type=int, default=120)
    words = parser.parse_args()
    plugins.load(CHECKOUT)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(compared, group, name, path, accelerator, words.seconds)
            for group, name, path in files(words.models, words.more, Path(folder))
            for accelerator in ACCELERATORS
        ]
        found = [job.result() for job in jobs]
    report(found)


def files(models: Path, more: Path | None, folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Give groups, names and paths of the files."""
    for group, root in ((SHIPPED, models), (MADE, more)):
        for path in sorted(root.rglob("*.tflite")) if root else ():
            if integers(path):
                yield group, path.name, path
    for place, (name, content) in enumerate(cases()):
        path = folder / f"{place}.tflite"
        path.write_bytes(content)
        yield SINGLE, name, path


def integers(path: Path) -> bool:
    """Say whether a file has operators between integers."""
    quantized = ("int8", "uint8", "int16")
    return any(any(out.dtype in quantized for out in one.outputs) for one in facts.read(path).operators)


def compared(group: str, name: str, path: Path, accelerator: str, seconds: int) -> Compared:
    """Compare a file for an accelerator."""
    options = {"accelerator": accelerator, "allow_uncovered": True, "time_limit": seconds}
    target: Any = TARGETS.get("ethos_u")(**options)
    predicted = target.place(path)["operators"]
    failed = ""
    try:
        with tempfile.TemporaryDirectory() as work:
            model = TFLiteModel(path=path, digest="", fingerprint="")
            placed = [one["on"] for one in target.compile(model, Path(work))[1]["placement"]["operators"]]
    except PassError as error:
        failed = str(error)
        placed = [False] * len(predicted)
    misses = [
        f"{accelerator}, {name}: operator {one['index']} ({one['name']}) is {'on' if on else 'off'} the NPU"
        f"{f' ({failed[:160]})' if failed else ''}, rules: {one['reason'] or 'on'}"
        for one, on in zip(predicted, placed, strict=True)
        if one["on"] is not on
    ]
    right = len(predicted) - len(misses)
    return Compared(group, accelerator, len(predicted), right, bool(failed), tuple(misses))


def report(found: list[Compared]) -> None:
    """Print the table and the misses."""
    print(f"{'':18} {'NPU':14} {'files':>6} {'refused':>8} {'operators':>10} {'right':>7} {'share':>8}")
    for group in (SHIPPED, MADE, SINGLE, ""):
        for accelerator in (*ACCELERATORS, ""):
            rows = [one for one in found if group in ("", one.group) and accelerator in ("", one.accelerator)]
            operators, right = sum(one.operators for one in rows), sum(one.right for one in rows)
            if operators:
                counts = f"{len(rows):>6} {sum(one.failed for one in rows):>8} {operators:>10} {right:>7}"
                print(f"{group or 'all':18} {accelerator or 'all':14} {counts} {right / operators:>8.2%}")
    for one in found:
        for miss in one.misses:
            print(miss)


if __name__ == "__main__":
    main()
