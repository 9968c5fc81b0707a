"""Load the user's own model instead of training one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, OtherWay, RecipeError
from tflbuild.core.meaning import Meaning, preprocess_in
from tflbuild.core.plain_text import plain
from tflbuild.passes.quantizing import parity
from tflbuild.passes.training.keras_writing import emit_keras, meaning_of

FAR = 12.0
"""Mean or deviation of normalized pixels beyond which they are others than those that the means were taken of."""


@compiler_pass("load")
class Load(Pass):
    """Start from the user's trained model (`model=keras model.path=FILE`) as it is.

    Stands in place of `train`, unless `train.init=continue` trains the model further. The model's classes are
    the data set's, in its order; a model with another number of outputs is refused. Nested models are flattened,
    augmentation is left out and half precision becomes float32, so that passes reach every layer; on images of the
    train split the result gives what the file's model gives, and the outputs are what its graph says they are. A model
    of Keras 3 becomes one of tf_keras, layer by layer, and is held to what Keras 3 computes in a process of its own.
    """

    needs = ("tensorflow", "tf_keras", "numpy", "PIL")
    promises = (
        "the outputs of the user's model as loaded, within 1e-5 of their size; of one of Keras 3, those that it has "
        "there, within 1e-4"
    )

    def reads(self) -> tuple[str, ...]:
        """Read the classes of the data, and some images."""
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        """Load, check against the data, and keep the model with what it means."""
        from tflbuild.backends import keras

        classes = ctx.dataset("data.train").classes
        built = ctx.model_spec.build(len(classes))
        facts = meaning_of(ctx, built, classes)
        outputs = built.output_shape[-1][-1] if facts.head else built.output_shape[-1]
        if classes and outputs != len(classes):
            raise RecipeError(
                f"model.path: the model has {outputs} classes, but the data have {len(classes)} "
                f"({', '.join(classes)})."
            )
        ctx.notes["recognised"] = ctx.model_spec.recognised()
        _check_preprocess(ctx)
        _hold(built, facts, ctx)
        return emit_keras(ctx, built, facts, loaded=keras.fingerprint(built))


def _hold(built: Any, facts: Meaning, ctx: PassContext) -> None:
    """Hold outputs to what they are taken for, and what was taken in to the user's model as loaded.

    Raises:
        RecipeError: the graph, or `model.outputs`, and the samples contradict each other.
        BrokenPromise: the model that was taken in computes something else.
    """
    from tflbuild.backends.keras_reference import LOOKS, agrees, found_in

    reference = ctx.model_spec.original()
    if reference is None:
        return
    batch = parity.sample_batch(facts, ctx)
    _check_normalized(reference.normalized(batch), reference.name)
    raw = reference.raw(batch)
    if not facts.kind.labelled or not facts.kind.recognised:
        _same_outputs(reference, raw, built, facts, batch, ctx)
        return
    kind, rows = reference.kinds[-1], raw[-1]
    looks = f"{LOOKS[found_in(rows)]} on {len(rows)} samples"
    recognised = ctx.notes["recognised"]
    evidence = next((entry["evidence"] for entry in recognised if entry["what"] == "outputs"), "its graph")
    if not agrees(kind, rows):
        raise RecipeError(
            f"model.outputs: the outputs of {reference.name} are taken for {kind}, since {evidence.split(';')[0]}, but "
            f"their {looks}; set model.outputs to logits, softmax or sigmoid where the graph is read wrongly."
        )
    for entry in recognised:
        if entry["what"] == "outputs":
            entry["evidence"] = f"{entry['evidence']}; {looks}"
    _same_outputs(reference, raw, built, facts, batch, ctx)


def _same_outputs(
    reference: Any, raw: Any, built: Any, facts: Meaning, batch: Mapping[str, Any], ctx: PassContext
) -> None:
    """Hold the outputs of what was taken in to those of the user's model.

    Raises:
        BrokenPromise: they differ.
        OtherWay: they do, and another pass takes the file, too.
    """
    from tflbuild.backends.keras_reference import Reference

    wanted = replace(reference, task=facts.task).finished(raw)
    found = parity.compared(wanted, Reference.of(built, task=facts.task).outputs(batch))
    ctx.notes["parity"] = parity.noted(reference.name, found)
    wrong = parity.breaches(found, reference.nearness)
    if not wrong:
        return
    said = f"the flat model does not compute what {reference.name} does: {'; '.join(wrong)}"
    other = ctx.model_spec.otherwise()
    if not other:
        raise BrokenPromise(f"{said}{reference.advice}.")
    options = " ".join(f"model.{name}={value}" for name, value in other.items())
    raise OtherWay(f"{said}; {options} takes it in another way, for passes that do not train it.", other)


def _check_normalized(normalized: Mapping[str, Any], name: str) -> None:
    """Hold the pixels that the data give to those that the model's `Normalization` layers were adapted to.

    Raises:
        RecipeError: what a layer makes of them is far from 0 ± 1.
    """
    for layer, values in normalized.items():
        mean, deviation = float(values.mean()), float(values.std())
        if abs(mean) > FAR or deviation > FAR:
            raise RecipeError(
                f"model.path: layer '{plain(layer)}' of {name} was adapted to other pixels than the data give: it "
                f"makes values of {mean:.3g} ± {deviation:.3g} of them, not of about 0 ± 1; say which pixels the "
                f"model was trained on, e.g. data.preprocess.scale={1 / 255:.6g} data.preprocess.offset=0 for those in "
                f"0..1."
            )


def _check_preprocess(ctx: PassContext) -> None:
    """Compare the pixels that the data give with those that the model's file asks for.

    Raises:
        RecipeError: tflbuild wrote the file and says in it how it was trained; names the keys.
    """
    from tflbuild.backends import keras

    for path in ctx.model_spec.files()[:1]:  # behind it are lists of class names
        _refuse_other(str(path), preprocess_in(keras.read_facts(path)), ctx.preprocess)
    for text in ctx.model_spec.warnings(ctx.preprocess):
        ctx.notes["recognised"].append({"what": "preprocess", "value": "contradicted", "evidence": text})


def _refuse_other(path: str, trained: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    """Refuse to feed a model other pixels than it was trained with, where its file says which."""
    differing = [key for key, value in (trained or {}).items() if wanted.get(key) != value]
    if trained and differing:
        said = ", ".join(f"data.preprocess.{key}={trained[key]}" for key in differing)
        raise RecipeError(f"model.path: {path} was trained with another preprocessing; set {said}.")
