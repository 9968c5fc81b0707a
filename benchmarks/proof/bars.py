"""The bars of the proof, each with what was measured and whether it is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from proof.bench import Bench, geometric_mean
from proof.columns import MAX_DROP, error_of

Cells = Mapping[str, Mapping[str, dict[str, Any]]]

NARROW_MEAN, NARROW_MOST = 0.6, 0.75
"""Shares of the TF converter's output error that `auto` may have with scores in int8: geometric mean, and of a row."""

LOSES = 0.005
"""Drop from which on per-tensor quantization is said to lose something that can be recovered."""


class Bar(NamedTuple):
    """One bar.

    Attributes:
        what: it is about.
        measured: the figures.
        held: whether it is; None where nothing was measured.
    """

    what: str
    measured: str
    held: bool | None

    @property
    def line(self) -> str:
        """Give a line of a Markdown table."""
        held = "not measured" if self.held is None else "yes" if self.held else "**no**"
        return f"| {self.what} | {self.measured} | {held} |"


def bars(benches: Sequence[Bench], cells: Cells, times: Mapping[str, Any]) -> list[Bar]:
    """Hold what was measured to every bar."""
    rows = [(bench, cells[bench.row.name]) for bench in benches if bench.row.name in cells]
    found: list[Bar] = []
    for other, title, most in (
        ("tf", "TF converter", 0.75),
        ("litert_default", "LiteRT Quantizer default", 0.5),
    ):
        found += [never_worse(rows, other, title), less_error(rows, other, title, most)]
    found += [with_narrow_scores(rows)]
    found += [close_to_the_better(rows), ill_conditioned(rows)]
    found += [recovered(rows), mixed(rows)]
    found += [within(rows, "qat", 0.005, "QAT within 0.005 of a float control trained as long")]
    found += [pruned(rows), within(rows, "pqat", None, "PQAT beside a float control trained as long")]
    return [*found, *timed(times)]


def have(rows: Any, *names: str) -> Iterator[tuple[Bench, Mapping[str, dict[str, Any]]]]:
    """Give the rows in which all of these cells were made."""
    for bench, cells in rows:
        if all(name in cells and "error" not in cells[name] for name in names):
            yield bench, cells


def never_worse(rows: Any, other: str, title: str) -> Bar:
    """Compare `auto` with another method on the same test images."""
    drops = {
        bench.row.name: bench.yardstick.drop(bench.predictions(other), bench.predictions("auto"))
        for bench, _ in have(rows, "auto", other)
    }
    text = ", ".join(
        f"{name} {drop:+.4f} [{low:+.4f}, {high:+.4f}]" for name, (drop, low, high) in drops.items()
    )
    worse = [name for name, (_, low, _) in drops.items() if low > 0]
    return Bar(
        f"auto against {title}: metric never worse beyond its paired interval",
        f"falls by {text}",
        not worse if drops else None,
    )


def less_error(rows: Any, other: str, title: str, most: float) -> Bar:
    """Compare output errors."""
    ratios = {
        bench.row.name: error_of(cells["auto"]["errors"]) / error_of(cells[other]["errors"])
        for bench, cells in have(rows, "auto", other)
    }
    return _over_rows(
        f"auto's output error against {title}: geometric mean <= {most} x", ratios, lambda mean: mean <= most
    )


def with_narrow_scores(rows: Any) -> Bar:
    """Compare output errors with final scores of 8 bits on both sides, whose step of 1/256 neither can avoid."""
    ratios = {
        bench.row.name: error_of(cells["narrow"]["errors"]) / error_of(cells["tf"]["errors"])
        for bench, cells in have(rows, "narrow", "tf")
    }
    return _over_rows(
        f"auto's output error against TF converter, scores in int8 on both sides: geometric mean <= {NARROW_MEAN} x, "
        f"none above {NARROW_MOST} x",
        ratios,
        lambda mean: mean <= NARROW_MEAN and max(ratios.values()) <= NARROW_MOST,
    )


def close_to_the_better(rows: Any) -> Bar:
    """Compare with the better of the two, row by row."""
    ratios = {
        bench.row.name: error_of(cells["auto"]["errors"])
        / min(error_of(cells[other]["errors"]) for other in ("tf", "litert_default"))
        for bench, cells in have(rows, "auto", "tf", "litert_default")
    }
    text = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    held = all(ratio <= 1.02 for ratio in ratios.values()) if ratios else None
    return Bar("auto's output error on no row more than 2 % above the better of the two", text, held)


