"""Measure the statistics of batch norm again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from annotated_types import Ge, Le

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training.keras_writing import emit_keras


@compiler_pass("reestimate_bn")
class ReestimateBatchNorm(Pass):
    """Measure the means and variances of batch norm again, on images of the train split; no weight changes.

    Training keeps them as running means, which after pruning or a short fine-tune still remember weights that are no
    more: with a momentum of 0.999, as in keras.applications' MobileNetV2, for thousands of steps. Here they are those
    of the weights in the file. Belongs behind `prune` and before `qat` or `convert`.

    Images are varied as in training, since that is what the weights were fitted to: an SSD on `signs` with fresh
    statistics (mAP 0.6459) came to 0.6442 so, and to 0.6378 with images as they are; pruned, from 0.6563 to 0.6564
    and 0.6439. Where statistics are fresh, as with the momentum of the shipped models, there is nothing to gain.

    References:
        Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021 (PreciseBN).
    """

    needs = ("tensorflow", "tf_keras", "numpy", "PIL")
    trains = True  # its sums depend on what a training's bytes depend on
    promises = "finite statistics of every batch norm; every other weight as it was, to the bit"

    samples: Annotated[int, Ge(1), Le(10_000_000)] = 1000
    """Images to measure statistics on, rounded up to whole batches. More give steadier statistics and take
    longer. [images]"""
    batch_size: Annotated[int, Ge(2), Le(65_536)] = 32
    """Images per batch while statistics are measured. [images]"""
    augment: bool = True
    """Whether images are augmented as in training, which the weights were fitted to."""

    def reads(self) -> tuple[str, ...]:
        """Read images of the train split."""
        return ("data.train",)

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Measure and put in place."""
        from tflbuild.backends import keras
        from tflbuild.training import batch_norm

        if model.meta.get("quantized"):
            raise PassError(
                "the model is fake-quantized, and its ranges were trained for the statistics that it has; put "
                "'reestimate_bn' before 'qat'."
            )
        facts = Meaning.of(model)
        built = keras.load(model.path)
        if not batch_norm.norms_of(built):
            raise PassError("the model has no batch norm; leave this step out.")
        found = batch_norm.population(
            keras.load(model.path), self._batches(facts, ctx), facts.only.kind.scaled
        )
        ctx.notes["moved"] = batch_norm.moved(built, found)
        batch_norm.assign(built, found)
        return emit_keras(ctx, built, facts)

    def _batches(self, facts: Meaning, ctx: PassContext) -> Iterator[Any]:
        count = math.ceil(self.samples / self.batch_size)
        ctx.notes["samples"] = count * self.batch_size
        augment = ctx.augment if self.augment else {"enabled": False}
        given = facts.only
        stream = given.kind.batches(
            ctx.dataset("data.train"), augment, given.shape, self.batch_size, ctx.seed
        )
        for done, batch in enumerate(islice(stream, count), start=1):
            ctx.progress(done, count, "batches")
            yield batch.codes

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Compare every weight of the two files."""
        from tflbuild.backends import keras
        from tflbuild.training import batch_norm

        before, after = keras.load(model.path), keras.load(result.path)
        changed = batch_norm.changed(before, after)
        if changed:
            raise BrokenPromise(f"{changed[0]} changed, which is not a statistic of a batch norm.")
        broken = keras.not_finite(after)
        if broken:
            raise BrokenPromise(f"{broken[0]} holds values that are not finite.")
