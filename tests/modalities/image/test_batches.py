from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dataset, Example, FileFacts, Index, Sample, Split
from tflbuild.core.modality import Batch
from tflbuild.modalities.image.batches import ExampleCache, training_batches
from tflbuild.modalities.image.modality import ImageModality


class Numbered(Dataset):
    """Eleven images, each of its own grey, with one box; counts how often it is read."""

    task = "detection"
    reads: list[str]

    def index(self, look: Callable[[Path], FileFacts]) -> Index:
        samples = tuple(Sample(key=str(k), digest=str(k), labels=(k,)) for k in range(11))
        return Index(classes=tuple("abcdefghijk"), splits={"train": samples})

    def read(self, sample: Sample) -> Example:
        self.reads.append(sample.key)
        if sample.key == "99":
            raise ValueError("broken")
        number = int(sample.key)
        image = np.full((64, 80, 3), 20 * number, np.uint8)
        return Example(image, np.array([[0.2, 0.2, 0.8, 0.8]], np.float32), np.array([number], np.int32))


@pytest.fixture
def split() -> Split:
    dataset = Numbered()
    object.__setattr__(dataset, "reads", [])
    return Split("train", dataset, dataset.index(lambda path: FileFacts("", "")))


def take(split: Split, count: int, **options: int) -> list[Batch]:
    batches = training_batches(
        ImageModality(), split, {"flip": True}, (24, 32, 3), 4, **{"seed": 5, **options}
    )
    taken = list(islice(batches, count))
    batches.close()  # type: ignore[attr-defined]
    return taken


def same(one: list[Batch], two: list[Batch]) -> bool:
    return all(
        np.array_equal(a.codes, b.codes)
        and all(np.array_equal(x, y) for x, y in zip(a.boxes, b.boxes, strict=True))
        and all(np.array_equal(x, y) for x, y in zip(a.labels, b.labels, strict=True))
        for a, b in zip(one, two, strict=True)
    )


def test_batches_have_the_input_size(split: Split) -> None:
    batch = take(split, 1)[0]
    assert batch.codes.shape == (4, 24, 32, 3)
    assert batch.codes.dtype == np.uint8
    assert len(batch.boxes) == len(batch.labels) == 4


def test_every_epoch_sees_every_image_once_in_another_order(split: Split) -> None:
    labels = [int(k[0]) for batch in take(split, 11) for k in batch.labels if len(k)]
    epochs = [labels[start : start + 11] for start in (0, 11, 22, 33)]
    assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_batches_do_not_depend_on_threads_or_prefetching(split: Split) -> None:
    assert same(take(split, 9), take(split, 9, workers=3, prefetch=2))


def test_training_resumes_at_any_step(split: Split) -> None:
    assert same(take(split, 9)[4:], take(split, 5, start=4))


def test_another_seed_gives_other_batches(split: Split) -> None:
    assert not same(take(split, 2), take(split, 2, seed=6))


def test_images_are_decoded_once(split: Split) -> None:
    take(split, 12)
    assert len(split.dataset.reads) == 11  # type: ignore[attr-defined]


def test_what_a_cache_gives_does_not_depend_on_its_room(split: Split) -> None:
    full, empty = (ExampleCache(split, ImageModality(), 16, 16, room) for room in (1 << 20, 0))
    for position in (0, 3, 3, 0):
        assert np.array_equal(full[position].value, empty[position].value)
    assert full[0].value.shape == (32, 32, 3)
    assert len(split.dataset.reads) == 2 + 4 + 0  # type: ignore[attr-defined]


def test_without_antialiasing_nothing_is_shrunk_ahead(split: Split) -> None:
    assert ExampleCache(split, ImageModality(antialias=False), 16, 16)[0].value.shape == (64, 80, 3)


def test_a_letterbox_keeps_its_shape_in_the_cache(split: Split) -> None:
    assert ExampleCache(split, ImageModality(aspect="letterbox"), 16, 16)[0].value.shape == (26, 32, 3)


