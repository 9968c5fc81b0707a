"""What decides a measurement, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild
from tflbuild.core import toolchain
from tflbuild.core.artifact import KerasModel, SavedModel, TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.code import closure
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS
from tflbuild.core.recipe import Recipe, RunOptions, Step, WorkerOptions
from tflbuild.core.runtime import RUNTIMES
from tflbuild.engine import keys as keys_module
from tflbuild.engine.explaining import difference
from tflbuild.engine.keys import Keys
from tflbuild.engine.modules import modules_of
from tflbuild.passes.convert import Convert
from tflbuild.passes.equalize import Equalize
from tflbuild.passes.load import Load
from tflbuild.passes.train import Train
from tflbuild.wiring import NAMES

Patch = pytest.MonkeyPatch


@pytest.fixture
def build(build_here: FakeBuild) -> FakeBuild:
    """Build in this process: few tests here are about others."""
    return build_here


@pytest.fixture
def tflite(tmp_path: Path) -> TFLiteModel:
    return TFLiteModel(path=tmp_path / "m", digest="d", fingerprint="f", meta={"facts": fakes.FACTS, "x": 1})


SCALED = {**fakes.INPUT, "preprocess": {"scale": 2.0}}


def keys(recipe: Recipe, names: Any = fakes.NAMES) -> Keys:
    return Keys(recipe, recipe.data.index(lambda path: None), {}, names)  # type: ignore[arg-type, return-value]


def preimages(recipe: Recipe, model: TFLiteModel) -> dict[str, Any]:
    """Give the preimage of every kind of measurement."""
    made = keys(recipe)
    keras = KerasModel(path=model.path, digest=model.digest, fingerprint="f", meta=model.meta)
    return {
        "predictions": made.predictions(model, "val"),
        "keras": made.predictions(keras, "val"),
        "truth": made.truth("val"),
        "accuracy": made.accuracy("score", "p", "t"),
        "comparison": made.comparison("score", "b", "a", "t"),
        "chance": made.chance("p", "t", {"labels.txt": ["a"]}, "val"),
        "readings": made.readings(model, "val", {"verdict": "chance"}),
        "size": made.file_metric("file_bytes", model),
        "latency": made.file_metric("fake_latency", model),
        "delivery": made.delivery("any", model),
        "compilation": made.delivery("compiling", model),
    }


@pytest.fixture
def recipe(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        targets={"any": fakes.FakeTarget(), "compiling": fakes.FakeCompiler(system=recipe.store / "npu.ini")},
    )


ALL = {
    "predictions",
    "keras",
    "truth",
    "accuracy",
    "comparison",
    "chance",
    "readings",
    "size",
    "latency",
    "delivery",
    "compilation",
}
OF_THE_MODEL = ALL - {"truth", "accuracy", "comparison", "chance"}
OF_THE_SPLIT = {"predictions", "keras", "truth", "readings"}
Change = Callable[[Recipe, TFLiteModel, Patch], tuple[Recipe, TFLiteModel]]


def to_model(**fields: Any) -> Change:
    return lambda recipe, model, patch: (recipe, replace(model, **fields))


def to_recipe(**fields: Any) -> Change:
    return lambda recipe, model, patch: (replace(recipe, **fields), model)


def to_tool(tool: str) -> Change:
    def change(recipe: Recipe, model: TFLiteModel, patch: Patch) -> tuple[Recipe, TFLiteModel]:
        known = toolchain.version
        patch.setattr(toolchain, "version", lambda name: "99" if name == tool else known(name))
        return recipe, model

    return change


def to_code(module: str) -> Change:
    """Edit a module: the digest of whatever reaches it changes."""

    def change(recipe: Recipe, model: TFLiteModel, patch: Patch) -> tuple[Recipe, TFLiteModel]:
        known = keys_module.code_digest
        patch.setattr(
            keys_module, "code_digest", lambda *names: "edited" if module in names else known(*names)
        )
        return recipe, model

    return change


def to_processor(recipe: Recipe, model: TFLiteModel, patch: Patch) -> tuple[Recipe, TFLiteModel]:
    patch.setattr(keys_module, "cpu_name", lambda: "another")
    return recipe, model


def to_kind_of_processor(recipe: Recipe, model: TFLiteModel, patch: Patch) -> tuple[Recipe, TFLiteModel]:
    patch.setattr(keys_module.platform, "machine", lambda: "arm64")
    return recipe, model


def to_variable(name: str, value: str) -> Change:
    def change(recipe: Recipe, model: TFLiteModel, patch: Patch) -> tuple[Recipe, TFLiteModel]:
        patch.setenv(name, value)
        return recipe, model

    return change


def to_file(recipe: Recipe, model: TFLiteModel, patch: Patch) -> tuple[Recipe, TFLiteModel]:
    path = recipe.store / "npu.ini"
    path.parent.mkdir(exist_ok=True)
    path.write_text("[System_Config]")
    return recipe, model


@pytest.mark.parametrize(
    ("change", "measured_again"),
    [
        pytest.param(to_model(digest="other"), OF_THE_MODEL, id="the model's bytes"),
        pytest.param(
            to_model(
                meta={
                    "facts": {**fakes.FACTS, "inputs": {"x": {**fakes.INPUT, "preprocess": {"scale": 2.0}}}},
                    "x": 1,
                }
            ),
            {"predictions", "keras", "readings", "delivery", "compilation"},
            id="what its input means",
        ),
        pytest.param(
            to_model(meta={"facts": fakes.FACTS, "x": 2}), {"delivery", "compilation"}, id="another fact"
        ),
        pytest.param(to_model(path=Path("elsewhere")), set(), id="where the model lies"),
        pytest.param(to_model(fingerprint="other"), set(), id="its fingerprint"),
        pytest.param(to_recipe(data=fakes.FakeData(version=2)), OF_THE_SPLIT, id="the split's content"),
        pytest.param(to_recipe(data=fakes.FakeData(train=11)), set(), id="another split's content"),
        pytest.param(to_recipe(data=fakes.FakeData(augment={"flip": 1})), set(), id="augmentation"),
        pytest.param(to_recipe(data=fakes.FakeData(preprocess={"scale": 1})), set(), id="data.preprocess"),
        pytest.param(to_recipe(worker=WorkerOptions(evaluators=7)), set(), id="worker.evaluators"),
        pytest.param(to_recipe(worker=WorkerOptions(max_rss=700)), set(), id="worker.max_rss"),
        pytest.param(
            to_recipe(worker=WorkerOptions(checkpoint_seconds=1)), set(), id="worker.checkpoint_seconds"
        ),
        pytest.param(to_recipe(worker=WorkerOptions(threads=1)), {"keras"}, id="worker.threads"),
        pytest.param(to_recipe(device="gpu"), {"keras"}, id="device"),
        pytest.param(to_variable("TF_ENABLE_ONEDNN_OPTS", "0"), {"keras"}, id="oneDNN"),
        pytest.param(to_recipe(seed=1), set(), id="seed"),
        pytest.param(
            to_recipe(strict=True, name="other", overrides=("a=b",)), set(), id="the recipe's words"
        ),
        pytest.param(to_recipe(run=RunOptions(time_passes=True)), set(), id="run options"),
        pytest.param(to_recipe(limits=(Limit(metric="score", form="min", bound=0.1),)), set(), id="a budget"),
        pytest.param(to_tool("ai_edge_litert"), OF_THE_MODEL - {"size"}, id="LiteRT"),
        pytest.param(to_tool("PIL"), {"predictions", "keras", "readings"}, id="Pillow"),
        pytest.param(to_tool("numpy"), ALL - {"size"}, id="NumPy"),
        pytest.param(to_tool("tensorflow"), {"keras"}, id="TensorFlow"),
        pytest.param(to_code("fakes"), ALL, id="the code of the fakes"),
        pytest.param(to_processor, {"latency", "delivery", "compilation"}, id="the processor"),
        pytest.param(to_kind_of_processor, {"predictions", "keras", "readings"}, id="the kind of processor"),
        pytest.param(to_file, {"compilation"}, id="the content of a target's file"),
    ],
)
def test_a_cause_is_in_the_keys_of_what_it_decides_and_in_no_other(
    recipe: Recipe, tflite: TFLiteModel, monkeypatch: Patch, change: Change, measured_again: set[str]
) -> None:
    before = preimages(recipe, tflite)
    after = preimages(*change(recipe, tflite, monkeypatch))
    assert {name for name in before if before[name] != after[name]} == measured_again


@pytest.mark.parametrize(
    ("made_by", "tool"),
    [(Equalize(), "flatbuffers"), (Convert(), "flatbuffers"), (Train(), "h5py"), (Load(), "h5py")],
    ids=lambda value: value if isinstance(value, str) else type(value).name,
)
def test_what_writes_a_pass_s_file_is_in_its_key_though_the_pass_does_not_name_it(
    recipe: Recipe, monkeypatch: Patch, made_by: Any, tool: str
) -> None:
    assert tool not in type(made_by).needs
    monkeypatch.setattr(Keys, "_nouns", lambda self, step, meaning: "")
    step = Step(label="it", options=made_by)
    monkeypatch.setattr(type(made_by), "reads", lambda self: ())
    before = keys(recipe).preimage_but_input(step)
    to_tool(tool)(recipe, None, monkeypatch)  # type: ignore[arg-type]
    after = keys(recipe).preimage_but_input(step)
    assert difference(before, after) == [(("toolchain", tool), before["toolchain"][tool], "99")]


@pytest.mark.parametrize("position", range(4))
def test_each_file_of_a_comparison_is_in_its_key(recipe: Recipe, position: int) -> None:
    arguments = ["score", "before", "after", "truth"]
    plain = keys(recipe).comparison(*arguments)
    arguments[position] = "score_again" if position == 0 else "other"
    METRICS.declare("score_again")(type("ScoreAgain", (fakes.Score,), {}))
    assert keys(recipe).comparison(*arguments) != plain
    if position != 1:
        assert keys(recipe).accuracy(arguments[0], *arguments[2:]) != keys(recipe).accuracy(
            "score", "after", "truth"
        )


def test_a_kind_that_cannot_be_executed_is_refused(recipe: Recipe, tflite: TFLiteModel) -> None:
    model = SavedModel(path=tflite.path, digest="", fingerprint="", meta=tflite.meta)
    with pytest.raises(
        PassError, match="no runtime can execute a model of kind SavedModel; convert it first"
    ):
        keys(recipe).predictions(model, "val")


def modules(task: str, runtime: str, *, served: bool = False) -> list[str]:
    """Give what the predictions of a picture's model are computed by."""
    meaning = Meaning.of_image(task=task, height=8, width=8, preprocess={})
    return [NAMES.predict, RUNTIMES.get(runtime).__module__, *modules_of(meaning, served=served)]


