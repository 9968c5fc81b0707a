"""Reasons in one line, and what LiteRT raises as one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import small_network
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.quantization.attempts import REFUSALS, executing, first_reasons, reason
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("it\n  failed\there.;."), "it failed here"),
        (ValueError("  "), "ValueError"),
        (OverflowError("too large."), "OverflowError: too large"),
        (ZeroDivisionError(), "ZeroDivisionError: ZeroDivisionError"),
        (PassError("tensor 'a' is wrong"), "tensor 'a' is wrong"),
    ],
    ids=["white space", "nothing", "arithmetic", "arithmetic without words", "ours"],
)
def test_a_reason_is_one_line_without_a_full_stop(error: Exception, said: str) -> None:
    assert reason(error) == said


def test_a_reason_cannot_colour_a_terminal() -> None:
    assert "\x1b" not in reason(RuntimeError("\x1b[31mred"))


def test_the_first_three_different_reasons_are_told() -> None:
    assert first_reasons(["b", "a", "b", "c", "a", "d"]) == "b; a; c"
    assert first_reasons(iter(["b"])) == "b"


def test_tools_and_our_own_checks_refuse_and_faults_of_ours_do_not() -> None:
    for refused in (PassError, BrokenPromise, RuntimeError, ValueError, OverflowError):
        assert issubclass(refused, REFUSALS)
    for fault in (AttributeError, KeyError, TypeError, AssertionError, OSError):
        assert not issubclass(fault, REFUSALS)


def test_what_litert_raises_is_told_in_its_words_where_no_layer_is_to_blame(tmp_path: Path) -> None:
    content = small_network.convolutional()
    for error in (RuntimeError("Node 3 failed.\n"), ValueError("Node 3 failed")):
        with pytest.raises(PassError) as caught, executing(content):
            raise error
        assert str(caught.value) == "LiteRT cannot execute it: Node 3 failed."
        assert caught.value.__cause__ is error
    with pytest.raises(KeyError), executing(content):
        raise KeyError("ours")


def test_the_layer_that_xnnpack_refuses_is_named_first(tmp_path: Path) -> None:
    def coarse(graph: Graph) -> None:
        quantization = small_network.tensor(graph, "stem/Conv2D").quantization
        quantization.scale = np.asarray(quantization.scale) * 1e6

    content = small_network.spoilt(small_network.quantized(tmp_path), coarse).read_bytes()
    with (
        pytest.raises(PassError, match=r"^LiteRT cannot execute it: CONV_2D 'stem/Relu' has scales"),
        executing(content),
    ):
        raise RuntimeError("failed to create XNNPACK runtime")
