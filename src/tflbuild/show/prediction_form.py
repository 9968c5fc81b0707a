"""The form of what `tflbuild predict --json` prints."""

from __future__ import annotations

from tflbuild.core.form import NUMBER, TEXT, fields, list_of, mapping_of, maybe, one_of, optional, whole

SCHEMA = "tflbuild.predictions/1"

_ROW = {
    "label": TEXT,
    "box": maybe(list_of(NUMBER)),
    "value": optional(NUMBER),
    "point": optional(list_of(NUMBER)),
}

_OUTPUT = fields(
    {"shape": list_of(whole()), "low": NUMBER, "mean": NUMBER, "high": NUMBER, "values": list_of(NUMBER)}
)

PREDICTIONS = fields(
    {
        "schema": one_of(SCHEMA),
        "model": TEXT,
        "threshold": maybe(NUMBER),
        "predictions": list_of(
            fields(
                {
                    "image": TEXT,
                    "width": whole(),
                    "height": whole(),
                    "drawn": maybe(TEXT),
                    "best": NUMBER,
                    "verdict": maybe(TEXT),
                    "found": list_of(fields({**_ROW, "score": NUMBER})),
                    "truth": maybe(list_of(fields(_ROW))),
                    "outputs": mapping_of(_OUTPUT),
                }
            )
        ),
        "left_out": list_of(fields({"image": TEXT, "reason": TEXT})),
        "notes": list_of(TEXT),
    }
)
"""A box is [ymin, xmin, ymax, xmax] and a point [y, x] in 0..1 of the image; null for what is said of the whole of it.

A value is a number of a regression; all else has none, and only points have a point."""
