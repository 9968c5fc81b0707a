"""What passes that train do around the training, which is another's here: no TensorFlow is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from no_frameworks import Fake
from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import KerasModel
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.errors import BrokenPromise, PassError, RecipeError
from tflbuild.core.judgement import Judgement
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import Measurement
from tflbuild.modalities.image import batches as streams
from tflbuild.passes import cluster, load, prune, qat, train
from tflbuild.passes.cluster import Cluster
from tflbuild.passes.load import Load
from tflbuild.passes.prune import Prune
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.passes.quantizing import parity
from tflbuild.passes.reestimate_bn import ReestimateBatchNorm
from tflbuild.passes.train import Train
from tflbuild.passes.training import keras_writing
from tflbuild.passes.training.distillation import Distill

FACTS = Meaning.of_image(
    task="classification",
    height=8,
    width=6,
    labels=("a", "b"),
    preprocess={"scale": 0.0078125, "offset": -1.0},
)
DATA = DataFacts(task="detection", train=2400, classes=8, input_size=96)


def keras_model(path: Path, **meta: Any) -> KerasModel:
    return KerasModel(path=path, digest="d", fingerprint="f", meta={"facts": FACTS.to_json(), **meta})


class Context:
    """A pass's context whose files hold what was built, as text."""

    def __init__(self, folder: Path, judged: Callable[[Any], Judgement] | None = None) -> None:
        self.label, self.seed, self.notes, self.said = "step", 5, dict[str, Any](), list[str]()
        self.checkpoint_dir = self.scratch = folder
        self.augment: dict[str, Any] = {"enabled": True}
        self.preprocess = dict(FACTS.only.preprocess)
        self.modality, self.task = "image", "classification"
        self.told: list[Any] = []
        self.emitted: list[Any] = []
        self._judged = judged

    def log(self, text: str) -> None:
        self.said.append(text)

    def progress(self, *given: Any) -> None:
        self.told.append(given)

    def doing(self, text: str) -> None:
        pass

    def judge(self, model: Any) -> Judgement:
        assert self._judged is not None
        return self._judged(model)

    def emit(self, kind: Any, content: Any, *, fingerprint: str = "", **meta: Any) -> Any:
        path = self.scratch / f"emitted-{len(self.emitted)}.h5"
        content(path)
        made = SimpleNamespace(kind=kind, path=path, fingerprint=fingerprint, meta=meta)
        self.emitted.append(made)
        return made


