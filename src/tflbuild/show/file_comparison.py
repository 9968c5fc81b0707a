"""Two model files on the same samples: paired differences, sizes, latencies, operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tflbuild.core.budget import Verdict
from tflbuild.core.change import signed
from tflbuild.core.file_size import signed_size, size
from tflbuild.core.metric import Difference, Measurement
from tflbuild.core.plain_text import plain

SCHEMA = "tflbuild.compare_files/1"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A metric of both files.

    Attributes:
        before: of the first file; None where it cannot be measured.
        after: of the second.
        difference: paired, `after - before`; None for what is no accuracy.
    """

    before: Measurement | None
    after: Measurement | None
    difference: Difference | None = None


@dataclass(frozen=True, kw_only=True)
class FileComparison:
    """Two model files.

    Attributes:
        files: as the user named them.
        split: the samples are of.
        samples: how many.
        rows: by metric.
        operators: how often each operator occurs in the first and the second, where that differs.
        verdicts: of the limits that were given.
        recognised: of each file what was recognised.
    """

    files: tuple[str, str]
    split: str
    samples: int
    rows: Mapping[str, Row]
    operators: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    recognised: tuple[list[Mapping[str, str]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the form that `tflbuild compare --json` prints."""
        return {
            "schema": SCHEMA,
            "files": list(self.files),
            "split": self.split,
            "n": self.samples,
            "metrics": {
                name: {
                    "before": row.before.to_json() if row.before else None,
                    "after": row.after.to_json() if row.after else None,
                    "difference": asdict(row.difference) if row.difference else None,
                }
                for name, row in self.rows.items()
            },
            "operators": {name: list(counts) for name, counts in self.operators.items()},
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "recognised": [list(found) for found in self.recognised],
        }

    def lines(self) -> list[str]:
        """Say it in lines for a terminal."""
        said = [*map(_recognised, ("first", "second"), self.files, self.recognised)]
        said.append(f"{self.samples:,} samples of data.{self.split}; differences are second file minus first")
        said.append(f"{'':<16}{'first':>14}{'second':>14}   difference, 95 % interval")
        for name, row in self.rows.items():
            ends = (_value(row.before), _value(row.after))
            said.append(f"{name:<16}{ends[0]:>14}{ends[1]:>14}   {_difference(row)}".rstrip())
            said += _outputs(row)
        if self.operators:
            changed = ", ".join(
                f"{name} {before} -> {after}" for name, (before, after) in sorted(self.operators.items())
            )
            said.append(f"different operators: {changed}")
        said += [
            f"{'within' if verdict.ok else 'over'} the budget: {verdict.text}" for verdict in self.verdicts
        ]
        return said


def _recognised(place: str, file: str, found: list[Mapping[str, str]]) -> str:
    """Say in a line what a file was taken for; the evidence is in the JSON form."""
    values = "; ".join(f"{plain(one['what'])}: {plain(one['value'])}" for one in found)
    return f"{place}: {plain(file)}{f' ({values})' if values else ''}"


def _value(found: Measurement | None) -> str:
    if found is None:
        return "–"
    return size(found.value) if found.unit == "bytes" else f"{found.value:.4f}"


def _difference(row: Row) -> str:
    if row.difference is not None:
        found = row.difference
        return signed(found.value, found.low, found.high)
    if row.before is None or row.after is None:
        return ""
    change = row.after.value - row.before.value
    unit = f" {row.after.unit}" if row.after.unit != "1" else ""
    share = f" ({change / row.before.value:+.1%})" if row.before.value else ""
    if row.after.unit == "bytes":
        return f"{signed_size(change)}{share}"
    return f"{signed(change)}{unit}{share}"


def _outputs(row: Row) -> list[str]:
    """Say of each output how far it is from the first file's."""
    outputs = (row.after.details.get("outputs") if row.after else None) or {}
    return [
        f"  {plain(name)}: SQNR {found['sqnr_db']:.1f} dB, cosine {found['cosine']:.5f}, mean |difference| "
        f"{found['mean_abs']:.3g}"
        for name, found in outputs.items()
    ]
