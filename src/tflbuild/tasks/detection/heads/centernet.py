"""The head of CenterNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from tflbuild.core.field_checks import Check, one_of, text, whole
from tflbuild.tasks.detection.heads.head import Coded, Found, Given, Head, head

if TYPE_CHECKING:
    from tflbuild.tflite.assembly import Assembly

NAMES: Mapping[str, tuple[str, ...]] = {
    "heatmap": ("hm", "heat", "center", "class", "score"),
    "sizes": ("wh", "size", "scale"),
    "offsets": ("reg", "offset"),
}
"""Words in the names of outputs by role."""

SHARP = 1e6
"""Factor of what a cell lacks of the largest around it: one such millionth, and it is not a peak."""


@head("centernet")
class CenterNet(Head):
    """A map of classes whose peaks are centres of objects, with their sizes and offsets.

    They are (1, rows, columns, classes), and twice (1, rows, columns, 2). A cell is a centre of a class where no
    neighbour's score is higher; sizes and offsets are in cells.

    References:
        Zhou et al., Objects as Points, 2019.
    """

    checks: ClassVar[Mapping[str, Check]] = {
        "heatmap": text(1 << 10),
        "sizes": text(1 << 10),
        "offsets": text(1 << 10),
        "order": one_of("xy", "yx"),
        "activation": one_of("auto", "none", "sigmoid"),
        "reach": whole(1, 8),
    }

    heatmap: str = ""
    """Name of the output with a score for each cell and class. Empty: recognised."""
    sizes: str = ""
    """Name of the output with the sizes of objects. Empty: recognised by its name."""
    offsets: str = ""
    """Name of the output with the offsets of centres. Empty: recognised by its name."""
    order: Literal["xy", "yx"] = "xy"
    """Order of sizes and offsets: x before y, or y before x, as in the TensorFlow Object Detection API."""
    activation: Literal["auto", "none", "sigmoid"] = "auto"
    """Activation that scores still need: `none` or `sigmoid`. `auto`: told by the outputs on real images."""
    reach: Annotated[int, Ge(1), Le(8)] = 1
    """Cells around a centre that must have lower scores. Larger merges near objects of one class. [cells]"""

    @classmethod
    def recognise(cls, given: Given, said: Mapping[str, Any]) -> Found | None:
        """Find three maps of the same cells, two of them of two numbers, told apart by their names."""
        shapes = given.outputs
        if len(shapes) != 3 or any(len(shape) != 4 for shape in shapes.values()):
            return None
        if len({shape[1:3] for shape in shapes.values()}) != 1:
            return None
        pairs = [name for name, shape in shapes.items() if shape[3] == 2]
        roles = {role: said[role] for role in NAMES if said.get(role) in shapes}
        for role in ("sizes", "offsets"):
            named = [name for name in pairs if any(word in name.lower() for word in NAMES[role])]
            if role not in roles and len(named) == 1:
                roles[role] = named[0]
        if len(pairs) < 2:
            return None
        if {"sizes", "offsets"} - roles.keys():
            raise ValueError(
                f"sizes: {' and '.join(repr(name) for name in pairs)} have 2 numbers per cell, and their names do not "
                f"tell sizes from offsets; say model.head=centernet model.head.sizes=NAME model.head.offsets=NAME"
            )
        left = [name for name in shapes if name not in roles.values()]
        if "heatmap" not in roles and len(left) == 1:
            roles["heatmap"] = left[0]
        if set(roles) != set(NAMES) or len(set(roles.values())) != 3:
            return None
        _, rows, columns, classes = shapes[roles["heatmap"]]
        words = ", ".join(f"'{name}'" for name in roles.values())
        evidence = f"{words} are maps of the same {rows} x {columns} cells"
        return Found({**said, **roles}, classes, f"centernet, {classes} classes", evidence)

    def reads(self) -> tuple[str, ...]:
        """Name the outputs that are read."""
        return (self.heatmap, self.sizes, self.offsets)

    def settled(self, outputs: Mapping[str, Any], given: Given) -> tuple[Mapping[str, Any], list[str]]:
        """Settle whether the map of classes holds logits."""
        if self.activation != "auto":
            return {}, []
        low, high = float(outputs[self.heatmap].min()), float(outputs[self.heatmap].max())
        activation = "none" if low >= -1e-3 and high <= 1 + 1e-3 else "sigmoid"
        return {"activation": activation}, [f"scores lie in {low:.3g}..{high:.3g}: activation {activation}"]

    def decode(self, assembly: Assembly, given: Given) -> Coded:
        """Keep peaks, and place sizes at their cells."""
        import numpy as np

        from tflbuild.tasks.detection.heads import coding

        _, rows, columns, classes = assembly.shape(self.heatmap)
        heat = assembly.unary("LOGISTIC", self.heatmap) if self.activation == "sigmoid" else self.heatmap
        lacking = assembly.binary(
            "SUB", heat, assembly.largest_around(heat, self.reach)
        )  # 0 at a peak, else below
        peak = assembly.binary(
            "MAXIMUM", assembly.binary("ADD", assembly.binary("MUL", lacking, SHARP), 1.0), 0.0
        )
        scores = assembly.reshape(assembly.binary("MUL", heat, peak), (1, rows * columns, classes))
        side = np.array([1 / rows, 1 / columns], np.float32)
        centres, sides = (self._pairs(assembly, name, rows * columns) for name in (self.offsets, self.sizes))
        centres = assembly.binary("ADD", centres, coding.cells(rows, columns)[None])
        coded = coding.of_centres(
            assembly, assembly.binary("MUL", centres, side), assembly.binary("MUL", sides, side)
        )
        return Coded(coded, scores, coding.unit_anchors(rows * columns))

    def _pairs(self, assembly: Assembly, name: str, count: int) -> str:
        flat = assembly.reshape(name, (1, count, 2))
        if self.order == "yx":
            return flat
        return assembly.picked(flat, (1, 0))
