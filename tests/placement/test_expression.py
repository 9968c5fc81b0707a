"""Conditions of rules: what they may say, what they give, and that nothing else is possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.placement import facts
from tflbuild.placement.expression import Scope, Unknown, parse, parse_text
from tflbuild.placement.syntax import Mistake
from tflbuild.tflite import flatbuffer
from tflite_files import Typed, network, step


def scope(**device: Any) -> Scope:
    """Give a convolution of stride 2 x 1 on 6x6x1 int8 with 2 channels of output, no bias."""
    steps = [step("CONV_2D", ["image", "kernel"], ["map"], "RELU6"), step("RELU", ["map"], ["end"])]
    steps[0].options.strideH, steps[0].options.padding = 2, schema.Padding.VALID
    tensors = {
        "image": (1, 6, 6, 1),
        "kernel": np.arange(2, dtype=np.int8).reshape(2, 1, 1, 1),
        "map": (1, 3, 6, 2),
        "end": (1, 3, 6, 2),
    }
    typed = {name: Typed("int8", 0.5, 3) for name in ("image", "map", "end")} | {"kernel": Typed("int8")}
    model = facts.facts_of(flatbuffer.unpack(network(tensors, steps, ["image"], ["end"], typed)), 1234)
    return Scope(model, model.operators[0], device)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("input.dtype", "int8"),
        ("input.dtype == int8", True),
        ("input.dtype in (float32, uint8)", False),
        ("input.shape", (1, 6, 6, 1)),
        ("input.shape[1:3] == (6, 6)", True),
        ("input.shape[-1]", 1),
        ("input.rank", 4),
        ("input.elements", 36),
        ("input.bytes", 36),
        ("input.scale", 0.5),
        ("input.zero_point", 3),
        ("input.per_channel", False),
        ("input.constant or input.dynamic or input.variable", False),
        ("input.is_input and output.is_output", False),
        ("output.producer", "CONV_2D"),
        ("output.consumers", ("RELU",)),
        ("input.producer", ""),
        ("weights.constant and weights.values == (0, 1)", True),
        ("weights.quantized", False),
        ("bias is None", True),
        ("len(inputs)", 2),
        ("len(present)", 2),
        ("options.stride_h", 2),
        ("options.stride_w == 1 and options.dilation_w_factor == 1", True),
        ("options.padding", "VALID"),
        ("options.fused_activation_function", "RELU6"),
        ("op.name", "CONV_2D"),
        ("op.index", 0),
        ("op.macs", 36),
        ("model.count", 2),
        ("model.bytes", 1234),
        ("model.inputs[0].name", "image"),
        ("len(model.custom)", 0),
        ("device.memory // 3 - 1", 2),
        ("1 < options.stride_h <= 2", True),
        ("product(weights.shape)", 2),
        ("sum(one.elements for one in present if not one.constant)", 36),
        ("all(one.dtype == int8 for one in inputs)", True),
        ("any(one.rank != 4 for one in present)", False),
        ("max(side for side in output.shape)", 6),
        ("'even' if input.shape[1] % 2 == 0 else 'odd'", "even"),
        ("abs(-2) + round(0.6) * 2 / 2", 3.0),
        ("not (input.rank == 4 or 1 / 0)", False),
    ],
)
def test_conditions_give_what_the_operator_has(text: str, value: Any) -> None:
    assert parse(text).value(scope(memory=9)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input.dtyp == int8", "there is no 'dtyp'. Did you mean 'dtype'?"),
        ("inputt.dtype", "'inputt' is not known"),
        ("options.stride == 1", "there is no 'stride'"),
        ("int9 == input.dtype", "'int9' is not known"),
        ("lenn(inputs)", "'lenn' is not a function"),
        ("input.shape.__class__", "there is no '__class__'"),
        ("().__class__.__bases__", "there is no '__bases__'"),
        ("op.__init__", "there is no '__init__'"),
        ("__import__('os')", "'__import__' is not a function"),
        ("open('x')", "'open' is not a function"),
        ("input.dtype ==", "is not a condition"),
        ("x := 1", "is not a condition"),
        ("(x := 1)", "is not possible"),
        ("lambda: 1", "is not possible"),
        ("[1, 2]", "is not possible"),
        ("{1: 2}", "is not possible"),
        ("2 ** 9", "is not possible"),
        ("input << 3", "is not possible"),
        ("f'{input}'", "is not possible"),
        ("b'1'", "is not possible"),
        ("max(1, key=2)", "named argument"),
        ("all(a for a in inputs for b in inputs)", "only have one"),
        ("all(b for a in inputs)", "'b' is not known"),
        ("1 " * 600, "at most 1000"),
        ("(" * 300 + ")" * 300, "is not a condition"),
    ],
)
def test_what_is_not_in_the_language_is_refused_when_it_is_read(text: str, said: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "bias.dtype == int32",
        "input.shape[7]",
        "min(input.shape[4:])",
        "1 / 0",
        "options.axis",
        "device.other",
        "'a' * 9",
        "input < 3",
    ],
)
def test_what_has_no_value_is_unknown(text: str) -> None:
    with pytest.raises(Unknown):
        parse(text).value(scope())


def test_a_generator_sees_the_operators_of_the_whole_model() -> None:
    found = parse("sum(one.macs for one in model.operators)").value(scope())
    assert found == 36
    whole = Scope(scope().model, None, {})
    assert parse("all(not one.dynamic for one in model.inputs)").value(whole) is True
    with pytest.raises(Unknown, match="of the whole model"):
        parse("input.dtype").value(whole)


def test_the_values_that_decide_are_named_as_the_condition_names_them() -> None:
    found = parse("options.stride_h == 1 and all(t.dtype == int8 for t in inputs) and input.shape[1] < 3")
    assert found.named_values(scope()) == {
        "options.stride_h": 2,
        "inputs": ["int8 [1, 6, 6, 1]", "int8 [2, 1, 1, 1]"],
        "input.shape[1]": 6,
    }


def test_sentences_hold_values_and_a_mark_for_what_is_unknown() -> None:
    said = parse_text(
        "it has stride {options.stride_h}, shape {input.shape}, scale {input.scale}, bias {bias.dtype}"
    )
    assert said.filled(scope()) == "it has stride 2, shape 1x6x6x1, scale 0.5, bias ?"
