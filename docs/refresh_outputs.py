"""Run the commands of a page again, and put what they print now into its blocks.

    python docs/refresh_outputs.py docs/tutorial_int8.md FOLDER

A block of output begins with its command, `$ tflbuild ...`; everything below is replaced by what that prints in FOLDER,
which holds the files that the page names. Blocks run in the order of the page, so that each finds what earlier ones
left. A line `...` in a block stays, and with it the lines above it: what was shortened by hand is shown as new text on
the terminal, to shorten again. Nothing is written where a command ends with another exit code than the page says: a
paragraph behind a block says "exit code N" where that is not 0.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"```text\n\$ (tflbuild .+?)\n(.*?)```(?=(.{0,200}))", re.DOTALL)
CODE = re.compile(r"exit code (\d+)")


def main(page: str, folder: str) -> int:
    """Write the page anew; gives the exit code."""
    path = Path(page)
    text = path.read_text(encoding="utf-8")
    path.write_text(BLOCK.sub(lambda block: shown(block, folder), text), encoding="utf-8")
    return 0


def shown(block: re.Match[str], folder: str) -> str:
    """Give a block with what its command prints now."""
    command, before, after = block.groups()
    program = Path(sys.executable).with_name("tflbuild")
    done = subprocess.run(
        f"{program} {command.removeprefix('tflbuild ')}",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = CODE.search(after.strip().partition("\n\n")[0])
    expected = int(said[1]) if said else 0
    printed = (done.stdout + done.stderr).replace(f"{Path(folder).resolve()}/", "")
    if done.returncode != expected:
        raise SystemExit(f"{command}: exit code {done.returncode}, and the page says {expected}\n{printed}")
    if "..." in before.splitlines():
        sys.stdout.write(f"$ {command}\n{printed}\n")
        return block[0]
    return f"```text\n$ {command}\n{printed.rstrip()}\n```"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
