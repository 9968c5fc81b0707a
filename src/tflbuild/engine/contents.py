"""Remember what a source held, by its digest, so that a rebuild can say which files changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from tflbuild.core import json_text
from tflbuild.core.digest import is_digest
from tflbuild.engine.storage.sharing import make_folder, share

FOLDER = "contents"


def keep_contents(store: Path, sha256: str, listing: Mapping[str, str]) -> None:
    """Keep what a source holds.

    Args:
        store: the store's folder.
        sha256: the source's digest, as action keys have it.
        listing: the digest of each thing by name.
    """
    path = store / "memo" / FOLDER / f"{sha256}.json"
    if path.exists():
        return
    make_folder(path.parent)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.write_text(json.dumps(dict(listing)), encoding="utf-8")
    share(staged)
    os.replace(staged, path)


def changed_contents(store: Path, before: str, listing: Mapping[str, str]) -> str:
    """Say how a source differs from what it held.

    Args:
        store: the store's folder.
        before: the source's earlier digest.
        listing: what it holds now.

    Returns:
        E.g. "3 files added, 1 changed"; "" where the earlier contents are not remembered.
    """
    try:
        old = json_text.read_mapping(store / "memo" / FOLDER / f"{before}.json") if is_digest(before) else {}
    except (OSError, ValueError):
        return ""
    if not old:
        return ""
    added = listing.keys() - old.keys()
    removed = old.keys() - listing.keys()
    changed = [name for name in listing.keys() & old.keys() if listing[name] != old[name]]
    counts = {"added": len(added), "removed": len(removed), "changed": len(changed)}
    said = [f"{count} {verb}" for verb, count in counts.items() if count]
    if not said:
        return "only the order of its files or of the classes"
    first, *rest = said
    number, _, verb = first.partition(" ")
    return ", ".join([f"{number} file{'' if number == '1' else 's'} {verb}", *rest])
