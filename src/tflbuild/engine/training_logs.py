"""Remember where the TensorBoard logs of a training are: asking for logs does not train again what is in the store."""

from __future__ import annotations

from pathlib import Path

from tflbuild.core.plain_text import plain
from tflbuild.engine.storage.disk import write_whole
from tflbuild.engine.storage.sharing import make_folder

FOLDER = "tensorboard"
"""Name of the folder for logs, in that of a run and in a store's memo."""


def remember(store: Path, key: str, logs: Path) -> None:
    """Remember the logs of an action.

    Args:
        store: the store's folder.
        key: the action's.
        logs: folder of its event files.
    """
    path = store / "memo" / FOLDER / key
    make_folder(path.parent)
    write_whole(path, str(logs).encode(), path.parent)


def earlier(store: Path, key: str) -> str:
    """Say where the logs of an action are that was run earlier.

    Args:
        store: the store's folder.
        key: the action's.
    """
    path = store / "memo" / FOLDER / key
    logs = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if not logs:
        return "no logs were written then"
    return (
        f"its logs are in {plain(logs, 400)}"
        if Path(logs).is_dir()
        else f"its logs in {plain(logs, 400)} are gone"
    )
