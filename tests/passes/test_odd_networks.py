"""Networks whose numbers are far apart: quantized right, or refused with one sentence; needs no TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_network
from odd_networks import CASES, DEAD, HOPELESS, STEM_BIAS, changed, scaled
from running import Running
from samples import samples
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import PassError
from tflbuild.core.judgement import Judgement
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.quantization import equalization, quantizer
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
]

PIXELS = np.random.default_rng(1).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def calibration(tmp_path: Path) -> Calibration:
    plugins.load(None)
    np.savez(tmp_path / "images.npz", images=PIXELS)
    return Calibration(source=str(tmp_path / "images.npz"), samples=len(PIXELS))


def difference(one: TFLiteModel, other: TFLiteModel) -> float:
    """Give the largest difference of a score over all images."""
    runners = [Running(model.path) for model in (one, other)]
    pairs = [[runner.run(image)["scores"] for runner in runners] for image in PIXELS]
    return float(max(np.abs(a - b).max() for a, b in pairs))


def passed(name: str, model: TFLiteModel, folder: Path, **options: Any) -> tuple[TFLiteModel, dict[str, Any]]:
    notes: dict[str, Any] = {}
    made = PASSES.get(name)(**options)
    made.check()
    return run_pass(made, model, folder, notes=notes), notes


WHOLE = {"ranges": "minmax", "correct_bias": True}


BY_ACTIVATIONS = ("decayed channels with biases", "an input that next to nothing reads")


@pytest.mark.parametrize(
    ("case", "equalize"),
    [(case, "weights") for case in CASES] + [(case, "activations") for case in BY_ACTIVATIONS],
)
def test_int8_of_an_equalized_model_is_near_the_float_one(
    tmp_path: Path, calibration: Calibration, case: str, equalize: str
) -> None:
    model = small_network.model(tmp_path, CASES[case]())
    options = {"method": "fixed", "equalize": equalize, **WHOLE}
    made, _ = passed("quantize", model, tmp_path, calibration=calibration, **options)
    assert difference(made, model) < 0.12  # the network as it is: 0.06


@pytest.mark.parametrize("case", CASES)
def test_an_equalized_model_computes_the_same_by_factors_that_are_bounded(
    tmp_path: Path, calibration: Calibration, case: str
) -> None:
    model = small_network.model(tmp_path, CASES[case]())
    options = {"balance": "weights", "absorb_bias": True, "calibration": calibration}
    made, notes = passed("equalize", model, tmp_path, **options)
    assert notes["equalize"]["left"] == {}
    assert difference(made, model) < 1e-5
    ends = [end for both in notes["equalize"]["factors"].values() for end in both]
    assert 1 / equalization.MOST <= min(ends) <= max(ends) <= equalization.MOST


def test_what_is_chosen_by_itself_is_near_the_float_model(tmp_path: Path, calibration: Calibration) -> None:
    model = small_network.model(tmp_path, CASES["decayed channels with biases"]())
    made, notes = passed("quantize", model, tmp_path, calibration=calibration)
    assert difference(made, model) < 0.12
    assert notes["auto"]["failed"] == []


def test_int16_activations_stand_a_bias_that_no_output_can_tell(
    tmp_path: Path, calibration: Calibration
) -> None:
    """Sums of 2^30 times a ratio of scales of 8 would wrap around in int32, and open the channel."""
    model = small_network.model(tmp_path, CASES["a channel that is always zero, far below"]())
    options = {"scheme": "int16x8", "equalize": "weights", "calibration": calibration}
    made, _ = passed("quantize", model, tmp_path, **options)
    assert difference(made, model) < 0.02


def test_a_channel_shut_by_an_endless_bias_does_not_keep_xnnpack_from_the_others(
    tmp_path: Path, calibration: Calibration
) -> None:
    model = small_network.model(tmp_path, changed((STEM_BIAS, 1, -1e30)))
    made, _ = passed("quantize", model, tmp_path, method="fixed", calibration=calibration)
    assert difference(made, model) < 0.12


@pytest.mark.parametrize("case", ["channels of denormals", "all decayed"])
def test_other_passes_stand_decayed_channels(tmp_path: Path, calibration: Calibration, case: str) -> None:
    model = small_network.model(tmp_path, CASES[case]())
    rounded, _ = passed("round", model, tmp_path, steps=5, calibration=calibration)
    assert difference(rounded, model) < 0.12
    int8, _ = passed("quantize", model, tmp_path, method="fixed", calibration=calibration)
    notes: dict[str, Any] = {}
    correcting = PASSES.get("correct_bias")(calibration=calibration)
    corrected = run_pass(correcting, int8, tmp_path, notes=notes, models={"convert": model})
    assert notes["correct_bias"]["left"] == {}
    assert difference(corrected, model) < 0.12


@pytest.mark.parametrize("name", ["quantize", "equalize", "round", "quantize_mixed"])
@pytest.mark.parametrize("case", ["a bias that is not a number"])
def test_what_is_no_number_is_refused_and_named(
    tmp_path: Path, calibration: Calibration, case: str, name: str
) -> None:
    model = small_network.model(tmp_path, HOPELESS[case]())
    with pytest.raises(PassError, match="not finite"):
        passed(name, model, tmp_path, calibration=calibration)


def test_what_has_no_scale_in_any_setting_is_refused_with_the_reason(
    tmp_path: Path, calibration: Calibration
) -> None:
    model = small_network.model(tmp_path, HOPELESS["a weight of 1e30"]())
    with pytest.raises(PassError, match=r"none of \d+ settings gives .* 'stem/Relu' has a degenerate scale"):
        passed("quantize", model, tmp_path, calibration=calibration)


def test_a_setting_that_the_quantizer_crashes_on_is_left_out_of_the_choice(
    tmp_path: Path, calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_network.model(tmp_path, scaled(50.0))
    original = quantizer.quantizer.Quantizer

    def crashing(content: bytes) -> Any:
        if bytes(content) != model.path.read_bytes():  # an equalized model
            raise IndexError("list index out of range")
        return original(content)

    monkeypatch.setattr(quantizer.quantizer, "Quantizer", crashing)
    made, notes = passed("quantize", model, tmp_path, calibration=calibration)
    assert "equalized" not in notes["auto"]["chosen"]
    assert {failed["reason"] for failed in notes["auto"]["failed"]} == {
        "LiteRT Quantizer refused the model: list index out of range"
    }
    assert difference(made, model) < 0.12


def test_a_kept_layer_mends_what_int8_cannot_hold(tmp_path: Path, calibration: Calibration) -> None:
    """An int8 file that does not run is noted, and is not the end."""
    from tflbuild.passes.quantizing import trials

    model = small_network.model(tmp_path, changed(*DEAD))
    built = trials.Trials._build

    def refusing(self: Any, names: frozenset[str]) -> bytes:
        if not names:
            raise PassError("LiteRT cannot execute it.")
        return built(self, names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials.Trials, "_build", refusing)
        options = PASSES.get("quantize_mixed")(
            method="fixed", max_kept=1.0, images=3, keep="float32", calibration=calibration
        )
        notes: dict[str, Any] = {}
        made = run_pass(
            options, model, tmp_path, notes=notes, judge=lambda model: Judgement(verdicts=(), metrics={})
        )
    assert notes["mixed"]["failed"] == [{"kept": "nothing", "reason": "LiteRT cannot execute it"}]
    assert notes["mixed"]["kept"]
    assert difference(made, model) < 0.12


def test_a_real_model_with_dead_channels_is_quantized(shared_models: Path, tmp_path: Path) -> None:
    """Before, factors of 4.7e12 let XNNPACK refuse the file."""
    from on_bytes import equalized, largest_difference, observe
    from tflbuild.tflite import flatbuffer

    content = (shared_models / "mlperf_tiny" / "vww_96_float.tflite").read_bytes()
    images = samples(np.random.default_rng(0).uniform(0, 1, (4, 96, 96, 3)).astype(np.float32))
    observed = observe(content, images)
    for balance in ("weights", "activations"):
        made, factors = equalized(content, observed, balance=balance, relu6="keep")  # type: ignore[arg-type]
        ends = [float(end) for found in factors.values() for end in (found.min(), found.max())]
        assert 1 / equalization.MOST <= min(ends) <= max(ends) <= equalization.MOST
        assert largest_difference(content, made, images) < 1e-5
        weights = _weights(flatbuffer.unpack(made))
        assert max(float(np.abs(values).max()) for values in weights) < 1e5


def _weights(model: Any) -> list[Any]:
    from tflbuild.tflite.graph import Graph

    graph = Graph(model)
    return [graph.constant(operator.inputs[1]) for operator in graph.weighted()]
