"""LiteRT's benchmark_model on a phone behind adb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime

if TYPE_CHECKING:
    from tflbuild.backends.android.setup import Setup


@runtime("adb")
class Adb(Runtime):
    """Execute a `.tflite` on a phone, by LiteRT's benchmark_model; target `android` gives its options.

    Samples are pushed in batches, and a script on the phone runs the program once for each of them.
    """

    kinds = ("TFLiteModel",)
    needs = ("ai_edge_litert", "numpy")
    batch = 64
    whole_batches = False
    alone = True

    adb: str = "adb"
    """Android's program adb: its name on the PATH, or its path."""
    serial: str = ""
    """Serial of the phone, as `adb devices` lists it. Empty: the only one that is attached."""
    benchmark: str = ""
    """Path of LiteRT's benchmark_model, built for the phone's ABI. Empty: refused when it is needed."""
    delegate: Literal["xnnpack", "builtin", "gpu", "nnapi"] = "xnnpack"
    """Delegate that executes the operators that it takes; `builtin` are LiteRT's own kernels alone."""
    threads: Annotated[int, Ge(1), Le(64)] = 1
    """Threads of the interpreter on the phone. [threads]"""
    flags: tuple[str, ...] = ()
    """Further flags of benchmark_model, such as `--gpu_precision_loss_allowed=false`."""
    affinity: str = ""
    """Processors that it may run on, as a mask of `taskset` in hexadecimal digits. Empty: all."""
    folder: str = "/data/local/tmp"
    """Folder of the phone that a folder of ours is made in, and removed from at the end."""
    timeout: Annotated[int, Ge(1), Le(86_400)] = 600
    """Time that one command on the phone may take, such as a batch of samples. [seconds]"""

    def key(self) -> Mapping[str, Any]:
        """Ask the phone what it is; the digest of its benchmark_model, too."""
        from tflbuild.backends.android.benchmark import device

        return {"device": device(self._setup())}

    def open(self, model: Artifact) -> Execution:
        """Give what pushes, runs and pulls."""
        from tflbuild.backends.android.benchmark import Loaded
        from tflbuild.core.signature import Signature
        from tflbuild.runtimes.interpreter import output_shapes
        from tflbuild.tflite import flatbuffer

        signature = Signature.from_json(flatbuffer.signature(model.path))
        return Loaded(self._setup(), model.path, signature, output_shapes(model.path))

    def _setup(self) -> Setup:
        from tflbuild.backends.android.setup import Setup

        return Setup(**vars(self))
