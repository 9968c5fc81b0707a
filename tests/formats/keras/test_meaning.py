"""Keras files described: task, inputs, labels, facts; and what is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import h5py
import pytest

import keras_configs
import keras_files
from keras_configs import functional, image, layer
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import FORMATS, Description, Evidence
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.keras import graph, header, meaning
from tflbuild.formats.keras.header import Header
from tflbuild.formats.pictures import ASSUMED

KERAS = FORMATS.get("keras")()


def describe(folder: Path, config: dict[str, Any]) -> Description:
    return KERAS.describe(keras_configs.written(folder / "model.h5", config))


def why(found: Description, what: str = "task") -> str:
    return next(one.evidence for one in found.recognised if one.what == what)


def dense(name: str, *given: str, units: int = 3, activation: str = "linear") -> dict[str, Any]:
    return layer("Dense", name, *(given or ("flat",)), units=units, activation=activation)


def classifier(
    activation: str = "softmax", units: int = 3, shape: tuple[int, ...] = (64, 48, 3)
) -> dict[str, Any]:
    flat = layer("Flatten", "flat", "image")
    return functional(image(shape=shape), flat, dense("scores", units=units, activation=activation))


def test_a_classifier_of_pictures(tmp_path: Path) -> None:
    found = describe(tmp_path, classifier())
    assert (found.task, found.quantized) == ("classification", "")
    assert found.head == {"outputs": {"scores": "scores"}, "scores": "softmax"}
    assert found.signature.inputs == {"image": TensorSpec((-1, 64, 48, 3), "float32")}
    assert found.signature.outputs == {"scores": TensorSpec((-1, 3), "float32")}
    assert found.inputs == {"image": ("image", {})}
    assert found.recognised == (
        Evidence("task", "classification", "layer 'scores' ends in softmax"),
        Evidence("outputs", "softmax of 3 classes", "layer 'scores' ends in softmax"),
        Evidence("input", "image, (?, 64, 48, 3) float32", "three channels"),
        Evidence("preprocess", "assumed", ASSUMED),
    )


@pytest.mark.parametrize(
    ("config", "kind", "value"),
    [
        (classifier("linear"), "logits", "logits of 3 classes"),
        (classifier("sigmoid"), "sigmoid", "sigmoid of 3 classes"),
        (classifier("sigmoid", units=1), "sigmoid", "p, the probability of the second class"),
        (classifier("linear", units=1), "logits", "the logit of p, the probability of the second class"),
        (classifier(shape=(10,)), "softmax", "softmax of 3 classes"),
    ],
)
def test_scores_of_every_kind_are_a_classifiers(
    config: dict[str, Any], kind: str, value: str, tmp_path: Path
) -> None:
    found = describe(tmp_path, config)
    assert found.task == "classification"
    assert found.head == {"outputs": {"scores": "scores"}, "scores": kind}
    assert found.recognised[1].value == value


def two_inputs() -> dict[str, Any]:
    more = layer("InputLayer", "more", batch_input_shape=[None, 5])
    joined = layer("Concatenate", "both", "flat", axis=-1)
    joined["inbound_nodes"] = [[["flat", 0, 0, {}], ["more", 0, 0, {}]]]
    config = functional(image(), more, layer("Flatten", "flat", "image"), joined, dense("scores", "both"))
    config["config"]["input_layers"] = [["image", 0, 0], ["more", 0, 0]]
    return config


def two_heads() -> dict[str, Any]:
    flat = layer("Flatten", "flat", "image")
    return functional(image(), flat, dense("shape", units=3), dense("size", units=2), ends=["shape", "size"])


def maps(boxes: int = 4) -> dict[str, Any]:
    reshape = [
        layer("Reshape", name, "image", target_shape=[12, n]) for name, n in (("boxes", boxes), ("raw", 2))
    ]
    return functional(
        image(),
        *reshape,
        layer("Activation", "scores", "raw", activation="sigmoid"),
        ends=["boxes", "scores"],
    )


def test_an_autoencoder_is_no_classifier(tmp_path: Path) -> None:
    features = layer("InputLayer", "features", batch_input_shape=[None, 640])
    config = functional(features, dense("code", "features", units=8), dense("out", "code", units=640))
    found = describe(tmp_path, config)
    assert (found.task, found.inputs) == ("", {"features": ("vector", {})})
    assert why(found).startswith(
        "the one output, (?, 640) float32, has the shape of the input, as an autoencoder's has;"
    )


@pytest.mark.parametrize(
    ("config", "evidence"),
    [
        (
            two_heads(),
            "2 outputs, 'shape' (?, 3) float32, 'size' (?, 2) float32: a classifier has one, and a detector two, boxes "
            "and class scores for one picture",
        ),
        (
            maps(boxes=5),
            "2 outputs, 'boxes' (?, 12, 5) float32, 'scores' (?, 12, 2) float32: a classifier has one,",
        ),
        (
            functional(
                image(), layer("Conv2D", "mask", "image", filters=2, kernel_size=[1, 1], activation="softmax")
            ),
            "the one output, (?, 64, 48, 2) float32, is not a row of scores; layer 'mask' ends in softmax",
        ),
        (classifier(units=1), "layer 'scores' ends in softmax, and a softmax of one number is always 1"),
        (
            classifier("linear", shape=(10,)),
            "layer 'scores' has no activation: logits of 3 classes, or other numbers, since no labels.txt "
            "names 3 classes",
        ),
        (
            functional(image(), layer("Flatten", "flat", "image"), layer("Dot", "odd", "flat", axes=1)),
            "layer 'odd' (Dot) gives it: scores that model.outputs names, or other numbers, since no "
            "labels.txt names the classes",
        ),
    ],
)
def test_what_is_neither_is_said(config: dict[str, Any], evidence: str, tmp_path: Path) -> None:
    found = describe(tmp_path, config)
    assert found.task == ""
    assert why(found).startswith(evidence)


def test_a_classifier_may_have_several_inputs(tmp_path: Path) -> None:
    found = describe(tmp_path, two_inputs())
    assert {name: modality for name, (modality, _) in found.inputs.items()} == {
        "image": "image",
        "more": "vector",
    }
    assert found.task == "classification"
    assert [one.what for one in found.recognised if " " in one.what] == [
        "input image",
        "preprocess of image",
        "input more",
    ]


def test_a_detector(tmp_path: Path) -> None:
    found = describe(tmp_path, maps())
    assert (found.task, found.head) == ("detection", {})
    assert found.recognised[1] == Evidence(
        "outputs", "boxes and class scores", "layer 'scores' ends in sigmoid"
    )


def test_a_list_beside_the_file_names_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    assert describe(tmp_path, classifier()).labels == {"labels.txt": ("cat", "dog", "bird")}
    assert describe(tmp_path, classifier("linear", shape=(10,))).task == "classification"
    found = describe(tmp_path, classifier(units=4))
    assert found.labels == {}
    assert why(found, "labels") == "labels.txt has 3 names, and the outputs have 4 classes"


def test_pixels_that_a_model_scales_itself_are_raw(tmp_path: Path) -> None:
    config = functional(
        image(),
        layer("Rescaling", "rescaling", "image", scale=1 / 255, offset=0.0),
        layer("Flatten", "flat", "rescaling"),
        dense("scores", activation="softmax"),
    )
    found = describe(tmp_path, config)
    assert found.inputs == {"image": ("image", {"scale": 1.0, "offset": 0.0})}
    assert found.recognised[3] == Evidence(
        "preprocess", "raw pixels, 0..255", "layer 'rescaling' divides by 255"
    )


def test_one_channel_is_grey(tmp_path: Path) -> None:
    assert describe(tmp_path, classifier(shape=(64, 64, 1))).inputs == {
        "image": ("image", {"channels": "grey"})
    }
    assert describe(tmp_path, classifier(shape=(49, 10, 1))).inputs == {"image": ("vector", {})}


def test_changes_of_the_layers_are_said(tmp_path: Path) -> None:
    config = functional(
        image(), layer("RandomFlip", "flip", "image"), layer("Flatten", "flat", "flip"), dense("scores")
    )
    said = Evidence("layers", "1 augmentation layer left out", "'flip': no effect when the model is used")
    assert describe(tmp_path, config).recognised[-1] == said


FACTS = Meaning.of_image(
    task="classification", height=8, width=8, labels=("no", "yes"), preprocess={"scale": 0.5, "offset": 0.25}
)


def with_facts(facts: Meaning) -> Any:
    def change(file: h5py.File) -> None:
        file.attrs["tflbuild.facts"] = json.dumps(facts.to_json())

    return change


def test_facts_of_tflbuild_win(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\n")
    found = KERAS.describe(keras_files.h5(tmp_path / "model.h5", keras_files.dense(), with_facts(FACTS)))
    assert found.inputs == {"image": ("image", {"scale": 0.5, "offset": 0.25})}
    assert found.labels == {"model.h5": ("no", "yes"), "labels.txt": ("a", "b")}
    assert found.recognised[1] == Evidence(
        "preprocess", "image, scale 0.5, offset 0.25", "the facts in the file"
    )


def test_an_archive_is_described_too(tmp_path: Path) -> None:
    path = keras_files.keras(tmp_path / "model.keras", keras_files.dense())
    KERAS.check(path)
    assert KERAS.describe(path).task == "classification"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            classifier(shape=(None, None, 3)),  # type: ignore[arg-type]
            "the input 'image' of '{path}' is (?, ?, ?, 3) float32; its sides must be fixed numbers, e.g. Input((96, 9",
        ),
        (functional(image(), layer("Lambda", "code", "image")), "in '{path}', "),
        (
            {"class_name": "MyModel", "config": {"name": "x"}},
            "'{path}' holds a subclassed model ('MyModel'), whose",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_in_one_sentence(
    config: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = keras_configs.written(tmp_path / "model.h5", config)
    with pytest.raises(RecipeError) as caught:
        KERAS.check(path)
    assert str(caught.value).startswith(f"model.path: {said.format(path=path)}")
    assert "\n" not in str(caught.value)


def test_the_format_is_declared() -> None:
    assert (KERAS.name, KERAS.suffixes, KERAS.kind, KERAS.loader) == (
        "keras",
        (".h5", ".keras"),
        "KerasModel",
        "load",
    )


VALUES: list[Any] = [
    None,
    0,
    -1,
    2.5,
    "x",
    [],
    [1],
    {},
    [["image", 0, 0]],
    [["nobody", 0, 0]],
    True,
    "softmax",
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """List every place in nested lists and mappings."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in places(value[key])]


