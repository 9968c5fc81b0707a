"""Small builds of a regression and of keypoints, and back: what the files say of themselves reads their outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild import cli
from tflbuild.core.dataset import Split
from tflbuild.data.figures import Figures
from tflbuild.recipe.load import load_recipe
from tflbuild.runtime import Predictor
from tflbuild.session import build_once

pytestmark = pytest.mark.slow

NO_BUDGET = (
    "convert.budget=null",
    "quantize.budget=null",
    "quantize.fallback=[]",
    "budget=null",
    "quantize.calibration.samples=32",
    "quantize.method=fixed",
)


def built(*overrides: str) -> tuple[dict[str, Any], Path]:
    build = build_once(load_recipe([*overrides, *NO_BUDGET]), ())
    assert build.error is None
    (path,) = Path("outputs").rglob("*.tflite")
    report: dict[str, Any] = json.loads(next(Path("outputs").rglob("report.json")).read_text())
    return report, path


def predicted(model: Path, sample: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    assert cli.main(["predict", str(model), str(sample), "--json"]) == 0
    (only,) = json.loads(capsys.readouterr().out)["predictions"]
    return only


def test_a_regression_gives_the_units_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (900, 4)).astype("f4")
    far = 1000 + 300 * x[:, 0] - 200 * x[:, 1]
    np.savez("rows.npz", x=x, y=np.stack([far, 40 * x[:, 2] - 7], axis=1))
    recipe = (
        "recipe=regression_int8",
        "data=array_values",
        "data.root=rows.npz",
        "data.columns=[load,angle]",
    )
    report, path = built(*recipe, "model=mlp", "model.inputs=4", "train.steps=400", "model.layers=[32]")
    (target,) = report["targets"]
    mae = target["metrics"]["mae"]["details"]["per_value"]
    assert mae["load"] < 20  # of a deviation of 208
    base = report["base"]["metrics"]["mae"]["details"]["per_value"]
    assert base["load"] < 12
    assert base["angle"] < 2  # of a deviation of 23, and its rounding to int8 is that of the larger number
    model = Predictor(path)
    assert (model.task, model.labels) == ("regression", ("load", "angle"))
    found = model(np.array([0.5, -0.5, 0.25, 0.0], np.float32))
    assert [one.label for one in found.found] == ["load", "angle"]
    assert found.found[0].value == pytest.approx(1250, abs=60)
    assert found.found[1].value == pytest.approx(3, abs=12)
    (name, step), *others = target["steps"].items()
    assert (name, others) == ("values", [])
    given = np.stack([model(row).outputs["values"] for row in x[:60]])
    steps = given / step
    assert np.abs(steps - np.rint(steps)).max() < 1e-3
    assert 500 / 255 < step < 2500 / 255  # all numbers of it share one int8 scale
    assert any(one["name"] == "values" for one in report["analyses"])
    np.save("one.npy", x[0])
    said = predicted(path, Path("one.npy"), capsys)
    assert [one["value"] for one in said["found"]] == pytest.approx(given[0].tolist())
    assert cli.main(["predict", str(path), "one.npy"]) == 0
    assert f"load   {given[0, 0]:.6g}" in capsys.readouterr().out


def test_points_come_back_from_a_delivered_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("data.train=192", "data.val=24", "data.test=24", "data.image_size=64", "model.input_size=64")
    narrow = ("model.alpha=0.25", "model.decoder_filters=16", "train.steps=60", "train.batch_size=16")
    report, path = built("recipe=keypoints_int8", *small, *narrow, "model.batch_norm_momentum=0.9")
    (target,) = report["targets"]
    assert target["metrics"]["oks"]["n"] == 24
    assert set(target["metrics"]["oks"]["details"]["per_point"]) == set(report["data"]["classes"])
    model = Predictor(path)
    assert model.outputs["heatmaps"].shape == (1, 16, 16, 13)
    data = Figures(train=8, val=8, test=24, image_size=64)
    split = Split("test", data, data.index(lambda path: None))  # type: ignore[arg-type, return-value]
    apart = []
    for place in range(len(split)):
        example = split[place]
        found = model(example.value)
        for answer, row in zip(found.found, example.labels, strict=False):
            assert answer.point is not None
            if row[2]:
                apart.append(np.hypot(answer.point[0] - row[0], answer.point[1] - row[1]))
    assert np.median(apart) < 0.12  # all points in the middle of the picture are 0.2 away
    Image.fromarray(example.value).save("figure.png")
    said = predicted(path, Path("figure.png"), capsys)
    assert [one["label"] for one in said["found"]] == list(model.labels)
    assert said["found"][3]["point"] == pytest.approx(found.found[3].point)
    drawn = np.asarray(Image.open(said["drawn"]).convert("RGB"))
    assert (drawn != example.value).any()
