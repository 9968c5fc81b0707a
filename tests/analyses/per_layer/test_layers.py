"""The layer that lost accuracy: one whose channels are far apart, found in a file by LiteRT's quantizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysing import context, tflite
from dense_chain import FIRST, DenseChain
from quantized_files import Held, held
from tflbuild.analyses.attribution.rungs import rungs
from tflbuild.analyses.ladder import Ladder
from tflbuild.analyses.layers import Layers
from tflbuild.analyses.per_layer import causes, guilty, measuring, told
from tflbuild.core.analysis import Measured, Variant
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.metric import Difference, Measurement
from tflbuild.quantization.form import Form

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def models(folder: Path, chain: DenseChain, **options: Any) -> dict[str, TFLiteModel]:
    made = chain.quantized(folder / "made.tflite", **options)
    floating = tflite(folder, "float", chain.content())
    return {
        "base": floating,
        "model": tflite(folder, "int8", made, quantized="int8"),
        "step:convert": floating,
    }


def measured(variants: Sequence[Variant], values: dict[str, float], reach: float = 0.02) -> list[Measured]:
    """Measure variants by what a table says; differences have intervals of one reach."""
    first = values[variants[0].name]
    found = []
    for place, variant in enumerate(variants):
        value = values[variant.name]
        gain = value - first
        total = {"top1": Difference(value=gain, low=gain - reach, high=gain + reach, n=100)} if place else {}
        metrics = {"top1": Measurement(value=value, unit="1")}
        found.append(Measured(variant=variant, metrics=metrics, changes={}, totals=total))
    return found


def test_a_large_channel_is_the_noisiest_layer_and_all_is_told(tmp_path: Path) -> None:
    chain, analysis = DenseChain(large=50.0), Layers()
    given = models(tmp_path, chain)
    (finding,) = analysis.run(given, context(analysis, tmp_path, chain.images))
    worst = finding["activations"][0]
    assert (worst["tensor"], worst["layer"], worst["operator"]) == (FIRST, "first", "FULLY_CONNECTED")
    assert worst["channel_sqnr"] + 10 < worst["sqnr"]
    assert worst["channel_ratio"] > 20
    assert (worst["bits"], worst["zero_point"]) == (
        8,
        round(-128 - chain.ranges()[FIRST][0] / worst["scale"]),
    )
    assert worst["saturated"] == 0
    hidden = np.stack(chain.images).reshape(40, 12) @ chain.first.T
    assert worst["steps"] == pytest.approx(len(np.unique(np.rint(hidden / worst["scale"]))), abs=3)
    assert all(row["measured"] for row in finding["weights"])
    assert finding["n"] == 40
    assert [one["part"] for one in finding["histograms"]] == ["weights"] * 2 + ["activations"] * 3
    lines = analysis.lines([finding])
    assert lines[0].startswith("activations, the noisiest first (3 of 3)")
    assert "first" in lines[1]
    assert "% saturated" in lines[1]
    (exhibit,) = analysis.exhibits([finding])
    assert [part.macro for part in exhibit.parts] == ["histogram"] * 5 + ["table"] * 2


def test_a_range_that_is_too_narrow_saturates(tmp_path: Path) -> None:
    """The first layer's range is a fifth of what it reaches."""
    chain, analysis = DenseChain(large=1.0), Layers()
    ranges = chain.ranges()
    chain.ranges = lambda: {**ranges, FIRST: (ranges[FIRST][0] / 5, ranges[FIRST][1] / 5)}  # type: ignore[method-assign]
    given = models(tmp_path, chain)
    (finding,) = analysis.run(given, context(analysis, tmp_path, chain.images))
    row = next(row for row in finding["activations"] if row["tensor"] == FIRST)
    assert row["saturated"] > 0.3
    assert causes._named("activations", row)[0] == "layers.saturated"
    drawn = next(
        one for one in finding["histograms"] if (one["part"], one["tensor"]) == ("activations", FIRST)
    )
    assert drawn["counts"][0] + drawn["counts"][-1] > 0.2 * sum(drawn["counts"]), "beyond the margins"


def rounds(
    analysis: Layers, given: dict[str, TFLiteModel], folder: Path, images: Any, values: dict[str, float]
) -> Any:
    """Ask for variants as the engine does, each round measured by itself; what no table says gains 0.01."""
    found: list[Measured] = []
    asked: list[list[str]] = []
    for _ in range(analysis.rounds):
        made = analysis.variants(given, context(analysis, folder, images, found))
        if not made:
            break
        asked.append([one.name for one in made])
        usual = {one.name: values[made[0].name] + 0.01 for one in made}
        found += measured(made, usual | values)
    return asked, analysis.run(given, context(analysis, folder, images, found))


def test_the_layer_is_left_in_float_and_named_where_that_gives_back_the_loss(tmp_path: Path) -> None:
    chain, analysis = DenseChain(large=50.0), Layers()
    values = {
        "activations rounded": 0.5,
        "activations in float": 0.8,
        "weights rounded": 0.8,
        "weights in float": 0.8,
    }
    values[f"activations:{FIRST}"] = 0.78
    asked, found = rounds(analysis, models(tmp_path, chain), tmp_path, chain.images, values)
    assert asked[:2] == [
        ["activations rounded", "activations in float"],
        ["weights rounded", "weights in float"],
    ]
    assert asked[2][:2] == ["activations rounded", f"activations:{FIRST}"], (
        "the outputs' error promises most of it"
    )
    assert len(asked) == 3, "weights lost nothing"
    cause = found[1]
    assert (cause["cause"], cause["stage"], cause["layer"]) == ("layers.channels", "activations", "first")
    assert cause["cost"]["value"] == pytest.approx(0.28)
    assert cause["cost"]["low"] == pytest.approx(0.26)
    assert cause["cures"][0]["override"] == "quantize.method=fixed quantize.equalize=weights"
    assert cause["cures"][1]["override"] == "'pipeline=[convert,quantize_mixed]'"
    assert "better by 0.2800 of the 0.3000" in cause["text"]
    assert {one["name"] for one in found[0]["left_in_float"]} >= {
        "activations in float",
        f"activations:{FIRST}",
    }


