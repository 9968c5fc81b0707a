"""The head of SSD, RetinaNet and whatever codes boxes relative to anchors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Gt

from tflbuild.core.field_checks import Check, number, one_of, rows_of, text
from tflbuild.tasks.detection.heads.head import Coded, Found, Given, Head, head

if TYPE_CHECKING:
    from tflbuild.tflite.assembly import Assembly

MOST_ANCHORS = 1 << 17

Factor = Annotated[float, Gt(0)]

ZOO = ("anchors_concat", "bboxes_concat", "classes_softmax")
"""Outputs of the SSDs of STMicroelectronics' model zoo: corners that move by shares of their anchor's sides."""


@head("ssd")
class Ssd(Head):
    """Boxes coded relative to anchors, (1, anchors, 4), and scores (1, anchors, classes).

    Coders:
        `centre`: (y, x, log height, log width) by the anchor's, times `scales`, as in the TF Object Detection API.
        `corners`: each corner moves by a share of its anchor's side: `ymin = code * height + anchor's ymin`.

    Anchors are an output of the file, of the same value for every picture; or they are said, as `anchors` (rows of four
    numbers).

    References:
        Liu et al., SSD: Single Shot MultiBox Detector, 2016.
        STMicroelectronics/stm32ai-modelzoo, `object_detection`: how its SSDs decode corners.
    """

    checks: ClassVar[Mapping[str, Check]] = {
        "boxes": text(1 << 10),
        "scores": text(1 << 10),
        "anchors_output": text(1 << 10),
        "coder": one_of("centre", "corners"),
        "scales": rows_of(number(above=0), 4, least=4),
        "order": one_of("yx", "xy"),
        "background": one_of("first", "none"),
        "activation": one_of("auto", "none", "sigmoid", "softmax"),
        "anchor_form": one_of("centre", "corners"),
        "anchors": rows_of(rows_of(number(), 4, least=4), MOST_ANCHORS, least=0),
    }

    boxes: str = ""
    """Name of the output with the coded boxes. Empty: recognised by its shape."""
    scores: str = ""
    """Name of the output with the scores. Empty: recognised by its shape."""
    anchors_output: str = ""
    """Name of the output that gives the anchors. Empty: recognised, or `anchors` says them."""
    coder: Literal["centre", "corners"] = "centre"
    """How a box is coded: by `centre` and logarithm of its sides, or each of its `corners` as a share of its
    anchor's side."""
    scales: tuple[Factor, Factor, Factor, Factor] = (10.0, 10.0, 5.0, 5.0)
    """Factors that the codes of y, x, height and width were multiplied by, with coder=centre. [factor]"""
    order: Literal["yx", "xy"] = "yx"
    """Order of coordinates in codes and anchors: y before x, or x before y."""
    background: Literal["first", "none"] = "none"
    """Whether class 0 of the scores is the background (`first`) or an object (`none`)."""
    activation: Literal["auto", "none", "sigmoid", "softmax"] = "auto"
    """Activation that scores still need: `none`, `sigmoid` or `softmax`. `auto`: told by the outputs on real
    images."""
    anchor_form: Literal["centre", "corners"] = "centre"
    """How an anchor is written: `centre` and sides, or two `corners`."""
    anchors: tuple[tuple[float, ...], ...] = ()
    """The anchors themselves, rows of four numbers, where no output gives them. [fraction of the image]"""

    @classmethod
    def recognise(cls, given: Given, said: Mapping[str, Any]) -> Found | None:
        """Find as many rows of four numbers as rows of scores, and anchors."""
        roles = _roles(given, said)
        if roles is None:
            return None
        anchors = roles.get("anchors_output", "")
        count = given.outputs[roles["boxes"]][1]
        width = given.outputs[roles["scores"]][2]
        zoo = set(ZOO) <= set(given.outputs)
        if not anchors and not said.get("anchors"):
            raise ValueError(
                f"anchors: {count} rows of 4 numbers and {count} of {width} scores are coded boxes, and what they are "
                f"relative to is not an output; say it as model.head=ssd model.head.anchors=[[y,x,height,width],...]"
            )
        known: dict[str, Any] = {}
        if zoo:
            known = {"coder": "corners", "order": "xy", "background": "first", "anchor_form": "corners"}
        elif "coder" not in said and anchors:
            raise ValueError(
                f"coder: '{anchors}' gives anchors, and names and shapes do not say how boxes are coded; say "
                f"model.head=ssd model.head.coder=centre or corners, model.head.order=yx or xy, "
                f"model.head.background=first or none, model.head.anchor_form=centre or corners"
            )
        options = {**known, **roles, **said}
        classes = width - (options.get("background") == "first")
        shown = f"'{roles['boxes']}' and '{roles['scores']}' have {count} rows of 4 and {width} numbers"
        evidence = f"{shown}{f', and {anchors!r} their anchors' if anchors else ''}"
        if zoo:
            evidence += (
                "; the names are those of STMicroelectronics' model zoo, whose boxes are coded by corners"
            )
        return Found(options, classes, f"ssd, {count} anchors, {classes} classes", evidence)

    def reads(self) -> tuple[str, ...]:
        """Name the outputs that are read; anchors are constant by then."""
        return (self.boxes, self.scores)

    def constants(self) -> Mapping[str, str]:
        """Name the output that gives anchors."""
        return {self.anchors_output: "anchors"} if self.anchors_output and self.anchors else {}

    def settled(self, outputs: Mapping[str, Any], given: Given) -> tuple[Mapping[str, Any], list[str]]:
        """Take the anchors' values off the file, and settle which activation scores need."""
        import numpy as np

        known: dict[str, Any] = {}
        said = []
        if self.anchors_output and not self.anchors:
            rows = outputs[self.anchors_output]
            if not (rows == rows[:1]).all():
                raise ValueError(f"anchors_output: '{self.anchors_output}' is not the same for every picture")
            known["anchors"] = np.asarray(rows[0], np.float64).tolist()
            said.append(f"'{self.anchors_output}' is the same on {len(rows)} pictures: constant anchors")
        if self.activation == "auto":
            scores = outputs[self.scores]
            low, high = float(scores.min()), float(scores.max())
            plain = low >= -1e-3 and high <= 1 + 1e-3
            known["activation"] = (
                "none" if plain else ("softmax" if self.background == "first" else "sigmoid")
            )
            said.append(f"scores lie in {low:.3g}..{high:.3g}: activation {known['activation']}")
        return known, said

    def decode(self, assembly: Assembly, given: Given) -> Coded:
        """Add activation and order; corners are decoded, centres are what the final operator decodes itself."""
        import numpy as np

        from tflbuild.tasks.detection.heads import coding

        anchors = np.asarray(self.anchors, np.float32)
        swap = [1, 0, 3, 2] if self.order == "xy" else [0, 1, 2, 3]
        boxes, anchors = assembly.picked(self.boxes, swap), anchors[:, swap]
        scores = self._scores(assembly)
        if self.coder == "centre":
            if self.scales != (1.0, 1.0, 1.0, 1.0):
                boxes = assembly.binary("MUL", boxes, 1 / np.asarray(self.scales, np.float32))
            return Coded(boxes, scores, coding.centred(anchors) if self.anchor_form == "corners" else anchors)
        edges = anchors if self.anchor_form == "corners" else coding.cornered(anchors)
        sides = np.tile(edges[:, 2:] - edges[:, :2], (1, 2)).astype(np.float32)
        moved = assembly.binary("ADD", assembly.binary("MUL", boxes, sides[None]), edges[None])
        coded = coding.of_corners(assembly, assembly.part(moved, 0, 2), assembly.part(moved, 2, 2))
        return Coded(coded, scores, coding.unit_anchors(len(anchors)))

    def _scores(self, assembly: Assembly) -> str:
        scores = self.scores
        if self.activation == "softmax":
            scores = assembly.softmax(scores)
        elif self.activation == "sigmoid":
            scores = assembly.unary("LOGISTIC", scores)
        width = assembly.shape(scores)[2]
        return assembly.part(scores, 1, width - 1) if self.background == "first" else scores


def _roles(given: Given, said: Mapping[str, Any]) -> dict[str, str] | None:
    """Tell boxes, scores and anchors apart, by what is said, by names and by shapes; None where nothing does."""
    rows = {name: shape for name, shape in given.outputs.items() if len(shape) == 3 and shape[0] == 1}
    if len(rows) != len(given.outputs) or len({shape[1] for shape in rows.values()}) != 1:
        return None
    roles = {role: said[role] for role in ("boxes", "scores", "anchors_output") if said.get(role) in rows}
    left = [name for name in rows if name not in roles.values()]
    anchors = [
        name for name in left if rows[name][2] == 4 and ("anchor" in name.lower() or "prior" in name.lower())
    ]
    if len(anchors) == 1 and "anchors_output" not in roles:
        roles["anchors_output"] = anchors[0]
        left.remove(anchors[0])
    if "boxes" not in roles:
        four = [name for name in left if rows[name][2] == 4]
        four = (
            four
            if len(four) == 1
            else [name for name in four if "box" in name.lower() or "loc" in name.lower()]
        )
        if len(four) != 1:
            return None
        roles["boxes"] = four[0]
        left.remove(four[0])
    if "scores" not in roles and len(left) == 1:
        roles["scores"] = left[0]
        left = []
    return roles if "scores" in roles and not left else None
