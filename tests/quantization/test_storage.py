"""How a file stores its numbers: counts and promises, of files spoilt on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_network
from on_bytes import quantize
from tflbuild.core.errors import BrokenPromise
from tflbuild.quantization.form import Form
from tflbuild.quantization.storage import check_stored, stored
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.tiny import dense_classifier

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def made(folder: Path, scheme: Any = "int8", **form: Any) -> Path:
    ranges = small_network.ranges() if scheme in ("int8", "int16x8") else None
    path = folder / "made.tflite"
    path.write_bytes(
        quantize(
            small_network.model(folder).path,
            scheme,
            ranges,
            float_input=True,
            float_output=True,
            form=Form(**form),
        )
    )
    return path


def test_kernels_scales_and_activations_are_counted(tmp_path: Path) -> None:
    """Six operators give int8, one of two borders float32; a float16 file has a DEQUANTIZE for each constant."""
    assert stored(made(tmp_path)) == {
        "kernels": {"int8": 3},
        "scales": {"channel": 3},
        "activations": {"float32": 1, "int8": 7},
    }
    assert stored(made(tmp_path, weight_bits=4, granularity="tensor")) == {
        "kernels": {"int4": 2, "int8": 1},
        "scales": {"tensor": 3},
        "activations": {"float32": 1, "int8": 7},
    }
    assert stored(made(tmp_path, "int16x8"))["activations"] == {"float32": 1, "int16": 7}
    found = stored(made(tmp_path, "float16"))
    assert (found["kernels"], found["scales"]) == ({"float16": 3}, {})


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic", "float16"])
def test_what_was_asked_for_is_promised_and_kept(tmp_path: Path, scheme: str) -> None:
    check_stored(made(tmp_path, scheme), scheme, Form())
    if scheme != "float16":
        check_stored(made(tmp_path, scheme, weight_bits=4), scheme, Form(weight_bits=4))


@pytest.mark.parametrize(
    ("stored_as", "promised", "message"),
    [
        (
            ("int8", {}),
            ("float16", {}),
            "^float16 weights were promised, but those of CONV_2D 'stem/Relu' are int8",
        ),
        (
            ("float16", {}),
            ("int8", {}),
            "^int8 weights were promised, but those of CONV_2D 'stem/Relu' are float16",
        ),
        (
            ("int8", {"weight_bits": 4}),
            ("int8", {}),
            "^int8 weights were promised, but those of CONV_2D 'stem/Relu' are int4",
        ),
        (
            ("int8", {"granularity": "tensor"}),
            ("int8", {}),
            "^one scale a channel was promised, but CONV_2D 'stem/Relu' has 1 for 4 channels",
        ),
        (
            ("int8", {}),
            ("int8", {"granularity": "tensor"}),
            "^one scale a tensor was promised, but CONV_2D 'stem/Relu' has 4 for 4 channels",
        ),
        (
            ("int8", {}),
            ("int8", {"activations": "symmetric"}),
            r"^symmetric activations were promised, but QUANTIZE 'image_quantized' has the zero point -1\.$",
        ),
    ],
)
def test_what_is_stored_otherwise_is_named(
    tmp_path: Path, stored_as: tuple[str, Any], promised: tuple[str, Any], message: str
) -> None:
    path = made(tmp_path, stored_as[0], **stored_as[1])
    with pytest.raises(BrokenPromise, match=message):
        check_stored(path, promised[0], Form(**promised[1]))


def test_scores_and_their_copies_may_have_a_zero_point(tmp_path: Path) -> None:
    """SOFTMAX gives 1/256 from -128, and so does a MAX_POOL_2D or a RESHAPE behind it, by the specification."""
    path = made(tmp_path, activations="symmetric")
    check_stored(path, "int8", Form(activations="symmetric"))

    def shifted(graph: Graph) -> None:
        small_network.tensor(graph, "flat").quantization.zeroPoint = np.array([3], np.int64)

    with pytest.raises(BrokenPromise, match="but RESHAPE 'flat' has the zero point 3"):
        check_stored(small_network.spoilt(path, shifted), "int8", Form(activations="symmetric"))


def test_a_kernel_may_stay_float_only_below_a_size(tmp_path: Path) -> None:
    """The one kernel of the smallest model has 2 x 192 weights."""
    path = tmp_path / "float.tflite"
    path.write_bytes(dense_classifier())
    count = 384
    for least in (0, count):
        with pytest.raises(
            BrokenPromise,
            match="int8 weights were promised, but those of FULLY_CONNECTED 'logits' are float32",
        ):
            check_stored(path, "int8", Form(), least=least)
    with pytest.raises(
        BrokenPromise, match=r"^dynamic weights were promised, but all of them are float32\.$"
    ):
        check_stored(path, "dynamic", Form(), least=count + 1)