def saved(built: Any, path: Path, facts: Any) -> None:
    path.write_text(str(built))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Models are text: a file's name without its ending, and what was done to it."""
    made = Fake(monkeypatch)
    made.module(
        monkeypatch,
        "keras",
        seed=lambda value: None,
        load=lambda path, **options: path.read_text() if path.exists() else path.stem,
        save=saved,
        fingerprint=lambda built: f"print of {built}",
        not_finite=lambda built: [],
        read_facts=lambda path: {},
        take_weights=lambda built, path: {"taken": 3},
        inputs_of=lambda built: {"image": built.input_shape[1:]},
    )
    made.module(
        monkeypatch,
        "tfmot",
        prunable_layers=lambda built, *rest: [SimpleNamespace(name=name) for name in ("one", "two", "head")],
        census=lambda built, *exclude: {"one/kernel": 0.5},
        overall_sparsity=lambda built: 0.123456,
        is_sparse=lambda built: "sparse" in str(built),
        SPARSE=0.1,
    )
    return made


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is trained, and with which options; the model itself stays text."""
    found: list[Any] = []

    def fit(built: Any, facts: Any, options: Any, ctx: Any, hooks: Any = None, **more: Any) -> float:
        found.append((built, facts, options, hooks, more))
        return 0.5

    for module in (prune, qat, cluster, train):
        monkeypatch.setattr(module, "fit", fit)
    return found


# --- keras_writing


def test_a_keras_file_is_named_by_its_weights_and_says_what_it_means(fake: Fake, tmp_path: Path) -> None:
    ctx: Any = Context(tmp_path)
    made: Any = keras_writing.emit_keras(ctx, "built", FACTS, quantized="qat")
    assert (made.kind, made.fingerprint, made.path.read_text()) == (KerasModel, "print of built", "built")
    assert made.meta == {"facts": FACTS.to_json(), "quantized": "qat"}
    assert fake.of("keras.save")[0][2] == FACTS.to_json(), "the facts lie in the file, too"


# --- prune


def pruning_module(fake: Fake, monkeypatch: pytest.MonkeyPatch, zeros: list[Any] | None = None) -> None:
    fake.module(
        monkeypatch,
        "pruning",
        Pattern=type(
            "Pattern",
            (),
            {"__init__": lambda self, **given: vars(self).update(given), "check": lambda *given: None},
        ),
        schedule=lambda *given: ("schedule", *given),
        break_ties=lambda *given: None,
        zeros_of=lambda *given: zeros or [],
        spread_over=lambda built, names, share, spread, pattern: dict.fromkeys(names, share),
        Pruning=type(
            "Pruning",
            (),
            {
                "__init__": lambda self, *given: setattr(self, "given", given),
                "hooks": lambda self: self.given,
            },
        ),
    )


@pytest.mark.parametrize(
    ("start", "levels", "shares"),
    [(0.6, 4, [0.6, 0.6 + 0.4 / 3, 0.6 + 0.8 / 3, 1.0]), (0.5, 2, [0.5, 1.0]), (0.3, 1, [1.0])],
)
def test_levels_rise_evenly_from_the_first_to_the_whole(
    start: float, levels: int, shares: list[float]
) -> None:
    found = list(Prune(schedule="iterative", start=start, levels=levels)._levels())
    assert [level.share for level in found] == pytest.approx(shares)
    assert [level.before for level in found] == pytest.approx([0.0, *shares[:-1]])
    assert [level.number for level in found] == list(range(levels))


def held(most: float) -> Callable[[Any], Judgement]:
    """Allow a share of zeros of at most so much."""

    def judge(model: Any) -> Judgement:
        share = model.meta["sparsity"]["target"]
        verdict = Verdict(
            limit=Limit(metric="map", form="min", bound=0.0),
            baseline=None,
            value=share,
            low=None,
            high=None,
            ok=share <= most,
            decided=True,
            text=f"it is {share:.2f}",
        )
        return Judgement(verdicts=(verdict,), metrics={"map": Measurement(value=1 - share, unit="1")})

    return judge


@pytest.mark.parametrize(
    ("most", "kept", "judged"), [(0.9, 0.8, 3), (0.65, 0.6, 3), (0.45, 0.4, 2), (0.1, 0.4, 1)]
)
def test_the_last_level_within_the_budget_is_kept_or_else_the_first(
    fake: Fake,
    trained: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    most: float,
    kept: float,
    judged: int,
) -> None:
    pruning_module(fake, monkeypatch)
    ctx: Any = Context(tmp_path, held(most))
    options = Prune(schedule="iterative", sparsity=0.8, start=0.5, levels=3, level_steps=11)
    made: Any = options.run(keras_model(tmp_path / "given.h5"), ctx)
    assert made.meta["sparsity"]["target"] == pytest.approx(kept)
    assert made.meta["sparsity"]["level"] == pytest.approx(kept / 0.8)
    assert [note["sparsity"] for note in ctx.notes["iterations"]] == pytest.approx([0.4, 0.6, 0.8][:judged])
    assert [note["ok"] for note in ctx.notes["iterations"]] == [share <= most for share in (0.4, 0.6, 0.8)][
        :judged
    ]
    assert ctx.notes["iterations"][0]["metrics"] == {"map": pytest.approx(0.6)}
    assert ctx.said[0] == "level 1 of 3: sparsity 0.4, it is 0.40"
    assert ctx.notes["sparsity"] == 0.1235
    assert [(lap["lap"].number, lap["lap"].of) for *_, lap in trained] == [(n, 3) for n in range(judged)]
    assert [options.steps for _, _, options, *_ in trained] == [11] * judged


def test_each_level_goes_on_from_the_one_before_with_its_own_seed_and_ramp(
    fake: Fake, trained: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pruning_module(fake, monkeypatch)
    ctx: Any = Context(tmp_path, held(1.0))
    options = Prune(
        schedule="iterative",
        sparsity=0.8,
        start=0.5,
        levels=2,
        level_steps=10,
        ramp=0.25,
        frequency=3,
        layers={"head": 0.4},
    )
    given = keras_model(tmp_path / "given.h5")
    options.run(given, ctx)
    assert fake.of("keras.seed") == [(5,), (6,)]
    loaded = [path.name for path, *_ in fake.of("keras.load")]
    assert loaded == ["given.h5", "level-0.h5", "level-0.h5", "given.h5", "level-1.h5"]
    (_, shares, course, _), (_, _, second, _) = (hooks for _, _, _, hooks, _ in trained)
    assert shares == {"one": 0.8, "two": 0.8, "head": 0.4}
    # kind, zeros in the end, steps, ramp, frequency, zeros there already
    assert course(0.8) == ("schedule", "polynomial", 0.4, 10, 0.25, 3, 0.0)
    assert second(0.4) == ("schedule", "polynomial", 0.4, 10, 0.25, 3, 0.2)
    assert [reached for _, reached, _ in fake.of("pruning.break_ties")] == [
        {"one": 0.4, "two": 0.4, "head": 0.2},
        {"one": 0.8, "two": 0.8, "head": 0.4},
    ]
    assert all(more["given"] is given for *_, more in trained)


def test_a_finished_level_is_not_trained_again(
    fake: Fake, trained: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pruning_module(fake, monkeypatch)
    options = Prune(schedule="iterative", sparsity=0.8, start=0.5, levels=2, level_steps=10)
    given, ctx = keras_model(tmp_path / "given.h5"), Context(tmp_path, held(1.0))
    (tmp_path / "level-0.h5").write_text("finished")
    options.run(given, ctx)  # type: ignore[arg-type]
    assert [built for built, *_ in trained] == ["finished"]
    assert ctx.emitted[0].path.read_text() == "finished"
    assert not list(tmp_path.glob("*.partial"))


def test_one_training_makes_all_zeros(
    fake: Fake, trained: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pruning_module(fake, monkeypatch)
    ctx: Any = Context(tmp_path)
    options = Prune(steps=9, sparsity=0.75, exclude=("head",), block_size=(2, 1), block_pooling="maximum")
    made: Any = options.run(keras_model(tmp_path / "given.h5"), ctx)
    assert made.meta["sparsity"] == {
        "target": 0.75,
        "schedule": "polynomial",
        "layers": {"one/kernel": 0.5},
        "overall": 0.123456,
    }
    ((built, facts, _, (_, shares, course, pattern), more),) = trained
    assert (built, facts, more["lap"].of) == ("given", FACTS, 1)
    assert shares == {"one": 0.75, "two": 0.75, "head": 0.0}
    assert course(0.75)[1:4] == ("polynomial", 0.75, 9)
    assert vars(pattern) == {"two_of_four": False, "block": (2, 1), "pooling": "maximum"}
    assert fake.of("tfmot.census") == [("given", ("head",))]


def test_what_pruning_would_undo_or_has_nothing_to_prune_is_refused(
    fake: Fake, trained: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pruning_module(fake, monkeypatch)
    ctx: Any = Context(tmp_path)
    options = Prune(steps=1)
    for meta, message in (
        ({"quantized": "qat"}, "prune it before 'qat'"),
        ({"clusters": {"layers": {}}}, "prune it before 'cluster'"),
    ):
        with pytest.raises(PassError, match=message):
            options.run(keras_model(tmp_path / "given.h5", **meta), ctx)
    with pytest.raises(PassError, match="no kernel is left to prune"):
        replace(options, layers={"*": 0.0}).run(keras_model(tmp_path / "given.h5"), ctx)
    replace(options, sparsity=0.0).run(
        keras_model(tmp_path / "given.h5"), ctx
    )  # for comparison: nothing is pruned


@pytest.mark.parametrize(
    ("zero", "blocks", "share", "enough"),
    [(5, 10, 0.5, True), (4, 10, 0.5, False), (4, 9, 0.5, True), (3, 4, 0.99, True), (0, 1, 0.9, True)],
)
def test_fewer_zeros_than_promised_are_noticed(
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    zero: int,
    blocks: int,
    share: float,
    enough: bool,
) -> None:
    found = SimpleNamespace(name="one/kernel", share=share, blocks=blocks, zero=zero, two_of_four=False)
    pruning_module(fake, monkeypatch, [found])
    model = keras_model(tmp_path / "given.h5")
    if enough:
        Prune(sparsity=share).verify(model, model)
    else:
        with pytest.raises(
            BrokenPromise,
            match=r"^one/kernel has 4 zeros of 10, not the 5 that are its part of sparsity=0\.5\.",
        ):
            Prune(sparsity=share).verify(model, model)
        with pytest.raises(BrokenPromise, match="4 blocks of zeros of 10"):
            Prune(sparsity=share, block_size=(1, 2)).verify(model, model)
    with pytest.raises(BrokenPromise, match=r"^one/kernel does not follow the 2:4 pattern\.$"):
        Prune(schedule="2:4").verify(model, model)
    found.two_of_four = True
    Prune(schedule="2:4").verify(model, model)


def test_zeros_of_a_level_are_held_to_that_level(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pruning_module(fake, monkeypatch)
    model = keras_model(tmp_path / "given.h5", sparsity={"level": 0.5})
    Prune(schedule="iterative", sparsity=0.8, level_steps=1).verify(model, model)
    Prune(sparsity=0.8).verify(model, model)
    assert [shares["one"] for _, shares, _ in fake.of("pruning.zeros_of")] == pytest.approx([0.4, 0.8])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": {"a": 1.0}}, "layers.a: 1.0 is not a share of zeros"),
        ({"layers": {"a": -0.1}}, "layers.a: -0.1 is not a share of zeros"),
        ({"schedule": "2:4", "sparsity": 0.6}, "sparsity: 0.6 is not possible"),
        ({"schedule": "2:4", "layers": {"a": 0.4}}, "layers.a: 0.4 is not possible"),
        ({"schedule": "2:4", "block_size": (1, 2)}, r"block_size: \[1, 2\] is not possible"),
        ({"level_steps": 3}, "level_steps: 3 is set, but schedule=polynomial has no levels"),
        (
            {"schedule": "iterative", "level_steps": 3, "steps": 9},
            "level_steps: 3 and the length of all levels",
        ),
        (
            {"schedule": "iterative", "level_steps": 3, "epochs": 9},
            "level_steps: 3 and the length of all levels",
        ),
        ({"steps": 3, "epochs": 9}, "epochs: 9 and steps: 3 are both set"),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Prune(**options).check()


def test_what_does_not_is_not() -> None:
    for options in (
        {},
        {"layers": {"a": 0.0}},
        {"schedule": "2:4", "layers": {"a": 0.0, "b": 0.5}},
        {"schedule": "iterative", "level_steps": 3},
    ):
        Prune(**options).check()  # type: ignore[arg-type]


def test_lengths_follow_from_the_data() -> None:
    """Four passes over 2400 images in batches of 32 are 300 steps, less than the usual 800; of 24,000 they are 3000."""
    assert Prune().resolve(DATA).steps == 800
    assert Prune().resolve(replace(DATA, train=24_000)).steps == 3000
    assert Prune(schedule="iterative", levels=3).resolve(DATA).level_steps == 267  # 800 / 3 = 266.7
    assert Prune(schedule="iterative", steps=10, levels=4).resolve(DATA).level_steps == 3
    assert Prune(schedule="iterative", level_steps=7).resolve(DATA).level_steps == 7
    # two passes over them are 150 and 1500
    for kind in (QuantizationAwareTraining, Cluster):
        assert kind().resolve(DATA).steps == 400
        assert kind().resolve(replace(DATA, train=24_000)).steps == 1500


def test_only_levels_are_judged() -> None:
    assert Prune(schedule="iterative").judges()
    assert not Prune().judges()


# --- qat


@pytest.fixture
def islands(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake.module(monkeypatch, "quantizable", quantizable=lambda built: built)
    fake.module(
        monkeypatch,
        "float_islands",
        heads=lambda built: {"one": "one", "one_norm": "one", "two": "two", "head": "head"},
        closed=lambda built, left: set(left),
    )
    fake.module(
        monkeypatch,
        "codebooks",
        census=lambda built: {"one/kernel": {"channel": 4}} if "clustered" in str(built) else {},
        check_kept=lambda *given: None,
    )

    class FakeQuantization:
        made: ClassVar[list[Any]]

        def __init__(self, built: Any, pixels: Any, **options: Any) -> None:
            self.made.append((built, pixels, options))
            self.model, self.finished = f"fake {built}", False

        def hooks(self) -> str:
            return "hooks"

        def finish(self) -> None:
            self.made.append("finished")

    FakeQuantization.made = []
    fake.module(
        monkeypatch, "fake_quantization", FakeQuantization=FakeQuantization, check_ranges=lambda *given: None
    )
    return fake


def made_fake() -> list[Any]:
    from tflbuild.training import fake_quantization

    return fake_quantization.FakeQuantization.made  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(("share", "step"), [(1.0, None), (0.5, 11), (0.0, 0)])
def test_batch_norm_is_frozen_at_a_share_of_the_steps_or_never(
    islands: Fake, trained: list[Any], tmp_path: Path, share: float, step: int | None
) -> None:
    ctx: Any = Context(tmp_path)
    made: Any = QuantizationAwareTraining(steps=21, freeze_bn=share, preserve="none").run(
        keras_model(tmp_path / "given.h5"), ctx
    )
    (built, pixels, options), finished = made_fake()
    assert (built, pixels, finished) == ("given", (-1.0, 127 / 128), "finished")
    assert options == {"preserve": False, "left_out": set(), "freeze_at": step}
    ((model, facts, _, hooks, more),) = trained
    assert (model, facts, hooks, more["given"].path.stem) == ("fake given", FACTS, "hooks", "given")
    assert made.meta == {"facts": FACTS.to_json(), "quantized": "qat"}


def test_what_the_file_holds_after_training_is_declared(
    islands: Fake, trained: list[Any], tmp_path: Path
) -> None:
    ctx: Any = Context(tmp_path)
    known = {"sparsity": {"target": 0.5, "overall": 9}, "clusters": {"target": 16, "layers": "old"}}
    made: Any = QuantizationAwareTraining(steps=1).run(
        keras_model(tmp_path / "sparse clustered.h5", **known), ctx
    )
    assert made.meta["sparsity"] == {"target": 0.5, "overall": 0.123456, "layers": {"one/kernel": 0.5}}
    assert made.meta["clusters"] == {"target": 16, "layers": {"one/kernel": {"channel": 4}}}
    lost: Any = QuantizationAwareTraining(steps=1).run(keras_model(tmp_path / "given.h5", **known), ctx)
    assert (lost.meta["sparsity"], lost.meta["clusters"]) == ({}, {}), "what was lost is no longer declared"


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({}, []),
        ({"exclude": ("one_norm",)}, ["one"]),
        ({"layers": ("one*",)}, ["head", "two"]),
        ({"layers": ("one", "two"), "exclude": ("two",)}, ["head", "two"]),
    ],
    ids=str,
)
def test_layers_are_quantized_with_what_they_are_fused_with(
    islands: Fake, options: dict[str, Any], left: list[str]
) -> None:
    assert QuantizationAwareTraining(**options)._left_out("built", "qat") == set(left)


def test_a_model_of_which_nothing_is_quantized_is_refused(
    islands: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    islands.module(
        monkeypatch, "float_islands", heads=lambda built: {"one": "one"}, closed=lambda built, left: set(left)
    )
    with pytest.raises(PassError, match=r"^qat\.layers and qat\.exclude leave no layer to quantize"):
        QuantizationAwareTraining(exclude=("*",))._left_out("built", "qat")


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [(0.5, 0.49, True), (0.5, 0.5, False), (0.05, 0.01, False), (0.5, 0.75, False)],
)
def test_zeros_that_training_lost_are_noticed(
    islands: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: float, after: float, lost: bool
) -> None:
    found = {"given": {"one": before, "gone": 0.9}, "result": {"one": after}}
    islands.module(monkeypatch, "tfmot", census=lambda built: found[built], SPARSE=0.1)
    given, result = keras_model(tmp_path / "given.h5"), keras_model(tmp_path / "result.h5")
    if lost:
        with pytest.raises(BrokenPromise, match=r"^one had 50\.0% zeros and now has 49\.0%\."):
            QuantizationAwareTraining().verify(given, result)
    else:
        QuantizationAwareTraining().verify(given, result)
        assert islands.of("codebooks.check_kept") == [("given", "result")]
    QuantizationAwareTraining(preserve="none").verify(given, result)
    assert islands.of("fake_quantization.check_ranges") == [("result", (-1.0, 127 / 128))] * 2


def test_a_fake_quantized_model_is_refused_by_whatever_trains_weights(
    islands: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster_modules(islands, monkeypatch)
    islands.module(monkeypatch, "batch_norm")
    model, ctx = keras_model(tmp_path / "given.h5", quantized="qat"), Context(tmp_path)
    for options, message in (
        (QuantizationAwareTraining(steps=1), r"^the model is fake-quantized already\.$"),
        (Cluster(steps=1), "cluster it before 'qat'"),
        (ReestimateBatchNorm(), "put 'reestimate_bn' before 'qat'"),
    ):
        with pytest.raises(PassError, match=message):
            options.run(model, ctx)  # type: ignore[arg-type]
    assert QuantizationAwareTraining().output_quantized()


# --- cluster


def cluster_modules(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, kernels: dict[str, Any] | None = None
) -> None:
    class Lookup:
        @staticmethod
        def of(*given: Any) -> Any:
            return ("lookup", *given)

    class Clustering:
        def __init__(self, built: Any, lookup: Any) -> None:
            self.found = {name: lookup(name, "kernel") for name in ("one", "two", "head")}

        def hooks(self) -> Any:
            return self.found

        def finish(self) -> None:
            fake.calls.append(("finish", (), {}))

    fake.module(monkeypatch, "clustering", Lookup=Lookup, Clustering=Clustering)
    fake.module(
        monkeypatch,
        "codebooks",
        census=lambda built: {"one/kernel": {"channel": 4}},
        clusterable=lambda built, clusters, per_channel: clusters,
        kernels=lambda built: (kernels or {})[built],
        most_distinct=lambda kernel, per_channel: len(np.unique(kernel)),
        sparse=lambda kernel: bool(np.mean(kernel == 0) > 0.3),
    )


def test_each_kernel_has_the_clusters_of_the_first_pattern_that_fits(
    fake: Fake, trained: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster_modules(fake, monkeypatch)
    ctx: Any = Context(tmp_path)
    options = Cluster(
        steps=1,
        clusters=16,
        layers={"one": 4, "*": 8},
        exclude=("head",),
        initialization="linear",
        per_channel=True,
    )
    made: Any = options.run(keras_model(tmp_path / "sparse.h5", sparsity={"target": 0.5}), ctx)
    ((_, _, _, hooks, _),) = trained
    assert hooks == {
        "one": ("lookup", "kernel", 4, "linear", True),
        "two": ("lookup", "kernel", 8, "linear", True),
        "head": None,
    }
    assert [name for name, *_ in fake.calls].count("finish") == 1
    assert ctx.notes["clustered"] == 2
    assert made.meta["clusters"] == {
        "target": 16,
        "per_channel": True,
        "layers": {"one/kernel": {"channel": 4}},
    }
    assert made.meta["sparsity"] == {"target": 0.5, "layers": {"one/kernel": 0.5}, "overall": 0.123456}
    dense: Any = Cluster(steps=1).run(keras_model(tmp_path / "given.h5"), ctx)
    assert "sparsity" not in dense.meta
    with pytest.raises(PassError, match="no kernel with enough weights to cluster"):
        Cluster(steps=1, exclude=("*",)).run(keras_model(tmp_path / "given.h5"), ctx)


def test_more_values_than_promised_and_lost_zeros_are_noticed(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    three, few = np.array([0.0, 1.0, 2.0, 0.0]), np.array([0.0, 5.0, 7.0, 7.0])
    kernels = {
        "given": {"one/kernel": three, "other/kernel": few},
        "result": {"one/kernel": three, "other/kernel": few + 1},  # one zero of four is no pruned kernel's
    }
    cluster_modules(fake, monkeypatch, kernels)
    given, result = keras_model(tmp_path / "given.h5"), keras_model(tmp_path / "result.h5")
    Cluster(clusters=3).verify(given, result)
    with pytest.raises(
        BrokenPromise, match=r"^one/kernel has 3 distinct values, not the 2 that were promised"
    ):
        Cluster(clusters=2).verify(given, result)
    with pytest.raises(BrokenPromise, match="has 3 distinct values of an output channel, not the 2"):
        Cluster(clusters=2, per_channel=True).verify(given, result)
    kernels["result"]["one/kernel"] = np.array([0.0, 1.0, 2.0, 1.0])
    with pytest.raises(BrokenPromise, match=r"^one/kernel lost zeros: it had 50\.0%\.$"):
        Cluster(clusters=3).verify(given, result)


# --- train and load


class Spec:
    """An architecture whose model is text with shapes."""

    task_on = Architecture.task_on
    also = ()

    def __init__(
        self, outputs: int = 2, head: dict[str, Any] | None = None, files: tuple[Any, ...] = ()
    ) -> None:
        self._outputs, self._head, self._files = outputs, head or {}, files
        self.task = "detection" if head else ""
        self.reference: Any = None
        self._weights = False

    def start(self, built: Any, classes: int) -> dict[str, Any]:
        return {"by": "name"} if self._weights else {}

    def otherwise(self) -> dict[str, Any]:
        return {}

    def build(self, classes: int) -> Any:
        shape = [(None, 10, 4), (None, 10, self._outputs)] if self._head else (None, self._outputs)
        self.built = SimpleNamespace(input_shape=(None, 8, 6, 3), output_shape=shape, classes=classes)
        return self.built

    def head_of(self, built: Any) -> dict[str, Any]:
        return self._head

    def original(self) -> Any:
        return self.reference

    def recognised(self) -> list[dict[str, str]]:
        return [{"what": "outputs", "value": "softmax", "evidence": "its last layer; more"}]

    def files(self) -> tuple[Any, ...]:
        return self._files

    def warnings(self, preprocess: Any) -> list[str]:
        return [f"scale is {preprocess['scale']}"]


def starting(folder: Path, spec: Spec, classes: tuple[str, ...] = ("a", "b")) -> Any:
    ctx: Any = Context(folder)
    ctx.model_spec = spec
    ctx.dataset = lambda source: {"data.train": SimpleNamespace(classes=classes)}[source]
    return ctx


@pytest.mark.parametrize("head", [{}, {"feature_maps": [[1, 1]]}], ids=["classifier", "detector"])
def test_a_trained_model_says_what_it_means(
    fake: Fake, trained: list[Any], tmp_path: Path, head: dict[str, Any]
) -> None:
    ctx, start = starting(tmp_path, Spec(head=head)), tmp_path / "start.h5"
    start.touch()
    made: Any = Train(steps=1, init=str(start)).run(None, ctx)
    assert made.meta["facts"] == {
        "task": "detection" if head else "classification",
        "labels": ["a", "b"],
        "inputs": {
            "image": {
                "modality": "image",
                "shape": [8, 6, 3],
                "preprocess": {"scale": 0.0078125, "offset": -1.0},
            }
        },
        "head": head,
    }
    assert ctx.notes == {"init": {"taken": 3}}
    assert fake.of("keras.seed") == [(5,)]
    assert fake.of("keras.take_weights") == [(ctx.model_spec.built, start)]
    assert ctx.model_spec.built.classes == 2
    for init in ("scratch", "continue"):
        Train(steps=1, init=init).run(None, starting(tmp_path, Spec()))
    assert len(fake.of("keras.take_weights")) == 1


def test_weights_of_the_model_and_of_the_pass_are_not_both_taken(
    fake: Fake, trained: list[Any], tmp_path: Path
) -> None:
    spec, start = Spec(), tmp_path / "start.h5"
    spec._weights = True
    start.touch()
    ctx = starting(tmp_path, spec)
    Train(steps=1).run(None, ctx)
    assert ctx.notes["weights"] == {"by": "name"}
    with pytest.raises(RecipeError, match=r"step\.init: '.*' and model\.weights both say which weights"):
        Train(steps=1, init=str(start)).run(None, starting(tmp_path, spec))


def test_no_steps_train_nothing(fake: Fake, trained: list[Any], tmp_path: Path) -> None:
    for steps in (0, 1):
        assert Train(steps=steps).resolve(DATA).steps == steps
        Train(steps=steps).run(None, starting(tmp_path, Spec()))
        assert len(trained) == steps


def test_the_file_to_start_from_is_read(tmp_path: Path) -> None:
    start = tmp_path / "start.h5"
    assert Train(init=str(start)).reads() == ("data.train",)
    start.touch()
    assert Train(init=str(start)).reads() == ("data.train", str(start))
    assert Train(init="continue").reads() == ("data.train",)


def test_weights_that_are_no_numbers_are_noticed_in_the_file(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = keras_model(tmp_path / "given.h5")
    Train().verify(None, model)
    assert fake.of("keras.load") == [(model.path, {"finite": False})], (
        "so that the one who names it is this pass"
    )
    fake.module(
        monkeypatch,
        "keras",
        load=lambda path, **options: "built",
        not_finite=lambda built: ["one/kernel", "two"],
    )
    with pytest.raises(BrokenPromise, match=r"^one/kernel holds values that are not finite\.$"):
        Train().verify(None, model)


@pytest.mark.parametrize("head", [{}, {"feature_maps": [[1, 1]]}], ids=["classifier", "detector"])
def test_a_loaded_model_has_the_classes_of_the_data(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, head: dict[str, Any]
) -> None:
    fake.module(monkeypatch, "keras_reference", LOOKS={}, Reference=None, agrees=None, found_in=None)
    ctx = starting(tmp_path, Spec(head=head))
    made: Any = Load().run(None, ctx)
    facts = made.meta["facts"]
    assert (facts["inputs"]["image"]["shape"], facts["labels"]) == ([8, 6, 3], ["a", "b"])
    assert (facts["task"], facts["head"]) == ("detection" if head else "classification", head)
    assert made.meta["loaded"] == made.fingerprint, "so that what is trained later is told from it"
    assert ctx.notes["recognised"][-1] == {
        "what": "preprocess",
        "value": "contradicted",
        "evidence": "scale is 0.0078125",
    }
    with pytest.raises(
        RecipeError, match=r"^model\.path: the model has 2 classes, but the data have 3 \(a, b, c\)\.$"
    ):
        Load().run(None, starting(tmp_path, Spec(head=head), ("a", "b", "c")))


def replace_scale(scale: float) -> dict[str, Any]:
    """Give what a file says of itself that was trained with another scale, which is all that it says of pixels."""
    image = replace(FACTS.only, preprocess={"scale": scale})
    return replace(FACTS, inputs={"image": image}).to_json()


def test_other_pixels_than_a_file_was_trained_with_are_refused(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load._refuse_other("a.h5", {"scale": 0.5, "offset": 0.0}, {"scale": 0.5, "offset": 0.0, "resize": "box"})
    load._refuse_other("a.h5", None, {"scale": 0.5})
    with pytest.raises(
        RecipeError,
        match=r"^model\.path: a\.h5 was trained .* set data\.preprocess\.scale=0\.5, data\.preprocess\.offset=0\.0\.",
    ):
        load._refuse_other(
            "a.h5", {"scale": 0.5, "offset": 0.0, "resize": "box"}, {"scale": 1.0, "resize": "box"}
        )
    fake.module(
        monkeypatch,
        "keras",
        read_facts=lambda path: replace_scale(0.5),
        inputs_of=lambda built: {"image": built.input_shape[1:]},
        fingerprint=str,
        save=saved,
    )
    with pytest.raises(RecipeError, match=r"set data\.preprocess\.scale=0\.5\."):
        Load().run(None, starting(tmp_path, Spec(files=(Path("a.h5"),))))


@pytest.mark.parametrize(
    ("mean", "spread", "right"),
    [(0.0, 1.0, True), (11.9, 0.0, True), (-12.1, 0.0, False), (0.0, 12.1, False)],
)
def test_pixels_far_from_what_a_layer_was_adapted_to_are_refused(
    mean: float, spread: float, right: bool
) -> None:
    values = np.array([mean - spread, mean + spread])
    if right:
        load._check_normalized({"norm": values}, "it")
    else:
        with pytest.raises(
            RecipeError,
            match=r"layer 'norm' of it was adapted to other pixels .* data\.preprocess\.scale=0\.00392157 ",
        ):
            load._check_normalized({"norm": values}, "it")


@dataclass(frozen=True)
class Original:
    """The user's model as loaded: what it gives is written down."""

    scores: list[list[float]]
    task: str = ""
    name: ClassVar[str] = "'m.h5'"
    nearness: ClassVar[float] = 1e-5
    advice: ClassVar[str] = ""
    kinds: ClassVar[tuple[str, ...]] = ("softmax",)

    def normalized(self, batch: Any) -> dict[str, Any]:
        return {}

    def raw(self, batch: Any) -> list[Any]:
        return [np.array(self.scores)]

    def finished(self, raw: Any) -> dict[str, Any]:
        assert self.task == "classification", "the task that the model's outputs are of"
        return {"scores": raw[-1]}

    def outputs(self, batch: Any) -> dict[str, Any]:
        return self.finished(self.raw(batch))


