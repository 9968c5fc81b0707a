"""Count on how many operators XNNPACK's rules and LiteRT agree: `python benchmarks/placement_cpu.py --work FOLDER`.

Of four kinds of files: every `.tflite` of `../shared/models` and `../shared/cases` ($TFLBUILD_TEST_MODELS); the float
ones of MLPerf Tiny, quantized in every scheme on noise; small files that keep or break one condition each; and what
every shipped recipe delivers, in every scheme, built on small settings into FOLDER (half an hour; without --work they
are left out). Each operator that is predicted where LiteRT does not run
it is listed. A file that LiteRT cannot load has no truth; it is listed with LiteRT's words, and whether the rules said
that XNNPACK would fail. `--profiler` holds the measurement itself to LiteRT's profiler, which tells the places of the
operators that LiteRT executes itself, in a process for each file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = CHECKOUT.parent / "shared"
MODELS = Path(os.environ.get("TFLBUILD_TEST_MODELS", SHARED / "models"))
DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", SHARED / "data"))
sys.path.insert(0, str(CHECKOUT / "tests" / "support"))

from foreign_networks import noise, written  # noqa: E402 - files of the tests
from tflbuild import plugins  # noqa: E402
from tflbuild.core import digest  # noqa: E402
from tflbuild.core.compiler_pass import PASSES  # noqa: E402
from tflbuild.core.errors import RecipeError  # noqa: E402
from tflbuild.placement import by_rules  # noqa: E402
from tflbuild.runtimes.delegation import taken  # noqa: E402
from tflbuild.targets.cpu import Cpu  # noqa: E402
from tflbuild.testing import run_pass  # noqa: E402
from xnnpack_cases import CASES  # noqa: E402 - files of the tests

BAR = 0.99
"""Least share of operators that are placed right."""
FAILS = "LiteRT cannot load the file"
"""What rules say of an operator that XNNPACK claims and fails on."""

FLOATS = ("vww_96_float.tflite", "kws_ref_model_float32.tflite", "ad01_fp32.tflite")
INTEGER = {"scheme": "int8", "method": "fixed"}
QUANTIZED: tuple[dict[str, Any], ...] = (
    INTEGER,
    {**INTEGER, "scores": "int8", "input_dtype": "int8", "output_dtype": "int8"},
    {**INTEGER, "granularity": "tensor"},
    {**INTEGER, "activations": "symmetric"},
    {**INTEGER, "weight_bits": 4},
    {"scheme": "int16x8"},
    {"scheme": "float16"},
    {"scheme": "dynamic"},
)
"""Options of `quantize`."""

SCHEMES = ("int8", "float16", "dynamic", "int16x8")
SMALL = ["train.steps=20", "data.train=60", "data.val=20", "data.test=20", "data=sign_crops"]
FEW = "quantize.calibration.samples=20"
FREE = ("convert.budget=null", "budget=null")
SSD = [one for one in SMALL if one != "data=sign_crops"]
UNIT = ["preprocess.scale=0.00392156862745098", "preprocess.offset=0"]

BUILDS: dict[str, list[str]] = {
    "ssd_mobilenet_float": [*SSD, "convert.budget=null"],
    "ssd_mobilenet_float16": [*SSD, *FREE, "quantize.budget=null"],
    "ssd_mobilenet_dynamic": [*SSD, *FREE, "quantize.budget=null"],
    "ssd_mobilenet_int16x8": [*SSD, *FREE, "quantize.budget=null", FEW],
    "ssd_mobilenet_int8": [*SSD, *FREE, "prune.steps=10", "prune.budget=null", "quantize.budget=null", FEW],
    "ssd_mobilenet_qat": [*SSD, *FREE, "prune.steps=10", "qat.steps=10", "prune.budget=null"],
    "ssd_mobilenet_tfconverter": [
        *SSD,
        *("prune.steps=10", "prune.budget=null", "convert_quantized.budget=null", "budget=null"),
    ],
    **{
        f"{recipe} {scheme}": [
            *SMALL,
            *FREE,
            *(["prune.steps=10", "prune.budget=null"] if recipe == "mobilenet_v1_int8" else []),
            *("quantize.budget=null", f"quantize.scheme={scheme}"),
            *([FEW] if scheme in ("int8", "int16x8") else []),
        ]
        for recipe in ("mobilenet_v1_int8", "mobilenet_v2_int8", "resnet_int8")
        for scheme in SCHEMES
    },
    **{
        scheme: ["data.root={photos}", "model.path={vww}", *UNIT, *FREE, "quantize.budget=null"]
        for scheme in SCHEMES
    },
    "pruned_int8": [
        *("data.root={classes}", "model.path={vww}", *UNIT, *FREE, FEW),
        *("prune.steps=10", "prune.budget=null", "quantize.budget=null"),
    ],
    "qat_int8": ["data.root={classes}", "model.path={vww}", *UNIT, *FREE, "qat.steps=10", "qat.budget=null"],
}
"""Builds of shipped recipes: the recipe, then what tells builds of it apart, and overrides."""


@dataclass
class Agreement:
    """How far rules and LiteRT agree on some files.

    Attributes:
        operators: that were looked at.
        right: of those, how many are placed as LiteRT has them.
        left: how many LiteRT executes itself.
        misses: lines, one for each that is wrong.
        refused: lines, one for each file that LiteRT cannot load.
    """

    operators: int = 0
    right: int = 0
    left: int = 0
    misses: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def add(self, name: str, path: Path) -> str:
        """Look at a file; gives a line about it."""
        table = Cpu().rule_table()
        assert table is not None
        predicted: list[dict[str, Any]] = []
        try:
            predicted = by_rules.place(path, table, "cpu", {})["operators"]
            measured = taken(path).on
        except RecipeError as error:
            foreseen = any(FAILS in one["reason"] for one in predicted)
            why = str(error).removeprefix(str(path)).lstrip(": ")[:100]
            self.refused.append(f"{name}: {why}{' (the rules said that XNNPACK fails)' if foreseen else ''}")
            if "XNN" in why and not foreseen:
                self.misses.append(f"{name}: XNNPACK fails, and no rule said so: {why}")
            return f"{name}: no truth, {why}"
        wrong = [one for one in predicted if one["on"] != measured[one["index"]]]
        self.operators += len(predicted)
        self.right += len(predicted) - len(wrong)
        self.left += sum(not on for on in measured.values())
        self.misses += [f"{name}: operator {one['index']} ({one['name']}): {_miss(one)}" for one in wrong]
        return f"{name}: {len(predicted) - len(wrong)} of {len(predicted)} operators placed right"

    @property
    def line(self) -> str:
        """Say it in a line."""
        share = self.right / self.operators if self.operators else 0
        return (
            f"{self.right} of {self.operators} operators placed right ({share:.2%}), of which XNNPACK leaves "
            f"{self.left}; {len(self.refused)} files that LiteRT cannot load"
        )


def main() -> None:
    """Print the agreement, file by file and in all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="folder for builds of the shipped recipes")
    parser.add_argument("--files", type=Path, help="folder of further files, each looked at once")
    parser.add_argument("--profiler", action="store_true", help="hold the measurement to LiteRT's profiler")
    parser.add_argument("--profile", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.profile:
        _profile(options.profile)
    whole = Agreement()
    kinds = {"files of others": shared(), "quantized files": quantized(), "small files": synthetic()}
    if options.files:
        kinds["further files"] = further(options.files)
    if options.work:
        kinds["shipped recipes"] = built(options.work.resolve())
    for kind, files in kinds.items():
        found = Agreement()
        print(f"== {kind}")
        for name, path in files:
            line = found.add(name, path)
            if kind != "small files":
                print(line, flush=True)
            if options.profiler and kind != "small files":
                print(f"  {_profiled(path)}", flush=True)
        print(f"{kind}: {found.line}")
        for name in ("operators", "right", "left", "misses", "refused"):
            setattr(whole, name, getattr(whole, name) + getattr(found, name))
    print(f"== all: {whole.line} (bar: {BAR:.0%})")
    print("\n".join(["no truth:", *whole.refused, "misses:", *(whole.misses or ["none"])]))


def shared() -> Iterator[tuple[str, Path]]:
    """Give the files of others."""
    for path in sorted([*MODELS.rglob("*.tflite"), *(MODELS.parent / "cases").rglob("*.tflite")]):
        yield str(path.relative_to(MODELS.parent)), path


def further(folder: Path) -> Iterator[tuple[str, Path]]:
    """Give the files of a folder, of those that are the same the first."""
    found = {digest.of_file(path): path for path in sorted(folder.rglob("*.tflite"), reverse=True)}
    yield from ((str(path.relative_to(folder)), path) for path in sorted(found.values()))


def quantized() -> Iterator[tuple[str, Path]]:
    """Quantize float files of others in every scheme, one after the other."""
    plugins.load(None)
    for path in (MODELS / "mlperf_tiny" / name for name in FLOATS):
        for options in QUANTIZED:
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors")
                model = written(Path(folder), path.read_bytes())
                data, index = noise(path.read_bytes(), 8)
                made = run_pass(
                    PASSES.get("quantize")(**options), model, Path(folder), data=data, index=index
                )
                yield (
                    f"{path.name}, {' '.join(f'{key}={value}' for key, value in options.items())}",
                    made.path,
                )


def synthetic() -> Iterator[tuple[str, Path]]:
    """Write the small files, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        for name, make in CASES.items():
            path.write_bytes(make())
            yield name, path


def built(work: Path) -> Iterator[tuple[str, Path]]:
    """Build every shipped recipe, and give what it delivers; one that was built before is not built again."""
    photos = DATA / "coco128" / "images"
    places = {
        "photos": str(photos),
        "vww": str(MODELS / "mlperf_tiny" / "vww_96.h5"),
        "classes": str(_classes(photos, work / "classes")),
    }
    for name, words in BUILDS.items():
        folder = work / name.replace(" ", "_")
        if not list(folder.rglob("model.tflite")):
            recipe = name.partition(" ")[0]
            command = [sys.executable, "-m", "tflbuild", f"recipe={recipe}", f"outputs={folder}"]
            command += [word.format(**places) for word in words]
            made = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True)
            if made.returncode:
                print(f"{name}: not built: {made.stderr.strip().splitlines()[-1:]}")
        for path in sorted(one for one in folder.rglob("model.tflite") if "latest" not in one.parts)[-1:]:
            yield name, path


def _classes(photos: Path, folder: Path) -> Path:
    """Sort photos into two classes that mean nothing: what is trained here is not used."""
    for place, photo in enumerate(sorted(photos.rglob("*.jpg"))):
        target = folder / ("one", "other")[place % 2] / photo.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(photo, target)
    return folder


def _miss(predicted: dict[str, object]) -> str:
    if predicted["on"]:
        return "XNNPACK leaves it, and no rule says why"
    return f"XNNPACK takes it, though by the rules it {predicted['reason']}"


def _profiled(path: Path) -> str:
    command = [sys.executable, __file__, "--profile", str(path)]
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    return next(
        (one for one in made.stdout.splitlines() if one.startswith("profiler")),
        "profiler: it takes no such file",
    )


def _profile(path: Path) -> None:
    """Compare a file's operators that LiteRT executes itself, by its profiler, and leave the process at once."""
    from tflbuild.runtimes.profiler import CannotProfile, Profiler

    try:
        left = {index for index, on in taken(path).on.items() if not on}
        with Profiler(path) as profiler:
            own = {event.place for event in profiler.run()[0] if not event.delegated}
        print(f"profiler: {'the same' if own == left else f'differs, {sorted(own ^ left)}'}", flush=True)
    except (CannotProfile, RecipeError) as error:
        print(f"profiler: {error}"[:100], flush=True)
    os._exit(0)  # LiteRT's library may crash while it is taken down


if __name__ == "__main__":
    main()
