"""Words and pictures of field samples for a terminal and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.analyses.field import judging
from tflbuild.core.exhibit import Bar, Bars, Exhibit, Quantity, Row, Table, number

SHOWN = 8
"""Tests, and tensors, that a terminal names."""

VERDICTS = {
    judging.FINE: "no difference found between {field} field samples and training samples",
    judging.UNDECIDED: "{field} field samples are too few to rule out a change",
    judging.MEND: "the field samples look like another camera or preprocessing: fix the preprocessing",
    judging.RECALIBRATE: "the inputs changed and exceed the calibrated ranges: recalibrate with field samples",
    judging.RETRAIN: "the field samples differ from the training data: retrain with labelled field samples",
}

CHANGED = {
    judging.ANSWERS: "the answers changed ({names})",
    judging.LOOKS: "the samples changed ({names})",
    judging.RANGES: "more activations leave the calibrated ranges",
    judging.AGREEMENT: "the distance from the float model changed",
}


def sentence(verdict: str, tests: Sequence[judging.Test], field: int) -> str:
    """Put the verdict and its evidence into one sentence."""
    said = VERDICTS[verdict].format(field=field)
    evidence = []
    for kind, text in CHANGED.items():
        names = [test.name.replace("_", " ") for test in tests if test.beyond and test.kind == kind]
        if names:
            evidence.append(text.format(names=", ".join(names)))
        elif kind == judging.ANSWERS and any(test.beyond for test in tests):
            evidence.append("the answers changed no more than by chance")
    return "; ".join([said, *evidence])


def lines_of(finding: Mapping[str, Any]) -> list[str]:
    """Give the lines of a finding."""
    if "tests" not in finding:
        return [f"  cause: {finding['cause']}: {finding['text']}"] if finding.get("cause") else []
    lines = [f"drift: {finding['verdict']}: {finding['said']}"]
    lines.append(
        f"  {finding['field_samples']} field samples against {finding['train_samples']} training samples, "
        f"{len(finding['tests'])} tests, false alarms at {judging.ALPHA:.0%} over all of them"
    )
    for test in _worst(finding["tests"])[:SHOWN]:
        lines.append(f"  {_line(test)}")
    agreement = finding.get("agreement")
    if agreement:
        lines.append(f"  agreement with the float model: {_agreement(agreement)}")
    clips = any(test["beyond"] and test["name"] == judging.OUTSIDE for test in finding["tests"])
    for row in finding["tensors"][: SHOWN if clips else 0]:
        if row["field"] > row["train"]:
            lines.append(
                f"  outside its range: {row['field']:.2%} of {_short(row['tensor'])} ({row['train']:.2%} in training), "
                f"range {row['low']:.4g} to {row['high']:.4g}"
            )
    return [*lines, *(f"  {note}" for note in finding["notes"])]


def _worst(tests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(tests, key=lambda test: (not test["beyond"], test["adjusted"], -test["distance"]))


def _line(test: Mapping[str, Any]) -> str:
    mark = "CHANGED" if test["beyond"] else "       "
    values = "" if test["field"] is None else f"  {test['train']:9.4g} -> {test['field']:<9.4g}"
    return (
        f"{mark} {test['name'].replace('_', ' '):22}{values}  distance {test['distance']:.2f}, p {test['adjusted']:.2g}"
        f"{_index(test)}"
    )


def _short(tensor: str) -> str:
    """Give the first of the names that a converter joined."""
    return tensor.split(";")[0]


def _index(test: Mapping[str, Any]) -> str:
    if test["index"] is None:
        return ""
    noise = "" if test["index"] > test["index_noise"] else ", within noise"
    return f", PSI {test['index']:.2f}{noise}"


def _agreement(found: Mapping[str, Any]) -> str:
    told = []
    for where, said in (("train", "in training"), ("field", "in the field")):
        one = found[where]
        told.append(f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}] {said} (n={one['n']})")
    return ", ".join(told)


def exhibit_of(finding: Mapping[str, Any]) -> Exhibit | None:
    """Draw the distances of all numbers, and list them; likewise the tensors. A cause is said with its cures."""
    if finding.get("cause"):
        told = (str(finding["text"]), *(str(cure["text"]) for cure in finding.get("cures", [])))
        return Exhibit(title=str(finding["cause"]), text=tuple(_full(one) for one in told), parts=())
    if "tests" not in finding:
        return None
    tests = _worst(finding["tests"])
    bars = Bars(
        bars=tuple(
            Bar(
                label=str(test["name"]).replace("_", " "),
                values=(number(test, "distance"),),
                marked=bool(test["beyond"]),
            )
            for test in tests
        ),
        legend="distance between field and training samples, 0 to 1; marked: more than chance",
    )
    parts: list[Bars | Table] = [bars, _table(tests)]
    if finding.get("tensors"):
        parts.append(_tensors(finding["tensors"]))
    text = tuple(_full(str(one)) for one in (finding["said"], *finding["notes"]))
    return Exhibit(title="field samples against training", text=text, parts=tuple(parts))


def _full(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('?') else '.'}"


def _table(tests: Sequence[Mapping[str, Any]]) -> Table:
    headings = ("number", "training", "field", "distance", "p of all tests", "PSI", "PSI of noise")
    keys = ("train", "field", "distance", "adjusted", "index", "index_noise")
    rows = tuple(
        Row(
            cells=(str(test["name"]).replace("_", " "), *(Quantity(number(test, key)) for key in keys)),
            marked=bool(test["beyond"]),
        )
        for test in tests
    )
    return Table(headings=headings, rows=rows, summary=f"all {len(rows)} tests")


def _tensors(tensors: Sequence[Mapping[str, Any]]) -> Table:
    rows = tuple(
        Row(
            cells=(
                str(row["tensor"]),
                *(Quantity(number(row, key), "%") for key in ("train", "field")),
                *(Quantity(number(row, key)) for key in ("low", "high")),
            )
        )
        for row in tensors
    )
    headings = ("tensor", "outside in training", "outside in the field", "range from", "to")
    return Table(headings=headings, rows=rows, summary="activations outside the calibrated ranges")
