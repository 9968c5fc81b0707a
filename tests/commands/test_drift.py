"""`tflbuild drift` from words to exit code, on a run and on a file; small files, and no TensorFlow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conforming import conforms, run_conforms
from own_files import picture, write_classes, write_files
from workspace import Workspace

RUN = "outputs/int8/latest"
FREE = (
    "quantize.budget.fidelity.max_drop=1",
    "budget.fidelity.max_drop=1",
    "quantize.calibration.samples=16",
)


def write_field(folder: Path, factor: float, count: int = 40) -> None:
    """Write pictures of the same kind, in sub-folders, times a factor."""
    for number in range(count):
        place = folder / f"day{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        made = (picture(5000 + number) * factor).astype(np.uint8)
        Image.fromarray(made).save(place / f"{number:03}.png")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with an int8 run, and samples from the field."""
    folder = tmp_path_factory.mktemp("drift")
    write_files(folder)
    write_classes(folder / "classes", count=30)
    write_field(folder / "same", 1.0)
    write_field(folder / "dark", 0.45)
    write_field(folder / "few", 1.0, count=5)
    (folder / "empty").mkdir()
    (folder / "text").mkdir()
    (folder / "text" / "notes.txt").write_text("no picture")
    (folder / "text" / "broken.png").write_bytes(b"no picture either")
    space = Workspace(folder)
    looking = "analyses={drift:{field:{source:dark}}}"
    space.run("recipe=int8", "model.path=classifier.tflite", "data.root=classes", looking, *FREE)
    return space


def drift_of(here: Workspace, field: str, code: int) -> dict[str, Any]:
    made = json.loads(here.run("drift", RUN, f"data.root={field}", "--json", code=code))
    return dict(conforms("drift", made))


def test_field_samples_of_the_same_kind_end_with_0_and_leave_json(here: Workspace) -> None:
    made = drift_of(here, "same", 0)
    assert (made["schema"], made["verdict"], made["causes"]) == ("tflbuild.drift/1", "fine", [])
    finding = made["analyses"][0]["findings"][0]
    assert (finding["field_samples"], finding["text"]) == (40, "")
    kinds = {test["kind"] for test in finding["tests"]}
    assert kinds == {"looks", "answers", "ranges", "agreement"}
    assert finding["agreement"]["field"]["n"] == 40
    assert {row["tensor"] for row in finding["tensors"]} >= {"seen"}
    assert json.loads((here.folder / RUN / "drift.json").read_text()) == made
    page = (here.folder / RUN / "drift.html").read_text()
    assert "Drift: fine" in page
    assert "No cause was found." in page


def test_dark_field_samples_are_named_and_end_with_7(here: Workspace) -> None:
    printed = here.run("drift", RUN, "data.root=dark", code=7)
    assert "cause: field.dark: the field samples are darker than the training samples" in printed
    assert "cure: train with darker copies" in printed
    causes = json.loads((here.folder / RUN / "drift.json").read_text())["causes"]
    assert "field.dark" in [cause["name"] for cause in causes]


def test_a_build_that_looks_at_field_samples_shows_them_on_its_page(here: Workspace) -> None:
    run_conforms(here.folder / RUN)
    (entry,) = [entry for entry in here.report("int8")["analyses"] if entry["name"] == "drift"]
    assert entry["findings"][0]["verdict"] != "fine"
    page = (here.folder / RUN / "report.html").read_text()
    assert "field samples against training" in page
    assert "The field samples are darker than the training samples" in page


def test_a_look_at_field_samples_has_a_page_that_the_run_leads_to(here: Workspace) -> None:
    assert f"page: {RUN}/drift.html" in here.run("drift", RUN, "data.root=dark", code=7)
    whole, page = (
        (here.folder / RUN / "drift.html").read_text(),
        (here.folder / RUN / "report.html").read_text(),
    )
    assert "<h1>Samples from the field</h1>" in whole
    for text in ("The field samples are darker than the training samples", "train with darker copies"):
        assert text in whole
        assert text in page
    assert '<a href="drift.html">open the whole page</a>' in page


