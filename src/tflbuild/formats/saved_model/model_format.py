"""TensorFlow's SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tflbuild.core.model_format import Asked, Description, Format, model_format


@model_format("saved_model")
class SavedModel(Format):
    """A SavedModel of TensorFlow: a folder with `saved_model.pb`, or a zip archive of one, with any signature.

    Its graph and all of its functions are read before anything is loaded, and operators that do more than compute are
    refused by name. Exports of the Object Detection API (`exporter_main_v2`, `export_tflite_graph_tf2`) are cut before
    their suppression, as their graph and the `pipeline.config` beside them say.
    """

    suffixes: ClassVar[tuple[str, ...]] = ("a folder with saved_model.pb", ".zip")
    kind: ClassVar[str] = "TFLiteModel"
    loader: ClassVar[str] = "load_saved_model"

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Look for `saved_model.pb` in a folder, in `saved_model/` below it, or among the members of an archive."""
        from tflbuild.formats.saved_model import source

        return source.holds(path, beginning)

    def describe(self, path: Path) -> Description:
        """Read its one signature, its graph, and the configuration and labels beside it."""
        return self.describe_as(path, Asked())

    def describe_as(self, path: Path, asked: Asked) -> Description:
        """Read a signature, the graph behind it, and the configuration and labels beside it."""
        from tflbuild.formats.saved_model import description

        return description.describe(path, asked)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Name the graph, the variables, and the texts beside them."""
        from tflbuild.formats.saved_model.source import Source

        return Source(path).files()
