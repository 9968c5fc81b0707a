"""Arm Ethos-U: the neural processing units of microcontrollers and small systems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.target import Target, target

Accelerator = Literal[
    "ethos-u55-32",
    "ethos-u55-64",
    "ethos-u55-128",
    "ethos-u55-256",
    "ethos-u65-256",
    "ethos-u65-512",
    "ethos-u85-128",
    "ethos-u85-256",
    "ethos-u85-512",
    "ethos-u85-1024",
    "ethos-u85-2048",
]
SHIPPED_CONFIG = "Arm/vela.ini"
HOPELESS = 60
"""Time limit for a file on which vela fails by the rules. [seconds]"""


@target("ethos_u")
class EthosU(Target):
    """Compile a full-integer file with vela for an Arm Ethos-U55, U65 or U85.

    The delivered file holds the NPU's commands and runs on the device only. `npu_coverage`, `npu_cycles`,
    `npu_sram`, `npu_flash` and `npu_latency` are reported and can be budgeted; all but the first are vela's
    estimates for the system named here. For each operator the report says whether the NPU runs it, with vela's
    reason if not, and its cycles, SRAM and use of the multipliers. A model of which nothing fits the NPU is refused,
    unless `allow_uncovered`: it then has no cycles, memory or latency.
    """

    needs = ("ethosu", "ai_edge_litert")
    compiles = True
    executes = False
    integer_only = True
    kernels = "reference"
    offloads = True
    wants: ClassVar[Mapping[str, Any]] = {
        "scheme": ("int8", "int16x8"),
        "output_dtype": ("int8", "uint8", "float32"),
    }
    rules = "ethos_u"

    accelerator: Accelerator = "ethos-u55-128"
    """The NPU: its family and the multiplications that it makes in a cycle."""
    system_config: str | None = None
    """Section System_Config.NAME of `config_file`: clocks and memories of the system. null: vela's own choice."""
    memory_mode: str | None = None
    """Section Memory_Mode.NAME of `config_file`: which memory holds what. null: vela's own choice."""
    config_file: str = SHIPPED_CONFIG
    """File that describes systems to vela: one of vela's own, or the path of yours."""
    optimise: Literal["Performance", "Size"] = "Performance"
    """The goal that vela optimizes for: time (`Performance`) or memory (`Size`)."""
    arena_cache_size: Annotated[int, Ge(1)] | None = None
    """Memory that vela may use for tensors. null: set by the memory mode. [bytes]"""
    allow_uncovered: bool = False
    """Whether a file is delivered even if nothing in it runs on the NPU. Without this it is refused."""
    time_limit: Annotated[int, Ge(1)] = 600
    """How long vela may compile; on some files it never ends. [seconds]"""

    def __post_init__(self) -> None:
        family = "_".join(self.accelerator.split("-")[:2]).title()
        system = self.system_config or family
        if self.config_file == SHIPPED_CONFIG and not f"{system}_".startswith(f"{family}_"):
            raise ValueError(f"system_config: '{system}' is not a system with {self.accelerator}")

    @property
    def refuses_floats(self) -> bool:
        """Say whether a file of which nothing runs on the NPU is refused."""
        return not self.allow_uncovered

    def files(self) -> tuple[Path, ...]:
        """Name the user's own configuration of the system."""
        own = Path(self.config_file)
        return (own,) if self.config_file != SHIPPED_CONFIG and own.is_file() else ()

    @property
    def family(self) -> str:
        """Name the family of the NPU: u55, u65 or u85."""
        return self.accelerator.split("-")[1]

    def place(self, model: Path) -> Mapping[str, Any] | None:
        """Predict what vela will place on the NPU, or say what a compiled file holds; vela is not needed for it."""
        from tflbuild.placement import facts, rule_file
        from tflbuild.placement.by_rules import predict
        from tflbuild.placement.compiled_file import of_compiled_file

        title = f"Ethos-{self.family.upper()}"
        known = facts.read(model)
        if any(operator.name == OPERATOR for operator in known.operators):
            return of_compiled_file(known, OPERATOR, self.name, title, [COMPILED])
        options = to_json(self) | {"family": self.family}
        table = self.rule_table()
        if table is None:
            return None
        return {**predict(known, rule_file.read(table), self.name, options).to_json(), "title": title}

    def compile(self, model: TFLiteModel, folder: Path) -> tuple[bytes, dict[str, Any]]:
        """Compile with vela; figures are those of the metrics, `delegate`, `placement`, `npu` and `npu_layers`."""
        from tflbuild.backends.vela.compiler import compile_for_ethos_u
        from tflbuild.targets.ethos_u.operators import layers, placed

        predicted = self.place(model.path)
        assert predicted is not None, "the target has a rule table"
        foreseen = _failure_foreseen(predicted)
        limit = min(self.time_limit, HOPELESS) if foreseen else self.time_limit
        try:
            made = compile_for_ethos_u(model.path, folder, self._arguments(), limit)
        except PassError as error:
            raise PassError(f"{error}{foreseen}") from error
        placement = placed(predicted, made, f"vela {toolchain.version('ethosu')}")
        if not placement["delegated"] and not self.allow_uncovered:
            raise PassError(self._refusal(placement))
        figures: dict[str, Any] = {
            "npu_coverage": placement["coverage"],
            "placement": placement,
            "delegate": {
                "name": self.accelerator,
                "delegated": placement["delegated"],
                "total": placement["total"],
                "left": [one.name for one in made.left],
            },
            "npu": {
                "accelerator": self.accelerator,
                "system_config": made.system_config,
                "memory_mode": made.memory_mode,
                "macs": made.macs,
            },
        }
        if placement[
            "delegated"
        ]:  # vela says 0 for all of these where it did nothing, which is no measurement
            figures |= {
                "npu_cycles": made.cycles,
                "npu_sram": made.sram_kib,
                "npu_flash": made.flash_kib,
                "npu_latency": made.latency_ms,
                "npu_layers": layers(placement, made.database, int(self.accelerator.split("-")[2])),
            }
        return made.content, figures

    def _refusal(self, placement: Mapping[str, Any]) -> str:
        """Say why nothing of a model runs on the NPU."""
        from tflbuild.tflite.chips import CHIPS

        begins = f"nothing of this model runs on {self.accelerator} (0 of {placement['total']} operators)"
        names = [one["name"] for one in placement["operators"]]
        chip = next((CHIPS[name] for name in names if name in CHIPS), None)
        if chip:
            return f"{begins}: it is compiled for {chip} already; take the file from which it was compiled."
        return f"{begins}: it takes full-integer models; quantize with scheme int8 or int16x8."

    def _arguments(self) -> list[str]:
        options: dict[str, Any] = {
            "--accelerator-config": self.accelerator,
            "--config": self._config(),
            "--system-config": self.system_config,
            "--memory-mode": self.memory_mode,
            "--optimise": self.optimise,
            "--arena-cache-size": self.arena_cache_size,
        }
        return [text for name, value in options.items() if value is not None for text in (name, str(value))]

    def _config(self) -> str | None:
        """Give vela's `--config`; it wants one only where a section is named."""
        own = self.config_file != SHIPPED_CONFIG
        if not own and not self.system_config and not self.memory_mode:
            return None
        return str(Path(self.config_file).resolve()) if own else self.config_file


OPERATOR = "ethos-u"
"""Name of the operator that holds what the NPU runs."""
COMPILED = (
    "The file is compiled for an Ethos-U NPU. For which one, and how many operators its parts were made of, is not "
    "read from it."
)


def _failure_foreseen(predicted: Mapping[str, Any]) -> str:
    """Say why by the rules vela will fail on a file as a whole; "" where they don't say so."""
    whole = [one for one in predicted["operators"] if not one["on"]]
    if len(whole) < predicted["total"] or not whole or len({one["reason"] for one in whole}) > 1:
        return ""
    cure = f" ({plain(whole[0]['cure'], 200)})" if whole[0]["cure"] else ""
    return f" By the rules of the target, it {plain(whole[0]['reason'], 400)}{cure}."