@pytest.mark.parametrize(("off", "right"), [(0.0, True), (0.9e-5, True), (2e-5, False)])
def test_a_flat_model_is_held_to_what_the_users_model_gives(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off: float, right: bool
) -> None:
    spec = Spec()
    spec.reference = Original([[1.0, 0.0]] * 3)
    fake.module(
        monkeypatch,
        "keras_reference",
        LOOKS={"softmax": "rows add up to 1"},
        agrees=lambda kind, rows: kind == "softmax" and rows.tolist() == [[1.0, 0.0]] * 3,
        found_in=lambda rows: "softmax",
        Reference=SimpleNamespace(of=lambda built, task: Original([[1.0, off]] * 3, task)),
    )
    monkeypatch.setattr(parity, "sample_batch", lambda facts, ctx: {"image": np.zeros((3, 1))})
    ctx = starting(tmp_path, spec)
    if right:
        Load().run(None, ctx)
        assert ctx.notes["parity"] == {
            "of": "'m.h5'",
            "outputs": {"scores": {"difference": off, "size": 1.0, "images": 3, "spread": 0.0}},
            "weak": "The outputs hardly change between the samples (standard deviation 0 of size 1), "
            "so this comparison proves little.",
        }
        assert ctx.notes["recognised"][0]["evidence"] == "its last layer; more; rows add up to 1 on 3 samples"
    else:
        with pytest.raises(
            BrokenPromise, match=r"^the flat model does not compute what 'm\.h5' does: scores differ"
        ):
            Load().run(None, ctx)
    spec.reference = Original([[3.0, 0.0]])
    with pytest.raises(
        RecipeError,
        match=r"^model\.outputs: the outputs of 'm\.h5' are taken for softmax, since its last layer, but their rows",
    ):
        Load().run(None, starting(tmp_path, spec))


