"""The first look at a base, as an analysis."""

from __future__ import annotations

from tflbuild.analyses.chance import Chance
from tflbuild.analyses.first_look.told import exhibit_of, lines_of

FIRST = {"metric": "top1", "text": "a", "orders": [{"how": "as now", "value": 0.1, "n": 40}]}
SECOND = {"verdict": "reading", "text": "b", "readings": [{"how": "0..1", "value": 0.5, "n": 40}]}


def test_every_finding_is_told_and_drawn() -> None:
    made = Chance()
    assert made.lines([FIRST, SECOND]) == [*lines_of(FIRST), *lines_of(SECOND)]
    assert made.exhibits([FIRST, SECOND]) == [exhibit_of(FIRST), exhibit_of(SECOND)]
    assert made.exhibits([FIRST])[0].title == made.title


def test_it_looks_at_the_base_on_validation_data() -> None:
    assert (Chance.of, Chance().reads()) == (("base",), ("data.val",))
