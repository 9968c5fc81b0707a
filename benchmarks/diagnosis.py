"""Plant faults, and count how often `tflbuild diagnose` names them first: `python benchmarks/diagnosis.py`.

Each case is a model, a fault and its strength (`planted/faults.py`): words that read the model wrongly, labels in
another order, samples that no quantizer should be calibrated on, a model altered in Keras, a file that TensorFlow's
converter made. It is built as a user would, and `tflbuild diagnose ... --try 1` says why accuracy was lost.

A fault counts where its file is worse than the same build without it by more than half of the interval of the
difference. What it says of weaker ones is listed, too.

    --folder FOLDER   for models, data and results, kept: a case that is there is not built again
    --only WORDS      cases whose names have one of these in them, separated by commas
    --cures N         cures that are built

Needs ../shared ($TFLBUILD_TEST_MODELS, $TFLBUILD_TEST_DATA). Bars: the planted cause first in 95 % of cases, none in
builds without a fault, the first cure gives back 80 % of the loss in 80 % of curable cases, ladders add up.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import files
from planted.faults import NONE, Case, cases
from planted.scoring import NAMED, RECOVERED, Judged, tally
from planted.subjects import SUBJECTS, Subject
from planted.trying import Outcome, kept, tried


def main() -> int:
    """Print a line for each case, and the shares; gives 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("outputs/diagnosis"))
    parser.add_argument("--only", default="")
    parser.add_argument("--cures", type=int, default=1)
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "frames.npz").exists():
        files.prepare(folder)
    asked = [part for part in given.only.split(",") if part]
    chosen = [case for case in cases() if not asked or any(part in case.name for part in asked)]
    outcomes = list(_each(chosen, folder, given.cures))
    return _told(outcomes)


def _each(chosen: list[Case], folder: Path, cures: int):
    made: dict[str, Subject] = {}
    for case in chosen:
        file = folder / "outcomes" / f"{case.name}.json"
        if not file.exists():
            if case.subject not in made:
                made[case.subject] = SUBJECTS[case.subject](folder)
            outcome = tried(case, made[case.subject], folder, 0 if case.fault == NONE else cures)
            file.parent.mkdir(exist_ok=True)
            file.write_text(kept(outcome) + "\n", encoding="utf-8")
        row = json.loads(file.read_text(encoding="utf-8"))
        row.pop("case")
        outcome = Outcome(case=case, **row)
        print(_line(outcome), file=sys.stderr, flush=True)
        yield outcome


def _line(outcome: Outcome) -> str:
    value = "-" if outcome.value is None else f"{outcome.value:.4f}"
    gain = "" if outcome.gain is None else f"; {outcome.cure} gave {outcome.gain:+.4f}"
    said = f"; {outcome.said[-160:]}" if outcome.said else ""
    return (
        f"{outcome.case.name}: {value} +- {outcome.half:.4f}, n {outcome.n}, {outcome.seconds:.0f} s: "
        f"{', '.join(outcome.causes) or 'no cause'}{gain}{said}"
    )


def _told(outcomes: list[Outcome]) -> int:
    """Print the table and hold it to the bars."""
    found, judged = tally(outcomes)
    print("| model | fault | strength | cost | first cause | right | first cure gives back |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in judged:
        print(_row(one))
    faint = found.faint
    print(f"\nnamed first: {found.named} of {len(found.counted)} (bar {NAMED:.0%})")
    print(
        f"fainter than their interval: {len(faint)}, {sum(each.right for each in faint)} of them named first, "
        f"{sum(bool(each.outcome.causes) and not each.right for each in faint)} named otherwise"
    )
    for each in found.refused:
        print(f"refused: {each.outcome.case.name}: {each.outcome.said.splitlines()[0][:300]}")
    print(f"causes claimed without a fault: {len(found.claimed)} of {len(found.clean)} (bar 0)")
    print(
        f"first cure gives back {RECOVERED:.0%}: {found.cured} of {len(found.curable)} (bar {RECOVERED:.0%})"
    )
    ladders = [each.adds_up for each in outcomes if each.adds_up is not None]
    print(f"ladders that add up to within 1e-9: {sum(each < 1e-9 for each in ladders)} of {len(ladders)}")
    return int(not found.held)


def _row(one: Judged) -> str:
    outcome, case = one.outcome, one.outcome.case
    cost = "" if one.cost is None else f"{one.cost[0]:+.4f} +- {one.cost[1]:.4f}"
    counts = "" if one.beyond or case.fault == NONE else " (not counted)"
    first = outcome.causes[0] if outcome.causes else "refused" if outcome.value is None else "-"
    named = "" if case.fault == NONE or first == "refused" else "yes" if one.right else "no"
    back = "" if one.share is None else f"{one.share:.0%}"
    return (
        f"| {case.subject} | {case.fault} | {case.strength} | {cost}{counts} | {first} | {named} | {back} |"
    )


if __name__ == "__main__":
    sys.exit(main())
