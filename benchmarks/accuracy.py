"""Build recipes and print what was delivered: `python benchmarks/accuracy.py [signs | bccd | cards ...]`.

Rows are recipes; `float` is the trained float model on the same test images, `drop` is paired by image, with its 95 %
interval. Note that `prune` and `qat` train on: where they gain, more training is part of it. Real data is looked for in
$TFLBUILD_TEST_DATA, else in `../shared/data` beside the checkout.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import tflbuild
from tflbuild.core.errors import BudgetExceeded

DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SCHEMES = ("int8", "qat", "float16", "dynamic", "int16x8", "tfconverter")
SETS = {
    "signs": [(f"ssd_mobilenet_{scheme}", []) for scheme in SCHEMES],
    "bccd": [("ssd_mobilenet_int8", ["data=voc", f"data.root={DATA / 'bccd'}"])],
    "bccd-192": [
        (
            "ssd_mobilenet_int8",
            ["data=voc", f"data.root={DATA / 'bccd'}", "model.alpha=0.5", "model.input_size=192"],
        )
    ],
    "cards": [("ssd_mobilenet_int8", ["data=coco", f"data.root={DATA / 'cards'}"])],
    "classifier": [("mobilenet_v1_int8", [])],
}


def main() -> None:
    """Build and print one row each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=["signs"], choices=[*SETS])
    print("| data | recipe | metric | float | delivered | drop | n | bytes | ms | delegated | train s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in parser.parse_args().sets:
        for recipe, overrides in SETS[name]:
            metric = "top1" if name == "classifier" else "map"
            always = [f"budget.{metric}.max_drop=1"]  # so that the paired drop is in the report
            try:
                report = tflbuild.build(recipe, [*overrides, *always], show=False)
            except BudgetExceeded as error:
                print(f"| {name} | {recipe} | {error} |")
                continue
            for shown in (metric, "map50") if metric == "map" else (metric,):
                print(row(name, report, shown, metric), flush=True)


def row(name: str, report: Any, metric: str, judged: str) -> str:
    """Give one line of the table."""
    target = report["targets"][0]
    found, base = (
        target["metrics"][metric],
        report["base"]["metrics"].get(metric, {}).get("value", float("nan")),
    )
    verdict = next((v for v in report["budget"]["verdicts"] if v["metric"] == metric), None)
    drop = (
        ""
        if verdict is None
        else f"{base - found['value']:+.4f} [{verdict['low']:+.4f}, {verdict['high']:+.4f}]"
    )
    delegate = target["delegate"]
    seconds = next((p["cost_seconds"] for p in report["passes"] if p["label"] == "train"), 0.0)
    cells = [
        name,
        report["recipe"],
        metric,
        f"{base:.4f}",
        f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]",
        drop,
        found["n"],
        f"{target['bytes']:,}",
        f"{target['latency_ms']['median']:.2f}",
        f"{delegate['delegated']}/{delegate['total']}",
        f"{seconds:.0f}",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    main()
