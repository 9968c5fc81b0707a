"""Training on the recipe's data: which option becomes what of a training that is another's; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from no_frameworks import Fake
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import Batch
from tflbuild.modalities.image import batches as stream
from tflbuild.passes.training import fitting as module
from tflbuild.passes.training.distillation import Distill
from tflbuild.passes.training.fitting import Fitting, Lap, fit, shortened

FACTS = DataFacts(task="classification", train=100, classes=2, input_size=96)
MODEL_FACTS = Meaning.of_image(
    task="classification",
    height=8,
    width=6,
    labels=("a", "b"),
    preprocess={"scale": 0.5, "offset": -1.25},
)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """As `training.Watch`."""

    progress: Any
    log: Any
    checkpoint: Path
    checkpoint_seconds: float
    label: str
    doing: Any
    continued: Any
    trained: Any
    epoch: float


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """As `training.Schedule`, every field of which has to be given."""

    steps: int
    learning_rate: float
    warmup: int
    shape: str
    decay: float
    drops: tuple[float, ...]
    weight_decay: float
    gradient_clip: float
    average: float


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake(monkeypatch)
    made.module(monkeypatch, "keras", output_kind=lambda model: model)
    made.module(
        monkeypatch,
        "losses",
        detection=lambda kind: f"detection {kind}",
        independent=lambda smoothing: f"independent {smoothing}",
        classification=lambda logits, smoothing: f"classification {logits} {smoothing}",
    )
    made.module(monkeypatch, "loop", Schedule=Schedule, Watch=Watch, fit=lambda *given: 0.123456)
    made.module(monkeypatch, "distillation")
    made.fresh(monkeypatch, "tflbuild.tasks.classification.training")
    detection = made.fresh(monkeypatch, "tflbuild.tasks.detection.training")
    monkeypatch.setattr(detection, "detection_targets", lambda batch, boxes: (batch.codes, boxes))
    monkeypatch.setattr(detection, "anchors_of", lambda facts: "boxes")
    monkeypatch.setattr(stream, "training_batches", lambda *given: [Batch(given, [], [[1]])])
    monkeypatch.setattr(module, "ahead", list)
    return made


def context(folder: Path) -> Any:
    told: list[Any] = []
    return SimpleNamespace(
        seed=7,
        label="prune",
        augment={"enabled": False},
        notes={},
        dataset=lambda source: {"data.train": "train split"}[source],
        progress=lambda *given: told.append(given),
        told=told,
        log=print,
        checkpoint_dir=folder,
        doing=lambda text: None,
        continued=lambda *given: told.append(given),
        trained=lambda *given, **figures: told.append((*given, figures)),
        checkpoint_seconds=30.0,
    )


OPTIONS = Fitting(
    steps=40,
    batch_size=3,
    learning_rate=0.25,
    learning_rate_schedule="step",
    learning_rate_decay=0.5,
    learning_rate_drops=(0.3, 0.6),
    warmup=0.1,
    weight_decay=0.01,
    gradient_clip=5.0,
    average=0.9,
    loss="focal",
    label_smoothing=0.2,
    value_loss="huber",
)


def test_every_option_of_the_learning_rate_reaches_the_training(fake: Fake, tmp_path: Path) -> None:
    ctx = context(tmp_path)
    assert fit("logits", MODEL_FACTS, OPTIONS, ctx, "hooks") == 0.123456
    assert ctx.notes == {"loss": 0.1235}
    ((model, _, loss, schedule, scaled, watch, hooks),) = fake.of("loop.fit")
    assert schedule == Schedule(
        steps=40,
        learning_rate=0.25,
        warmup=4,
        shape="step",
        decay=0.5,
        drops=(0.3, 0.6),
        weight_decay=0.01,
        gradient_clip=5.0,
        average=0.9,
    )
    assert (model, loss, scaled(2.0), hooks) == ("logits", "classification True 0.2", -0.25, "hooks")
    assert (watch.checkpoint, watch.checkpoint_seconds, watch.label) == (
        tmp_path / "training.npz",
        30.0,
        "prune",
    )


def test_no_option_is_forgotten() -> None:
    """Each changes a training: one that `OPTIONS` leaves at its default would be held to nothing above."""
    usual = Fitting()
    left = {
        option.name
        for option in fields(Fitting)
        if getattr(OPTIONS, option.name) == getattr(usual, option.name)
    }
    assert left == {"epochs", "distill"}


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("logits", "classification True 0.2"),
        ("softmax", "classification False 0.2"),
        ("sigmoid", "independent 0.2"),
    ],
)
def test_the_loss_of_a_classifier_is_that_of_its_outputs(
    fake: Fake, tmp_path: Path, kind: str, loss: str
) -> None:
    fit(kind, MODEL_FACTS, OPTIONS, context(tmp_path))
    assert fake.of("loop.fit")[0][2] == loss


def test_batches_are_of_the_train_split_as_the_model_takes_them(fake: Fake, tmp_path: Path) -> None:
    fit("logits", MODEL_FACTS, OPTIONS, context(tmp_path))
    (((preprocess, split, augment, shape, size, seed, first), labels),) = fake.of("loop.fit")[0][1](11)
    assert (split, shape, size, seed, first) == ("train split", (8, 6, 3), 3, 7, 11)
    assert (preprocess.scale, augment, labels.tolist()) == (0.5, {"enabled": False}, [1])


def test_a_detector_learns_its_boxes_with_the_loss_of_its_classes(fake: Fake, tmp_path: Path) -> None:
    fit("anything", replace(MODEL_FACTS, task="detection"), OPTIONS, context(tmp_path))
    _, batches, loss, *_ = fake.of("loop.fit")[0]
    assert loss == "detection focal"
    assert batches(0)[0][1] == "boxes"


def test_a_lap_goes_on_where_the_one_before_ended(fake: Fake, tmp_path: Path) -> None:
    ctx = context(tmp_path)
    fit("logits", MODEL_FACTS, OPTIONS, ctx, lap=Lap(number=2, of=4))
    _, batches, _, _, _, watch, _ = fake.of("loop.fit")[0]
    assert batches(5)[0][0][-1] == 2 * 40 + 5, "it sees other batches"
    assert watch.checkpoint == tmp_path / "training-2.npz"
    watch.progress(10, 40, "loss 1")
    assert ctx.told == [(90, 160, "loss 1")]
    ctx.told.clear()
    watch.continued(7)
    watch.trained(10, 0.5, 0.1, None, 0.25)
    assert ctx.told[0] == (87, 160)
    step, total, figures = ctx.told[1]
    assert (step, total, figures["loss"], figures["images_per_second"]) == (90, 160, 0.5, None)
    assert figures["epoch"] == 0.25 + 80 * 3 / len("train split"), "epochs of the laps before count"


def test_a_teacher_is_asked_only_where_it_counts(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def with_teacher(*given: Any) -> tuple[str, str]:
        asked.append(given)
        return "loss with a teacher", "asking hooks"

    monkeypatch.setattr(module, "with_teacher", with_teacher)
    given: Any = "given"
    ctx = context(tmp_path)
    fit("logits", MODEL_FACTS, replace(OPTIONS, distill=Distill(teacher="train")), ctx, "hooks", given=given)
    assert asked == []
    distill = Distill(weight=0.5, teacher="train")
    fit("logits", MODEL_FACTS, replace(OPTIONS, distill=distill), ctx, "hooks", given=given)
    assert asked == [(distill, "logits", MODEL_FACTS, "classification True 0.2", "hooks", "given", ctx)]
    _, _, loss, _, _, _, hooks = fake.of("loop.fit")[1]
    assert (loss, hooks) == ("loss with a teacher", "asking hooks")


class Usual(Fitting):
    """Takes 17 steps by default."""

    def usual_steps(self, facts: DataFacts) -> int:
        return 17 if facts.train > 1 else 0


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"steps": 5}, 5),
        ({"epochs": 2.0, "batch_size": 32}, 7),  # 200 / 32 = 6.25
        ({"epochs": 0.001, "batch_size": 32}, 1),
        ({}, 17),
    ],
    ids=str,
)
def test_a_length_is_said_in_steps(options: dict[str, Any], steps: int) -> None:
    resolved = Usual(**options).resolve(FACTS)
    assert (resolved.steps, resolved.epochs) == (steps, None)
    assert Usual().resolve(replace(FACTS, train=1)).steps == 1, "one at least"


def test_two_lengths_are_one_too_many() -> None:
    with pytest.raises(ValueError, match=r"^epochs: 0\.5 and steps: 3 are both set; one is enough$"):
        Fitting(steps=3, epochs=0.5).check()
    Fitting(steps=3).check()
    Fitting(epochs=3).check()


def test_larger_images_have_fewer_steps() -> None:
    """Four times the side, half the steps; 0 pixels are known to the file alone."""
    assert [shortened(400, replace(FACTS, input_size=size)) for size in (96, 384, 24, 0)] == [
        400,
        200,
        800,
        400,
    ]


def test_the_train_split_and_the_teachers_file_are_read(tmp_path: Path) -> None:
    teacher = tmp_path / "teacher.keras"
    teacher.touch()
    assert Fitting(distill=Distill(weight=0.5, teacher=str(teacher))).reads() == ("data.train", str(teacher))
    assert Fitting(distill=Distill(weight=0.5, teacher="prune")).models() == ("prune",)
