"""The steps of `recipe=ssd_mobilenet_int8` by hand, in one process: what `engine_overhead.py` compares with.

No store, no keys, no worker, no report: the same training, pruning, conversion and quantization, called one after the
other, and the same measurements. `python benchmarks/by_hand.py TRAIN_STEPS PRUNE_STEPS`
"""

from __future__ import annotations

import os
import sys

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_USE_LEGACY_KERAS": "1"}
os.environ |= {"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2", "CUDA_VISIBLE_DEVICES": "-1"}

from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.dataset import Split
from tflbuild.core.runtime import usual_runtime
from tflbuild.evaluation import measuring as evaluation
from tflbuild.evaluation.predictions import predict_file
from tflbuild.evaluation.truth import truth_file
from tflbuild.modalities.image import files as image
from tflbuild.recipe.load import load_recipe
from tflbuild.runtimes import interpreter as litert
from tflbuild.runtimes.delegation import taken
from tflbuild.testing import run_pass

METRICS = ["map", "map50"]


def main(train_steps: str, prune_steps: str) -> None:
    """Train, prune, convert, quantize, measuring after each."""
    plugins.load(None)
    steps = [f"train.steps={train_steps}", f"prune.steps={prune_steps}"]
    recipe = load_recipe(["recipe=ssd_mobilenet_int8", *steps])
    index = recipe.data.index(image.inspect)
    facts = DataFacts(
        task="detection",
        train=len(index.splits["train"]),
        classes=len(index.classes),
        input_size=recipe.model.resolution(),
    )
    folder = Path.cwd()
    splits = {name: Split(name, recipe.data, index) for name in ("val", "test")}
    for name, split in splits.items():
        truth_file(split, folder / f"{name}.npz")
    model: Any = None
    predictions: dict[str, Path] = {}
    for label in recipe.pipeline:
        options = recipe.steps[label].options.resolve(facts)
        model = run_pass(options, model, folder, model_spec=recipe.model, data=recipe.data, index=index)
        predictions[label] = measure(model, splits["val"], folder, label)
        if label == "train":
            before = measure(model, splits["test"], folder, "base")
    for first, second in (("train", "prune"), ("convert", "quantize")):
        evaluation.compare("map", predictions[first], predictions[second], folder / "val.npz")
    after = measure(model, splits["test"], folder, "final")
    print(evaluation.compare("map", before, after, folder / "test.npz"))
    print(litert.latency(model.path), taken(model.path).told("xnnpack"))


def measure(model: Any, split: Split, folder: Path, name: str) -> Path:
    """Print the metrics of a model on a split; gives its predictions."""
    out = folder / f"{name}_{split.name}.npz"
    predict_file(usual_runtime(model.kind)(), model, split, out)
    for metric in METRICS:
        print(name, evaluation.measure(metric, out, folder / f"{split.name}.npz"))
    return out


if __name__ == "__main__":
    main(*sys.argv[1:])
