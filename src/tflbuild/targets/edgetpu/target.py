"""Google Coral's Edge TPU: boards, USB sticks and cards with a chip for 8-bit networks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from tflbuild.core.amount import amount
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.file_size import size
from tflbuild.core.options import to_json
from tflbuild.core.target import NOT_EXECUTED, Target, target

if TYPE_CHECKING:
    from tflbuild.backends.edgetpu import Compiled
    from tflbuild.placement.facts import ModelFacts
    from tflbuild.placement.placement import Placement

TRIES = 30
"""Time limits of one compilation that a search may take together."""
SPARE = 60
"""Time that starting and writing may take beside compiling. [s]"""


@target("edgetpu")
class EdgeTpu(Target):
    """Compile a full-integer file for a Coral Edge TPU, and say which operators run on it.

    Google's `edgetpu_compiler` is called where it is on the PATH. Without it the file is delivered as it is, which is
    what the compiler takes on another machine, and rules predict the placement. The chip takes one part of the graph,
    in int8 or uint8; what comes after an operator that it does not have runs on the processor. Its memory of 8 MiB
    holds the parameters that fit, and the others are sent in every run. `npu_coverage`, `edgetpu_cached` and
    `edgetpu_streamed` can be budgeted.
    """

    needs = ("ai_edge_litert",)
    compiles = True
    integer_only = True
    offloads = True
    rules = "edgetpu"
    wants: ClassVar[Mapping[str, Any]] = {
        "scheme": "int8",
        "scores": "int8",
        "input_dtype": ("uint8", "int8", "float32"),
        "output_dtype": ("uint8", "int8", "float32"),
    }

    compiler: Literal["auto", "always", "never"] = "auto"
    """Whether `edgetpu_compiler` compiles the file: `auto` where it is on the PATH, `always` refuses to build without
    it, `never` delivers the file as it is."""
    min_runtime_version: Annotated[int, Ge(10), Le(14)] | None = None
    """Lowest version of the Edge TPU runtime that has to take the file; older ones have fewer operators.
    null: the compiler's newest. [no unit]"""
    intermediate_tensors: tuple[str, ...] = ()
    """Tensors that end the part for the Edge TPU, by name: what comes after them runs on the processor."""
    search_delegate: bool = False
    """Whether the compiler leaves more and more operators at the end to the processor where it fails, e.g. for large
    activations."""
    timeout: Annotated[int, Ge(1), Le(86_400)] = 180
    """Time that compiling once may take. [s]"""

    def files(self) -> tuple[Path, ...]:
        """Name the compiler, so that another one, or none, gives another key."""
        from tflbuild.backends.edgetpu import PROGRAM, installed

        program = installed() if self.compiler != "never" else None
        if program is None:
            return ()
        behind = program.resolve().parent / f"{PROGRAM}_bin" / PROGRAM
        return (program, behind) if behind.is_file() else (program,)

    def with_compiler(self) -> Target:
        """Give the target that needs the compiler, but where a user said when it is called."""
        needing: dict[str, Any] = {"compiler": "always"}
        return replace(self, **needing) if self.compiler == "auto" else self

    def place(self, model: Path) -> Mapping[str, Any] | None:
        """Predict which operators run on the Edge TPU, or say what a compiled file holds."""
        from tflbuild.placement import facts
        from tflbuild.tflite.edgetpu_package import OPERATOR

        known = facts.read(model)
        if any(operator.name == OPERATOR for operator in known.operators):
            return self._compiled_already(model, known)
        placement = self._predicted(known)
        on = {operator.index for operator in placement.operators if operator.on}
        return _with_remarks(
            placement, [*placement.remarks, *_memory(known, on), *self._how_to_compile(model)]
        )

    def compile(self, model: TFLiteModel, folder: Path) -> tuple[bytes, dict[str, Any]]:
        """Compile where the compiler is there; figures are those of the metrics, `placement` and `edgetpu`."""
        from tflbuild.backends.edgetpu import compile_for_edgetpu, installed
        from tflbuild.placement import facts
        from tflbuild.tflite.edgetpu_package import OPERATOR

        source = facts.read(model.path)
        if any(operator.name == OPERATOR for operator in source.operators):
            raise PassError("the file is compiled for an Edge TPU already, which cannot be done twice.")
        if self.compiler == "never" or (self.compiler == "auto" and installed() is None):
            return model.path.read_bytes(), self._estimated(source)
        limit = float(self.timeout * (TRIES if self.search_delegate else 1) + SPARE)
        return self._measured(source, compile_for_edgetpu(model.path, folder, self._arguments(), limit))

    def _predicted(self, known: ModelFacts) -> Placement:
        from tflbuild.placement import rule_file
        from tflbuild.placement.by_rules import predict

        table = self.rule_table()
        assert table is not None
        return predict(known, rule_file.read(table), self.name, to_json(self))

    def _estimated(self, source: ModelFacts) -> dict[str, Any]:
        """Give the figures of a file that is not compiled here."""
        from tflbuild.targets.edgetpu.memory import estimate

        on = {operator.index for operator in self._predicted(source).operators if operator.on}
        memory = estimate(source, on)
        return {
            "edgetpu_cached": memory.cached / 1024,
            "edgetpu_streamed": memory.streamed / 1024,
            "edgetpu": {"compiled": False, "parts": int(bool(on)), "compiler": ""},
        }

    def _measured(self, source: ModelFacts, made: Compiled) -> tuple[bytes, dict[str, Any]]:
        """Give the compiled file with its figures."""
        from tflbuild.backends.edgetpu import CUSTOM, MAPPED
        from tflbuild.placement import facts
        from tflbuild.targets.edgetpu.operators import as_compiled
        from tflbuild.targets.edgetpu.remaining import Apart, remaining
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.edgetpu_package import OPERATOR, packages
        from tflbuild.tflite.tables import Malformed

        unpacked = flatbuffer.unpack(made.content)
        compiled = facts.facts_of(unpacked, len(made.content))
        try:
            left = remaining(source, compiled, OPERATOR)
            held = list(packages(unpacked))
        except (Apart, Malformed) as error:
            raise PassError(f"edgetpu_compiler wrote a file that {error}.") from error
        said: dict[str, list[str]] = defaultdict(list)
        for status in made.statuses:
            if status.text != MAPPED:
                said[status.operator].append(status.text)
        said |= dict.fromkeys((one.name for one in source.operators if one.custom), said[CUSTOM])
        version = made.version or "of an unknown version"
        placement = as_compiled(self._predicted(source), left, said, f"edgetpu_compiler {version}")
        cached = made.cached if made.cached is not None else sum(one.cached for one in held)
        streamed = made.streamed if made.streamed is not None else sum(one.streamed for one in held)
        return made.content, {
            "placement": _with_remarks(placement, placement.remarks),
            "edgetpu_cached": cached / 1024,
            "edgetpu_streamed": streamed / 1024,
            "edgetpu": {
                "compiled": bool(held),
                "parts": made.parts if made.parts is not None else len(held),
                "compiler": made.version,
                "min_runtime_version": max((one.min_runtime for one in held), default=0),
            },
            **({NOT_EXECUTED: NOT_HERE} if held else {}),
        }

    def _arguments(self) -> list[str]:
        given: dict[str, Any] = {
            "--min_runtime_version": self.min_runtime_version,
            "--intermediate_tensors": ",".join(self.intermediate_tensors) or None,
            "--timeout_sec": self.timeout if self.timeout != type(self).timeout else None,
        }
        words = [text for name, value in given.items() if value is not None for text in (name, str(value))]
        return [*words, *(["--search_delegate"] if self.search_delegate else [])]

    def _compiled_already(self, model: Path, known: ModelFacts) -> dict[str, Any]:
        """Say what a file holds that the compiler wrote."""
        from tflbuild.placement.compiled_file import of_compiled_file
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.edgetpu_package import OPERATOR, packages
        from tflbuild.tflite.tables import Malformed

        try:
            held = [*packages(flatbuffer.load(model))]
            remark = _holds(held)
        except Malformed as error:
            remark = f"The file is compiled for an Edge TPU, but it {error}."
        return of_compiled_file(known, OPERATOR, self.name, "Edge TPU", [remark])

    def _how_to_compile(self, model: Path) -> list[str]:
        """Say how a person compiles the file where this machine did not."""
        from tflbuild.backends.edgetpu import INSTALL, PROGRAM, installed

        if installed() is not None:
            return []
        words = [word if word.startswith("--") else f"'{word}'" for word in self._arguments()]
        file = (
            model.name if model.suffix else f"model{TFLiteModel.suffix}"
        )  # one of the store has no name yet
        command = " ".join([PROGRAM, "--show_operations", *words, file])
        return [f"{PROGRAM} is not on the PATH. To get it, {INSTALL}. Then: {command}"]


