"""Data of any layout that is read: the data set is recognised by what lies at its root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from tflbuild.core.dataset import DATASETS, Dataset, dataset
from tflbuild.core.errors import DataError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts import recognition
from tflbuild.data.layouts.files import RootedDataset


@dataset("auto")
class Auto(RootedDataset):
    """Data of any layout that is read: pictures, folders of classes, VOC, COCO, YOLO, TFRecord, CSV or `.npz` of rows.

    Stands for the data set that reads it, `images`, `image_folder`, `audio_folder`, `anomaly_folder`, `voc`, `coco`,
    `yolo`, `tfrecord`, `csv`, `arrays`, and says what showed it. What may be two of them, and a form that is not read,
    is an error that says what to do. Options and their defaults are those of the data set that was recognised; one that
    it does not have is an error.
    """

    task = "unlabelled"

    classes: tuple[str, ...] | None = None
    """Choice or order of the classes, or names for the numbers of `arrays`. null: all that are found."""
    difficult: Literal["keep", "drop"] | None = None
    """Of `voc`: `keep` or `drop` objects marked difficult. null: as `voc` does."""
    labels: str | None = None
    """Of `arrays`: the array of labels. null: recognised by its name."""
    val_fraction: Annotated[float, Gt(0), Lt(1)] | None = None
    """Part of train that becomes val, of sets with labels without a val split. null: as the recognised data set
    does. [fraction of train]"""
    test_fraction: Annotated[float, Gt(0), Lt(1)] | None = None
    """Part of all images that becomes test, of sets with labels without a test split. null: as the recognised
    data set does. [fraction of all images]"""
    train: Annotated[int, Ge(1)] | None = None
    """Samples to train and calibrate on, of `images` and `arrays`. null: all that val and test leave. [samples]"""
    val: Annotated[int, Ge(1)] | None = None
    """Samples that budgets between passes are judged on, of `images` and `arrays`. null: the val split, or a
    quarter. [samples]"""
    test: Annotated[int, Ge(1)] | None = None
    """Samples of the final numbers, of `images` and `arrays`. null: the test split, or a quarter. [samples]"""
    seed: Annotated[int, Ge(0)] | None = None
    """Seed of the draws that make splits; independent of the recipe's `seed`. null: as the recognised data set
    does. [no unit]"""

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Give the data set that reads what lies at the root, with the options that were set.

        Raises:
            DataError: nothing was recognised, or two things, or an option is none of the data set's.
        """
        guess = recognition.recognised(self.place(recognition.EXPECTED), self.root)
        kind: Any = DATASETS.get(guess.data)
        known = [field.name for field in fields(kind)]
        given = {
            field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None
        }
        for name in given:
            if name not in known:
                own = [option for option in known if option not in ("preprocess", "augment")]
                seen = f"'{plain(self.root)}' was recognised as {guess.data} ({guess.evidence})"
                raise DataError(
                    f"data.{name}: {seen}, which does not have this option; it has {', '.join(own)}."
                    f"{did_you_mean(name, own)}"
                )
        data, more = kind(**given).resolved()
        return data, ({"what": "data", "value": guess.data, "evidence": guess.evidence}, *more)
