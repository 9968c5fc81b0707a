"""Bad input ends with one clear sentence and the right exit code; nothing here needs TensorFlow."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.cli import main

R = "recipe=ssd_mobilenet_int8"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every command in an empty folder, with plugins found afresh."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})


def ends(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(arguments)
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return code, printed.err.strip()


TABLE = [
    (["prune.sparsty=0.7"], ["prune.sparsty", "Did you mean 'prune.sparsity'?"]),
    (["quantize.scheme=int9"], ["quantize.scheme: 'int9' is not one of int8", "Did you mean 'int8'?"]),
    (
        ["quantize.ranges=mse"],
        [
            "quantize.ranges: 'mse' has no effect with method=auto, which chooses it; set quantize.method=fixed"
        ],
    ),
    (["quantize_mixed.equalize=none"], ["has no effect with method=auto", "set quantize_mixed.method=fixed"]),
    (
        ["quantize.method=fixed", "quantize.select=top1"],
        ["quantize.select: 'top1' has no effect with method=fixed"],
    ),
    (
        ["quantize.scheme=float16", "quantize.ranges=mse"],
        ["is only possible with scheme int8 or int16x8; use minmax"],
    ),
    (["prune.sparsity=1.5"], ["prune.sparsity: 1.5", "less than 1"]),
    (["prune.sparsity=lots"], ["prune.sparsity: 'lots'", "valid number"]),
    (["model.input_size=40"], ["model.input_size"]),
    (["model.input_size=big"], ["model.input_size: 'big'"]),
    (["model=ssd_mobilnet_v1"], ["Did you mean 'ssd_mobilenet_v1'?"]),
    (["data=vok"], ["there is no data 'vok'", "Did you mean 'voc'?"]),
    (["+passes@x=prun", "x.after=[train]"], ["there is no pass 'prun'", "Did you mean 'prune'?"]),
    (["+passes@x=qat"], ["+passes@x: nothing would run it"]),
    (
        ["pipeline=[train,prune,convert,quantise]"],
        ["'quantise' is not configured", "Did you mean 'quantize'?"],
    ),
    (
        ["pipeline=[train,convert,quantize,prune]"],
        ["'prune' needs a KerasModel, but 'quantize' gives a TFLiteModel"],
    ),
    (["pipeline=[train,prune]"], ["ends with 'prune'", "convert"]),
    (["pipeline=[prune,convert]"], ["'prune' needs a KerasModel, but nothing comes before it"]),
    (
        ["+passes@qat=qat", "pipeline=[train,convert,qat]"],
        ["'qat' needs a KerasModel, but 'convert' gives a TFLite"],
    ),
    (["quantize.budget.top1.max_drop=0.1"], ["'top1' is a metric for classification", "detection"]),
    (["+quantize.budget.mapp.max_drop=0.1"], ["mapp", "Did you mean 'map'?"]),
    (["budget.npu_coverage.min=0.9"], ["no target of the recipe measures it", "ethos_u55"]),
    (["model=mobilenet_v1"], ["is for classification, but data 'signs' is for detection"]),
    (["data=voc", "data.root=nowhere"], ["data.root", "nowhere", "does not exist"]),
    (["data=voc"], ["data.root"]),
    (["quantize.calibration.samples=0"], ["quantize.calibration.samples: 0"]),
    (["quantize.calibration.source=data.test"], ["data.test"]),
    (["quantize.calibration.source=data.trian"], ["data.trian"]),
    (["quantize.calibration.source=nowhere/*.jpg"], ["names no image"]),
    (["prune.on_breach=ignore"], ["prune.on_breach: 'ignore' is not one of fail, skip, warn"]),
    (["convert.on_breach=skip"], ["convert.on_breach: 'skip' is not possible"]),
    (["train.steps=10", "train.epochs=2"], ["set either train.steps or train.epochs"]),
    (["data.preprocess.channels=grb"], ["data.preprocess.channels: 'grb' is not one of rgb, bgr"]),
    (["worker.threads=0"], ["worker.threads: 0"]),
    (["prune.sparsity=0.5,0.7"], ["-m"]),
    (["hydra/launcher=joblib"], ["hydra/launcher"]),
    (["nonsense=1"], ["nonsense"]),
    (["train.weight_decay=inf"], ["train.weight_decay: inf should be less than or equal to 1000"]),
    (["data.preprocess.scale=nan"], ["data.preprocess.scale: nan is not a finite number"]),
    (["budget.map.min=inf"], ["budget.map.min: inf is not a number"]),
    (["prune.budget.map.max_drop=little"], ["prune.budget.map.max_drop: 'little' is not a number"]),
    (["quantize.fallback=[nobody]"], ["quantize.fallback.0: 'nobody' is not configured"]),
]


@pytest.mark.parametrize(("overrides", "messages"), TABLE, ids=[" ".join(row[0]) for row in TABLE])
def test_a_wrong_override_is_one_clear_sentence(
    overrides: list[str], messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = ends([R, *overrides], capsys)
    assert code == 2, error
    for message in messages:
        assert message in error
    assert not list(Path("outputs").glob("*/*")) if Path("outputs").exists() else True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recipe=ssd_mobilnet_int8"], "Did you mean 'ssd_mobilenet_int8'?"),
        (["model.input_size=96"], "recipe: which?"),
        (["plam", R], "Did you mean 'plan'?"),
        (["describe", "prun"], "Did you mean 'prune'?"),
        (["list", "pases"], "Did you mean 'passes'?"),
        (["--config-dir", "nowhere", R], "is not a folder"),
        (["--nonsense", R], "is not an option of tflbuild"),
        (["report", "nowhere"], "nowhere is not a report of a run"),
        (["-m", "recipe=nobody", "seed=0,1"], "no job of the sweep is valid"),
    ],
)
def test_a_wrong_command_is_one_clear_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = ends(arguments, capsys)
    assert code == 2
    assert message in error


RECIPES = {
    "a target of code": ("prune: {_target_: os.system}", "may not name code"),
    "a hydra key": ("hydra: {run: {dir: /tmp}}", "may not configure Hydra"),
    "a hydra default": (
        "defaults: [ssd_mobilenet_int8, {override /hydra/launcher: joblib}, _self_]",
        "Hydra",
    ),
    "a secret": ("description: ${oc.env:AWS_SECRET}", "may read"),
    "a mistyped root key": ("pipelin: [train]", "Did you mean 'pipeline'?"),
    "a mistyped option": ("prune: {sparsty: 0.5}", "Did you mean 'sparsity'?"),
    "no mapping": ("- train", "mapping"),
    "broken YAML": ("prune: {sparsity: 0.5", "mine.yaml"),
}


@pytest.mark.parametrize("what", RECIPES)
def test_a_wrong_recipe_file_is_one_clear_sentence(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    body, message = RECIPES[what]
    Path("recipes").mkdir()
    defaults = (
        "" if "defaults" in body or what == "no mapping" else "defaults: [ssd_mobilenet_int8, _self_]\n"
    )
    Path("recipes/mine.yaml").write_text(f"# @package _global_\n{defaults}{body}\n")
    code, error = ends(["plan", "recipe=mine"], capsys)
    assert code == 2, error
    assert message in error


def plugin(text: str) -> None:
    Path("plugins").mkdir(exist_ok=True)
    Path("plugins/mine.py").write_text(textwrap.dedent(text))


UNTYPED = """
    from tflbuild import Pass, compiler_pass
    @compiler_pass("mine")
    class Mine(Pass):
        def run(self, model, ctx):
            return model
