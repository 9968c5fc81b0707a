from __future__ import annotations

import pytest

from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.judgement import Judgement

LIMIT = Limit(metric="map", form="max_drop", bound=0.0)


def verdict(ok: bool) -> Verdict:
    return Verdict(
        limit=LIMIT, baseline=None, value=None, low=None, high=None, ok=ok, decided=not ok, text=""
    )


@pytest.mark.parametrize(
    ("verdicts", "ok"),
    [((), True), ((True,), True), ((False,), False), ((True, False), False), ((False, True), False)],
)
def test_a_candidate_is_right_when_every_limit_holds(verdicts: tuple[bool, ...], ok: bool) -> None:
    assert Judgement(verdicts=tuple(map(verdict, verdicts)), metrics={}).ok is ok
