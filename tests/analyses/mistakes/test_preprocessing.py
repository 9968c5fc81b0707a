"""Which ways are measured, and which of them is a cause; figures by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conforming import conforms
from tflbuild.analyses.mistakes.known import readings
from tflbuild.analyses.preprocessing import Preprocessing
from tflbuild.core.analysis import Measured, Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.metric import Difference, Measurement
from tflbuild.modalities.altered_audio import AlteredAudio
from tflbuild.modalities.altered_image import AlteredImage
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality


def model(task: str = "classification", modality: str = "image") -> TFLiteModel:
    preprocess = ImageModality().to_json() if modality == "image" else {}
    given = Input(modality=modality, shape=(8, 8, 3), preprocess=preprocess)
    facts = Meaning(task=task, labels=("a", "b"), inputs={"in": given}).to_json()
    return TFLiteModel(path=Path("m.tflite"), digest="d", fingerprint="f", meta={"facts": facts})


MODELS = {"base": model(), "model": model()}


def measured(variant: Variant, gain: float, reach: float, n: int, metric: str = "top1") -> Measured:
    change = Difference(value=gain, low=gain - reach, high=gain + reach, n=n)
    found = Measurement(value=0.5 + gain, unit="1", n=n, low=0.4, high=0.6)
    return Measured(variant=variant, metrics={metric: found}, changes={}, totals={metric: change})


def context(*found: Measured) -> Any:
    return SimpleNamespace(measured=list(found))


def looked(
    gains: dict[str, float], reach: float = 0.03, metric: str = "top1", **options: Any
) -> list[dict[str, Any]]:
    """Run it, with the gain of some ways and a loss of 0.1 with all others."""
    look = Preprocessing(**options)
    found: list[Measured] = []
    for n in (64, 200):
        made = look.variants(MODELS, context(*found))
        found += [
            measured(one, 0.0 if one.name == "given" else gains.get(one.name, -0.1), reach, n, metric)
            for one in made
        ]
    return [dict(one) for one in conforms("analyses.preprocessing", look.run(MODELS, context(*found)))]


def test_all_ways_are_measured_on_a_few_samples_and_what_seems_better_on_all() -> None:
    look = Preprocessing()
    first = look.variants(MODELS, context())
    names = [one.name for one in first]
    assert names == ["given", *(one.name for one in readings(ImageModality()))]
    assert {one.samples for one in first} == {64}
    gains = {"bgr": 0.2, "nearest": 0.1, "box": 0.05}
    found = [measured(one, gains.get(one.name, -0.1), 0.1, 64) for one in first]
    second = look.variants(MODELS, context(*found))
    assert [one.name for one in second] == ["given", "bgr", "nearest", "box", "bgr+nearest"]
    assert {one.samples for one in second} == {200}
    assert look.variants(MODELS, context(*[measured(one, -0.1, 0.1, 64) for one in first])) == []


def test_recordings_are_measured_in_other_ways_too() -> None:
    given = Input(modality="audio", shape=(49, 10, 1), preprocess=Audio().to_json())
    facts = Meaning(task="classification", labels=("a", "b"), inputs={"in": given}).to_json()
    listener = TFLiteModel(path=Path("m.tflite"), digest="d", fingerprint="f", meta={"facts": facts})
    models = {"base": listener, "model": listener}
    asked = {one.name: one.model for one in Preprocessing().variants(models, context())}
    assert Meaning.of(asked["hamming"]).only.kind == Audio(window_shape="hamming")
    assert Meaning.of(asked["level_recorded"]).only.kind == Audio(level="recorded")
    assert "log_log10" not in asked, "no option says so, and no cure could"
    every = {one.name: one.model for one in Preprocessing(every=True).variants(models, context())}
    altered = Meaning.of(every["rate_8000"]).only.kind
    assert isinstance(altered, AlteredAudio)
    assert (altered.misread, altered.window, altered.log_offset) == (8000, 30.0, 1e-6)
    found = [measured(one, 0.0, 0.1, 64) for one in Preprocessing(every=True).variants(models, context())]
    whole, *_ = Preprocessing(every=True).run(models, context(*found))
    assert whole["noun"] == "recordings"
    assert any("with recordings prepared in another way" in line for line in Preprocessing().lines([whole]))
    (_, cause) = _caused(listener, {"hamming": 0.2})
    assert (cause["cause"], cause["cures"][0]["override"]) == (
        "preprocessing.curve",
        "preprocess.window_shape=hamming",
    )


def _caused(one: TFLiteModel, gains: dict[str, float]) -> Any:
    look, models, found = Preprocessing(), {"base": one, "model": one}, []
    for n in (64, 200):
        for way in look.variants(models, context(*found)):
            found.append(measured(way, 0.0 if way.name == "given" else gains.get(way.name, -0.1), 0.03, n))
    return look.run(models, context(*found))


def test_a_way_is_the_same_file_with_other_options() -> None:
    first = {one.name: one.model for one in Preprocessing().variants(MODELS, context())}
    kind = Meaning.of(first["0..255"]).only.kind
    assert (first["0..255"].path, first["0..255"].digest) == (MODELS["base"].path, "d")
    assert kind == ImageModality(scale=1.0, offset=0.0)
    assert first["given"] == MODELS["base"]


def test_what_is_better_beyond_doubt_is_a_cause_with_its_cure() -> None:
    whole, cause = looked({"bgr": 0.2, "nearest": 0.05})
    assert whole["text"].endswith("channels in reverse, blue first is better")
    assert (cause["cause"], cause["stage"]) == ("pixels.channels", "base")
    assert cause["cost"] == {
        "metric": "top1",
        "value": 0.2,
        "low": 0.17,
        "high": pytest.approx(0.23),
        "n": 200,
    }
    (cure,) = cause["cures"]
    assert (cure["override"], cure["gain"]) == ("preprocess.channels=bgr", 0.2)


def test_two_ways_at_once_are_the_cure_where_both_are_needed() -> None:
    (_, cause) = looked({"bgr": 0.2, "nearest": 0.05, "bgr+nearest": 0.26})
    assert (cause["cause"], cause["cures"][0]["override"]) == (
        "pixels.channels",
        "preprocess.channels=bgr preprocess.resize=nearest",
    )
    (_, cause) = looked({"bgr": 0.2, "nearest": 0.05, "bgr+nearest": 0.21})
    assert cause["cures"][0]["override"] == "preprocess.channels=bgr", "the rest is no more than `least`"


@pytest.mark.parametrize(
    ("gain", "reach", "causes"),
    [
        (0.019, 0.001, 0),  # sure, but less than `least`
        (0.021, 0.001, 1),
        # 13 ways: the normal quantile of 1 - 0.025/13 is 2.8905, so that a reach of 0.1 becomes 0.1475
        (0.147, 0.1, 0),
        (0.148, 0.1, 1),
        (0.0, 0.0, 0),
    ],
)
def test_noise_is_no_cause(gain: float, reach: float, causes: int) -> None:
    assert len(readings(ImageModality())) == 12
    assert len(looked({"bgr": gain, "box": 0.0001}, reach)) == 1 + causes


def test_agreement_with_a_base_tells_costs_and_no_cause() -> None:
    assert len(looked({"bgr": 0.2}, metric="fidelity")) == 1


def test_every_mistake_is_told_with_its_cost() -> None:
    (whole,) = looked({"jpeg90": -0.01, "bgr": -0.3}, every=True, on="model")
    assert {row["name"] for row in whole["rows"]} >= {"bgr", "jpeg50", "turned_left", "yuv420", "crop_0.875"}
    assert whole["rows"][0]["cost"] == {"value": 0.3, "low": 0.27, "high": pytest.approx(0.33), "n": 64}
    assert "the costliest, channels in reverse, blue first, top1 0.3000" in whole["text"]
    lines = Preprocessing().lines([whole])
    assert any("compressed before as JPEG of quality 90" in line and "within noise" in line for line in lines)
    assert len(Preprocessing().exhibits([whole])[0].parts) == 2


def test_pictures_are_altered_by_a_modality_of_their_own() -> None:
    made = {one.name: one.model for one in Preprocessing(every=True).variants(MODELS, context())}
    kind = Meaning.of(made["jpeg75"]).only.kind
    assert isinstance(kind, AlteredImage)
    assert (kind.altered, kind.scale) == ("jpeg75", ImageModality().scale)


def test_a_value_that_is_not_finite_is_said_and_no_gain() -> None:
    look = Preprocessing(every=True)
    made = look.variants(MODELS, context())
    found = [measured(one, float("nan") if one.name == "0..255" else 0.0, 0.01, 64) for one in made]
    (whole,) = conforms("analyses.preprocessing", look.run(MODELS, context(*found)))
    assert whole["rows"][0] == {
        "name": "0..255",
        "kind": "values",
        "how": "pixels of 0..255 as they are",
        "value": None,
        "beyond": False,
        "better": False,
        "override": "preprocess.scale=1 preprocess.offset=0",
    }
    assert any("not finite" in line for line in look.lines([whole]))


def test_what_takes_no_picture_or_has_no_labels_is_left_out() -> None:
    assert Preprocessing().fits(MODELS) == ""
    assert "only input is a picture" in Preprocessing().fits({**MODELS, "base": model(modality="vector")})
    unlabelled = {"base": model(task="unlabelled"), "model": model(task="unlabelled")}
    assert Preprocessing().fits(unlabelled).startswith("without labels")
    assert Preprocessing(every=True).fits(unlabelled) == ""
