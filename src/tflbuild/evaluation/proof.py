"""Write the proof of a delivered file: samples, the outputs that it gives for them, and how far kernels are apart."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core import digest, toolchain
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.export import Proof
from tflbuild.core.machine import cpu_name
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.core.samples import ABOUT, COLUMNS, INDEX, NUMBERS, SCHEMA, TABLE, summary
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.distance import distance
from tflbuild.evaluation.examples import Examples
from tflbuild.evaluation.feeding import as_input, dequantized
from tflbuild.evaluation.predictions import check_inputs, of_row
from tflbuild.evaluation.tolerance import Held
from tflbuild.formats.tflite import embedded_samples
from tflbuild.formats.tflite.packed_files import packed_behind
from tflbuild.tasks.detection.task import COUNT

Tensors = Mapping[str, npt.NDArray[Any]]


def write(
    wanted: Proof,
    samples: Split,
    staging: Path,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> tuple[dict[str, Any], Artifact | None]:
    """Write the samples as one archive, `samples.zip`, and the file with them in it if that is wanted.

    Returns:
        What a report says of them; and the file, None where nothing is embedded.

    Raises:
        PassError: a tensor has a dtype that is not stored.
        BrokenPromise: the file with the samples in it gives other outputs.
    """
    made = _Writing(wanted, samples)
    for number in range(len(samples)):
        made.add(number)
        progress(number + 1, len(samples))
    files = made.files()
    (staging / "samples.zip").write_bytes(packed_behind(b"", files))
    found = summary(made.index)
    if not wanted.export.embed or not isinstance(wanted.delivered, TFLiteModel):
        return found, None
    content = embedded_samples.embedded(wanted.delivered.path.read_bytes(), files)
    path = staging / f"delivered{TFLiteModel.suffix}"
    path.write_bytes(content)
    sha256 = digest.of_bytes(content)
    whole = TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta=wanted.delivered.meta)
    if wanted.model is wanted.delivered:
        made.hold(whole)
    return found, whole


class _Writing:
    """Samples of one file, one after the other."""

    def __init__(self, wanted: Proof, samples: Split) -> None:
        self._wanted, self._split = wanted, samples
        self._meaning = Meaning.of(wanted.model)
        self._examples = Examples(samples, self._meaning)
        self._execution = wanted.runtime.open(wanted.model)
        check_inputs(self._execution, self._meaning, wanted.model)
        self._others = {name: other.open(wanted.model) for name, other in wanted.runtime.others().items()}
        self._ends: dict[str, Held] = {}
        self._given: list[Tensors] = []
        self._rows: list[dict[str, Any]] = []
        self._files: dict[str, bytes] = {}

    def add(self, number: int) -> None:
        """Run one sample."""
        codes, specs = self._examples[number].codes, self._execution.signature.inputs
        kinds = {name: given.kind for name, given in self._meaning.inputs.items()}
        inputs = {
            name: as_input(codes[name][None], kinds[name], specs[name]) for name in specs if name in codes
        }
        outputs = self._execution.run(inputs)
        _check_dtypes([*inputs.values(), *outputs.values()])
        valid = {name: _numbers(name, value, outputs, self._meaning) for name, value in outputs.items()}
        for name, value in outputs.items():
            spec = self._execution.signature.outputs.get(name) or TensorSpec(value.shape, str(value.dtype))
            end = self._ends.setdefault(name, Held(spec))
            real = dequantized(value.reshape(-1)[: valid[name]], spec)
            end.size = float(max(end.size, np.abs(real[np.isfinite(real)]).max(initial=0.0)))
        for kernels, other in self._others.items():
            theirs = other.run(inputs)
            for name, value in outputs.items():
                found = distance(theirs[name], value, self._ends[name].spec, valid[name])
                self._ends[name].add(kernels, found)
        self._keep(number, inputs, outputs, valid)

    def _keep(self, number: int, inputs: Tensors, outputs: Tensors, valid: Mapping[str, int]) -> None:
        name = f"{number:0{max(3, len(str(len(self._split) - 1)))}d}"
        row: dict[str, Any] = {"name": name, "key": plain(self._split.samples[number].key, 400)}
        row["inputs"] = [
            self._stored(f"{name}/input_{place}.bin", value, value.size)
            for place, value in enumerate(inputs.values())
        ]
        row["outputs"] = [
            {**self._stored(f"{name}/output_{place}.bin", value, valid[end]), "numbers": valid[end]}
            for place, (end, value) in enumerate(outputs.items())
        ]
        self._given.append(inputs)
        self._rows.append(row)

    def _stored(self, file: str, value: npt.NDArray[Any], numbers: int) -> dict[str, Any]:
        """Keep a tensor's bytes, with zeros in the place of what nobody wrote."""
        kept = np.ascontiguousarray(value).reshape(-1).copy()
        kept[numbers:] = 0
        content = kept.astype(kept.dtype.newbyteorder("<")).tobytes()
        self._files[file] = content
        return {"file": file, "bytes": len(content), "sha256": digest.of_bytes(content)}

    def files(self) -> dict[str, bytes]:
        """Give every file of the folder, by its name."""
        table = "".join("\t".join(map(str, row)) + "\n" for row in self._table())
        index = json.dumps(self.index, indent=1) + "\n"
        return {INDEX: index.encode(), TABLE: table.encode(), **self._files}

    @property
    def index(self) -> dict[str, Any]:
        """Give the content of `samples.json`."""
        wanted, count = self._wanted, len(self._split)
        tool = next((tool for tool in type(wanted.runtime).needs if tool != "numpy"), "")
        roles = {name: role for role, name in (self._meaning.head.get("outputs") or {}).items()}
        return {
            "schema": SCHEMA,
            "about": ABOUT,
            "split": self._split.name,
            "of": wanted.of,
            "chosen": f"{count} of {wanted.of} samples of {self._split.name}, spread evenly over it",
            "runtime": {
                "name": type(wanted.runtime).name,
                "version": toolchain.version(tool) if tool else None,
            },
            "kernels": self._execution.kernels,
            "cpu": cpu_name(),
            "computed_on": "delivered" if wanted.model is wanted.delivered else "compiled_from",
            "model": {"kind": wanted.model.kind, "sha256": wanted.model.digest},
            "task": self._meaning.task,
            "labels": list(self._meaning.labels),
            "inputs": [_described(name, spec) for name, spec in self._inputs.items()],
            "outputs": [
                {
                    **_described(name, end.spec),
                    "role": roles.get(name, name),
                    "size": end.size,
                    "apart": {kernels: found.to_json() for kernels, found in end.apart.items()},
                    **end.tolerance(wanted.export),
                }
                for name, end in self._ends.items()
            ],
            "samples": self._rows,
        }

    @property
    def _inputs(self) -> Mapping[str, TensorSpec]:
        return {
            name: spec for name, spec in self._execution.signature.inputs.items() if name in self._given[0]
        }

    def _table(self) -> Iterator[tuple[Any, ...]]:
        yield COLUMNS
        index = self.index
        for row in index["samples"]:
            for place, (one, end) in enumerate(zip(row["inputs"], index["inputs"], strict=True)):
                yield _line(row, "input", place, end, one, one["bytes"] // NUMBERS[end["dtype"]], 0.0)
            for place, (one, end) in enumerate(zip(row["outputs"], index["outputs"], strict=True)):
                allowed = end.get("tolerance_steps", end["tolerance"])
                yield _line(row, "output", place, end, one, one["numbers"], allowed)

    def hold(self, whole: Artifact) -> None:
        """Hold the file with the samples in it to the outputs of the one without.

        Raises:
            BrokenPromise: they differ.
        """
        execution = self._wanted.runtime.open(whole)
        for given, row in zip(self._given, self._rows, strict=True):
            made = execution.run(given)
            for (name, value), kept in zip(made.items(), row["outputs"], strict=True):
                if self._stored(kept["file"], value, kept["numbers"])["sha256"] != kept["sha256"]:
                    raise BrokenPromise(
                        f"export.embed: with the samples in it the file gives another '{plain(name)}'."
                    )


def _check_dtypes(tensors: Sequence[npt.NDArray[Any]]) -> None:
    """Refuse a tensor whose numbers no other language would read.

    Raises:
        PassError: names the dtype.
    """
    for tensor in tensors:
        if str(tensor.dtype) not in NUMBERS:
            raise PassError(
                f"export.samples: a tensor of {tensor.dtype} cannot be stored; set export.samples=0."
            )


def _line(
    row: Mapping[str, Any],
    direction: str,
    place: int,
    end: Mapping[str, Any],
    one: Mapping[str, Any],
    numbers: int,
    tolerance: float,
) -> tuple[Any, ...]:
    return (
        row["name"],
        direction,
        place,
        end["dtype"],
        numbers,
        repr(tolerance),
        one["file"],
        plain(end["name"], 200),
    )


def _described(name: str, spec: TensorSpec) -> dict[str, Any]:
    """Describe a tensor; an open side is 1, since one sample goes through at a time."""
    said: dict[str, Any] = {"name": name, "dtype": spec.dtype, "shape": [max(side, 1) for side in spec.shape]}
    return said | ({"scale": spec.scale, "zero_point": spec.zero_point} if spec.scale else {})


def _numbers(name: str, value: npt.NDArray[Any], outputs: Tensors, meaning: Meaning) -> int:
    """Give how many numbers of an output were written: behind a detector's objects there is memory nobody writes."""
    count = meaning.head.get("outputs", {}).get(COUNT, COUNT)
    row = of_row(value, 0, 1)
    if name == count or count not in outputs or row.size <= 1 or not row.ndim:
        return int(value.size)
    objects = min(max(int(np.ravel(outputs[count])[0]), 0), len(row))
    return objects * math.prod(row.shape[1:])