def ill_conditioned(rows: Any) -> Bar:
    """Look at the rows where per-tensor quantization of an ill-conditioned model loses much."""
    lost = [
        (bench.row.name, cells["ill_tf_per_tensor"]["drop"][0], cells["ill_auto"]["drop"][0])
        for bench, cells in have(rows, "ill_tf_per_tensor", "ill_auto")
    ]
    text = ", ".join(
        f"{name}: stock per-tensor falls by {stock:+.4f}, auto by {auto:+.4f}" for name, stock, auto in lost
    )
    judged = [auto <= 0.01 for _, stock, auto in lost if stock > 0.1]
    return Bar(
        "ill-conditioned: auto within 0.01 of float where stock per-tensor loses > 0.10",
        text,
        all(judged) if judged else None,
    )


def recovered(rows: Any) -> Bar:
    """Give what per-tensor int8 with equalization wins back, of well- and ill-conditioned models."""
    parts, held = [], []
    for prefix in ("", "ill_"):
        stock, ours = f"{prefix}tf_per_tensor", f"{prefix}per_tensor"
        for bench, cells in have(rows, stock, ours):
            name = f"{bench.row.name}{', rescaled' if prefix else ''}"
            lost, left = cells[stock]["drop"][0], cells[ours]["drop"][0]
            error = 1 - error_of(cells[ours]["errors"]) / error_of(cells[stock]["errors"])
            if lost > LOSES:
                held.append((lost - left) / lost >= 0.7)
                parts.append(f"{name} {(lost - left) / lost:.0%} of {lost:.4f} (error {error:.0%})")
            else:
                parts.append(f"{name} loses {lost:+.4f}, too little to say (error {error:.0%})")
    return Bar(
        "per-tensor int8 with equalization recovers >= 70 % of what stock per-tensor loses",
        "; ".join(parts),
        all(held) if held else None,
    )


def mixed(rows: Any) -> Bar:
    """Look at the budget and the share of what is not int8."""
    found = [
        (bench.row.name, cells["mixed"]["drop"][0], cells["mixed"]["wide"])
        for bench, cells in have(rows, "mixed")
    ]
    text = ", ".join(f"{name} {drop:+.4f}, {share:.1%}" for name, drop, share in found)
    held = all(drop <= MAX_DROP and share <= 0.15 for _, drop, share in found) if found else None
    return Bar(
        f"mixed: drop <= {MAX_DROP} on every row (test), <= 15 % of the weights not in int8", text, held
    )


def within(rows: Any, name: str, most: float | None, what: str) -> Bar:
    """Compare a cell with its control."""
    drops = {bench.row.name: cells[name]["drop"] for bench, cells in have(rows, name)}
    text = ", ".join(
        f"{row} {drop:+.4f} [{low:+.4f}, {high:+.4f}]" for row, (drop, low, high) in drops.items()
    )
    held = all(drop <= most for drop, _, _ in drops.values()) if drops and most is not None else None
    return Bar(what, text, held if most is not None else bool(drops) or None)


def pruned(rows: Any) -> Bar:
    """Compare the pruned int8 file with its control, and count its zeros."""
    bar = within(rows, "pruned", 0.01, "pruned 50 %, then int8, within 0.01 of the control; sparsity exact")
    zeros = {bench.row.name: cells["pruned"]["zeros"] for bench, cells in have(rows, "pruned")}
    text = ", ".join(f"{row} {share:.2%}" for row, share in zeros.items())
    exact = all(share >= 0.5 for share in zeros.values())
    if bar.held is None:
        return bar
    return Bar(bar.what, f"{bar.measured}; zeros {text}", bar.held and exact)


def timed(times: Mapping[str, Any]) -> Iterator[Bar]:
    """Look at the seconds of a pass."""
    for name, most in (("auto", 20), ("sensitivity", 15)):
        what = f"{name} on the SSD (100 calibration images, 160 px) <= {most} s"
        seconds = times.get(name)
        yield Bar(
            what, "" if seconds is None else f"{seconds:.1f} s", None if seconds is None else seconds <= most
        )


def _over_rows(what: str, ratios: Mapping[str, float], held: Callable[[float], bool]) -> Bar:
    if not ratios:
        return Bar(what, "", None)
    mean = geometric_mean(list(ratios.values()))
    each = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return Bar(what, f"{mean:.2f} ({each})", held(mean))
