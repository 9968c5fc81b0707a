"""Targets: what a delivered file runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.registry import Registry

TARGETS: Registry[Target] = Registry("target", "target", "targets")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Base of every target: a frozen dataclass whose fields are its options under `target.NAME:`.

    Declared with `@target("name")`.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tools by import name, as `tflbuild.core.toolchain` knows them."""
    compiles: ClassVar[bool] = False
    """Whether the delivered file differs from the pipeline's."""
    makes: ClassVar[type[Artifact]] = TFLiteModel
    """Kind of the delivered file."""
    runtime: ClassVar[str] = ""
    """Name of the `tflbuild.core.runtime.Runtime` that executes the delivered file; "" for the usual one."""
    executes: ClassVar[bool] = True
    """Whether this machine can execute the delivered file, so that accuracy can be measured on it."""
    integer_only: ClassVar[bool] = False
    """Whether only full-integer models make sense on it."""
    gives: ClassVar[tuple[str, ...]] = ()
    """Names of the metrics that it reports as figures of `compile` or `inspect`, and that a limit may name."""

    step: str = ""
    """Label of the step whose result is delivered. Empty: the last step."""

    def files(self) -> tuple[Path, ...]:
        """Name the user's files that decide the result; their content enters the cache key."""
        return ()

    def compile(self, model: TFLiteModel, folder: Path) -> tuple[bytes, dict[str, Any]]:
        """Compile for the device; runs in a worker, in an empty scratch folder.

        Returns:
            The delivered file's bytes, and figures by the name of a `TargetMetric` or of a report field.
        """
        raise NotImplementedError

    def inspect(self, model: Any) -> dict[str, Any]:
        """Report on the delivered file: the fields `latency_ms`, `delegate`, ...; runs in a worker."""
        return {}


def giving(metric: str) -> list[str]:
    """Name the declared targets that report a metric, by their own word."""
    return sorted(name for name, cls in TARGETS.items() if metric in cls.gives)


target = TARGETS.declare
"""Class decorator: declare a target under a name."""
