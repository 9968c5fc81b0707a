"""Describe a file that was delivered to LiteRT for Microcontrollers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.core.file_size import size
from tflbuild.core.plain_text import plain

KERNELS = {"reference": "LiteRT's reference kernels"}
"""Runtimes whose outputs others are held to, in words."""

CAUSES = {
    "AddFullyConnected": (
        "FULLY_CONNECTED in int8 is rounded once by LiteRT's reference kernel and twice by LiteRT for "
        "Microcontrollers: a difference of a step in such a layer is expected"
    ),
    "AddUnidirectionalSequenceLSTM": (
        "its LSTM has another kernel in LiteRT for Microcontrollers: a difference of some steps is expected"
    ),
}
"""Known causes of a difference, by the method that registers the operator."""


def micro_lines(target: Mapping[str, Any]) -> list[str]:
    """Say whether the outputs are those of LiteRT, what the file needs of memory, and where its sources are."""
    return [*_equality(target), *_memory(target)]


def _equality(target: Mapping[str, Any]) -> Iterator[str]:
    found = target.get("equality")
    if not found:
        return
    peer = KERNELS.get(found["peer"], plain(found["peer"]))
    yield (
        f"outputs equal to those of {peer}, byte for byte, on {found['equal']} of {found['samples']} "
        f"{plain(found['split'])} samples"
    )
    for name, output in found["outputs"].items():
        if output["first"]:
            yield f"'{plain(name)}' {differing(output)}"
    if found["equal"] < found["samples"]:
        added = target.get("micro", {}).get("resolver", ())
        yield from (cause for method, cause in CAUSES.items() if method in added)


def differing(output: Mapping[str, Any]) -> str:
    """Say how an output differs, to complete its name.

    >>> first = {"sample": "7.jpg", "place": 3, "value": 5, "expected": 6}
    >>> differing({"values": 640, "differing": 12, "largest": 2.0, "first": first})
    'differs at 12 of 640 values, by up to 2; first on 7.jpg at 3: 5, expected 6'
    """
    first = output["first"]
    apart = f", by up to {output['largest']:.6g}" if output["largest"] is not None else ""
    return (
        f"differs at {output['differing']} of {output['values']} values{apart}; first on {plain(first['sample'])} at "
        f"{first['place']}: {plain(str(first['value']))}, expected {plain(str(first['expected']))}"
    )


def _memory(target: Mapping[str, Any]) -> Iterator[str]:
    memory = target.get("micro", {}).get("memory")
    if memory:
        yield (
            f"arena {size(memory['smallest'])}: tensors {size(memory['head'])}, structures {size(memory['tail'])}, "
            f"measured on 64 bits with the kernels of tflite-micro"
        )
    sources = [path for path in target.get("beside", ()) if path.endswith("main.cc")]
    if sources:
        yield f"C++ sources with a sample: {plain(sources[0].rpartition('/')[0])}/"
