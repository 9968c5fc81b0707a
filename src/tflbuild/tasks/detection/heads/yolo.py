"""The heads of YOLO and of those who learned from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from tflbuild.core.field_checks import Check, number, one_of, rows_of, text, whole
from tflbuild.tasks.detection.heads.head import Coded, Found, Given, Head, head
from tflbuild.tasks.detection.heads.yolo_styles import STRIDES, STYLES

if TYPE_CHECKING:
    from tflbuild.tflite.assembly import Assembly

Above = Annotated[float, Gt(0)]


@head("yolo")
class Yolo(Head):
    """One row of numbers a box, for every cell of every stride.

    Styles:
        `v5`: decoded centre, side, objectness and classes, one tensor (1, boxes, 5 + classes): YOLOv5, v6, v7.
        `v5_maps`: likewise, before the sigmoid, one tensor (1, rows, columns, anchors * (5 + classes)) a stride;
            `anchors` says width and height of each in pixels.
        `v8`: decoded centre, side and classes, without objectness, (1, 4 + classes, boxes) or (1, boxes, 4 + classes):
            YOLOv8, v9, v11.
        `yolox`: centre relative to the cell, logarithm of the side in strides, objectness, classes, (1, boxes,
            5 + classes).
        `nanodet`: classes, then for each side of the box a distribution of its distance in strides over `bins`.
        `fastestdet`: objectness, tanh offset, sigmoid side, classes, (1, rows, columns, 5 + classes).

    References:
        How each decodes: ultralytics/yolov5, models/yolo.py; ultralytics, nn/modules/head.py; YOLOX,
        models/yolo_head.py; RangiLyu/nanodet, model/head/nanodet_plus_head.py; dog-qiuqiu/FastestDet, utils/tool.py.
    """

    checks: ClassVar[Mapping[str, Check]] = {
        "style": one_of(*STYLES),
        "outputs": rows_of(text(1 << 10), 8),
        "strides": rows_of(whole(1, 256), 8),
        "layout": one_of("rows", "columns"),
        "units": one_of("auto", "pixels", "unit"),
        "anchors": rows_of(rows_of(number(above=0), 32, least=2), 8),
        "bins": whole(2, 64),
        "powers": rows_of(number(above=0), 2, least=2),
    }

    style: Literal["v5", "v5_maps", "v8", "yolox", "nanodet", "fastestdet"] = "v8"
    """Which YOLO wrote the outputs; `tflbuild describe yolo` says what each looks like."""
    outputs: tuple[str, ...] = ()
    """Names of the outputs, one for each stride where there are several. Empty: recognised by their shapes."""
    strides: tuple[Annotated[int, Ge(1), Le(256)], ...] = STRIDES
    """Pixels of the input for each cell, one for each map, the finest first. [pixels]"""
    layout: Literal["rows", "columns"] = "rows"
    """Order of the axes of one tensor: `rows` is (1, boxes, numbers), `columns` is (1, numbers, boxes)."""
    units: Literal["auto", "pixels", "unit"] = "auto"
    """Unit of decoded boxes: `pixels` of the input, or `unit` for 0..1. `auto`: told by the outputs on real
    images."""
    anchors: tuple[tuple[Above, ...], ...] = ()
    """Width, height, width, height, ... of the anchors of each stride; of style v5_maps. [pixels]"""
    bins: Annotated[int, Ge(2), Le(64)] = 8
    """Steps of the distribution of each distance; of style nanodet. [bins]"""
    powers: tuple[Above, Above] = (1.0, 1.0)
    """Powers of objectness and class score in the score of a box; of style fastestdet. [exponent]"""

    @classmethod
    def recognise(cls, given: Given, said: Mapping[str, Any]) -> Found | None:
        """Find rows of boxes whose number is that of the cells of all strides."""
        from tflbuild.tasks.detection.heads.yolo_shapes import recognised

        return recognised(given, said)

    def reads(self) -> tuple[str, ...]:
        """Name the outputs that are read."""
        return self.outputs

    def maps(self, given: Given) -> list[tuple[int, int]]:
        """Give (rows, columns) of each stride."""
        return [(-(-given.height // stride), -(-given.width // stride)) for stride in self.strides]

    def settled(self, outputs: Mapping[str, Any], given: Given) -> tuple[Mapping[str, Any], list[str]]:
        """Hold scores to 0..1, and settle whether decoded boxes are in pixels."""
        import numpy as np

        rows = self._rows_of([outputs[name] for name in self.outputs])
        scores = self._scores_of(rows)
        low, high = float(scores.min()), float(scores.max())
        if self.style != "v5_maps" and not (low >= -1e-3 and high <= 1 + 1e-3):
            raise ValueError(
                f"style: {self.style} gives scores in 0..1, and on {len(rows)} pictures they lie in "
                f"{low:.3g}..{high:.3g}"
            )
        if self.style == "fastestdet":
            sums = rows[..., 5:].sum(axis=-1)
            if not np.abs(sums - 1).max() <= 1e-2:
                worst = float(sums.ravel()[np.abs(sums - 1).argmax()])
                raise ValueError(
                    f"style: fastestdet gives scores of classes that add up to 1, and a row of them adds up to "
                    f"{worst:.3g}"
                )
        if self.style not in ("v5", "v8") or self.units != "auto":
            return {}, []
        most = float(np.abs(rows[..., :4]).max())
        units = "pixels" if most > 2 else "unit"
        return {"units": units}, [
            f"boxes reach {most:.4g} on {len(rows)} pictures, so their units are {units}"
        ]

    def _rows_of(self, outputs: Sequence[Any]) -> Any:
        """View outputs (pictures, ...) as (pictures, rows, numbers)."""
        import numpy as np

        if self.layout == "columns":
            return np.moveaxis(outputs[0], 1, 2)
        return np.concatenate([one.reshape(len(one), -1, one.shape[-1]) for one in outputs], axis=1)

    def _scores_of(self, rows: Any) -> Any:
        import numpy as np

        if self.style == "fastestdet":
            return np.concatenate([rows[..., :1], rows[..., 5:]], axis=-1)
        if self.style == "nanodet":
            return rows[..., : -4 * self.bins]
        return rows[..., 4:]

    def decode(self, assembly: Assembly, given: Given) -> Coded:
        """Add the operators of the style."""
        from tflbuild.tasks.detection.heads import yolo_decoding

        return yolo_decoding.DECODING[self.style](self, assembly, given)
