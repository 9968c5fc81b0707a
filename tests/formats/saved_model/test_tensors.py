"""Constants and texts, read off bytes: the expected ones are written by TensorFlow or by hand."""

from __future__ import annotations

import pytest

from saved_model_files import message, number, shape
from tflbuild.core import protobuf
from tflbuild.core.protobuf import Message
from tflbuild.formats.saved_model.prototext import Malformed, parsed
from tflbuild.formats.saved_model.tensors import constant, dtype_of, shape_of


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([[1.5, -2.0], [3.0, 0.25]], "float32"),
        ([7, -3, 2**31 - 1], "int32"),
        ([2**40, -(2**50)], "int64"),
        ([1e-300, 3.0], "float64"),
        ([True, False, True], "bool"),
        (0.125, "float32"),
        ([4.0, 4.0, 4.0], "float32"),
        ([0, 255], "uint8"),
    ],
)
def test_a_constant_is_read_as_tensorflow_writes_it(values: object, dtype: str) -> None:
    import numpy as np
    import tensorflow as tf

    wanted = np.asarray(values, dtype)
    for written in (tf.make_tensor_proto(wanted), tf.make_tensor_proto(values, dtype)):
        found = constant(Message(written.SerializeToString()))
        assert (found.dtype, found.shape) == (dtype, wanted.shape)
        assert np.asarray(found.values, dtype).tolist() == wanted.ravel().tolist()


def test_a_value_that_is_written_once_is_that_of_all() -> None:
    data = number(1, 1) + message(2, shape([2, 3])) + bytes([5 << 3 | 5]) + b"\0\0\x80\x3f"
    assert constant(Message(data)).values == (1.0,) * 6


def test_large_constants_have_a_shape_alone() -> None:
    data = number(1, 1) + message(2, shape([100, 100]))
    assert constant(Message(data)) == ("float32", (100, 100), ())


def test_shapes_may_be_open_or_unknown() -> None:
    assert shape_of(Message(shape([-1, 3]))) == (-1, 3)
    assert shape_of(Message(shape(None))) is None
    assert shape_of(Message(b"")) == ()
    with pytest.raises(protobuf.Malformed, match="has a tensor of 17 axes"):
        shape_of(Message(shape([1] * 17)))
    assert (dtype_of(101), dtype_of(77)) == ("float32", "type 77")


def test_text_form_is_read() -> None:
    text = """
        # a comment
        a { b: 1 b: 2.5e-1; c: "x\\n" 'y' }   a < b: [3, -4] >
        d: true, e: NAME f: 1.0f g: inf [ext.name] { }
    """
    assert parsed(text) == {
        "a": [{"b": [1, 0.25], "c": ["x\ny"]}, {"b": [3, -4]}],
        "d": [True],
        "e": ["NAME"],
        "f": [1.0],
        "g": [float("inf")],
        "[ext.name]": [{}],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb", "has the end where ':' or '{' would be right"),
        ("a {\n b: }", "has } in line 2 where a value would be right"),
        ("a: 'x", "has ''x' in line 1"),
        ("}", "has } in line 1 where a field would be right"),
        ("a: [1, 2", "has the end where a value would be right"),
        ("a {" * 200, "has messages more than 100 deep"),
        ("a: ?", "has '?' in line 1"),
    ],
)
def test_text_that_is_none_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(Malformed) as caught:
        parsed(text)
    assert str(caught.value) == said
