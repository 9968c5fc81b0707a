"""Data for the detection of anomalies: arrays of numbers or pictures, with labels that say which rows are normal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from annotated_types import Ge

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Dropped, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.arrays import Arrays
from tflbuild.data.layouts.sides import ABNORMAL, SIDES


@dataset("anomaly_arrays")
class AnomalyArrays(Arrays):
    """The arrays of an `.npz`, with labels: rows whose label is among `normal` are normal, all others abnormal.

    Files are read, and split, as by `arrays`. Train holds normal rows alone: abnormal ones that would be in it are left
    out, and counted. Give the arrays of the splits yourself (`x_train`, `x_val`, `x_test`, each with labels) to have
    none left out.
    """

    normal: tuple[Annotated[int, Ge(0)], ...] = (0,)
    """Labels of normal rows. [labels]"""

    def __post_init__(self) -> None:
        """Tell the modality by the headers of the file."""
        super().__post_init__()
        object.__setattr__(self, "task", "reconstruction")

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Leave out the options that rows of numbers do not have, and say what was recognised.

        Raises:
            DataError: an option of pictures is set for numbers, or the rows have no labels.
        """
        found, seen = super().resolved()
        if not any(one["what"] == "labels" for one in seen):
            raise DataError(
                f"data.root: '{plain(self.root)}' has no array of labels, which says what is normal; call one labels "
                f"or y, or name it with data.labels."
            )
        said = ", ".join(map(str, self.normal))
        evidence = {"what": "sides", "value": " and ".join(SIDES), "evidence": f"labels {said} are normal"}
        return found, (*(one for one in seen if one["what"] != "labels"), evidence)

    def index(self, look: Look) -> Index:
        """List the splits, with normal rows alone in train.

        Raises:
            DataError: the file is not what is wanted, or a side is missing where it is needed.
        """
        found = super().index(look)
        sides = {split: [self._sided(one) for one in found.splits[split]] for split in SPLITS}
        normal = [one for one in sides["train"] if one.labels == (0,)]
        left = len(sides["train"]) - len(normal)
        reason = f"{left} rows are abnormal: an autoencoder learns from normal ones alone"
        dropped = (*found.dropped, *([Dropped("train", reason)] if left else []))
        sides["train"] = normal
        for split in SPLITS:
            for label, side in enumerate(SIDES):
                if (split != "train" or side != ABNORMAL) and not any(
                    one.labels == (label,) for one in sides[split]
                ):
                    said = ", ".join(map(str, self.normal))
                    raise DataError(
                        f"data.root: the {split} split of '{plain(self.root)}' has no {side} row; labels {said} are "
                        f"normal (data.normal), all others are not."
                    )
        splits = {split: tuple(rows) for split, rows in sides.items()}
        return replace(found, classes=(), splits=splits, dropped=dropped)

    def _sided(self, sample: Sample) -> Sample:
        label = 0 if sample.labels[0] in self.normal else 1
        content = digest.of_bytes(f'["{sample.digest}",{label}]'.encode())
        return sample._replace(labels=(label,), digest=content)
