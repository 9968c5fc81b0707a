"""What a fake `edgetpu_compiler` does: the options, printed lines, files and failures of the real one, 16.0."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from edgetpu_files import compiled, package
from tflbuild.placement import facts
from tflbuild.tflite import flatbuffer

VERSION = "16.0.384591198"
HAS = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "AVERAGE_POOL_2D",
    "RESHAPE",
    "SOFTMAX",
    "QUANTIZE",
)
CACHED, STREAMED = 3072, 0
FAILURES = {
    "float": "Invalid model: {model}\nModel not quantized",
    "large": "ERROR: Restored original execution plan after delegate application failure.\n"
    "Compilation failed: Compilation failed due to large activation tensors in model.",
    "internal": "Internal compiler error. Aborting!",
    "version": "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'.\nERROR: Registration failed.",
    "silent": "",
}
ENDED = "Compilation child process completed within timeout period.\n"
PARTLY = (
    "Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will "
    "instead run on the CPU, which is slower. If possible, consider updating your model to use only operations "
    "supported by the Edge TPU. For details, visit g.co/coral/model-reqs."
)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(words: list[str]) -> int:
    """Compile a file."""
    parser = argparse.ArgumentParser(prog="edgetpu_compiler")
    parser.add_argument("--out_dir", "-o", default=".")
    parser.add_argument("--show_operations", "-s", action="store_true")
    parser.add_argument("--search_delegate", "-d", action="store_true")
    parser.add_argument("--min_runtime_version", "-m", type=int, default=14)
    parser.add_argument("--intermediate_tensors", "-i", default="")
    parser.add_argument("--timeout_sec", "-t", type=int, default=180)
    parser.add_argument("model")
    given, unknown = parser.parse_known_args(words)
    if unknown:
        say(f"ERROR: Unknown command line flag '{unknown[0].lstrip('-')}'")
        return 1
    Path(given.out_dir, "words").write_text("\n".join(words))
    say(f"Edge TPU Compiler version {VERSION}")
    say(f"Started a compilation timeout timer of {given.timeout_sec} seconds.")
    how = os.environ.get("FAKE_EDGETPU", "")
    if how == "hang":
        time.sleep(60)
    if how in FAILURES and not (how == "large" and given.search_delegate):
        say(f"{FAILURES[how].format(model=given.model)}\n{ENDED}Compilation failed! ")
        return 1
    content = Path(given.model).read_bytes()
    known = facts.facts_of(flatbuffer.unpack(content))
    left = _left(known)
    made = Path(given.out_dir, f"{Path(given.model).stem}_edgetpu.tflite")
    options = b"nothing" if how == "garbled" else package(CACHED, STREAMED, given.min_runtime_version)
    done = compiled(content, left, options)
    made.write_bytes(_strange(done) if how == "other" else done)
    _report(given.model, made, known, left)
    return 0


def _left(known: facts.ModelFacts) -> list[int]:
    """Leave what it does not have, and what comes after that."""
    late: set[int] = set()
    left = []
    for one in known.operators:
        if (
            one.name not in HAS
            or late.intersection(one.reads)
            or one.outputs[0].dtype not in ("int8", "uint8")
        ):
            left.append(one.index)
            late |= set(one.writes)
    return left


def _report(model: str, made: Path, known: facts.ModelFacts, left: list[int]) -> None:
    total, on = len(known.operators), len(known.operators) - len(left)
    say("\nModel compiled successfully in 35 ms.\n")
    say(f"Input model: {model}\nInput size: 25.99KiB\nOutput model: {made}\nOutput size: 99.94KiB")
    say("On-chip memory used for caching model parameters: 3.00KiB")
    say("On-chip memory remaining for caching model parameters: 7.67MiB")
    say("Off-chip memory used for streaming uncached model parameters: 1.25MiB")
    say(f"Number of Edge TPU subgraphs: {int(on > 0)}\nTotal number of operations: {total}")
    say(f"Operation log: {made.with_suffix('.log')}\n")
    if left:
        say(PARTLY)
        say(f"Number of operations that will run on Edge TPU: {on}")
        say(f"Number of operations that will run on CPU: {len(left)}\n")
    rows = Counter((_named(one), _status(one, left)) for one in known.operators)
    lines = [f"{name:<30} {count:<10} {status}" for (name, status), count in rows.items()]
    table = "\n".join(["Operator                       Count      Status", "", *lines])
    say(table)
    made.with_suffix(".log").write_text(f"Edge TPU Compiler version {VERSION}\n{table}\n")
    say(f"{ENDED}Compilation succeeded! ")


def _named(operator: facts.OperatorFacts) -> str:
    return "CUSTOM" if operator.custom else operator.name


def _status(operator: facts.OperatorFacts, left: list[int]) -> str:
    if operator.index not in left:
        return "Mapped to Edge TPU"
    if operator.custom or operator.outputs[0].dtype not in ("int8", "uint8"):
        return "Operation is working on an unsupported data type"
    return (
        "Operation not supported" if operator.name not in HAS else "More than one subgraph is not supported"
    )


def _strange(content: bytes) -> bytes:
    """Give a file that holds an operator which the source has not."""
    model = flatbuffer.unpack(content)
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.HARD_SWISH:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOGISTIC
    return flatbuffer.pack(model)
