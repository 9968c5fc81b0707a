"""What is drawn: the same bytes everywhere, and the parts by hand."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from tflbuild.core.dataset import FileFacts
from tflbuild.data.layouts.draws import Draws
from tflbuild.data.scenes import sign_backdrop, sign_renderer, sign_shapes
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import CLASSES, Difficulty, Signs

HARD = Difficulty(
    min_size=0.06,
    max_size=1.0,
    rotation=45,
    perspective=0.5,
    clutter=6.0,
    occlusion=1.0,
    blur=1.0,
    noise=64,
    lighting=1.0,
)
BARE = Difficulty(
    min_size=0.3,
    max_size=0.5,
    rotation=0,
    perspective=0.0,
    clutter=0.0,
    occlusion=0.0,
    blur=0.0,
    noise=0,
    lighting=0.0,
)


# Recorded on x86-64 with NumPy 2.4; raise RENDERER when they change.
@pytest.mark.parametrize(
    ("name", "difficulty", "sha256"),
    [
        ("hard", HARD, "fd0321b73691359563b5fc6ce7bab76b4abd153991cccd80eaf6879aa7771ed8"),
        ("bare", BARE, "4728c26e4544f5dd7408b3fe3c265adb3102cc8a897adcdaec6ae6e658dd3dbf"),
    ],
)
def test_small_scenes_and_crops_have_the_same_bytes_on_every_machine(
    name: str, difficulty: Difficulty, sha256: str
) -> None:
    found = hashlib.sha256()
    for number in range(8):
        seeds = (name, number)
        for example in (
            sign_renderer.scene(seeds, 48, 8, difficulty),
            sign_renderer.crop(seeds, number, 32, difficulty),
        ):
            for part in example:
                found.update(part.tobytes())
    assert found.hexdigest() == sha256


def never(path: object) -> FileFacts:
    raise AssertionError(f"{path} was looked at")


def test_a_scene_is_read_with_the_seeds_and_options_that_its_digest_names() -> None:
    for data, drawn in (
        (
            Signs(seed=3, image_size=48, max_objects=2, difficulty=BARE, train=9),
            lambda: sign_renderer.scene((3, "train", 7), 48, 2, BARE),
        ),
        (
            SignCrops(seed=3, image_size=32, difficulty=BARE, train=17),
            lambda: sign_renderer.crop((3, "train", 7), 7, 32, BARE),
        ),
    ):
        read = data.read(data.index(never).splits["train"][7])  # type: ignore[attr-defined]
        for part, wanted in zip(read, drawn(), strict=True):
            np.testing.assert_array_equal(part, wanted)


def test_the_label_of_a_crop_follows_from_its_number() -> None:
    samples = SignCrops(train=17).index(never).splits["train"]
    assert [sample.labels for sample in samples] == [(number % 8,) for number in range(17)]
    assert samples[9].key == "train/00009"


@pytest.mark.parametrize(
    ("other", "part"),
    [
        ((0.0, 0.0, 10.0, 10.0), 1.0),
        ((5.0, 0.0, 15.0, 10.0), 0.5),
        ((0.0, 8.0, 10.0, 18.0), 0.2),
        ((2.0, 2.0, 4.0, 4.0), 1.0),  # a small one is all covered
        ((8.0, 8.0, 12.0, 10.0), 0.5),
        ((10.0, 0.0, 20.0, 10.0), 0.0),
        ((0.0, 10.0, 10.0, 20.0), 0.0),
        ((20.0, 20.0, 30.0, 30.0), 0.0),
    ],
)
def test_an_overlap_is_a_part_of_the_smaller_box(other: tuple[float, ...], part: float) -> None:
    box = (0.0, 0.0, 10.0, 10.0)
    assert sign_renderer._overlap(box, other) == part  # type: ignore[arg-type]
    assert sign_renderer._overlap(other, box) == part  # type: ignore[arg-type]


def test_signs_of_a_scene_hardly_cover_each_other() -> None:
    for number in range(12):
        _, boxes, _ = sign_renderer.scene(("apart", number), 64, 8, BARE)
        boxes = boxes.tolist()
        for first in range(len(boxes)):
            for second in range(first):
                assert sign_renderer._overlap(boxes[first], boxes[second]) <= 0.05 + 1e-6


def test_integers_are_drawn_from_a_range_with_both_ends_evenly() -> None:
    draws = Draws("range")
    counts = np.bincount([draws.between(2, 5) for _ in range(4000)])
    assert len(counts) == 6
    assert counts[:2].tolist() == [0, 0]
    assert counts[2:].min() > 900
    assert {draws.between(7, 7) for _ in range(9)} == {7}
    assert sum(draws.chance(0.25) for _ in range(4000)) == pytest.approx(1000, abs=120)
    assert [draws.chance(0.0) or not draws.chance(1.0) for _ in range(9)] == [False] * 9


def test_a_stream_goes_on_behind_its_block_and_names_are_told_apart() -> None:
    entropy = hashlib.sha256(b"('a', 1)").digest()
    raw = np.random.PCG64(int.from_bytes(entropy[:16], "big")).random_raw(128).tolist()
    draws = Draws("a", 1)
    wanted = [int(value >> 32) * 1000 >> 32 for value in (*raw[63::-1], *raw[:63:-1])]
    assert [draws.below(1000) for _ in range(128)] == wanted
    assert Draws("a", "1").below(1 << 30) != Draws("a", 1).below(1 << 30)


def test_bytes_are_those_of_the_raw_stream_from_the_lowest_on() -> None:
    entropy = hashlib.sha256(b"('a',)").digest()
    raw = np.random.PCG64(int.from_bytes(entropy[:16], "big")).random_raw(2).tolist()
    wanted = b"".join(int(value).to_bytes(8, "little") for value in raw)
    assert Draws("a").bytes(11).tobytes() == wanted[:11]
    assert Draws("a").bytes(8).tobytes() == wanted[:8]


def test_a_blur_is_the_mean_of_nine_pixels_with_the_border_repeated() -> None:
    canvas = np.zeros((5, 5, 3), np.uint8)
    canvas[2, 2] = (255, 90, 9)
    once = sign_backdrop.blurred(canvas, 1)
    # By hand: a ninth, rounded: 28.3, 10 and 1.
    assert once[1:4, 1:4].tolist() == [[[28, 10, 1]] * 3] * 3
    assert once[0].max() == once[:, 0].max() == 0
    corner = np.zeros((4, 4, 3), np.uint8)
    corner[0, 0] = 90
    assert sign_backdrop.blurred(corner, 1)[:2, :2, 0].tolist() == [[40, 20], [20, 10]]
    flat = np.full((3, 4, 3), 255, np.uint8)
    assert sign_backdrop.blurred(flat, 2).tolist() == flat.tolist()
    assert sign_backdrop.blurred(canvas, 0) is canvas


def test_noise_is_smooth_around_zero_and_within_its_swing() -> None:
    found = sign_backdrop.rough(Draws("noise"), 40, 60, 8, 50)
    assert found.shape == (40, 60)
    assert -50 <= found.min() < -20
    assert 20 < found.max() <= 50
    # Between two independent values 8 pixels apart lie steps of an eighth of 100 at most.
    assert max(np.abs(np.diff(found, axis=0)).max(), np.abs(np.diff(found, axis=1)).max()) <= 14


def test_grain_stays_within_its_amplitude_and_none_leaves_the_picture() -> None:
    canvas = np.full((32, 32, 3), 128, np.uint8)
    found = sign_backdrop.noisy(Draws("grain"), canvas, 20).astype(int) - 128
    assert (-20 <= found.min() < -15, 15 < found.max() <= 20) == (True, True)
    assert abs(found.mean() + 0.5) < 1
    assert sign_backdrop.noisy(Draws("grain"), canvas, 0) is canvas
    white = sign_backdrop.noisy(Draws("grain"), np.full((32, 32, 3), 255, np.uint8), 20)
    assert white.min() >= 235


SQUARE = ((-64, -64), (64, -64), (64, 64), (-64, 64))


def corners_of(
    shape: tuple[tuple[int, int], ...], shrink: Fraction, centre: tuple[int, int]
) -> list[list[Fraction]]:
    return [[c + (at - c) * shrink for at, c in zip(corner, centre, strict=True)] for corner in shape]


@pytest.mark.parametrize("shape", [SQUARE, sign_shapes.OCTAGON, sign_shapes.UP, sign_shapes.DIAMOND])
@pytest.mark.parametrize(("shrink", "centre"), [((1, 1), (0, 0)), ((11, 20), (0, -32)), ((1, 2), (20, 8))])
def test_a_polygon_holds_the_pixels_right_of_all_its_edges(
    shape: tuple[tuple[int, int], ...], shrink: tuple[int, int], centre: tuple[int, int]
) -> None:
    mask = sign_shapes.polygon(shape, shrink, centre)
    corners = corners_of(shape, Fraction(*shrink), centre)
    for row in range(0, 128, 9):
        for column in range(0, 128, 7):
            x, y = 2 * column - 127, 2 * row - 127
            sides = [
                (after[0] - at[0]) * (y - at[1]) - (after[1] - at[1]) * (x - at[0])
                for at, after in zip(corners, [*corners[1:], corners[0]], strict=True)
            ]
            assert mask[row, column] == (min(sides) >= 0)


def test_discs_and_bars_are_measured_in_half_pixels() -> None:
    # By hand: pixels lie at odd half pixels; 1, 3 and 5 either way fit into 5 half pixels.
    assert sign_shapes.bar(-5, -3, 5, 1).sum() == 6 * 3
    assert np.argwhere(sign_shapes.bar(1, -3, 1, -1)).tolist() == [[62, 64], [63, 64]]
    assert sign_shapes.disc(1).sum() == 0
    # 1 + 1, 1 + 9, 9 + 9, 1 + 25 and 9 + 25 are at most 36: 4 + 8 + 4 + 8 + 8 pixels.
    assert sign_shapes.disc(6).sum() == 32
    moved = sign_shapes.disc(6, (20, -8))
    np.testing.assert_array_equal(moved, np.roll(sign_shapes.disc(6), (-4, 10), (0, 1)))


COLOURS = {
    "stop": {(242, 242, 240), (190, 22, 30)},
    "yield": {(242, 242, 240), (190, 22, 30)},
    "warning": {(242, 242, 240), (190, 22, 30), (22, 22, 24)},
    "no_entry": {(242, 242, 240), (190, 22, 30)},
    "limit": {(242, 242, 240), (190, 22, 30), (22, 22, 24)},
    "mandatory": {(242, 242, 240), (20, 78, 170)},
    "priority": {(242, 242, 240), (22, 22, 24), (246, 196, 20)},
    "parking": {(242, 242, 240), (20, 78, 170)},
}


@pytest.mark.parametrize("label", range(8))
def test_a_sign_has_its_colours_a_transparent_border_and_an_outline_around_it(label: int) -> None:
    assert list(COLOURS) == list(CLASSES)
    picture = sign_shapes.sign(label)
    pixels = picture.packed.view(np.uint8).reshape(130, 130, 4)
    solid = pixels[..., 3] > 0
    assert {tuple(map(int, pixel[:3])) for pixel in pixels[solid]} == COLOURS[CLASSES[label]]
    assert set(np.unique(pixels[..., 3])) == {0, 255}
    assert not any(edge.any() for edge in (solid[0], solid[-1], solid[:, 0], solid[:, -1]))
    rows, columns = np.nonzero(solid[1:-1, 1:-1])
    outermost = [
        *(2 * columns.min() - 127, 2 * rows.min() - 127),
        *(2 * columns.max() - 127, 2 * rows.max() - 127),
    ]
    ends = [*picture.outline.min(axis=0), *picture.outline.max(axis=0)]
    np.testing.assert_allclose(ends, np.array(outermost) / 128)
