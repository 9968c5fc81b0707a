"""The user's own model, of any format that is recognised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core import label_list
from tflbuild.core.architecture import UNLABELLED, architecture, contradicted
from tflbuild.core.artifact import KINDS
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description, Format
from tflbuild.core.plain_text import plain
from tflbuild.core.task import TASKS
from tflbuild.models.keras_file import CLASSIFIED, KerasFile
from tflbuild.tasks.detection.detector import Postprocess

if TYPE_CHECKING:
    from tflbuild.formats.known import Known

STORED = ("float16", "dynamic", "fake")
"""Schemes of files that compute in floats, and store their weights otherwise or round while they run."""

MOST_AXES = 8

SUPPRESSED = {"detection_boxes", "detection_scores"}
"""Outputs of a detector behind suppression, as its head names them."""

USUAL = (("type", "auto"), ("suppression", "file"))
"""Options of a head that need not be said."""

NEAR = 1e-5
"""Difference of two numbers, relative or not, that comes of writing them in few digits."""


@architecture("file")
class File(KerasFile):
    """Start from a model of any format that is recognised by its content: `.h5`, `.tflite`, `.onnx`, a SavedModel.

    What the file is, what goes in and what comes out is read off its signature, its graph and its metadata, and said
    with the evidence; `preprocess.*` and `outputs` (of a classifier) say it where the file does not. A float `.tflite`
    goes to the passes that quantize as it is, and `convert` is left out; one that is quantized goes through
    `dequantize` before it is quantized anew. On data without labels, outputs that are
    neither scores nor detections are kept as they are, and the result is held to the file's own outputs (`fidelity`).

    A detector whose outputs are boxes and scores before suppression is recognised by their names and shapes, or said:
    `model.head=yolo model.head.strides=[8,16,32]`; `head.suppression` is `file`, where the delivered file decodes and
    suppresses, or `caller`, where it gives what the model gives. See docs/heads.md.

    `signature` names the one of several that is built, `shape` gives the sides that a file leaves open, the batch
    first: `model.shape=[1,192,192,3]`. A file of Keras 3 is translated to tf_keras; where the translation computes
    otherwise, Keras 3 itself exports it, as with `format=keras3_export`. The other options are those of `model=keras`,
    for a detector in a Keras file.
    """

    format: str = ""
    """Name of the file's format, one of `tflbuild list formats`. Empty: recognised by its content."""
    signature: str = ""
    """Name of the signature to build, of a file that has several. Empty: the only one."""
    shape: tuple[int, ...] = ()
    """Shape of the one input where the file leaves sides open, in its own order, the batch first and 1, e.g.
    [1, 192, 192, 3]. Empty: as the file says. [elements along each axis]"""
    head: str | Mapping[str, Any] = field(default_factory=dict)
    """How a detector's outputs before suppression become boxes: the name of a head, or a mapping of `type`,
    `suppression` (`file` or `caller`) and the head's options. Empty: recognised by names and shapes; see
    docs/heads.md."""

    def __post_init__(self) -> None:
        """Say the task, where the file tells it, so that a plan can compare it with the data's."""
        if self.path and Path(self.path).exists():
            try:
                task = self.description.task
            except (RecipeError, ValueError):  # `check` says it
                return
            object.__setattr__(self, "task", task)

    def check(self) -> None:
        """Refuse a missing file, and one that is of no format or broken."""
        if not self.path:
            raise ValueError(
                "path: required; set model.path=FILE to a .tflite, .onnx, .pt2, .h5 or .keras file, or to a "
                "SavedModel folder"
            )
        if self.shape and (min(self.shape) < 1 or self.shape[0] != 1 or len(self.shape) > MOST_AXES):
            raise ValueError(
                f"shape: {list(self.shape)} is not a shape of one sample; the first side is the batch, 1, e.g. "
                f"[1,192,192,3]"
            )
        found = self.description  # which checks the file, and holds `outputs`, `signature` and `shape` to it
        if self.postprocess != Postprocess() and found.head.get("outputs", {}).keys() >= SUPPRESSED:
            raise ValueError(
                f"postprocess: '{plain(self.path)}' says itself how its boxes are suppressed; leave it out, or change "
                f"the pipeline.config of an export"
            )

    def files(self) -> tuple[Path, ...]:
        """Name the files that the model consists of, and the lists of class names beside it."""
        path = Path(self.path)
        return (*self.recognised_format.files(path), *label_list.files_beside(path))

    @property
    def asked(self) -> Asked:
        """Give what the recipe says where the file leaves it open."""
        return Asked(self.signature, self.shape)

    @property
    def recognised_format(self) -> Format:
        """Give the format of the file."""
        return self._known.kind

    def otherwise(self) -> Mapping[str, str]:
        """Give the options of the format that takes the file, too; {} where none does."""
        other = self.recognised_format.otherwise(Path(self.path))
        return {"format": other} if other else {}

    @property
    def description(self) -> Description:
        """Give what the file says and shows, and what `outputs` says where it does not.

        Raises:
            RecipeError: the file is of no format, or broken.
            ValueError: `outputs` contradicts it.
        """
        from tflbuild.formats.stating import stated

        found = self._known.description
        if self.outputs != "auto":
            return stated(found, self.outputs)
        if not found.task or self.said_of_head:
            from tflbuild.models.raw_heads import with_head

            whole = KINDS[self.recognised_format.kind].whole
            return with_head(found, self.said_of_head, self.postprocess, whole=whole)
        return found

    @property
    def said_of_head(self) -> Mapping[str, Any]:
        """Give what the recipe says of the head: `type` and options, without those that are so by default."""
        said = {"type": self.head} if isinstance(self.head, str) else self.head
        return {name: value for name, value in said.items() if (name, value) not in USUAL}

    def head_of(self, model: Any) -> dict[str, Any]:
        """Take how a Keras detector's outputs become boxes from the file or from the options, and who suppresses."""
        found = super().head_of(model)
        said = {name: value for name, value in self.said_of_head.items() if name == "suppression"}
        return {**found, **said} if found else found

    def starts(self) -> Pass:
        """Give the pass that takes the file in."""
        return PASSES.get(self.recognised_format.loader)()

    def quantized(self) -> str:
        """Name the scheme of a file that computes in integers already; "" for one that computes in floats."""
        scheme = self.description.quantized
        return "" if scheme in STORED else scheme

    def restores(self) -> Pass | None:
        """Give the pass that makes the float model of a file that is quantized, in whatever way."""
        return PASSES.get("dequantize")() if self.description.quantized else None

    def task_on(self, task: str) -> str:
        """Name the task of the outputs: of data without labels they are scores or detections, or stay as they are."""
        if task != UNLABELLED:
            return self.task or task
        head = self.description.head
        known = self.task and head and (head.get("scores") != "logits" or self.outputs != "auto")
        return self.task if known else UNLABELLED

    def refusal(self, task: str) -> str:
        """Say why the model cannot be used on data of a task; "" where it can."""
        if self.task or task == UNLABELLED:
            reason = super().refusal(task)
            return f"{reason} (data=images takes only pictures)" if reason else ""
        if not TASKS.get(task).recognised:
            reason = TASKS.get(task)().mismatch(self.description.signature)
            return f"the data are for {task}, and '{plain(self.path)}' cannot be: {reason}" if reason else ""
        found = [one.evidence for one in self.description.recognised if one.what == "task"]
        if found and task == CLASSIFIED and len(self.description.signature.outputs) == 1:
            found[0] += "; model.outputs=logits, softmax or sigmoid says that they are a classifier's scores"
        return f"the outputs of '{plain(self.path)}' are not recognised{f' ({found[0]})' if found else ''}"

    def misfit(self, modality: str, classes: Sequence[str]) -> str:
        """Say why the file cannot take the data's samples, or has other classes than they; "" where it fits."""
        from tflbuild.formats import fitting

        reason = fitting.misfit(self.description, modality, classes)
        return f"'{plain(self.path)}' {reason}" if reason else ""

    def resolution(self) -> int:
        """Give the longer side of the picture that goes in, in pixels; 0 where none does."""
        shapes = [spec.shape for spec in self.description.signature.inputs.values()]
        return max((max(shape[1:3]) for shape in shapes if len(shape) == 4), default=0)

    def listed_labels(self) -> dict[str, tuple[str, ...]]:
        """Give the class names that the file tells, and those of lists beside it."""
        return dict(self.description.labels)

    def preprocess(self) -> Mapping[str, Any]:
        """Give what the file says of how its one input is made."""
        inputs = list(self.description.inputs.values())
        return inputs[0][1] if len(inputs) == 1 else {}

    def warnings(self, preprocess: Mapping[str, Any]) -> list[str]:
        """Name what the recipe says of the input, and what the file says otherwise.

        Raises:
            RecipeError: the file itself computes so, and the pass that takes it in would find that it does.
        """
        asked = self.preprocess()
        differing = contradicted(asked, preprocess)
        if not differing:
            return []
        used = ", ".join(f"{option}={_typed(preprocess.get(option))}" for option in differing)
        right = " ".join(f"preprocess.{option}={_typed(asked[option])}" for option in differing)
        text = f"preprocess: this recipe has {used}, but '{self.path}' asks for {right}."
        if set(differing) & set(self.description.held):
            raise RecipeError(
                f"{text} Its own graph already does this: leave preprocess out, or set the same values."
            )
        return [text]

    @property
    def _known(self) -> Known:
        from tflbuild.formats.known import described

        return described(Path(self.path), self.asked, self.format)

    def recognised(self) -> list[dict[str, str]]:
        """List what was recognised in the file."""
        return [one.to_json() for one in self.description.recognised]


def _typed(value: Any) -> str:
    """Write a value as one types it behind a key."""
    return json.dumps(list(value) if isinstance(value, tuple) else value).replace('"', "")
