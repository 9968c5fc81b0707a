"""`load` and `convert` hold what they give to the user's model as loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tflbuild.core.architecture import Architecture
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.data.image_folder import ImageFolder
from tflbuild.models.keras_file import KerasFile
from tflbuild.passes.convert import Convert
from tflbuild.passes.load import Load
from tflbuild.passes.quantizing.parity import breaches, compared, noted
from tflbuild.show.findings.notes import lines_of
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

CASES = ("nnsoftmax", "sigmoid3", "rescaling", "flowers", "mixed16", "decayed")
IMAGES = 32
FACTS = DataFacts(task="classification", train=IMAGES, classes=3, input_size=64)


@dataclass(frozen=True, kw_only=True)
class Other(Architecture):
    """A model whose user's file says something else."""

    name: ClassVar[str] = "other"
    spec: Any = None
    reference: Any = None

    def build(self, classes: int) -> Any:
        return self.spec.build(classes)

    def original(self) -> Any:
        return self.reference

    def recognised(self) -> list[dict[str, str]]:
        return list(self.spec.recognised())


def shapes(folder: Path, spec: KerasFile) -> ImageFolder:
    preprocess = {"scale": 0.0078125, "offset": -1.0} | dict(spec.preprocess())
    return ImageFolder(root=str(folder), preprocess=preprocess, augment={"enabled": False})


def test_outputs_that_hardly_change_are_said_to_prove_little() -> None:
    # of 10 and 10.2 the standard deviation is 0.1, of 1 and 3 it is 1, by hand
    still, lively = np.array([[10.0, 2.0], [10.2, 2.0]]), np.array([[1.0], [3.0]])
    found = noted("'m.onnx'", compared({"boxes": still}, {"boxes": still}))
    assert found["outputs"]["boxes"]["spread"] == pytest.approx(0.1)
    assert found["weak"] == (
        "The outputs hardly change between the samples (standard deviation 0.1 of size 10.2), so this comparison "
        "proves little."
    )
    assert lines_of({"parity": found}) == [
        "parity: 'boxes' is within 0 of that of 'm.onnx' as loaded on 2 samples, whose largest value is 10.2",
        "parity: the outputs hardly change between the samples (standard deviation 0.1 of size 10.2), so this "
        "comparison proves little",
    ]
    both = {"boxes": still, "scores": lively}
    assert noted("", compared(both, both))["weak"].startswith("The output 'boxes' hardly changes between the")
    three = {**both, "none": np.zeros((2, 4))}
    assert noted("", compared(three, three))["weak"].startswith(
        "The outputs 'boxes', 'none' hardly change between"
    )


def test_outputs_that_change_and_single_samples_are_not_said_to_prove_little() -> None:
    lively, one = np.array([[1.0, 7.0], [3.0, 7.0]]), np.array([[5.0, 5.0]])
    assert "weak" not in noted("", compared({"a": lively}, {"a": lively}))
    assert "weak" not in noted("", compared({"a": one}, {"a": one}))
    rows_of_several = compared({"a": one.repeat(6, 0)}, {"a": one.repeat(6, 0)}, samples=2)
    assert "spread" not in rows_of_several["a"]


def test_differences_are_relative_to_the_size_of_each_output() -> None:
    wanted = {"boxes": np.array([[100.0, 0.0]]), "scores": np.array([[0.5, 0.5]])}
    found = compared(wanted, {"boxes": wanted["boxes"] + 5e-3, "scores": wanted["scores"] + 1e-4})
    assert found["boxes"]["images"] == 1
    assert breaches(found) == ["scores differ by up to 0.0001, where they reach 0.5"]
    broken = compared(wanted, {**wanted, "scores": wanted["scores"] * np.nan})
    assert len(breaches(broken)) == 1


