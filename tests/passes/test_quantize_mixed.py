"""Mixed precision under a budget; needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dense_chain import FIRST, SECOND, DenseChain, chain
from on_bytes import OutputError
from tflbuild import plugins
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.compiler_pass import PASSES, DataFacts
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.judgement import Judgement
from tflbuild.core.metric import Measurement
from tflbuild.passes.quantize_mixed import smallest
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.quantization.mixed import Addition, Group
from tflbuild.testing import run_pass
from tflbuild.tflite import flatbuffer

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def made(**options: Any) -> Any:
    plugins.load(None)
    return PASSES.get("quantize_mixed")(method="fixed", **options)


def judge(most: float, judged: list[float] | None = None) -> Callable[[Artifact], Judgement]:
    """Allow an output error of at most so much on images of its own."""
    network = DenseChain()
    reference = OutputError(network.content(), network.samples)

    def hold(model: Artifact) -> Judgement:
        error = reference.of(model.path.read_bytes())
        if judged is not None:
            judged.append(error)
        verdict = Verdict(
            limit=Limit(metric="error", form="max", bound=most),
            baseline=None,
            value=error,
            low=None,
            high=None,
            ok=error <= most,
            decided=True,
            text=f"error {error:.4f}",
        )
        return Judgement(verdicts=(verdict,), metrics={"error": Measurement(value=error, unit="1")})

    return hold


def build(
    folder: Path, most: float, notes: dict[str, Any], **options: Any
) -> tuple[TFLiteModel, TFLiteModel]:
    model, calibration = chain(folder)
    options = {"max_kept": 1.0, "images": 10, **options}
    return model, run_pass(
        made(calibration=calibration, **options), model, folder, notes=notes, judge=judge(most)
    )


def dtypes(model: TFLiteModel) -> dict[str, str]:
    return {operator.output: operator.inputs[0] for operator in flatbuffer.operators(model.path)}


def test_nothing_is_kept_where_int8_is_within_the_budget(tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    _, result = build(tmp_path, 1.0, notes)
    assert (notes["mixed"]["kept"], notes["mixed"]["judged"], notes["islands"]) == ([], 1, [])
    assert (dtypes(result)[FIRST], dtypes(result)[SECOND]) == ("int8", "int8")


def test_what_fits_is_kept_where_that_is_enough(tmp_path: Path) -> None:
    network, notes = DenseChain(), dict[str, Any]()
    everything = network.error({FIRST, SECOND}, network.ranges())
    without = network.error({FIRST}, network.ranges())
    _, result = build(tmp_path, 0.39, notes, max_kept=0.2)  # 12 of the 60 weights are the second layer's
    (kept,) = notes["mixed"]["kept"]
    assert (kept["layer"], kept["tensors"], kept["dtype"]) == ("second", [SECOND], "float32")
    assert (kept["weight_bytes"], notes["mixed"]["share"]) == (12, 0.2)
    assert (dtypes(result)[FIRST], dtypes(result)[SECOND]) == ("int8", "float32")
    before, after = (notes["mixed"]["metrics"][name]["error"]["value"] for name in ("int8", "mixed"))
    assert after / before == pytest.approx(without / everything, rel=0.1)


@pytest.mark.parametrize(("keep", "dtype"), [("float32", "float32"), ("int16x8", "int16")])
def test_the_pair_is_kept_where_the_value_between_them_is_ill(tmp_path: Path, keep: str, dtype: str) -> None:
    notes: dict[str, Any] = {}
    _, result = build(tmp_path, 0.2, notes, keep=keep)
    assert notes["mixed"]["ok"]
    assert {tensor for kept in notes["mixed"]["kept"] for tensor in kept["tensors"]} == {FIRST, SECOND}
    assert {(island["tensor"], island["dtype"]) for island in notes["islands"]} == {
        (FIRST, dtype),
        (SECOND, dtype),
    }
    assert [island["layer"] for island in result.meta["islands"]] == ["first", "second"]
    assert all("output error" in island["reason"] for island in notes["islands"])
    assert result.meta["quantized"] == "int8"


def test_the_nearest_is_given_where_no_candidate_holds_the_budget(tmp_path: Path) -> None:
    model, calibration = chain(tmp_path)
    judged: list[float] = []
    notes: dict[str, Any] = {}
    options = made(calibration=calibration, max_kept=1.0)
    result = run_pass(options, model, tmp_path, notes=notes, judge=judge(1e-6, judged))
    assert not notes["mixed"]["ok"]
    assert notes["mixed"]["judged"] == len(judged)
    assert notes["mixed"]["metrics"]["mixed"]["error"]["value"] == min(judged) < judged[0]
    assert result.meta["islands"]


def test_no_more_is_kept_than_allowed(tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    build(tmp_path, 1e-6, notes, max_kept=0.0)
    assert (notes["mixed"]["kept"], notes["mixed"]["share"]) == ([], 0.0)


class Needing:
    """Candidates that hold the budget where they keep certain layers."""

    def __init__(self, *needed: str) -> None:
        self.needed, self.asked = set(needed), 0

    def of(self, steps: tuple[Addition, ...]) -> Any:
        self.asked += 1
        kept = {step.group.layer for step in steps}
        return SimpleNamespace(steps=steps, ok=kept >= self.needed)


@pytest.mark.parametrize(
    ("needed", "kept"), [("d", "d"), ("bd", "bd"), ("a", "a"), ("abcdefgh", "abcdefgh"), ("", "")]
)
def test_what_turns_out_unneeded_is_dropped(needed: str, kept: str) -> None:
    order = [
        Addition(
            group=Group(layer=layer, tensors=frozenset({layer})),
            tensors=frozenset({layer}),
            bytes=1,
            before=1.0 - place / 10,
            after=0.9 - place / 10,
        )
        for place, layer in enumerate("abcdefgh")
    ]
    trials: Any = Needing(*needed)
    found = smallest(trials, order)
    assert found is not None
    assert "".join(step.group.layer for step in found.steps) == kept
    assert trials.asked < 16


def test_what_is_kept_and_not_named_is_noticed(tmp_path: Path) -> None:
    model, result = build(tmp_path, 0.2, {})
    options = made(max_kept=1.0)
    silent = replace(result, meta={**result.meta, "islands": result.meta["islands"][:1]})
    with pytest.raises(BrokenPromise, match="full-integer was promised, but FULLY_CONNECTED"):
        options.verify(model, silent)
    island = {**result.meta["islands"][0], "dtype": "int16"}
    wrong = replace(result, meta={**result.meta, "islands": [island, result.meta["islands"][1]]})
    with pytest.raises(BrokenPromise):
        options.verify(model, wrong)
    with pytest.raises(BrokenPromise, match=r"100\.0% of the weights are kept, not at most max_kept=0\.5"):
        made(max_kept=0.5).verify(model, result)


def test_layers_are_kept_as_the_targets_can_compute() -> None:
    facts = DataFacts(task="detection", train=1, classes=1, input_size=96)
    assert made().resolve(facts).keep == "float32"
    assert made().resolve(replace(facts, integer_only=True)).keep == "int16x8"
    assert made(keep="float32").resolve(replace(facts, integer_only=True)).keep == "float32"


def test_calibration_is_read_and_candidates_are_judged() -> None:
    options = made(calibration=Calibration(source="data.val"))
    assert options.reads() == ("data.val",)
    assert options.judges()
    assert options.output_quantized()