def test_room_is_used_up_by_what_is_kept(split: Split) -> None:
    """Images of 64 x 80 are kept as 32 x 32: room for two of them and a bit is room for two."""
    one = 32 * 32 * 3
    for room, read in ((2 * one, [0, 1, 2, 2]), (2 * one - 1, [0, 1, 2, 1, 2]), (11 * one, [0, 1, 2])):
        split.dataset.reads.clear()  # type: ignore[attr-defined]
        cache = ExampleCache(split, ImageModality(), 16, 16, room)
        for position in (0, 1, 2, 0, 1, 2):
            assert cache[position].labels.tolist() == [position]
        assert split.dataset.reads == [str(number) for number in read]  # type: ignore[attr-defined]


def test_what_is_kept_has_its_boxes_and_its_antialiased_pixels(split: Split) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    box = np.array([[0.2, 0.2, 0.8, 0.8]], np.float32)
    dataset = split.dataset
    object.__setattr__(dataset, "read", lambda sample: Example(image, box, np.array([7], np.int32)))
    example = ExampleCache(split, ImageModality(), 20, 30)[0]
    pil = Image.fromarray(image).resize((60, 40), Image.Resampling.BILINEAR)
    assert np.array_equal(example.value, np.asarray(pil))
    assert (example.boxes.tolist(), example.labels.tolist()) == (box.tolist(), [7])
    tall = ExampleCache(split, ImageModality(), 100, 20)[0]
    assert tall.value.shape == (64, 40, 3), "an axis that is small enough stays as it is"
    assert ExampleCache(split, ImageModality(), 32, 40)[0].value is image
    assert ExampleCache(split, ImageModality(resize="nearest"), 4, 4)[0].value is image


def test_classes_with_a_direction_are_named_and_never_mirrored(split: Split) -> None:
    """Every image is bright on its left; those of the classes `c` and `d` stay so."""
    image = np.zeros((24, 32, 3), np.uint8)
    image[:, :16] = 255
    box = np.array([[0.2, 0.2, 0.8, 0.8]], np.float32)

    def read(sample: Sample) -> Example:
        return Example(image, box, np.array([int(sample.key)], np.int32))

    object.__setattr__(split.dataset, "read", read)
    plain = {
        "flip": True,
        "flip_except": ["c", "d", "nothing"],
        "crop": {"probability": 0.0},
        "zoom_out": {"probability": 0.0},
    }
    batches = training_batches(ImageModality(), split, plain, (24, 32, 3), 11, seed=3)
    mirrored: dict[int, set[bool]] = {}
    for batch in islice(batches, 12):
        for pixels, labels in zip(batch.codes, batch.labels, strict=True):
            mirrored.setdefault(int(labels[0]), set()).add(bool(pixels[12, 0, 0] < 128))
    batches.close()  # type: ignore[attr-defined]
    assert {label for label, seen in mirrored.items() if seen == {False}} == {2, 3}


def test_no_two_batches_and_no_two_epochs_are_varied_alike(split: Split) -> None:
    """The same image looks different each time it is seen."""
    split.samples = split.samples[7:8]
    seen = {batch.codes.tobytes() for batch in take(split, 6)}
    assert len(seen) == 6
    one = take(split, 1)[0].codes
    assert len({pixels.tobytes() for pixels in one}) == 4


def test_batches_are_prepared_ahead_but_not_without_end(split: Split) -> None:
    batches = training_batches(ImageModality(), split, {}, (24, 32, 3), 1, seed=0, prefetch=3)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(split.dataset.reads) <= 3  # type: ignore[attr-defined]


def test_an_error_in_a_thread_reaches_the_reader(split: Split) -> None:
    split.samples = (Sample(key="99", digest="99"),)
    with pytest.raises(ValueError, match="broken"):
        take(split, 1)