@pytest.mark.parametrize(("off", "right"), [(0.9e-5, True), (2e-5, False)])
def test_outputs_of_data_without_labels_are_held_to_the_users_model_and_taken_for_nothing(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off: float, right: bool
) -> None:
    @dataclass(frozen=True)
    class Unlabelled(Original):
        def finished(self, raw: Any) -> dict[str, Any]:
            assert self.task == "unlabelled"
            return {"scores": raw[-1]}

    spec = Spec(outputs=7)
    spec.reference = Unlabelled([[3.0, 0.0]])
    fake.module(
        monkeypatch,
        "keras_reference",
        LOOKS=None,
        agrees=None,
        found_in=None,
        Reference=SimpleNamespace(of=lambda built, task: Unlabelled([[3.0, 3 * off]], task)),
    )
    monkeypatch.setattr(parity, "sample_batch", lambda facts, ctx: {"image": np.zeros((1, 1))})
    ctx = starting(tmp_path, spec, classes=())
    ctx.task = "unlabelled"
    if right:
        made: Any = Load().run(None, ctx)
        assert (made.meta["facts"]["task"], made.meta["facts"]["labels"]) == ("unlabelled", [])
        assert ctx.notes["recognised"][0]["evidence"] == "its last layer; more"
    else:
        with pytest.raises(BrokenPromise, match=r"^the flat model does not compute what"):
            Load().run(None, ctx)


