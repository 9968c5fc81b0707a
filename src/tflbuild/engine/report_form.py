"""The form of `report.json`, and the one function that reads it: a run's folder may be somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.cause import FINDING
from tflbuild.core.curve import CURVE
from tflbuild.core.errors import RecipeError
from tflbuild.core.form import (
    DIGEST,
    FLAG,
    INSIDE,
    MAPPING,
    NAME,
    NUMBER,
    TEXT,
    Form,
    Malformed,
    called,
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    optional,
    whole,
    written,
)
from tflbuild.core.plain_text import plain
from tflbuild.core.result_form import CHANGES, FIGURES, GRAPH, REPORTED
from tflbuild.core.samples import SUMMARY as SAMPLES
from tflbuild.engine.report import SCHEMA

RECIPE = {
    "recipe": INSIDE,
    "description": TEXT,
    "pipeline": list_of(TEXT),
    "seed": whole(),
    "device": TEXT,
    "strict": FLAG,
    "worker": MAPPING,
    "model": fields({"type": TEXT}),
    "data": fields({"type": TEXT}),
    "target": mapping_of(fields({"type": TEXT}), key=NAME),
    "budget": MAPPING,
}
"""Keys of every resolved recipe, wherever one is kept."""

PLACES = {
    "store": fields(
        {"path": optional(maybe(TEXT)), "remote": optional(maybe(TEXT)), "shared": optional(maybe(FLAG))}
    ),
    "outputs": TEXT,
    "hooks": optional(MAPPING),
}
"""Keys of a resolved recipe that say where it writes, and who is told."""

RESOLVED = fields(RECIPE | PLACES)
"""A resolved recipe that is built again."""

SHOWN = fields({key: optional(form) for key, form in (RECIPE | PLACES).items()})
"""A resolved recipe that is shown and compared; what of it is there has its form."""

METRICS = mapping_of(REPORTED)

DIFFERENCES = mapping_of(fields({"value": NUMBER, "low": NUMBER, "high": NUMBER, "n": whole()}))
"""Paired differences by metric, with their 95 % intervals."""

VERDICT = called(
    "verdict",
    fields(
        {
            "metric": TEXT,
            "limit": fields({"since": optional(TEXT), "on": optional(TEXT)}, others=NUMBER),
            "baseline": maybe(NUMBER),
            "value": maybe(NUMBER),
            "low": maybe(NUMBER),
            "high": maybe(NUMBER),
            "ok": FLAG,
            "decided": FLAG,
            "split": written(TEXT),
            "target": optional(TEXT),
            "text": TEXT,
        }
    ),
)

WEIGHTS = fields(
    {
        "file": TEXT,
        "by": TEXT,
        "tensors": whole(),
        "of": whole(),
        "folded": whole(),
        "fresh": list_of(TEXT),
        "unused": list_of(TEXT),
        "layers": whole(),
    }
)

_STEP: dict[str, Form] = {
    "label": TEXT,
    "pass": TEXT,
    "outcome": TEXT,
    "cached": FLAG,
    "reason": TEXT,
    "action": maybe(DIGEST),
    "input": maybe(DIGEST),
    "output": maybe(DIGEST),
    "kind": maybe(TEXT),
    "bytes": maybe(whole()),
    "options": MAPPING,
    "seconds": number(0),
    "cpu_seconds": number(0),
    "peak_rss_mib": number(0),
    "measuring_seconds": number(0),
    "cost_seconds": number(0),
    "notes": fields({GRAPH: optional(CHANGES), "weights": optional(WEIGHTS)}),
    "curve": written(maybe(CURVE)),
    "metrics": METRICS,
    "differences": optional(DIFFERENCES),
    "verdicts": list_of(VERDICT),
    "takes": optional(TEXT),
    "wanted": optional(MAPPING),
}

TRIED = fields(
    {
        "run": written(TEXT),
        "ok": written(FLAG),
        "error": optional(TEXT),
        "output": optional(DIGEST),
        "seconds": optional(number(0)),
        "metrics": optional(METRICS),
        "verdicts": optional(list_of(VERDICT)),
        "passes": optional(list_of(called("tried_step", fields(_STEP)))),
    }
)
"""An attempt that was made when a gate closed, the step itself first."""

STEP = called("step", fields(_STEP | {"tried": list_of(TRIED)}))

TENSOR = called(
    "tensor",
    fields(
        {
            "name": TEXT,
            "shape": list_of(maybe(whole())),
            "dtype": TEXT,
            "scale": optional(maybe(NUMBER)),
            "zero_point": optional(maybe(NUMBER)),
            "modality": optional(TEXT),
            "preprocess": optional(MAPPING),
            "role": optional(TEXT),
        }
    ),
)

TARGET = fields(
    {
        "name": NAME,
        "path": INSIDE,
        "sha256": DIGEST,
        "step": optional(TEXT),
        "bytes": whole(),
        "compressed_bytes": whole(),
        "labels": list_of(TEXT),
        "metrics": METRICS,
        "differences": optional(DIFFERENCES),
        "inputs": written(list_of(TENSOR)),
        "outputs": written(list_of(TENSOR)),
        "samples": optional(SAMPLES),
        **FIGURES,
    }
)

SPLIT = fields({"n": whole(), "digest": DIGEST})

DATA = fields(
    {
        "type": written(TEXT),
        "root": written(maybe(TEXT)),
        "classes": written(list_of(TEXT)),
        "dropped": list_of(fields({"file": written(TEXT), "reason": written(TEXT)})),
        "splits": mapping_of(SPLIT),
    }
)

RECOGNISED = fields({"what": TEXT, "value": TEXT, "evidence": TEXT})

FOUND = fields(
    {
        "name": written(TEXT),
        "key": written(TEXT),
        "findings": written(list_of(FINDING)),
        "files": optional(mapping_of(DIGEST)),
    }
)
"""The findings of one analysis."""

ENTRY = called("analysis", FOUND)

REPORT = fields(
    {
        "schema": one_of(SCHEMA),
        "recipe": INSIDE,
        "description": written(TEXT),
        "subject": written(TEXT),
        "status": one_of("built", "over_budget", "failed", "interrupted"),
        "error": maybe(TEXT),
        "reproduce": written(maybe(TEXT)),
        "stopped_after": written(maybe(TEXT)),
        "locked": written(maybe(TEXT)),
        "overrides": list_of(TEXT),
        "file": optional(TEXT),
        "seed": whole(),
        "started": written(TEXT),
        "seconds": number(0),
        "toolchain": mapping_of(maybe(TEXT)),
        "environment": fields({"device": written(TEXT), "threads": written(whole())}),
        "data": DATA,
        "model": written(fields({"type": TEXT})),
        "labels": written(mapping_of(list_of(TEXT))),
        "recognised": written(list_of(RECOGNISED)),
        "base": fields({"label": TEXT, "metrics": METRICS}),
        "passes": list_of(STEP),
        "budget": fields({"ok": FLAG, "verdicts": list_of(VERDICT)}),
        "targets": list_of(TARGET),
        "analyses": written(list_of(ENTRY)),
        "warnings": list_of(TEXT),
        "resolved": SHOWN,
    }
)


def typed_words(report: Mapping[str, Any]) -> list[str]:
    """Give what the user typed for a run, its recipe first: by its path where it was not found by its name."""
    return [f"recipe={report.get('file') or report['recipe']}", *report["overrides"]]


def _missing(path: Path) -> str:
    """Say why a path that was named as a run's is none, and what is."""
    if not path.exists():
        return "there is no such file or folder; a run is named by its folder, e.g. outputs/int8/latest."
    runs = [*path.glob("latest/"), *sorted(path.glob("*/latest/"))]
    latest = [run for run in runs if any((run / name).is_file() for name in ("report.json", "sweep.json"))]
    return f"it has no report.json{f'; did you mean {plain(latest[0])}?' if latest else '.'}"


def read_report(path: Path) -> dict[str, Any]:
    """Read a run's report, all of it held to its form.

    Args:
        path: the run's folder, or the file itself.

    Raises:
        RecipeError: it is missing, no JSON, or no report.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        content = json_text.read_mapping(file)
        check(content, REPORT)
    except FileNotFoundError as error:
        raise RecipeError(f"{plain(file)} is not a report of a run: {_missing(path)}") from error
    except OSError as error:
        raise RecipeError(f"{plain(file)} is not a report of a run: {error.strerror or error}.") from error
    except Malformed as error:
        raise RecipeError(f"{plain(file)} is not a report of a run: {error}.") from error
    except ValueError as error:
        raise RecipeError(f"{plain(file)} is not a report of a run: {error}.") from error
    return content
