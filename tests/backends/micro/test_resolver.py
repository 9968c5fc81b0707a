"""The operators of a file as methods of LiteRT for Microcontrollers' resolver."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import micro_sources
import stateful_files
import tflite_files
from tflbuild.backends.micro.methods import method, methods
from tflbuild.backends.micro.resolver import operators_of, variables_of
from tflbuild.core.target import TABLES
from tflbuild.placement import rule_file
from tflbuild.tflite import flatbuffer

HEADER = "tensorflow/lite/micro/micro_mutable_op_resolver.h"


def declared(header: Path) -> set[str]:
    """Read the methods of a resolver's header; of stand-ins, too."""
    text = header.read_text()
    found = {*re.findall(r"TfLiteStatus (Add\w+)\(", text), *re.findall(r"METHOD\((Add\w+)\)", text)}
    return found - {"AddCustom", "AddBuiltin"}


def of_the_table() -> set[str]:
    return {method(name) for name in rule_file.read(TABLES / "tflite_micro.yaml").operators}


def test_every_operator_of_the_rules_has_its_method_and_no_other_is_left_out() -> None:
    # AddEthosU registers nothing without Arm's driver, so the interpreter of the package does not have it.
    assert of_the_table() == declared(micro_sources.STANDING_IN / HEADER) - {"AddEthosU"}


def test_the_stand_in_has_the_methods_of_the_real_header() -> None:
    checkout = micro_sources.real()
    if checkout is None:
        pytest.skip("TFLBUILD_TEST_TFLM names no checkout of tflite-micro")
    assert declared(micro_sources.STANDING_IN / HEADER) == declared(checkout / HEADER)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("SPACE_TO_BATCH_ND", "AddSpaceToBatchNd"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("TFLite_Detection_PostProcess", "AddDetectionPostprocess"),
        ("CIRCULAR_BUFFER", "AddCircularBuffer"),
        ("SignalFftAutoScale", "AddFftAutoScale"),
        ("ethos-u", "AddEthosU"),
    ],
)
def test_methods_have_the_names_of_the_header(name: str, wanted: str) -> None:
    assert method(name) == wanted


def test_an_operator_is_added_once() -> None:
    model = flatbuffer.unpack(tflite_files.classifier("RELU", "RELU", "SOFTMAX"))
    assert methods(operators_of(model)) == ["AddFullyConnected", "AddRelu", "AddSoftmax"]


def test_the_operators_of_a_loops_body_are_needed_too() -> None:
    found = operators_of(flatbuffer.unpack(stateful_files.loop()))
    assert {"WHILE", "FULLY_CONNECTED", "LESS"} <= set(found)


def test_variables_are_counted_by_their_names() -> None:
    assert variables_of(flatbuffer.unpack(stateful_files.counter())) == 1
    assert variables_of(flatbuffer.unpack(tflite_files.classifier("SOFTMAX"))) == 0
