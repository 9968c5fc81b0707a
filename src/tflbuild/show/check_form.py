"""The form of what `tflbuild check --json` prints."""

from __future__ import annotations

from tflbuild.core.form import MAPPING, TEXT, fields, list_of, mapping_of, whole
from tflbuild.core.result_form import PLACEMENT

SCHEMA = "tflbuild.check/1"

CHECK = fields(
    {
        "schema": TEXT,
        "file": TEXT,
        "bytes": whole(),
        "devices": list_of(PLACEMENT),
        "figures": mapping_of(MAPPING),
        "simulated": mapping_of(MAPPING),
        "verdicts": list_of(MAPPING),
    }
)
