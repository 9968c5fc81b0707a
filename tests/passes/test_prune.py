"""What `prune` promises of the zeros in its file."""

from __future__ import annotations

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
from tflbuild.passes.prune import Prune
from tflbuild.testing import run_pass
from tflbuild.training.zeros_by_layer import zeros_by_layer

KERNELS = {"conv_0/kernel", "pointwise/kernel", "last/kernel", "box_0/kernel", "class_0/kernel"}
"""Of the small detector; its depthwise kernel is none that tfmot prunes."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def kernels(model: KerasModel) -> dict[str, np.ndarray[Any, Any]]:
    from tflbuild.backends import keras

    built = keras.load(model.path)
    return {name: built.get_layer(name.split("/")[0]).kernel.numpy() for name in KERNELS}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"schedule": "constant"}, {"steps": 1}, {"frequency": 3}, {"ramp": 1.0}]
)
def test_each_kernel_ends_with_the_declared_zeros(
    options: dict[str, Any], small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = {"steps": 7, "batch_size": 4, "sparsity": 0.75, "spread": "even", **options}
    result = run_pass(Prune(**options), small_detector, tmp_path, data=few_signs)
    assert result.meta["sparsity"]["layers"] == dict.fromkeys(KERNELS, 0.75)
    assert {name: np.mean(values == 0) for name, values in kernels(result).items()} == dict.fromkeys(
        KERNELS, 0.75
    )
    assert result.meta["sparsity"]["overall"] == 0.75


@pytest.mark.slow
def test_lamp_shares_the_zeros_by_the_weights_that_training_starts_from(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = Prune(steps=3, batch_size=4, sparsity=0.75, layers={"class_*": 0.25})
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    before, after = kernels(small_detector), kernels(result)
    rest = {name: values for name, values in before.items() if name != "class_0/kernel"}
    wanted = zeros_by_layer(rest, 0.75, "lamp") | {"class_0/kernel": 0.25}
    zeros = {name: int(np.sum(values == 0)) for name, values in after.items()}
    for name, share in wanted.items():
        assert abs(zeros[name] - share * after[name].size) <= 1, name
    overall = sum(zeros[name] for name in rest) / sum(values.size for values in rest.values())
    assert overall == pytest.approx(0.75, abs=0.01)
    assert len({round(share, 3) for share in wanted.values()}) > 2


@pytest.mark.slow
def test_two_of_four_leaves_two_zeros_in_each_four_input_channels(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = Prune(steps=3, batch_size=4, schedule="2:4")
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    pointwise = kernels(result)["pointwise/kernel"]  # (1, 1, 8 input channels, 16 output channels)
    fours = pointwise[0, 0].T.reshape(-1, 4)
    assert (np.count_nonzero(fours, axis=1) == 2).all()


@pytest.mark.slow
def test_excluded_layers_stay_dense(small_detector: KerasModel, few_signs: Signs, tmp_path: Path) -> None:
    options = Prune(steps=2, batch_size=4, exclude=("conv_0", "class_*"), spread="even")
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    zeros = {name: np.mean(values == 0) for name, values in kernels(result).items()}
    assert zeros == {name: 0.0 if name.startswith(("conv_0", "class_")) else 0.5 for name in KERNELS}
    assert result.meta["sparsity"]["overall"] < 0.5


@pytest.mark.slow
def test_no_sparsity_is_a_training_for_comparison(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    result = run_pass(Prune(steps=1, batch_size=4, sparsity=0.0), small_detector, tmp_path, data=few_signs)
    assert result.meta["sparsity"]["overall"] == 0.0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    runs = [
        run_pass(Prune(steps=3, batch_size=4), small_detector, tmp_path, data=few_signs) for _ in range(2)
    ]
    assert runs[0].fingerprint == runs[1].fingerprint


@pytest.mark.slow
def test_a_dense_file_breaks_the_promise(small_detector: KerasModel) -> None:
    with pytest.raises(BrokenPromise, match=r"zeros of .* its part of sparsity=0.5"):
        Prune().verify(small_detector, small_detector)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("done", "later"), [({"quantized": "qat"}, "qat"), ({"clusters": {"target": 16}}, "cluster")]
)
def test_a_model_that_pruning_would_undo_is_refused(
    done: dict[str, Any], later: str, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    made = KerasModel(
        path=small_detector.path, digest="", fingerprint="", meta={**small_detector.meta, **done}
    )
    with pytest.raises(PassError, match=f"prune it before '{later}'"):
        run_pass(Prune(steps=1), made, tmp_path, data=few_signs)


@pytest.mark.slow
def test_leaving_out_every_layer_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    with pytest.raises(PassError, match="no kernel is left to prune"):
        run_pass(Prune(steps=1, exclude=("*",)), small_detector, tmp_path, data=few_signs)


def test_a_sparsity_that_two_of_four_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^sparsity: 0.7 is not possible with schedule=2:4"):
        Prune(schedule="2:4", sparsity=0.7).check()


def test_the_length_follows_from_the_data() -> None:
    facts = DataFacts(task="detection", train=2400, classes=8, input_size=96)
    assert (Prune().resolve(facts).steps or 0) > 0
    assert Prune(epochs=2).resolve(facts).steps == 150  # 2 * 2400 / 32, by hand


@pytest.mark.slow
def test_patterns_give_single_layers_another_share(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    given = {"last": 0.75, "*s*": 0.25, "conv_?": 0.0}
    options = Prune(steps=2, batch_size=4, layers=given, exclude=("class_*",))
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    zeros = {name.split("/")[0]: np.mean(values == 0) for name, values in kernels(result).items()}
    assert zeros == {"conv_0": 0.0, "pointwise": 0.25, "last": 0.75, "box_0": 0.5, "class_0": 0.0}
    with pytest.raises(BrokenPromise, match=r"last/kernel has 1728 zeros of 2304, not the 2073 that"):
        Prune(layers={"last": 0.9, "*": 0.25}, exclude=("c*",)).verify(small_detector, result)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"layers": {"conv_pw_*": 0.7}},
            r"prune.layers: 'conv_pw_\*' fits no layer .* the nearest are .*conv_0",
        ),
        ({"exclude": ("pontwise",)}, r"prune.exclude: 'pontwise' fits no layer .* nearest .*pointwise"),
        ({"layers": {"depthwise": 0.7}}, "prune.layers: 'depthwise' fits no layer that can be pruned"),
        ({"layers": {"*": 0.0}}, "no kernel is left to prune"),
        ({"block_size": (1, 4)}, "block_size: .* is for dense layers"),
    ],
)
def test_what_fits_no_layer_is_refused(
    options: dict[str, Any], message: str, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    with pytest.raises(PassError, match=message):
        run_pass(Prune(steps=1, **options), small_detector, tmp_path, data=few_signs)


def test_the_order_of_patterns_is_part_of_the_key() -> None:
    facts = DataFacts(task="detection", train=2400, classes=8, input_size=96)
    one, other = ({"a*": 0.7, "*b": 0.6}, {"*b": 0.6, "a*": 0.7})
    assert Prune(layers=one).resolve(facts) != Prune(layers=other).resolve(facts)
    assert Prune(layers=one).resolve(facts).layers == (("a*", 0.7), ("*b", 0.6))


@pytest.mark.slow
def test_blocks_of_a_dense_layer_are_counted_in_the_file(
    small_classifier: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import keras

    options = Prune(steps=3, batch_size=4, block_size=(1, 4), sparsity=0.75, spread="even")
    result = run_pass(options, small_classifier, tmp_path, data=few_signs)
    dense = keras.load(result.path).get_layer("scores").kernel.numpy()  # (16 inputs, 8 outputs)
    assert np.count_nonzero((dense.reshape(16, 2, 4) == 0).all(axis=2)) == 24
    with pytest.raises(BrokenPromise, match=r"scores/kernel has \d+ blocks of zeros of 8, not the 6"):
        Prune(block_size=(4, 4), sparsity=0.75, spread="even").verify(small_classifier, result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"schedule": "2:4", "layers": {"last": 0.7}},
            r"^layers.last: 0.7 is not possible with schedule=2:4",
        ),
        (
            {"schedule": "2:4", "block_size": (1, 4)},
            r"^block_size: \[1, 4\] is not possible with schedule=2:4",
        ),
        ({"layers": {"last": 1.5}}, r"^layers.last: 1.5 is not a share of zeros; it should be at least 0"),
        ({"level_steps": 5}, r"^level_steps: 5 is set, but schedule=polynomial has no levels"),
        (
            {"schedule": "iterative", "level_steps": 5, "steps": 9},
            r"^level_steps: 5 and the length of all levels",
        ),
    ],
)
def test_options_that_contradict_one_another_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Prune(**options).check()


def test_the_length_of_a_level_follows_from_that_of_all() -> None:
    facts = DataFacts(task="detection", train=2400, classes=8, input_size=96)
    for length in ({"steps": 10}, {"level_steps": 3}, {"epochs": 0.13}):  # 0.13 * 2400 / 32 is 9.75
        resolved = Prune(schedule="iterative", levels=4, **length).resolve(facts)
        resolved.check()
        assert (resolved.level_steps, resolved.steps, resolved.epochs) == (3, None, None)
    assert Prune(schedule="iterative").judges()
    assert not Prune().judges()


class Judge:
    """Stands for the step's gate: open up to a sparsity."""

    def __init__(self, most: float, stop_after: int | None = None) -> None:
        self.most, self.seen, self.stop_after = most, list[float](), stop_after

    def __call__(self, model: Artifact) -> Judgement:
        if len(self.seen) == self.stop_after:
            raise KeyboardInterrupt
        found = model.meta["sparsity"]["overall"]
        self.seen.append(round(found, 3))
        verdict = Verdict(
            limit=Limit(metric="map", form="max_drop", bound=0.01),
            baseline=1.0,
            value=1.0 - found,
            low=None,
            high=None,
            ok=found <= self.most,
            decided=True,
            text=f"map {1 - found:.3f}",
        )
        return Judgement(verdicts=(verdict,), metrics={"map": Measurement(value=1.0 - found, unit="1")})


