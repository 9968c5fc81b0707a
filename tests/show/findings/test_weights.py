"""What is told of the weights that a training started from."""

from __future__ import annotations

import noted
from tflbuild.show.findings import weights


def test_one_line_says_what_matched_and_what_did_not() -> None:
    note = {**noted.NOTES["weights"], "fresh": ["a", "b", "c", "d", "e", "f"], "unused": [], "folded": 52}
    (line,) = weights.lines(note)
    assert line == (
        "weights: 260 of 262 tensors are those of 'a.h5', matched by order; fresh: a, b, c, d and 2 more; unused in "
        "the file: nothing; batch norms that the file has folded, now the identity with its bias: 52"
    )
    shown = weights.exhibit(note)
    assert shown.text == (f"{line}.",)
