"""Results of vela for each operator of a file: where it runs, why, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tflbuild.backends.vela.compiler import Compiled
from tflbuild.backends.vela.database import Database, Work
from tflbuild.backends.vela.log import Complaint
from tflbuild.placement.contradiction import contradiction
from tflbuild.placement.placement import Placed, Placement

UNEXPLAINED = "is left to the processor by vela, which does not say why"


def placed(predicted: Mapping[str, Any], made: Compiled, source: str) -> dict[str, Any]:
    """Give where vela placed the operators; a `Placement` as JSON.

    Args:
        predicted: what the rules foresaw of the same file, as JSON.
        made: what vela made of it.
        source: name of vela with its version.
    """
    left = {name for one in made.left for name in one.outputs if name}
    operators = [_placed(one, made, left) for one in predicted["operators"]]
    return Placement(
        device=predicted["device"],
        title=predicted["title"],
        basis="compiler",
        source=source,
        operators=operators,
        remarks=[*_remarks(predicted["operators"], operators, made.database.unattributed)],
    ).to_json()


def layers(placement: Mapping[str, Any], database: Database, macs_per_cycle: int) -> list[dict[str, Any]]:
    """Give what vela estimates for each operator that the NPU runs.

    Args:
        placement: where vela placed the operators, as JSON.
        database: that vela wrote.
        macs_per_cycle: multiplications that the NPU makes in a cycle at best.
    """
    found = [
        _layer(one["index"], one["name"], one["output"], database.by_operator[one["index"]], macs_per_cycle)
        for one in placement["operators"]
        if one["on"] and one["index"] in database.by_operator
    ]
    rest = database.unattributed
    return [*found, _layer(None, "", "", rest, macs_per_cycle)] if rest.cycles else found


def _layer(index: int | None, name: str, output: str, work: Work, macs_per_cycle: int) -> dict[str, Any]:
    return {
        "index": index,
        "name": name,
        "output": output,
        "cycles": work.cycles,
        "macs": work.macs,
        "sram_bytes": work.sram_bytes,
        "utilization": work.macs / (work.cycles * macs_per_cycle) if work.cycles else None,
    }


def _placed(predicted: Mapping[str, Any], made: Compiled, left: set[str]) -> Placed:
    said = _complaint(predicted, made.complaints)
    work = made.database.by_operator.get(predicted["index"])
    on = not work.left if work is not None else said is None and predicted["output"] not in left
    reason = f"is left to the processor by vela: {said.text}" if said is not None else UNEXPLAINED
    foreseen = {key: predicted[key] for key in ("values", "cure", "unknown")} if not predicted["on"] else {}
    return Placed(
        index=predicted["index"],
        name=predicted["name"],
        output=predicted["output"],
        macs=predicted["macs"],
        on=on,
        fits=on,
        reason="" if on else reason,
        **({} if on else foreseen),
    )


def _complaint(operator: Mapping[str, Any], complaints: Sequence[Complaint]) -> Complaint | None:
    """Find what vela says of an operator, by its output; its fused activation has the same."""
    found = [one for one in complaints if one.output == operator["output"]]
    own = [one for one in found if one.operator == operator["name"]]
    return next(iter(own or found), None)


def _remarks(
    predicted: Sequence[Mapping[str, Any]], operators: Sequence[Placed], unattributed: Work
) -> Iterator[str]:
    yield "Cycles, time and memory are vela's estimates, which no device has measured."
    others = [one for one, rule in zip(operators, predicted, strict=True) if one.on is not rule["on"]]
    yield from contradiction(others)
    if unattributed.cycles:
        yield f"Of {unattributed.cycles:,} cycles vela does not say which operators take them."