# --- reestimate_bn


@pytest.mark.parametrize(
    ("options", "seen", "augmented"),
    [
        ({"samples": 10, "batch_size": 4}, 3, True),
        ({"samples": 8, "batch_size": 4, "augment": False}, 2, False),
    ],
)
def test_statistics_are_measured_on_whole_batches_of_the_train_split(
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: dict[str, Any],
    seen: int,
    augmented: bool,
) -> None:
    asked: list[Any] = []

    def population(built: Any, batches: Any, scaled: Any) -> str:
        asked.append((built, list(batches), scaled))
        return "statistics"

    def stream(*given: Any) -> Any:
        asked.append(given)
        return (SimpleNamespace(codes=number) for number in range(100))

    fake.module(
        monkeypatch,
        "batch_norm",
        norms_of=lambda built: ["norm"],
        population=population,
        moved=lambda built, found: f"{built} by {found}",
        assign=lambda built, found: None,
    )
    monkeypatch.setattr(streams, "training_batches", stream)
    ctx = starting(tmp_path, Spec())
    made: Any = ReestimateBatchNorm(**options).run(keras_model(tmp_path / "given.h5"), ctx)
    (_, _, augment, shape, size, seed, start), (built, images, scaled) = asked
    assert (augment["enabled"], shape, size, seed, start) == (augmented, (8, 6, 3), 4, 5, 0)
    assert (built, images, scaled(64.0)) == ("given", list(range(seen)), -0.5)
    assert ctx.notes == {"moved": "given by statistics", "samples": 4 * seen}
    assert ctx.told == [(done, seen, "batches") for done in range(1, seen + 1)]
    assert fake.of("batch_norm.assign") == [("given", "statistics")]
    assert (made.path.read_text(), made.meta) == ("given", {"facts": FACTS.to_json()})
    assert ReestimateBatchNorm().reads() == ("data.train",)
    fake.module(monkeypatch, "batch_norm", norms_of=lambda built: [])
    with pytest.raises(PassError, match="has no batch norm; leave this step out"):
        ReestimateBatchNorm().run(keras_model(tmp_path / "given.h5"), ctx)


