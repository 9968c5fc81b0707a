"""Execute a `.tflite` in LiteRT on a board, for as long as standard input is open.

Sent over ssh, and run by the board's Python (3.8 or later); nothing is written there but a file that the profiler
needs. First comes the line `START`, then messages: the size in 8 bytes, little-endian, and the message, a byte for what
it is, a line of JSON, and the bytes of the arrays that the JSON's `arrays` lists. The first message, "S", says what the
board is. "L" loads a model; "R" runs samples; "T" times warm runs; "P" times each operator; each is answered by "O", or
by "E" with `text`. NumPy's own formats are not used, since the board may have another NumPy.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import tempfile
import time
from typing import IO, Any

START = b"tflbuild runner 1\n"

WARM_UP = 5

DISTRIBUTIONS = ("ai-edge-litert", "tflite-runtime", "tensorflow", "tensorflow-cpu")
"""Distributions that bring LiteRT, the best first."""

MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")
"""Modules with its interpreter, likewise."""


def main() -> None:
    """Say what the board is, and answer until nobody asks."""
    answers = io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get between the messages
    asked = sys.stdin.buffer
    answers.write(START)
    send(answers, b"S", facts())
    session = Session()
    kinds: dict[bytes, Any] = {
        b"L": session.load,
        b"R": session.run,
        b"T": session.time,
        b"P": session.profile,
    }
    while True:
        head = asked.read(8)
        if len(head) < 8:
            return
        try:
            kind, fields, arrays = received(asked.read(int.from_bytes(head, "little")))
            said, made = kinds[kind](fields, arrays)
            send(answers, b"O", said, made)
        except Exception as error:  # noqa: BLE001
            text = " ".join(str(error).split()) or "nothing was said"
            send(answers, b"E", {"text": f"{type(error).__name__}: {text}"})


def facts() -> dict[str, Any]:
    """Say what the board is, and which LiteRT it has, without importing it."""
    found = {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpu": cpu(),
        "board": read("/proc/device-tree/model"),
        "host": platform.node(),
        "numpy": version("numpy"),
    }
    litert = next((name for name in DISTRIBUTIONS if version(name)), "")
    found["litert"] = f"{litert} {version(litert)}" if litert else ""
    return {name: value for name, value in found.items() if value}


def version(distribution: str) -> str:
    """Give the version of an installed distribution; "" where it is missing."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def cpu() -> str:
    """Name the processor, as Linux does."""
    lines = (line.partition(":") for line in read("/proc/cpuinfo").splitlines())
    names = {key.strip(): value.strip() for key, _, value in lines}
    return names.get("model name") or names.get("Hardware") or platform.processor()


