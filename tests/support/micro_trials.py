"""Try many small files in tflite-micro's interpreter, each in a process forked for it: a crash is an answer, too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAM = """
import json, os, sys
import numpy as np
from tflite_micro import runtime

def runs(path):
    made = runtime.Interpreter.from_bytes(open(path, "rb").read(), arena_size=1 << 20)
    place = 0
    while True:
        try:
            given = made.get_input_details(place)
        except IndexError:
            break
        made.set_input(np.ones(given["shape"], given["dtype"]), place)
        place += 1
    made.invoke()

asked, found = json.load(sys.stdin), []
for path in asked["files"]:
    child = os.fork()
    if not child:
        try:
            runs(path)
        except BaseException:
            os._exit(1)
        os._exit(0)
    found.append(os.waitpid(child, 0)[1] == 0)
open(asked["answer"], "w").write(json.dumps(found))
"""


def run(paths: Sequence[Path], folder: Path) -> list[bool]:
    """Say of each file whether it is allocated and runs."""
    answer = folder / "answer.json"
    asked = json.dumps({"files": [str(path) for path in paths], "answer": str(answer)})
    command = [sys.executable, "-c", PROGRAM]
    subprocess.run(command, input=asked, text=True, capture_output=True, check=True, timeout=300)
    found: list[bool] = json.loads(answer.read_text())
    return found
