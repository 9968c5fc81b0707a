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
from planted.scoring import NAMED, RECOVERED, cost_of, recovered, right
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
    clean = {(each.case.subject, each.case.foreign): each for each in outcomes if each.case.fault == NONE}
    print("| model | fault | strength | cost | first cause | right | first cure gives back |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    counted, named, curable, cured, faint = 0, 0, 0, 0, []
    for outcome in outcomes:
        case = outcome.case
        if case.fault == NONE:
            continue
        cost = cost_of(outcome, clean)
        share = None if cost is None else recovered(outcome, cost[0])
        beyond = cost is not None and cost[0] > cost[1]
        if beyond or (outcome.value is None and outcome.causes):
            counted += 1
            named += right(outcome)
            if case.curable:
                curable += 1
                cured += share is not None and share >= RECOVERED
        else:
            faint.append(outcome)
        said = "" if cost is None else f"{cost[0]:+.4f} +- {cost[1]:.4f}{'' if beyond else ' (not counted)'}"
        first = outcome.causes[0] if outcome.causes else "-"
        back = "" if share is None else f"{share:.0%}"
        print(
            f"| {case.subject} | {case.fault} | {case.strength} | {said} | {first} | "
            f"{'yes' if right(outcome) else 'no'} | {back} |"
        )
    claimed = [each for each in outcomes if each.case.fault == NONE and each.causes]
    without = sum(each.case.fault == NONE for each in outcomes)
    ladders = [each.adds_up for each in outcomes if each.adds_up is not None]
    print(f"\nnamed first: {named} of {counted} (bar {NAMED:.0%})")
    print(
        f"fainter than their interval: {len(faint)}, {sum(map(right, faint))} of them named first, "
        f"{sum(bool(each.causes) and not right(each) for each in faint)} named otherwise"
    )
    print(f"causes claimed without a fault: {len(claimed)} of {without} (bar 0)")
    print(f"first cure gives back {RECOVERED:.0%}: {cured} of {curable} (bar {RECOVERED:.0%})")
    print(f"ladders that add up to within 1e-9: {sum(each < 1e-9 for each in ladders)} of {len(ladders)}")
    held = named >= NAMED * counted and not claimed and cured >= RECOVERED * curable
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
