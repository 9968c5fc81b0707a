"""The head of EfficientDet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from tflbuild.core.field_checks import Check, number, one_of, rows_of, text, whole
from tflbuild.tasks.detection.heads.head import Coded, Found, Given, Head, head

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tflbuild.tflite.assembly import Assembly

Factor = Annotated[float, Gt(0)]

LEVELS = (3, 4, 5, 6, 7)
ANCHORS = 9
"""Anchors of a cell: three octaves of three shapes."""


@head("efficientdet")
class EfficientDet(Head):
    """Boxes (y, x, log height, log width) by anchors that follow from the levels, and logits of classes.

    One tensor (1, anchors, 4) and one (1, anchors, classes), or one of each a level, (1, rows, columns, 9 * 4) and (1,
    rows, columns, 9 * classes). Anchors of a cell: `octaves` times `ratios`, of sides
    `anchor_scale * stride * 2^(octave / octaves)` times a ratio's.

    References:
        Tan et al., EfficientDet: Scalable and Efficient Object Detection, 2020.
        google/automl, `efficientdet/tf2/anchors.py`.
    """

    checks: ClassVar[Mapping[str, Check]] = {
        "boxes": rows_of(text(1 << 10), 8),
        "scores": rows_of(text(1 << 10), 8),
        "levels": rows_of(whole(1, 10), 8),
        "octaves": whole(1, 4),
        "ratios": rows_of(rows_of(number(above=0), 2, least=2), 8),
        "anchor_scale": number(above=0),
        "order": one_of("octave", "ratio"),
        "activation": one_of("auto", "none", "sigmoid"),
    }

    boxes: tuple[str, ...] = ()
    """Names of the outputs with boxes, one, or one for each level. Empty: recognised by their shapes."""
    scores: tuple[str, ...] = ()
    """Names of the outputs with scores, likewise."""
    levels: tuple[Annotated[int, Ge(1), Le(10)], ...] = LEVELS
    """Levels of the pyramid; level n has one cell for 2^n pixels. [levels]"""
    octaves: Annotated[int, Ge(1), Le(4)] = 3
    """Sizes of anchors for each level. [sizes]"""
    ratios: tuple[tuple[Factor, Factor], ...] = ((1.0, 1.0), (1.4, 0.7), (0.7, 1.4))
    """Width and height of each shape of anchor, as factors of its size. [factor]"""
    anchor_scale: Factor = 4.0
    """Side of the smallest anchor of a level, in its stride. [strides]"""
    order: Literal["octave", "ratio"] = "octave"
    """Order of a cell's anchors: by `octave` first, or by `ratio` first, as in the TensorFlow Object Detection
    API."""
    activation: Literal["auto", "none", "sigmoid"] = "auto"
    """Activation that scores still need: `none` or `sigmoid`. `auto`: told by the outputs on real images."""

    @classmethod
    def recognise(cls, given: Given, said: Mapping[str, Any]) -> Found | None:
        """Find as many boxes as nine anchors a cell of all levels."""
        maps = _maps(given, tuple(said.get("levels", LEVELS)))
        each = int(said.get("octaves", 3)) * len(said.get("ratios", (0, 0, 0)))
        count = each * sum(rows * columns for rows, columns in maps)
        roles = _joined(given, count) or _by_level(given, maps, each)
        if roles is None:
            return None
        boxes, scores, classes = roles
        options = {"boxes": boxes, "scores": scores, **said}
        strides = ", ".join(str(1 << level) for level in said.get("levels", LEVELS))
        evidence = f"{count} rows of 4 numbers are {each} anchors of the cells of strides {strides}"
        return Found(options, classes, f"efficientdet, {count} anchors, {classes} classes", evidence)

    def reads(self) -> tuple[str, ...]:
        """Name the outputs that are read."""
        return (*self.boxes, *self.scores)

    def settled(self, outputs: Mapping[str, Any], given: Given) -> tuple[Mapping[str, Any], list[str]]:
        """Settle whether scores are logits."""
        if self.activation != "auto":
            return {}, []
        low = min(float(outputs[name].min()) for name in self.scores)
        high = max(float(outputs[name].max()) for name in self.scores)
        activation = "none" if low >= -1e-3 and high <= 1 + 1e-3 else "sigmoid"
        return {"activation": activation}, [f"scores lie in {low:.3g}..{high:.3g}: activation {activation}"]

    def decode(self, assembly: Assembly, given: Given) -> Coded:
        """Join levels; the final operator decodes them."""
        boxes, scores = _flat(assembly, self.boxes, 4), _flat(assembly, self.scores, 0, self.anchors_each)
        if self.activation == "sigmoid":
            scores = assembly.unary("LOGISTIC", scores)
        return Coded(boxes, scores, self.laid(given))

    @property
    def anchors_each(self) -> int:
        """Count the anchors of a cell."""
        return self.octaves * len(self.ratios)

    def laid(self, given: Given) -> npt.NDArray[np.float32]:
        """Lay anchors over all cells: (anchors, 4) ycenter, xcenter, height, width in 0..1."""
        import numpy as np

        from tflbuild.tasks.detection.heads import coding

        picture = np.array([given.height, given.width], np.float64)
        tiles = []
        for level, (rows, columns) in zip(self.levels, _maps(given, self.levels), strict=True):
            stride = 1 << level
            pairs = [
                (self.anchor_scale * stride * 2 ** (octave / self.octaves), ratio)
                for octave in range(self.octaves)
                for ratio in self.ratios
            ]
            if self.order == "ratio":
                pairs = [
                    pairs[o * len(self.ratios) + r]
                    for r in range(len(self.ratios))
                    for o in range(self.octaves)
                ]
            sides = np.array([(side * height, side * width) for side, (width, height) in pairs])
            centres = (np.repeat(coding.cells(rows, columns), len(sides), axis=0) + 0.5) * stride
            tiles.append(
                np.concatenate([centres / picture, np.tile(sides, (rows * columns, 1)) / picture], axis=1)
            )
        return np.concatenate(tiles).astype(np.float32)


def _maps(given: Given, levels: tuple[Annotated[int, Ge(1), Le(10)], ...]) -> list[tuple[int, int]]:
    return [(-(-given.height // (1 << level)), -(-given.width // (1 << level))) for level in levels]


def _joined(given: Given, count: int) -> tuple[list[str], list[str], int] | None:
    shapes = given.outputs
    if len(shapes) != 2 or any(len(shape) != 3 or shape[1] != count for shape in shapes.values()):
        return None
    boxes = [name for name, shape in shapes.items() if shape[2] == 4]
    if len(boxes) == 2:
        boxes = [name for name in boxes if "box" in name.lower()]
    if len(boxes) != 1:
        return None
    (scores,) = (name for name in shapes if name != boxes[0])
    return boxes, [scores], shapes[scores][2]


def _by_level(
    given: Given, maps: list[tuple[int, int]], each: int
) -> tuple[list[str], list[str], int] | None:
    shapes = given.outputs
    if len(shapes) != 2 * len(maps) or any(len(shape) != 4 for shape in shapes.values()):
        return None
    boxes, scores = [], []
    for place in maps:
        here = [name for name, shape in shapes.items() if shape[1:3] == place]
        four = [name for name in here if shapes[name][3] == 4 * each]
        if len(here) != 2 or len(four) != 1:
            return None
        boxes += four
        scores += [name for name in here if name not in four]
    widths = {shapes[name][3] for name in scores}
    if len(widths) != 1 or next(iter(widths)) % each:
        return None
    return boxes, scores, next(iter(widths)) // each


def _flat(assembly: Assembly, names: tuple[str, ...], width: int, each: int = 1) -> str:
    """Join levels as (1, anchors, numbers)."""
    flat = []
    for name in names:
        shape = assembly.shape(name)
        if len(shape) == 4:
            numbers = width or shape[3] // each
            name = assembly.reshape(name, (1, shape[1] * shape[2] * shape[3] // numbers, numbers))
        flat.append(name)
    return assembly.join(flat, 1)
