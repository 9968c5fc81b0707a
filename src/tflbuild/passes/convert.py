"""Convert a tf_keras model to a flatbuffer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from annotated_types import Ge

from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import DataFacts, Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.training_calls import norms_in_training
from tflbuild.passes.quantizing import parity, writing

if TYPE_CHECKING:
    from tflbuild.tflite.packed import Packed


@compiler_pass("convert")
class Convert(Pass):
    """Convert to TensorFlow Lite as the model is: float32, or int8 where `qat` trained the ranges.

    The batch is static and inputs and outputs have names: `image`; `scores` of a classifier; `detection_boxes`
    (ymin, xmin, ymax, xmax in 0..1), `detection_classes`, `detection_scores` and `num_detections` of a detector,
    whose file ends in `TFLite_Detection_PostProcess`. A float model takes normalised float32; a fake-quantized one
    takes raw RGB bytes.

    A pruned model's zeros are stored, and the file is as large as before. `sparse_encoding` stores where the other
    weights are instead; the runtime spreads them out again when it loads the file, so that nothing is computed
    faster. An SSD with half of its weights pruned went from 1,613 to 1,070 KB so, and from 908 to 857 KB compressed.
    A float file is held to what it was made of, on `parity` images of the train split, output by output and a
    detector's before its suppression: to the user's own model as loaded where the model came from a file, and where a
    pass trained it since, to that pass's model. A difference above 1e-4 of the output's size is a broken promise. A
    fake-quantized model becomes int8, which rounds, so that its file is measured by the gates alone.

    In int8 the places take more than the zeros did, 594 against 544 KB, so that is refused, and no pass quantizes a
    file that is stored so.
    """

    needs = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert", "numpy")
    promises = (
        "static batch and named signature; full-integer after `qat` but for the layers it left out, with the input of "
        "the preprocess block; zeros and clusters kept"
    )

    input_dtype: Literal["float32", "uint8", "int8"] | None = None
    """Type of the file's input. null: uint8 after `qat`, otherwise float32, which is the only one for a float
    model."""
    output_dtype: Literal["float32", "uint8", "int8"] = "float32"
    """Type of a classifier's output after `qat`; a float model and a detector give float32."""
    sparse_encoding: bool = False
    """Whether pruned kernels are stored without their zeros. The float file gets smaller and runs no faster;
    int8 is refused, since it would grow."""
    parity: Annotated[int, Ge(1)] | None = None
    """Training images on which the file must give the same outputs as the model. More check more and take
    longer. null: 32 where the model came from a file, otherwise none. [images]"""

    def resolve(self, facts: DataFacts) -> Self:
        """Hold what comes from a user's file to that file."""
        return replace(self, parity=self.parity or (parity.SAMPLES if facts.from_file else None))

    def reads(self) -> tuple[str, ...]:
        """Read the images that a model and its file are compared on."""
        return ("data.train",) if self.parity else ()

    def asks_model(self) -> bool:
        """Load the user's own model, which the file is held to."""
        return bool(self.parity)

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        """Convert by the lean concrete-function path."""
        from tflbuild.backends import converter, keras
        from tflbuild.tflite.packed import Packed
        from tflbuild.training import float_islands

        facts = Meaning.of(model)
        built, task, tail = keras.load(model.path), facts.kind, facts.kind.tail(facts)
        if not model.meta.get("quantized"):
            self._refuse_integers(ctx)
            if self.sparse_encoding:
                return self._sparse(built, model, ctx)
            try:
                made = Packed(converter.to_float(built, task, tail))
            except PassError as error:
                _refuse_training(model, error)
                raise
            self._hold(made, built, model, ctx)
            return writing.emit_tflite(ctx, made.copy(), facts)
        if self.sparse_encoding:
            raise PassError(
                f"{ctx.label}.sparse_encoding: the model is fake-quantized, and int8 kernels with the places of their "
                f"weights would be larger than with their zeros; leave it out."
            )
        graph = float_islands.convert(
            built,
            task,
            tail,
            writing.input_dtypes(facts, "int8", self.input_dtype)[next(iter(facts.inputs))],
            "float32" if task.float_outputs else self.output_dtype,
            facts.only.kind.quantization(),
        )
        result = writing.emit_tflite(
            ctx, graph, facts, quantized="int8", islands=float_islands.islands(built)
        )
        ctx.notes["islands"] = self._check_integers(result)
        return result

    def _check_integers(self, result: TFLiteModel) -> list[dict[str, Any]]:
        """Hold a file to compute in integers but for what `qat` left out, and give what does not."""
        from tflbuild.training import float_islands

        islands = float_islands.found_in(result.path, result.meta["islands"])
        return writing.check_full_integer(result.path, "int8", islands)

    def _hold(self, made: Packed, built: Any, model: KerasModel, ctx: PassContext) -> None:
        """Hold a float file to the user's model as loaded, or to what was trained of it.

        Raises:
            BrokenPromise: it computes something else.
        """
        if not self.parity:
            return
        from tflbuild.backends.keras_reference import Reference
        from tflbuild.tflite import raw_outputs

        meaning = Meaning.of(model)
        task = meaning.task
        untrained = model.meta.get("loaded") == model.fingerprint
        reference = ctx.model_spec.original() if untrained else None
        reference = reference or Reference.of(built, name="the model that it was converted from", task=task)
        reference = replace(reference, task=task)
        batch = parity.sample_batch(meaning, ctx, self.parity)
        found = parity.compared(reference.outputs(batch), raw_outputs.run(made, batch))
        ctx.notes["parity"] = parity.noted(reference.name, found)
        wrong = parity.breaches(found)
        if wrong:
            raise BrokenPromise(f"the file does not compute what {reference.name} does: {'; '.join(wrong)}.")

    def _sparse(self, built: Any, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        """Convert without the zeros, and note what that saves."""
        from tflbuild.backends import converter
        from tflbuild.tflite import constants
        from tflbuild.tflite.packed import Packed

        facts = Meaning.of(model)
        task, tail = facts.kind, facts.kind.tail(facts)
        dense, content = (converter.to_float(built, task, tail, sparse=sparse) for sparse in (False, True))
        made = Packed(content)
        kernels = len(constants.sparse_names(made.graph.model))
        ctx.notes["sparse_encoding"] = {"kernels": kernels, "bytes": len(content), "dense_bytes": len(dense)}
        self._hold(made, built, model, ctx)
        return writing.emit_tflite(ctx, made.copy(), facts, sparse_encoding=True)

    def _refuse_integers(self, ctx: PassContext) -> None:
        for option, dtype in (("input_dtype", self.input_dtype), ("output_dtype", self.output_dtype)):
            if dtype not in (None, "float32"):
                raise BrokenPromise(
                    f"{ctx.label}.{option}: a float model cannot have {dtype} borders; put 'quantize' after "
                    f"'{ctx.label}' or 'qat' before it."
                )

    def verify(self, model: KerasModel, result: TFLiteModel) -> None:
        """Look at dtypes, shapes and names in the file."""
        from tflbuild.tflite import constants, flatbuffer
        from tflbuild.tflite.scales import check_scales

        check_scales(result.path)
        writing.check_declared(result)
        meaning = Meaning.of(result)
        names = [entry["name"] for entry in flatbuffer.signature(result.path)["inputs"]]
        if sorted(names) != sorted(meaning.inputs):
            wanted = ", ".join(f"'{name}'" for name in meaning.inputs)
            raise BrokenPromise(f"an input {wanted} was promised, but there is {names}.")
        if self.sparse_encoding and not constants.sparse_names(flatbuffer.load(result.path)):
            raise BrokenPromise(
                "sparse_encoding was asked for, but the converter found no kernel with enough zeros; put 'prune' "
                "before it, or leave it out."
            )
        if model.meta.get("quantized"):
            self._check_integers(result)
            writing.check_inputs(result, writing.input_dtypes(meaning, "int8", self.input_dtype))
        else:
            writing.check_inputs(result, dict.fromkeys(meaning.inputs, "float32"))


def _refuse_training(model: KerasModel, error: PassError) -> None:
    """Say that the converter refused a batch norm in training mode, where there is one: it has no operator for it.

    Raises:
        PassError: names the first one.
    """
    norms = norms_in_training(model.path)
    if norms:
        more = f" and {len(norms) - 1} more" if len(norms) > 1 else ""
        raise PassError(
            f"the batch norm '{plain(norms[0], 100)}'{more} is called with training=True: it normalises by "
            f"its batch, and a device runs one sample at a time; save the model as it is called with "
            f"training=False."
        ) from error