def test_what_a_centred_crop_leaves_out_is_not_kept(split: Split) -> None:
    """Of 64 x 80 pixels a square input shows columns 8 to 72, and with half of each side the middle 32 x 32."""
    image = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    boxes = np.array([[0.2, 0.2, 0.8, 0.8], [0.375, 0.35, 0.5, 0.5], [0.0, 0.0, 0.3, 0.9]], np.float32)
    labels = np.array([7, 3, 5], np.int32)
    object.__setattr__(split.dataset, "read", lambda sample: Example(image, boxes, labels))
    half = ImageModality(aspect="center_crop", crop=0.5)
    example = ExampleCache(split, half, 16, 16)[0]
    assert np.array_equal(example.value, image[16:48, 24:56])
    assert example.value.base is None, "what is left out takes no memory"
    # By hand: rows 12.8 to 51.2 of 16 to 48 are all of them; rows 24 to 32 and columns 28 to 40 of 24 to 56.
    np.testing.assert_allclose(example.boxes, [[0, 0, 1, 1], [0.25, 0.125, 0.5, 0.5]], atol=1e-6)
    assert example.labels.tolist() == [7, 3], "the centre of the last one is in row 9.6"
    assert (example.boxes.dtype, example.labels.dtype) == (np.float32, np.int32)
    shrunk = ExampleCache(split, ImageModality(aspect="center_crop"), 16, 16)[0].value
    pil = Image.fromarray(image[:, 8:72]).resize((32, 32), Image.Resampling.BILINEAR)
    assert np.array_equal(shrunk, np.asarray(pil))


def test_a_sample_without_boxes_keeps_its_label_whatever_is_cropped(split: Split) -> None:
    image, none = np.zeros((64, 80, 3), np.uint8), np.zeros((0, 4), np.float32)
    object.__setattr__(split.dataset, "read", lambda sample: Example(image, none, np.array([7], np.int32)))
    example = ExampleCache(split, ImageModality(aspect="center_crop", crop=0.25), 32, 32)[0]
    assert (example.value.shape, example.labels.tolist()) == ((16, 16, 3), [7])


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        ({"aspect": "center_crop"}, 3),
        ({"aspect": "center_crop", "crop": 0.7}, 3),
        ({"channels": "grey"}, 1),
        ({"channels": "grey", "aspect": "letterbox", "mean": (77.0,)}, 1),
        ({"channels": "bgr", "aspect": "letterbox", "mean": (10.0, 100.0, 200.0)}, 3),
    ],
)
def test_batches_that_are_not_varied_are_what_is_measured(
    options: dict[str, Any], channels: int, split: Split
) -> None:
    """No picture is shrunk ahead, since none is more than twice as large as the input."""
    images = np.random.default_rng(0).integers(0, 256, (11, 40, 60, 3), dtype=np.uint8)
    box = np.array([[0.3, 0.4, 0.6, 0.7]], np.float32)

    def read(sample: Sample) -> Example:
        return Example(images[int(sample.key)], box, np.array([int(sample.key)], np.int32))

    object.__setattr__(split.dataset, "read", read)
    modality, shape = ImageModality(**options), (24, 32, channels)
    batches = modality.batches(split, {"enabled": False}, shape, 11, 0)
    batch = next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert (batch.codes.shape, batch.codes.dtype) == ((11, *shape), np.uint8)
    for codes, boxes, labels in zip(batch.codes, batch.boxes, batch.labels, strict=True):
        assert np.array_equal(codes, modality.encode(images[int(labels[0])], shape).codes)
        np.testing.assert_allclose(boxes, modality.place(box, 40, 60, 24, 32), atol=1e-6)


def test_varied_batches_of_grey_have_one_channel(split: Split) -> None:
    batches = ImageModality(channels="grey").batches(split, {"flip": True}, (24, 32, 1), 4, 5)
    found = list(islice(batches, 3))
    batches.close()  # type: ignore[attr-defined]
    assert {batch.codes.shape for batch in found} == {(4, 24, 32, 1)}
    assert len({batch.codes.tobytes() for batch in found}) == 3