"""
TAKEN = """
    from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass
    @compiler_pass("prune")
    class Mine(Pass):
        def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
            return model
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'mine'; raise ValueError('no luck')", "ValueError: no luck"),
        (UNTYPED, "declares no type for its input"),
    ],
)
def test_a_recipe_that_needs_a_broken_plugin_ends_with_3(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(text)
    code, error = ends(["plan", R, "+passes@x=mine", "x.after=[quantize]"], capsys)
    assert code == 3
    assert message in error
    assert main(["list", "plugins"]) == 0
    assert "BROKEN" in capsys.readouterr().out


def test_a_broken_plugin_does_not_stop_others(capsys: pytest.CaptureFixture[str]) -> None:
    plugin(TAKEN)
    assert main(["plan", "recipe=ssd_mobilenet_float"]) == 0
    assert "a name that tflbuild.passes.prune has taken" in capsys.readouterr().out


def test_a_recipe_that_uses_a_name_claimed_twice_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    plugin(TAKEN)
    code, error = ends(["plan", R], capsys)
    assert code == 3
    assert "a name that tflbuild.passes.prune has taken; choose another" in error


def test_a_voc_file_with_broken_xml_is_left_out_by_name(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shared_data / "bccd", "bccd")
    broken = Path("bccd/Annotations/BloodImage_00001.xml")
    broken.chmod(0o644)
    broken.write_text("<annotation><object>")
    image = Path("bccd/JPEGImages/BloodImage_00002.jpg")
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[:5000])
    assert main(["plan", R, "data=voc", "data.root=bccd", "quantize.calibration.samples=20"]) == 0
    printed = capsys.readouterr().out
    assert "BloodImage_00001.xml" in printed
    assert "BloodImage_00002.jpg" in printed


