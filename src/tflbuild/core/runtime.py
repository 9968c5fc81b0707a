"""Runtimes: what executes a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform

from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import PassError
from tflbuild.core.registry import Registry
from tflbuild.core.signature import Signature

RUNTIMES: Registry[Runtime] = Registry("runtime", "runtime", "runtimes")

R = TypeVar("R", bound="Runtime")


class Execution(Protocol):
    """A model that is loaded, ready to be run.

    Attributes:
        signature: its inputs and outputs.
        kernels: what computes, e.g. "xnnpack".
    """

    @property
    def signature(self) -> Signature: ...

    @property
    def kernels(self) -> str: ...

    def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a batch.

        Args:
            inputs: by name, (batch, ...) in the dtype that the signature says; the batch is `Runtime.batch` samples,
                or fewer where the runtime takes fewer.

        Returns:
            By name, (batch, ...) in the dtype that the signature says.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Base of every runtime: a frozen dataclass whose fields are its options. Declared with `@runtime("name")`."""

    name: ClassVar[str] = ""
    kinds: ClassVar[tuple[str, ...]] = ()
    """Kinds of artifact that it executes."""
    usual: ClassVar[bool] = False
    """Whether it executes them where no target names another."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tools by import name, whose versions decide outputs."""
    light: ClassVar[bool] = True
    """Whether it runs without TensorFlow, in any process, a part of a split each."""
    batch: ClassVar[int] = 1
    """Samples that it is given at a time."""
    whole_batches: ClassVar[bool] = True
    """Whether a batch must have that many, so that the last one of a split is filled up."""
    alone: ClassVar[bool] = False
    """Whether one process at a time runs it, because it executes on a device of which there is one."""

    def check(self) -> None:
        """Check that this machine has what the runtime needs besides `needs`, where a user names it; asks no device.

        Raises:
            MissingTool: something is not there; says how to get it.
            RecipeError: an option is missing.
        """

    def key(self) -> Mapping[str, Any]:
        """Give what decides outputs besides the model, this runtime's code and options, and its tools, as JSON.

        Asked before a measurement and again after it: where the two differ, nothing is kept.

        Raises:
            TflbuildError: it executes on a device that is not there.
        """
        return {}

    def peer(self) -> Runtime | None:
        """Give the runtime that must compute the same bytes, with which deliveries are compared; None for none."""
        return None

    def others(self) -> Mapping[str, Runtime]:
        """Give the same runtime with its other kernels, by their names; the distance between them is measured."""
        return {}

    def open(self, model: Artifact) -> Execution:
        """Load a model; runs in a worker.

        Raises:
            PassError: it cannot be executed.
        """
        raise NotImplementedError

    def prove(self, model: Artifact) -> None:
        """Check that this runtime executes a file that a pass has just written.

        Raises:
            BrokenPromise: it is not.
        """

    def latency(self, model: Artifact) -> Mapping[str, Any] | None:
        """Time a model, warm: `median` and `p90` in ms, `runs`, ...; None where this runtime has no clock."""
        return None


def usual_runtime(kind: str) -> type[Runtime]:
    """Find the runtime that executes artifacts of a kind where no target names another.

    Raises:
        PassError: nothing can.
    """
    for _, found in RUNTIMES.items():
        if found.usual and kind in found.kinds:
            return found
    raise PassError(f"no runtime can execute a model of kind {kind}; convert it first.")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def runtime(name: str) -> Callable[[type[R]], type[R]]:
    """Give the class decorator that declares a runtime under a name."""
    return RUNTIMES.declare(name)
