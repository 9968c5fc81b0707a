"""The form of the finding of `operators`."""

from __future__ import annotations

from tflbuild.core.form import FLAG, INSIDE, NUMBER, TEXT, fields, list_of, maybe, one_of, optional, whole

ROW = fields(
    {
        "operator": TEXT,
        "layer": TEXT,
        "tensor": TEXT,
        "scale": NUMBER,
        "reset": maybe(NUMBER),
        "carried": maybe(NUMBER),
        "bound": NUMBER,
        "beyond": NUMBER,
        "guilty": FLAG,
    }
)
"""One output of an operator; differences are in steps of its grid, or as they are where `scale` is 0."""

FORM = fields(
    {
        "summary": TEXT,
        "on": one_of("model", "float"),
        "n": whole(),
        "operators": whole(),
        "compared": whole(),
        "rows": list_of(ROW),
        "cut": optional(fields({"file": INSIDE, "kernels": list_of(TEXT), "text": TEXT})),
    }
)
