"""Every field of what is wanted, and which keys it is in: enumerated from the declarations, so that none is forgotten.

`test_causes` says the same of measurements by cause; here each preimage is also written out by hand, once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fakes
from tflbuild.core import toolchain
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.dataset import Index, Sample
from tflbuild.core.export import Export, Proof
from tflbuild.core.judgement import HeldLimit
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import Names
from tflbuild.core.recipe import Recipe, RunOptions, Step, WorkerOptions
from tflbuild.core.runtime import RUNTIMES, Runtime, runtime
from tflbuild.core.task import TASKS
from tflbuild.engine import keys as keys_module
from tflbuild.engine.explaining import difference, explained, short
from tflbuild.engine.inputs import Inputs
from tflbuild.engine.keys import Keys
from tflbuild.engine.modules import needs_tensorflow

NAMES = Names(
    predict="of.prediction:predict",
    truth="of.truth:write",
    differ="tflbuild.evaluation.differing:differences",
    merge="of.merge:merge",
    measuring="of.evaluation",
    chance="of.chance:judge",
    readings="of.readings:explain",
    prove="of.runs:check",
    external="of.external:read",
    inspect="of.inspect:look",
    changes="of.changes:say",
    describe="of.describing:write",
    samples="of.samples:write",
)
SAMPLES = {
    split: (Sample(key=f"{split}0", digest=f"digest of {split}0"),) for split in ("train", "val", "test")
}
SOURCES = {"photos/*.jpg": {"photos/1.jpg": "one", "photos/2.jpg": "two"}}


def code_of(*modules: str) -> str:
    """Name the code of modules; neither their order nor saying one twice makes a difference."""
    return f"code of {' '.join(sorted({*modules}))}"


def sha256(value: Any) -> str:
    """Digest canonical JSON by the standard library alone."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(autouse=True)
