"""What a header shows, and that whatever else stands there shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from keras_configs import functional, image, layer, operation
from tflbuild.core.errors import RecipeError
from tflbuild.formats.keras.config import outputs_of
from tflbuild.formats.keras.description import described, units_of


@dataclass(frozen=True)
class Header:
    config: Mapping[str, Any]
    version: str = "2.21.0"
    origin: object | None = None


VALUES: list[Any] = [None, 0, "x", [], {}, [[["image", 9, 9]]], [["nobody", 0, 0]], {"a": {"b": 1}}]


@pytest.mark.parametrize("part", ["layers", "output_layers", "input_layers", "name"])
@pytest.mark.parametrize("value", VALUES)
def test_a_configuration_that_is_none_is_refused_in_one_sentence(part: str, value: Any) -> None:
    config = functional(image(), layer("Dense", "scores", "image", units=3, activation="softmax"))
    config["config"][part] = value
    found = described(Header(config))
    if not found.ends:
        with pytest.raises(RecipeError, match="cannot be followed from its outputs to its input"):
            found.check("my.h5", "auto")


@pytest.mark.parametrize("key", ["activation", "units", "dtype", "axis", "target_shape", "scale", "name"])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("kind", ["Dense", "Reshape", "Rescaling", "Softmax", "Normalization", "TFOpLambda"])
def test_options_of_a_layer_may_be_anything(kind: str, key: str, value: Any) -> None:
    config = functional(image(), layer(kind, "odd", "image", **{key: value} if key != "name" else {}))
    if key == "name":
        config["config"]["layers"][1]["config"]["name"] = value
    found = described(Header(config))
    found.recognised("auto", {})


def dense(name: str, source: str = "image", **options: Any) -> dict[str, Any]:
    return layer("Dense", name, source, **{"units": 3, "activation": "softmax", **options})


def boxes(kind: str = "linear") -> dict[str, Any]:
    return functional(
        image(),
        layer("Reshape", "boxes", "image", target_shape=[12, 4]),
        layer("Conv1D", "raw", "image", activation=kind),
        layer("Reshape", "scores", "raw", target_shape=[12, 2]),
        ends=["boxes", "scores"],
    )


def told(
    config: Mapping[str, Any], stated: str = "auto", preprocess: Any = None
) -> list[tuple[str, str, str]]:
    found = described(Header(config)).recognised(stated, preprocess or {})
    return [(one["what"], one["value"], one["evidence"]) for one in found]


@pytest.mark.parametrize(
    ("kind", "value", "evidence"),
    [
        (
            "linear",
            "boxes and class logits",
            "layer 'raw' has no activation; scores are the sigmoid of the model's logits",
        ),
        ("sigmoid", "boxes and class scores", "layer 'raw' ends in sigmoid"),
        ("softmax", "boxes and class softmax", "layer 'raw' ends in softmax"),
    ],
)
def test_a_detector_is_told_by_its_scores(kind: str, value: str, evidence: str) -> None:
    assert told(boxes(kind)) == [("outputs", value, evidence)]
    assert described(Header(boxes(kind))).task == "detection"


@pytest.mark.parametrize(
    ("activation", "value", "evidence"),
    [
        ("softmax", "softmax", "layer 's' ends in softmax"),
        ("sigmoid", "sigmoid", "layer 's' ends in sigmoid"),
        (
            "linear",
            "logits",
            "layer 's' has no activation; scores are the softmax of the model's logits",
        ),
    ],
)
def test_a_classifier_is_told_by_its_end(activation: str, value: str, evidence: str) -> None:
    found = described(Header(functional(image(), dense("s", activation=activation))))
    assert told(functional(image(), dense("s", activation=activation))) == [("outputs", value, evidence)]
    assert (found.task, found.single, found.names, found.ranks) == ("classification", False, ("s",), (4,))


@pytest.mark.parametrize(
    ("activation", "value", "one"), [("sigmoid", "sigmoid", "p"), ("linear", "logits", "the logit of p")]
)
def test_one_number_is_told_so(activation: str, value: str, one: str) -> None:
    ends = "ends in sigmoid" if activation == "sigmoid" else "has no activation"
    evidence = f"layer 's' {ends} and gives one number, {one}; scores are (1 - p, p)"
    config = functional(image(), dense("s", units=1, activation=activation))
    assert told(config) == [("outputs", value, evidence)]


def test_what_is_stated_is_told_with_what_is_known() -> None:
    config = functional(image(), layer("Multiply", "m", "image"))
    assert told(config, "logits") == [
        (
            "outputs",
            "logits",
            "model.outputs says so; layer 'm' (Multiply) gives it; scores are the softmax of the model's logits",
        )
    ]
    assert told(config, "softmax") == [
        ("outputs", "softmax", "model.outputs says so; layer 'm' (Multiply) gives it")
    ]


@pytest.mark.parametrize(
    ("front", "pixels"),
    [
        ({"scale": 1 / 255, "offset": 0.0}, "raw pixels, 0..255"),
        ({"scale": 2.0, "offset": -1.0}, "pixels in 0..1"),
    ],
)
def test_pixels_are_told_by_what_the_model_does_to_them(front: dict[str, float], pixels: str) -> None:
    config = functional(image(), layer("Rescaling", "r", "image", **front), dense("s", "r"))
    found = described(Header(config))
    assert found.pixels == pixels
    what = ("preprocess", pixels, found.front.evidence)
    assert told(config)[1:] == [what]
    assert told(config, preprocess={"scale": 0.5})[1:] == [what]  # the graph says it
    assert found.preprocess() == found.front.preprocess()


def test_pixels_of_a_files_facts_are_told() -> None:
    config = functional(image(), dense("s"))
    assert told(config, preprocess={"scale": 0.5, "offset": -1.0})[1:] == [
        ("preprocess", "scale 0.5, offset -1", "the facts in the file")
    ]
    assert told(config, preprocess={"offset": -1.0})[1][1] == "scale 1, offset -1"
    assert told(config, preprocess={"scale": 0.5})[1][1] == "scale 0.5, offset 0"
    found = described(Header(config))
    assert (found.pixels, found.preprocess()) == ("", {})


def test_changes_of_layers_are_told_last() -> None:
    config = functional(image(), layer("RandomFlip", "f", "image"), dense("s", "f"))
    assert told(config)[1:] == [
        ("layers", "1 augmentation layer left out", "'f': no effect when the model is used")
    ]


def heads(count: int) -> dict[str, Any]:
    pool = layer("GlobalAveragePooling2D", "pool", "image")
    names = [f"h{k}" for k in range(count)]
    return functional(image(), pool, *(dense(name, "pool") for name in names), ends=names)


@pytest.mark.parametrize(
    ("count", "said"),
    [(2, "has two heads, 'h0' and 'h1', and is"), (3, "has 3 outputs, 'h0' and 'h1' and 'h2', and is")],
)
def test_several_heads_are_no_task(count: int, said: str) -> None:
    found = described(Header(heads(count)))
    assert found.task == ""
    with pytest.raises(RecipeError) as caught:
        found.check("my.h5", "auto")
    assert str(caught.value).startswith(f"model.path: 'my.h5' {said} neither a classifier (one output) nor")


def test_two_outputs_of_which_one_is_no_vector_are_a_detector() -> None:
    config = functional(image(), layer("Conv2D", "map", "image"), dense("s", "image"), ends=["map", "s"])
    assert described(Header(config)).task == "detection"


@pytest.mark.parametrize(
    ("config", "stated", "right"),
    [
        (functional(image(), dense("s")), "auto", True),
        (functional(image(), dense("s")), "softmax", True),
        (functional(image(), dense("s")), "sigmoid", False),
        (functional(image(), layer("Multiply", "m", "image")), "sigmoid", True),
        (functional(image(), layer("Multiply", "m", "image")), "auto", False),
        (boxes(), "auto", True),
        (boxes(), "logits", False),
    ],
)
def test_what_is_stated_must_agree(config: Mapping[str, Any], stated: str, right: bool) -> None:
    found = described(Header(config))
    if right:
        found.check("my.h5", stated)
    else:
        with pytest.raises(RecipeError, match=r"^model\.outputs: "):
            found.check("my.h5", stated)


@pytest.mark.parametrize(
    ("stated", "activation", "words"),
    [
        ("softmax", "linear", "logits; set model.outputs=logits"),
        ("logits", "softmax", "probabilities that add up to 1; set model.outputs=softmax"),
        ("logits", "sigmoid", "independent probabilities; set model.outputs=sigmoid"),
    ],
)
def test_what_outputs_are_is_said_in_words(stated: str, activation: str, words: str) -> None:
    found = described(Header(functional(image(), dense("s", activation=activation))))
    with pytest.raises(RecipeError, match=f"so its outputs are {words}, or leave it out"):
        found.check("my.h5", stated)


def units(*layers: dict[str, Any]) -> int | None:
    return units_of(outputs_of(functional(image(), *layers))[0])


def test_one_number_is_found_behind_what_passes_it_on() -> None:
    one = dense("d", units=1, activation="linear")
    assert units(one) == 1
    assert units(one, layer("Activation", "a", "d", activation="sigmoid")) == 1
    assert units(one, layer("Dropout", "a", "d")) == 1
    assert units(one, operation("tf.sigmoid", "a", "d")) == 1
    assert units(one, operation("tf.cast", "a", "d")) == 1
    assert units(one, operation("tf.exp", "a", "d")) is None
    assert units(layer("Flatten", "f", "image")) is None
    chain = [layer("Dropout", f"a{k}", "d" if k == 0 else f"a{k - 1}") for k in range(100)]
    assert units(one, *chain) == 1
    assert units(one, *chain, layer("Dropout", "last", "a99")) is None  # nobody's model
