"""The proof of a delivered file: samples of the test split with its outputs, put beside it and, if wanted, into it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import RecipeError, StoreError
from tflbuild.core.export import Proof
from tflbuild.core.form import is_inside
from tflbuild.core.recipe import Recipe
from tflbuild.core.runtime import Runtime, usual_runtime
from tflbuild.core.samples import FOLDER
from tflbuild.core.target import Target
from tflbuild.engine.measure import Measurer
from tflbuild.engine.storage.disk import writing

SPLIT = "test"


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Samples of a delivery.

    Attributes:
        archive: with every file of the folder.
        sha256: of the archive.
        said: what a report says of them.
        embedded: whether the delivered file has them, too.
    """

    archive: Path
    sha256: str
    said: Mapping[str, Any]
    embedded: bool

    def to_json(self, path: str) -> dict[str, Any]:
        """Give the form that report.json holds.

        Args:
            path: of the delivered file, relative to the run's folder.
        """
        outer = {"path": folder_beside(path), "sha256": self.sha256, "embedded": self.embedded}
        return {**outer, **{key: value for key, value in self.said.items() if key != "file"}}


def folder_beside(path: str) -> str:
    """Give the folder of a delivered file's samples, relative to the run's folder.

    >>> folder_beside("model.tflite"), folder_beside("cpu/model.tflite")
    ('samples', 'cpu/samples')
    """
    return str(PurePosixPath(path).parent / FOLDER)


def prove(
    recipe: Recipe, measurer: Measurer, target: Target, made: Artifact, given: Artifact
) -> tuple[Samples | None, Artifact]:
    """Have samples written for a delivered file, if the recipe wants them.

    Args:
        recipe: what is wanted.
        measurer: what computes and keeps them.
        target: what the file is for.
        made: the delivered file.
        given: what it was made of.

    Returns:
        The samples, None for none; and the delivered file, with the samples in it if that is wanted.
    """
    if not recipe.export.samples:
        return None, made
    runs = made if type(target).executes or not type(target).compiles else given
    proof = Proof(
        runtime=runtime_for(target, runs),
        model=runs,
        delivered=made,
        of=len(measurer.split(SPLIT)),
        export=recipe.export,
    )
    record = measurer.samples(proof, SPLIT)
    sha256 = record.value["file"]
    samples = Samples(
        archive=measurer.blob(sha256), sha256=sha256, said=record.value, embedded=record.artifact is not None
    )
    return samples, record.artifact or made


def runtime_for(target: Target, model: Artifact) -> Runtime:
    """Give what computes the outputs that are expected on a target: the usual runtime, by kernels that compute alike.

    Raises:
        RecipeError: the target names kernels that the runtime does not have.
    """
    usual, wanted = usual_runtime(model.kind)(), type(target).kernels
    others = usual.others()
    if not wanted or not others:
        return usual
    if wanted not in others:
        raise RecipeError(
            f"target '{type(target).name}': its kernels '{wanted}' are not those of {type(usual).name}, which has "
            f"{', '.join(others)}."
        )
    return others[wanted]


def unpack(samples: Samples, folder: Path) -> None:
    """Put samples into a folder, in the place of earlier ones.

    Raises:
        StoreError: the folder cannot be written, or the stored archive is damaged.
    """
    if digest.of_file(samples.archive) != samples.sha256:
        raise StoreError(
            f"{samples.archive} was damaged during the build; run the same command again to rebuild it."
        )
    with writing(folder), zipfile.ZipFile(samples.archive) as archive:
        shutil.rmtree(folder, ignore_errors=True)
        for name in archive.namelist():
            if not is_inside(name):
                raise StoreError(f"{samples.archive} names a file outside of its folder.")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
