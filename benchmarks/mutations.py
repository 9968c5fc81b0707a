"""Alter files at random and give them to the commands that read them: `python benchmarks/mutations.py --count 5000`.

For every kind of file that somebody else may have made, a small whole one is altered (a bit, a word, a cut; a value,
a key, a branch of what it says) and handed to the commands that read it. Wrong is: a traceback, an exit code that
says nothing, no sentence, a command that takes more than 10 s of processor time, a process that dies, and whatever the
audit hooks of Python saw in the main process or a worker: a file opened or written outside of the folder, a program
started. Files that went wrong are kept, with `--keep FOLDER`. The same seed makes the same files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from mutating import specimens
from mutating.kinds import KINDS

WAIT = 300.0
"""Seconds without a word after which a process is taken to hang in C code."""


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each kind and every file that went wrong; gives 1 if any did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="files in all, spread over the kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args(arguments)
    share = -(-options.count // len(options.kinds))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        laid = Path(folder) / "laid"
        laid.mkdir()
        specimen(laid / "place")
        with ThreadPoolExecutor(options.processes) as pool:
            results = list(
                pool.map(lambda kind: (kind, tried(kind, laid, options.seed, share)), options.kinds)
            )
        if options.keep:
            for kept in Path(folder).glob("*/wrong/*"):
                options.keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(kept, options.keep)
    for kind, wrong in results:
        print(f"{kind:8} {share} files, {len(wrong)} wrong")
        for number, texts in wrong.items():
            print(*(f"  {kind} {number}: {text}" for text in texts), sep="\n")
    total = sum(len(wrong) for _, wrong in results)
    print(f"{share * len(results)} files, {total} wrong, {time.monotonic() - started:.0f} s")
    return 1 if total else 0


def specimen(place: Path) -> None:
    """Lay out a folder and build in it, so that there are a store, runs, a failed run and a sweep."""
    specimens.lay(place)
    for words, code in (
        (["recipe=tiny"], 0),
        (["recipe=tiny", "given.fails=true"], 4),
        (["-m", "recipe=tiny", "seed=0,1"], 0),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tflbuild", *words, "store.path=store"],
            cwd=place,
            env=environment(place),
            capture_output=True,
            text=True,
        )
        if done.returncode != code:
            raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def environment(place: Path) -> dict[str, str]:
    """Give the variables of a process that tries files in a folder."""
    own = {
        "MUTATIONS_LOG": str(place.parent / "watch.log"),
        "MUTATIONS_PLACE": str(place),
        "XDG_CACHE_HOME": str(place / "cache"),
        "TMPDIR": str(place / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**os.environ, **own}


def tried(kind: str, laid: Path, seed: int, count: int) -> dict[int, list[str]]:
    """Try so many files of a kind in a copy of the folder; gives what was wrong, by number."""
    copy = laid.parent / kind
    shutil.copytree(laid, copy, symlinks=True)
    (copy / "place" / "cache").mkdir(exist_ok=True)
    for path in (*copy.glob("place/outputs/**/*.json"), *copy.glob("place/outputs/**/*.yaml")):
        path.write_text(path.read_text().replace(str(laid), str(copy)))  # bundles name plugins by their path
    before = state(copy / "outside")
    wrong: dict[int, list[str]] = {}
    start = 0
    while start < count:
        number = -1
        for line in spoken(kind, copy / "place", seed, start, count):
            number = line["number"]
            if line.get("wrong"):
                wrong[number] = line["wrong"]
            start = number + 1 if "wrong" in line else start
        if start < count:
            wrong[max(number, start)] = ["the process died or hung"]
            start = max(number, start) + 1
    if state(copy / "outside") != before:
        wrong[-1] = ["files beside the folder were changed"]
    return wrong


def spoken(kind: str, place: Path, seed: int, start: int, stop: int) -> Iterator[dict[str, Any]]:
    """Start a process that tries files and give what it says, until it ends or says nothing for long."""
    words = [sys.executable, "-m", "mutating.trying", kind, str(place), str(seed), str(start), str(stop)]
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**environment(place), "PYTHONPATH": paths},
        text=True,
    ) as process:
        assert process.stdout is not None
        with ThreadPoolExecutor(1) as pool:
            while True:
                line = pool.submit(process.stdout.readline)
                try:
                    text = line.result(WAIT)
                except TimeoutError:
                    process.kill()
                    return
                if not text:
                    return
                yield json.loads(text)


def state(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder with its content."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
