"""What is observed of a model, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

import stateful_files
from dense_chain import FIRST, IMAGE, SECOND, DenseChain
from foreign_networks import Draft
from on_bytes import activations, exposed, observe, without_custom
from samples import samples
from tflbuild.core.errors import PassError
from tflbuild.quantization import observation
from tflbuild.quantization.observation import BINS, Activation, Executable, joined
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector, dense_classifier


def test_extremes_histograms_and_channels_are_those_of_numpy() -> None:
    chain = DenseChain()
    told: list[tuple[float, float]] = []
    observed = observe(chain.content(), chain.samples, lambda done, total: told.append((done, total)))
    hidden = np.stack([image.ravel() @ chain.first.T for image in chain.images])
    found = observed[FIRST]
    assert (found.low, found.high) == pytest.approx((hidden.min(), hidden.max()), rel=1e-6)
    wanted, edges = np.histogram(hidden, BINS, (found.low, found.high))
    np.testing.assert_allclose(found.edges, edges)
    assert int(found.counts.sum()) == hidden.size
    np.testing.assert_allclose(np.cumsum(found.counts), np.cumsum(wanted), atol=2)  # float32 at a bin's edge
    np.testing.assert_allclose(found.channel_low, hidden.min(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.channel_high, hidden.max(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.channel_size, np.abs(hidden).max(axis=0), rtol=1e-5)
    assert list(observed) == [IMAGE, FIRST, SECOND]
    assert told == [(done, 80) for done in range(1, 81)], "each of 40 images, twice"


def test_of_a_large_tensor_some_rows_stand_for_all_and_extremes_are_those_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    images = samples(rng.normal(size=(8, 8, 3)).astype(np.float32) for _ in range(200))
    values = np.stack([next(iter(image.values())) for image in images])
    monkeypatch.setattr(observation, "COUNTED", 48)  # 16 of 64 rows of three channels
    found = observe(dense_classifier(), images)["image"]
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.counts.sum() == pytest.approx(values.size)
    assert (found.counts % 4 == 0).all(), "each row that is counted stands for four"
    wanted, _ = np.histogram(values, BINS, (found.low, found.high))
    apart = np.abs(np.cumsum(found.counts) - np.cumsum(wanted)).max() / values.size
    assert apart < 0.025  # Kolmogorov: 1.63 / sqrt(9600) = 0.017 at 1 %


def test_rows_are_kept_of_what_a_softmax_reads_and_of_nothing_else() -> None:
    rng = np.random.default_rng(0)
    images = samples(rng.uniform(-1, 1, (8, 8, 3)).astype(np.float32) for _ in range(3))
    observed = observe(dense_classifier(), images)
    running = Executable(exposed(dense_classifier(), ["logits"]))
    np.testing.assert_array_equal(observed["logits"].rows, [running.run(image)[0] for image in images])
    assert observed["scores"].rows == observed["image"].rows == []


def test_a_joined_histogram_is_that_of_all_values() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 1, 5000), rng.normal(3, 2, 5000)
    parts = []
    for values in (one, other):
        low, high = float(values.min()), float(values.max())
        parts.append(Activation(low=low, high=high, counts=np.histogram(values, BINS, (low, high))[0]))
    both = joined(parts)
    everything = np.concatenate([one, other])
    assert (both.low, both.high) == (everything.min(), everything.max())
    wanted, _ = np.histogram(everything, BINS, (both.low, both.high))
    assert int(both.counts.sum()) == 10_000
    assert np.abs(np.cumsum(both.counts) - np.cumsum(wanted)).max() < 25  # half a bin


def test_a_detector_is_cut_before_its_custom_operator() -> None:
    image = np.full((8, 8, 3), 0.5, np.float32)
    boxes, scores = Executable(without_custom(brightness_detector())).run({"image": image})
    assert (boxes.shape, scores.shape) == ((4, 4), (4, 2))
    np.testing.assert_allclose(scores[0], 1 / (1 + np.exp([-4.0, 4.0])), rtol=1e-5)  # sigmoid(+-8 * 0.5)
    assert without_custom(dense_classifier()) == dense_classifier()


def test_outputs_of_custom_operators_are_no_activations() -> None:
    names = activations(brightness_detector())
    assert names == ["image", "flat_boxes", "flat_logits", "flat_scores", "box_encodings", "class_scores"]


def test_a_tensor_that_is_not_finite_is_named() -> None:
    with pytest.raises(PassError, match="tensor 'image' is not finite"):
        observe(dense_classifier(), samples([np.full((8, 8, 3), np.nan, np.float32)]))


@pytest.mark.parametrize("size", [1e-42, 1e-38, 1e30, 3e38])
def test_values_at_the_ends_of_float32_are_counted(size: float) -> None:
    values = np.linspace(-size, size, 2 * BINS, dtype=np.float64).astype(np.float32)
    with np.errstate(all="raise"):
        counts = observation._histogram(values, float(values.min()), float(values.max()))
    assert counts.sum() == len(values)
    assert counts[0] > 0
    assert counts[-1] > 0


@pytest.mark.parametrize(
    ("most", "rows"), [(100, [0, 1, 2, 3, 4]), (12, [0, 2, 4]), (11, [0, 4]), (3, [0]), (0, [0])]
)
def test_rows_that_are_kept_are_from_all_over_a_tensor(most: int, rows: list[int]) -> None:
    value = np.arange(20, dtype=np.float32).reshape(1, 5, 4)
    found = observation.some_rows(value, most)
    assert [row.tolist() for row in found] == [value[0, row].tolist() for row in rows]


def test_images_share_the_rows_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    some_rows = observation.some_rows
    monkeypatch.setattr(
        observation, "some_rows", lambda value, most: asked.append(most) or some_rows(value, most)
    )
    observe(dense_classifier(), samples([np.zeros((8, 8, 3), np.float32)] * 4))
    assert sorted(asked) == [2**17 // 4] * 4 + [2**17] * 12, "of logits; what is counted of three tensors"


@pytest.mark.parametrize(
    ("dtype", "levels"),
    [
        # value / 0.5 + 3, to the nearest integer, to the even one of two
        (np.int8, [-128, 2, 3, 3, 5, 5, 127]),
        (np.uint8, [0, 2, 3, 3, 5, 5, 203]),
    ],
)
def test_an_integer_input_takes_the_nearest_level_that_it_has(dtype: type, levels: list[int]) -> None:
    image = np.array([-100.0, -0.3, -0.25, 0.2, 0.75, 0.9, 100.0], np.float32)
    found = observation.as_input(image, dtype, (0.5, 3))
    assert (found.tolist(), found.dtype) == (levels, dtype)
    assert observation.as_input(image, np.float32, (0.5, 3)) is image


def test_an_integer_input_without_a_scale_takes_whole_numbers() -> None:
    found = observation.as_input(np.array([0.0, 3.0, 70000.0], np.float32), np.int32, (0.0, 0))
    assert (found.tolist(), found.dtype) == ([0, 3, 70000], np.int32)


def test_an_integer_output_is_told_as_what_it_means() -> None:
    found = observation._dequantized(np.array([-128, 3, 4], np.int8), (0.5, 3))
    assert (found.tolist(), found.dtype) == ([-65.5, 0.0, 0.5], np.float32)
    assert observation._dequantized(np.array([7], np.int32), (0.0, 0)).tolist() == [7.0]


def test_an_output_without_a_batch_axis_is_given_whole() -> None:
    """Of (3, 2) none is the batch; of (1, 2) and (1,) the first is; a number has no axis."""
    draft = Draft(x=(1, 6))
    outputs = (draft.reshape("rows", "x", 3, 2), draft.reshape("flat", "x", 6), draft.mean("mean", "x"))
    content = draft.content(*outputs, draft.dense("one", "x", 2))
    values = np.arange(6, dtype=np.float32)
    rows, flat, mean, one = Executable(content).run({"x": values})
    assert rows.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert (flat.tolist(), mean.tolist(), one.shape) == ([0, 1, 2, 3, 4, 5], 2.5, (2,))
    observed = observe(content, [{"x": values}, {"x": values + 1}])
    assert (observed["mean"].low, observed["mean"].high) == (2.5, 3.5)
    assert observed["rows"].channel_high.tolist() == [5.0, 6.0]


def test_a_model_with_other_outputs_has_no_signature_of_the_old_ones() -> None:
    for content in (exposed(dense_classifier(), ["logits", "image"]), without_custom(brightness_detector())):
        assert not flatbuffer.unpack(content).signatureDefs
    image = np.full((8, 8, 3), 0.5, np.float32)
    logits, given = Executable(exposed(dense_classifier(), ["logits", "image"])).run({"image": image})
    assert (logits.shape, given.tolist()) == ((2,), image.tolist()), "in the order that was asked for"


def test_a_channel_is_as_large_as_its_larger_end() -> None:
    found = Activation(channel_low=np.array([-3.0, -1.0, 0.5]), channel_high=np.array([1.0, 2.0, 0.75]))
    assert found.channel_size.tolist() == [3.0, 2.0, 0.75]


def test_extremes_are_those_of_all_images_and_a_number_is_a_channel() -> None:
    found = Activation()
    for values in ([[1.0, -2.0]], [[0.5, 3.0]], [[0.75, 0.0]]):
        observation._extend(found, np.array(values, np.float32), "a")
    assert (found.low, found.high) == (-2.0, 3.0)
    assert (found.channel_low.tolist(), found.channel_high.tolist()) == ([0.5, -2.0], [1.0, 3.0])
    alone = Activation()
    observation._extend(alone, np.float32(4.0), "a")
    assert (alone.low, alone.high, alone.channel_high.tolist()) == (4.0, 4.0, [4.0])


def test_each_sample_is_run_from_a_fresh_start() -> None:
    running = Executable(stateful_files.lstm(6, clip=0.0, peepholes=False))
    rows = np.random.default_rng(1).normal(size=(2, 6, 3)).astype(np.float32)
    first, other, again = (running.run({"rows": rows[place]})[0].copy() for place in (0, 1, 0))
    assert not np.array_equal(other, first)
    np.testing.assert_array_equal(again, first)
