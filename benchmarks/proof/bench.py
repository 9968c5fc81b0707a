"""One row of the proof: every file that is compared, made once and measured on the same test images."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

import tflbuild
from proof import calibration, ill_conditioning, tensorflow_stock
from proof.book import Book
from proof.measuring import PREDICTIONS, Yardstick
from proof.product import Pipeline, build
from proof.rows import Row
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import Index, Split
from tflbuild.core.meaning import IMAGE, Meaning
from tflbuild.modalities.image import files as image
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.recipe.load import load_recipe
from tflbuild.testing import artifact, run_pass
from tflbuild.tflite import flatbuffer

SAMPLES, FEW = 200, 24
"""Calibration images, and those of a smoke test."""

CHECKED = 16
"""Calibration images on which an ill-conditioned model must compute what the model did."""

DECIDING = (
    *("backends", "core", "data", "evaluation", "formats", "metrics", "modalities", "models", "passes"),
    *("quantization", "runtimes", "tasks", "tflite", "training"),
)
"""Parts of tflbuild that decide what is found; with this folder's own modules."""


@cache
def code() -> str:
    """Name the code that decides what is found: when it changes, what is kept is worth nothing."""
    source, own = Path(tflbuild.__file__).parent, Path(__file__).parent
    modules = [path for part in DECIDING for path in (source / part).rglob("*.py")]
    return digest.of_json(sorted(digest.of_file(path) for path in (*modules, *own.glob("*.py"))))


@dataclass(frozen=True)
class Made:
    """A file made in this process, and what there is to say about it."""

    content: bytes
    notes: dict[str, Any] = field(default_factory=dict)


Make = Callable[[Path], Made]
"""Makes a file from a float one."""


