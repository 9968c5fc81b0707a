"""The samples on which base and delivered file disagree, from predictions to the page."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.analyses.disagreeing import told
from tflbuild.analyses.disagreeing.picturing import pictured
from tflbuild.analyses.disagreements import Disagreements
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Example
from tflbuild.core.disagreement import Said
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.arrays import store
from tflbuild.show.findings.analyses import exhibits_of_analyses, lines_of_analysis

PICTURE = {"image": Input(modality="image", shape=(8, 8, 3), preprocess={})}
NUMBERS = {"x": Input(modality="vector", shape=(3,), preprocess={})}


def model(name: str, task: str = "classification", inputs: Any = PICTURE, **head: Any) -> TFLiteModel:
    meaning = Meaning(task=task, labels=("cat", "dog"), inputs=inputs, head=head)
    return TFLiteModel(path=Path(name), digest=name, fingerprint=name, meta={"facts": meaning.to_json()})


class Split:
    """Samples whose values say which they are."""

    name = "test"

    def __init__(self, classes: tuple[str, ...], values: list[Any]) -> None:
        self.classes, self._values = classes, values
        self.samples = [SimpleNamespace(key=f"s{place}") for place in range(len(values))]

    def __getitem__(self, place: int) -> Example:
        return Example(self._values[place], None, None)


def run(tmp_path: Path, split: Split, models: dict[str, Any], **arrays: Any) -> list[dict[str, Any]]:
    predicted = {}
    for name, content in arrays.items():
        predicted[name] = tmp_path / f"{name}.npz"
        store(content, predicted[name])
    ctx: Any = SimpleNamespace(dataset=lambda name: split, predicted=predicted)
    return json.loads(json.dumps(Disagreements(shown=2).run(models, ctx)))  # type: ignore[no-any-return]


def classified(tmp_path: Path, **more: Any) -> list[dict[str, Any]]:
    values = [np.full((20, 30, 3), 10 * place, np.uint8) for place in range(4)]
    base = {"scores": np.array([(0.9, 0.1), (0.6, 0.4), (0.8, 0.2), (0.5, 0.5)], np.float32)}
    made = {"scores": np.array([(0.7, 0.3), (0.4, 0.6), (0.8, 0.2), (0.4, 0.6)], np.float32)}
    truth = {"labels": np.array([0, 0, 0, 1], np.int32), "names": np.array(["cat", "dog"])}
    models = {"base": model("base"), "model": model("model")}
    return run(tmp_path, Split(("cat", "dog"), values), models, base=base, model=made, truth=truth, **more)


def test_the_worst_samples_come_first_and_those_alike_are_left_out(tmp_path: Path) -> None:
    (finding,) = classified(tmp_path)
    assert (finding["split"], finding["n"], finding["differ"]) == ("test", 4, 2)
    assert [sample["name"] for sample in finding["samples"]] == ["s1", "s3"]
    first, second = finding["samples"]
    assert first["distance"] == pytest.approx(1.2, abs=1e-6)  # another class, and 0.2 apart
    assert (first["note"], second["note"]) == ("only the base is right", "only the delivered file is right")
    assert first["truth"] == [{"label": "cat", "score": 1.0}]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(first["picture"]["jpeg"]))))
    assert pixels.shape == (20, 30, 3)
    assert abs(int(pixels.mean()) - 10) <= 2, "of the sample itself"


def test_it_says_so_in_a_line_and_draws_it(tmp_path: Path) -> None:
    entry = {"name": "disagreements", "findings": classified(tmp_path)}
    (line,) = lines_of_analysis(entry)
    assert line == (
        "the base and the delivered file differ on 2 of 4 samples of the test split (another class comes first), the "
        "most on s1"
    )
    (exhibit,) = exhibits_of_analyses([entry])
    (part,) = exhibit.parts
    assert [view.name for view in part.views] == ["s1", "s3"]  # type: ignore[union-attr]


def test_models_that_say_the_same_have_no_sample_that_is_shown(tmp_path: Path) -> None:
    scores = {"scores": np.array([(0.9, 0.1)], np.float32)}
    models = {"base": model("base"), "model": model("model")}
    split = Split((), [np.zeros((4, 4, 3), np.uint8)])
    (finding,) = run(tmp_path, split, models, base=scores, model=scores, truth={"samples": np.ones(1)})
    assert finding["samples"] == []
    agreed = "the base and the delivered file agree on {} of the test split"
    assert told.sentence(finding) == agreed.format("the only sample")
    assert told.sentence({**finding, "n": 1200}) == agreed.format("all 1,200 samples")
    assert Disagreements().exhibits([finding])[0].parts == ()


def test_data_without_labels_have_no_truth_and_classes_are_those_of_the_model(tmp_path: Path) -> None:
    models = {"base": model("base", scores="logits"), "model": model("model")}
    base = {"scores": np.array([(0.0, 0.0)], np.float32)}
    made = {"scores": np.array([(0.25, 0.75)], np.float32)}
    split = Split((), [np.zeros((4, 4, 3), np.uint8)])
    (finding,) = run(tmp_path, split, models, base=base, model=made, truth={"samples": np.ones(1)})
    (sample,) = finding["samples"]
    assert sample["truth"] is None
    assert sample["base"][0] == {"label": "cat", "score": 0.5}, "logits as probabilities"
    assert sample["model"][0] == {"label": "dog", "score": 0.75}


def test_outputs_that_are_numbers_are_lines_and_not_finite_ones_have_none(tmp_path: Path) -> None:
    models = {name: model(name, "unlabelled", NUMBERS) for name in ("base", "model")}
    base = {"output:y": np.array([(0.0, 1.0), (2.0, 3.0)], np.float32)}
    made = {"output:y": np.array([(0.0, 1.0), (np.nan, 3.0)], np.float32)}
    split = Split((), [np.zeros(3, np.float32)] * 2)
    (finding,) = run(tmp_path, split, models, base=base, model=made, truth={"samples": np.ones(2)})
    (sample,) = finding["samples"]
    assert (sample["name"], sample["picture"], sample["text"]) == ("s1", None, "(3,) float32")
    assert sample["distance"] is None, "what is not finite is the worst"
    assert sample["outputs"] == {"y": {"base": [2.0, 3.0], "model": [None, 3.0]}}


@pytest.mark.parametrize(
    ("base", "other", "reason"),
    [
        (model("a"), model("a"), "the base was not changed"),
        (
            model("a"),
            model("b", "unlabelled"),
            "answers of the task 'unlabelled' are not compared with those of",
        ),
        (model("a"), model("b"), ""),
    ],
)
def test_models_that_cannot_be_compared_are_left_out(base: Any, other: Any, reason: str) -> None:
    said = Disagreements().fits({"base": base, "model": other})
    assert said.startswith(reason)
    assert bool(said) == bool(reason)


def test_a_picture_is_made_small_and_anything_else_is_none() -> None:
    made = pictured(np.zeros((600, 1200, 3), np.uint8), 240)
    assert made is not None
    assert (made["width"], made["height"]) == (240, 120)
    assert len(made["jpeg"]) < 30_000
    for other in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), {"a": 1}, [1.0]):
        assert pictured(other, 240) is None


@pytest.mark.parametrize("jpeg", ["", "!", "PHN2Zz4=", None, 3])
def test_a_picture_of_a_report_that_is_no_jpeg_is_not_put_into_a_page(jpeg: Any) -> None:
    sample = {"name": "a", "picture": {"jpeg": jpeg, "width": 4, "height": 4}}
    assert told._view(sample).picture == ""


@pytest.mark.parametrize(
    ("box", "drawn"),
    [
        ([0.1, 0.2, 0.3, 0.4], (0.1, 0.2, 0.3, 0.4)),
        ([-1.0, 0.2, 2.0, 0.1], (0.0, 0.2, 1.0, 0.2)),
        ([None, 0.2, 0.3, 0.4], None),
        (None, None),
    ],
)
def test_a_box_is_drawn_inside_the_picture(box: Any, drawn: Any) -> None:
    assert told._box(box) == drawn


def test_names_of_files_are_made_fit_to_be_shown() -> None:
    sample = {"name": "a\x1b[2J", "base": [{"label": "\u202ecat", "score": 1.0}], "model": []}
    view = told._view(sample)
    assert view.name == "a\\x1b[2J"
    assert view.said[0][1][0].label == "\\u202ecat"


def test_what_is_said_is_json() -> None:
    said = told.to_json(Said(outputs={"y": ([float("inf")], [0.5])}))
    assert said["outputs"] == {"y": {"base": [None], "model": [0.5]}}
    json.dumps(said, allow_nan=False)
