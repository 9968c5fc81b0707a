"""For authors of passes: run a pass on a small file, as the engine would, without a recipe.

from tflbuild.testing import run_pass, tiny_tflite

def test_padding_keeps_the_model_running(tmp_path):
result = run_pass(PadTail(zeros=16), tiny_tflite(tmp_path), tmp_path)
assert result.path.stat().st_size == ...
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.compiler_pass import Pass, kinds_of
from tflbuild.core.dataset import Dataset, Index
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.judgement import Judgement
from tflbuild.core.meaning import Meaning
from tflbuild.core.names import named
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.wiring import NAMES


def run_pass(
    options: Pass,
    model: Artifact | None,
    folder: Path,
    *,
    model_spec: Architecture | None = None,
    data: Dataset | None = None,
    index: Index | None = None,
    seed: int = 0,
    notes: dict[str, Any] | None = None,
    models: Mapping[str, Artifact] | None = None,
    judge: Callable[[Artifact], Judgement] | None = None,
) -> Any:
    """Run a pass in this process, check its result against its promises, and return the result.

    Args:
        options: the pass with its options.
        model: its input; None for a pass that starts a model.
        folder: where its files go, e.g. pytest's `tmp_path`.
        model_spec: the architecture, for a pass that starts a model or asks for it.
        data: the data set, for a pass that reads one.
        index: what the data set holds; listed from `data` by default.
        seed: the recipe's seed.
        notes: is filled with what the pass notes for the report.
        models: what earlier steps gave, by label, for a pass that reads it.
        judge: what `ctx.judge` answers, for a pass that judges its candidates.

    Raises:
        BrokenPromise: the result is not of the declared kind, does not run, or is not what the pass promises.
    """
    reader = data or Dataset()
    held = index or (reader.index(named(NAMES.inspect)) if data else Index(classes=(), splits={}))
    staging = Path(tempfile.mkdtemp(dir=folder))
    assignment = Assignment(
        label=type(options).name,
        seed=seed,
        model_spec=model_spec or Architecture(),
        asks_model=options.asks_model(),
        data=reader,
        index=staging / "unused",
        reads=options.reads(),
        staging=staging,
        checkpoints=staging / "checkpoints",
        checkpoint_seconds=WorkerOptions().checkpoint_seconds,
        models=models or {},
    )
    context = WorkerContext(
        assignment=assignment,
        index=held,
        given=model,
        report=lambda done, total, note: None,
        external=named(NAMES.external),
        log=lambda text: None,
        judged=judge,
        notes={} if notes is None else notes,
    )
    result = options.run(model, context)
    _hold(result, options, model)
    return result


def _hold(result: Any, options: Pass, model: Artifact | None) -> None:
    wanted = kinds_of(type(options))[1]
    if not isinstance(result, wanted):
        raise BrokenPromise(
            f"pass '{type(options).name}' returned {type(result).__name__}, not {wanted.kind}."
        )
    named(NAMES.prove)(result)
    options.verify(model, result)


def artifact(kind: type[Artifact], path: Path, facts: Meaning, **meta: Any) -> Any:
    """Give a handle on an existing file.

    Args:
        kind: `KerasModel`, `TFLiteModel`, ...
        path: the file.
        facts: what it means.
        meta: further facts.
    """
    sha256 = digest.of_file(path)
    known: Mapping[str, Any] = {"facts": facts.to_json(), **meta}
    return kind(path=path, digest=sha256, fingerprint=sha256, meta=known)


def tiny_tflite(folder: Path) -> TFLiteModel:
    """Write the smallest useful `.tflite`: an 8x8 image, one dense layer, softmax over two classes.

    Needs no TensorFlow. Its weights are fixed; its input `image` is (1, 8, 8, 3) float32, normalised, its output
    `scores` is (1, 2) float32.
    """
    from tflbuild.tflite.tiny import dense_classifier

    path = folder / "tiny.tflite"
    path.write_bytes(dense_classifier())
    facts = Meaning.of_image(
        task="classification",
        height=8,
        width=8,
        labels=("cat", "dog"),
        preprocess={"scale": 0.0078125, "offset": -1.0},
    )
    made: TFLiteModel = artifact(TFLiteModel, path, facts)
    return made
