"""A replay of stored samples on a device, in lines and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tflbuild.core.amount import amount
from tflbuild.core.form import FLAG, NUMBER, TEXT, fields, list_of, maybe, one_of, optional, whole
from tflbuild.core.plain_text import plain

SCHEMA = "tflbuild.replay/1"

_FOUND = {"equal": FLAG, "largest": maybe(NUMBER), "steps": optional(maybe(NUMBER)), "first": maybe(FLAG)}

REPLAY = fields(
    {
        "schema": one_of(SCHEMA),
        "of": TEXT,
        "file": TEXT,
        "target": TEXT,
        "device": TEXT,
        "kernels": TEXT,
        "expected": fields({"kernels": TEXT, "cpu": TEXT, "computed_on": TEXT}),
        "ok": FLAG,
        "outputs": list_of(
            fields(
                {
                    "name": TEXT,
                    "equal": whole(),
                    "largest": maybe(NUMBER),
                    "steps": optional(maybe(NUMBER)),
                    "first_same": maybe(whole()),
                    "tolerance": NUMBER,
                    "tolerance_steps": optional(NUMBER),
                    "basis": TEXT,
                    "within": FLAG,
                }
            )
        ),
        "samples": list_of(
            fields(
                {
                    "name": TEXT,
                    "key": TEXT,
                    "outputs": list_of(fields({**_FOUND, "within": FLAG, "text": optional(TEXT)})),
                }
            )
        ),
    }
)
"""The document of `tflbuild verify --on DEVICE --json`."""


def replay_document(
    of: str, file: str, target: str, device: str, index: Mapping[str, Any], made: Mapping[str, Any]
) -> dict[str, Any]:
    """Give what `--json` prints.

    Args:
        of: the path that the user typed.
        file: name of the file that was replayed.
        target: whose file it is; "" for one that is no run's.
        device: on which it was replayed.
        index: of the samples.
        made: what `tflbuild.evaluation.replaying.replay` gave.
    """
    return {
        "schema": SCHEMA,
        "of": of,
        "file": file,
        "target": target,
        "device": device,
        "kernels": made["kernels"],
        "expected": {name: index[name] for name in ("kernels", "cpu", "computed_on")},
        "ok": all(output["within"] for output in made["outputs"]),
        "outputs": made["outputs"],
        "samples": made["samples"],
    }


def replay_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Say of each sample how far its outputs are from what is expected, and of each output whether that is allowed."""
    count, expected = len(document["samples"]), document["expected"]
    whose = f" for {plain(document['target'])}" if document["target"] else ""
    yield (
        f"{plain(document['file'])}{whose} on {plain(document['device'])} ({plain(document['kernels'])}): "
        f"{amount(count, 'sample')}, expected as {plain(expected['kernels'])} kernels of {plain(expected['cpu'])} gave"
    )
    if expected["computed_on"] == "compiled_from":
        yield "note: expected is what the model gives that the file was compiled from; the file itself was not run"
    names = [plain(output["name"], 60) for output in document["outputs"]]
    for sample in document["samples"]:
        said = [f"'{name}' {_text(one)}" for name, one in zip(names, sample["outputs"], strict=True)]
        yield f"{plain(sample['name'])} {plain(sample['key'], 80)}: {'; '.join(said)}"
    for output in document["outputs"]:
        yield _line(output, count)


def _line(output: Mapping[str, Any], count: int) -> str:
    found = "cannot be told" if output["largest"] is None else f"{output['largest']:.4g}"
    if "tolerance_steps" in output:
        steps = output.get("steps")
        found = f"{'?' if steps is None else f'{steps:g}'} steps ({found})"
        allowed = f"{output['tolerance_steps']:g} steps"
    else:
        allowed = f"{output['tolerance']:.4g}"
    first = (
        "" if output["first_same"] is None else f", first class the same in {output['first_same']} of {count}"
    )
    word = "within" if output["within"] else "DRIFT"
    return (
        f"{word}: '{plain(output['name'])}' equal bytes in {output['equal']} of {count}{first}; largest difference "
        f"{found}, allowed {allowed} ({plain(output['basis'])})"
    )


def _text(one: Mapping[str, Any]) -> str:
    if one.get("text"):
        return plain(one["text"], 200)
    if one["equal"]:
        return "equal bytes"
    value = "a difference that cannot be told" if one["largest"] is None else f"{one['largest']:.4g}"
    said = f"{one['steps']:g} steps ({value})" if one.get("steps") is not None else f"differs by {value}"
    first = {None: "", True: ", first class the same", False: ", ANOTHER first class"}[one["first"]]
    return f"{said}{first}{'' if one['within'] else ', more than allowed'}"
