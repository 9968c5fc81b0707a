"""benchmark_model on a phone: the latency of a model, and its outputs for given inputs."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.backends.android import reading
from tflbuild.backends.android.job import MODEL, OUT, PROGRAM, Ran, carry_out, folder_name
from tflbuild.backends.android.phone import facts_of, find, name_of
from tflbuild.backends.android.setup import DELEGATES, Setup
from tflbuild.core import digest
from tflbuild.core.amount import amount
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.tflite import flatbuffer

WARM_UP, WATCHED = 5, 20
"""Runs before measuring, and those whose operators are timed, at most."""

TIMED, PROFILED = "timed", "profiled"
"""Files of what is printed of the two runs."""

IN = "in"
"""Folder of the inputs."""

KEPT = {"delegate_serialize_dir": ".", "delegate_serialize_token": "tflbuild"}
"""Flags by which the GPU's compiled programs are kept from one sample to the next."""

NUMBER = "$n"
"""The sample that a line of the script is about."""


@dataclass(frozen=True)
class Ends:
    """The tensors of a file in the order that benchmark_model takes and writes them, by the signature's names.

    Attributes:
        inputs: one name each.
        outputs: every name that the tensor has.
        signature: the key of the one that is run, where there are several; "" where there is no choice.
    """

    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, ...], ...]
    signature: str

    @classmethod
    def of(cls, path: Path) -> Ends:
        """Read them off a file."""
        model = flatbuffer.load(path)
        inputs, outputs = flatbuffer.ends_of(model)
        defined = model.signatureDefs or []
        key = defined[0].signatureKey.decode() if len(defined) > 1 else ""
        written = [
            tuple(name for name, index in outputs.items() if index == int(place))
            for place in model.subgraphs[0].outputs
        ]
        return cls(tuple(inputs), tuple(written), key)


def device(setup: Setup) -> dict[str, str]:
    """Say what measures: the facts of the phone, and the digest of its benchmark_model."""
    program = digest.of_file(setup.program)
    return {**facts_of(find(setup.adb, setup.serial)), "benchmark_model": program}


def measured(setup: Setup, path: Path, runs: int) -> dict[str, Any]:
    """Time a file on the phone.

    Returns:
        Figures of a target: `latency_ms`, `delegate`, `memory`, `operator_times` and `device`.

    Raises:
        TflbuildError: see `carry_out`; or the delegate was not applied.
    """
    names = [operator.name for operator in flatbuffer.operators(path)]
    texts, facts = _both(setup, path, runs)
    found, kernels = reading.latency(texts[TIMED]), _kernels(setup, texts[TIMED], name_of(facts))
    left = list(names) if kernels == "builtin" else reading.left(texts[PROFILED], names)
    if found is None or left is None:
        raise PassError(
            f"benchmark_model printed no {'latency' if found is None else 'table of operators'} on {name_of(facts)}: "
            f"{plain(texts[TIMED][-200:].strip())}."
        )
    phone = {"cpu": name_of(facts), "threads": setup.threads}
    whole = reading.latency(texts[PROFILED]) or found
    timed = reading.operators(texts[PROFILED], names)
    return {
        "latency_ms": {**found, **phone, "kernels": kernels},
        "delegate": {
            "name": setup.delegate,
            "delegated": len(names) - len(left),
            "total": len(names),
            "left": left,
        },
        "memory": reading.memory(texts[PROFILED]),
        "operator_times": {**phone, "runs": whole["runs"], "whole_ms": whole["median"], "operators": timed},
        "device": {**facts, "benchmark_model": digest.of_file(setup.program)},
    }


def _both(setup: Setup, path: Path, runs: int) -> tuple[dict[str, str], Mapping[str, str]]:
    """Run the program twice, since watching operators and memory takes time: what it printed, and the phone."""
    flags: dict[str, dict[str, Any]] = {
        TIMED: {"num_runs": runs},
        PROFILED: {
            "num_runs": min(runs, WATCHED),
            "enable_op_profiling": "true",
            "report_peak_memory_footprint": "true",
        },
    }
    lines = {
        name: _line(setup, Ends.of(path), {"warmup_runs": WARM_UP, **given}) for name, given in flags.items()
    }
    script = "".join(
        f"{line} > {OUT}/{name} 2>&1 || {{ status=$?; cat {OUT}/{name}; exit $status; }}\n"
        for name, line in lines.items()
    )
    with tempfile.TemporaryDirectory(prefix="tflbuild-adb-") as scratch:
        folder = Path(scratch) / folder_name()
        folder.mkdir()
        ran = carry_out(setup, path, script, folder, "timing the model")
        texts = {name: (folder / OUT / name).read_text(encoding="utf-8", errors="replace") for name in lines}
    return texts, ran.facts


