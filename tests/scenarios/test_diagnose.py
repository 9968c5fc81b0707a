"""`tflbuild diagnose` on files that nobody here made: MLPerf's person detector and the int8 file that MLPerf ships."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conforming import conforms
from loud_channels import enlarged, loud_channel, quantized
from photos import write_people
from tflbuild.tflite.graph import Graph
from workspace import Workspace

pytestmark = pytest.mark.slow

UNIT = ("preprocess.scale=0.00392156862745098", "preprocess.offset=0")
"""What these models take, and no file of them says: pixels / 255."""

CLASSES = "data.classes=[no_person,person]"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, shared_models: Path, shared_data: Path) -> Workspace:
    """Give a folder with both files and photos by class."""
    folder = tmp_path_factory.mktemp("diagnose")
    write_people(shared_data, folder / "people")
    for name in ("vww_96_float.tflite", "vww_96_int8.tflite"):
        shutil.copy(shared_models / "mlperf_tiny" / name, folder)
    return Workspace(folder)


def diagnosed(here: Workspace, *words: str) -> dict[str, Any]:
    """Diagnose the int8 file against the float one."""
    split = ("data.val_fraction=0.1", "data.test_fraction=0.75")
    command = ("vww_96_int8.tflite", "base=vww_96_float.tflite", "data.root=people", *split, *words)
    made = json.loads(here.run("diagnose", *command, "--json"))
    return dict(conforms("diagnosis", made))


def ladder_of(made: dict[str, Any]) -> dict[str, Any]:
    (entry,) = [entry for entry in made["analyses"] if entry["name"] == "ladder"]
    found: dict[str, Any] = entry["findings"][0]
    return found


def test_a_good_file_has_no_cause_and_its_ladder_adds_up(here: Workspace) -> None:
    made = diagnosed(here, *UNIT, CLASSES)
    assert made["causes"] == []
    ladder = ladder_of(made)
    names = [row["name"] for row in ladder["rungs"]]
    assert names == ["base", "weights", "activations", "ends", "integers", "kernels"]
    first, last = ladder["rungs"][0]["value"], ladder["rungs"][-1]["value"]
    assert sum(row["cost"]["value"] for row in ladder["rungs"][1:]) == pytest.approx(first - last, abs=1e-12)
    assert ladder["total"]["value"] == pytest.approx(first - last, abs=1e-12)
    assert (ladder["metric"], ladder["n"]) == ("top1", 96)
    assert not any(row.get("layers") for row in ladder["rungs"]), "nothing is blamed"
    (layers,) = [entry for entry in made["analyses"] if entry["name"] == "layers"]
    (finding,) = layers["findings"]
    assert (len(finding["activations"]), len(finding["weights"]), finding["n"]) == (32, 28, 64)
    folder = sorted((here.folder / "outputs" / "diagnose").iterdir())[-1]
    assert json.loads((folder / "diagnosis.json").read_text()) == made
    assert [path.name for path in sorted((folder / "models").iterdir())] == [
        f"{number}-{name}.tflite" for number, name in enumerate(names)
    ]


def test_channels_the_other_way_round_are_named_with_their_cure(here: Workspace) -> None:
    cause, *_ = diagnosed(here, *UNIT, CLASSES, "preprocess.channels=bgr")["causes"]
    assert (cause["name"], cause["stage"]) == ("pixels.channels", "base")
    assert "preprocess.channels=rgb" in cause["cures"][0]["override"]
    assert cause["low"] > 0


def test_classes_in_another_order_are_named_with_their_cure(here: Workspace) -> None:
    cause, *_ = diagnosed(here, *UNIT, "data.classes=[person,no_person]")["causes"]
    assert (cause["name"], cause["stage"]) == ("labels.order", "base")
    assert cause["cures"][0]["override"] == "'data.classes=[no_person,person]'"


def test_a_base_and_a_file_that_read_pixels_otherwise_are_told_apart(here: Workspace) -> None:
    """Nothing says how the base takes its pixels, so that -1..1 is assumed; the int8 file's input spans 0..1."""
    made = diagnosed(here, CLASSES)
    assert "preprocess" in [row["name"] for row in ladder_of(made)["rungs"]]
    assert made["causes"][0]["name"] == "pixels.scale"
    assert "scale=0.003921569" in made["causes"][0]["cures"][0]["override"]


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
def test_a_channel_fifty_times_as_large_is_followed_to_its_layer(
    here: Workspace, shared_models: Path
) -> None:
    """The first pointwise layer's channel, made up for in the next: the float file computes the same."""
    pictures = [
        {"input_1": np.asarray(Image.open(path).convert("RGB").resize((96, 96)), np.float32) / 255}
        for path in sorted((here.folder / "people").rglob("*.jpg"))[:16]
    ]
    graph = Graph.unpacked((shared_models / "mlperf_tiny/vww_96_float.tflite").read_bytes())
    planted = enlarged(graph, 2, loud_channel(graph, 2, pictures), 50.0)
    (here.folder / "large.tflite").write_bytes(planted.packed())
    (here.folder / "large_int8.tflite").write_bytes(quantized(planted, pictures))
    split = ("data.val_fraction=0.1", "data.test_fraction=0.75")
    command = ("large_int8.tflite", "base=large.tflite", "data.root=people", *split, *UNIT, CLASSES)
    made = json.loads(here.run("diagnose", *command, "--json"))
    (row,) = [row for row in ladder_of(made)["rungs"] if row.get("blamed")]
    assert row["name"] == "activations"
    assert row["layers"][0].startswith("conv2d_1 (SQNR ")
    cause, *_ = made["causes"]
    assert (cause["name"], cause["stage"], cause["found_by"]) == ("layers.channels", "activations", "layers")
    assert "of the layer 'conv2d_1'" in cause["text"]
    assert cause["low"] > 0
    looked = json.loads(here.run("diagnose", *command, "--operators", "--json"))
    assert [entry["name"] for entry in looked["analyses"]] == ["operators", "operators"]
    assert not any(row["guilty"] for entry in looked["analyses"] for row in entry["findings"][0]["rows"])