class Bench:
    """A row at work.

    Args:
        row: the model and its data.
        book: where results are kept.
        small: whether this is a smoke test.
    """

    def __init__(self, row: Row, book: Book, small: bool) -> None:
        self.row, self._book, self._small = row, book, small
        self._samples = FEW if small else SAMPLES
        self._causes = [
            code(),
            row.recipe,
            list(row.options),
            list(row.small) if small else [],
            self._samples,
        ]

    @property
    def tune(self) -> int:
        """Give the steps of later trainings."""
        return 3 if self._small else self.row.tune

    def floating(self) -> dict[str, Any]:
        """Give the float file, trained and converted."""
        made = self._book.cell(
            self.row.name,
            "float",
            self._causes,
            lambda folder: self._float(Pipeline(order=("train", "convert")), folder),
        )
        if "error" in made:
            raise RuntimeError(f"{self.row.title}: the float model could not be built: {made['error']}")
        return made

    def built(self, name: str, pipeline: Pipeline, against: str = "float") -> dict[str, Any]:
        """Give a file that tflbuild builds, measured against another cell's predictions."""
        causes = [code(), self._sha256, pipeline.words(self.row, self._small), against]

        def make(folder: Path) -> dict[str, Any]:
            made = build(self.row, pipeline, self._small)
            return made | self._measured(Path(made["path"]), folder, against)

        return self._book.cell(self.row.name, name, causes, make)

    def made(self, name: str, make: Make, causes: Any, reference: str = "float") -> dict[str, Any]:
        """Give a file that is made of a float file in this process.

        Args:
            name: of the cell.
            make: makes it.
            causes: JSON-able; what decides the file besides the float file.
            reference: the cell of the float file.
        """

        def whole(folder: Path) -> dict[str, Any]:
            started = time.perf_counter()
            made = make(self.path(reference))
            seconds = time.perf_counter() - started
            path = folder / "model.tflite"
            path.write_bytes(made.content)
            found = {"path": str(path), "seconds": seconds, "notes": made.notes}
            return found | self._measured(path, folder, "float")

        return self._book.cell(self.row.name, name, [code(), self._sha256, causes], whole)

    def stock(self, wanted: dict[str, tuple[str, Any, bool]]) -> dict[str, dict[str, Any]]:
        """Give files of TensorFlow's own quantization, all in one process.

        Args:
            wanted: name of a cell to the cell of the float file, (images, height, width, 3) float32, and whether
                weights have one scale a tensor.
        """
        batch: dict[str, float] = {}

        def place(name: str) -> Path:
            return self._book.folder / self.row.name / name / "model.tflite"

        def make_all() -> None:
            folder = self._book.folder / self.row.name / "stock"
            folder.mkdir(exist_ok=True)
            jobs = []
            for name, (reference, images, per_tensor) in wanted.items():
                place(name).parent.mkdir(exist_ok=True)
                np.save(folder / f"{name}.npy", images)
                jobs.append(
                    tensorflow_stock.Job(
                        model=str(self.path(reference)),
                        images=str(folder / f"{name}.npy"),
                        per_tensor=per_tensor,
                        out=str(place(name)),
                    )
                )
            batch.update(zip(wanted, tensorflow_stock.quantize(jobs, folder), strict=True))

        def one(name: str) -> Callable[[Path], dict[str, Any]]:
            def make(folder: Path) -> dict[str, Any]:
                if not batch:
                    make_all()
                return {"path": str(place(name)), "seconds": batch[name]} | self._measured(
                    place(name), folder, "float"
                )

            return make

        return {
            name: self._book.cell(self.row.name, name, [code(), self._sha256, "stock"], one(name))
            for name in wanted
        }

    def quantized(self, options: dict[str, Any]) -> Make:
        """Give what runs the pass `quantize` on a float file, wherever that comes from."""

        def make(path: Path) -> Made:
            scratch = self._book.folder / self.row.name / "scratch"
            scratch.mkdir(exist_ok=True)
            calibrated = Calibration(source=str(self.source), samples=self._samples)
            quantize = PASSES.get("quantize")(**options, calibration=calibrated)  # type: ignore[call-arg]
            notes: dict[str, Any] = {}
            given: TFLiteModel = artifact(TFLiteModel, path, self.facts)
            made = run_pass(quantize, given, scratch, data=self._data, index=self._index, notes=notes)
            return Made(made.path.read_bytes(), notes)

        return make

    def rescaled(self, path: Path) -> Made:
        """Rescale one channel of every layer of a float file that allows it."""
        found = ill_conditioning.rescaled(
            path.read_bytes(), [{IMAGE: image} for image in self.images[:CHECKED]]
        )
        return Made(found.content, {"channels": found.channels, "change": found.change})

    def path(self, cell: str) -> Path:
        """Give the file of a cell that is there."""
        return Path(self._book.kept(self.row.name, cell)["path"])

    def predictions(self, cell: str) -> Path:
        """Give the predictions of a cell on the test images."""
        return self._book.folder / self.row.name / cell / PREDICTIONS

    @cached_property
    def yardstick(self) -> Yardstick:
        """Give what everything is measured with."""
        return Yardstick(
            split=Split("test", self._data, self._index),
            facts=self.facts,
            metric=self.row.metric,
            folder=self._book.folder / self.row.name,
            float_path=self.path("float"),
        )

    @cached_property
    def facts(self) -> Meaning:
        """Say what the model's files mean."""
        return Meaning.from_json(flatbuffer.read_facts(self.path("float")))

    @cached_property
    def pixels(self) -> Any:
        """Give the calibration images as raw pixels."""
        return calibration.pixels_of(Split("train", self._data, self._index), self.facts, self._samples)

    @cached_property
    def images(self) -> Any:
        """Give the calibration images as the model takes them."""
        return calibration.normalised(self.pixels, self.facts)

    @cached_property
    def source(self) -> Path:
        """Give the calibration images as a source for recipes."""
        return calibration.keep(self.pixels, self._book.folder / self.row.name / "calibration.npz")

    def source_of(self, name: str, pixels: Any) -> Path:
        """Give other images as a source for recipes."""
        return calibration.keep(pixels, self._book.folder / self.row.name / f"{name}.npz")

    def calibrated(self, label: str, source: Path | None = None, samples: int | None = None) -> list[str]:
        """Give the overrides that let a step calibrate on the images that all methods are given."""
        return [
            f"{label}.calibration.source={source or self.source}",
            f"{label}.calibration.samples={samples or self._samples}",
        ]

    @cached_property
    def _data(self) -> Any:
        words = Pipeline(order=("train", "convert")).words(self.row, self._small)
        return load_recipe([f"recipe=proof_{self.row.name}", *words]).data

    @cached_property
    def _index(self) -> Index:
        found: Index = self._data.index(image.inspect)
        return found

    @cached_property
    def _sha256(self) -> str:
        return digest.of_file(self.path("float"))

    def _float(self, pipeline: Pipeline, folder: Path) -> dict[str, Any]:
        made = build(self.row, pipeline, self._small)
        self._book.keep(self.row.name, "float", made)  # so that what is measured with it finds it
        return made | self.yardstick.measure(Path(made["path"]), folder, None)

    def _measured(self, path: Path, folder: Path, against: str) -> dict[str, Any]:
        return self.yardstick.measure(path, folder, self.predictions(against))


def geometric_mean(values: Sequence[float]) -> float:
    """Give the geometric mean."""
    return float(np.exp(np.mean(np.log(np.maximum(values, 1e-12)))))
