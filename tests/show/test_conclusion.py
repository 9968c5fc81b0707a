"""The one sentence of how a build ended, and its tone, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.metric import METRICS
from tflbuild.show.conclusion import conclusion


def change(value: float, width: float = 0.01) -> dict[str, Any]:
    return {"map": {"value": value, "low": value - width, "high": value + width, "n": 100}}


def step(label: str, fall: float | None = None, **more: Any) -> dict[str, Any]:
    made = {
        "label": label,
        "outcome": "ran",
        "verdicts": [],
        "differences": {} if fall is None else change(-fall),
    }
    return made | more


def verdict(
    metric: str = "map", *, ok: bool = True, decided: bool = True, baseline: float = 0.6
) -> dict[str, Any]:
    limit = {"limit": {"max_drop": 0.2}, "baseline": baseline}
    return {"metric": metric, "ok": ok, "decided": decided, "text": "map fell"} | limit


PASSES = [step("train"), step("prune", 0.1), step("convert", 0.0, differences={}), step("quantize", 0.02)]
TARGET = {
    "name": "cpu",
    "differences": {"map": {"value": -0.105, "low": -0.121, "high": -0.085, "n": 100}},
}


def report(**more: Any) -> dict[str, Any]:
    made = {
        "status": "built",
        "base": {"label": "train", "metrics": {}},
        "passes": PASSES,
        "targets": [TARGET],
        "budget": {"verdicts": []},
        "analyses": [],
        "resolved": {},
    }
    return made | more


FELL = "map fell by 0.105 [0.085, 0.121], most of it in prune."
GATED = [step(one["label"], verdicts=[verdict()], differences=one["differences"]) for one in PASSES]


def target(value: float, low: float, high: float, name: str = "cpu", metric: str = "map") -> dict[str, Any]:
    return {"name": name, "differences": {metric: {"value": value, "low": low, "high": high, "n": 100}}}


ENDS: list[tuple[str, dict[str, Any], str, str]] = [
    ("no limit", {}, f"Built. No accuracy limit was set; {FELL}", "unsure"),
    (
        "a limit on the size alone",
        {"budget": {"verdicts": [verdict("size")]}},
        f"Built. No accuracy limit was set; {FELL}",
        "unsure",
    ),
    ("within", {"budget": {"verdicts": [verdict()]}}, f"Built, within its budget; {FELL}", "good"),
    ("every pass within its own", {"passes": GATED}, f"Built, within its budget; {FELL}", "good"),
    (
        "a pass that nothing limits",
        {"passes": [*GATED[:3], PASSES[3]]},
        f"Built. No accuracy limit was set on quantize; {FELL}",
        "unsure",
    ),
    (
        "a limit on what agrees with the base alone",
        {"budget": {"verdicts": [verdict("fidelity")]}},
        f"Built. No limit on map was set; {FELL}",
        "unsure",
    ),
    (
        "a limit that a poor base cannot exceed",
        {"budget": {"verdicts": [verdict(baseline=0.15)]}},
        f"Built. The limit on map is so wide that all of it may be lost; {FELL}",
        "unsure",
    ),
    (
        "undecided",
        {"budget": {"verdicts": [verdict(decided=False)]}},
        f"Built; whether it is within its budget is undecided; {FELL}",
        "unsure",
    ),
    (
        "undecided at a pass",
        {"passes": [*GATED[:3], GATED[3] | {"verdicts": [verdict(decided=False)]}]},
        f"Built; whether it is within its budget is undecided; {FELL}",
        "unsure",
    ),
    (
        "kept though over",
        {"passes": [*GATED[:3], GATED[3] | {"verdicts": [verdict(ok=False)]}]},
        f"Built, over the limit of quantize, which was kept (on_breach: warn); {FELL}",
        "unsure",
    ),
    (
        "left out",
        {"passes": [*PASSES[:3], PASSES[3] | {"verdicts": [verdict(ok=False)], "outcome": "skipped"}]},
        f"Built, without quantize, which exceeded its limit (on_breach: skip); {FELL}",
        "unsure",
    ),
    (
        "a base at chance",
        {
            "budget": {"verdicts": [verdict()]},
            "analyses": [{"name": "chance", "findings": [{"text": "not better than chance"}]}],
        },
        f"Built, but the base model looks wrong; {FELL}",
        "unsure",
    ),
    (
        "over",
        {"status": "over_budget", "targets": [], "passes": PASSES[:2]},
        "Over budget: no model was delivered; on val, map fell by 0.100 [0.090, 0.110] in prune.",
        "bad",
    ),
    ("failed", {"status": "failed"}, "Failed.", "bad"),
    ("interrupted", {"status": "interrupted"}, "Interrupted.", "bad"),
    (
        "nothing to be told",
        {"targets": [target(-0.003, -0.012, 0.006)]},
        "Built. No accuracy limit was set; no clear change of map: -0.0030 [-0.0120, +0.0060].",
        "unsure",
    ),
    (
        "two that lost alike",
        {"passes": [step("train"), step("prune", 0.05), step("quantize", 0.055)]},
        "Built. No accuracy limit was set; map fell by 0.105 [0.085, 0.121], most of it in prune or "
        "quantize(their intervals overlap).",
        "unsure",
    ),
    (
        "none that lost beyond noise",
        {"passes": [step("train"), step("prune", 0.005), step("quantize", 0.005)]},
        "Built. No accuracy limit was set; map fell by 0.105 [0.085, 0.121], but no single pass lost more than noise.",
        "unsure",
    ),
    (
        "many that lost little",
        {"passes": [step("train"), *(step(f"p{n}", 0.1 + 0.03 * n) for n in range(3))]},
        "Built. No accuracy limit was set; map fell by 0.105 [0.085, 0.121], the largest part in p2.",
        "unsure",
    ),
    (
        "an old report",
        {"targets": [{"name": "cpu"}], "passes": [step("train", differences={})]},
        "Built. No accuracy limit was set.",
        "unsure",
    ),
    (
        "a file whose accuracy is not a number",
        {"targets": [{"name": "cpu", "metrics": {"map": {"value": None}, "size": {"value": 7}}}]},
        "Built. No accuracy limit was set; map of the file for cpu could not be measured.",
        "unsure",
    ),
    (
        "a base whose accuracy is not a number",
        {
            "targets": [{"name": "cpu", "metrics": {"map": {"value": 0.5}}}],
            "base": {"label": "train", "metrics": {"map": {"value": None}}},
        },
        "Built. No accuracy limit was set; map of the base, train, could not be measured.",
        "unsure",
    ),
    (
        "several targets",
        {"targets": [target(0.0, 0.0, 0.0, "cpu"), target(-0.2, -0.3, -0.1, "npu")]},
        "Built. No accuracy limit was set; map fell by 0.200 [0.100, 0.300] in the file for npu, most of it in prune.",
        "unsure",
    ),
    (
        "a file that cannot be executed here",
        {"targets": [{"name": "npu", "not_executed": "no"}], "budget": {"verdicts": [verdict()]}},
        "Built, within its budget; this machine cannot execute the file to measure it; on val, map fell by 0.100 "
        "[0.090, 0.110] in prune and by 0.020 [0.010, 0.030] in quantize.",
        "good",
    ),
    (
        "stopped",
        {"stopped_after": "prune", "targets": []},
        "Stopped after prune, as asked; the rest was not built; on val, map fell by 0.100 [0.090, 0.110] in prune "
        "and by 0.020 [0.010, 0.030] in quantize.",
        "unsure",
    ),
]


@pytest.mark.parametrize(("more", "text", "tone"), [end[1:] for end in ENDS], ids=[end[0] for end in ENDS])
def test_the_sentence_says_what_became_of_the_limits_what_was_lost_and_where(
    more: dict[str, Any], text: str, tone: str
) -> None:
    found = conclusion(report(**more))
    assert (found.text, found.tone) == (text, tone)


def test_a_step_before_the_base_or_left_out_is_not_blamed() -> None:
    passes = [step("first", 0.5), step("train"), step("prune", 0.6, outcome="skipped"), step("quantize", 0.1)]
    assert "most of it in quantize" in conclusion(report(passes=passes)).text


def test_a_metric_that_should_be_low_is_worse_when_it_rose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS.get("map"), "higher_is_better", False)
    found = report(
        targets=[target(0.2, 0.1, 0.3)],
        passes=[step("train"), step("prune", 0.1), step("quantize", -0.3)],
        budget={"verdicts": [verdict()]},
    )
    assert conclusion(found).text == (
        "Built. The limit on map is so wide that all of it may be lost; map rose by 0.200 [0.100, 0.300], "
        "most of it in "
        "quantize."
    ), "a limit on how far it falls limits nothing"


def test_a_ceiling_is_no_limit_on_what_may_be_lost() -> None:
    ceiling = verdict() | {"limit": {"max": 0.9}}
    assert conclusion(report(budget={"verdicts": [ceiling]})).tone == "unsure"