def test_calibration_on_test_images_is_refused_by_content(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine").mkdir()
    name = (shared_data / "bccd/ImageSets/Main/test.txt").read_text().split()[0]
    shutil.copy(shared_data / f"bccd/JPEGImages/{name}.jpg", "mine/renamed.jpg")
    root = f"data.root={shared_data / 'bccd'}"
    code, error = ends(["plan", R, "data=voc", root, "quantize.calibration.source=mine"], capsys)
    assert code == 2
    assert "is the test sample" in error


PICTURE = (
    b"P6 8 8 255 "  # a portable pixmap of 8 x 8 pixels
    + bytes(range(192))
)
EXPORTS = {
    # a data set, its files, and the sentence with which a plan of it ends
    "a record file that is cut off": (
        "tfrecord",
        {"train.record": b"\x10\0\0\0"},
        "train.record is cut off in record 1.",
    ),
    "a record file that is none": (
        "tfrecord",
        {"train.record": b"something else"},
        "train.record is not a TFRecord file.",
    ),
    "two names for one number": (
        "tfrecord",
        {"train.record": b"", "map.pbtxt": b"item { id: 1 name: 'a' } item { id: 1 name: 'b' }"},
        "map.pbtxt gives the number 1 to 'a' and to 'b'; a number must mean one class.",
    ),
    "paths that lead elsewhere": (
        "yolo",
        {"data.yaml": b"train: /etc\nval: ../../x\nnames: [a]\n", "images/0.ppm": PICTURE},
        "data.yaml: train is '/etc', which is not in 'set', and no end of that path is; give paths relative to "
        "data.yaml, inside data.root.",
    ),
    "labels in pixels": (
        "yolo",
        {"images/0.ppm": PICTURE, "labels/0.txt": b"0 4 4 2 2\n"},
        "1 of 1 lines of labels have numbers outside 0..1, e.g. labels/0.txt, line 1: 4; expected class, x and y of "
        "the centre, width and height, as fractions of the photo.",
    ),
    "a table that lacks a column": (
        "csv",
        {"a.csv": b"filename,class,xmin,ymin,xmax\n0.ppm,a,1,2,3\n", "0.ppm": PICTURE},
        "'set': a.csv has no column ymax; its columns are filename, class, xmin, ymin, xmax; expected a "
        "column of files (filename, "
        "path, image_id, ...) and one of classes (class, label, ...); of boxes xmin, ymin, xmax and ymax besides.",
    ),
}


@pytest.mark.parametrize("what", EXPORTS)
def test_an_export_that_cannot_be_right_ends_with_2(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    data, files, sentence = EXPORTS[what]
    for name, content in files.items():
        Path("set", name).parent.mkdir(parents=True, exist_ok=True)
        Path("set", name).write_bytes(content)
    said = (2, f"error: data.root: {sentence}")
    assert ends(["plan", R, f"data={data}", "data.root=set"], capsys) == said
