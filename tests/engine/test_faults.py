"""Kills, damage, races and full disks during builds in processes of their own; counts stand in docs/reliability.md."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from building import OpenWorkshop
from processes import Job, Workshop, ended, kill, problems_of_runs, problems_of_store
from tflbuild.engine.storage.store import Store

pytestmark = pytest.mark.slow

KILLS = 50
PAUSE = 0.01
"""Seconds that a fake waits at every stop in a build that is to be killed; half of its time, the rest is the engine."""


def clean_build(workshop: OpenWorkshop, name: str = "clean", **fields: Any) -> dict[str, Any]:
    """Build without a fault, in a store that was empty."""
    shop = workshop(name)
    return dict(shop.run(shop.job(**fields))[0])


def clean_builds(shop: Workshop, seeds: Iterable[int]) -> list[dict[str, Any]]:
    """Build each seed without a fault, in an empty store of its own."""
    return shop.run(*(shop.job(seed=seed, store=str(shop.folder / f"store-{seed}")) for seed in seeds))


def problems(shop: Workshop, outputs: Path, clean: dict[str, Any]) -> list[str]:
    """List whatever lies under a final name, in the store or in a run folder, and is not what it says."""
    return problems_of_store(shop.store) + problems_of_runs(outputs, set(clean["delivered"]))


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


def test_fifty_kills_at_random_moments_change_no_byte(workshop: OpenWorkshop) -> None:
    chance = random.Random(50)
    shop = workshop(pause=PAUSE)
    started = time.monotonic()
    shop.run(shop.job(seed=10_000))
    whole = time.monotonic() - started
    counted: Counter[str] = Counter()
    seed = 0
    right: list[dict[str, Any]] = []
    jobs: list[Job] = []
    while counted.total() < KILLS:
        if seed == len(right):
            right += clean_builds(workshop(f"clean-{seed}"), range(seed, seed + 10))
        clean = right[seed]
        job = shop.job(seed=seed, outputs=str(shop.folder / f"runs-{seed}"))
        jobs.append(job)
        seed += 1
        who = "once"
        while who and counted.total() < KILLS:
            victim = ("main", "worker", "both")[counted.total() % 3]
            who = killed_once(shop, job, victim, chance.uniform(0, whole))
            assert problems(shop, Path(job["outputs"]), clean) == []
            counted.update([who] if who else [])
    for after, clean in zip(shop.run(*jobs), right, strict=False):
        assert after["steps"] == clean["steps"]
        assert after["delivered"] == clean["delivered"]


def test_a_kill_just_before_any_change_of_a_file_changes_no_byte(workshop: OpenWorkshop) -> None:
    clean = clean_build(workshop)
    counting = workshop("counting")
    _, errors, _ = counting.finish(counting.start(counting.job()))
    count = int(errors.rpartition(" ")[2])
    chance = random.Random(40)
    early = chance.sample(range(1, count - 12), 28)
    shops = {point: workshop(str(point)) for point in [*early, *range(count - 12, count + 1)]}
    for point, shop in shops.items():
        _, _, code = shop.finish(shop.start(shop.job(), FAKE_DIE_BEFORE=str(point)))
        assert code == -signal.SIGKILL
        assert problems(shop, shop.outputs, clean) == [], point
    afters = counting.run(*(shop.job() for shop in shops.values()))
    for (point, shop), after in zip(shops.items(), afters, strict=True):
        assert after["steps"] == clean["steps"], point
        assert after["delivered"] == clean["delivered"], point
        assert problems(shop, shop.outputs, clean) == [], point


def overwritten(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def altered(value: Any, chance: random.Random) -> Any:
    """Give JSON with one value changed, somewhere; keys stay."""
    if isinstance(value, dict) and value:
        name = chance.choice(sorted(value))
        return {**value, name: altered(value[name], chance)}
    if isinstance(value, list) and value:
        place = chance.randrange(len(value))
        return [*value[:place], altered(value[place], chance), *value[place + 1 :]]
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return value + 1 if isinstance(value, int | float) else 1


def damage(path: Path, how: str, chance: random.Random) -> None:
    """Damage one file of the store."""
    good = path.read_bytes()
    place = chance.randrange(len(good))
    others = sorted(other for other in path.parent.iterdir() if other != path)
    match how:
        case "truncate":
            overwritten(path, good[:place])
        case "delete":
            path.unlink()
        case "flip a byte":
            overwritten(
                path, good[:place] + bytes([good[place] ^ (1 << chance.randrange(8))]) + good[place + 1 :]
            )
        case "append":
            overwritten(path, good + b"}")
        case "replace by another":
            overwritten(path, chance.choice(others).read_bytes())
        case "empty":
            overwritten(path, b"")
        case "garbage":
            overwritten(path, b'{"key": [1, 2')
        case "alter a field":
            overwritten(path, json.dumps(altered(json.loads(good), chance), indent=1).encode())
        case "make it a folder":
            path.unlink()
            path.mkdir()


DAMAGES = (
    "truncate",
    "delete",
    "flip a byte",
    "append",
    "replace by another",
    "empty",
    "garbage",
    "alter a field",
    "alter a field",
    "make it a folder",
)


Damaged = dict[tuple[str, int], tuple[Workshop, Path, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, dict[str, Any]]:
    """Build once; gives where, and what was said."""
    shop = Workshop(tmp_path_factory.mktemp("built") / "shop")
    return shop, shop.run(shop.job())[0]


@pytest.fixture(scope="module")
def damaged(built: tuple[Workshop, dict[str, Any]]) -> Damaged:
    """Damage a store in every way, each a copy of its own, and build twice with it; all in one process."""
    first = built[0]
    found: list[tuple[tuple[str, int], Workshop, Path]] = []
    for what in ("blobs", "actions"):
        for number, how in enumerate(DAMAGES):
            chance = random.Random(f"{what} {number}")
            shop = Workshop(first.folder / f"{what}-{number}")
            shutil.copytree(first.store, shop.store)
            victim = chance.choice(sorted((shop.store / what).iterdir()))
            damage(victim, how, chance)
            found.append(((what, number), shop, victim))
    said = first.run(*(job for _, shop, _ in found for job in (shop.job(), shop.job())))
    return {
        key: (shop, victim, said[2 * place : 2 * place + 2])
        for place, (key, shop, victim) in enumerate(found)
    }


@pytest.mark.parametrize("number", range(len(DAMAGES)), ids=lambda number: DAMAGES[number])
@pytest.mark.parametrize("what", ["blobs", "actions"])
def test_no_damaged_file_of_the_store_is_ever_delivered(
    built: tuple[Workshop, dict[str, Any]], damaged: Damaged, what: str, number: int
) -> None:
    how, first = DAMAGES[number], built[1]
    shop, victim, (second, third) = damaged[what, number]
    assert second["steps"] == first["steps"]
    assert second["delivered"] == first["delivered"]
    assert problems(shop, shop.outputs, first) == []
    if (what, how) != ("actions", "delete"):  # nothing is there that could be damaged
        assert "is not used" in " ".join(second["warnings"])
    if how != "delete":
        assert any(path.name.startswith(victim.name) for path in (shop.store / "quarantine").iterdir())
    assert set(third["outcomes"].values()) == {"cached"}
    assert third["warnings"] == []


def test_eight_processes_on_one_store_build_a_hundred_times_and_never_wrong(workshop: OpenWorkshop) -> None:
    shop = workshop("shop", pause=PAUSE)
    chance = random.Random(100)
    recipes = [(seed, amount, bits) for seed in range(5) for amount in (0.4, 0.6) for bits in (4, 8)]
    right = dict(zip(recipes, _clean_builds(workshop("clean"), recipes), strict=True))
    wanted = [
        recipe for first in range(0, 20, 4) for recipe in chance.sample(recipes[first : first + 4] * 5, 20)
    ]
    killed: set[str] = set()

    def until_built(number: int) -> list[dict[str, Any]]:
        """Build four of the hundred in a process; most of these are killed at first."""
        mine = random.Random(number)
        jobs = [_job(shop, recipe) for recipe in wanted[4 * number : 4 * number + 4]]
        if mine.random() < 0.8:
            process = shop.start(*jobs)
            time.sleep(mine.uniform(0, 3))
            children = psutil.Process(process.pid).children() if process.poll() is None else []
            kill(process, mine.choice(["main", "worker", "both"]), children)
            _, errors, code = shop.finish(process)
            assert code in (0, 4, -signal.SIGKILL), errors
            if code:
                killed.add(str(process.pid))
        return shop.run(*jobs)

    with ThreadPoolExecutor(8) as pool:
        built = [said for four in pool.map(until_built, range(25)) for said in four]
    for recipe, said in zip(wanted, built, strict=True):
        assert said["steps"] == right[recipe]["steps"]
        assert said["delivered"] == right[recipe]["delivered"]
    assert problems_of_store(shop.store) == []
    assert killed
    computers: dict[str, list[str]] = {}
    for main, what in shop.computed():
        computers.setdefault(what, []).append(main)
    twice = {what: mains for what, mains in computers.items() if not killed.issuperset(mains[:-1])}
    assert twice == {}, "computed again though what had computed it was not killed"
    assert ended(shop.workers())


def _job(shop: Workshop, recipe: tuple[int, float, int], **fields: Any) -> Job:
    seed, amount, bits = recipe
    steps = {"prune": ("slow_prune", {"amount": amount}), "quantize": ("slow_quantize", {"bits": bits})}
    return shop.job(seed=seed, steps=steps, **fields)


def _clean_builds(shop: Workshop, recipes: list[tuple[int, float, int]]) -> list[dict[str, Any]]:
    """Build each recipe in an empty store of its own."""
    stores = [str(shop.folder / f"store-{number}") for number in range(len(recipes))]
    return shop.run(*(_job(shop, recipe, store=store) for recipe, store in zip(recipes, stores, strict=True)))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a filesystem of its own that `resize` makes larger or smaller."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("a filesystem can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def resize(disk: Path, kib: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kib}k", disk], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.parametrize("what", ["store", "outputs"])
def test_a_full_disk_ends_a_build_clearly_and_the_same_command_finishes_it(
    workshop: OpenWorkshop, small_disk: Path, what: str
) -> None:
    clean = clean_build(workshop)
    shop = workshop("shop")
    job = shop.job(**{what: str(small_disk / what)})
    for kib in {"store": (4, 32, 64, 96, 160, 256), "outputs": (4, 8, 16, 48)}[what]:
        resize(small_disk, kib)
        _, errors, code = shop.finish(shop.start(job))
        assert code == 4, errors
        assert errors.startswith("error: "), errors
        assert "No space left on device" in errors
        assert "nothing built was lost" in errors
        assert problems_of_store(Path(job["store"])) == []
        assert problems_of_runs(Path(job["outputs"]), set(clean["delivered"])) == []
    resize(small_disk, 100_000)
    after = shop.run(job)[0]
    assert after["steps"] == clean["steps"]
    assert after["delivered"] == clean["delivered"]


def waited_for(said: dict[str, Any]) -> list[str]:
    lines = (Path(said["folder"]) / "events.jsonl").read_text().splitlines()
    return [event["text"] for event in map(json.loads, lines) if event["event"] == "waiting"]


def test_a_waiter_says_what_it_waits_for_and_then_has_a_hit(workshop: OpenWorkshop) -> None:
    shop = workshop(pause=0.1)
    first = shop.start(shop.job())
    shop.wait_for("begin:slow_train")
    second = shop.run(shop.job())[0]
    shop.finish(first)
    assert second["outcomes"]["train"] == "cached"
    assert "another process is computing 'train'" in waited_for(second)[0]


def test_a_waiter_takes_over_from_a_process_that_is_killed(workshop: OpenWorkshop) -> None:
    clean = clean_build(workshop)
    shop = workshop("shop", pause=0.1)
    first = shop.start(shop.job())
    shop.wait_for("begin:slow_train")
    second = shop.start(shop.job())
    time.sleep(0.7)
    kill(first, "both", shop.workers())
    shop.finish(first)
    said, errors, code = shop.finish(second)
    if code == 4:  # the second had a worker already
        assert "SIGKILL" in errors
        said = shop.run(shop.job())
    assert said[0]["steps"] == clean["steps"]
    assert "resume:slow_train" in shop.log.read_text()


def test_planning_and_reading_take_no_lock(shop: Workshop) -> None:
    shop.run(shop.job())
    store = Store(shop.store)

    def unexpected() -> None:
        raise AssertionError("somebody holds a lock")

    with ExitStack() as held:
        for record in (shop.store / "actions").iterdir():
            held.enter_context(store.lock(record.stem, unexpected))
        planned = shop.run(shop.job(plan=True))[0]
        assert set(planned["plan"].values()) == {"HIT"}
        assert set(shop.run(shop.job())[0]["outcomes"].values()) == {"cached"}
