"""Look through an HDF5 file that somebody else wrote: a program of its own, since libhdf5 may crash, loop or grow.

It takes files on standard input, each behind its length in eight bytes, and writes a line of JSON for each: `refused`,
what is wrong with it, or what `survey` gives. It imports nothing of tflbuild, so that it starts at once;
`tflbuild.formats.keras.hdf5` runs it.
"""

from __future__ import annotations

import contextlib
import json
import math
import resource
import sys
from collections.abc import Iterator
from typing import Any

MOST_MEMORY = 6 << 30

MOST_OBJECTS = 200_000
MOST_ATTRIBUTES = 1 << 26
MOST_DATA = 1 << 32

BLOAT = 1000
"""Most bytes that one stored byte may become: what zlib can do with zeros."""

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32"}
"""Filters that libhdf5 itself has; others come from plugins."""

TEXTS = ("model_config", "keras_version", "tflbuild.facts")
"""Attributes of the file that are given as text."""

PIECE = 1 << 22
"""Values that are looked at together."""


class Refused(Exception):
    """The file holds what is not taken; the message completes "it "."""


def survey(content: bytes) -> dict[str, Any]:
    """Look at every object of a file and read every value.

    Args:
        content: the file.

    Returns:
        `texts`, the attributes in `TEXTS` that are there; `elements`, how many numbers all data sets hold;
        `not_finite`, paths of data sets that hold a NaN or an infinity.

    Raises:
        Refused: it holds links, data outside of itself, data that are not numbers, or more than can be true.
    """
    import h5py

    try:
        opened = h5py.File(h5py.h5f.open_file_image(content))
    except (ValueError, OSError, RuntimeError) as error:
        raise Refused("is a damaged or incomplete HDF5 file") from error
    with opened as file:
        datasets = list(_datasets(file))
        if sum(dataset.nbytes for _, dataset in datasets) > min(MOST_DATA, BLOAT * len(content)):
            raise Refused("declares more data than it contains")
        return {
            "texts": {name: _text(name, file.attrs[name]) for name in TEXTS if name in file.attrs},
            "elements": int(sum(dataset.size for _, dataset in datasets)),
            "not_finite": [path for path, dataset in datasets if not _finite(dataset)],
        }


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    """Walk all groups, each once, and check what is on the way."""
    import h5py

    waiting, seen, attributes = [("", file)], {h5py.h5o.get_info(file.id).addr}, 0
    while waiting:
        path, item = waiting.pop()
        attributes += _attribute_bytes(item, path)
        if attributes > MOST_ATTRIBUTES or len(seen) > MOST_OBJECTS:
            raise Refused("holds too many groups or attributes")
        if isinstance(item, h5py.Dataset):
            _check_dataset(path, item)
            yield path, item
            continue
        if not isinstance(item, h5py.Group):
            raise Refused(f"holds '{path}', which is neither a group nor data")
        for name in item:
            inner = f"{path}/{name}"
            if not isinstance(item.get(name, getlink=True), h5py.HardLink):
                raise Refused(f"holds '{inner}', a link to somewhere else")
            child = item[name]
            address = h5py.h5o.get_info(child.id).addr
            if address in seen:
                raise Refused(f"holds '{inner}', which also has another name")
            seen.add(address)
            waiting.append((inner, child))


def _attribute_bytes(item: Any, path: str) -> int:
    import h5py

    total = 0
    for name in item.attrs:
        identifier = item.attrs.get_id(name)
        kind = identifier.dtype
        total += math.prod(identifier.shape or ()) * kind.itemsize
        text = h5py.check_string_dtype(kind) is not None
        if not text and (kind.kind not in "biufS" or h5py.check_ref_dtype(kind) is not None):
            raise Refused(f"holds the attribute '{name}' of '{path}', which is neither text nor numbers")
    return total


def _check_dataset(path: str, dataset: Any) -> None:
    import h5py

    kind = dataset.dtype
    if kind.kind not in "biuf" or kind.itemsize > 8 or h5py.check_ref_dtype(kind) is not None:
        raise Refused(f"holds '{path}', whose values are not numbers")
    plan = dataset.id.get_create_plist()
    if plan.get_external_count():
        raise Refused(f"takes '{path}' from another file")
    layout = plan.get_layout()
    if layout not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        raise Refused(f"takes '{path}' from other data")
    for number in range(plan.get_nfilters()):
        code = plan.get_filter(number)[0]
        if code not in FILTERS:
            raise Refused(f"stores '{path}' with filter {code}; {', '.join(FILTERS.values())} are read")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > (BLOAT * stored if layout == h5py.h5d.CHUNKED else stored):
        raise Refused(f"declares {dataset.nbytes} bytes of '{path}' and holds {stored}")


def _finite(dataset: Any) -> bool:
    """Read every value, which unpacks what is packed, and say whether floats are all finite."""
    import numpy as np

    if dataset.chunks is None or dataset.size <= PIECE:
        values = dataset[()]
        return values.dtype.kind != "f" or bool(np.isfinite(values).all())
    finite = True
    for place in dataset.iter_chunks():
        piece = dataset[place]
        finite &= piece.dtype.kind != "f" or bool(np.isfinite(piece).all())
    return finite


def _text(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        value.encode()  # bytes that are not UTF-8 are surrogates in it
        return value
    raise Refused(f"has the attribute '{name}', which is not text")


def answer(content: bytes) -> dict[str, Any]:
    """Survey a file, whatever is wrong with it."""
    try:
        return survey(content)
    except Refused as error:
        return {"refused": str(error)}
    except UnicodeError:
        return {"refused": "holds text that is not UTF-8"}
    except MemoryError:
        return {"refused": "needs more memory than a file of its size may"}
    except Exception as error:  # noqa: BLE001  # whatever h5py makes of damaged bytes
        return {"refused": f"is damaged ({type(error).__name__}: {error})"}


def main() -> None:
    """Answer for one file after the other, within limits of memory, until there are no more."""
    with contextlib.suppress(ValueError, OSError):  # where the system has lower limits, or none
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    while length := sys.stdin.buffer.read(8):
        content = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        sys.stdout.write(json.dumps(answer(content)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
