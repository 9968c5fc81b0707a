"""What a data set holds: its digest, its form for another process, its parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.core.dataset import (
    DATASETS,
    MAX_PIXELS,
    Dataset,
    Dropped,
    Example,
    FileFacts,
    Index,
    Sample,
    Split,
)

BOX = (0.0, 0.25, 0.5, 1.0)
CAT = Sample("a.png", "1" * 64, "data/a.png", (BOX,), (1,))
DOG = Sample("b.png", "2" * 64)


def index(*samples: Sample, classes: tuple[str, ...] = ("cat", "dog")) -> Index:
    return Index(classes=classes, splits={"train": samples, "val": (), "test": ()})


def test_a_digest_names_the_classes_and_the_samples_in_their_order() -> None:
    whole = index(CAT, DOG).digest("train")
    assert whole == index(CAT, DOG).digest("train")
    others = [
        index(DOG, CAT),
        index(CAT),
        index(CAT, DOG._replace(digest="3" * 64)),
        index(CAT, DOG, classes=("dog", "cat")),
        index(CAT, DOG, classes=("cat",)),
        index(CAT, DOG, classes=("cat", "Dog")),
        index(),
    ]
    digests = {one.digest("train") for one in others}
    assert len(digests) == len(others)
    assert whole not in digests


def test_a_digest_is_that_of_the_json_that_stores_already_hold() -> None:
    """By `hashlib` over the text as other stores have it."""
    import hashlib

    text = '[["cat","dog"],["' + "1" * 64 + '","' + "2" * 64 + '"]]'
    assert index(CAT, DOG).digest("train") == hashlib.sha256(text.encode()).hexdigest()


def test_each_split_has_its_own_digest_and_says_the_same_twice() -> None:
    both = Index(classes=("cat",), splits={"train": (CAT,), "val": (DOG,)})
    first = both.digest("train")
    assert both.digest("val") != first
    assert both.digest("train") == first
    assert both == Index(classes=("cat",), splits={"train": (CAT,), "val": (DOG,)}), (
        "what was asked is not content"
    )
    assert first not in repr(both)


def test_what_was_left_out_is_shown_without_what_a_terminal_obeys_and_reasons_are_cut_later() -> None:
    [shown] = Index(classes=(), splits={}, dropped=(Dropped("x" * 700, "\x1b" + "y" * 700),)).dropped
    assert (len(shown.file), len(shown.reason)) == (300, 600)
    assert shown.reason.startswith("\\x1by")


class Positions(Dataset):
    def read(self, sample: Sample) -> Example:
        return Example(sample.key, sample.boxes, sample.labels)


def test_a_split_reads_its_samples_by_position() -> None:
    known, data = index(CAT, DOG), Positions()
    split = Split("train", data, known)
    assert (split.name, split.dataset, split.classes) == ("train", data, ("cat", "dog"))
    assert (len(split), split.samples) == (2, (CAT, DOG))
    assert split.digest == known.digest("train")
    assert split[0] == ("a.png", (BOX,), (1,))
    assert split[1].value == "b.png"


def test_a_split_is_the_one_of_its_name() -> None:
    known = Index(classes=("cat",), splits={"train": (CAT,), "val": (DOG,)})
    split = Split("val", Positions(), known)
    assert split.samples == (DOG,)
    assert split.digest == known.digest("val") != known.digest("train")
    assert split.part(0, 1).digest == split.digest


def test_a_part_of_a_split_is_a_split_of_the_same_name_with_its_own_digest() -> None:
    third = Sample("c.png", "3" * 64)
    split = Split("train", Positions(), index(CAT, DOG, third))
    part = split.part(1, 3)
    assert (part.name, part.classes, part.samples) == ("train", ("cat", "dog"), (DOG, third))
    assert part.dataset is split.dataset
    assert part.digest == index(DOG, third).digest("train")
    assert part.part(0, 1).samples == (DOG,)


def test_a_file_has_the_size_of_no_image_and_is_not_turned_unless_told() -> None:
    assert FileFacts("d", "") == ("d", "", 0, 0, 1, 0, 0, 0)
    assert Sample("a", "d") == ("a", "d", None, (), (), ())


def test_a_data_set_reads_images_of_up_to_64_million_pixels() -> None:
    """192 MB in memory, at three bytes a pixel."""
    assert MAX_PIXELS * 3 == 192_000_000
    assert DATASETS.noun == "data set"
    data = Dataset()
    assert data.max_pixels == MAX_PIXELS
    assert (data.name, data.task, data.modality) == ("", "", "image")
    assert (data.preprocess, data.augment, data.decided_by(), data.code()) == ({}, {}, None, ())
    with pytest.raises(NotImplementedError):
        data.read(CAT)
    with pytest.raises(NotImplementedError):
        data.index(lambda path: FileFacts("", ""))


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(
        st.sampled_from(("train", "val", "test")),
        st.lists(
            st.builds(
                Sample,
                key=st.text(max_size=5),
                digest=st.text(max_size=5),
                path=st.none() | st.just("") | st.text(max_size=5),
                boxes=st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=2).map(tuple),
                labels=st.lists(st.integers(0, 9), max_size=2).map(tuple),
                numbers=st.lists(st.floats(0, 1), max_size=2).map(tuple)
                | st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=2).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.lists(st.builds(Dropped, st.text(max_size=5), st.text(max_size=5)), max_size=2),
)
def test_an_index_reaches_another_process_whole(
    classes: list[str], splits: dict[str, Any], dropped: list[Dropped]
) -> None:
    given_index = Index(classes=tuple(classes), splits=splits, dropped=tuple(dropped))
    assert Index.from_json(json.loads(json.dumps(given_index.to_json()))) == given_index
