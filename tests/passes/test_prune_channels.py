"""What `prune_channels` leaves of a model, how far it goes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import Artifact, KerasModel
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.judgement import Judgement
from tflbuild.core.metric import Measurement
from tflbuild.data.signs import Signs
from tflbuild.passes.prune_channels import PruneChannels
from tflbuild.show.findings.notes import exhibits_of, lines_of
from tflbuild.testing import run_pass

pytestmark = [pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")]

FACTS = DataFacts(task="detection", train=2400, classes=8, input_size=96)

HALF = PruneChannels(macs=0.5, rounds=2, round_steps=2, batch_size=4, multiple=1, batches=2).resolve(FACTS)


class Judge:
    """Stands for the step's gate: open down to a number of channels."""

    def __init__(self, least: int = 0, stop_after: int | None = None) -> None:
        self.least, self.seen, self.stop_after = least, list[int](), stop_after

    def __call__(self, model: Artifact) -> Judgement:
        if len(self.seen) == self.stop_after:
            raise KeyboardInterrupt
        left = model.meta["channels"]["channels"]
        self.seen.append(left)
        verdict = Verdict(
            limit=Limit(metric="map", form="max_drop", bound=0.01),
            baseline=1.0,
            value=left / 40,
            low=None,
            high=None,
            ok=left >= self.least,
            decided=True,
            text=f"map {left / 40:.3f}",
        )
        return Judgement(verdicts=(verdict,), metrics={"map": Measurement(value=left / 40, unit="1")})


def macs_by_hand(model: KerasModel) -> int:
    """Count the multiply-accumulates of the small detector from the shapes of its kernels and its maps."""
    from tflbuild.backends import keras

    built = keras.load(model.path)
    places = {"conv_0": 256, "depthwise": 64, "pointwise": 64, "last": 16, "box_0": 16, "class_0": 16}
    return sum(count * int(np.prod(built.get_layer(name).weights[0].shape)) for name, count in places.items())


