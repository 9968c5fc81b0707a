"""Arm Ethos-U: the neural processing units of microcontrollers and small systems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError
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


@target("ethos_u")
class EthosU(Target):
    """Compile a full-integer file with vela for an Arm Ethos-U55, U65 or U85.

    The delivered file holds the NPU's commands and runs on the device only. `npu_coverage`, `npu_cycles`,
    `npu_sram` and `npu_latency` are reported and can be budgeted; they are vela's estimates for the system
    named here. A model of which nothing fits the NPU is refused, unless `allow_uncovered`: it then has no
    cycles, SRAM or latency.
    """

    needs = ("ethosu", "ai_edge_litert")
    compiles = True
    executes = False
    integer_only = True
    kernels = "reference"
    offloads = True
    gives = ("npu_cycles", "npu_sram", "npu_latency")
    wants: ClassVar[Mapping[str, Any]] = {
        "scheme": ("int8", "int16x8"),
        "output_dtype": ("int8", "uint8", "float32"),
    }

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

    def __post_init__(self) -> None:
        family = "_".join(self.accelerator.split("-")[:2]).title()
        system = self.system_config or family
        if self.config_file == SHIPPED_CONFIG and not f"{system}_".startswith(f"{family}_"):
            raise ValueError(f"system_config '{system}' is not a system with {self.accelerator}")

    @property
    def refuses_floats(self) -> bool:
        """Say whether a file of which nothing runs on the NPU is refused."""
        return not self.allow_uncovered

    def files(self) -> tuple[Path, ...]:
        """Name the user's own configuration of the system."""
        own = Path(self.config_file)
        return (own,) if self.config_file != SHIPPED_CONFIG and own.is_file() else ()

    def compile(self, model: TFLiteModel, folder: Path) -> tuple[bytes, dict[str, Any]]:
        """Compile with vela; figures are those of the metrics, `delegate`, and `npu` with the rest."""
        from tflbuild.backends.vela import compile_for_ethos_u

        made = compile_for_ethos_u(model.path, folder, self._arguments())
        total = made.on_npu + made.on_cpu
        if not made.on_npu and not self.allow_uncovered:
            raise PassError(
                f"nothing of this model runs on {self.accelerator} (0 of {total} operators): it takes full-integer "
                f"models; quantize with scheme int8 or int16x8."
            )
        figures: dict[str, Any] = {
            "npu_coverage": made.on_npu / total if total else 0.0,
            "delegate": {
                "name": self.accelerator,
                "delegated": made.on_npu,
                "total": total,
                "left": made.left,
            },
            "npu": {
                "accelerator": self.accelerator,
                "system_config": made.system_config,
                "memory_mode": made.memory_mode,
                "flash_kib": made.flash_kib,
                "macs": made.macs,
            },
        }
        if made.on_npu:  # vela says 0 for all of these where it did nothing, which is no measurement
            figures |= {
                "npu_cycles": made.cycles,
                "npu_sram": made.sram_kib,
                "npu_latency": made.latency_ms,
            }
        return made.content, figures

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
