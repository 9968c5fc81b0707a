"""The user's own model: what is taken, and what is refused with which sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest

from keras_configs import functional, image, layer, operation, written
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.models.keras_file import KerasFile
from tflbuild.recipe.load import load_recipe
from tflbuild.tasks.detection.detector import AnchorOptions

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")


def described(
    path: Path, layers: list[dict[str, Any]], version: str = "2.21.0", kind: str = "Functional"
) -> Path:
    """Write a file with a model's configuration and no weights, as far as a plan looks."""
    config = {"class_name": kind, "config": {"layers": layers, "output_layers": [["scores", 0, 0]]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
    return path


IMAGE = layer("InputLayer", "image", batch_input_shape=[None, 64, 48, 3])
SCORES = layer("Dense", "scores", activation="softmax")

REFUSED = {
    "no file": (lambda path: path, "there is no file"),
    "no model": (lambda path: _text(path), "is not a Keras model"),
    "weights only": (lambda path: _weights(path), "holds only weights, without the model.s configuration"),
    "keras 3": (lambda path: described(path, [IMAGE, SCORES], "3.11.0"), "is not one of Keras 3"),
    "subclassed": (lambda path: described(path, [IMAGE, SCORES], kind="Mine"), "subclassed model .'Mine'"),
    "lambda": (
        lambda path: described(path, [IMAGE, layer("Lambda", "twice"), SCORES]),
        "layer 'twice' is a Lambda",
    ),
    "two inputs": (lambda path: described(path, [IMAGE, IMAGE, SCORES]), "has 2 inputs"),
    "any size": (
        lambda path: described(
            path, [layer("InputLayer", "image", batch_input_shape=[None, None, None, 3]), SCORES]
        ),
        "height and width must be fixed",
    ),
    "grey": (
        lambda path: described(
            path, [layer("InputLayer", "image", batch_input_shape=[None, 8, 8, 1]), SCORES]
        ),
        r"expected \(height, width, 3\)",
    ),
}


def _text(path: Path) -> Path:
    path.write_text("not HDF5")
    return path


def _weights(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["kernel"] = [1.0]
    return path


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_pass_could_take_is_refused_while_planning(case: str, tmp_path: Path) -> None:
    write, message = REFUSED[case]
    with pytest.raises(RecipeError, match=f"^model.path: .*{message}"):
        KerasFile(path=str(write(tmp_path / "my.h5"))).check()


def test_a_path_is_needed() -> None:
    with pytest.raises(ValueError, match=r"^path: required"):
        KerasFile().check()


def test_task_and_input_size_are_known_without_tensorflow(tmp_path: Path) -> None:
    path = described(tmp_path / "my.h5", [IMAGE, SCORES])
    script = (
        "import sys; from tflbuild.models.keras_file import KerasFile; model = KerasFile(path=sys.argv[1]);"
        "model.check(); assert model.files(); print(model.task, model.resolution(), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["classification", "64", "False"]


RESCALED = functional(
    image(),
    layer("Rescaling", "rescaling", "image", scale=1 / 255, offset=0.0),
    layer("Flatten", "flat", "rescaling"),
    layer("Dense", "dense", "flat", units=3, activation="linear"),
)
ONE = functional(
    image(), layer("Flatten", "f", "image"), layer("Dense", "p", "f", units=1, activation="sigmoid")
)
UNKNOWN = functional(image(), layer("Flatten", "f", "image"), operation("math.exp", "op", "f"))
HEADS = functional(
    image(),
    layer("GlobalAveragePooling2D", "pool", "image"),
    layer("Dense", "shape", "pool", units=3, activation="softmax"),
    layer("Dense", "size", "pool", units=2, activation="softmax"),
    ends=["shape", "size"],
)
BOXES = functional(
    image(),
    layer("Reshape", "boxes", "image", target_shape=[12, 4]),
    layer("Reshape", "scores", "image", target_shape=[12, 2]),
    ends=["boxes", "scores"],
)


def test_a_model_that_scales_pixels_takes_them_raw(tmp_path: Path) -> None:
    spec = KerasFile(path=str(written(tmp_path / "my.h5", RESCALED)))
    assert spec.preprocess() == {"scale": 1.0, "offset": 0.0}
    assert spec.warnings({"scale": 1.0, "offset": 0.0}) == []
    (said,) = spec.warnings({"scale": 1 / 128, "offset": -1.0})
    assert "data.preprocess.scale=0.0078125" in said
    assert "layer 'rescaling' divides by 255" in said


@pytest.mark.parametrize(
    ("said", "pixels"),
    [
        ([], (1.0, 0.0)),
        (["data.preprocess.scale=0.5"], (0.5, 0.0)),
        (["model=mobilenet_v1"], (0.0078125, -1.0)),
    ],
)
def test_the_pixels_of_a_recipe_are_those_of_the_model_where_it_says_none(
    said: list[str], pixels: tuple[float, float], tmp_path: Path
) -> None:
    path = written(tmp_path / "my.h5", RESCALED)
    chosen = said if "model=mobilenet_v1" in said else ["model=keras", f"model.path={path}", *said]
    recipe = load_recipe(["recipe=mobilenet_v1_int8", "data=image_folder", f"data.root={tmp_path}", *chosen])
    found = recipe.data.preprocess
    assert (found["scale"], found["offset"]) == pixels
    assert recipe.mapping["data"]["preprocess"]["scale"] == pixels[0]


def test_what_is_recognised_is_said_with_its_evidence(tmp_path: Path) -> None:
    assert KerasFile(path=str(written(tmp_path / "my.h5", RESCALED))).recognised() == [
        {
            "what": "outputs",
            "value": "logits",
            "evidence": "layer 'dense' has no activation; scores are the softmax of the model's logits",
        },
        {"what": "preprocess", "value": "raw pixels, 0..255", "evidence": "layer 'rescaling' divides by 255"},
    ]
    (one,) = KerasFile(path=str(written(tmp_path / "one.h5", ONE))).recognised()
    assert one["value"] == "sigmoid"
    assert "one number, p; scores are (1 - p, p)" in one["evidence"]


def test_names_of_a_file_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    config = functional(image(), layer("Dense", "\x1b[31mred", "image", units=3, activation="softmax"))
    (said,) = KerasFile(path=str(written(tmp_path / "my.h5", config))).recognised()
    assert "\x1b" not in said["evidence"]


def test_two_heads_are_two_heads_and_boxes_with_scores_are_a_detector(tmp_path: Path) -> None:
    heads = KerasFile(path=str(written(tmp_path / "heads.h5", HEADS)))
    assert heads.task == ""
    with pytest.raises(RecipeError, match="has two heads, 'shape' and 'size', and is neither a classifier"):
        heads.check()
    assert KerasFile(path=str(written(tmp_path / "boxes.h5", BOXES))).task == "detection"


@pytest.mark.parametrize(
    ("config", "outputs", "message"),
    [
        (
            UNKNOWN,
            "auto",
            r".* does not show what its outputs are: operation 'op' .*set model.outputs to logits",
        ),
        (ONE, "softmax", r"it is softmax, but .* ends in sigmoid.*set model.outputs=sigmoid"),
        (RESCALED, "softmax", r"it is softmax, but .* has no activation.*set model.outputs=logits"),
        (BOXES, "softmax", r"it is softmax, but .* is a detector"),
    ],
)
def test_what_is_stated_and_the_graph_must_not_contradict_each_other(
    config: dict[str, Any], outputs: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=f"^model.outputs: {message}"):
        KerasFile(path=str(written(tmp_path / "my.h5", config)), outputs=outputs).check()


def test_what_the_graph_does_not_show_can_be_stated(tmp_path: Path) -> None:
    spec = KerasFile(path=str(written(tmp_path / "my.h5", UNKNOWN)), outputs="softmax")
    spec.check()
    assert spec.recognised()[0]["value"] == "softmax"


@pytest.mark.parametrize("shapes", [[(8, 4), (8,)], [(8,), (8, 3)], [(4,), (3,)], [(8, 4), (7, 3)]])
def test_two_outputs_that_are_no_detector_s_are_refused(shapes: list[tuple[int, ...]]) -> None:
    model = SimpleNamespace(outputs=[SimpleNamespace(shape=(None, *shape)) for shape in shapes])
    given = " and ".join(str((1, *shape)) for shape in shapes)
    with pytest.raises(RecipeError) as refused:
        KerasFile(path="my.h5")._fitting(model, 3)
    assert str(refused.value) == (
        f"model.path: 'my.h5' gives {given}; the data want (1, 3) of a classifier, or (1, anchors, 4) and "
        f"(1, anchors, 3) of a detector."
    )


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_classifier_is_loaded_with_its_weights(suffix: str, tmp_path: Path) -> None:
    made = classifier(tmp_path / f"my.{suffix}")
    built = KerasFile(path=str(tmp_path / f"my.{suffix}")).build(2)
    assert all((a == b).all() for a, b in zip(built.get_weights(), made.get_weights(), strict=True))


@pytest.mark.slow
def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    classifier(tmp_path / "my.h5")
    with pytest.raises(RecipeError, match=r"gives \(1, 2\); the data want \(1, 5\) of a classifier"):
        KerasFile(path=str(tmp_path / "my.h5")).build(5)


@pytest.mark.slow
def test_a_detector_made_elsewhere_needs_its_feature_maps(tmp_path: Path) -> None:
    path = str(detector(tmp_path / "my.h5", ""))
    options = KerasFile(path=path)
    built = options.build(2)
    assert options.task == "detection"
    with pytest.raises(RecipeError, match=r"^model.feature_maps: .* where its 12 anchors are"):
        options.head_of(built)
    with pytest.raises(RecipeError, match=r"^model.feature_maps: .* give 27 anchors, but .* has 12"):
        KerasFile(path=path, feature_maps=((3, 3),)).head_of(built)
    said = KerasFile(path=path, feature_maps=((2, 2),)).head_of(built)  # three boxes a cell on the finest map
    assert said["feature_maps"] == [[2, 2]]
    assert said["anchors"] == asdict(AnchorOptions())


KNOWN = {"feature_maps": [[2, 2]], "anchors": {"aspect_ratios": [1.0]}, "postprocess": {}}
EMBEDDED = Meaning.of_image(
    task="detection", height=8, width=8, labels=("a", "b"), preprocess={"scale": 0.5}, detector=KNOWN
).to_json()
OLD = {"task": "detection", "height": 8, "width": 8, "labels": ["a", "b"], "preprocess": {"scale": 0.5}}
"""Facts as tflbuild 0.1 embedded them, but for those of the detector."""


@pytest.mark.slow
@pytest.mark.parametrize("facts", [EMBEDDED, {**OLD, "detector": KNOWN}], ids=["today", "0.1"])
def test_what_tflbuild_embedded_says_how_outputs_become_boxes(tmp_path: Path, facts: dict[str, Any]) -> None:
    path = detector(tmp_path / "my.h5", "")
    with h5py.File(path, "a") as file:
        file.attrs["tflbuild.facts"] = json.dumps(facts)
    options = KerasFile(path=str(path))
    assert options.head_of(options.build(2)) == KNOWN
    assert options.preprocess() == {"scale": 0.5}
    assert options.listed_labels() == {"my.h5": ("a", "b")}


@pytest.mark.slow
def test_class_scores_after_their_sigmoid_become_the_logits_that_they_were(tmp_path: Path) -> None:
    import numpy as np

    options = KerasFile(path=str(detector(tmp_path / "my.h5", "sigmoid")))
    image = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    boxes, scores = options.original().raw({"image": image})
    own, logits = (np.asarray(output) for output in options.build(2)(image))
    np.testing.assert_allclose(own, boxes, atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), scores, atol=1e-6)


@pytest.mark.slow
def test_class_scores_after_a_softmax_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="end in softmax; end the model with logits"):
        KerasFile(path=str(detector(tmp_path / "my.h5", "softmax"))).build(2)


def classifier(path: Path) -> Any:
    from tf_keras import Sequential, layers

    model = Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.save(path)
    return model


def detector(path: Path, activation: str) -> Path:
    from tf_keras import Model, layers

    image = layers.Input((8, 8, 3), name="image")
    features = layers.Conv2D(4, 3, 4, padding="same")(image)
    boxes = layers.Reshape((12, 4))(layers.Conv2D(12, 1)(features))
    scores = layers.Reshape((12, 2))(layers.Conv2D(6, 1)(features))
    end: Callable[[Any], Any] = layers.Activation(activation or "linear")
    Model(image, [boxes, end(scores)]).save(path)
    return path
