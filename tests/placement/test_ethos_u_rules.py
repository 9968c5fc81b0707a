"""The rules for Ethos-U: held to the real vela, and what they say. `benchmarks/placement_ethos.py` tries many more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ethos_cases import Case, cases
from single_operators import Held, Operator, bias, network, one, side_by_side, weights
from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.engine.placing import Foreseen
from tflbuild.quantization import final_scores
from tflbuild.targets.ethos_u.target import EthosU
from tflbuild.tflite.graph import Graph

vela = pytest.mark.skipif(
    toolchain.version("ethosu") is None, reason="vela (tflbuild[ethos]) is not installed"
)
REFUSED = "is in a file "
"""Beginning of the reason where vela makes no file at all."""

HEAVY = (256, 16384, 2**16)
TOGETHER = 20
"""Operators of one file; vela needs minutes for a hundred that stand beside each other."""

ACCELERATORS = ("ethos-u55-128", "ethos-u65-256", "ethos-u85-256")


def written(folder: Path, content: bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


def predicted(folder: Path, content: bytes, accelerator: str = "ethos-u55-128") -> list[dict[str, Any]]:
    target: Any = EthosU(accelerator=accelerator)  # type: ignore[arg-type]
    return list(target.place(written(folder, content))["operators"])


def compiled(folder: Path, content: bytes, accelerator: str) -> list[dict[str, Any]]:
    work = folder / "work"
    work.mkdir()
    target: Any = EthosU(accelerator=accelerator, allow_uncovered=True)  # type: ignore[arg-type]
    model = TFLiteModel(path=written(folder, content), digest="", fingerprint="")
    return list(target.compile(model, work)[1]["placement"]["operators"])


def small(folder: Path, accelerator: str, start: int) -> list[Case]:
    """Give cases that vela takes and that are small, spread over all groups of operators."""
    found = [(name, content) for name, content in cases() if len(content) < 3000 and "(" not in name]
    chosen = found[start :: len(found) // 40]
    taken = [
        (n, c) for n, c in chosen if not predicted(folder, c, accelerator)[0]["reason"].startswith(REFUSED)
    ]
    return taken[:TOGETHER]


@vela
@pytest.mark.parametrize("accelerator", ACCELERATORS)
@pytest.mark.parametrize("start", [0, pytest.param(5, marks=pytest.mark.slow)])
def test_operators_run_where_the_rules_say(tmp_path: Path, accelerator: str, start: int) -> None:
    chosen = small(tmp_path, accelerator, start)
    content = side_by_side([content for _, content in chosen])
    found, foreseen = compiled(tmp_path, content, accelerator), predicted(tmp_path, content, accelerator)
    assert len(foreseen) == len(chosen) == TOGETHER
    assert 3 < sum(operator["on"] for operator in foreseen) < TOGETHER - 3, "both sides are tried"
    wrong = [
        (name, made["reason"], rule["reason"])
        for (name, _), made, rule in zip(chosen, found, foreseen, strict=True)
        if made["on"] is not rule["on"]
    ]
    assert not wrong


SHARED = (
    "tflite_micro/person_detect.tflite",
    "odapi/ssd_mobilenet_v2/tflite/int8_regular_nms100_uint8_input.tflite",
)


@vela
@pytest.mark.parametrize("name", SHARED)
def test_real_files_run_where_the_rules_say(shared_models: Path, tmp_path: Path, name: str) -> None:
    content = (shared_models / name).read_bytes()
    found, foreseen = compiled(tmp_path, content, "ethos-u55-128"), predicted(tmp_path, content)
    assert [one["on"] for one in found] == [one["on"] for one in foreseen]
    left = [(made["name"], made["reason"], rule["on"]) for made, rule in zip(found, foreseen, strict=True)]
    for kind, reason, _ in (entry for entry in left if not entry[2]):
        assert kind in {"DEQUANTIZE", "TFLite_Detection_PostProcess"}
        assert reason == "is left to the processor by vela: Unsupported opType"


@vela
@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_final_scores_of_16_bits_run_on_every_family(tmp_path: Path, accelerator: str) -> None:
    scores = (1, 30, 4)
    made = network(
        {
            "logits": Held(scores),
            "scores": Held(scores, "int8", 1 / 256, -128),
            "floats": Held(scores, "float32", None),
        },
        [
            Operator("LOGISTIC", ["logits"], ["scores"]),
            Operator("DEQUANTIZE", ["scores"], ["floats"], kind="Dequantize"),
        ],
    )
    graph = Graph.unpacked(made)
    final_scores.widen(graph)
    found = compiled(tmp_path, graph.packed(), accelerator)
    assert [(one["name"], one["on"]) for one in found] == [
        ("QUANTIZE", True),
        ("LOGISTIC", True),
        ("DEQUANTIZE", False),
    ]


@vela
def test_a_file_that_vela_refuses_is_foreseen(tmp_path: Path) -> None:
    wide = Held((1, 4, 4, 8), "int16")
    content = one("HARD_SWISH", [wide], [wide], "HardSwish")
    with pytest.raises(PassError) as caught:
        compiled(tmp_path, content, "ethos-u55-128")
    assert "HARD_SWISH 'out0' Does not have valid TFLite Semantics. - IFM has to be 8bit" in str(caught.value)
    assert str(caught.value).endswith("a HARD_SWISH or ARG_MAX of more than 8 bits (quantize.scheme=int8).")


def test_suppression_stays_on_the_processor_and_a_plan_does_not_lay_that_to_the_users_file(
    shared_models: Path,
) -> None:
    path = shared_models / "odapi/ssd_mobilenet_v2/tflite/float_max10.tflite"
    found = EthosU().foresee(path)
    assert found is not None
    last = found["operators"][-1]
    assert (last["name"], last["on"], last["unknown"]) == ("TFLite_Detection_PostProcess", False, False)
    assert last["reason"] == "suppresses boxes, which the processor does in float32"
    assert Foreseen("ethos_u55", found, delivered=False).text() == ""


IMAGE = Held((1, 4, 4, 8))
KERNEL = weights(8, 3, 3, 8)
STRIDES = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}


def conv(**changes: Any) -> bytes:
    data, out = changes.pop("data", IMAGE), changes.pop("out", IMAGE)
    kernel = changes.pop("kernel", KERNEL)
    return one("CONV_2D", [data, kernel, bias(8)], [out], "Conv2D", **{**STRIDES, **changes})


@pytest.mark.parametrize(
    ("content", "family", "reason", "cure"),
    [
        (conv(), "u55-128", "", ""),
        (
            conv(strideW=5, strideH=5, out=Held((1, 1, 1, 8)), kernel=weights(8, 7, 7, 8)),
            "u55-128",
            "has the stride 5x5 with padding or dilation; this NPU takes strides up to 3 there",
            "padding=valid or stride 1 to 3 in the model, or target=ethos_u85",
        ),
        (
            conv(strideW=5, strideH=5, out=Held((1, 1, 1, 8)), kernel=weights(8, 7, 7, 8)),
            "u85-256",
            "",
            "",
        ),
        (
            conv(data=Held((1, 4, 4, 8), "float32", None), out=Held((1, 4, 4, 8), "float32", None)),
            "u65-256",
            "computes with float32 and gives float32; the NPU takes integers",
            "quantize.scheme=int8",
        ),
        (
            conv(data=Held((1, 4, 4, 8), signature=(-1, -1, 4, 8))),
            "u55-128",
            "has a tensor whose shape is open beyond the batch",
            "model.shape=[1,HEIGHT,WIDTH,CHANNELS]",
        ),
        (conv(data=Held((1, 4, 4, 8), signature=(-1, 4, 4, 8))), "u55-128", "", ""),
        (
            one("LOGISTIC", [IMAGE], [Held(IMAGE.shape, "int16")]),
            "u85-256",
            "is in a file on which vela 5.2 never ends for this NPU, for operator 0 gives another width than it takes",
            "quantize.scores=int8",
        ),
        (one("LOGISTIC", [IMAGE], [Held(IMAGE.shape, "int16")]), "u55-128", "", ""),
        (
            one("Mine", [IMAGE], [IMAGE]),
            "u85-256",
            "is no custom operator of the Ethos-U",
            "",
        ),
        (
            one("DIV", [IMAGE, IMAGE], [IMAGE], "Div"),
            "u55-128",
            "is an operator of the Ethos-U85 alone",
            "target=ethos_u85",
        ),
    ],
)
def test_why_an_operator_stays_is_said_with_the_values(
    tmp_path: Path, content: bytes, family: str, reason: str, cure: str
) -> None:
    (found,) = predicted(tmp_path, content, f"ethos-{family}")
    assert (found["on"], found["reason"], found["cure"]) == (not reason, reason, cure)


@pytest.mark.parametrize(
    ("value", "wide", "family", "on"),
    [
        # 100,000 weights each; the accumulator takes 127 * 65,536 = 8,323,072, the U85's of int16 256 times that
        (83, False, "u55-128", True),
        (84, False, "u55-128", False),
        (84, False, "u85-256", False),
        (84, True, "u55-128", False),
        (84, True, "u85-256", True),
    ],
)
def test_the_weights_of_a_channel_are_added_up(
    tmp_path: Path, value: int, wide: bool, family: str, on: bool
) -> None:
    dtype = "int16" if wide else "int8"
    data, out = Held((1, 5, 5, 4000), dtype), Held((1, 1, 1, 8), dtype)
    content = conv(data=data, out=out, kernel=weights(8, 5, 5, 4000, value=-value), padding=1)
    (found,) = predicted(tmp_path, content, f"ethos-{family}")
    assert found["on"] is on
    if not on:
        assert (
            found["reason"] == "has a channel whose weights come to 8400000, more than its accumulator takes"
        )


def test_the_channels_of_a_depthwise_convolution_are_added_up_one_by_one(tmp_path: Path) -> None:
    # 40,000 weights of 127 a channel are 5,080,000, two channels more than an accumulator takes
    kernel = weights(1, 200, 200, 2, value=127)
    inputs = [Held((1, 200, 200, 2)), kernel, bias(2)]
    options = {**STRIDES, "depthMultiplier": 1, "padding": 1}
    content = one("DEPTHWISE_CONV_2D", inputs, [Held((1, 1, 1, 2))], "DepthwiseConv2D", **options)
    assert predicted(tmp_path, content)[0]["on"]


def test_vela_is_not_needed_for_a_prediction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", lambda tool: None)
    found: Any = EthosU(accelerator="ethos-u65-512").place(written(tmp_path, conv()))
    assert (found["basis"], found["title"], found["delegated"]) == ("rules", "Ethos-U65", 1)
    assert 'pip install "tflbuild[ethos]"' in found["remarks"][0]


def test_a_truncated_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"model\.tflite"):
        EthosU().place(written(tmp_path, conv()[:-100]))
