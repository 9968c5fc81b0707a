"""Describe a Keras model by its file's header, in words and in values: outputs, pixels, layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.config import MALFORMED, outputs_of
from tflbuild.formats.keras.ends import End, ends_of, rank_of
from tflbuild.formats.keras.front import Front, changes_of, front_of
from tflbuild.formats.keras.keras3.file import Origin


class Header(Protocol):
    """The part of `tflbuild.formats.keras.header.Header` that a description needs."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The model's class and configuration, as Keras writes them."""

    @property
    def version(self) -> str:
        """The Keras that wrote it."""

    @property
    def origin(self) -> Origin | None:
        """Give the source of a file of Keras 3; None for one of tf_keras."""


@dataclass(frozen=True)
class Description:
    """The outputs, pixels and layers of a model, as its file's header shows them.

    Attributes:
        ends: what each output is; empty where the configuration cannot be walked.
        ranks: axes of each output, the batch included; None where it does not show.
        names: of the layers that give the outputs.
        single: whether the one output is one number.
        front: what the model does to its pixels.
        changes: what is otherwise when the model is taken in.
    """

    ends: tuple[End, ...] = ()
    ranks: tuple[int | None, ...] = ()
    names: tuple[str, ...] = ()
    single: bool = False
    front: Front = field(default_factory=Front)
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def task(self) -> str:
        """Detection for two outputs that are no vectors, classification for one, "" for what is neither."""
        if len(self.ends) == 2 and self.ranks != (2, 2):
            return "detection"
        return "classification" if len(self.ends) == 1 else ""

    def check(self, path: str, stated: str) -> None:
        """Refuse a model whose outputs are those of no task, or are another thing than was stated.

        Raises:
            RecipeError: it names the file, and what would be right.
        """
        if not self.ends:
            raise RecipeError(
                f"model.path: the graph of '{path}' cannot be followed from its outputs to its input."
            )
        if not self.task:
            heads = {2: "two heads"}.get(len(self.ends), f"{len(self.ends)} outputs")
            named = " and ".join(f"'{plain(name)}'" for name in self.names)
            raise RecipeError(
                f"model.path: '{path}' has {heads}, {named}, and is neither a classifier (one output) nor "
                f"a detector (boxes and class scores); keep one output, e.g. tf_keras.Model(model.input, "
                f"model.outputs[0])."
            )
        kind, evidence = self.ends[0].kind, plain(self.ends[0].evidence)
        if len(self.ends) == 2:
            if stated != "auto":
                raise RecipeError(f"model.outputs: it is {stated}, but '{path}' is a detector; leave it out.")
        elif kind == "unknown" and stated == "auto":
            raise RecipeError(
                f"model.outputs: the graph of '{path}' does not show what its outputs are: {evidence}; set "
                f"model.outputs to logits, softmax or sigmoid."
            )
        elif stated not in ("auto", kind) and kind != "unknown":
            raise RecipeError(
                f"model.outputs: it is {stated}, but in '{path}' {evidence}, so its outputs are {WORDS[kind]}; "
                f"set model.outputs={kind}, or leave it out."
            )

    @property
    def pixels(self) -> str:
        """The pixels that the model takes, in words; "" where it scales nothing itself."""
        return {"raw": "raw pixels, 0..255", "unit": "pixels in 0..1"}.get(self.front.takes, "")

    def preprocess(self) -> Mapping[str, Any]:
        """Give scale and offset of the pixels that the model takes; {} where it scales nothing itself."""
        return self.front.preprocess() or {}

    def recognised(self, stated: str, preprocess: Mapping[str, Any]) -> list[dict[str, str]]:
        """List what was recognised, each with `what`, `value` and `evidence`.

        Args:
            stated: `model.outputs`.
            preprocess: scale and offset that the file says, {} for none.
        """
        found = [self._outputs(stated)] if self.ends else []
        if self.front.takes:
            found.append(("preprocess", self.pixels, self.front.evidence))
        elif preprocess:
            value = f"scale {preprocess.get('scale', 1):g}, offset {preprocess.get('offset', 0):g}"
            found.append(("preprocess", value, "the facts in the file"))
        found += [("layers", value, evidence) for value, evidence in self.changes]
        return [
            {"what": what, "value": plain(value), "evidence": plain(evidence)}
            for what, value, evidence in found
        ]

    def _outputs(self, stated: str) -> tuple[str, str, str]:
        end = self.ends[-1]
        kind = end.kind if end.kind != "unknown" else stated
        said = "" if end.kind != "unknown" else "model.outputs says so; "
        if len(self.ends) == 2:
            scores = "; scores are the sigmoid of the model's logits" if kind == "logits" else ""
            return (
                "outputs",
                f"boxes and class {'scores' if kind == 'sigmoid' else kind}",
                f"{end.evidence}{scores}",
            )
        if self.single:
            one = "p" if kind == "sigmoid" else "the logit of p"
            return "outputs", kind, f"{said}{end.evidence} and gives one number, {one}; scores are (1 - p, p)"
        scores = "; scores are the softmax of the model's logits" if kind == "logits" else ""
        return "outputs", kind, f"{said}{end.evidence}{scores}"


WORDS = {
    "logits": "logits",
    "softmax": "probabilities that add up to 1",
    "sigmoid": "independent probabilities",
}


def described(header: Header, *, exported: bool = False) -> Description:
    """Describe a model by its header; an empty description where the configuration is not one of Keras.

    Args:
        header: of the file.
        exported: whether Keras 3 is to export it, and tf_keras not to load it.
    """
    config = header.config
    try:
        places = outputs_of(config)
        return Description(
            ends=tuple(ends_of(config)),
            ranks=tuple(rank_of(place) for place in places),
            names=tuple(place.layer.name for place in places),
            single=len(places) == 1 and units_of(places[0]) == 1,
            front=front_of(config),
            changes=_exported(header.origin, exported) or (*_translation(header), *changes_of(config)),
        )
    except MALFORMED:
        return Description()


def _exported(origin: Origin | None, asked: bool) -> tuple[tuple[str, str], ...]:
    if origin is None or not (origin.lacking or asked):
        return ()
    reason = origin.reason or "model.format says so"
    said = f"{reason}; the result is compared with what it computes in Keras 3; no pass can train it"
    return (("exported by Keras 3 as a SavedModel, in float32", said),)


def _translation(header: Header) -> list[tuple[str, str]]:
    if header.origin is None:
        return []
    said = f"Keras {header.version} saved it; the result is compared with what it computes there"
    return [("translated to tf_keras", said)]


def units_of(place: Any) -> int | None:
    """Give how many numbers an output has for each image, where a dense layer gives it; None for others."""
    seen = 0
    while place.layer.kind in ("Activation", "Dropout") or place.layer.operation in ("sigmoid", "cast"):
        given = place.given()
        seen += 1
        if len(given) != 1 or seen > 100:
            return None
        place = given[0]
    units = place.layer.config.get("units")
    return units if isinstance(units, int) else None