def test_parity_is_held_where_the_model_came_from_a_file() -> None:
    assert Convert().resolve(FACTS).reads() == ()
    held = Convert().resolve(replace(FACTS, from_file=True))
    assert (held.parity, held.reads(), held.asks_model()) == (32, ("data.train",), True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_file_computes_what_the_model_that_was_loaded_computes(
    name: str, shared_cases: Path, tmp_path: Path
) -> None:
    spec = KerasFile(path=str(shared_cases / "keras" / f"{name}.h5"))
    data = shapes(shared_cases / "shapes", spec)
    loaded: dict[str, Any] = {}
    converted: dict[str, Any] = {}
    model = run_pass(Load(), None, tmp_path, model_spec=spec, data=data, notes=loaded)
    run_pass(Convert(parity=IMAGES), model, tmp_path, model_spec=spec, data=data, notes=converted)
    assert converted["parity"]["of"] == f"'{spec.path}'"
    assert lines_of(converted)[-1].startswith("parity: 'scores' is within")
    (scores,) = converted["parity"]["outputs"].values()
    assert scores["images"] == IMAGES
    assert scores["difference"] <= 1e-4 * scores["size"]
    (outputs,) = [entry for entry in loaded["recognised"] if entry["what"] == "outputs"]
    assert outputs["value"] == {"sigmoid3": "sigmoid", "flowers": "logits"}.get(name, "softmax")
    assert f"{IMAGES} samples" in outputs["evidence"]


@pytest.mark.slow
def test_what_contradicts_the_users_model_breaks_a_promise(shared_cases: Path, tmp_path: Path) -> None:
    from tflbuild.backends.keras_reference import Reference

    spec = KerasFile(path=str(shared_cases / "keras" / "nnsoftmax.h5"))
    other = KerasFile(path=str(shared_cases / "keras" / "sigmoid3.h5")).original()
    data = shapes(shared_cases / "shapes", spec)
    model = run_pass(Load(), None, tmp_path, model_spec=spec, data=data)
    changed = Other(spec=spec, reference=other)
    with pytest.raises(
        BrokenPromise, match=r"the file does not compute what .*sigmoid3\.h5' does: scores differ by"
    ):
        run_pass(Convert(parity=4), model, tmp_path, model_spec=changed, data=data)
    with pytest.raises(BrokenPromise, match=r"the flat model does not compute what .*sigmoid3\.h5' does"):
        run_pass(Load(), None, tmp_path, model_spec=changed, data=data)
    trained = replace(model, meta={**model.meta, "loaded": "another"})
    notes: dict[str, Any] = {}
    run_pass(Convert(parity=4), trained, tmp_path, model_spec=changed, data=data, notes=notes)
    assert notes["parity"]["of"] == "the model that it was converted from"
    wrong = Other(spec=spec, reference=Reference(spec.original().model, ("logits",), "it"))
    with pytest.raises(
        RecipeError, match=r"^model.outputs: .* taken for logits, .* rows add up to 1 on 32 samples"
    ):
        run_pass(Load(), None, tmp_path, model_spec=wrong, data=data)


@pytest.mark.slow
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_pixels_that_a_model_was_not_adapted_to_are_refused(
    shared_cases: Path, tmp_path: Path, nested: bool
) -> None:
    import tf_keras
    from tf_keras import layers

    # ImageNet's means and variances of pixels in 0..1, as weights, which a header does not show
    norm = layers.Normalization(name="adapted")
    norm.build((None, 64, 64, 3))
    norm.set_weights([np.float32([0.485, 0.456, 0.406]), np.float32([0.05, 0.05, 0.05]), np.int64(0)])
    norm.finalize_state()
    given = layers.Input((64, 64, 3))
    scores = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(norm(given)))
    model = tf_keras.Model(given, scores)
    if nested:
        outer = layers.Input((64, 64, 3))
        model = tf_keras.Model(outer, model(outer))
    path = tmp_path / "adapted.h5"
    model.save(path)
    spec = KerasFile(path=str(path))
    data = shapes(shared_cases / "shapes", spec)
    with pytest.raises(RecipeError, match=r"layer 'adapted' of .* was adapted to other pixels"):
        run_pass(Load(), None, tmp_path, model_spec=spec, data=data)
    right = replace(data, preprocess={"scale": 1 / 255, "offset": 0.0})
    run_pass(Load(), None, tmp_path, model_spec=spec, data=right)