def test_a_configuration_of_which_any_value_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rng = random.Random(1)
    path = tmp_path / "model.h5"
    made: list[Header] = []
    monkeypatch.setattr(header, "read", lambda path, key="": made[-1])
    described = 0
    for number in range(1500):
        config = json.loads(json.dumps((classifier, two_inputs, two_heads, maps)[number % 4]()))
        for _ in range(rng.choice((1, 1, 3))):
            owner, key = rng.choice(places(config))
            owner[key] = json.loads(json.dumps(rng.choice(VALUES)))  # a list of its own
        try:
            made.append(Header(config=graph.checked(config), version="2.21.0", elements=10_000))
            found = meaning.describe(path)
        except (RecipeError, ValueError):  # what `header.read` makes a sentence of
            continue
        described += 1
        assert set(found.inputs) == set(found.signature.inputs)
        assert all(one.what and one.value and one.evidence for one in found.recognised)
    assert described > 300


@pytest.mark.parametrize(
    ("name", "task", "modality", "options"),
    [
        ("models/mlperf_tiny/ad01", "", "vector", {}),
        ("models/mlperf_tiny/vww_96", "classification", "image", {}),
        ("cases/keras/flowers", "classification", "image", {"scale": 1.0, "offset": 0.0}),
        ("cases/keras/rescaling", "classification", "image", {"scale": 1.0, "offset": 0.0}),
        ("cases/keras/grey", "classification", "image", {"channels": "grey"}),
        ("cases/keras/nnsoftmax", "classification", "image", {}),
        ("cases/keras/sigmoid3", "classification", "image", {}),
        ("cases/keras/twoheads", "", "image", {}),
    ],
)
def test_real_files_are_described_as_they_are(
    name: str, task: str, modality: str, options: dict[str, Any], shared_models: Path, shared_cases: Path
) -> None:
    room, _, rest = name.partition("/")
    folder = shared_models if room == "models" else shared_cases
    path = folder / f"{rest}.h5"
    KERAS.check(path)
    found = KERAS.describe(path)
    assert (found.task, list(found.inputs.values())) == (task, [(modality, options)])
