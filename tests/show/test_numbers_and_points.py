"""Values and points, as people see them: in lines, in JSON and on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tflbuild.analyses.disagreeing.told import exhibit_of, to_json
from tflbuild.commands.schema import schema_of
from tflbuild.core.answer import Answer, Truth
from tflbuild.core.dataset import Index, Sample
from tflbuild.core.disagreement import Said
from tflbuild.core.exhibit import Samples
from tflbuild.show import prediction, run_truth
from tflbuild.show.inference import Prediction
from tflbuild.show.pages.sample_views import drawn

MODEL = Path("model.tflite")


def made(*found: Answer, truth: tuple[Truth, ...] | None = None) -> Prediction:
    return Prediction(
        image=Path("a.png"),
        height=100,
        width=200,
        found=found,
        best=1.0,
        drawn=Path("out/a.png"),
        truth=truth,
    )


def test_values_are_told_with_what_is_right() -> None:
    one = made(
        Answer(label="load", score=1.0, value=1234.56789),
        Answer(label="angle", score=1.0, value=-0.5),
        truth=(Truth(label="load", value=1200.0),),
    )
    assert prediction.lines(one)[1:] == ["  load   1234.57", "  angle  -0.5", "  load   truth 1200"]
    said = prediction.to_json(MODEL, [one], None)
    assert list(Draft202012Validator(schema_of("predictions")).iter_errors(said)) == []
    (row,) = said["predictions"]
    assert row["found"][0] == {"label": "load", "score": 1.0, "box": None, "value": 1234.56789}
    assert row["truth"] == [{"label": "load", "box": None, "value": 1200.0}]


def test_points_are_told_in_pixels() -> None:
    one = made(Answer(label="nose", score=0.875, point=(0.25, 0.75)))
    assert prediction.lines(one)[1:] == ["  nose  0.88  x 150.0, y 25.0"]
    said: Any = prediction.to_json(MODEL, [one], None)
    said["predictions"][0]["found"][0]["point"] = list(said["predictions"][0]["found"][0]["point"])
    assert list(Draft202012Validator(schema_of("predictions")).iter_errors(said)) == []
    assert said["predictions"][0]["found"] == [
        {"label": "nose", "score": 0.875, "box": None, "point": [0.25, 0.75]}
    ]


def test_on_the_page_no_value_is_called_right_or_wrong() -> None:
    said = Said(
        truth=(Answer(label="load", score=1.0, value=7.0),),
        base=(Answer(label="load", score=1.0, value=7.25),),
        model=(Answer(label="load", score=1.0, value=8.123456),),
        note="0.873 apart",
    )
    sample = {"name": "a", "distance": 1.0, "picture": None, "text": "numbers", **to_json(said)}
    found = {"split": "test", "n": 4, "differ": 1, "what": "values differ", "samples": [sample]}
    (part,) = exhibit_of(found, "samples").parts
    assert isinstance(part, Samples)
    assert drawn(part.views[0]).rows == [
        ("truth", "load 7", None),
        ("base", "load 7.25", None),
        ("delivered", "load 8.123", None),
    ]


def test_the_values_of_a_run_are_the_truth_and_points_of_a_part_are_not() -> None:
    index = Index(classes=("load", "angle"), splits={})
    found = run_truth._numbers(index, Sample("a", "", numbers=(1.5, 2.0)))
    assert found == (Truth(label="load", value=1.5), Truth(label="angle", value=2.0))
    assert run_truth._numbers(index, Sample("b", "", numbers=((0.5, 0.5, 2.0, 0.1),) * 2)) == ()
