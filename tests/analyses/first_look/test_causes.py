"""The name of the cause that a look at a base gives."""

from __future__ import annotations

import pytest

from tflbuild.analyses.first_look.causes import _name


@pytest.mark.parametrize(
    ("best", "now", "cause"),
    [
        (
            "preprocess.scale=0.00784 preprocess.offset=-1",
            "preprocess.scale=0.0078 preprocess.offset=0",
            "offset",
        ),
        (
            "preprocess.scale=0.00784 preprocess.offset=-1",
            "preprocess.scale=0.0078 preprocess.offset=-1",
            "channels",
        ),
        (
            "preprocess.scale=0.0039 preprocess.offset=0",
            "preprocess.scale=0.0078 preprocess.offset=0",
            "scale",
        ),
        ("preprocess.scale=[1,2,3] preprocess.offset=0", "preprocess.scale=1 preprocess.offset=0", "scale"),
        ("preprocess.scale=1", "preprocess.scale=0", "scale"),
        ("preprocess.scale=1 preprocess.offset=0", "", "scale"),
        ("preprocess.offset=0", "preprocess.offset=-1", "offset"),
    ],
)
def test_scales_that_nobody_tells_apart_are_no_cause(best: str, now: str, cause: str) -> None:
    assert _name({"override": best}, {"override": now}) == f"pixels.{cause}"
