"""Operators that do more than compute: found in a whole SavedModel before any of it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Message
from tflbuild.formats.saved_model.graph_def import MetaGraph
from tflbuild.formats.saved_model.harmless import HARMLESS

READING = frozenset({"RestoreV2", "Restore", "RestoreSlice"})
WRITING = frozenset({"SaveV2", "Save", "SaveSlices", "MergeV2Checkpoints", "ShardedFilename"})
"""Operators of a checkpoint: those that the saver of a SavedModel consists of."""

PRINTING, TO_FILE = "PrintV2", "PrintV2 to a file"

STREAMS = ("", "stderr", "stdout", "log(info)", "log(warning)", "log(error)")
"""Streams that `PrintV2` may write to; a file is one, too."""

EFFECTS: Mapping[str, str] = {
    **dict.fromkeys(READING, "reads a checkpoint"),
    **dict.fromkeys(WRITING, "writes a checkpoint"),
    **dict.fromkeys(("ReadFile", "WholeFileReader", "WholeFileReaderV2", "ImmutableConst"), "reads a file"),
    **dict.fromkeys(
        ("TextLineReader", "TextLineReaderV2", "TFRecordReader", "TFRecordReaderV2"), "reads a file"
    ),
    **dict.fromkeys(("InitializeTableFromTextFile", "InitializeTableFromTextFileV2"), "reads a file"),
    **dict.fromkeys(("LoadAndRemapMatrix", "FixedUnigramCandidateSampler"), "reads a file"),
    **dict.fromkeys(("MatchingFiles", "MatchingFilesDataset"), "lists files"),
    TO_FILE: "writes a file",
    **dict.fromkeys(("WriteFile", "DumpTensor", "CalibrationStatisticsSaver"), "writes a file"),
    **dict.fromkeys(("PyFunc", "PyFuncStateless", "EagerPyFunc"), "calls a Python function"),
    **dict.fromkeys(("Abort", "SleepOp"), "stops or delays the process"),
    **dict.fromkeys(("DecodeProtoV2", "EncodeProto"), "may read a file"),
    **dict.fromkeys(
        ("RemoteCall", "RpcCall", "RpcClient", "Send", "Recv", "_Send", "_Recv"), "calls another machine"
    ),
    **dict.fromkeys(
        ("XlaCallModule", "XlaCustomCall", "XlaCustomCallV2"), "runs a program that is packed in it"
    ),
}
"""Effects of the best-known operators, in words; of all others nobody knows them."""


def refusal(graphs: Iterable[MetaGraph]) -> str:
    """Name the operators with effects, or unknown ones, in graphs and functions; completes "it "; "" where all compute.

    Those of the saver, which writes and reads the variables beside the graph, are let pass: where the saver alone
    calls them.
    """
    found: dict[str, str] = {}
    for graph in graphs:
        for where, op in _suspicious(graph):
            found.setdefault(op, where)
    if not found:
        return ""
    said = [f"'{plain(op, 60)}' ({_does(op)}; {plain(where, 80)})" for op, where in list(found.items())[:4]]
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return f"has operators that do more than compute: {', '.join(said)}{more}; it is not loaded"


def _does(op: str) -> str:
    if op in EFFECTS:
        return EFFECTS[op]
    if "Dataset" in op or "Iterator" in op:
        return "reads data"
    return "an operator of a library of its own, or one that is not known to compute alone"


def _suspicious(graph: MetaGraph) -> Iterator[tuple[str, str]]:
    """Give every operator that is not harmless, with where it is."""
    known = HARMLESS | (graph.functions.keys() - EFFECTS.keys())
    save, restore = (name.lstrip("^") for name in graph.saver)
    used = _before(
        graph, [one.reference for found in graph.signatures.values() for one in found.outputs.values()]
    )
    saving, restoring = (_before(graph, [name]) - used for name in (save, restore))
    for body in graph.bodies:
        name, op = Message(body).name(1), _operator(body)
        if op not in known and op not in _allowed(name in saving, name in restoring):
            yield f"node '{name}'", op
    for name, function in graph.functions.items():
        unknown = [op for op in map(_operator, function.bodies) if op not in known]
        callers = _callers(graph, name) if unknown else set()
        allowed = _allowed(bool(callers) and callers <= {save}, bool(callers) and callers <= {restore})
        for op in unknown:
            if op not in allowed:
                yield f"function '{name}'", op


def _operator(body: memoryview) -> str:
    """Name the operator of a node; one that prints to a file is another than one that prints to the terminal."""
    node = Message(body)
    op = node.name(2)
    if op == PRINTING and Message(node.entries(5).get("output_stream", b"")).name(2) not in STREAMS:
        return TO_FILE
    return op


def _allowed(saving: bool, restoring: bool) -> frozenset[str]:
    return (WRITING if saving else frozenset()) | (READING if restoring else frozenset())


def _callers(graph: MetaGraph, name: str) -> set[str]:
    """Name the nodes outside of functions that call a function; with "" where a function may."""
    spelt = name.encode()
    near = [
        one for other, one in graph.functions.items() if other != name and spelt in bytes(one.message.content)
    ]
    inner = any(name in (node.op, *node.functions()) for one in near for node in one.nodes.values())
    outer = {node.name for node in graph.nodes.values() if name in (node.op, *node.functions())}
    return outer | ({""} if inner else set())


def _before(graph: MetaGraph, references: Iterable[str]) -> set[str]:
    """Name the nodes outside of functions that tensors need, those included that only have to come first."""
    found: set[str] = set()
    waiting = list(references)
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name not in found and name in graph.nodes:
            found.add(name)
            waiting += graph.nodes[name].inputs
    return found