def plain_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let code, tools and the machine be named by what they are asked for, and every noun have code of its own."""
    monkeypatch.setattr(keys_module, "code_digest", code_of)
    for declared, module in ((fakes.FakeTask, "of.task"), (fakes.FakeModality, "of.modality")):
        monkeypatch.setattr(declared, "__module__", module)
    for declared in (fakes.Score, fakes.FileBytes):
        monkeypatch.setattr(declared, "__module__", "of.metric")
    monkeypatch.setattr(fakes.FakeTask, "serving", "of.graph:served")
    monkeypatch.setattr(fakes.FakeTask, "training", "of.losses")
    monkeypatch.setattr(fakes.FakeTask, "comparing", "of.comparing:disagreement")
    monkeypatch.setattr(fakes.FakeModality, "training", "of.batches:batches")
    monkeypatch.setattr(toolchain, "require", lambda tools, who: dict.fromkeys(tools, f"for {who}"))
    monkeypatch.setattr(keys_module, "cpu_name", lambda: "a processor")
    monkeypatch.setattr(keys_module.platform, "machine", lambda: "a machine")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")


def artifact(kind: Any = TFLiteModel, **fields: Any) -> Any:
    known: dict[str, Any] = {"path": Path("m"), "digest": "its digest", "fingerprint": "its fingerprint"}
    return kind(**{**known, "meta": {"facts": fakes.FACTS, "sparsity": 0.5}, **fields})


@dataclasses.dataclass(frozen=True)
class World:
    """Everything that might decide a key."""

    recipe: Recipe
    index: Index
    sources: dict[str, dict[str, str]]
    names: Names
    model: Any
    held: tuple[HeldLimit, ...]
    base: Any

    def keys(self) -> Keys:
        return Keys(self.recipe, self.index, self.sources, self.names)


LIMITS = (Limit(metric="score", form="max_drop", bound=0.1, since="start"),)
PROBES: dict[str, Any] = {
    "start": fakes.FakeTrain(score=0.5),
    "load": fakes.FakeLoad(),
    "plain": fakes.FakeAny(),
    "reads": fakes.FakeAny(sources=("data.train", "photos/*.jpg")),
    "looks": fakes.FakeAny(looks=True),
    "tunes": fakes.FakeTrainsOn(),
    "judges": fakes.FakeAny(judging=True),
    "taught": fakes.FakeAny(others=("start",)),
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = {label: Step(label=label, options=options) for label, options in PROBES.items()}
    made["judges"] = replace(made["judges"], limits=LIMITS)
    (tmp_path / "own.h5").write_bytes(b"weights")
    recipe = Recipe(
        name="fake",
        model=fakes.FakeOwn(path=str(tmp_path / "own.h5")),
        data=fakes.FakeData(preprocess={"scale": 2.0}, augment={"flip": 0.5}),
        targets={"any": fakes.FakeTarget(), "npu": fakes.FakeCompiler(system=tmp_path / "npu.ini")},
        steps=made,
        pipeline=tuple(made),
        limits=(Limit(metric="score", form="min", bound=0.5),),
        store=tmp_path / "store",
    )
    (tmp_path / "npu.ini").write_bytes(b"config")
    index = Index(classes=("cat", "dog"), splits=SAMPLES)
    held = (HeldLimit(limit=LIMITS[0], baseline=artifact(KerasModel, digest="the baseline")),)
    return World(recipe, index, SOURCES, NAMES, artifact(), held, artifact(KerasModel, digest="the base"))


def proof(model: Any) -> Proof:
    """Ask for samples of a model, as the usual runtime gives them."""
    return Proof(
        runtime=RUNTIMES.get("litert")(), model=model, delivered=model, of=4, export=Export(samples=2)
    )


def preimages(world: World) -> dict[str, Any]:
    """Give the preimage of every kind of action and measurement."""
    keys, model = world.keys(), world.model
    keras = artifact(KerasModel, **{f.name: getattr(model, f.name) for f in dataclasses.fields(model)})
    found: dict[str, Any] = {}
    for label in PROBES:
        step = world.recipe.steps[label]
        starts = label in ("start", "load")
        others = dict.fromkeys(step.options.models(), model)
        judged = {"held": world.held, "base": world.base} if step.options.judges() else {}
        found[label] = keys.action(step, Inputs(model=None if starts else model, models=others, **judged))
    return found | {
        "predictions": keys.predictions(model, "val"),
        "keras": keys.predictions(keras, "val"),
        "truth": keys.truth("val"),
        "accuracy": keys.accuracy("score", "p", "t"),
        "comparison": keys.comparison("score", "b", "a", "t"),
        "chance": keys.chance("p", "t", {"labels.txt": ("a", "b")}, "val"),
        "readings": keys.readings(model, "val", {"verdict": "chance"}),
        "analysis": keys.analysis(fakes.FakeAnalysis(strength=0.2), {"model": model}),
        "heavy analysis": keys.analysis(fakes.FakeHeavyAnalysis(), {"model": model, "base": world.base}),
        "analysis of predictions": keys.analysis(fakes.FakeAnalysis(), {"model": model}, {"model": "p"}),
        "samples": keys.samples(proof(model), "val"),
        "size": keys.file_metric("file_bytes", model),
        "latency": keys.file_metric("fake_latency", model),
        "delivery": keys.delivery("any", model),
        "compilation": keys.delivery("npu", model),
    }


PASSES = set(PROBES)
WITH_INPUT = PASSES - {"start", "load"}
ASK_MODEL = {"start", "load", "looks"}
READ = {"start", "load", "reads"}
TRAIN = {"start", "tunes"}
EXECUTED = {"predictions", "keras", "readings", "samples"}
OF_FILES = {"size", "latency", "delivery", "compilation"}
ANALYSES = {"analysis", "heavy analysis", "analysis of predictions"}
IN_TENSORFLOW = TRAIN | {"keras", "heavy analysis"}
NOBODY: set[str] = set()


def changed(before: World, after: World) -> set[str]:
    old, new = preimages(before), preimages(after)
    return {name for name in old if old[name] != new[name]}


def to_judging_step(world: World, **fields: Any) -> World:
    recipe = world.recipe
    step = replace(recipe.steps["judges"], **fields)
    return replace(world, recipe=replace(recipe, steps={**recipe.steps, "judges": step}))


def every_field(cls: type[Any], covered: Iterable[str]) -> None:
    """Hold a table to the fields that a class declares."""
    assert {field.name for field in dataclasses.fields(cls) if field.init} == set(covered)


# another value of each field, and the keys that it is in
RECIPE: dict[str, tuple[Any, set[str]]] = {
    "name": ("other", NOBODY),
    "description": ("other", NOBODY),
    "overrides": (("seed=1",), NOBODY),
    "file": ("elsewhere/fake.yaml", NOBODY),
    "model": (fakes.FakeModel(), ASK_MODEL),
    "data": (fakes.FakeData(preprocess={"scale": 3.0}, augment={"flip": 1.0}), READ | TRAIN | ANALYSES),
    "targets": ({"any": fakes.FakeCompiler(), "npu": fakes.FakeTarget()}, {"delivery", "compilation"}),
    "steps": (None, NOBODY),  # below, field by field
    "pipeline": (("start",), NOBODY),
    "added": (("start",), NOBODY),
    "limits": ((), NOBODY),
    "seed": (1, PASSES | ANALYSES),
    "device": ("gpu", IN_TENSORFLOW),
    "strict": (True, {"judges"}),
    "seeds": ((1, 2), NOBODY),
    "objective": (("score",), NOBODY),
    "store": (Path("elsewhere"), NOBODY),
    "remote": ("s3://somewhere/else", NOBODY),
    "shared": (True, NOBODY),
    "export": (Export(samples=3), NOBODY),  # of the samples, which are kept under a key of their own
    "outputs": (Path("elsewhere"), NOBODY),
    "worker": (WorkerOptions(threads=3), IN_TENSORFLOW),
    "run": (
        RunOptions(
            locked="true", stop_after="load", keep_intermediate=True, time_passes=True, tensorboard=True
        ),
        NOBODY,
    ),
    "hooks": ({"one": None}, NOBODY),
    "analyses": ({"one": fakes.FakeAnalysis()}, NOBODY),
    "silenced": (frozenset({"layers"}), NOBODY),
    "replaced": ({"data": ("a", "b")}, NOBODY),
    "remarks": (("left out",), NOBODY),
    "recognised": (({"what": "labels", "value": "cat, dog", "evidence": "the folders"},), NOBODY),
    "mapping": ({"seed": 9}, NOBODY),
    "plugins": (Path("elsewhere"), NOBODY),
}
WORKER: dict[str, tuple[Any, set[str]]] = {
    "max_rss": (1, NOBODY),
    "threads": (7, IN_TENSORFLOW),
    "evaluators": (7, NOBODY),
    "checkpoint_seconds": (7.0, NOBODY),
}
STEP: dict[str, tuple[Any, set[str]]] = {
    "label": ("another", NOBODY),
    "options": (fakes.FakeAny(judging=True, sources=("data.val",)), {"judges"}),
    "enabled": (False, NOBODY),
    "after": (("start",), NOBODY),
    "limits": ((), NOBODY),  # what it judges by comes with its inputs, which hold them with their baselines
    "on_breach": ("warn", NOBODY),
    "fallback": ((Fallback(run=("plain",)),), NOBODY),
    "timeout": (3.0, NOBODY),
    "instead": ("because", NOBODY),
    "done": ("because", NOBODY),
    "takes": ("start", NOBODY),  # what it takes comes with its inputs
    "wanted": ({"option": 1}, NOBODY),  # filled into its options
}
DATA: dict[str, tuple[Any, set[str]]] = {
    "preprocess": ({"scale": 3.0}, READ | ANALYSES),
    "augment": ({"flip": 1.0}, TRAIN),
    "max_pixels": (7, NOBODY),  # what it leaves out is not in the index
    "version": (7, NOBODY),  # likewise
    "train": (7, NOBODY),  # likewise
}
INDEX: dict[str, tuple[Any, set[str]]] = {
    "classes": (
        ("cat", "bird"),
        ASK_MODEL | ANALYSES | {"start", "reads", "judges", "truth"} | EXECUTED,
    ),
    "splits": (
        {name: (Sample(key="0", digest="other"),) for name in SAMPLES},
        ANALYSES | {"start", "reads", "judges", "truth"} | EXECUTED,
    ),
    "dropped": ((("a.jpg", "broken"),), NOBODY),
    "remarks": (("one recording is cut",), NOBODY),
}
MODEL: dict[str, tuple[Any, set[str]]] = {
    "path": (Path("elsewhere"), NOBODY),
    "digest": ("other", EXECUTED | OF_FILES),
    "fingerprint": ("other", WITH_INPUT | ANALYSES),
    "meta": (
        {"facts": {**fakes.FACTS, "labels": ["b"]}, "sparsity": 0.5},
        WITH_INPUT | EXECUTED | ANALYSES | {"delivery", "compilation"},
    ),
}
BASE: dict[str, tuple[Any, set[str]]] = {
    "path": (Path("elsewhere"), NOBODY),
    "digest": ("other", {"judges"}),
    "fingerprint": ("other", {"heavy analysis"}),
    "meta": ({"facts": fakes.FACTS, "sparsity": 0.6}, {"heavy analysis"}),
}
NAMED: dict[str, tuple[Any, set[str]]] = {
    "predict": ("other:predict", {"judges", *EXECUTED}),
    "truth": ("other:write", {"judges", "truth"}),
    "merge": ("other:merge", NOBODY),  # joins the same bytes, however many wrote them
    "measuring": ("other", {"judges", "accuracy", "comparison"}),
    "chance": ("other:judge", {"chance"}),
    "readings": ("other:explain", {"readings"}),
    "prove": ("other:check", NOBODY),
    "changes": ("other:say", NOBODY),
    "external": ("other:read", NOBODY),
    "inspect": ("other:look", NOBODY),
    "describe": ("other:write", {"delivery", "compilation"}),
    "differ": ("other:differ", NOBODY),
    "samples": ("other:write", {"samples"}),
    "equality": ("other:equal", NOBODY),  # below
    "delivered": ("other:Look", NOBODY),  # an analysis, which has a key of its own
}
HELD: dict[str, tuple[Any, set[str]]] = {
    "limit": (Limit(metric="file_bytes", form="max_drop", bound=0.1, since="start"), {"judges"}),
    "baseline": (artifact(KerasModel, digest="another"), {"judges"}),
}
LIMIT: dict[str, tuple[Any, set[str]]] = {
    "metric": ("file_bytes", {"judges"}),
    "form": ("max_rise", {"judges"}),
    "bound": (0.0, {"judges"}),
    "since": ("load", {"judges"}),
    "on": ("npu", {"judges"}),
}


@pytest.mark.parametrize("field", RECIPE)
def test_each_field_of_a_recipe_is_in_the_keys_of_what_it_decides(world: World, field: str) -> None:
    every_field(Recipe, RECIPE)
    value, expected = RECIPE[field]
    if field != "steps":
        assert changed(world, replace(world, recipe=replace(world.recipe, **{field: value}))) == expected


@pytest.mark.parametrize("field", WORKER)
def test_each_field_of_the_worker_s_options(world: World, field: str) -> None:
    every_field(WorkerOptions, WORKER)
    value, expected = WORKER[field]
    worker = replace(world.recipe.worker, **{field: value})
    assert changed(world, replace(world, recipe=replace(world.recipe, worker=worker))) == expected


@pytest.mark.parametrize("field", STEP)
def test_each_field_of_a_step(world: World, field: str) -> None:
    every_field(Step, STEP)
    value, expected = STEP[field]
    assert changed(world, to_judging_step(world, **{field: value})) == expected


def test_the_limits_of_a_step_are_in_its_key_while_what_they_are_held_against_is_unknown(
    world: World,
) -> None:
    limits = (replace(LIMITS[0], bound=0.2),)
    key = world.keys().preimage_but_input(world.recipe.steps["judges"])
    assert key["judging"]["limits"] == [{"metric": "score", "max_drop": 0.1, "since": "start"}]
    other = to_judging_step(world, limits=limits)
    assert other.keys().preimage_but_input(other.recipe.steps["judges"])["judging"]["limits"] == [
        {"metric": "score", "max_drop": 0.2, "since": "start"}
    ]


@pytest.mark.parametrize("field", DATA)
def test_each_field_of_a_data_set(world: World, field: str) -> None:
    every_field(fakes.FakeData, DATA)
    value, expected = DATA[field]
    data = replace(world.recipe.data, **{field: value})
    assert changed(world, replace(world, recipe=replace(world.recipe, data=data))) == expected


@pytest.mark.parametrize("field", INDEX)
def test_each_field_of_what_a_data_set_holds(world: World, field: str) -> None:
    every_field(Index, INDEX)
    value, expected = INDEX[field]
    assert changed(world, replace(world, index=replace(world.index, **{field: value}))) == expected


@pytest.mark.parametrize("field", MODEL)
def test_each_field_of_a_model(world: World, field: str) -> None:
    every_field(TFLiteModel, MODEL)
    value, expected = MODEL[field]
    assert changed(world, replace(world, model=replace(world.model, **{field: value}))) == expected


@pytest.mark.parametrize("field", BASE)
def test_each_field_of_the_base(world: World, field: str) -> None:
    every_field(KerasModel, BASE)
    value, expected = BASE[field]
    assert changed(world, replace(world, base=replace(world.base, **{field: value}))) == expected


def test_limits_that_need_no_base_have_none_in_their_key(world: World) -> None:
    inputs = Inputs(model=world.model, held=world.held)
    assert "base" not in world.keys().action(world.recipe.steps["judges"], inputs)["judging"]


def test_each_option_of_an_architecture_but_the_place_of_its_file(world: World) -> None:
    made = [replace(world, recipe=replace(world.recipe, model=fakes.FakeModel(width=n))) for n in (1, 2)]
    assert [preimages(each)["start"]["model"]["options"] for each in made] == [{"width": 1}, {"width": 2}]
    assert changed(*made) == ASK_MODEL
    again = Path(world.recipe.store.parent / "again.h5")
    again.write_bytes(b"weights")
    moved = replace(world, recipe=replace(world.recipe, model=fakes.FakeOwn(path=str(again))))
    assert changed(world, moved) == NOBODY


@pytest.mark.parametrize("field", NAMED)
def test_each_of_the_names_that_decide(world: World, field: str) -> None:
    every_field(Names, NAMED)
    value, expected = NAMED[field]
    assert changed(world, replace(world, names=replace(world.names, **{field: value}))) == expected


@pytest.mark.parametrize("field", HELD)
def test_each_field_of_a_held_limit(world: World, field: str) -> None:
    every_field(HeldLimit, HELD)
    value, expected = HELD[field]
    assert changed(world, replace(world, held=(replace(world.held[0], **{field: value}),))) == expected


@pytest.mark.parametrize("field", LIMIT)
def test_each_field_of_a_limit(world: World, field: str) -> None:
    every_field(Limit, LIMIT)
    value, expected = LIMIT[field]
    limit = replace(LIMITS[0], **{field: value})
    assert changed(world, replace(world, held=(replace(world.held[0], limit=limit),))) == expected


def test_the_files_of_the_model_and_of_a_target_are_in_by_their_content(world: World) -> None:
    Path(world.recipe.model.path).write_bytes(b"other")  # type: ignore[attr-defined]
    before = preimages(world)
    assert before["start"]["model"]["files"] == [hashlib.sha256(b"other").hexdigest()]
    assert before["compilation"]["files"] == [hashlib.sha256(b"config").hexdigest()]
    world.recipe.targets["npu"].files()[0].write_bytes(b"other")
    after = preimages(world)
    assert {name for name in before if before[name] != after[name]} == {"compilation"}


def test_a_file_of_a_source_is_in_the_key_of_what_reads_it_by_content_and_order(world: World) -> None:
    photos = SOURCES["photos/*.jpg"]
    other = {"photos/*.jpg": {**photos, "photos/2.jpg": "three"}}
    turned = {"photos/*.jpg": dict(reversed(photos.items()))}
    moved = {"photos/*.jpg": {"elsewhere/1.jpg": "one", "elsewhere/2.jpg": "two"}}
    assert changed(world, replace(world, sources=other)) == {"reads", "heavy analysis"}
    assert changed(world, replace(world, sources=turned)) == {"reads", "heavy analysis"}
    assert changed(world, replace(world, sources=moved)) == NOBODY


def split_digest(split: str) -> str:
    return sha256([["cat", "dog"], [f"digest of {split}0"]])


ENVIRONMENT = {"threads": 2, "onednn": "0", "device": "cpu", "machine": "a machine"}
READER = {"code": "code of fakes", "preprocess": {"scale": 2.0}}
DECISIVE = {"fingerprint": "its fingerprint", "meta": sha256({"facts": fakes.FACTS, "sparsity": 0.5})}
MEANING = {"task": "fake", "modality": "fake"}
NOUNS = "code of of.graph of.modality of.task"
NOUNS_THAT_TRAIN = "code of of.batches of.graph of.losses of.modality of.task"
NUMPY = {"numpy": "for evaluation"}
LITERT = {"ai_edge_litert": "for evaluation", **NUMPY, "PIL": "for evaluation"}
NO_OPTIONS = {"sources": [], "others": [], "looks": False, "judging": False}


def of_pass(name: str, options: Any, **more: Any) -> dict[str, Any]:
    common = {"schema": 1, "pass": name, "code": "code of fakes", "options": options, "seed": 0}
    return {**common, "toolchain": {}, "nouns": NOUNS, **more}


def expected(world: World) -> dict[str, Any]:
    """Write every preimage out."""
    model = {
        "type": "fake_own",
        "code": "code of fakes",
        "options": {},
        "files": [hashlib.sha256(b"weights").hexdigest()],
        "classes": ["cat", "dog"],
    }
    with_input = {"input": DECISIVE}
    judging = {
        "strict": False,
        "split": split_digest("val"),
        "code": [
            "code of of.prediction",
            "code of of.truth",
            "code of tflbuild.runtimes.keras tflbuild.runtimes.litert tflbuild.runtimes.onnxruntime",
        ],
        "evaluation": "code of of.evaluation tflbuild.engine.gate",
        "metrics": "code of of.metric",
        "limits": [{"metric": "score", "max_drop": 0.1, "since": "start", "baseline": "the baseline"}],
        "base": "the base",
    }
    train = {"score": 0.5, "steps": None, "epochs": None}
    reads = {"data.train": split_digest("train"), "photos/*.jpg": sha256(["one", "two"])}
    of_model = {"digest": "its digest", "meta": sha256(fakes.FACTS)}
    predictions = {
        "schema": 1,
        "measure": "predictions",
        "code": "code of of.modality of.prediction of.task tflbuild.runtimes.litert",
        "runtime": {"name": "litert", "options": {"threads": 1, "kernels": "default"}},
        "toolchain": LITERT,
        "input": of_model,
        "data": split_digest("val"),
        "reader": "code of fakes",
        "cpu": "a machine",
    }
    accuracy = {
        "schema": 1,
        "measure": "accuracy",
        "metric": "score",
        "code": "code of of.evaluation of.metric",
        "toolchain": {"numpy": "for metric 'score'"},
        "predictions": "p",
        "truth": "t",
    }
    analysis = {
        "schema": 1,
        "measure": "analysis",
        "code": "code of fakes of.graph of.modality of.task",
        "seed": 0,
        "reader": READER,
    }
    fact = {"schema": 1, "measure": "file", "input": "its digest"}
    timed = dict.fromkeys(("ai_edge_litert", "numpy"), "for metric 'fake_latency'")
    given = {
        "schema": 1,
        "code": "code of fakes",
        "placement": [],
        "input": "its digest",
        "meta": DECISIVE["meta"],
        "described": code_of("of.describing", "of.modality", "of.task"),
        "cpu": "a processor",
    }
    return {
        "start": of_pass(
            "fake_train",
            train,
            model=model,
            data={"data.train": split_digest("train")},
            reader=READER,
            augment={"flip": 0.5},
            environment=ENVIRONMENT,
            nouns=NOUNS_THAT_TRAIN,
            meaning=MEANING,
        ),
        "load": of_pass("fake_load", {"score": 0.9}, model=model, reader=READER, meaning=MEANING),
        "plain": of_pass("fake_any", NO_OPTIONS, **with_input),
        "reads": of_pass(
            "fake_any",
            {**NO_OPTIONS, "sources": ["data.train", "photos/*.jpg"]},
            data=reads,
            reader=READER,
            **with_input,
        ),
        "looks": of_pass("fake_any", {**NO_OPTIONS, "looks": True}, model=model, **with_input),
        "tunes": of_pass(
            "fake_trains_on",
            NO_OPTIONS,
            augment={"flip": 0.5},
            environment=ENVIRONMENT,
            nouns=NOUNS_THAT_TRAIN,
            **with_input,
        ),
        "judges": of_pass("fake_any", {**NO_OPTIONS, "judging": True}, judging=judging, **with_input),
        "taught": of_pass(
            "fake_any", {**NO_OPTIONS, "others": ["start"]}, models={"start": DECISIVE}, **with_input
        ),
        "predictions": predictions,
        "keras": {
            **predictions,
            "code": "code of of.graph of.modality of.prediction of.task tflbuild.runtimes.keras",
            "runtime": {"name": "keras", "options": {}},
            "toolchain": {
                "tensorflow": "for evaluation",
                "tf_keras": "for evaluation",
                **LITERT,
            },
            "environment": ENVIRONMENT,
        },
        "truth": {
            "schema": 1,
            "measure": "truth",
            "task": "fake",
            "code": "code of of.task of.truth",
            "toolchain": NUMPY,
            "data": split_digest("val"),
            "reader": "code of fakes",
        },
        "accuracy": accuracy,
        "comparison": {**accuracy, "measure": "comparison", "predictions": "a", "before": "b"},
        "chance": {
            "schema": 1,
            "measure": "chance",
            "code": "code of of.chance",
            "toolchain": NUMPY,
            "predictions": "p",
            "truth": "t",
            "split": "val",
            "listed": {"labels.txt": ["a", "b"]},
        },
        "readings": {
            **predictions,
            "measure": "readings",
            "code": [predictions["code"], "code of of.readings"],
            "finding": sha256({"verdict": "chance"}),
        },
        "samples": {
            **predictions,
            "measure": "samples",
            "code": [predictions["code"], "code of of.samples"],
            "delivered": "its digest",
            "of": 4,
            "export": {"samples": 2, "embed": False, "steps": None, "relative": None},
            "keys": sha256(["val0"]),
            "cpu": "a processor",
        },
        "analysis": {
            **analysis,
            "analysis": "fake_analysis",
            "options": {"strength": 0.2},
            "toolchain": dict.fromkeys(("numpy", "PIL"), "for analysis 'fake_analysis'"),
            "models": {"model": DECISIVE},
            "data": {"data.val": split_digest("val")},
        },
        "heavy analysis": {
            **analysis,
            "analysis": "fake_heavy_analysis",
            "options": {"strength": 0.5},
            "toolchain": dict.fromkeys(("tensorflow", "numpy", "PIL"), "for analysis 'fake_heavy_analysis'"),
            "models": {"model": DECISIVE, "base": DECISIVE},
            "data": reads,
            "environment": ENVIRONMENT,
        },
        "analysis of predictions": {
            **analysis,
            "analysis": "fake_analysis",
            "code": "code of fakes of.comparing of.graph of.modality of.task",
            "options": {"strength": 0.5},
            "toolchain": dict.fromkeys(("numpy", "PIL"), "for analysis 'fake_analysis'"),
            "models": {"model": DECISIVE},
            "data": {"data.val": split_digest("val")},
            "predicted": {"model": "p"},
        },
        "size": {**fact, "metric": "file_bytes", "code": "code of of.metric", "cpu": "", "toolchain": {}},
        "latency": {
            **fact,
            "metric": "fake_latency",
            "code": "code of fakes",
            "cpu": "a processor",
            "toolchain": timed,
        },
        "delivery": {
            **given,
            "target": "fake_target",
            "options": {"step": "", "rule_file": None},
            "files": [],
            "toolchain": dict.fromkeys(("ai_edge_litert", "numpy"), "for target 'any'"),
        },
        "compilation": {
            **given,
            "target": "fake_compiler",
            "options": {"step": "", "rule_file": None, "system": str(world.recipe.targets["npu"].files()[0])},
            "files": [hashlib.sha256(b"config").hexdigest()],
            "toolchain": dict.fromkeys(("ai_edge_litert", "numpy"), "for target 'npu'"),
        },
    }


@pytest.mark.parametrize(
    "name", sorted(PASSES | EXECUTED | ANALYSES | OF_FILES | {"truth", "accuracy", "chance"})
)
def test_a_preimage_holds_exactly_what_decides(world: World, name: str) -> None:
    assert preimages(world)[name] == expected(world)[name]


def test_every_preimage_is_written_out_here(world: World) -> None:
    assert preimages(world).keys() == expected(world).keys()
    assert preimages(world)["comparison"] == expected(world)["comparison"]


EDITED: list[tuple[str, set[str]]] = [
    # a module, and the keys that an edit of it is in
    (
        "of.task",
        PASSES | EXECUTED | ANALYSES | {"truth", "delivery", "compilation"},
    ),  # e.g. how outputs are decoded
    ("of.modality", PASSES | EXECUTED | ANALYSES | {"delivery", "compilation"}),
    ("of.graph", PASSES | ANALYSES | {"keras"}),
    ("of.losses", TRAIN),
    ("of.batches", TRAIN),  # e.g. how samples are augmented
    ("of.metric", {"judges", "accuracy", "comparison", "size"}),
    ("tflbuild.runtimes.litert", {"judges", "predictions", "readings", "samples"}),
    ("tflbuild.runtimes.keras", {"judges", "keras"}),
    ("tflbuild.runtimes.onnxruntime", {"judges"}),
    ("tflbuild.engine.gate", {"judges"}),
]


@pytest.mark.parametrize(("module", "again"), EDITED, ids=[row[0] for row in EDITED])
def test_an_edit_of_a_noun_is_in_the_keys_of_what_it_decides_and_in_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, module: str, again: set[str]
) -> None:
    before = preimages(world)
    monkeypatch.setattr(
        keys_module, "code_digest", lambda *names: f"{code_of(*names)}{' edited' * (module in names)}"
    )
    after = preimages(world)
    assert {name for name in before if before[name] != after[name]} == again


def test_the_nouns_of_what_starts_a_model_are_those_of_the_data_and_of_the_architecture(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FakeData, "modality", "vector")
    nouns = preimages(world)["load"]["nouns"]
    assert nouns == "code of of.graph of.task tflbuild.modalities.vector"
    monkeypatch.setattr(fakes.FakeData, "task", "unlabelled")
    assert preimages(world)["load"]["nouns"] == nouns, "the architecture says what its outputs are of"
    monkeypatch.setattr(fakes.FakeOwn, "task", "")
    nouns = preimages(world)["load"]["nouns"]
    assert nouns == "code of tflbuild.modalities.vector tflbuild.tasks.unlabelled"


def test_tasks_and_modalities_of_one_module_are_told_apart_by_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for registry, name, cls in (
        (TASKS, "task", fakes.FakeTask),
        (MODALITIES, "modality", fakes.FakeModality),
    ):
        monkeypatch.setattr(registry, "_classes", {**registry._known, "another": cls})
        before = preimages(world)
        monkeypatch.setattr(fakes.FakeData, name, "another")
        after = preimages(world)
        again = {"start", "load", *(["truth"] if name == "task" else [])}
        assert {key for key in before if before[key] != after[key]} == again


def test_the_nouns_of_a_pass_with_an_input_are_those_of_its_meaning(world: World) -> None:
    age = {"modality": "vector", "shape": [1], "preprocess": {}}
    facts = {**fakes.FACTS, "task": "unlabelled", "inputs": {"x": fakes.INPUT, "age": age}}
    key = preimages(replace(world, model=artifact(meta={"facts": facts})))
    assert key["plain"]["nouns"] == "code of of.modality tflbuild.modalities.vector tflbuild.tasks.unlabelled"
    assert key["tunes"]["nouns"] == (
        "code of of.batches of.modality tflbuild.modalities.vector tflbuild.modalities.vector_batches "
        "tflbuild.tasks.unlabelled"
    )
    assert key["predictions"]["code"].split()[2:] == [
        "of.modality",
        "of.prediction",
        "tflbuild.modalities.vector",
        "tflbuild.runtimes.litert",
        "tflbuild.tasks.unlabelled",
    ]


def test_the_runtime_that_executes_is_in_by_its_options_its_tools_and_what_it_says_of_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RUNTIMES, "_classes", dict(RUNTIMES._known))

    @runtime("board")
    class Board(Runtime):
        needs = ("a_driver",)
        port: str = "usb"

        def key(self) -> dict[str, Any]:
            return {"firmware": 3}

    key = world.keys().predictions(world.model, "val", Board(port="tty"))
    assert key["runtime"] == {"name": "board", "options": {"port": "tty"}, "firmware": 3}
    assert list(key["toolchain"]) == ["a_driver", "numpy", "PIL"]
    assert key["code"] == code_of("of.prediction", __name__, "of.modality", "of.task")
    assert "environment" not in key


def test_a_limit_without_a_baseline_is_held_against_nothing(world: World) -> None:
    alone = HeldLimit(limit=Limit(metric="score", form="min", bound=0.5), baseline=None)
    key = preimages(replace(world, held=(alone, *world.held)))["judges"]
    assert [limit["baseline"] for limit in key["judging"]["limits"]] == ["", "the baseline"]


class Timed(fakes.FakeAnalysis):
    """An analysis that times something."""

    timed = True
    asks = ""


def test_what_is_timed_depends_on_the_processor_and_on_no_code_that_it_does_not_call(world: World) -> None:
    usual, timed = (
        world.keys().analysis(analysis, {"model": world.model}, {"model": "p"})
        for analysis in (fakes.FakeAnalysis(), Timed())
    )
    assert timed["cpu"] == "a processor"
    assert "cpu" not in usual
    assert " of.comparing" in usual["code"]
    assert " of.comparing" not in timed["code"]


def test_the_tools_of_a_pass_are_named_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes.FakeAny, "needs", ("tensorflow",))
    assert preimages(world)["plain"]["toolchain"] == {"tensorflow": "for pass 'fake_any'"}
    monkeypatch.setattr(fakes.FakeTarget, "needs", ("vela",))
    assert list(preimages(world)["delivery"]["toolchain"]) == ["vela", "ai_edge_litert", "numpy"]


def test_packages_that_the_code_of_whatever_makes_or_finds_something_imports_are_among_its_tools(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "tools_of", lambda *modules: {"imported": f"by {' '.join(modules)}"})
    found = {name: key.get("toolchain", {}).get("imported") for name, key in preimages(world).items()}
    assert {name for name, imported in found.items() if imported == "by fakes"} == PASSES | ANALYSES
    assert {name for name, imported in found.items() if imported == "by fakes of.describing"} == {
        "delivery",
        "compilation",
    }


def test_onednn_counts_as_on_where_nobody_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    assert preimages(world)["start"]["environment"]["onednn"] == "1"


def test_the_modules_that_a_data_set_names_are_code_of_its_reader(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FakeData, "code", lambda self: ("of.decoder",))
    assert preimages(world)["truth"]["reader"] == "code of fakes of.decoder"


def test_a_folder_beside_the_splits_may_be_called_data(world: World) -> None:
    keys = Keys(world.recipe, world.index, {"data.photos": {"a": "one"}}, NAMES)
    assert keys.source("data.photos") == sha256(["one"])
    assert keys.listing("data.photos") == {"a": "one"}
    assert keys.listing("data.val") == {"val0": "digest of val0"}
    keys = Keys(world.recipe, world.index, {"photos.val": {"a": "one"}}, NAMES)
    assert keys.source("photos.val") == sha256(["one"])
    assert keys.listing("photos.val") == {"a": "one"}


def test_a_keras_model_alone_needs_tensorflow() -> None:
    assert needs_tensorflow(artifact(KerasModel))
    assert not needs_tensorflow(artifact())


def test_a_difference_names_each_field_that_differs_by_its_path() -> None:
    before = {"a": {"b": 1, "c": {"d": 2}}, "e": 3, "gone": 1, "same": {"x": 1}, "list": [1]}
    after = {"a": {"b": 1, "c": {"d": 4}}, "e": {"f": 3}, "new": None, "same": {"x": 1}, "list": [1, 2]}
    assert difference(before, after) == [
        (("a", "c", "d"), 2, 4),
        (("e",), 3, {"f": 3}),
        (("gone",), 1, None),
        (("list",), [1], [1, 2]),
    ]


D1, D2 = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ((("options", "a", "b"), 1, 2), "prune2.a.b 1 -> 2"),
        ((("toolchain", "numpy"), "1", "2"), "numpy 1 -> 2"),
        ((("code",), D1, D2), "source of pass prune changed"),
        ((("meaning", "task"), "a", "b"), "task of the data a -> b"),
        ((("nouns",), D1, D2), "source of the task or of a modality changed"),
        ((("input", "meta"), D1, D2), "its input changed"),
        ((("models", "train", "meta"), D1, D2), "the output of train changed"),
        ((("models",), None, {}), "it now reads other steps"),
        ((("judging", "limits"), [], []), "prune2.budget or its baseline changed"),
        ((("judging", "strict"), False, True), "the data that judge its candidates changed"),
        ((("model", "code"), D1, D2), "source of the model changed"),
        ((("model", "files"), [], []), "model.path content changed"),
        ((("model", "options", "alpha"), 1.0, 0.5), "model.alpha 1.0 -> 0.5"),
        ((("model", "type"), "a", "b"), "type a -> b"),
        ((("data", "data.val"), D1, D2), "data.val content changed: data.val was 1111111111"),
        ((("data", "data.val"), None, D2), "data.val content changed"),
        ((("data", "data.val"), D1, None), "data.val content changed"),
        ((("data",), {}, {"data.val": D2}), " content changed"),
        ((("environment", "threads"), 2, 4), "worker.threads 2 -> 4"),
        ((("environment", "onednn"), "1", "0"), "TF_ENABLE_ONEDNN_OPTS 1 -> 0"),
        ((("environment", "machine"), "x", "y"), "kind of processor x -> y"),
        ((("environment", "device"), "cpu", "gpu"), "device cpu -> gpu"),
        ((("reader", "code"), D1, D2), "source of the data's reader changed"),
        ((("reader", "preprocess", "scale"), 1, 2), "data.preprocess.scale 1 -> 2"),
        ((("augment", "flip"), 0, 1), "data.augment.flip 0 -> 1"),
        ((("seed",), 0, 1), "seed 0 -> 1"),
        ((("schema", "of", "it"), D1, D2), "schema.of.it 1111111111 -> 2222222222"),
    ],
)
def test_a_difference_is_said_as_the_user_knows_the_field(
    change: tuple[tuple[str, ...], Any, Any], text: str
) -> None:
    def contents(source: str, before: str) -> str:
        return f"{source} was {before[:10]}"

    assert explained("prune2", "prune", change, contents) == text


def test_contents_that_are_not_remembered_are_not_spoken_of() -> None:
    assert explained("a", "b", (("data", "data.val"), D1, D2)) == "data.val content changed"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 63, "a" * 57 + "..."),
        ("a" * 64, "a" * 10),
        ("a" * 65, "a" * 57 + "..."),
        ("a" * 60, "a" * 60),
        ("a" * 61, "a" * 57 + "..."),
        (0.5, "0.5"),
    ],
)
def test_a_long_value_is_cut_and_a_digest_begun(value: Any, text: str) -> None:
    assert short(value) == text
