"""Disagreements in JSON, in words and in drawings."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import BASE, MODEL, Said
from tflbuild.core.exhibit import Exhibit, Mark, Samples, SampleView, Trace, number
from tflbuild.core.plain_text import plain

NAMES: Mapping[str, str] = {BASE: "base", MODEL: "delivered"}
"""Words for the two models, above what each says."""

LONGEST = 60
"""Letters of a name that is drawn."""


def to_json(said: Said) -> dict[str, Any]:
    """Give what two models say of a sample as a finding holds it; numbers that are not finite are None."""
    found: dict[str, Any] = {
        "note": said.note,
        "truth": None if said.truth is None else [_answer(one) for one in said.truth],
        BASE: [_answer(one) for one in said.base],
        MODEL: [_answer(one) for one in said.model],
        "alone": {name: list(places) for name, places in (said.alone or {}).items()},
    }
    if said.outputs is not None:
        found["outputs"] = {
            name: {BASE: [finite(one) for one in base], MODEL: [finite(one) for one in model]}
            for name, (base, model) in said.outputs.items()
        }
    return found


def finite(value: float) -> float | None:
    """Give a number as JSON holds it: None for one that is not finite."""
    return round(value, 5) if math.isfinite(value) else None


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"label": answer.label, "score": finite(answer.score)}
    if answer.box is not None:
        found["box"] = [finite(one) for one in answer.box]
    if answer.value is not None:
        found["value"] = finite(answer.value)
    return found


def sentence(found: Mapping[str, Any]) -> str:
    """Say on how many samples the two differ."""
    n, split = int(found["n"]), found["split"]
    if not found["samples"]:
        every = "the only sample" if n == 1 else f"all {n:,} samples"
        return f"the base and the delivered file agree on {every} of the {split} split"
    most = plain(found["samples"][0]["name"], LONGEST)
    return (
        f"the base and the delivered file differ on {int(found['differ']):,} of {n:,} samples of the {split} split "
        f"({found['what']}), the most on {most}"
    )


def exhibit_of(found: Mapping[str, Any], title: str) -> Exhibit:
    """Draw the samples with what the base and the delivered file say of them."""
    text = sentence(found)
    views = tuple(_view(sample) for sample in found["samples"])
    parts = (Samples(views=views),) if views else ()
    return Exhibit(title=title, text=(f"{text[:1].upper()}{text[1:]}.",), parts=parts)


def _view(sample: Mapping[str, Any]) -> SampleView:
    truth, picture = sample.get("truth"), sample.get("picture") or {}
    alone = sample.get("alone") or {}
    return SampleView(
        name=plain(sample["name"], LONGEST),
        note=plain(sample.get("note", "")),
        picture=_jpeg(picture.get("jpeg")),
        width=int(picture.get("width") or 0),
        height=int(picture.get("height") or 0),
        text=plain(sample.get("text", "")),
        truth=None if truth is None else _marks(truth, ()),
        said=tuple(
            (NAMES[name], _marks(sample.get(name) or [], alone.get(name) or [])) for name in (BASE, MODEL)
        ),
        traces=tuple(
            Trace(
                name=plain(name, LONGEST),
                values=tuple((NAMES[one], tuple(map(_number, values[one]))) for one in (BASE, MODEL)),
            )
            for name, values in (sample.get("outputs") or {}).items()
        ),
    )


def _jpeg(content: Any) -> str:
    """Give a picture in base 64 as it is put into a page; "" for what is none."""
    try:
        whole = base64.b64decode(str(content or ""), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return str(content) if whole[:2] == b"\xff\xd8" else ""


def _marks(answers: Sequence[Mapping[str, Any]], alone: Sequence[int]) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            label=plain(answer["label"], LONGEST),
            score=number(answer, "score"),
            box=_box(answer.get("box")),
            value=number(answer, "value"),
            alone=place in alone,
        )
        for place, answer in enumerate(answers)
    )


def _box(box: Any) -> tuple[float, float, float, float] | None:
    """Give a box inside the picture; None where there is none that could be drawn."""
    if box is None or any(not isinstance(one, (int, float)) for one in box):
        return None
    top, left, bottom, right = (min(1.0, max(0.0, float(one))) for one in box)
    return (top, left, max(top, bottom), max(left, right))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
