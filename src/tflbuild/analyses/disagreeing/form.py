"""The form of the finding of `disagreements`."""

from __future__ import annotations

from tflbuild.core.disagreement import BASE, MODEL
from tflbuild.core.form import NUMBER, TEXT, fields, list_of, mapping_of, maybe, optional, whole

ANSWER = fields(
    {
        "label": TEXT,
        "score": maybe(NUMBER),
        "box": optional(list_of(maybe(NUMBER))),
        "value": optional(maybe(NUMBER)),
    }
)
"""One object, class or number; a box is (ymin, xmin, ymax, xmax) in 0..1 of the picture, of a point a small one."""

OUTPUT = fields({BASE: list_of(maybe(NUMBER)), MODEL: list_of(maybe(NUMBER))})

SAMPLE = fields(
    {
        "name": TEXT,
        "distance": maybe(NUMBER),
        "picture": maybe(fields({"jpeg": TEXT, "width": whole(), "height": whole()})),
        "text": TEXT,
        "note": TEXT,
        "truth": maybe(list_of(ANSWER)),
        BASE: list_of(ANSWER),
        MODEL: list_of(ANSWER),
        "alone": mapping_of(list_of(whole())),
        "outputs": optional(mapping_of(OUTPUT)),
    }
)
"""One sample: a JPEG is in base 64; `alone` has the places of answers that the other model does not give."""

FORM = fields({"split": TEXT, "n": whole(), "differ": whole(), "what": TEXT, "samples": list_of(SAMPLE)})
