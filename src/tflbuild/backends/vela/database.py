"""The database that vela writes of a compilation (`--enable-debug-db`): what became of each operator of the file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tflbuild.core.errors import PassError

TABLES = ("source", "perf")
ON_CPU = "Passthrough"
"""Kind that vela gives an operator that it leaves to the processor."""


@dataclass
class Work:
    """Result of vela for one operator of the file, with its estimates.

    Attributes:
        cycles: of one inference.
        macs: multiplications of one inference.
        sram_bytes: largest amount of staging memory (SRAM) that is in use while it runs.
        left: whether some of it is left to the processor.
    """

    cycles: int = 0
    macs: int = 0
    sram_bytes: int = 0
    left: bool = False


@dataclass
class Database:
    """Results of vela for the operators of a file's main graph.

    Attributes:
        by_operator: by the operator's place in the file. One is missing where vela needs nothing for it, or forgot
            from where what it made for it came.
        unattributed: work of which vela doesn't say for which operator it is.
    """

    by_operator: dict[int, Work] = field(default_factory=dict)
    unattributed: Work = field(default_factory=Work)


def read(path: Path) -> Database:
    """Read the database.

    Raises:
        PassError: it is not there, or is not of the form that is known.
    """
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            tables = dict(_tables(file))
        return _database(tables["source"], tables["perf"])
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise PassError(
            f"vela's database of operators cannot be read ({error}); is its version supported?"
        ) from error


def _database(source: list[dict[str, str]], perf: list[dict[str, str]]) -> Database:
    places = _places(source)
    others = {row["id"] for row in source}.difference(places)  # of another graph, e.g. the body of a loop
    made = Database()
    for row in perf:
        if row["source_id"] in others:
            continue
        place = places.get(row["source_id"])
        work = made.unattributed if place is None else made.by_operator.setdefault(place, Work())
        work.cycles += int(row["op_cycles"] or 0)
        work.macs += int(row["mac_count"] or 0)
        work.sram_bytes = max(work.sram_bytes, int(row["staging_usage"] or 0))
        work.left |= row["operator"] == ON_CPU
    return made


def _places(source: list[dict[str, str]]) -> Mapping[str, int]:
    """Give the place of each operator of the main graph, which comes first; places of another begin anew."""
    places = [int(row["ext_key"]) for row in source]
    ends = next((at + 1 for at, (now, then) in enumerate(pairwise(places)) if then <= now), len(places))
    return {row["id"]: place for row, place in zip(source[:ends], places, strict=False)}


def _tables(lines: Iterable[str]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give the tables that are of use; each is CSV in a CDATA of its own."""
    name = ""
    held: list[str] = []
    for line in lines:
        if line.startswith("<table name="):
            name, held = line.split('"')[1], []
        elif line.startswith("]]>") and name:
            if name in TABLES:
                yield name, list(_rows(held))
            name = ""
        elif name in TABLES and not line.startswith("<![CDATA["):
            held.append(line)


def _rows(lines: Sequence[str]) -> Iterator[dict[str, str]]:
    """Read rows by the names of their columns; a tensor's name, which vela doesn't escape, may hold anything."""
    header = next(csv.reader(lines[:1]))
    before = header.index("name") if "name" in header else len(header)
    after = len(header) - before - 1
    for line in lines[1:]:
        if "name" not in header:
            cells = next(csv.reader([line]))
        else:
            *first, rest = line.rstrip("\n").split(",", before)
            cells = [*first, *rest.rsplit(",", after)]
        if len(cells) != len(header):
            raise ValueError(f"a row has {len(cells)} cells and not {len(header)}")
        yield {key: cell.strip('"') for key, cell in zip(header, cells, strict=True)}
