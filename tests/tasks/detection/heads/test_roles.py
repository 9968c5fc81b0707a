"""Which output has which role, and which shapes are nearly those of a head and are none of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tflbuild.tasks.detection.heads import declared
from tflbuild.tasks.detection.heads.head import Found, Given

Shape = tuple[int, ...]


def recognise(
    name: str,
    outputs: Mapping[str, Shape],
    said: Mapping[str, Any] = {},
    *,
    height: int = 64,
    width: int = 64,
) -> Found | None:
    return declared.named(name).recognise(Given(outputs, height, width), said)


# Of 64 x 64: levels 3 to 7 have 8 x 8, 4 x 4, 2 x 2, 1 and 1 cells: 86 cells, 774 anchors.
EFFICIENT = 9 * (64 + 16 + 4 + 1 + 1)

JOINED: list[tuple[dict[str, Shape], Any]] = [
    ({"a": (1, EFFICIENT, 90), "b": (1, EFFICIENT, 4)}, (["b"], ["a"], 90)),
    ({"a": (1, EFFICIENT, 4), "the_boxes": (1, EFFICIENT, 4)}, (["the_boxes"], ["a"], 4)),
    ({"a": (1, EFFICIENT, 4), "b": (1, EFFICIENT, 4)}, None),
    ({"a": (1, EFFICIENT, 90), "b": (1, EFFICIENT, 5)}, None),
    ({"a": (1, EFFICIENT + 9, 90), "b": (1, EFFICIENT, 4)}, None),
    ({"a": (1, EFFICIENT, 90, 1), "b": (1, EFFICIENT, 4)}, None),
    ({"a": (1, EFFICIENT, 4)}, None),
    ({"a": (1, EFFICIENT, 90), "b": (1, EFFICIENT, 4), "c": (1, 2)}, None),
]


@pytest.mark.parametrize(("outputs", "wanted"), JOINED)
def test_two_tensors_of_all_anchors_are_boxes_and_scores(outputs: dict[str, Shape], wanted: Any) -> None:
    found = recognise("efficientdet", outputs)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (found.options["boxes"], found.options["scores"], found.classes) == wanted
        assert found.value == f"efficientdet, 774 anchors, {wanted[2]} classes"
        assert found.evidence == (
            "774 rows of 4 numbers are 9 anchors of the cells of strides 8, 16, 32, 64, 128"
        )


def levels(each: int, *widths: int, sides: tuple[int, ...] = (8, 4)) -> dict[str, Shape]:
    """Give two levels of boxes and scores."""
    scores = {f"s{k}": (1, one, one, width) for k, (one, width) in enumerate(zip(sides, widths, strict=True))}
    return {**scores, **{f"b{k}": (1, one, one, 4 * each) for k, one in enumerate(sides)}}


def test_levels_are_told_by_their_cells_and_have_the_same_classes() -> None:
    said = {"levels": [3, 4]}
    found = recognise("efficientdet", levels(9, 27, 27), said)
    assert found is not None
    assert (found.options["boxes"], found.options["scores"], found.classes) == (["b0", "b1"], ["s0", "s1"], 3)
    assert found.evidence.endswith("9 anchors of the cells of strides 8, 16")
    other = recognise("efficientdet", levels(4, 12, 12), {**said, "octaves": 2, "ratios": [[1, 1], [2, 1]]})
    assert other is not None
    assert other.classes == 3
    for wrong in (
        levels(9, 27, 36),  # two numbers of classes
        levels(9, 28, 28),  # which nine anchors do not share
        levels(9, 36, 36),  # four classes: boxes and scores look alike
        levels(9, 27, 27, sides=(8, 2)),  # which is level 5
        {**levels(9, 27, 27), "more": (1, 2, 2, 27)},
        {**levels(9, 27, 27), "s0": (1, 64, 27)},
    ):
        assert recognise("efficientdet", wrong, said) is None


SSDS: list[tuple[dict[str, Shape], dict[str, Any], Any]] = [
    ({"b": (1, 6, 4), "s": (1, 6, 3)}, {}, ("b", "s", None)),
    ({"s": (1, 6, 4), "b_loc": (1, 6, 4)}, {}, ("b_loc", "s", None)),  # four classes
    ({"Boxes": (1, 6, 4), "s": (1, 6, 4)}, {}, ("Boxes", "s", None)),
    ({"x": (1, 6, 4), "y": (1, 6, 4)}, {}, None),
    ({"x": (1, 6, 4), "y": (1, 6, 4)}, {"boxes": "y"}, ("y", "x", None)),
    ({"x": (1, 6, 4), "y": (1, 6, 4)}, {"boxes": "y", "scores": "x"}, ("y", "x", None)),
    ({"x": (1, 6, 4), "y": (1, 6, 4)}, {"scores": "x"}, ("y", "x", None)),
    ({"x": (1, 6, 4), "y": (1, 6, 4)}, {"boxes": "z"}, None),
    ({"b": (1, 6, 4), "s": (1, 6, 3), "priors": (1, 6, 4)}, {"coder": "centre"}, ("b", "s", "priors")),
    ({"b": (1, 6, 4), "s": (1, 6, 3), "Anchor": (1, 6, 4)}, {"coder": "centre"}, ("b", "s", "Anchor")),
    (
        {"b": (1, 6, 4), "s": (1, 6, 3), "a": (1, 6, 4)},
        {"coder": "centre", "anchors_output": "a"},
        ("b", "s", "a"),
    ),
    ({"b": (1, 6, 4), "s": (1, 7, 3)}, {}, None),
    ({"b": (2, 6, 4), "s": (2, 6, 3)}, {}, None),
    ({"b": (1, 6, 4), "s": (1, 6, 3), "n": (1,)}, {}, None),
    ({"b": (1, 6, 4), "s": (1, 6, 3), "t": (1, 6, 3)}, {}, None),
    ({"b": (1, 6, 5), "s": (1, 6, 3)}, {}, None),
    ({"b": (1, 6, 4)}, {}, None),
]


@pytest.mark.parametrize(("outputs", "said", "wanted"), SSDS)
def test_boxes_scores_and_anchors_of_an_ssd_are_told_apart(
    outputs: dict[str, Shape], said: dict[str, Any], wanted: Any
) -> None:
    anchors = {} if wanted and wanted[2] else {"anchors": [[0, 0, 1, 1]] * 6}
    found = recognise("ssd", outputs, {**said, **anchors})
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert tuple(found.options.get(role) for role in ("boxes", "scores", "anchors_output")) == wanted
        width = outputs[wanted[1]][2]
        assert (found.classes, found.value) == (width, f"ssd, 6 anchors, {width} classes")
        shown = f"'{wanted[0]}' and '{wanted[1]}' have 6 rows of 4 and {width} numbers"
        assert found.evidence == shown + (f", and '{wanted[2]}' their anchors" if wanted[2] else "")
        background = recognise("ssd", outputs, {**said, **anchors, "background": "first"})
        assert background is not None
        assert background.classes == width - 1


def test_an_ssd_whose_coder_nothing_says_is_doubted() -> None:
    outputs = {"b": (1, 6, 4), "s": (1, 6, 3), "anchors": (1, 6, 4)}
    with pytest.raises(ValueError, match=r"^coder: 'anchors' gives anchors, and .* do not say how boxes are"):
        recognise("ssd", outputs)
    with pytest.raises(
        ValueError, match=r"^anchors: 6 rows of 4 numbers and 6 of 3 scores .* is not an output; say it as"
    ):
        recognise("ssd", {"b": (1, 6, 4), "s": (1, 6, 3)})


MAPS: dict[str, Shape] = {"hm": (1, 8, 4, 5), "wh": (1, 8, 4, 2), "reg": (1, 8, 4, 2)}

CENTRES: list[tuple[dict[str, Shape], dict[str, Any], Any]] = [
    (MAPS, {}, ("hm", "wh", "reg")),
    ({"x": (1, 8, 4, 5), "Scale": (1, 8, 4, 2), "OFFSET_0": (1, 8, 4, 2)}, {}, ("x", "Scale", "OFFSET_0")),
    (
        {"x": (1, 8, 4, 2), "box_size": (1, 8, 4, 2), "offset": (1, 8, 4, 2)},  # two classes
        {},
        ("x", "box_size", "offset"),
    ),
    (
        {"a": (1, 8, 4, 5), "b": (1, 8, 4, 2), "c": (1, 8, 4, 2)},
        {"sizes": "c", "offsets": "b"},
        ("a", "c", "b"),
    ),
    (MAPS, {"sizes": "reg", "offsets": "wh"}, ("hm", "reg", "wh")),  # what is said counts before names
    ({**MAPS, "more": (1, 8, 4, 2)}, {}, None),
    ({**MAPS, "reg": (1, 8, 5, 2)}, {}, None),
    ({**MAPS, "reg": (1, 32, 2)}, {}, None),
    ({**MAPS, "reg": (1, 8, 4, 3)}, {}, None),
    (MAPS, {"sizes": "reg", "offsets": "reg"}, None),
]


@pytest.mark.parametrize(("outputs", "said", "wanted"), CENTRES)
def test_maps_of_centernet_are_told_by_their_names(
    outputs: dict[str, Shape], said: dict[str, Any], wanted: Any
) -> None:
    found = recognise("centernet", outputs, said)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert tuple(found.options[role] for role in ("heatmap", "sizes", "offsets")) == wanted
        assert found.classes == outputs[wanted[0]][3]
        assert found.evidence.endswith("are maps of the same 8 x 4 cells")


# Of 64 x 96 pixels: strides 8, 16 and 32 have 8 x 12, 4 x 6 and 2 x 3 cells: 126 of them.
YOLOS: list[tuple[str, dict[str, Shape], dict[str, Any], Any]] = [
    ("v5 has three anchors per cell", {"o": (1, 378, 7)}, {}, ("v5", 2, [8, 16, 32])),
    ("v5 of one class", {"o": (1, 378, 6)}, {}, ("v5", 1, [8, 16, 32])),
    ("columns are v8", {"o": (1, 5, 126)}, {}, ("v8", 1, [8, 16, 32])),
    ("strides that are said", {"o": (1, 6, 24)}, {"strides": [16]}, ("v8", 2, [16])),
    ("a style that is said", {"o": (1, 126, 7)}, {"style": "yolox"}, ("yolox", 2, [8, 16, 32])),
    ("bins that are said", {"o": (1, 126, 18)}, {"style": "nanodet", "bins": 4}, ("nanodet", 2, [8, 16, 32])),
    ("a map that is said", {"o": (1, 4, 6, 8)}, {"style": "fastestdet"}, ("fastestdet", 3, [16])),
    (
        "the coarsest stride",
        {"o": (1, 1, 2, 8)},
        {"style": "fastestdet"},
        ("fastestdet", 3, [64]),
    ),
    (
        "one output of two",
        {"o": (1, 5, 126), "other": (1, 9)},
        {"outputs": ["o"]},
        ("v8", 1, [8, 16, 32]),
    ),
    (
        "one map with anchors",
        {"o": (1, 4, 6, 16)},
        {"style": "v5_maps", "anchors": [[9, 9, 30, 20]]},
        ("v5_maps", 3, [16]),
    ),
    ("a map whose parts nothing shows", {"o": (1, 4, 6, 8)}, {}, None),
    ("a map of too few numbers", {"o": (1, 4, 6, 5)}, {"style": "fastestdet"}, None),
    ("a map of no stride", {"o": (1, 6, 4, 8)}, {"style": "fastestdet"}, None),
    ("too few numbers", {"o": (1, 4, 126)}, {}, None),
    ("another number of boxes", {"o": (1, 5, 127)}, {}, None),
    ("another layout", {"o": (1, 5, 126)}, {"layout": "rows"}, None),
    ("two outputs", {"o": (1, 5, 126), "p": (1, 5, 126)}, {}, None),
    ("an output that is not there", {"o": (1, 5, 126)}, {"outputs": ["p"]}, None),
    ("an empty side", {"o": (1, 0, 126)}, {}, None),
    ("maps of two widths", {"m": (1, 8, 12, 21), "n": (1, 4, 6, 24), "o": (1, 2, 3, 21)}, {}, None),
    ("two maps of a stride", {"m": (1, 4, 6, 21), "n": (1, 4, 6, 21), "o": (1, 2, 3, 21)}, {}, None),
    ("maps of other strides", {"m": (1, 16, 24, 21), "n": (1, 4, 6, 21), "o": (1, 2, 3, 21)}, {}, None),
    ("maps that three do not share", {"m": (1, 8, 12, 20), "n": (1, 4, 6, 20), "o": (1, 2, 3, 20)}, {}, None),
    ("maps without a class", {"m": (1, 8, 12, 15), "n": (1, 4, 6, 15), "o": (1, 2, 3, 15)}, {}, None),
]


@pytest.mark.parametrize(
    ("outputs", "said", "wanted"), [one[1:] for one in YOLOS], ids=[one[0] for one in YOLOS]
)
def test_a_yolo_has_a_row_or_a_place_in_a_map_for_every_cell(
    outputs: dict[str, Shape], said: dict[str, Any], wanted: Any
) -> None:
    found = recognise("yolo", outputs, said, width=96)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (found.options["style"], found.classes, found.options["strides"]) == wanted
        assert found.value.startswith(f"yolo {wanted[0]}, ")


THREE: dict[str, Shape] = {"m": (1, 8, 12, 21), "n": (1, 4, 6, 21), "o": (1, 2, 3, 21)}
ANCHORS = [[9, 9] * 3, [20, 20] * 3, [40, 40] * 3]

CONTRADICTED: list[tuple[dict[str, Shape], dict[str, Any], str]] = [
    (
        {"o": (1, 126, 7)},
        {},
        r"^style: 126 rows of 7 numbers fit v8 \(3 classes\), and v5 and yolox \(2 classes",
    ),
    ({"o": (1, 378, 7)}, {"style": "v5_maps"}, r"^style: v5_maps gives \(1, rows, columns, numbers\), and"),
    (
        {"o": (1, 126, 5)},
        {"style": "yolox"},
        r"^style: yolox has more than the 5 numbers a box that the file gives$",
    ),
    (
        {"o": (1, 126, 32)},
        {"style": "nanodet"},
        r"^style: nanodet has more than the 32 numbers a box that the file",
    ),
    (
        THREE,
        {},
        r"^anchors: 3 maps of 21 numbers per cell are those of a YOLO with 3 anchors and 2 classes; say",
    ),
    (
        {"n": (1, 4, 6, 21), "o": (1, 2, 3, 21)},  # as YOLOv4-tiny
        {},
        r"^anchors: 2 maps of 21 numbers per cell are",
    ),
    (THREE, {"anchors": ANCHORS[:2]}, r"^anchors: there are 3 strides, and each needs as many widths and"),
    (THREE, {"anchors": [*ANCHORS[:2], [9, 9]]}, r"^anchors: there are 3 strides"),
    (THREE, {"anchors": [[9, 9, 9]] * 3}, r"^anchors: there are 3 strides"),
    (THREE, {"anchors": [[9, 9] * 2] * 3}, r"^anchors: 2 anchors do not share 21 numbers of a cell$"),
    (
        {name: (*shape[:3], 15) for name, shape in THREE.items()},
        {"anchors": ANCHORS},
        r"^anchors: 3 anchors do not share 15 numbers of a cell$",  # 5 each leave none for classes
    ),
]


@pytest.mark.parametrize(("outputs", "said", "message"), CONTRADICTED)
def test_what_a_yolo_lacks_is_said(outputs: dict[str, Shape], said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recognise("yolo", outputs, said, width=96)


def test_maps_are_read_from_the_finest() -> None:
    found = recognise("yolo", dict(reversed(THREE.items())), {"anchors": ANCHORS}, width=96)
    assert found is not None
    assert (found.options["outputs"], found.options["strides"], found.classes) == (
        ["m", "n", "o"],
        [8, 16, 32],
        2,
    )
    assert found.evidence == "3 maps of strides 8, 16, 32"


SUPPRESSED: list[tuple[dict[str, Shape], Any]] = [
    (
        {"the_box": (1, 9, 4), "label": (1, 9), "conf": (1, 9), "count": (1,)},
        ["the_box", "label", "conf", "count"],
    ),
    ({"a": (1, 9, 4), "Category": (1, 9), "Score": (1, 9)}, ["a", "Category", "Score"]),
    ({"a": (1, 9, 5), "class": (1, 9), "score": (1, 9)}, None),
    ({"a": (1, 9, 4), "class": (1, 9)}, None),
    ({"a": (1, 9, 4), "class": (1, 9), "score": (1, 9), "num": (1, 1)}, None),
]


@pytest.mark.parametrize(("outputs", "roles"), SUPPRESSED)
def test_outputs_that_are_suppressed_are_told_by_names(outputs: dict[str, Shape], roles: Any) -> None:
    found = recognise("postprocessed", outputs)
    if roles is None:
        assert found is None
    else:
        assert found is not None
        assert list(found.options.values()) == roles
        assert (found.classes, found.value) == (0, "at most 9 boxes, suppressed already")
        assert declared.named("postprocessed").of(found.options).reads() == tuple(roles)


def test_scores_that_no_name_tells_from_classes_are_to_be_said() -> None:
    outputs = {"a": (1, 9, 4), "b": (1, 9), "c": (1, 9), "d": (1,)}
    with pytest.raises(ValueError, match=r"^detection_scores: the names of the outputs do not tell scores"):
        recognise("postprocessed", outputs)
    said = {"detection_scores": "b", "detection_classes": "c"}
    found = recognise("postprocessed", outputs, said)
    assert found is not None
    assert found.options == {**said, "detection_boxes": "a"}
