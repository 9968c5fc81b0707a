"""`distill`: who teaches, what is refused, and that it does nothing when it is off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.data.signs import Signs
from tflbuild.passes.prune import Prune
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.passes.train import Train
from tflbuild.passes.training.distillation import Distill
from tflbuild.recipe.validation import typed
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

ONE_STEP = {"steps": 1, "batch_size": 4}


def test_the_teacher_is_part_of_the_key_only_where_it_teaches(tmp_path: Path) -> None:
    path = tmp_path / "teacher.h5"
    path.touch()
    by_label = Prune(distill=Distill(weight=0.5, teacher="train"))
    by_file = Prune(distill=Distill(weight=0.5, teacher=str(path)))
    assert (by_label.models(), by_label.reads()) == (("train",), ("data.train",))
    assert (by_file.models(), by_file.reads()) == ((), ("data.train", str(path)))
    for off in (Distill(), Distill(weight=0.5), Distill(teacher="train"), Distill(teacher=str(path))):
        assert (Prune(distill=off).models(), Prune(distill=off).reads()) == ((), ("data.train",))


def test_a_teacher_that_is_not_there_is_refused_while_planning(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^distill.teacher: there is no file '.*gone.h5'"):
        Prune(distill=Distill(weight=0.5, teacher=str(tmp_path / "gone.h5"))).check()
    with pytest.raises(ValueError, match=r"^distill.teacher: required, since this pass has no input"):
        Train(distill=Distill(weight=0.5)).check()
    Train().check()


@pytest.mark.parametrize("temperature", [0, -0.5])
def test_a_temperature_divides_and_is_above_zero(temperature: float) -> None:
    with pytest.raises(RecipeError, match=r"train\.distill\.temperature: .* should be greater than 0"):
        typed(Distill, {"temperature": temperature}, "train.distill")


@pytest.mark.slow
def test_no_weight_is_no_distillation(small_detector: KerasModel, few_signs: Signs, tmp_path: Path) -> None:
    off = Prune(**ONE_STEP, distill=Distill(weight=0.0, teacher="train"))
    notes: dict[str, Any] = {}
    made = run_pass(off, small_detector, tmp_path, data=few_signs, notes=notes)
    usual = run_pass(Prune(**ONE_STEP), small_detector, tmp_path, data=few_signs)
    assert made.fingerprint == usual.fingerprint
    assert "distill" not in notes


@pytest.mark.slow
def test_the_input_an_earlier_step_or_a_file_teaches(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    given = small_detector
    made = []
    for teacher, models in (("", {}), ("train", {"train": given}), (str(given.path), {})):
        options = Prune(**ONE_STEP, distill=Distill(weight=0.9, teacher=teacher))
        notes: dict[str, Any] = {}
        made.append(run_pass(options, given, tmp_path, data=few_signs, notes=notes, models=models))
        assert notes["distill"] == {"teacher": teacher or "input", "weight": 0.9, "temperature": 2.0}
    usual = run_pass(Prune(**ONE_STEP), given, tmp_path, data=few_signs)
    assert len({result.fingerprint for result in made}) == 1
    assert made[0].fingerprint != usual.fingerprint


@pytest.mark.slow
def test_qat_learns_from_its_float_input(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = QuantizationAwareTraining(**ONE_STEP, distill=Distill(weight=1.0))
    notes: dict[str, Any] = {}
    run_pass(options, small_detector, tmp_path, data=few_signs, notes=notes)
    # nothing but the teacher counts, and rounding is all that sets the two apart
    assert 0 < notes["loss"] < 0.3


@pytest.mark.slow
def test_training_from_scratch_learns_from_a_file(
    small_classifier: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import keras
    from tflbuild.models.keras_file import KerasFile

    options = Train(
        init="continue", **ONE_STEP, distill=Distill(weight=1.0, teacher=str(small_classifier.path))
    )
    notes: dict[str, Any] = {}
    spec = KerasFile(path=str(small_classifier.path))
    run_pass(options, None, tmp_path, model_spec=spec, data=few_signs, notes=notes)
    assert notes["loss"] < 0.5
    assert keras.read_facts(small_classifier.path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (64, 32, 3)}, "train was made for another shape than the model that is trained"),
        ({"preprocess": {"scale": 1.0}, "labels": ("a",)}, "was made for another preprocess, labels than"),
    ],
)
def test_a_teacher_that_sees_something_else_is_refused(
    change: dict[str, Any], message: str, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    own, changed = Meaning.of(small_detector), dict(change)
    facts = replace(own, labels=changed.pop("labels", own.labels))
    facts = replace(facts, inputs={"image": replace(own.only, **changed)})
    other = replace(small_detector, meta={"facts": facts.to_json()})
    options = Prune(**ONE_STEP, distill=Distill(weight=0.5, teacher="train"))
    with pytest.raises(PassError, match=rf"^prune.distill.teacher: .*{message}"):
        run_pass(options, small_detector, tmp_path, data=few_signs, models={"train": other})


@pytest.mark.slow
def test_a_teacher_with_other_outputs_is_refused(
    small_detector: KerasModel, small_classifier: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    other = replace(small_classifier, meta=small_detector.meta)
    flat = TFLiteModel(path=small_detector.path, digest="", fingerprint="", meta=small_detector.meta)
    options = Prune(**ONE_STEP, distill=Distill(weight=0.5, teacher="other"))
    with pytest.raises(PassError, match=r"^prune.distill.teacher: other has the output shape \(None, 8\)"):
        run_pass(options, small_detector, tmp_path, data=few_signs, models={"other": other})
    with pytest.raises(PassError, match=r"'other' gives a TFLiteModel; only a KerasModel can teach"):
        run_pass(options, small_detector, tmp_path, data=few_signs, models={"other": flat})