def test_every_build_shows_the_samples_on_which_its_base_and_its_file_disagree(here: Workspace) -> None:
    (entry,) = [entry for entry in here.report("int8")["analyses"] if entry["name"] == "disagreements"]
    (finding,) = entry["findings"]
    assert (finding["split"], finding["n"]) == ("test", here.report("int8")["data"]["splits"]["test"]["n"])
    distances = [sample["distance"] for sample in finding["samples"]]
    assert 0 < len(distances) <= 12
    assert distances == sorted(distances, reverse=True)
    worst = finding["samples"][0]
    assert worst["picture"]["jpeg"] in (here.folder / RUN / "report.html").read_text()
    assert {one["label"] for one in worst["truth"]} <= {"cat", "dog"}


def test_few_field_samples_say_how_many_would_decide(here: Workspace) -> None:
    printed = here.run("drift", RUN, "data.root=few")
    assert "undecided: 5 field samples are too few" in printed
    assert "independent field samples would show 0.4" in printed


def test_an_npz_and_a_glob_are_field_samples(here: Workspace) -> None:
    np.savez(here.folder / "field.npz", images=np.stack([picture(7000 + k) for k in range(12)]))
    here.run("drift", RUN, "data.root=field.npz")
    here.run("drift", RUN, "data.root=dark/*/*.png", code=7)


def test_a_file_of_others_is_held_to_its_training_samples(here: Workspace) -> None:
    (delivered,) = (here.folder / RUN).glob("*.tflite")
    shutil.copy(delivered, here.folder / "shipped.tflite")
    words = ("drift", "shipped.tflite", "base=classifier.tflite", "data.root=classes")
    assert "drift: fine" in here.run(*words, "field=same")
    assert "field.dark" in here.run(*words, "field=dark", code=7)
    written = list((here.folder / "outputs" / "drift").glob("*/drift.json"))
    assert len(written) == 2


def test_field_samples_that_are_training_samples_are_told(here: Workspace) -> None:
    said = here.run("drift", RUN, "data.root=classes")
    assert "are skipped; is this the folder of the training data itself?" in said
    mixed = here.folder / "mixed"
    shutil.copytree(here.folder / "same", mixed)
    for number, path in enumerate(sorted((here.folder / "classes" / "cat").iterdir())):
        shutil.copy(path, mixed / f"copied{number}.png")
    assert "are training samples and are skipped" in here.run("drift", RUN, "data.root=mixed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("data.root=empty",), "data.root: the folder 'empty' is empty; expected samples from the field."),
        (("data.root=nowhere",), "data.root: there is no 'nowhere'; expected a folder"),
        (("data.root=text",), "data.root: './text' is not a usable image. Left out:"),
        (("data.root=",), "drift: no field samples given; set data.root=FOLDER."),
        ((), "drift: no field samples given; set data.root=FOLDER."),
        (("data.root=same", "other"), "usage: tflbuild drift RUN data.root=FIELD"),
    ],
)
def test_bad_words_are_one_sentence(here: Workspace, words: tuple[str, ...], said: str) -> None:
    printed = here.run("drift", RUN, *words, code=2)
    assert said in printed
    assert "Traceback" not in printed


def test_a_run_that_is_none_and_a_file_without_field_samples_are_told(here: Workspace) -> None:
    assert "usage: tflbuild drift" in here.run("drift", code=2)
    assert "it has no report.json" in here.run("drift", "empty", "data.root=same", code=2)
    assert "field=FOLDER" in here.run("drift", "classifier.tflite", "data.root=classes", code=2)


def test_a_run_without_its_samples_is_told(here: Workspace) -> None:
    (here.folder / "classes").rename(here.folder / "away")
    try:
        printed = here.run("drift", RUN, "data.root=same", code=2)
    finally:
        (here.folder / "away").rename(here.folder / "classes")
    assert "classes" in printed
    assert "Traceback" not in printed
