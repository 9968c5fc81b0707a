"""A prediction held to what was measured."""

from __future__ import annotations

from typing import Any

from tflbuild.placement.measured import measured
from tflbuild.placement.placement import Placed, Placement


def predicted(*taken: bool) -> dict[str, Any]:
    """Give a prediction of operators of ten multiply-accumulates; those that are left have a reason and a cure."""
    operators = [
        Placed(
            index=place,
            name=f"OP{place}",
            output=f"out{place}",
            on=on,
            macs=10,
            fits=on,
            reason="" if on else "is wide",
            values={} if on else {"op.version": 2},
            cure="" if on else "a narrow one",
        )
        for place, on in enumerate(taken)
    ]
    return Placement(
        device="cpu",
        title="chip",
        basis="rules",
        source="a page",
        date="2026-01-02",
        operators=operators,
        remarks=["It is small."],
    ).to_json()


def test_what_agrees_stays_as_it_was_predicted_but_is_measured() -> None:
    given = predicted(True, False, True)
    found = measured(given, {0: True, 1: False, 2: True}, "here")
    assert found == {
        **given,
        "basis": "measured",
        "source": "here; reasons by the rules of a page, 2026-01-02",
        "date": "",
    }
    assert (found["delegated"], found["ends"], found["remarks"]) == (2, 1, ["It is small."])


def test_the_measurement_decides_and_says_where_rules_are_wrong() -> None:
    found = measured(predicted(True, False), {0: False, 1: True}, "here")
    left, taken = found["operators"]
    assert (left["on"], left["fits"], left["reason"]) == (
        False,
        False,
        "is left by the chip, and no known rule says why",
    )
    assert (taken["on"], taken["fits"], taken["reason"], taken["values"], taken["cure"]) == (
        True,
        True,
        "",
        {},
        "",
    )
    assert (found["delegated"], found["macs_coverage"], found["ends"]) == (1, 0.5, 0)
    assert found["remarks"] == [
        "It is small.",
        "The chip left operator 0 (OP0), and no known rule says why.",
        "The chip took operator 1 (OP1), though by the rules it is wide.",
    ]