@pytest.mark.parametrize(
    ("alone", "floats", "reach"),
    [
        (0.60, 0.80, 0.02),  # a third of the loss
        (0.78, 0.80, 0.30),  # within noise
        (0.515, 0.515, 0.001),  # too small a loss
    ],
)
def test_no_layer_is_named_without_strong_evidence(
    tmp_path: Path, alone: float, floats: float, reach: float
) -> None:
    chain, analysis = DenseChain(large=50.0), Layers()
    given = models(tmp_path, chain)
    variants = [
        Variant(name=name, model=given["model"])
        for name in ("activations rounded", "activations in float", f"activations:{FIRST}")
    ]
    values = dict(zip((one.name for one in variants), (0.5, floats, alone), strict=True))
    ctx = context(analysis, tmp_path, chain.images, measured(variants, values, reach))
    assert [finding.get("cause") for finding in analysis.run(given, ctx)] == [None]


def test_nothing_more_is_measured_of_a_file_that_lost_nothing(tmp_path: Path) -> None:
    chain, analysis = DenseChain(), Layers()
    values = dict.fromkeys(("activations rounded", "weights rounded"), 0.7)
    asked, found = rounds(analysis, models(tmp_path, chain), tmp_path, chain.images, values)
    assert len(asked) == 2
    assert len(found) == 1


def test_one_scale_for_channels_far_apart_is_named_for_what_it_is(tmp_path: Path) -> None:
    chain, analysis = DenseChain(large=50.0), Layers()
    given = models(tmp_path, chain, form=Form(granularity="tensor"))
    values = {
        "activations rounded": 0.5,
        "activations in float": 0.5,
        "weights rounded": 0.5,
        "weights in float": 0.9,
    }
    values[f"weights:{FIRST}"] = 0.88
    asked, found = rounds(analysis, given, tmp_path, chain.images, values)
    assert asked[2][:2] == ["weights rounded", f"weights:{FIRST}"]
    assert (found[1]["cause"], found[1]["stage"]) == ("weights.granularity", "weights")
    assert found[1]["cures"][0]["override"] == "quantize.granularity=channel"
    assert "its 4 channels share one scale" in found[1]["text"]


def test_a_file_without_a_quantized_tensor_has_no_findings(tmp_path: Path) -> None:
    chain, analysis = DenseChain(), Layers()
    floating = tflite(tmp_path, "float", chain.content())
    ctx = context(analysis, tmp_path, chain.images)
    assert analysis.run({"base": floating, "model": floating}, ctx) == []
    assert analysis.variants({"base": floating, "model": floating}, ctx) == ()


def test_a_layer_is_told_in_a_few_words() -> None:
    row = {"layer": "conv_dw_3", "channel_sqnr": 11.04, "saturated": 0.0412, "scales": 1, "channels": 32}
    assert (
        told.under(row) == "conv_dw_3 (SQNR 11.0 dB by channel, 4.1 % saturated, one scale for 32 channels)"
    )
    assert told.under({"layer": "a", "channel_sqnr": None}) == "a (SQNR exact by channel)"


def test_what_the_ladder_measured_is_measured_once(tmp_path: Path) -> None:
    """The wholes are the very files of two of its steps."""
    chain, analysis = DenseChain(), Layers()
    given = models(tmp_path, chain)
    ladder = {one.name: one.model.digest for one in rungs(given, context(Ladder(), tmp_path, chain.images))}
    ctx = context(analysis, tmp_path, chain.images)
    first = analysis.variants(given, ctx)
    second = analysis.variants(
        given,
        context(
            analysis,
            tmp_path,
            chain.images,
            measured(first, {"activations rounded": 0.5, "activations in float": 0.5}),
        ),
    )
    assert first[0].model.digest == ladder["ends"]
    assert first[1].model.digest == second[0].model.digest == ladder["weights"]


def test_weights_in_float16_have_no_grid_and_so_no_row(tmp_path: Path) -> None:
    chain, analysis = DenseChain(), Layers()
    made = held(chain.content(), {"first": Held("float16", levels=chain.first)})
    given = {"base": tflite(tmp_path, "base", chain.content()), "model": tflite(tmp_path, "half", made)}
    assert analysis.run(given, context(analysis, tmp_path, chain.images)) == []


def test_the_ladder_stands_where_layers_cannot_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = DenseChain(large=50.0)
    given = models(tmp_path, chain)
    ctx = context(Ladder(), tmp_path, chain.images)
    found = guilty.under({"activations", "kernels"}, given, ctx)
    assert list(found) == ["activations"]
    assert found["activations"][0].startswith("first (SQNR ")
    assert guilty.under({"kernels"}, given, ctx) == {}

    def refused(*given: Any) -> Any:
        raise PassError("LiteRT cannot execute it: no.")

    monkeypatch.setattr(measuring, "rows_of", refused)
    said: list[object] = []
    ctx.log = said.append
    assert guilty.under({"activations"}, given, ctx) == {}
    assert said == ["no layers are named for a step: LiteRT cannot execute it: no."]
