"""The time that each operator takes on the device that a target measures on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.analyses.timing.told import drawn
from tflbuild.core.amount import amount
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.plain_text import plain

TITLE = "time per operator, on the device"

NAMES = {"xnnpack": "XNNPACK", "gpu": "GPU", "nnapi": "NNAPI"}
"""Delegates as people write them."""


def exhibit_there(target: Mapping[str, Any]) -> Exhibit | None:
    """Draw what a target reports of its operators; None where it does not."""
    found = target.get("operator_times")
    if not found or not found["operators"]:
        return None
    threads = found["threads"]
    text = (
        f"One run takes {found['whole_ms']:.3f} ms on {amount(threads, 'thread')} of "
        f"{plain(found['cpu'], 100)} while its operators are watched, which takes time itself: mean of {found['runs']} "
        f"runs for each operator. Operators of a delegate have its own names."
    )
    delegate = (target.get("delegate") or {}).get("name", "")
    return drawn(found["operators"], TITLE, text, NAMES.get(delegate, plain(delegate, 40) or "the delegate"))
