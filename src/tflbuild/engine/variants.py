"""Variants of models that an analysis wants measured: made in a worker, kept in the store, measured like any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.core.analysis import Measured, Variant
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.metric import primary_metrics
from tflbuild.core.options import to_json
from tflbuild.core.runtime import RUNTIMES
from tflbuild.engine.measure import Measurer
from tflbuild.engine.recalling import Result
from tflbuild.engine.storage.store import Record, Store


def kept(variants: Sequence[Variant], models: Mapping[str, Artifact], cost: Mapping[str, float]) -> Result:
    """Give variants as the store keeps them: files that the analysis made, and the names of those that it was given.

    Args:
        variants: of an analysis.
        models: those that it was given, by name.
        cost: of making them.
    """
    given = {model.path: name for name, model in models.items()}
    rows: list[dict[str, Any]] = []
    files: dict[str, Path] = {}
    for number, variant in enumerate(variants):
        model = variant.model
        place = given.get(model.path, "")
        field = "" if place else _field_of(model.path, files, number)
        if field:
            files[field] = model.path
        rows.append(
            {
                "name": variant.name,
                "samples": variant.samples,
                "kind": model.kind,
                "given": place,
                "file": field,
                "fingerprint": model.fingerprint,
                "meta": dict(model.meta),
                "runtime": None
                if variant.runtime is None
                else {"name": type(variant.runtime).name, "options": to_json(variant.runtime)},
            }
        )
    return Result({"variants": rows}, cost, files)


def _field_of(path: Path, files: Mapping[str, Path], number: int) -> str:
    """Name a file's field: that which has it already, where several variants differ in their meaning alone."""
    return next((field for field, kept in files.items() if kept == path), f"model{number}")


def read(record: Record, store: Store, models: Mapping[str, Artifact]) -> list[Variant]:
    """Read variants back; in an older record no row names its file."""
    rows = enumerate(record.value["variants"])
    return [_variant({"file": f"model{number}", **row}, record, store, models) for number, row in rows]


def _variant(row: Mapping[str, Any], record: Record, store: Store, models: Mapping[str, Artifact]) -> Variant:
    if row["given"]:
        path, sha256 = models[row["given"]].path, models[row["given"]].digest
    else:
        sha256 = record.value[row["file"]]
        path = Path(store.blob(sha256))
    model = KINDS[row["kind"]](path=path, digest=sha256, fingerprint=row["fingerprint"], meta=row["meta"])
    runtime = row["runtime"]
    executes = None if runtime is None else RUNTIMES.get(runtime["name"])(**runtime["options"])
    return Variant(name=row["name"], model=model, runtime=executes, samples=row["samples"])


def measured(
    variants: Sequence[Variant], whole: Measurer, task: str, split: str, *, series: bool = True
) -> list[Measured]:
    """Measure variants by the primary metrics of a task, each against the one before it and against the first.

    Args:
        variants: in order; one is held against those that are measured on as many samples.
        whole: measures on all samples.
        task: of the data.
        split: the samples.
        series: whether each is compared with the one before it, too.
    """
    found: list[Measured] = []
    for variant in variants:
        measurer = whole.of_samples(split, variant.samples)
        metrics = measurer.accuracy(variant.model, primary_metrics(task), split, variant.runtime)
        alike = [one for one in found if one.variant.samples == variant.samples]

        def change(
            since: Measured,
            to: Variant = variant,
            by: Measurer = measurer,
            names: Sequence[str] = tuple(metrics),
        ) -> dict[str, Any]:
            before = since.variant
            return {
                name: by.compare(name, before.model, to.model, split, to.runtime, before.runtime)
                for name in names
                if name in since.metrics
            }

        found.append(
            Measured(
                variant=variant,
                metrics=metrics,
                changes=change(alike[-1]) if alike and series else {},
                totals=change(alike[0]) if alike else {},
            )
        )
    return found