def read(path: str) -> str:
    """Read a small file of the system; "" where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    except OSError:
        return ""


class Session:
    """One model that is loaded, or none yet."""

    def load(self, fields: dict[str, Any], arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Load a model; `inputs` and `outputs` are tensors by name."""
        module = interpreter_module()
        self.content = arrays["model"].tobytes()
        options: dict[str, Any] = {"model_content": self.content, "num_threads": fields["threads"]}
        if fields["delegate"]:
            options["experimental_delegates"] = [
                module.load_delegate(fields["delegate"], fields["delegate_options"])
            ]
        if fields["kernels"] != "default":
            names = {"builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "reference": "BUILTIN_REF"}
            options["experimental_op_resolver_type"] = getattr(
                module.OpResolverType, names[fields["kernels"]]
            )
        self.interpreter = module.Interpreter(**options)
        self.interpreter.allocate_tensors()
        self.inputs, self.outputs = fields["inputs"], fields["outputs"]
        details = {entry["index"]: entry for entry in self.interpreter.get_input_details()}
        self.dtypes = {name: details[index]["dtype"] for name, index in self.inputs.items()}
        plan = [
            {
                "op_name": op["op_name"],
                "index": int(op["index"]),
                "inputs": [int(tensor) for tensor in op["inputs"]],
                "outputs": [int(tensor) for tensor in op["outputs"]],
            }
            for op in self.interpreter._get_ops_details()
        ]
        return {"plan": plan}, {}

    def run(self, fields: dict[str, Any], arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run samples, each from a fresh start; arrays have the samples first, and one batch axis less."""
        import numpy

        count = len(next(iter(arrays.values())))
        rows: list[dict[str, Any]] = []
        for number in range(count):
            self.interpreter.reset_all_variables()
            for name, index in self.inputs.items():
                self.interpreter.set_tensor(index, arrays[name][number : number + 1])
            self.interpreter.invoke()
            rows.append({name: self.value(index) for name, index in self.outputs.items()})
        return {}, {name: numpy.stack([row[name] for row in rows]) for name in self.outputs}

    def value(self, index: int) -> Any:
        """Give an output without the batch axis; one that has none as it is."""
        found = self.interpreter.get_tensor(index)
        return found[0] if found.ndim and len(found) == 1 else found

    def time(self, fields: dict[str, Any], arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Time warm runs on seeded noise of each input's range."""
        import numpy

        rng = numpy.random.RandomState(0)
        for details in self.interpreter.get_input_details():
            self.interpreter.set_tensor(details["index"], noise(rng, details["shape"], details["dtype"]))
        times = []
        for _ in range(WARM_UP + fields["runs"]):
            start = time.perf_counter()
            self.interpreter.invoke()
            times.append((time.perf_counter() - start) * 1e3)
        return {"ms": times[WARM_UP:], "peak_mib": peak_mib()}, {}

    def profile(
        self, fields: dict[str, Any], arrays: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Time each operator by tflbuild's own profiler, which is sent; gives `runs`: events and time of each."""
        scope: dict[str, Any] = {"__name__": "tflbuild_profiler"}
        exec(compile(arrays["profiler"].tobytes(), "profiler.py", "exec"), scope)
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            file.write(self.content)
            file.flush()
            with scope["Profiler"](scope["Path"](file.name)) as profiler:
                for _ in range(WARM_UP):
                    profiler.warm()
                found = [profiler.run() for _ in range(fields["runs"])]
        return {"runs": [[[list(event) for event in events], whole] for events, whole in found]}, {}


def interpreter_module() -> Any:
    """Import LiteRT's interpreter from whatever brings it.

    Raises:
        ImportError: nothing does, or it cannot be imported; says why.
    """
    from importlib import import_module

    why = f"no {' or '.join(DISTRIBUTIONS[:2])}"
    for name in MODULES:
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name and error.name.partition(".")[0] not in name:
                why = str(error)
    raise ImportError(why)


def noise(rng: Any, shape: Any, dtype: Any) -> Any:
    """Make an input of a tensor: in [-1, 1], or of the whole range of a small integer."""
    import numpy

    kind = numpy.dtype(dtype)
    if kind.kind == "f":
        return rng.uniform(-1, 1, shape).astype(kind)
    if kind.kind not in "iu":
        return numpy.zeros(shape, kind)
    limits = numpy.iinfo(kind if kind.itemsize <= 2 else numpy.int8)
    return rng.randint(limits.min, limits.max + 1, shape).astype(kind)


def peak_mib() -> float:
    """Give the memory that this process held at most."""
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


def received(message: bytes) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """Take a message apart: its kind, its fields and its arrays by name."""
    import numpy

    head, _, content = message[1:].partition(b"\n")
    fields = json.loads(head.decode())
    arrays, start = {}, 0
    for entry in fields.pop("arrays", []):
        kind = numpy.dtype(entry["dtype"])
        count = 1
        for side in entry["shape"]:
            count *= side
        part = numpy.frombuffer(content, kind, count, start)
        arrays[entry["name"]] = part.reshape(entry["shape"])
        start += part.nbytes
    return message[:1], fields, arrays


def send(target: IO[bytes], kind: bytes, fields: dict[str, Any], arrays: dict[str, Any] = {}) -> None:  # noqa: B006
    """Write a message."""
    listed = [
        {"name": name, "dtype": str(value.dtype), "shape": list(value.shape)}
        for name, value in arrays.items()
    ]
    head = json.dumps(dict(fields, arrays=listed) if listed else fields).encode() + b"\n"
    content = b"".join(value.tobytes() for value in arrays.values())
    rest = memoryview((1 + len(head) + len(content)).to_bytes(8, "little") + kind + head + content)
    while rest:
        rest = rest[target.write(rest) :]


if __name__ == "__main__":
    main()
