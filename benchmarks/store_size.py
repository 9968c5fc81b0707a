"""Time a plan over a store of many actions against one over an empty store: `python benchmarks/store_size.py`.

Makes a store of 10,000 records (training runs of the recipe with other seeds, each with a blob of its own), then plans
the recipe with each store in turn, as a command of its own. Prints wall seconds (median of several runs), the ratio,
and what listing, verifying and collecting that store takes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.artifact import KerasModel
from tflbuild.engine.inputs import Inputs
from tflbuild.engine.prepare import prepare
from tflbuild.engine.storage import record
from tflbuild.engine.storage.audit import audit
from tflbuild.engine.storage.collect import choose, collect
from tflbuild.engine.storage.inventory import take_inventory
from tflbuild.engine.storage.roots import find_roots
from tflbuild.engine.storage.store import Store
from tflbuild.recipe.load import load_recipe
from tflbuild.wiring import NAMES


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("overrides", nargs="*", default=["recipe=ssd_mobilenet_int8"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stores = {"empty": Path(folder, "empty"), f"{options.actions:,} actions": Path(folder, "full")}
        for path in stores.values():
            store = Store(path)
            store.prepare()
            store.close()
        full = stores[f"{options.actions:,} actions"]
        fill(full, options.actions, options.overrides)
        times: dict[str, list[float]] = {name: [] for name in stores}
        for _ in range(options.runs):
            for name, path in stores.items():
                times[name].append(plan(path, options.overrides))
        for name, seconds in times.items():
            median, spread = statistics.median(seconds), f"[{min(seconds):.3f}, {max(seconds):.3f}]"
            print(f"plan, {name:<16} {median:.3f} s  {spread}")
        ratio = statistics.median(times[f"{options.actions:,} actions"]) / statistics.median(times["empty"])
        print(f"ratio {ratio:.3f}")
        print(f"cache info   {timed(lambda: take_inventory(full)):.2f} s")
        print(f"cache verify {timed(lambda: audit(full)):.2f} s")
        print(f"cache gc     {timed(lambda: collect_all(full)):.2f} s, everything removed")


def fill(root: Path, count: int, overrides: list[str]) -> None:
    """Write records as `Store.commit` does, but without flushing each to the disk."""
    prepared = prepare(load_recipe([*overrides, f"store.path={root}"]), NAMES)
    first = prepared.recipe.steps[prepared.order[0]]
    preimage = prepared.keys.action(first, Inputs())
    keys = []
    for seed in range(1, count + 1):
        content = f"{seed}".encode().rjust(2_000)
        sha256 = digest.of_bytes(content)
        (root / "blobs" / sha256).write_bytes(content)
        other = {**preimage, "seed": preimage["seed"] + seed}
        model = KerasModel(path=root, digest=sha256, fingerprint=sha256, meta={"facts": {}})
        written = record.write(other, artifact=model, value={}, cost={"seconds": 10.0}, blobs=[sha256])
        keys.append(digest.of_json(other))
        (root / "actions" / f"{keys[-1]}.json").write_bytes(written)
    name = type(first.options).name
    (root / "recent" / f"{name}.json").write_text(json.dumps(keys[-16:]))


def plan(store: Path, overrides: list[str]) -> float:
    """Time one plan, start of the process included."""
    command = [sys.executable, "-m", "tflbuild", "plan", *overrides, f"store.path={store}"]
    environment = {name: value for name, value in os.environ.items() if name != "TFLBUILD_STORE"}
    return timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment))


def collect_all(root: Path) -> None:
    """Collect everything."""
    inventory = take_inventory(root)
    collect(inventory, choose(inventory, find_roots(inventory, []), older_than=0.0))


def timed(action: Callable[[], object]) -> float:
    """Give the wall seconds that something takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
