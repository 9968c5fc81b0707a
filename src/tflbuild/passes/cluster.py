"""Let kernels hold a few values each, while all weights learn to do with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training.fitting import TFMOT_TOOLS, Fitting, fit, shortened
from tflbuild.passes.training.keras_writing import emit_keras
from tflbuild.passes.training.layer_patterns import fitting, value_of


@compiler_pass("cluster")
class Cluster(Fitting):
    """Share weights: train each kernel to hold at most `clusters` distinct values.

    A weight is the nearest of its kernel's centroids; weights and centroids train. Zeros of a pruned kernel stay, and
    count as one of its clusters. Only a compressed file is smaller for it: 16 values need 4 bits each. Kernels of
    convolutions and dense layers are clustered; depthwise kernels, biases, and kernels with fewer than two weights
    for a cluster are left as they are.

    `convert` folds batch norm into the kernels, which scales each output channel: what is left there, and promised, is
    at most `clusters` values in each output channel. `qat` keeps clusters (CQAT, with zeros PCQAT). With
    `per_channel` each output channel has centroids of its own, which costs less accuracy and compresses less.

    References:
        Han, Mao and Dally, Deep Compression, 2016.
        TensorFlow Model Optimization, weight clustering.
    """

    needs = TFMOT_TOOLS
    promises = "at most the declared number of values in every clustered kernel; zeros kept"

    clusters: Annotated[int, Ge(2), Le(256)] = 16
    """Largest number of distinct values in a kernel; zero is one of them if it is pruned. Fewer compress better
    and cost accuracy; 16 need 4 bits each. [values]"""
    initialization: Literal["kmeans", "density", "linear"] = "kmeans"
    """Values that clustering starts from: `linear` spaces them evenly, `density` gives each as many weights,
    `kmeans` starts like `density` and then moves each to the mean of its weights."""
    per_channel: bool = False
    """Whether each output channel has values of its own, which costs less accuracy and compresses less."""
    layers: Mapping[str, Annotated[int, Ge(2), Le(256)]] = field(default_factory=dict)
    """Another number of values for some layers, by pattern of their names; the first match counts. [values]"""
    exclude: tuple[str, ...] = ()
    """Patterns of the names of layers that are not clustered, e.g. `class_*`."""
    learning_rate: Annotated[float, Gt(0), Le(1000)] = 5e-4

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: two passes, and enough to settle where they are few images."""
        return max(shortened(400, facts), math.ceil(2 * facts.train / self.batch_size))

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Cluster while training on the train split."""
        from tflbuild.backends import keras
        from tflbuild.training import clustering, codebooks, tfmot

        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized; cluster it before 'qat'.")
        keras.seed(ctx.seed)
        facts = Meaning.of(model)
        built = keras.load(model.path)
        chosen = self._chosen(built, ctx.label)
        if not chosen:
            raise PassError(
                "the model has no kernel with enough weights to cluster, or 'exclude' names every layer."
            )

        def lookup(layer: str, kernel: Any) -> Any:
            count = chosen.get(layer, 0)
            return (
                clustering.Lookup.of(kernel, count, self.initialization, self.per_channel) if count else None
            )

        beside = clustering.Clustering(built, lookup)
        fit(built, facts, self, ctx, beside.hooks(), given=model)
        beside.finish()
        ctx.notes["clustered"] = len(chosen)
        clusters = {
            "target": self.clusters,
            "per_channel": self.per_channel,
            "layers": codebooks.census(built),
        }
        sparsity: dict[str, Any] = {}
        if tfmot.is_sparse(built):
            overall = tfmot.overall_sparsity(built)
            sparsity["sparsity"] = {
                **model.meta.get("sparsity", {}),
                "layers": tfmot.census(built),
                "overall": overall,
            }
        return emit_keras(ctx, built, facts, clusters=clusters, **sparsity)

    def _chosen(self, built: Any, label: str = "cluster") -> dict[str, int]:
        """Give the clusters of each layer that takes part, by name."""
        from tflbuild.training import codebooks, tfmot

        names = [layer.name for layer in tfmot.prunable_layers(built)]
        fitting(names, self.layers, f"{label}.layers", "can be clustered")
        left = fitting(names, self.exclude, f"{label}.exclude", "can be clustered")
        clusters = {name: value_of(name, self.layers, self.clusters) for name in names if name not in left}
        return codebooks.clusterable(built, clusters, self.per_channel)

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Count the values of each kernel in the file, and hold its zeros against those of the input."""
        from tflbuild.backends import keras
        from tflbuild.training import codebooks

        before, after = keras.load(model.path), keras.load(result.path)
        chosen, given = self._chosen(before), codebooks.kernels(before)
        where = " of an output channel" if self.per_channel else ""
        for name, kernel in codebooks.kernels(after).items():
            found = codebooks.most_distinct(kernel, self.per_channel)
            most = chosen.get(name.split("/")[0], found)
            if found > most:
                raise BrokenPromise(
                    f"{name} has {found} distinct values{where}, not the {most} that were promised."
                )
            if codebooks.sparse(given[name]) and np.any(kernel[given[name] == 0]):
                raise BrokenPromise(f"{name} lost zeros: it had {np.mean(given[name] == 0):.1%}.")
