"""The form of the files of a sweep: `sweep.json`, written once, and `summary.json`, as far as they are read again."""

from __future__ import annotations

from tflbuild.core.form import (
    ABSOLUTE,
    DIGEST,
    FLAG,
    MAPPING,
    NAME,
    NOTHING,
    NUMBER,
    TEXT,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    one_of_numbers,
    optional,
    whole,
    written,
)
from tflbuild.engine.report_form import DIFFERENCES, METRICS, RESOLVED

SCHEMA = "tflbuild.sweep/1"
FINISHED = {"built": 0, "over_budget": 5}
"""Exit codes of jobs whose report is a result that another try would not change."""

EXIT_CODES = (0, 1, 2, 3, 4, 5, 6, 7, 70, 130)

ROW = fields(
    {
        "name": NAME,
        "overrides": mapping_of(TEXT),
        "status": one_of("waiting", "built", "over_budget", "failed", "interrupted", "invalid"),
        "exit_code": one_of_numbers(*EXIT_CODES),
        "run": maybe(NAME),
        "error": maybe(TEXT),
        "pareto": FLAG,
        "metrics": METRICS,
        "seconds": optional(maybe(number(0))),
        "base": optional(maybe(fields({"metrics": METRICS}))),
        "bytes": optional(maybe(whole())),
        "compressed_bytes": optional(maybe(whole())),
        "latency_ms": optional(maybe(number(0))),
        "latency_noise_ms": optional(maybe(number(0))),
        "differences": optional(DIFFERENCES),
        "sha256": optional(maybe(DIGEST)),
        "figures": optional(mapping_of(NUMBER)),
    }
)
FROZEN = fields(
    {"mapping": RESOLVED, "overrides": list_of(TEXT), "plugins": maybe(TEXT), "cwd": ABSOLUTE}
    | {"assumed": written(FLAG)},
    others=NOTHING,
)
SWEEP = fields(
    {
        "schema": one_of(SCHEMA),
        "command": list_of(TEXT),
        "launcher": TEXT,
        "launcher_options": MAPPING,
        "jobs": list_of(fields({"frozen": maybe(FROZEN), "row": ROW}, others=NOTHING)),
    }
)
"""The form of `sweep.json`, as far as it is read again."""

SAID = fields({"jobs": list_of(ROW)})
"""The form of `summary.json`, as far as it is read again."""