def nouns(task: str, *, trained: bool) -> list[str]:
    """Give what a pass on a picture's model works with and does not import itself."""
    return modules_of(
        Meaning.of_image(task=task, height=8, width=8, preprocess={}), served=True, trained=trained
    )


@pytest.mark.parametrize(
    ("reaching", "reached", "kept_out"),
    [
        (
            modules("detection", "litert"),
            [
                "runtimes.interpreter",
                "modalities.image.modality",
                "modalities.image.resample",
                "evaluation.arrays",
                "tasks.detection.task",
            ],
            [
                "backends.keras",
                "training.loop",
                "training.losses",
                "tasks.detection.training",
                "modalities.image.augment",
                "modalities.image.augmentation",
                "modalities.image.batches",
                "metrics.detection",
                "engine.workers",
            ],
        ),
        (
            modules("detection", "keras", served=True),
            ["backends.keras", "tflite.suppression", "tasks.detection.decoding", "tasks.detection.anchors"],
            [
                "runtimes.interpreter",
                "training.loop",
                "training.losses",
                "tasks.detection.training",
                "modalities.image.augment",
                "modalities.image.augmentation",
                "modalities.image.batches",
            ],
        ),
        (
            nouns("classification", trained=True),
            [
                "tasks.classification.task",
                "tasks.classification.training",
                "training.losses",
                "modalities.image.augment",
                "modalities.image.augmentation",
                "modalities.image.modality",
                "backends.keras",
            ],
            ["tasks.detection.task", "runtimes.interpreter", "metrics.classification", "evaluation.arrays"],
        ),
        (
            nouns("detection", trained=True),
            [
                "tasks.detection.training",
                "tasks.detection.targets",
                "tasks.detection.boxes",
                "training.losses",
            ],
            ["tasks.classification.task", "runtimes.interpreter", "metrics.detection", "evaluation.arrays"],
        ),
        (
            nouns("detection", trained=False),
            ["tasks.detection.decoding", "modalities.image.modality", "tflite.suppression", "backends.keras"],
            [
                "tasks.detection.training",
                "tasks.detection.targets",
                "training.losses",
                "modalities.image.augment",
                "modalities.image.augmentation",
                "modalities.image.batches",
            ],
        ),
        (
            [NAMES.truth],
            ["evaluation.arrays"],
            ["backends.keras", "runtimes.interpreter", "modalities.image.augment"],
        ),
        (
            [NAMES.measuring],
            ["evaluation.arrays"],
            ["evaluation.examples", "modalities.image.modality", "runtimes.interpreter"],
        ),
    ],
)
def test_the_code_of_a_measurement_is_what_it_reaches(
    reaching: list[str], reached: list[str], kept_out: list[str]
) -> None:
    found = closure(*(name.partition(":")[0] for name in reaching))
    assert {f"tflbuild.{name}" for name in reached} <= set(found)
    assert not {f"tflbuild.{name}" for name in kept_out} & set(found)


