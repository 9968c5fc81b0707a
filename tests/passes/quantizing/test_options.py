"""What the quantizing passes share: options, the workbench they set up, and what is chosen on it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, get_args, get_type_hints

import numpy as np
import pytest

import small_network
from tflbuild.core.dataset import Dataset, Example, Index, Sample, Split
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.passes.quantizing.float_model import FloatModel
from tflbuild.passes.quantizing.options import FIXED, Quantizing, word
from tflbuild.quantization import remembered, workbench
from tflbuild.quantization.form import Form
from tflbuild.quantization.settings import RANGES, SHARED, USUAL, Failed, Scored, Setting
from tflbuild.tflite import borders
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed


class Numbered(Dataset):
    """Images whose pixels are their number, which is also their label."""

    def read(self, sample: Sample) -> Example:
        image = np.full((8, 8, 3), int(sample.key), np.uint8)
        return Example(image, np.zeros((0, 4)), np.array(sample.labels))


def context(folder: Path, seed: int = 5) -> Any:
    samples = tuple(Sample(str(n), str(n), labels=(n,)) for n in range(50))
    split = Split("val", Numbered(), Index(classes=("a",), splits={"val": samples}))
    said: list[str] = []
    return SimpleNamespace(
        dataset={"data.val": split}.__getitem__,
        label="quantize",
        seed=seed,
        notes={},
        log=said.append,
        said=said,
        progress=lambda *given: None,
        scratch=folder,
    )


class Bench:
    """Keeps what a workbench is given."""

    def __init__(self, *given: Any) -> None:
        names = ("model", "images", "held_out", "scheme", "border", "scratch", "progress", "form", "labels")
        self.given = dict(zip(names, given, strict=True))


@pytest.fixture(autouse=True)
def kept_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "Workbench", Bench)


TEN = Calibration(source="data.val", samples=10)


def floating(model: Any) -> FloatModel:
    return FloatModel(Packed(model.path.read_bytes()), Meaning.of(model))


def bench(
    folder: Path, options: Quantizing, scheme: Any = "int8", *, measuring: bool = True
) -> dict[str, Any]:
    made: Any = options.bench(
        floating(small_network.model(folder)), context(folder), scheme, measuring=measuring
    )
    given: dict[str, Any] = made.given
    return given


def numbers(samples: list[Any]) -> list[int]:
    """Read off the number of each image, by hand: pixel = (value + 1) * 128."""
    return [int((sample["image"][0, 0, 0] + 1) * 128) for sample in samples]


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_those_of_the_images_that_are_held_out(tmp_path: Path, seed: int) -> None:
    options = Quantizing(select="top1", calibration=TEN)
    made: Any = options.bench(
        floating(small_network.model(tmp_path)), context(tmp_path, seed), "int8", measuring=True
    )
    given = made.given
    assert numbers(given["held_out"]) == given["labels"]
    assert len(given["labels"]) == 3
    assert set(numbers(given["images"])).isdisjoint(given["labels"])
    assert len(given["images"]) == 7


def test_labels_are_read_only_where_they_decide(tmp_path: Path) -> None:
    assert bench(tmp_path, Quantizing(calibration=TEN))["labels"] is None
    assert bench(tmp_path, Quantizing(select="top1", calibration=TEN), measuring=False)["labels"] is None


def test_a_search_over_a_large_model_takes_as_many_samples_as_it_can_afford(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tflbuild.passes.quantizing.options.FEWEST_SEARCHED", 2)
    each = 9344 + 20 * 644  # by hand, see test_effort.py
    for most, count in ((each * 6, 6), (each * 6 - 1, 5), (each, 2), (each * 10, 10)):
        monkeypatch.setattr("tflbuild.passes.quantizing.options.SEARCHED", most)
        options, ctx = Quantizing(select="top1", calibration=TEN), context(tmp_path)
        made: Any = options.bench(floating(small_network.model(tmp_path)), ctx, "int8", measuring=True)
        given = made.given
        assert len(given["images"]) + len(given["held_out"]) == count
        assert numbers(given["held_out"]) == given["labels"], "labels are of the same samples"
        assert [text for text in ctx.said if "method=auto takes" in text] == (
            []
            if count == 10
            else [
                f"method=auto takes {count} of 10 calibration samples, since one costs 0.0 billion "
                f"multiply-accumulates; method=fixed takes all"
            ]
        )
        assert ctx.notes["calibration"]["samples"] == count
        fixed = bench(tmp_path, replace(options, method="fixed", select="error"), measuring=False)
        assert len(fixed["images"]) == 10


def test_nothing_is_held_out_where_nothing_is_measured(tmp_path: Path) -> None:
    given = bench(tmp_path, Quantizing(calibration=TEN), measuring=False)
    assert (len(given["images"]), given["held_out"]) == (10, [])
    assert given["model"].content == small_network.convolutional()
    assert given["scratch"] == tmp_path


@pytest.mark.parametrize(
    ("options", "scheme", "border"),
    [
        # the range of raw bytes is -1 to 255 / 128 - 1
        ({}, "int8", (False, True, ((-1.0, 127 / 128),), "int16")),
        ({"input_dtype": "float32", "scores": "int8"}, "int8", (True, True, (None,), "int8")),
        ({"output_dtype": "uint8"}, "int8", (False, False, ((-1.0, 127 / 128),), "int16")),
        ({}, "int16x8", (True, True, (None,), "int8")),
    ],
    ids=str,
)
def test_borders_are_those_of_the_options(
    tmp_path: Path, options: dict[str, Any], scheme: str, border: Any
) -> None:
    given = bench(tmp_path, Quantizing(calibration=TEN, **options), scheme)
    found = given["border"]
    assert (found.float_input, found.float_output, found.limits, found.scores) == border
    assert given["scheme"] == scheme


def test_a_detectors_outputs_are_floats_whatever_was_asked_for(tmp_path: Path) -> None:
    model = small_network.model(tmp_path)
    facts = {**model.meta["facts"], "task": "detection"}
    detector = floating(replace(model, meta={"facts": facts}))
    options = Quantizing(calibration=TEN, output_dtype="int8")
    made: Any = options.bench(detector, context(tmp_path), "int8", measuring=True)
    assert made.given["border"].float_output
    with pytest.raises(PassError, match=r"^quantize\.select: 'top1' is of classification"):
        replace(options, select="top1").bench(detector, context(tmp_path), "int8", measuring=True)


def test_the_form_is_that_of_the_options(tmp_path: Path) -> None:
    options = Quantizing(weight_bits=4, granularity="tensor", activations="symmetric", calibration=TEN)
    wanted = Form(weight_bits=4, granularity="tensor", activations="symmetric")
    assert options.form == wanted == bench(tmp_path, options)["form"]
    for field in fields(Form):
        assert getattr(wanted, field.name) != getattr(Form(), field.name), "no field is left at its default"


def test_what_auto_chooses_is_what_a_setting_says() -> None:
    assert {*FIXED, "round"} == {field.name for field in fields(Setting)}
    assert Setting(**FIXED) == Setting()
    for option in FIXED:
        assert type(None) in get_args(get_type_hints(Quantizing)[option]), "None until somebody says one"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranges": "minmax"}, "ranges: 'minmax' has no effect with method=auto"),
        ({"correct_bias": False}, "correct_bias: false has no effect with method=auto"),
        ({"round": "learned"}, "round: 'learned' is only possible with method fixed"),
        ({"method": "fixed", "select": "top1"}, "select: 'top1' has no effect with method=fixed"),
        (
            {"method": "fixed", "relu6": "replace"},
            "relu6: 'replace' has no effect where nothing is equalized",
        ),
        (
            {"method": "fixed", "relu6": "replace", "equalize": "none"},
            "relu6: 'replace' has no effect where nothing is equalized",
        ),
        ({"select": "top1", "calibration": Calibration(source="photos")}, "select: 'top1' needs labels"),
    ],
    ids=str,
)
def test_an_option_without_effect_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Quantizing(**options).check()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"select": "top1"},
        {"method": "fixed", "round": "learned"},
        {"method": "fixed", "equalize": "weights", "relu6": "replace"},
        {"method": "fixed", "calibration": Calibration(source="photos")},
    ],
    ids=str,
)
def test_an_option_with_an_effect_is_not(options: dict[str, Any]) -> None:
    Quantizing(**options).check()


def test_only_fixed_fills_what_was_not_said() -> None:
    facts: Any = None
    assert Quantizing().resolve(facts) == Quantizing()
    found = Quantizing(method="fixed", ranges="mse", correct_bias=True).resolve(facts)
    assert (found.ranges, found.equalize, found.relu6, found.correct_bias) == ("mse", "none", "keep", True)
    assert Quantizing(calibration=TEN).reads() == ("data.val",)


@pytest.mark.parametrize(
    ("value", "quoted", "bare"),
    [("mse", "'mse'", "mse"), (True, "true", "true"), (False, "false", "false"), (8, "8", "8")],
)
def test_a_value_is_told_as_a_recipe_has_it(value: Any, quoted: str, bare: str) -> None:
    assert (word(value), word(value, quoted=False)) == (quoted, bare)


def scored(setting: Setting, *errors: float) -> Scored:
    return Scored(setting=setting, errors=errors, seconds=1.0)


class Search:
    """Gives three settings: the best, one that is worse, and one that failed."""

    asked: ClassVar[list[Any]]

    def __init__(self, bench: Any) -> None:
        self.failed = [Failed(setting="entropy", reason="LiteRT cannot")]

    def run(self, *given: Any, **options: Any) -> list[Scored]:
        self.asked.append((given, options))
        return [scored(Setting(ranges="p99.9"), 0.25, 0.75), scored(USUAL, 9.0, 9.0)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(Search, "asked", found, raising=False)
    monkeypatch.setattr(remembered, "Search", Search)
    monkeypatch.setattr(remembered, "_last", {})
    return found


def test_the_search_is_noted_and_told_with_what_failed(tmp_path: Path, asked: list[Any]) -> None:
    held: Any = SimpleNamespace(held_out=3, digest="held")
    ctx = context(tmp_path)
    found = Quantizing().setting(held, small_network.model(tmp_path), ctx)
    assert found == Setting(ranges="p99.9")
    auto = ctx.notes["auto"]
    assert (auto["chosen"], auto["error"], auto["held_out"]) == ("p99.9", 0.5, 3)
    assert [each["error"] for each in auto["candidates"]] == [0.5, 9.0]
    assert auto["failed"] == [{"setting": "entropy", "reason": "LiteRT cannot"}]
    assert 0 <= auto["seconds"] < 60
    assert ctx.said == [
        "entropy: LiteRT cannot; the search went on without it",
        "chosen: p99.9, error 0.5000 on 3 held-out samples",
    ]


@pytest.mark.parametrize(
    ("meta", "bits", "shared", "learning"),
    [
        ({}, 8, list(SHARED), False),
        ({}, 4, list(SHARED), True),
        ({"clusters": {"layers": {}}}, 4, [("none", "keep")], False),
    ],
    ids=["8 bits", "4 bits", "clustered"],
)
def test_clusters_are_neither_equalized_nor_rounded_and_rounding_is_learned_for_4_bits(
    tmp_path: Path, asked: list[Any], meta: dict[str, Any], bits: Any, shared: Any, learning: bool
) -> None:
    model = small_network.model(tmp_path)
    held: Any = SimpleNamespace(held_out=3, digest="held")
    Quantizing(weight_bits=bits).setting(held, replace(model, meta=meta), context(tmp_path))
    assert asked == [((RANGES, shared), {"learning": learning})]


def test_a_fixed_setting_is_what_was_said_and_nothing_is_searched(tmp_path: Path, asked: list[Any]) -> None:
    options = Quantizing(
        method="fixed", ranges="mse", equalize="weights", relu6="replace", correct_bias=True, round="learned"
    )
    nothing: Any = None
    found = options.setting(nothing, small_network.model(tmp_path), context(tmp_path))
    assert found == Setting(
        ranges="mse", equalize="weights", relu6="replace", correct_bias=True, round="learned"
    )
    assert asked == []
    assert (
        Quantizing(method="fixed").setting(nothing, small_network.model(tmp_path), context(tmp_path))
        == Setting()
    )


@pytest.mark.parametrize(
    ("options", "scheme", "done"),
    [
        # scale 1/128 and zero point 128 of bytes, 128 less of int8: by hand
        ({}, "int8", [("bytes", "uint8", {0: (1 / 128, 128)})]),
        ({"input_dtype": "int8"}, "int8", []),
        ({"input_dtype": "int8", "activations": "symmetric"}, "int8", [("bytes", "int8", {0: (1 / 128, 0)})]),
        ({"output_dtype": "uint8"}, "int8", [("bytes", "uint8", {0: (1 / 128, 128)}), ("uint8",)]),
        ({"output_dtype": "int8", "input_dtype": "float32"}, "int8", []),
        ({}, "int16x8", []),
    ],
    ids=str,
)
def test_raw_bytes_are_taken_and_given_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], scheme: str, done: list[Any]
) -> None:
    found: list[Any] = []
    monkeypatch.setattr(
        borders, "take_bytes", lambda graph, *given: found.append(("bytes", *given)) or edited.append(graph)
    )
    monkeypatch.setattr(borders, "give_uint8", lambda graph: found.append(("uint8",)) or edited.append(graph))
    model, edited, graph = (
        small_network.model(tmp_path),
        list[Any](),
        Graph.unpacked(small_network.convolutional()),
    )
    Quantizing(**options).give_borders(graph, floating(model), scheme)
    assert found == done
    assert edited == [graph] * len(done)
    wanted = options.get("input_dtype", "uint8" if scheme == "int8" else "float32")
    assert Quantizing(**options).inputs_of(Meaning.of(model), scheme) == {"image": wanted}
