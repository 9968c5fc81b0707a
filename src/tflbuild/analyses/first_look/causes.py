"""The cause that a look at a base names: other classes, other pixels, or a model that knows nothing of these data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.cause import CHANCE, Cure

SURELY = 0.1
"""Part above chance from which a base is only hard to tell from it."""

SAME_SCALE = 0.01
"""Relative difference of two scales that nobody means."""

STAGE = "base"
"""No step of the ladder shows what is wrong with its first model."""


def caused(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields `cause`, `stage`, `cost` and `cures` of a finding; {} where it is no cause.

    Args:
        finding: as `tflbuild.analyses.first_look.chance.judge` gives it, with other readings where they were tried.
    """
    if not finding.get("verdict"):
        return {}
    better = [row for row in (*finding["readings"], *finding["orders"]) if row["better"]]
    if not better and finding["metric"] != "map" and finding["value"] > finding["chance"] + SURELY:
        return {}  # too few samples to tell
    if not better:
        return {"cause": CHANCE, "stage": STAGE, "cures": []}
    best = max(better, key=lambda row: row["value"])
    now = finding.get("now", finding) if "classes" not in best else finding
    gain = float(best["value"]) - float(now["value"])
    cost: dict[str, Any] = {"metric": best.get("metric", finding["metric"]), "value": gain, "n": best["n"]}
    if best["low"] is not None:
        cost |= {"low": best["low"] - now["value"], "high": best["high"] - now["value"]}
    what = f"take classes {best['how']}" if "classes" in best else f"give the model {best['how']}"
    cures = [Cure(what, best["override"], gain, "minutes").to_json()]
    return {"cause": _name(best, now), "stage": STAGE, "cost": cost, "cures": cures}


def _name(best: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name what is unlike: the order of classes, or that of channels, the step or the zero of pixels."""
    if "classes" in best:
        return "labels.shift" if "by one" in best["how"] or "background" in best["how"] else "labels.order"
    told, given = _options(best["override"]), _options(now.get("override", ""))
    if told.get("scale") != given.get("scale") and not _alike(told.get("scale"), given.get("scale")):
        return "pixels.scale"
    if told.get("offset") != given.get("offset"):
        return "pixels.offset"
    return "pixels.channels"


def _alike(one: str | None, other: str | None) -> bool:
    """Say whether two scales are one in practice: 1/128 and 2/255 are."""
    try:
        return abs(float(one or "") / float(other or "") - 1) <= SAME_SCALE
    except (ValueError, ZeroDivisionError):
        return False


def _options(override: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in override.split())
    return {key.rpartition(".")[2]: value for key, _, value in pairs}