@pytest.mark.parametrize(
    ("changed", "broken", "message"),
    [
        (["one/kernel", "two"], [], r"^one/kernel changed, which is not a statistic of a batch norm\.$"),
        ([], ["norm/mean"], r"^norm/mean holds values that are not finite\.$"),
    ],
)
def test_another_weight_that_changed_or_is_no_number_is_noticed(
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    changed: list[str],
    broken: list[str],
    message: str,
) -> None:
    given, result = keras_model(tmp_path / "given.h5"), keras_model(tmp_path / "result.h5")
    fake.module(
        monkeypatch,
        "batch_norm",
        changed=lambda before, after: changed if (before, after) == ("given", "result") else [],
    )
    fake.module(
        monkeypatch,
        "keras",
        load=lambda path: path.stem,
        not_finite=lambda built: broken if built == "result" else [],
    )
    with pytest.raises(BrokenPromise, match=message):
        ReestimateBatchNorm().verify(given, result)
    ReestimateBatchNorm().verify(given, given)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_file_that_training_could_not_load_is_refused_while_planning(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"^init: '.*broken.*' is not a Keras model .*[^.]$"):
        Train(init=str(path)).check()
    with pytest.raises(ValueError, match=r"^distill\.teacher: '.*broken.*' is not a Keras model .*[^.]$"):
        Distill(weight=0.5, teacher=str(path)).check()
    Distill(weight=0.0, teacher=str(path)).check()
