"""A model without channels computes what the whole one does where nothing reads them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.training.channels.choice import Aim, Choice, Limits, choose

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
ONE_BY_ONE = Limits()


def filled(model: Any) -> Any:
    """Fill a model with numbers that leave nothing to zeros and ones: biases, offsets and statistics, too."""
    for variable in model.variables:
        shape = tuple(variable.shape)
        if "variance" in variable.name or "gamma" in variable.name:
            variable.assign(RNG.uniform(0.5, 1.5, shape))
        elif len(shape) > 1:
            variable.assign(RNG.normal(0, 1.2 / np.sqrt(np.prod(shape[:-1])), shape))
        else:
            variable.assign(RNG.normal(0, 0.3, shape))
    return model


def halved(model: Any, share: float = 0.5, limits: Limits = ONE_BY_ONE) -> tuple[Any, Any, Choice]:
    """Let the channels leave that drawn numbers say, and give the subject, the smaller model and the choice."""
    from tflbuild.training.channels.subject import Subject

    subject = Subject.of(model)
    scores = {group.name: RNG.uniform(0, 1, len(group.channels)) for group in subject.found.prunable}
    aim = Aim(macs=share * subject.macs)
    choice = choose(subject.found, subject.cost, scores, aim, limits, "both")
    assert choice.reached
    return subject, subject.without(choice), choice


def unread(subject: Any, choice: Choice) -> Any:
    """Put zeros into the whole model wherever a convolution or dense layer reads a channel that leaves.

    What the channel holds, batch norm and activation included, is then of no account.
    """
    whole = subject.model
    for layer in subject.graph.layers.values():
        for weight in layer.weights:
            for axis, role in weight.roles.items():
                if role == "out" or layer.kind.value not in ("mixing", "separable"):
                    continue
                variable = getattr(whole.get_layer(layer.name), weight.name)
                values = np.moveaxis(variable.numpy(), axis, 0)
                values[~choice.kept[subject.found.axes[layer.name][role]]] = 0
                variable.assign(np.moveaxis(values, 0, axis))
    return whole


def check_equal(whole: Any, smaller: Any) -> None:
    """Hold two models to the same outputs."""
    image = RNG.normal(0, 1, (2, *(side or 32 for side in whole.input_shape[1:]))).astype(np.float32)
    wanted, found = (model(image, training=False) for model in (whole, smaller))
    pairs = zip(*((one if isinstance(one, list) else [one]) for one in (wanted, found)), strict=True)
    for one, other in pairs:
        assert one.shape == other.shape
        assert np.ptp(one) > 1e-3, "outputs that are all the same would hide anything"
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4 * float(np.abs(one).max()))


def network(build: Callable[[Any, Any], Any], side: int = 8) -> Any:
    import tf_keras

    image = tf_keras.layers.Input((side, side, 3), name="image")
    return filled(tf_keras.Model(image, build(tf_keras.layers, image)))


def conv(layers: Any, tensor: Any, channels: int, name: str, size: int = 3, **options: Any) -> Any:
    """Convolve, normalise, and add 0.4 at least, so that nothing is zero behind it."""
    tensor = layers.Conv2D(channels, size, padding="same", name=name, **options)(tensor)
    tensor = layers.BatchNormalization(name=f"{name}_norm")(tensor)
    return layers.Rescaling(1.0, 0.4, name=f"{name}_shift")(layers.ReLU(6.0, name=f"{name}_relu")(tensor))


def chain(layers: Any, image: Any) -> Any:
    tensor = conv(layers, layers.ZeroPadding2D(1)(image), 12, "a", activation="swish")
    tensor = layers.MaxPooling2D()(conv(layers, tensor, 10, "b"))
    return layers.Dense(4, name="end")(layers.GlobalMaxPooling2D()(layers.Dropout(0.5)(tensor)))


def residual(layers: Any, image: Any) -> Any:
    trunk = conv(layers, image, 12, "stem")
    for block in ("a", "b"):
        inner = conv(layers, conv(layers, trunk, 16, f"{block}_in"), 12, f"{block}_out", 1)
        trunk = layers.Add()([trunk, inner])
    return layers.Dense(4, name="end")(layers.GlobalAveragePooling2D()(trunk))


def dense_blocks(layers: Any, image: Any) -> Any:
    tensor = conv(layers, image, 9, "stem")
    for block in ("a", "b"):
        given = layers.BatchNormalization(name=f"{block}_before")(tensor)
        tensor = layers.Concatenate()([tensor, conv(layers, given, 7, block)])
    tied = layers.Add()([tensor, conv(layers, tensor, 23, "beside")])
    return layers.Dense(4, name="end")(layers.GlobalAveragePooling2D()(tied))


def depthwise(layers: Any, image: Any) -> Any:
    tensor = layers.PReLU(shared_axes=[1, 2], name="slope")(conv(layers, image, 10, "a"))
    tensor = layers.DepthwiseConv2D(3, 2, depth_multiplier=2, name="deep")(tensor)
    tensor = layers.SeparableConv2D(12, 3, depth_multiplier=2, padding="same", name="apart")(tensor)
    return layers.Dense(4, name="end")(layers.GlobalAveragePooling2D()(layers.UpSampling2D()(tensor)))


def squeezed(layers: Any, image: Any) -> Any:
    tensor = conv(layers, image, 16, "wide")
    square = layers.Reshape((1, 1, 16), name="square")(layers.GlobalAveragePooling2D()(tensor))
    few = layers.Conv2D(8, 1, activation="relu", name="reduce")(square)
    weights = layers.Conv2D(16, 1, activation="sigmoid", name="restore")(few)
    weighed = layers.Multiply()([tensor, weights])
    return layers.Dense(4, name="end")(layers.GlobalAveragePooling2D()(weighed))


def dense_squeezed(layers: Any, image: Any) -> Any:
    """Weigh channels by what dense layers give: Keras puts the missing axes behind the batch."""
    tensor = conv(layers, image, 16, "wide")
    few = layers.Dense(8, "relu", name="reduce")(layers.GlobalAveragePooling2D()(tensor))
    weighed = layers.Multiply()([layers.Dense(16, "sigmoid", name="restore")(few), tensor])
    return layers.Dense(4, name="end")(layers.GlobalAveragePooling2D()(weighed))


def flattened(layers: Any, image: Any) -> Any:
    tensor = layers.Conv2DTranspose(6, 3, 2, name="up")(conv(layers, image, 10, "a"))
    flat = layers.Flatten()(layers.AveragePooling2D(4)(tensor))
    return layers.Dense(4, name="end")(layers.Dense(12, "tanh", name="hidden")(flat))


def shared_heads(layers: Any, image: Any) -> Any:
    """Build a head that is called at two scales, as detectors with a feature pyramid have it."""
    maps = [conv(layers, image, 12, "fine"), layers.MaxPooling2D()(conv(layers, image, 12, "coarse"))]
    tower, relu = layers.Conv2D(10, 3, padding="same", name="tower"), layers.ReLU(name="relu")
    head = layers.Conv2D(4, 1, name="head")
    rows = [layers.Reshape((-1, 2))(head(relu(tower(one)))) for one in maps]
    return layers.Concatenate(axis=1)(rows)


def functions(layers: Any, image: Any) -> Any:
    """Build with functions of TensorFlow, as Keras keeps them in a file."""
    tensor = conv(layers, image, 10, "a")
    hard = tensor * (layers.ReLU(6.0)(tensor + 3.0) * (1.0 / 6.0))
    return layers.Dense(4, name="end")(layers.GlobalAveragePooling2D()(hard))


SMALL = (
    chain,
    residual,
    dense_blocks,
    depthwise,
    squeezed,
    dense_squeezed,
    flattened,
    shared_heads,
    functions,
)


@pytest.mark.parametrize("build", SMALL, ids=lambda build: build.__name__)
def test_what_nothing_reads_can_be_cut_out(build: Callable[[Any, Any], Any]) -> None:
    subject, smaller, choice = halved(network(build))
    assert smaller.count_params() < subject.model.count_params()
    assert [group.held for group in subject.found.groups if group.held] == [
        "it reaches an output of the model"
    ]
    check_equal(unread(subject, choice), smaller)


def test_the_channels_by_hand_of_a_residual_branch() -> None:
    """Nothing of ours says here which weights belong together."""
    from tflbuild.training.channels.subject import Subject

    model = network(residual)
    subject = Subject.of(model)
    gone = [1, 5, 11]
    kept = np.ones(subject.found.count, bool)
    kept[subject.found.axes["stem"]["out"][gone]] = False
    macs = subject.macs
    smaller = subject.without(Choice(kept=kept, left=np.zeros(0, int), macs=macs, channels=0, reached=True))
    for name in ("a_in", "b_in"):
        kernel = model.get_layer(name).kernel
        kernel.assign(np.where(np.isin(np.arange(12), gone)[:, None], 0, kernel.numpy()))
    kernel = model.get_layer("end").kernel
    kernel.assign(np.where(np.isin(np.arange(12), gone)[:, None], 0, kernel.numpy()))
    check_equal(model, smaller)
    assert smaller.get_layer("a_out_norm").gamma.shape == (9,)


def test_nothing_cut_is_the_same_model() -> None:
    subject, same, _ = halved(network(dense_blocks), share=1.0)
    check_equal(subject.model, same)
    assert [layer.name for layer in same.layers] == [layer.name for layer in subject.model.layers]


def test_a_chain_of_layers_becomes_a_graph() -> None:
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.Conv2D(8, 3, input_shape=(8, 8, 3)), layers.Flatten(), layers.Dense(4, "softmax")]
    )
    subject, smaller, choice = halved(filled(model))
    check_equal(unread(subject, choice), smaller)


@pytest.mark.parametrize(
    ("build", "held"),
    [
        (lambda layers, x: layers.LayerNormalization(name="odd")(x), "LayerNormalization 'odd' is not known"),
        (
            lambda layers, x: layers.Conv2D(8, 3, groups=2, name="odd")(x),
            "'odd' convolves channels in 2 groups",
        ),
        (lambda layers, x: layers.Softmax(name="odd")(x), "the softmax 'odd' reads all channels"),
        (lambda layers, x: layers.Activation("softmax", name="odd")(x), "'softmax' of 'odd' reads all"),
        (
            lambda layers, x: layers.BatchNormalization(axis=1, name="odd")(x),
            "'odd' normalises along another axis",
        ),
        (lambda layers, x: layers.Permute((3, 1, 2), name="odd")(x), "'odd' moves channels to another axis"),
        (lambda layers, x: layers.Reshape((8, 16, 4), name="odd")(x), "'odd' parts its channels"),
        (lambda layers, x: x * np.arange(8.0), "is not known to keep channels apart"),
    ],
)
def test_a_layer_that_is_not_known_keeps_its_group(build: Callable[[Any, Any], Any], held: str) -> None:
    from tflbuild.training.channels.subject import Subject

    def whole(layers: Any, image: Any) -> Any:
        tensor = build(layers, layers.Conv2D(8, 3, padding="same", name="before")(image))
        return layers.Dense(4, name="end")(layers.Flatten()(layers.Conv2D(6, 1, name="after")(tensor)))

    model = network(whole)
    reasons = {group.name: group.held for group in Subject.of(model).found.groups}
    assert held in reasons["before"]
    assert not reasons["after"]
    subject, smaller, choice = halved(model, share=0.97)
    check_equal(unread(subject, choice), smaller)


OURS = {
    "mobilenet_v3": ("mobilenet_v3_small", "MobileNetV3Small"),
    "ssd": ("ssd_mobilenet_v1", "SSDMobileNetV1"),
}


@pytest.mark.parametrize("name", OURS)
def test_architectures_of_ours(name: str) -> None:
    module, cls = OURS[name]
    model = filled(getattr(importlib.import_module(f"tflbuild.models.{module}"), cls)().build(8))
    subject, smaller, choice = halved(model, limits=Limits(minimum=4, multiple=4))
    assert {group.held for group in subject.found.groups} == {"", "it reaches an output of the model"}
    check_equal(unread(subject, choice), smaller)


@pytest.mark.parametrize(
    ("name", "macs", "groups"),
    [
        # multiply-accumulates: Sandler et al., 2018, table 4; He et al., 2016, table 1, whose ResNet-50 and whose Keras
        # form have the stride in the first convolution of a block; Huang et al., 2017, table 1: 2.88 by counting
        # layers as there. Groups by hand: MobileNet v2 has 7 trunks, 17 wide parts less the first, the first and
        # the last convolution and the end; ResNet-50 4 trunks, two in each of 16 blocks, the stem and the end; DenseNet
        # two in each of 58 blocks, the stem, three transitions and the end.
        ("MobileNetV2", 300e6, 26),
        ("ResNet50", 3.86e9, 38),
        ("DenseNet121", 2.84e9, 121),
    ],
)
def test_architectures_of_keras(name: str, macs: float, groups: int) -> None:
    import tf_keras

    from tflbuild.training.channels.subject import Subject

    subject = Subject.of(getattr(tf_keras.applications, name)(weights=None))
    assert subject.macs == pytest.approx(macs, rel=0.02)
    assert len(subject.found.groups) == groups
    assert [group.held for group in subject.found.groups if group.held] == [
        "it reaches an output of the model"
    ]


def test_a_person_detector_of_others(shared_models: Path) -> None:
    from tflbuild.backends import keras

    subject, smaller, choice = halved(keras.load(shared_models / "mlperf_tiny" / "vww_96.h5"))
    assert smaller.count_params() < 0.8 * subject.model.count_params()
    check_equal(unread(subject, choice), smaller)
