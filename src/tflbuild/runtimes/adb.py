"""LiteRT's benchmark_model on a phone behind adb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tflbuild.backends.android.options import PhoneOptions
from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime

if TYPE_CHECKING:
    from tflbuild.backends.android.setup import Setup


@runtime("adb")
class Adb(PhoneOptions, Runtime):
    """Execute a `.tflite` on a phone, by LiteRT's benchmark_model; target `android` gives its options.

    Samples are pushed in batches, and a script on the phone runs the program once for each of them.
    """

    kinds = ("TFLiteModel",)
    needs = ("ai_edge_litert", "numpy")
    batch = 64
    whole_batches = False
    alone = True

    def check(self) -> None:
        """Hold this machine to having adb and benchmark_model; no phone is asked."""
        self._setup().check()

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
