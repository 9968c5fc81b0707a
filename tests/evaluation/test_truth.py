"""What is right for the samples of a split."""

from __future__ import annotations

import numpy as np

from pictures import CLASSES, QUARTER, Boxed, GreyClasses, Greys, split_of
from tflbuild.core.dataset import Index, Sample, Split
from tflbuild.evaluation.truth import truth


def test_truth_holds_names_and_boxes() -> None:
    arrays = truth(split_of(Greys()))
    assert arrays["names"].tolist() == list(CLASSES)
    assert arrays["labels"].tolist() == [0, 1, 0, 1, 0]
    assert arrays["offsets"].tolist() == [0, 1, 2, 3, 4, 5]
    assert "boxes" not in truth(split_of(GreyClasses()))


def test_truth_of_image_files_is_read_without_opening_them() -> None:
    sample = Sample(key="x", digest="x", path="nowhere.jpg", boxes=(QUARTER,), labels=(1,))
    empty = Sample(key="y", digest="y", path="nowhere.jpg")
    data = Split("test", Greys(), Index(classes=CLASSES, splits={"test": (sample, empty)}))
    arrays = truth(data)
    assert arrays["labels"].tolist() == [1]
    assert arrays["offsets"].tolist() == [0, 1, 1]


def test_the_truth_of_images_without_objects_has_no_rows() -> None:
    rows = truth(split_of(Boxed(count=6)))
    assert rows["offsets"].tolist() == [0, 0, 1, 3, 3, 4, 6]
    assert rows["labels"].tolist() == [1, 0, 0, 0, 1, 1]
    assert rows["boxes"].shape == (6, 4)
    assert (rows["boxes"].dtype, rows["labels"].dtype) == (np.float32, np.int32)
    assert rows["names"].tolist() == ["a", "b", "c"]
