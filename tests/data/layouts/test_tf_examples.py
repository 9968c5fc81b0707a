from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import records as made
from tflbuild.data.layouts.tf_examples import Span, features


@pytest.mark.parametrize("packed", [True, False])
def test_every_kind_of_values_is_read(packed: bool) -> None:
    content = made.example(
        {"bytes": [b"one", b""], "floats": [0.5, -2.0, 3.25], "whole": [7, 0, -1, 1 << 62], "none": []},
        packed,
    )
    found = features(content)
    assert [content[s.start : s.stop] for s in found["bytes"].spans] == [b"one", b""]
    assert found["floats"].floats == (0.5, -2.0, 3.25)
    assert found["whole"].integers == (7, 0, -1, 1 << 62)
    assert [found[key].kind() for key in ("bytes", "floats", "whole", "none")] == [
        "bytes",
        "floats",
        "integers",
        "nothing",
    ]


def test_an_example_of_the_format_is_read_as_the_standard_has_it() -> None:
    # By hand, after the encoding guide of protocol buffers: Example{1: Features{1: {1: "a", 2: {3: {1: 150}}}}}
    content = bytes.fromhex("0a0d 0a0b 0a0161 1206 1a04 0a02 9601".replace(" ", ""))
    assert features(content)["a"].integers == (150,)


def test_the_place_of_bytes_is_theirs_in_the_record() -> None:
    content = made.example({"k": [b"here"]})
    (span,) = features(content)["k"].spans
    assert span == Span(content.index(b"here"), content.index(b"here") + 4)


@pytest.mark.parametrize(
    "content",
    [b"x", b"\x0a\x7f", b"\xff" * 12, b"\x0a\x03\x0a\x05a", b"\x08\x01", b"\x0b", b"\x0a\x02\x0a\x80"],
)
def test_what_is_no_example_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is not a tf\.train\.Example$"):
        features(content)


def refusal(content: bytes) -> str:
    """Give the reason for which bytes are refused; "" where they are not."""
    try:
        features(content)
    except ValueError as error:
        return str(error)
    return ""


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    assert refusal(content) in ("", "is not a tf.train.Example")


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_of_a_sound_example_raises_nothing_else(position: int, value: int) -> None:
    values: dict[str, Any] = {"bytes": [b"one" * 9], "floats": [0.5] * 9, "whole": [7, -1] * 9}
    content = bytearray(made.example(values))
    content[position % len(content)] = value
    assert refusal(bytes(content)) in ("", "is not a tf.train.Example")
