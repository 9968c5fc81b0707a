"""Build `recipe=keyword_int8` on spoken digits and print its figures: `python benchmarks/spoken_digits.py [ROW ...]`.

Rows are ways to part the recordings and to make features of them. `same speakers`: the test split of the folder, whose
speakers are heard in training, too. `unseen speakers`: of the four speakers two train, one is val and one is test
(`data.speaker`); --seeds gives other draws. `micro`: the first with TensorFlow's micro frontend. The drop of int8 is
paired by recording. Intervals are 95 %. Seconds of training are the clock's; nothing is taken from a store of others.

Bars of `same speakers`: top1 of the float model >= 0.95 in at most 240 s, drop <= 0.005 or inside its interval.
Needs `../shared/data/spoken_digits` ($TFLBUILD_TEST_DATA).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import tflbuild
from tflbuild.core.errors import BudgetExceeded

DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SPEAKER = "data.speaker='([^_]+)_'"
ROWS: dict[str, list[str]] = {
    "same speakers": [],
    "unseen speakers": [SPEAKER],
    "micro": [
        "preprocess.front_end=micro",
        "preprocess.level=recorded",
        "preprocess.low=125",
        "preprocess.high=7500",
    ],
}
TOP1, SECONDS = 0.95, 240


def main() -> None:
    """Build and print a line for each row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", default=["same speakers"], choices=[*ROWS])
    parser.add_argument("--seeds", default="0", help="data.seed of each build, with commas between")
    parser.add_argument("--words", default="", help="further words of the recipe, with spaces between")
    options = parser.parse_args()
    print("| row | seed | n | top1 float | top1 int8 | drop | bytes | training s | bars |")
    print("|" + " --- |" * 9)
    with tempfile.TemporaryDirectory(prefix="tflbuild-digits-") as folder:
        data = DATA.resolve() / "spoken_digits"
        os.chdir(folder)
        for name in options.rows:
            for seed in options.seeds.split(","):
                words = ["data=audio_folder", f"data.root={data}", f"data.seed={seed}", *ROWS[name]]
                print(row(name, seed, [*words, *options.words.split()]), flush=True)


def row(name: str, seed: str, words: list[str]) -> str:
    """Build; gives the line."""
    always = ["budget.top1.max_drop=1", "store.path=store"]  # so that the paired drop is in the report
    try:
        report = tflbuild.build("keyword_int8", [*words, *always], show=False)
    except BudgetExceeded as error:
        return f"| {name} | {seed} | {error} |"
    target = report["targets"][0]
    found, base = target["metrics"]["top1"], report["base"]["metrics"]["top1"]
    verdict = next(one for one in report["budget"]["verdicts"] if one["metric"] == "top1")
    drop, low, high = base["value"] - found["value"], verdict["low"], verdict["high"]
    seconds = next(step["cost_seconds"] for step in report["passes"] if step["label"] == "train")
    held = base["value"] >= TOP1 and seconds <= SECONDS and (drop <= 0.005 or low <= 0)
    cells = [
        name,
        seed,
        str(found["n"]),
        _interval(base),
        _interval(found),
        f"{drop:+.4f} [{low:+.4f}, {high:+.4f}]",
        f"{target['bytes']:,}",
        f"{seconds:.0f}",
        "held" if held else "missed",
    ]
    return f"| {' | '.join(cells)} |"


def _interval(figure: Any) -> str:
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


if __name__ == "__main__":
    main()