NOT_HERE = (
    "The file is compiled for an Edge TPU, which this machine has not, so no accuracy was measured on it."
)


def _with_remarks(placement: Placement, remarks: Collection[str]) -> dict[str, Any]:
    """Give a placement as JSON, in which the Edge TPU has one part at most."""
    made = placement.to_json() | {"remarks": [*remarks]}
    return made | {"partitions": int(made["delegated"] > 0)}


def _memory(known: ModelFacts, on: Collection[int]) -> list[str]:
    """Say about how much memory the parameters take."""
    from tflbuild.targets.edgetpu.memory import estimate

    if not on:
        return []
    memory = estimate(known, on)
    streamed = (
        f"{size(memory.streamed)} are sent in every run" if memory.streamed else "none is sent in every run"
    )
    return [
        f"Of the parameters about {size(memory.cached)} stay in the chip's 8 MiB, and {streamed} (an estimate)."
    ]


def _holds(held: Collection[Any]) -> str:
    """Say what the Edge TPU's operators of a file hold."""
    cached, streamed = sum(one.cached for one in held), sum(one.streamed for one in held)
    oldest = max((one.min_runtime for one in held), default=0)
    return (
        f"The file is compiled for an Edge TPU: {amount(len(held), 'part')} of its graph, with "
        f"{size(cached)} of parameters in the chip's memory and {size(streamed)} sent in every run, for runtime "
        f"{oldest} and later. How many operators these parts were made of is not in the file."
    )
