"""The user's own model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tflbuild.core.architecture import UNLABELLED, Architecture, architecture, contradicted
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import preprocess_in
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess

if TYPE_CHECKING:
    from tflbuild.formats.keras.description import Description
    from tflbuild.formats.keras.header import Header


CLASSIFIED = "classification"
"""The task that outputs are of which nobody says more of, where the data have classes."""


@architecture("keras")
class KerasFile(Architecture):
    """Start from a model that was trained elsewhere: a functional Keras model in `.h5` or `.keras`.

    A classifier takes (1, height, width, 3) and gives (1, classes). What its outputs are is read off its graph, through
    nested models, and held to what it says of real images: logits, probabilities that add up to 1 (`softmax`), or
    independent ones (`sigmoid`); `outputs` says it where the graph does not. Probabilities stay as they are; the scores
    of logits are their softmax. One output p, or its logit, is the probability of the second class: the scores are
    (1 - p, p).

    A detector gives two outputs, `box_encodings` (1, anchors, 4), coded with scales 10, 10, 5, 5, and (1, anchors,
    classes), logits or their sigmoid; a file that tflbuild wrote says how they become boxes, for any other
    `feature_maps`, `anchors` and `postprocess` say it. Classes are the data's, in its order.

    `data.preprocess` must be what the model was trained with. A model that scales pixels itself (`Rescaling`,
    `Normalization`, operations) takes them raw, and so `scale` is 1 and `offset` 0 where the recipe says neither.
    Nested models are flattened, augmentation is left out, half precision becomes float32; the float file is held to
    the model as it was loaded. A model of Keras 3 becomes one of tf_keras, layer by layer, and is held to what Keras 3
    computes; a layer without an equal in tf_keras is named, and `model=file` takes such a file.
    """

    path: str = ""
    """The model's file, which has to be given: `model.path=FILE`."""
    outputs: Literal["auto", "logits", "softmax", "sigmoid"] = "auto"
    """Kind of a classifier's outputs: `logits`, probabilities that add up to 1 (`softmax`) or independent ones
    (`sigmoid`). `auto`: what the model's graph shows."""
    feature_maps: tuple[tuple[int, int], ...] = ()
    """Rows and columns of a detector's feature maps, the finest first, e.g. [[12, 12], [6, 6]]; only for a
    detector in a Keras file that tflbuild did not write. [cells]"""
    anchors: AnchorOptions = field(default_factory=AnchorOptions)
    """Default boxes of such a detector's feature maps."""
    postprocess: Postprocess = field(default_factory=Postprocess)
    """The final suppression of a detector, done on the device by TFLite_Detection_PostProcess."""

    def __post_init__(self) -> None:
        """Say the task, where the file tells it, so that a plan can compare it with the data's."""
        if Path(self.path).is_file():
            object.__setattr__(self, "task", self._description().task)

    def check(self) -> None:
        """Refuse a missing file and a model that no pass could take."""
        if not self.path:
            raise ValueError("path: required; set model.path=FILE to a .h5 or .keras file of Keras")
        from tflbuild.formats.keras import header as keras_header

        keras_header.check(self._header(), Path(self.path))
        self._description().check(self.path, self.outputs)

    def resolution(self) -> int:
        """Give the input's longer side in pixels."""
        return max(side or 0 for side in self._header().inputs()[0][:2])

    def files(self) -> tuple[Path, ...]:
        """Name the model's file."""
        return (Path(self.path),)

    def starts(self) -> Pass:
        """Give the pass that loads the file."""
        return PASSES.get("load")()

    def listed_labels(self) -> dict[str, tuple[str, ...]]:
        """Give the class names that the model's file tells, and those of lists beside it."""
        labels = self._header().facts.get("labels")
        known = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
        return ({Path(self.path).name: tuple(labels)} if known and labels else {}) | super().listed_labels()

    def preprocess(self) -> Mapping[str, Any]:
        """Say which pixels the model takes: as its file's facts say, or raw where it scales them itself."""
        facts = preprocess_in(self._header().facts)
        known = {key: facts[key] for key in ("scale", "offset") if key in facts}
        return known or self._description().preprocess()

    def warnings(self, preprocess: Mapping[str, Any]) -> list[str]:
        """Name pixels that the data give, and others that the model takes by its graph."""
        found = self._description()
        asked = found.preprocess()
        differing = contradicted(asked, preprocess)
        if not differing:
            return []
        said = " and ".join(f"data.preprocess.{key}={preprocess.get(key):g}" for key in differing)
        right = " ".join(f"data.preprocess.{key}={asked[key]:g}" for key in differing)
        return [
            f"{said} contradicts the model, which takes {found.pixels}: {found.front.evidence}; leave it "
            f"out or set {right}, unless the model was trained this way."
        ]

    def recognised(self) -> list[dict[str, str]]:
        """Say what the file's graph shows of its outputs, its pixels and its layers."""
        return self._description().recognised(self.outputs, dict(self.preprocess()))

    def original(self) -> Any:
        """Load the user's model as it is, as a `tflbuild.backends.keras_reference.Reference`."""
        from tflbuild.backends import keras_intake
        from tflbuild.backends.keras_reference import Reference

        self.check()
        model = keras_intake.in_float32(self._loaded())
        reference = Reference.of(model, self.outputs, f"'{self.path}'", self.task)
        if self._header().origin is None:
            return reference
        from tflbuild.backends.keras3_reference import Keras3Reference

        return Keras3Reference.at(Path(self.path), reference)

    def build(self, classes: int) -> Any:
        """Load the model, with its weights, in the form that passes take.

        Raises:
            RecipeError: it cannot be loaded, or its outputs are not those of a classifier or detector of `classes`
                classes.
        """
        from tflbuild.backends import keras, keras_intake

        self.check()
        loaded = self._loaded()
        broken = keras.not_finite(loaded)
        if broken:
            raise RecipeError(
                f"model.path: {len(broken)} weights of '{self.path}' hold values that are not finite, the "
                f"first in '{broken[0]}'; its training probably diverged."
            )
        if keras.is_fake_quantized(loaded):
            return self._fitting(loaded, classes)
        taken = self._fitting(keras_intake.flat(keras_intake.in_float32(loaded)), classes)
        return (
            self._finished(taken)
            if self.task_on(CLASSIFIED if classes else UNLABELLED) != UNLABELLED
            else taken
        )

    def _loaded(self) -> Any:
        from tflbuild.backends import keras, keras_intake

        return keras_intake.with_plain_ends(keras.load(Path(self.path)))

    def _fitting(self, model: Any, classes: int) -> Any:
        """Hold a model's outputs to the number of classes; data without labels have none."""
        if not classes:
            return model
        shapes = [tuple(output.shape[1:]) for output in model.outputs]
        detects = len(shapes) == 2 and all(len(shape) == 2 for shape in shapes)
        right = detects and shapes[0][0] == shapes[1][0] and shapes[0][1] == 4 and shapes[1][1] == classes
        if right or shapes == [(classes,)] or (shapes == [(1,)] and classes == 2):
            return model
        wanted = (
            f"(1, {classes}) of a classifier, or (1, anchors, 4) and (1, anchors, {classes}) of a detector"
        )
        given = " and ".join(str((1, *shape)) for shape in shapes)
        raise RecipeError(f"model.path: '{self.path}' gives {given}; the data want {wanted}.")

    def _finished(self, model: Any) -> Any:
        """Bring outputs into the form that passes know: two logits or more, probabilities, or a detector's logits."""
        from tflbuild.backends import keras_intake

        ends = keras_intake.ends_of(model)
        if len(ends) == 2:
            return self._with_class_logits(model, ends[1].kind)
        kind = ends[0].kind if ends[0].kind != "unknown" else self.outputs
        if model.output_shape[-1] == 1:
            return keras_intake.two_scores(model, kind)
        return keras_intake.stated(model, kind) if ends[0].kind == "unknown" else model

    def _with_class_logits(self, model: Any, kind: str) -> Any:
        from tflbuild.backends import keras_intake

        logits = model if kind == "logits" else None
        if kind == "sigmoid":
            logits = keras_intake.without_sigmoid(model, 1)
        if logits is None:
            raise RecipeError(
                f"model.path: the class scores of '{self.path}' end in {kind}; end the model with logits, or with one "
                f"sigmoid for each class."
            )
        return logits

    def head_of(self, model: Any) -> dict[str, Any]:
        """Take how outputs become boxes from the file or from the options; {} for a classifier.

        Raises:
            RecipeError: neither says it, or the anchors are not as many as the model's.
        """
        if len(model.outputs) == 1:
            return {}
        embedded = self._header().facts.get("head")
        if embedded and not self.feature_maps:
            return dict(embedded)
        self._count_anchors(model.outputs[0].shape[1])
        return {
            "feature_maps": [list(shape) for shape in self.feature_maps],
            "anchors": asdict(self.anchors),
            "postprocess": asdict(self.postprocess),
        }

    def _count_anchors(self, found: int) -> None:
        from tflbuild.tasks.detection.anchors import boxes_per_cell

        if not self.feature_maps:
            raise RecipeError(
                f"model.feature_maps: '{self.path}' does not say where its {found} anchors are; set e.g. "
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

    def _description(self) -> Description:
        from tflbuild.formats.keras import description as keras_description

        return keras_description.described(self._header())

    def _header(self) -> Header:
        from tflbuild.formats.keras import header as keras_header

        return keras_header.read(Path(self.path))
