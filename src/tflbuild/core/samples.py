"""The proof of a delivered file: samples with the outputs that it gives for them, as a folder that any language reads.

`samples.json` says everything, `samples.tsv` what a program without a JSON reader needs, a tensor a line. Each `.bin`
file is one tensor: its numbers in C order, little-endian, without a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.errors import RecipeError
from tflbuild.core.form import (
    DIGEST,
    FLAG,
    INSIDE,
    NUMBER,
    TEXT,
    Malformed,
    called,
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    optional,
    whole,
)
from tflbuild.core.plain_text import plain

SCHEMA = "tflbuild.samples/1"
FOLDER, INDEX, TABLE = "samples", "samples.json", "samples.tsv"

ABOUT = "Each .bin file is one tensor: its numbers in C order, little-endian, without a header."

COLUMNS = ("sample", "direction", "place", "dtype", "numbers", "tolerance", "file", "name")
"""Columns of `samples.tsv`; `numbers` are those from the first that are compared, and the tolerance is in them."""

NUMBERS: Mapping[str, int] = {
    "float32": 4,
    "float64": 8,
    "float16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
}
"""Bytes of a number, by the dtypes that are stored."""

MOST_TENSORS, MOST_BYTES = 100_000, 2**31
"""Tensors of an index, and bytes of a tensor, that are read."""

_TENSOR = {
    "name": TEXT,
    "dtype": one_of(*NUMBERS),
    "shape": list_of(whole()),
    "scale": optional(NUMBER),
    "zero_point": optional(NUMBER),
}

APART = called("apart", fields({"largest": maybe(number(0)), "steps": optional(number(0)), "equal": FLAG}))
"""How far other kernels of the machine that built are from the expected outputs; null where not even finite."""

_DISTANCES = {
    "size": number(0),
    "apart": mapping_of(APART),
    "tolerance": number(0),
    "tolerance_steps": optional(number(0)),
    "basis": TEXT,
}

_FILE = {"file": INSIDE, "bytes": whole(), "sha256": DIGEST}

FORM = fields(
    {
        "schema": one_of(SCHEMA),
        "about": TEXT,
        "split": TEXT,
        "of": whole(),
        "chosen": TEXT,
        "runtime": fields({"name": TEXT, "version": maybe(TEXT)}),
        "kernels": TEXT,
        "cpu": TEXT,
        "computed_on": one_of("delivered", "compiled_from"),
        "model": fields({"kind": TEXT, "sha256": DIGEST}),
        "task": TEXT,
        "labels": list_of(TEXT),
        "inputs": list_of(fields(_TENSOR)),
        "outputs": list_of(fields({**_TENSOR, "role": TEXT, **_DISTANCES})),
        "samples": list_of(
            fields(
                {
                    "name": TEXT,
                    "key": TEXT,
                    "inputs": list_of(fields(_FILE)),
                    "outputs": list_of(fields({**_FILE, "numbers": whole()})),
                }
            )
        ),
    }
)
"""`samples.json`."""

SUMMARY = called(
    "samples",
    fields(
        {
            "path": INSIDE,
            "n": whole(),
            "sha256": DIGEST,
            "kernels": TEXT,
            "embedded": FLAG,
            "outputs": mapping_of(fields(_DISTANCES)),
        }
    ),
)
"""Their form in a report."""


def summary(index: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a report says of samples, but for their path and digest."""
    return {
        "n": len(index["samples"]),
        "kernels": index["kernels"],
        "outputs": {
            one["name"]: {field: one[field] for field in _DISTANCES if field in one}
            for one in index["outputs"]
        },
    }


def read_index(folder: Path) -> dict[str, Any]:
    """Read `samples.json` of a folder that may be somebody else's, all of it held to its form.

    Raises:
        RecipeError: it is missing, or is no index of samples.
    """
    path = folder / INDEX
    try:
        content = json_text.read_mapping(path)
        check(content, FORM)
    except FileNotFoundError as error:
        raise RecipeError(f"{plain(folder)} has no samples: {INDEX} is missing.") from error
    except OSError as error:
        raise RecipeError(f"{plain(path)} cannot be read: {error.strerror or error}.") from error
    except (Malformed, ValueError) as error:
        raise RecipeError(f"{plain(path)} is not an index of samples: {error}.") from error
    _check_counts(content, path)
    return content


def _check_counts(index: Mapping[str, Any], path: Path) -> None:
    """Refuse samples that have more or less tensors than the file has inputs and outputs."""
    for sample in index["samples"]:
        for side in ("inputs", "outputs"):
            if len(sample[side]) != len(index[side]):
                raise RecipeError(
                    f"{plain(path)} is not an index of samples: {plain(sample['name'])} has {len(sample[side])} "
                    f"{side}, and the file has {len(index[side])}."
                )