ITERATIVE = Prune(
    schedule="iterative", level_steps=2, levels=3, start=1 / 3, sparsity=0.75, batch_size=4, spread="even"
)
"""Levels 0.25, 0.5 and 0.75."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("most", "seen", "kept"),
    [(0.6, [0.25, 0.5, 0.75], 0.5), (0.1, [0.25], 0.25)],
)
def test_the_last_level_within_the_budget_is_kept(
    most: float, seen: list[float], kept: float, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    judge, notes = Judge(most), dict[str, Any]()
    result = run_pass(ITERATIVE, small_detector, tmp_path, data=few_signs, notes=notes, judge=judge)
    assert judge.seen == seen
    assert {name: np.mean(values == 0) for name, values in kernels(result).items()} == dict.fromkeys(
        KERNELS, kept
    )
    assert [round(note["sparsity"], 3) for note in notes["iterations"]] == seen
    assert [note["ok"] for note in notes["iterations"]] == [level <= most for level in seen]
    assert notes["iterations"][0]["metrics"] == {"map": pytest.approx(0.75)}
    assert notes["sparsity"] == pytest.approx(kept, abs=1e-4)


@pytest.fixture
def one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every run of a pass have the same folder of checkpoints, as the same action has in the store."""
    from tflbuild.engine.workers.context import WorkerContext

    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setattr(WorkerContext, "checkpoint_dir", folder)
    return folder


@pytest.mark.slow
def test_a_killed_pruning_goes_on_at_its_level(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path, one_folder: Path
) -> None:
    whole = run_pass(ITERATIVE, small_detector, tmp_path, data=few_signs, judge=Judge(1.0))
    for path in one_folder.iterdir():
        path.unlink()
    with pytest.raises(KeyboardInterrupt):
        run_pass(ITERATIVE, small_detector, tmp_path, data=few_signs, judge=Judge(1.0, stop_after=1))
    finished = {path: path.stat().st_mtime_ns for path in one_folder.glob("*.h5")}
    assert sorted(path.name for path in finished) == ["level-0.h5", "level-1.h5"]
    judge = Judge(1.0)
    resumed = run_pass(ITERATIVE, small_detector, tmp_path, data=few_signs, judge=judge)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert judge.seen == [0.25, 0.5, 0.75]
    assert resumed.fingerprint == whole.fingerprint
    assert resumed.meta["sparsity"]["overall"] == 0.75
