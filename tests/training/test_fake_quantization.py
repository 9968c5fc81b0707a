"""Fake-quantized models that keep clusters, leave layers out and freeze batch norm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.modalities.image.modality import ImageModality

pytestmark = pytest.mark.slow

SCALED = ImageModality(scale=1 / 255, offset=0.0).scaled

EVERY_STEP = 1e-9  # seconds between two checkpoints
RANGE = (0.0, 1.0)


def batches(start: int) -> Iterator[tuple[Any, ...]]:
    for step in range(start, 8):
        draw = np.random.default_rng(step)
        yield draw.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8), draw.integers(0, 2, 4).astype(np.int32)


def cut_short(start: int) -> Iterator[tuple[Any, ...]]:
    for step, batch in enumerate(batches(start), start):
        if step == 6:
            raise KeyboardInterrupt
        yield batch


def build() -> Any:
    """Give a network whose kernels have four values each, zero among them but in `a`."""
    from tflbuild.backends import keras
    from tflbuild.backends.keras import Model, layers

    keras.seed(0)
    tensor = image = layers.Input((8, 8, 3), name="image")
    for name in ("a", "b"):
        tensor = layers.Conv2D(6, 3, padding="same", use_bias=False, name=name)(tensor)
        tensor = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(tensor)
        tensor = layers.ReLU(name=f"{name}_relu")(tensor)
    model = Model(image, layers.Dense(2, name="dense")(layers.Flatten(name="flat")(tensor)))
    draw = np.random.default_rng(1)
    for layer in ("a", "b", "dense"):
        kernel = model.get_layer(layer).kernel
        values = [-0.2, 0.1, 0.15, 0.3] if layer == "a" else [-0.2, 0.0, 0.1, 0.3]
        kernel.assign(draw.choice(values, size=kernel.shape))
    return model


def train(stream: Any, checkpoint: Path | None, freeze_at: int | None = 3, steps: int = 8) -> Any:
    from tflbuild.training import fake_quantization, losses
    from tflbuild.training import loop as training

    fake = fake_quantization.FakeQuantization(
        build(), RANGE, left_out={"b", "b_norm", "b_relu"}, freeze_at=freeze_at
    )
    schedule = training.Schedule(
        steps=steps, learning_rate=1e-2, warmup=0, shape="constant", weight_decay=1e-3
    )
    watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP)
    loss = losses.classification(True, 0.0)
    training.fit(fake.model, stream, loss, schedule, SCALED, watch, fake.hooks())
    fake.finish()
    return fake.model


def test_a_killed_training_ends_with_the_same_weights_clusters_zeros_and_statistics(tmp_path: Path) -> None:
    from tflbuild.training import codebooks, tfmot

    before = build()
    whole = train(batches, None)
    with pytest.raises(KeyboardInterrupt):
        train(cut_short, tmp_path / "state.npz")
    resumed = train(batches, tmp_path / "state.npz")
    for expected, found in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)

    trained, given = codebooks.kernels(whole), codebooks.kernels(before)
    assert trained.keys() == given.keys() == {f"{name}/kernel" for name in ("a", "b", "dense")}
    for name, kernel in trained.items():  # left out or not
        assert len(np.unique(kernel)) <= 4
        assert not np.array_equal(kernel, given[name])
        np.testing.assert_array_equal(kernel[given[name] == 0], 0.0)
    assert not np.any(trained["a/kernel"] == 0)  # others' zeros are no zeros of its own
    assert tfmot.is_sparse(whole)

    statistics = {name: value for name, value in named(whole).items() if "moving" in name or "gamma" in name}
    until = named(train(batches, None, freeze_at=None, steps=3))  # the same three steps
    assert len(statistics) == 6
    for name, value in statistics.items():
        np.testing.assert_array_equal(value, until[name])
    assert not np.array_equal(named(whole)["b_norm/beta:0"], until["b_norm/beta:0"])


def named(model: Any) -> dict[str, Any]:
    return {variable.name: variable.numpy() for variable in model.variables}


def test_frozen_batch_norm_normalises_by_its_statistics() -> None:
    import tensorflow as tf

    from tflbuild.backends.keras import Model, layers
    from tflbuild.training.frozen_norms import FrozenNorms

    norm = layers.BatchNormalization(epsilon=0.0)
    image = layers.Input((2,))
    model = Model(image, norm(image))
    norm.set_weights([np.array(w, np.float32) for w in ([2, 1], [0, 1], [1, -1], [4, 1])])
    hooks = FrozenNorms(model, freeze_at=5).hooks()
    values = np.array([[1, 0], [3, 2]], np.float32)
    hooks.before(tf.constant(4, tf.int64))
    # by hand: the batch's means are 2 and 1, its deviations 1 and 1
    np.testing.assert_allclose(model(values, training=True), [[-2, 0], [2, 2]], rtol=1e-6)
    norm.set_weights([np.array(w, np.float32) for w in ([2, 1], [0, 1], [1, -1], [4, 1])])
    hooks.before(tf.constant(5, tf.int64))
    # by hand: (1 - 1) / 2 * 2, (3 - 1) / 2 * 2; (0 + 1) * 1 + 1, (2 + 1) * 1 + 1
    np.testing.assert_allclose(model(values, training=True), [[0, 2], [2, 4]], rtol=1e-6)
    norm.gamma.assign([7, 7])
    hooks.after()
    np.testing.assert_array_equal(norm.gamma, [2, 1])


def test_layers_that_compute_in_one_operator_have_one_head_and_additions_follow() -> None:
    from tflbuild.backends.keras import Model, layers
    from tflbuild.training import float_islands

    image = layers.Input((8, 8, 4), name="image")
    first = layers.ReLU(name="relu")(
        layers.BatchNormalization(name="norm")(layers.Conv2D(4, 1, name="conv")(image))
    )
    second = layers.BatchNormalization(name="other_norm")(layers.Conv2D(4, 1, name="other")(first))
    added = layers.ReLU(name="added_relu")(layers.Add(name="added")([first, second]))
    third = layers.Conv2D(4, 1, name="third")(added)
    joined = layers.Concatenate(name="joined")([third, added])
    model = Model(image, layers.ReLU(name="end")(joined))
    assert float_islands.heads(model) == {
        "conv": "conv",
        "norm": "conv",
        "relu": "conv",
        "other": "other",
        "other_norm": "other",
        "added": "added",
        "added_relu": "added",
        "third": "third",
        "joined": "joined",
        "end": "joined",
    }
    assert float_islands.closed(model, {"other"}) == {"other", "other_norm", "added", "added_relu"}
    assert float_islands.closed(model, {"conv"}) == {
        "conv",
        "norm",
        "relu",
    }  # `other` alone reads it: it has a range
    assert float_islands.closed(model, {"third"}) == {"third"}  # a concatenation has a range of its own
    assert float_islands.closed(model, set()) == set()


def checked(monkeypatch: pytest.MonkeyPatch, least: Any, most: Any, found: Any = ((0.0, 1.0),)) -> str:
    """Check one range of a tensor and those of the inputs; give what is wrong."""
    from tflbuild.core.errors import BrokenPromise
    from tflbuild.training import fake_quantization

    ends = (np.array(least, np.float32), np.array(most, np.float32))
    monkeypatch.setattr(fake_quantization, "ranges", lambda model: {"conv": ends})
    monkeypatch.setattr(fake_quantization, "input_ranges", lambda model: list(found))
    monkeypatch.setattr(fake_quantization.float_islands, "starts_float", lambda model: model == "float")
    try:
        fake_quantization.check_ranges("float" if not found else "model", RANGE)
    except BrokenPromise as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (0.0, 1.0, ""),
        (-6.0, 5.9, ""),
        (-5.9, 6.0, ""),
        (-6.0, 6.0, "the range of conv was never trained."),
        ([-6, -6], [6, 6], "the range of conv was never trained."),
        ([-6, -1], [6, 1], ""),
        (np.nan, 1.0, "the range of conv is not finite."),
        (0.0, np.inf, "the range of conv is not finite."),
        ([0, 0], [1, np.nan], "the range of conv is not finite."),
        (2.0, 2.0, "the range of conv is empty: 2.0 to 2.0."),
        (2.0, 1.0, "the range of conv is empty: 2.0 to 1.0."),
        ([0, 0], [1, 0], "the range of conv is empty: [0. 0.] to [1. 0.]."),
        ([0, 0], [1, 2e-6], ""),
    ],
)
def test_a_range_that_would_convert_into_nonsense_is_refused(
    least: Any, most: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checked(monkeypatch, least, most) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([(0.0, 1.0)], ""),
        ([], ""),  # the first layers compute in floats
        ([(0.0, 1.00001)], "the input's range is [(0.0, 1.00001)], not that of pixels, (0.0, 1.0)."),
        ([(0.1, 1.0)], "the input's range is [(0.1, 1.0)], not that of pixels, (0.0, 1.0)."),
        (
            [(0.0, 1.0), (0.0, 2.0)],
            "the input's range is [(0.0, 1.0), (0.0, 2.0)], not that of pixels, (0.0, 1.0).",
        ),
    ],
)
def test_the_inputs_range_is_that_of_pixels(found: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(monkeypatch, 0.0, 1.0, found) == said


@pytest.fixture(scope="module")
def fake() -> Any:
    from tflbuild.training import fake_quantization

    return fake_quantization.FakeQuantization(build(), (-1.0, 3.0))


def test_ranges_begin_with_the_inputs_and_untrained(fake: Any) -> None:
    from tflbuild.core.errors import BrokenPromise
    from tflbuild.training import fake_quantization

    assert fake_quantization.input_ranges(fake.model) == [(-1.0, 3.0)]
    found = fake_quantization.ranges(fake.model)
    assert {"quantize_layer/quantize_layer", "quant_a_relu/output", "quant_dense/post_activation"} <= {
        re.sub(r"_\d*(?=/|$)", "", name) for name in found
    }
    assert [end.item() for end in found["quant_a_relu/output"]] == [-6.0, 6.0]
    with pytest.raises(BrokenPromise, match="was never trained"):
        fake_quantization.check_ranges(fake.model, (-1.0, 3.0))


def test_ranges_follow_the_batches_with_a_mean_that_is_fresh_at_first(fake: Any) -> None:
    import tensorflow as tf

    hooks = fake.hooks()
    for step, wanted in ((0, 0.0), (1, 0.1), (9, 0.5), (100_000, 0.999)):
        hooks.before(tf.constant(step, tf.int64))
        assert float(fake._decay) == pytest.approx(wanted)
    hooks.before(tf.constant(0, tf.int64))
    fake.model(np.ones((2, 8, 8, 3), np.float32), training=True)
    from tflbuild.training import fake_quantization

    most = fake_quantization.ranges(fake.model)["quant_a_relu/output"][1].item()
    assert most != 6.0  # the first batch alone, nothing of tfmot's own start


def test_channels_without_weights_take_the_widest_range(fake: Any) -> None:
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

    ends = next(
        layer._weight_vars[0][2]
        for layer in fake.model.layers
        if isinstance(layer, QuantizeWrapper) and layer.layer.name == "a"
    )
    kept_clusters, fake._clusters = fake._clusters, None
    most = np.array([1, 0, 2e-6, 1.9e-6, 2, 0.5], np.float32)
    ends["max_var"].assign(most)
    ends["min_var"].assign(-most / 2)
    fake.finish()
    fake._clusters = kept_clusters
    np.testing.assert_array_equal(ends["max_var"], np.float32([1, 2, 2, 2, 2, 0.5]))
    np.testing.assert_array_equal(ends["min_var"], np.float32([-0.5, -2, -2, -2, -1, -0.25]))


def test_barriers_are_taken_out_of_a_file() -> None:
    from ai_edge_litert import schema_py_generated as schema

    from tflbuild.tflite.assemble import Step, assemble
    from tflbuild.tflite.graph import Graph
    from tflbuild.training import float_islands

    barrier = {"operator": 32, "custom": "TflbuildIsland"}
    steps = [
        Step(schema.BuiltinOperator.ABS, ["image"], ["a"]),
        Step(inputs=["a"], outputs=["b"], **barrier),
        Step(inputs=["b"], outputs=["c"], **barrier),
        Step(schema.BuiltinOperator.ADD, ["c", "image"], ["scores"]),
    ]
    names = ("image", "a", "b", "c", "scores")
    content = assemble(dict.fromkeys(names, (1,)), steps, ["image"], ["scores"])
    graph = Graph.unpacked(content)
    float_islands.drop_barriers(graph)
    found = [([*one.inputs], [*one.outputs]) for one in graph.operators]
    assert found == [([0], [1]), ([1, 0], [4])]


def test_floats_behind_a_layer_that_was_left_out_are_an_island(tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    from tflbuild.tflite.assemble import Step, assemble
    from tflbuild.training import float_islands

    operators = schema.BuiltinOperator
    steps = [
        Step(operators.ABS, ["image"], ["m/a/Abs"]),
        Step(operators.ABS, ["m/a/Abs"], ["m/b/Abs"]),
        Step(operators.ABS, ["m/b/Abs"], ["scores"]),
    ]
    tensors = dict.fromkeys(("image", "m/a/Abs", "m/b/Abs", "scores"), (1,))
    path = tmp_path / "m.tflite"
    path.write_bytes(assemble(tensors, steps, ["image"], ["scores"]))
    left = "left out of quantization-aware training"
    found = float_islands.found_in(path, ["b"])
    assert [(one.name, one.dtype, one.reason) for one in found] == [
        ("m/b/Abs", "float32", left),
        ("scores", "float32", f"reads what was {left}"),
    ]
    assert float_islands.found_in(path, []) == []
    assert float_islands.found_in(path, ["c"]) == []


@pytest.mark.parametrize("first", [True, False])
def test_layers_that_were_left_out_are_islands_behind_barriers(first: bool) -> None:
    from tflbuild.training import fake_quantization, float_islands

    name, other = ("a", "b") if first else ("b", "a")
    left = {name, f"{name}_norm", f"{name}_relu"}
    model = fake_quantization.FakeQuantization(build(), RANGE, preserve=False, left_out=left).model
    found = {layer.removeprefix("quant_") for layer in float_islands.islands(model)}
    assert left <= found
    assert other not in found
    assert float_islands.starts_float(model) is first
    with float_islands.barred(model) as any_barred:
        assert any_barred is not first  # what reads pixels alone needs none
        assert any("call" in vars(layer) for layer in model.layers) is any_barred
    assert not any("call" in vars(layer) for layer in model.layers)


def test_zeros_before_a_concatenation_are_kept() -> None:
    """tfmot's own scheme forgets them there, since the output of such a layer has no range of its own."""
    from tflbuild.backends.keras import Model, layers
    from tflbuild.training import fake_quantization, tfmot

    image = layers.Input((8, 8, 3), name="image")
    both = [layers.Conv2D(4, 3, padding="same", activation="relu", name=name)(image) for name in "ab"]
    model = Model(image, layers.Dense(2, name="d")(layers.Flatten()(layers.Concatenate()(both))))
    for name in "abd":
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel * (np.arange(kernel.shape[-1]) % 2))  # every other channel is zeros
    made = fake_quantization.FakeQuantization(model, RANGE)
    for layer in tfmot.prunable_layers(made.model):
        for kernel in tfmot.kernels_of(layer):
            kernel.assign_add(np.ones(kernel.shape, np.float32))  # as a step of training may
    made.hooks().after()
    found = tfmot.census(made.model)
    assert (found["a/kernel"], found["b/kernel"]) == (0.5, 0.5)


def test_an_operation_of_a_tensor_and_a_number_is_refused_with_what_takes_it() -> None:
    import tensorflow as tf

    from tflbuild.backends.keras import Model, layers
    from tflbuild.core.errors import PassError
    from tflbuild.training import fake_quantization

    image = layers.Input((8, 8, 3), name="image")
    tensor = layers.Conv2D(4, 3, name="conv")(image)
    scores = layers.Dense(2)(layers.Flatten()(tensor * tf.nn.relu6(tensor + 3.0) / 6.0))
    with pytest.raises(
        PassError, match=r"^tfmot cannot fake-quantize .* 'quantize' after 'convert' needs no"
    ):
        fake_quantization.FakeQuantization(Model(image, scores), RANGE)