def counted(log: Path) -> dict[str, int]:
    lines = log.read_text().splitlines()
    return {line: lines.count(line) for line in lines if line.startswith(("predict", "measure", "compare"))}


def test_repeated_gates_and_other_recipes_measure_once(recipe: Recipe, build: FakeBuild, log: Path) -> None:
    gates = (Limit(metric="score", form="max_drop", bound=0.5), Limit(metric="score", form="min", bound=0.1))
    assert build(recipe).error is None
    done = counted(log)
    assert done["predict val"] == 4, "train, prune, convert, quantize"
    assert done["predict test"] == 3, "the base, and what each target gets"
    gated = {label: replace(step, limits=gates) for label, step in recipe.steps.items() if label != "train"}
    assert build(replace(recipe, steps={**recipe.steps, **gated}, limits=gates)).error is None
    compared = counted(log)
    assert {name: compared[name] for name in done} == done, "only differences are new"
    for other in (
        replace(recipe, name="other", steps={**recipe.steps, **gated}, limits=gates, strict=True),
        replace(recipe, worker=WorkerOptions(evaluators=1)),
    ):
        build(other)
    assert counted(log) == compared


def test_a_metric_more_measures_itself_only(
    recipe: Recipe, build: FakeBuild, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(recipe)
    before = counted(log)
    again = type("Again", (fakes.Score,), {"__module__": "fakes"})
    monkeypatch.setattr(fakes, "Again", again, raising=False)
    METRICS.declare("again")(again)
    assert build(recipe).report["passes"][0]["metrics"].keys() == {"score", "again"}
    after = counted(log)
    assert after["measure again"] == before["measure score"]
    assert after["measure score"] == before["measure score"]
    assert after["predict val"] == before["predict val"]


def test_the_tensorflow_process_is_not_started_for_a_file_that_needs_none(
    recipe: Recipe, build_apart: FakeBuild, log: Path, monkeypatch: Patch
) -> None:
    from tflbuild.engine.workers.worker import Worker

    assert build_apart(recipe).error is None
    for path in (recipe.store / "actions").iterdir():
        if '"measure": "predictions"' in path.read_text() and '"environment"' not in path.read_text():
            path.unlink()
    before = counted(log)["predict val"]
    monkeypatch.setattr(Worker, "ask", None)
    assert build_apart(recipe).error is None
    assert counted(log)["predict val"] == before + 2, "convert and quantize"
