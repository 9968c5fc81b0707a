"""The user's own model."""

from __future__ import annotations

from dataclasses import asdict, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.compiler_pass import Architecture, architecture
from tflbuild.core.errors import RecipeError
from tflbuild.vision.detector import AnchorOptions, Postprocess

if TYPE_CHECKING:
    from tflbuild.backends.keras_header import Header


@architecture("keras")
class KerasFile(Architecture):
    """Start from a model that was trained elsewhere: a functional tf_keras model in `.h5` or `.keras`.

    A classifier takes (1, height, width, 3) and gives (1, classes), with or without a final softmax. A detector
    gives two outputs, `box_encodings` (1, anchors, 4), coded with scales 10, 10, 5, 5, and class logits
    (1, anchors, classes) before their sigmoid; a file that tflbuild wrote says how they become boxes, for
    any other `feature_maps`, `anchors` and `postprocess` say it. Classes are the data's, in its order, and
    `data.preprocess` must be what the model was trained with.
    """

    path: str = ""  # the file; required
    feature_maps: tuple[
        tuple[int, int], ...
    ] = ()  # rows and columns, the finest first; of a detector made elsewhere
    anchors: AnchorOptions = field(default_factory=AnchorOptions)  # of a detector made elsewhere
    postprocess: Postprocess = field(default_factory=Postprocess)  # of a detector made elsewhere

    def __post_init__(self) -> None:
        """Say the task, where the file tells it, so that a plan can compare it with the data's."""
        if Path(self.path).is_file():
            object.__setattr__(
                self, "task", "detection" if len(self._header().outputs()) == 2 else "classification"
            )

    def check(self) -> None:
        """Refuse a missing file and a model that no pass could take."""
        if not self.path:
            raise ValueError("path: is needed; set model.path=FILE to a .h5 or .keras file of tf_keras")
        from tflbuild.backends import keras_header

        keras_header.check(self._header(), Path(self.path))

    def resolution(self) -> int:
        """Give the input's longer side in pixels."""
        return max(side or 0 for side in self._header().inputs()[0][:2])

    def files(self) -> tuple[Path, ...]:
        """Name the model's file."""
        return (Path(self.path),)

    def listed_labels(self) -> dict[str, tuple[str, ...]]:
        """Give the class names that the model's file tells, and those of lists beside it."""
        labels = self._header().facts.get("labels")
        known = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
        return ({Path(self.path).name: tuple(labels)} if known and labels else {}) | super().listed_labels()

    def build(self, classes: int) -> Any:
        """Load the model, with its weights.

        Raises:
            RecipeError: it cannot be loaded, or its outputs are not those of a classifier or detector of `classes`
                classes.
        """
        from tflbuild.backends import keras

        self.check()
        model = keras.load(Path(self.path))
        shapes = [tuple(output.shape) for output in model.outputs]
        detects = len(shapes) == 2 and all(len(shape) == 3 for shape in shapes)
        wanted = (
            f"(1, {classes}) of a classifier, or (1, anchors, 4) and (1, anchors, {classes}) of a detector"
        )
        right = detects and shapes[0][1] == shapes[1][1] and shapes[0][2] == 4 and shapes[1][2] == classes
        if not right and [shape[1:] for shape in shapes] != [(classes,)]:
            given = " and ".join(str((1, *shape[1:])) for shape in shapes)
            raise RecipeError(f"model.path: '{self.path}' gives {given}; the data want {wanted}.")
        if detects and self._header().outputs()[1] in ("sigmoid", "softmax"):
            raise RecipeError(
                f"model.path: the class scores of '{self.path}' are probabilities already; end the model with logits."
            )
        return model

    def detector(self, model: Any) -> dict[str, Any]:
        """Take how outputs become boxes from the file or from the options; {} for a classifier.

        Raises:
            RecipeError: neither says it, or the anchors are not as many as the model's.
        """
        if len(model.outputs) == 1:
            return {}
        embedded = self._header().facts.get("detector")
        if embedded and not self.feature_maps:
            return dict(embedded)
        self._count_anchors(model.outputs[0].shape[1])
        return {
            "feature_maps": [list(shape) for shape in self.feature_maps],
            "anchors": asdict(self.anchors),
            "postprocess": asdict(self.postprocess),
        }

    def _count_anchors(self, found: int) -> None:
        from tflbuild.vision.anchors import boxes_per_cell

        if not self.feature_maps:
            raise RecipeError(
                f"model.feature_maps: '{self.path}' does not say where its {found} anchors lie; set e.g. "
                f"model.feature_maps=[[6,6],[3,3]], rows and columns of each map, the finest first, and model.anchors."
            )
        counts = boxes_per_cell(len(self.feature_maps), self.anchors)
        total = sum(
            rows * columns * count for (rows, columns), count in zip(self.feature_maps, counts, strict=True)
        )
        if total != found:
            raise RecipeError(
                f"model.feature_maps: with model.anchors they give {total} anchors, but '{self.path}' has {found}."
            )

    def _header(self) -> Header:
        from tflbuild.backends import keras_header

        return keras_header.read(Path(self.path))
