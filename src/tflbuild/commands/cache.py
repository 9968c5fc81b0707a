"""`tflbuild cache`: what the store holds, whether it is whole, and what of it may go."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tflbuild.commands.words import say
from tflbuild.core.amount import amount
from tflbuild.core.command import command
from tflbuild.core.errors import Drift, RecipeError, did_you_mean
from tflbuild.core.file_size import RIGHT, read_size, size
from tflbuild.core.home import at_home
from tflbuild.core.plain_text import plain

if TYPE_CHECKING:
    from tflbuild.engine.storage.collect import Removable

USAGE = """\
usage: tflbuild cache info    what the store contains
       tflbuild cache verify  check every file against its digest
       tflbuild cache gc [--max-size 5G] [--older-than 30d] [--dry-run]
with [store.path=FOLDER] [store.remote=URL] [outputs=FOLDER,...]"""

PLACES = ("store.path", "store.remote", "outputs")
LIMITS = ("max-size", "older-than", "dry-run")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
SHOWN = 8


@command(
    "cache", "what the store contains; check it; remove what is no longer needed", usage="[info|verify|gc]"
)
def cache(words: list[str]) -> int:
    """Run `info`, `verify` or `gc` on the store.

    Raises:
        RecipeError: the words are wrong, or a limit is below what is needed.
        Drift: `verify` found something damaged.
    """
    commands: dict[str, tuple[Callable[[Mapping[str, str]], int], tuple[str, ...]]] = {
        "info": (info, PLACES),
        "verify": (verify, PLACES),
        "gc": (gc, (*PLACES, *LIMITS)),
    }
    if not words or words[0] not in commands:
        raise RecipeError(USAGE)
    command, known = commands[words[0]]
    return command(_read(words[1:], known))


def info(given: Mapping[str, str]) -> int:
    """Say what the store holds."""
    from tflbuild.engine.storage.inventory import take_inventory

    root = _root(given)
    inventory = take_inventory(root)
    say(f"{root}: {size(inventory.bytes)}")
    for kind, (count, held) in inventory.kinds().items():
        if count:
            say(f"  {kind:<12} {count:>7} {size(held):>10}")
    actions = sorted(inventory.actions.values(), key=lambda action: action.used)
    if actions:
        say(f"least lately used: {_date(actions[0].used)}; last used: {_date(actions[-1].used)}")
        say("largest:")
    for action in sorted(actions, key=inventory.size, reverse=True)[:SHOWN]:
        say(
            f"  {action.key[:12]}  {action.name:<18} {size(inventory.size(action)):>10}"
            f"  took {action.seconds:.1f} s, last used {_date(action.used)}"
        )
    remote = given.get("store.remote") or os.environ.get("TFLBUILD_REMOTE")
    if remote:
        say(f"remote: {remote}")
    return 0


def verify(given: Mapping[str, str]) -> int:
    """Hold everything in the store to its digest."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from tflbuild.engine.storage.audit import audit

    root = _root(given)
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("")
        found = audit(root, lambda done, total: bar.update(task, completed=done, total=total))
    for name, why in found.damaged.items():
        say(f"damaged: {name[:12]}: {why}")
    for name, why in found.busy.items():
        say(f"damaged: {name[:12]}: {why}; a running build is repairing it")
    if found.orphans:
        orphaned = sum(_size(root / "blobs" / sha256) for sha256 in found.orphans)
        say(
            f"{amount(len(found.orphans), 'file')} that no record uses ({size(orphaned)}); tflbuild cache gc removes "
            f"them"
        )
    say(f"{found.records} records and {found.blobs} files read, {size(found.bytes)}")
    if found.damaged or found.busy:
        raise Drift(
            f"{root}: {amount(len(found.damaged) + len(found.busy), 'damaged file')} moved to {root / 'quarantine'}; "
            f"a build that needs one makes it again."
        )
    return 0


def gc(given: Mapping[str, str]) -> int:
    """Remove what nothing needs, the longest unused first."""
    from tflbuild.engine.storage.collect import choose, collect
    from tflbuild.engine.storage.inventory import take_inventory
    from tflbuild.engine.storage.roots import find_roots

    root = _root(given)
    max_bytes = _bytes(given["max-size"]) if "max-size" in given else None
    older_than = _age(given["older-than"]) if "older-than" in given else None
    inventory = take_inventory(root)
    roots = find_roots(inventory, _outputs(given), lambda text: say(f"warning: {text}"))
    choice = choose(inventory, roots, max_bytes=max_bytes, older_than=older_than)
    dry = given.get("dry-run", "false").lower() in ("true", "1", "yes")
    if dry:
        for each in choice.removables:
            say(_line(each))
    left = [] if dry else collect(inventory, choice)
    freed = choice.before - choice.after - sum(each.bytes for each in left)
    count = len(choice.removables) - len(left)
    say(
        f"{'would remove' if dry else 'removed'} {amount(count, 'item')}, {size(freed)}; "
        f"{size(choice.before - freed)} stay, {size(choice.needed)} of them needed by "
        f"{amount(roots.runs, 'run')} on disk and running builds"
    )
    if left:
        say(f"kept: {amount(len(left), 'item')} that a running build uses")
    return 0


def _line(item: Removable) -> str:
    named = f"{item.name[:12]}  {item.what}" if item.kind == "result" else item.name[:60]
    when = f"last used {_date(item.used)}" if item.used else "no record uses it"
    return f"{item.kind:<10}  {named:<32} {size(item.bytes):>10}  {when}"


def _read(words: list[str], known: tuple[str, ...]) -> dict[str, str]:
    """Read `--max-size 5G`, `--max-size=5G` and `max_size=5G` alike."""
    given: dict[str, str] = {}
    rest = list(words)
    while rest:
        key, equals, value = rest.pop(0).partition("=")
        name = key.removeprefix("--").replace("_", "-")
        if name not in known or (key.startswith("--") and name in PLACES):
            raise RecipeError(
                f"cache: '{key}' is not one of its options.{did_you_mean(name, known)}\n{USAGE}"
            )
        if not equals and name == "dry-run":
            value = "true"
        elif not equals:
            if not rest:
                raise RecipeError(f"cache: --{name} needs a value.\n{USAGE}")
            value = rest.pop(0)
        given[name] = value
    return given


def _outputs(given: Mapping[str, str]) -> list[Path]:
    return [Path(at_home(folder)) for folder in given.get("outputs", "outputs").split(",")]


def _root(given: Mapping[str, str]) -> Path:
    named = given.get("store.path") or os.environ.get("TFLBUILD_STORE")
    root = Path(at_home(named)) if named else _outputs(given)[0] / "store"
    if not (root / "schema").is_file():
        raise RecipeError(f"store.path: no store in {root}; set store.path=FOLDER or $TFLBUILD_STORE.")
    return root


def _bytes(text: str) -> int:
    found = read_size(text)
    if found is None:
        raise RecipeError(f"--max-size: '{plain(text)}' is not a size; expected {RIGHT}.")
    return int(found)


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if match is None:
        raise RecipeError(f"--older-than: '{text}' is not an age; expected 30d, 12h or 2w.")
    return float(match[1]) * SECONDS[match[2]]


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
