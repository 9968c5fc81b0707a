"""Inspect a file for a microcontroller, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.backends.micro import arena, resolver
from tflbuild.backends.micro.methods import methods
from tflbuild.backends.micro.session import TOOL, Refused, check
from tflbuild.core import toolchain
from tflbuild.core.errors import PassError
from tflbuild.tflite import flatbuffer


def inspect(path: Path, arena_size: int | None, placement: Mapping[str, Any] | None) -> dict[str, Any]:
    """Measure a file; gives `arena` and `micro`.

    Args:
        path: the file.
        arena_size: memory that the device has for the arena, None for any. [bytes]
        placement: which operators its rules say that it runs.

    Raises:
        PassError: it does not run, or not in that memory; says why.
    """
    model = flatbuffer.load(path)
    try:
        check(model)
        found = arena.measure(path)
    except Refused as error:
        raise PassError(f"{str(error).removesuffix('.')}{_why(placement)}") from error
    if arena_size is not None and found.smallest > arena_size:
        raise PassError(
            f"the file needs an arena of {found.smallest:,} bytes (tensors {found.head:,}, structures {found.tail:,}), "
            f"and target.tflite_micro.arena_size allows {arena_size:,}; a smaller input or fewer channels need less."
        )
    added = methods(resolver.operators_of(model))
    graph, (inputs, outputs) = model.subgraphs[0], flatbuffer.ends_of(model)
    places = [[int(index) for index in one] for one in (graph.inputs, graph.outputs)]
    return {
        "arena": found.smallest,
        "micro": {
            "version": toolchain.version(TOOL),
            "memory": found.to_json(),
            "resolver": added,
            "variables": resolver.variables_of(model),
            "inputs": {name: places[0].index(index) for name, index in inputs.items()},
            "outputs": {name: places[1].index(index) for name, index in outputs.items()},
        },
    }


def _why(placement: Mapping[str, Any] | None) -> str:
    """Say which operator does not fit by the rules, and what cures it."""
    broken = [one for one in (placement or {}).get("operators", ()) if not one["on"]]
    if not broken:
        return ""
    first = broken[0]
    cure = f"; cure: {first['cure']}" if first["cure"] else ""
    return f". By the rules, operator {first['index']} ({first['name']}) {first['reason']}{cure}."