class Loaded:
    """A `.tflite` that a phone executes: see `tflbuild.core.runtime.Execution`.

    Each sample takes a process of its own, since benchmark_model reads one input of each tensor; those of a batch are
    pushed together, and run by one script.

    Args:
        setup: the phone, the program and its delegate.
        path: the file.
        signature: its inputs and outputs.
        shapes: of the outputs, as LiteRT allocates them, by name.

    Attributes:
        kernels: the delegate that was asked for; "builtin" where it took no operator.
    """

    def __init__(
        self, setup: Setup, path: Path, signature: Any, shapes: Mapping[str, tuple[int, ...]]
    ) -> None:
        self.signature = signature
        self.kernels: str = setup.delegate
        self._setup, self._path, self._shapes = setup, path, dict(shapes)
        self._ends = Ends.of(path)

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run samples.

        Args:
            inputs: by name, (samples, ...) of the tensor's dtype.

        Returns:
            By name, (samples, ...) of the tensor's dtype.
        """
        given = [np.ascontiguousarray(inputs[name]) for name in self._ends.inputs]
        count = len(given[0])
        with tempfile.TemporaryDirectory(prefix="tflbuild-adb-") as scratch:
            folder = Path(scratch) / folder_name()
            (folder / IN).mkdir(parents=True)
            for number in range(count):
                for place, value in enumerate(given):
                    (folder / IN / f"{number}.{place}").write_bytes(value[number].tobytes())
            flags = _reading(given) | (KEPT if self._setup.delegate == "gpu" else {})
            script = _loop(_line(self._setup, self._ends, flags), count)
            ran = carry_out(self._setup, self._path, script, folder, f"running {amount(count, 'sample')}")
            self.kernels = _kernels(self._setup, ran.text, name_of(ran.facts))
            rows = [self._read(folder / OUT / f"{number}", ran) for number in range(count)]
        return {name: np.stack([row[name] for row in rows]) for name in self.signature.outputs}

    def _read(self, path: Path, ran: Ran) -> dict[str, npt.NDArray[Any]]:
        """Read the outputs of one sample, which stand one behind the other, without the batch axis."""
        content = path.read_bytes() if path.is_file() else b""
        specs, start = self.signature.outputs, 0
        made: dict[str, npt.NDArray[Any]] = {}
        for names in self._ends.outputs:
            if not names:
                raise PassError(f"{plain(self._path)}: an output of its graph is not in its signature.")
            dtype, shape = np.dtype(specs[names[0]].dtype), self._shapes[names[0]]
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            part, start = content[start : start + size], start + size
            if len(part) == size:
                value = _without_batch(np.frombuffer(part, dtype).reshape(shape))
                made |= dict.fromkeys(names, value)
        if start != len(content):
            raise PassError(
                f"benchmark_model wrote {len(content)} bytes for the outputs of {plain(self._path)} on "
                f"{name_of(ran.facts)}, and {start} were expected: the shape of an output depends on the sample, or "
                f"the program is none that has --output_filepath (TensorFlow 2.14 and later)."
            )
        return made


def _without_batch(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give an output without the batch axis of one sample; one that has none as it is."""
    return np.asarray(value[0]) if value.ndim and len(value) == 1 else value


def _reading(given: Sequence[npt.NDArray[Any]]) -> dict[str, Any]:
    """Give the flags that make benchmark_model run once, on given inputs, from a fresh start.

    Inputs are called by their place: the program takes any name, and a name may hold its separators.
    """
    names = [f"i{place}" for place in range(len(given))]
    shapes = [",".join(map(str, (1, *value.shape[1:]))) for value in given]
    files = [f"{name}:{IN}/{NUMBER}.{place}" for place, name in enumerate(names)]
    return {
        "num_runs": 1,
        "min_secs": 0,
        "warmup_runs": 0,
        "warmup_min_secs": 0,
        "input_layer": ",".join(names),
        "input_layer_shape": ":".join(shapes),
        "input_layer_value_files": ",".join(files),
        "output_filepath": f"{OUT}/{NUMBER}",
    }


def _line(setup: Setup, ends: Ends, flags: Mapping[str, Any]) -> str:
    """Give the command line of benchmark_model in the phone's shell."""
    words = [*(["taskset", setup.affinity] if setup.affinity else []), f"./{PROGRAM}"]
    words += [f"--graph={MODEL}", f"--num_threads={setup.threads}", DELEGATES[setup.delegate]]
    words += [f"--signature_to_run_for={ends.signature}"] if ends.signature else []
    quoted = [shlex.quote(word) for word in (*words, *setup.flags)]
    return " ".join([*quoted, *(f'"--{name}={value}"' for name, value in flags.items())])


def _loop(line: str, count: int) -> str:
    """Give a script that runs a line for each sample, stops where one fails, and prints what the last one said."""
    return (
        f"n=0\nwhile [ $n -lt {count} ]; do\n{line} > text 2>&1\nstatus=$?\n"
        f'if [ $status -ne 0 ]; then tail -n 30 text; echo "[sample $n]"; exit $status; fi\n'
        f"n=$((n+1))\ndone\nhead -n 100 text\n"
    )


def _kernels(setup: Setup, text: str, phone: str) -> str:
    """Name what computed, and hold the program to having done what its flags asked for.

    Raises:
        PassError: it did not know a flag, or applied no delegate: what it gave is not what was asked for.
    """
    unknown = reading.unknown_flags(text)
    if unknown:
        raise PassError(
            f"this benchmark_model does not know {unknown}; take a newer one of LiteRT's Interpreter API, see "
            f"target.android.benchmark, and look at target.android.flags."
        )
    if setup.delegate == "builtin":
        return "builtin"
    parts = reading.applied(text)
    if parts is None:
        said = next(
            (line for line in text.splitlines() if "unsupported" in line.lower()), "it does not say why"
        )
        raise PassError(
            f"benchmark_model did not apply the delegate '{setup.delegate}' on {phone}: {plain(said.strip(), 200)}; "
            f"try target.android.delegate=xnnpack."
        )
    return setup.delegate if parts else "builtin"