@pytest.mark.slow
@pytest.mark.parametrize(("importance", "rounds"), [("taylor", 2), ("batch_norm", 1), ("l1", 1)])
def test_what_is_left_is_as_small_as_promised(
    importance: Any, rounds: int, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import keras

    notes: dict[str, Any] = {}
    options = replace(HALF, importance=importance, rounds=rounds)
    result = run_pass(options, small_detector, tmp_path, data=few_signs, notes=notes, judge=Judge())
    found, whole = macs_by_hand(result), macs_by_hand(small_detector)
    assert 0.35 * whole < found <= 0.5 * whole
    note = notes["channels"]
    assert note["macs"] == {"before": whole, "after": found}
    assert note["parameters"]["after"] == keras.load(result.path).count_params()
    assert {group["name"]: group["before"] for group in note["groups"]} == {
        "conv_0": 8,
        "pointwise": 16,
        "last": 16,
    }
    assert sorted(group["name"] for group in note["whole"]) == ["box_0", "class_0"]
    built = keras.load(result.path)
    assert {group["name"]: built.get_layer(group["name"]).filters for group in note["groups"]} == {
        group["name"]: group["after"] for group in note["groups"]
    }
    assert [one.get("ok") for one in note["rounds"]] == ([True, True] if rounds == 2 else [None])
    assert note["rounds"][0]["macs"] <= 1 - 0.5 / rounds
    (line,) = lines_of(notes)
    assert f"multiply-accumulates {whole:,} -> {found:,}" in line
    assert [exhibit.title for exhibit in exhibits_of(notes)] == ["channels"]


@pytest.mark.slow
def test_a_share_of_the_channels_leaves(small_detector: KerasModel, few_signs: Signs, tmp_path: Path) -> None:
    judge = Judge()
    options = replace(HALF, macs=None, sparsity=0.5, exclude=("conv_?",))
    run_pass(options, small_detector, tmp_path, data=few_signs, judge=judge)
    assert judge.seen == [24, 16]  # of the 32 that are not excluded


@pytest.mark.slow
def test_no_sparsity_is_a_training_for_comparison(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = replace(HALF, macs=None, sparsity=0.0, rounds=1, distill=replace(HALF.distill, weight=0.5))
    notes: dict[str, Any] = {}
    result = run_pass(options, small_detector, tmp_path, data=few_signs, notes=notes, judge=Judge())
    assert macs_by_hand(result) == macs_by_hand(small_detector)
    assert notes["distill"] == {"teacher": "input", "weight": 0.5, "temperature": 2.0}


@pytest.mark.slow
@pytest.mark.parametrize(("least", "rounds", "kept"), [(33, 2, 0), (41, 1, 0)])
def test_the_last_round_within_the_budget_is_kept(
    least: int, rounds: int, kept: int, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    judge, notes = Judge(least), dict[str, Any]()
    options = replace(HALF, macs=None, sparsity=0.3)
    result = run_pass(options, small_detector, tmp_path, data=few_signs, notes=notes, judge=judge)
    assert judge.seen == [34, 28][:rounds]
    assert result.meta["channels"]["channels"] == judge.seen[kept]
    assert notes["channels"]["channels"] == {"before": 40, "after": judge.seen[kept]}
    assert [one["ok"] for one in notes["channels"]["rounds"]] == [seen >= least for seen in judge.seen]


@pytest.mark.slow
def test_all_rounds_are_run_where_no_budget_is_asked(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    judge, notes = Judge(41), dict[str, Any]()
    options = replace(HALF, macs=None, sparsity=0.3, within_budget=False, round_steps=1)
    result = run_pass(options, small_detector, tmp_path, data=few_signs, notes=notes, judge=judge)
    assert judge.seen == []
    assert result.meta["channels"]["channels"] == 28
    assert notes["channels"]["rounds"] == [
        {"macs": pytest.approx(0.75, abs=0.25), "channels": channels} for channels in (0.85, 0.7)
    ]
    assert len(lines_of(notes)) == 1


@pytest.fixture
def one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every run of a pass have the same folder of checkpoints, as the same action has in the store."""
    from tflbuild.engine.workers.context import WorkerContext

    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setattr(WorkerContext, "checkpoint_dir", folder)
    return folder


@pytest.mark.slow
def test_a_killed_pruning_goes_on_at_its_round(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path, one_folder: Path
) -> None:
    whole = run_pass(HALF, small_detector, tmp_path, data=few_signs, judge=Judge())
    for path in one_folder.iterdir():
        path.unlink()
    with pytest.raises(KeyboardInterrupt):
        run_pass(HALF, small_detector, tmp_path, data=few_signs, judge=Judge(stop_after=1))
    (one_folder / "round-1.h5").unlink()  # killed in the training of the second round
    kept = {path: path.stat().st_mtime_ns for path in one_folder.glob("*.h5")}
    assert sorted(path.name for path in kept) == ["cut-0.h5", "cut-1.h5", "round-0.h5"]
    resumed = run_pass(HALF, small_detector, tmp_path, data=few_signs, judge=Judge())
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert resumed.fingerprint == whole.fingerprint


@pytest.mark.slow
def test_the_time_that_is_left_is_measured(
    small_detector: KerasModel,
    few_signs: Signs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock is a fake one that counts numbers in the file: no timing is an assertion."""
    from tflbuild.passes.training import measured_latency
    from tflbuild.runtimes import interpreter
    from tflbuild.tflite import flatbuffer

    def latency(path: Path, threads: int = 1, runs: int = 50) -> dict[str, Any]:
        assert interpreter.operators(path)  # a file that LiteRT runs
        shapes = [tensor.shape for tensor in flatbuffer.load(path).subgraphs[0].tensors]
        return {"median": sum(float(np.prod(shape)) for shape in shapes if len(shape) > 2)}

    monkeypatch.setattr(interpreter, "latency", latency)
    monkeypatch.setattr(measured_latency, "TRIES", 4)
    notes: dict[str, Any] = {}
    options = replace(HALF, macs=None, target_latency=0.8, rounds=1)
    run_pass(options, small_detector, tmp_path, data=few_signs, notes=notes, judge=Judge())
    found = notes["channels"]["latency"]
    assert 0.65 < found["share"] <= 0.8
    assert found["after_ms"] / found["before_ms"] == pytest.approx(found["share"], abs=1e-3)
    assert "x the latency" in lines_of(notes)[0]
    with pytest.raises(
        PassError, match=r"target_latency: 0.1 cannot be reached; the smallest model .* takes 0\.\d\d x"
    ):
        run_pass(
            replace(options, target_latency=0.1), small_detector, tmp_path, data=few_signs, judge=Judge()
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"macs": 0.02},
            r"macs: 0.02 would leave a layer with too few channels; the least that fits with minimum=4",
        ),
        (
            {"macs": None, "sparsity": 0.95},
            r"sparsity: 0.95 would leave .*; the most that fits with .* is 0.7",
        ),
        ({"exclude": ("pontwise",)}, r"exclude: 'pontwise' fits no layer that gives channels; .* pointwise"),
        (
            {"exclude": ("*",)},
            r"no channel can leave the model: 'conv_0': it is excluded; .*'prune' sets single",
        ),
        ({"multiple": 64}, r"macs: 0.5 would leave .* with minimum=4, multiple=64 and most=0.8 is 1\."),
    ],
)
def test_what_would_empty_a_layer_is_refused_before_anything_is_trained(
    options: dict[str, Any], message: str, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    with pytest.raises(PassError, match=message):
        run_pass(replace(HALF, **options), small_detector, tmp_path, data=few_signs, judge=Judge())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("done", "later"),
    [
        ({"quantized": "qat"}, "qat"),
        ({"clusters": {"target": 16}}, "cluster"),
        ({"sparsity": {"target": 0.5}}, "prune"),
    ],
)
def test_a_model_that_training_would_undo_is_refused(
    done: dict[str, Any], later: str, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    made = replace(small_detector, meta={**small_detector.meta, **done})
    with pytest.raises(
        PassError, match=f"would undo what '{later}' did; put '{later}' behind 'prune_channels'"
    ):
        run_pass(HALF, made, tmp_path, data=few_signs)


@pytest.mark.slow
def test_a_model_without_batch_norm_has_other_measures(few_signs: Signs, tmp_path: Path) -> None:
    from tf_keras import Model, layers

    from kept_models import SIDE, kept

    image = layers.Input((SIDE, SIDE, 3), name="image")
    flat = layers.Flatten()(layers.Conv2D(8, 3, 8, activation="relu")(image))
    model = kept(Model(image, layers.Dense(8)(flat)), "classification", tmp_path / "plain.h5", {})
    with pytest.raises(
        PassError, match="no batch norm with a scale to read it off; 'taylor' and 'l1' need none"
    ):
        run_pass(replace(HALF, importance="batch_norm"), model, tmp_path, data=few_signs, judge=Judge())
    result = run_pass(replace(HALF, rounds=1), model, tmp_path, data=few_signs, judge=Judge())
    assert result.meta["channels"]["channels"] == 4


@pytest.mark.slow
def test_a_whole_file_breaks_the_promise(small_detector: KerasModel) -> None:
    channels = {"share": 1.0, "macs": 0, "channels": 0}
    whole = replace(small_detector, meta={**small_detector.meta, "channels": channels})
    with pytest.raises(
        BrokenPromise, match=r"(\d+) of \1 multiply-accumulates and 40 of 40 channels are left"
    ):
        HALF.verify(small_detector, whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "^macs: none of macs, sparsity and target_latency is set; set one, e.g. macs=0.5"),
        ({"macs": 0.5, "sparsity": 0.4}, "^sparsity: 0.4 and macs: 0.5 are both set; one is enough"),
        ({"macs": 0.5, "target_latency": 0.7}, "^target_latency: 0.7 and macs: 0.5 are both set"),
        ({"macs": 0.5, "round_steps": 5, "steps": 9}, "^round_steps: 5 and the length of all rounds"),
        ({"macs": 0.5, "epochs": 1, "steps": 9}, "^epochs: 1 and steps: 9 are both set"),
    ],
)
def test_exactly_one_option_says_how_far(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PruneChannels(**options).check()


def test_the_length_of_a_round_and_the_comparison_follow() -> None:
    assert PruneChannels(macs=0.5, steps=100, rounds=3).resolve(FACTS).round_steps == 34
    assert PruneChannels(macs=0.5, epochs=2, rounds=2).resolve(FACTS).round_steps == 75  # 2 * 2400 / 32 / 2
    assert PruneChannels(macs=0.5).resolve(FACTS).compare == "cost"
    assert PruneChannels(macs=0.5, importance="l1").resolve(FACTS).compare == "both"
    assert PruneChannels(macs=0.5).judges()
    assert not PruneChannels(macs=0.5, rounds=1).judges()
    assert not PruneChannels(macs=0.5, within_budget=False).judges()
