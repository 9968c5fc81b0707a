"""Kills, damage, races and full disks during builds in processes of their own; counts stand in docs/reliability.md."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from processes import Job, Workshop, ended, kill, problems_of_runs, problems_of_store

pytestmark = pytest.mark.slow

KILLS = 50
PAUSE = 0.01
"""Seconds that a fake waits at every stop in a build that is to be killed; half of its time, the rest is the engine."""


def clean_build(folder: Path, **fields: Any) -> dict[str, Any]:
    """Build without a fault, in a store that was empty."""
    shop = Workshop(folder)
    return shop.run(shop.job(**fields))[0]


def problems(shop: Workshop, outputs: Path, clean: dict[str, Any]) -> list[str]:
    """List whatever lies under a final name, in the store or in a run folder, and is not what it says."""
    return [*problems_of_store(shop.store), *problems_of_runs(outputs, set(clean["delivered"]))]


def killed_once(shop: Workshop, job: Job, who: str, delay: float) -> str:
    """Start a build and kill it after a while; gives who was killed, "" if it had ended before."""
    process = shop.start(job)
    time.sleep(delay)
    workers = shop.workers()
    if process.poll() is not None:
        shop.finish(process)
        return ""
    who = who if workers else "main"
    kill(process, who, workers)
    _, errors, code = shop.finish(process)
    if who == "worker":
        assert code == 0 or (code == 4 and "SIGKILL" in errors), errors
    assert ended([*workers, *shop.workers()]), "a worker outlived its build"
    return who


def test_fifty_kills_at_random_moments_change_no_byte(tmp_path: Path) -> None:
    chance = random.Random(50)
    shop = Workshop(tmp_path, pause=PAUSE)
    started = time.monotonic()
    shop.run(shop.job(seed=10_000))
    whole = time.monotonic() - started
    counted: Counter[str] = Counter()
    seed = 0
    while counted.total() < KILLS:
        clean = clean_build(tmp_path / f"clean-{seed}", seed=seed)
        job = shop.job(seed=seed, outputs=str(tmp_path / f"runs-{seed}"))
        seed += 1
        who = "once"
        while who and counted.total() < KILLS:
            victim = ("main", "worker", "both")[counted.total() % 3]
            who = killed_once(shop, job, victim, chance.uniform(0, whole))
            assert problems(shop, Path(job["outputs"]), clean) == []
            counted.update([who] if who else [])
        after = shop.run(job)[0]
        assert after["steps"] == clean["steps"]
        assert after["delivered"] == clean["delivered"]
    print(dict(counted), "over", seed, "builds")


def test_a_kill_just_before_any_change_of_a_file_changes_no_byte(tmp_path: Path) -> None:
    clean = clean_build(tmp_path / "clean")
    counting = Workshop(tmp_path / "counting")
    _, errors, _ = counting.finish(counting.start(counting.job()))
    count = int(errors.rpartition(" ")[2])
    chance = random.Random(40)
    early = chance.sample(range(1, count - 12), 28)
    for point in [*early, *range(count - 12, count + 1)]:
        shop = Workshop(tmp_path / str(point))
        _, _, code = shop.finish(shop.start(shop.job(), FAKE_DIE_BEFORE=str(point)))
        assert code == -signal.SIGKILL
        assert problems(shop, shop.outputs, clean) == [], point
        after = shop.run(shop.job())[0]
        assert after["steps"] == clean["steps"]
        assert after["delivered"] == clean["delivered"]
        assert problems(shop, shop.outputs, clean) == [], point
