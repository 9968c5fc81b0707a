"""Whether data fit a described model: the kind of their samples, and how many classes they have."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.model_format import Description
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats.fitting import classes_of, known, misfit

PICTURE, ROW = TensorSpec((1, 8, 8, 3), "float32"), TensorSpec((1, 12), "float32")


def described(
    count: int = 3,
    *,
    inputs: dict[str, TensorSpec] | None = None,
    labels: tuple[str, ...] = (),
    head: Any = None,
) -> Description:
    outputs = {"y": TensorSpec((1, count), "float32")}
    return Description(
        signature=Signature(inputs=inputs or {"x": ROW}, outputs=outputs),
        labels={"labels.txt": labels} if labels else {},
        head={"outputs": {"scores": "y"}, "scores": "softmax"} if head is None else head,
    )


def test_classes_are_as_many_as_scores_and_one_score_is_of_two() -> None:
    assert [classes_of(described(count)) for count in (1, 2, 1001, -1)] == [2, 2, 1001, 0]
    assert classes_of(described(head={})) == classes_of(described(head={"outputs": {"scores": "z"}})) == 0
    assert classes_of(described(head={"outputs": {"detection_boxes": "y"}})) == 0


def test_a_file_knows_the_classes_that_it_names_all_of() -> None:
    named = described(labels=("cat", "dog", "bird"))
    assert known(named, ("dog", "cat"))
    assert not known(named, ("dog", "fish"))
    assert not known(described(), ())


FITTING = [
    (described(), "vector", ("a", "b", "c")),
    (described(), "vector", ()),
    (described(inputs={"x": PICTURE}), "image", ()),
    (described(inputs={"x": PICTURE}), "vector", ()),
    (described(1), "vector", ("no", "yes")),
    # a file may know more classes than the data
    (described(labels=("cat", "dog", "bird")), "vector", ("dog",)),
    # as many, called otherwise
    (described(labels=("cat", "dog", "bird")), "vector", ("a", "b", "c")),
    (described(head={}), "vector", ("a", "b")),
    (described(-1), "vector", ("a", "b")),
]


@pytest.mark.parametrize(("description", "modality", "classes"), FITTING)
def test_data_that_fit_are_not_refused(
    description: Description, modality: str, classes: tuple[str, ...]
) -> None:
    assert misfit(description, modality, classes) == ""


NOT_FITTING = [
    (
        described(),
        "image",
        (),
        "cannot take the data, whose samples are of the modality 'image': its input 'x' is (1, 12) float32, and a "
        "picture is (1, height, width, 3) or (1, height, width, 1)",
    ),
    (
        described(inputs={"image": PICTURE, "a\x1bb": ROW}),
        "image",
        ("a", "b", "c"),
        "cannot take the data, whose samples are of the modality 'image': its input 'a\\x1bb' is (1, 12) float32, and "
        "a picture is (1, height, width, 3) or (1, height, width, 1)",
    ),
    (described(), "vector", ("a", "b"), "has 3 classes, but the data have 2 (a, b)"),
    (described(1), "vector", ("a", "b", "c"), "has 2 classes, but the data have 3 (a, b, c)"),
    (
        described(labels=("cat", "dog", "bird")),
        "vector",
        ("cat", "fish"),
        "has 3 classes, but the data have 2 (cat, fish)",
    ),
    (
        described(2),
        "vector",
        tuple("abcdefghi"),
        "has 2 classes, but the data have 9 (a, b, c, d, e, f, g, h, ...)",
    ),
    (described(2), "vector", ("x" * 60,), f"has 2 classes, but the data have 1 ({'x' * 39}…)"),
]


@pytest.mark.parametrize(("description", "modality", "classes", "said"), NOT_FITTING)
def test_data_that_do_not_fit_are_refused_with_both_sides(
    description: Description, modality: str, classes: tuple[str, ...], said: str
) -> None:
    assert misfit(description, modality, classes) == said
