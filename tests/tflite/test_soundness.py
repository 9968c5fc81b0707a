"""`.tflite` files that are malformed or prepared: one sentence, before LiteRT or our own code reads them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from on_bytes import with_facts
from tflbuild.core.errors import RecipeError
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite import check as tflite_check
from tflbuild.tflite import flatbuffer, soundness
from tflbuild.tflite.model import Model
from tflbuild.tflite.soundness import check
from tflbuild.tflite.tables import Malformed
from tflbuild.tflite.tiny import brightness_detector, dense_classifier

Change = Callable[[Any], None]
GRAPH = "subgraphs[0]"


def changed(path: str, value: Any) -> Change:
    """Set a field by its path, e.g. "subgraphs[0].tensors[2].buffer"."""

    def change(model: Any) -> None:
        place, _, last = path.rpartition(".")
        target = eval(f"model.{place}", {"model": model}) if place else model  # a path of this file's own
        setattr(target, last, value)

    return change


def each(*changes: Change) -> Change:
    def change(model: Any) -> None:
        for one in changes:
            one(model)

    return change


def ints(*values: int) -> Any:
    return np.array(values, np.int32)


def external(model: Any) -> None:
    model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, 1 << 40, 8


def nan_weights(model: Any) -> None:
    kernel = next(t for t in model.subgraphs[0].tensors if t.name == b"head/MatMul")
    model.buffers[kernel.buffer].data = np.full(128, np.nan, np.float32).view(np.uint8)


def metadata(model: Any) -> None:
    entry = schema.MetadataT()
    entry.name, entry.buffer = "more", 999
    model.metadata = [entry]


def scaled(**fields: Any) -> Change:
    def change(model: Any) -> None:
        found = schema.QuantizationParametersT()
        for name, value in fields.items():
            setattr(found, name, value)
        model.subgraphs[0].tensors[0].quantization = found

    return change


def shared_names(model: Any) -> None:
    outputs = model.signatureDefs[0].outputs
    outputs.append(outputs[0])


# tensors of the network: 0 image, 1-6 constants, 7 flat_shape, 8 stem/Relu, 9 middle/Relu6, 10 pool, 11 flat, ...
WRONG: dict[str, tuple[Change, str]] = {
    "version": (changed("version", 7), "has version 7"),
    "no graph": (changed("subgraphs", []), "has no graph"),
    "no operators": (changed(f"{GRAPH}.operators", []), "has no operators"),
    "no inputs": (changed(f"{GRAPH}.inputs", ints()), "has no inputs"),
    "no outputs": (changed(f"{GRAPH}.outputs", ints()), "has no outputs"),
    "input of nothing": (changed(f"{GRAPH}.inputs", ints(99)), "takes or gives tensor 99"),
    "output of nothing": (changed(f"{GRAPH}.outputs", ints(-5)), "takes or gives tensor -5"),
    "input is a constant": (changed(f"{GRAPH}.inputs", ints(0, 1)), "which is a constant"),
    "buffer of nothing": (changed(f"{GRAPH}.tensors[1].buffer", 99), "in a buffer that is not there"),
    "operator of no kind": (changed(f"{GRAPH}.operators[0].opcodeIndex", 99), "operator of kind 99"),
    "operator reads nothing": (changed(f"{GRAPH}.operators[0].inputs", ints(0, 99, 2)), "reads tensor 99"),
    "operator makes nothing": (changed(f"{GRAPH}.operators[0].outputs", ints(99)), "makes tensor 99"),
    "reads before it is made": (changed(f"{GRAPH}.operators[0].inputs", ints(9, 1, 2)), "before it is made"),
    "writes a constant": (changed(f"{GRAPH}.operators[0].outputs", ints(1)), "where it is there already"),
    "lacks an input": (changed(f"{GRAPH}.operators[3].inputs", ints(-1, 7)), "a RESHAPE that lacks an input"),
    "too few inputs": (changed(f"{GRAPH}.operators[1].inputs", ints(8, 3)), "reads 2 tensors"),
    "without options": (
        each(
            changed(f"{GRAPH}.operators[0].builtinOptions", None),
            changed(f"{GRAPH}.operators[0].builtinOptionsType", 0),
        ),
        "a CONV_2D that lacks its options",
    ),
    "stride of nothing": (changed(f"{GRAPH}.operators[0].builtinOptions.strideW", 0), "stride_w=0"),
    "operator of no code": (
        each(
            changed("operatorCodes[0].builtinCode", 9999),
            changed("operatorCodes[0].deprecatedBuiltinCode", 127),
        ),
        "unknown code 9999",
    ),
    "custom without a name": (
        each(
            changed("operatorCodes[0].builtinCode", 32), changed("operatorCodes[0].deprecatedBuiltinCode", 32)
        ),
        "custom operator without a name",
    ),
    "type of nothing": (changed(f"{GRAPH}.tensors[8].type", 99), "unknown type 99"),
    "negative side": (changed(f"{GRAPH}.tensors[8].shape", ints(1, -8, 8, 4)), "of shape [1, -8, 8, 4]"),
    "huge shape": (changed(f"{GRAPH}.tensors[8].shape", ints(1 << 20, 1 << 20)), "values"),
    "many sides": (changed(f"{GRAPH}.tensors[8].shape", ints(*[1] * 99)), "of shape"),
    "other rank elsewhere": (changed(f"{GRAPH}.tensors[8].shapeSignature", ints(-1, 8)), "another rank"),
    "too few bytes": (changed("buffers[1].data", np.zeros(5, np.uint8)), "5 bytes for the tensor"),
    "bytes elsewhere": (external, "a buffer that lies outside"),
    "weights are not finite": (nan_weights, "values that are not finite in 'head/MatMul'"),
    "scale is not finite": (
        scaled(scale=np.array([np.nan], np.float32)),
        "has a scale of the tensor 'image'",
    ),
    "scales without zero points": (
        scaled(scale=np.ones(1, np.float32), zeroPoint=np.zeros(2, np.int64)),
        "1 scales and 2 zero points",
    ),
    "range is not finite": (scaled(max=np.array([np.inf], np.float32)), "has a range of the tensor 'image'"),
    "metadata of nothing": (metadata, "has metadata 'more' in a buffer that is not there"),
    "signature of no graph": (changed("signatureDefs[0].subgraphIndex", 5), "a signature of graph 5"),
    "signature of another tensor": (
        changed("signatureDefs[0].inputs[0].tensorIndex", 77),
        "signature whose inputs are not those of the graph",
    ),
    "signature names twice": (shared_names, "named alike"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(case: str, tmp_path: Path) -> None:
    change, said = WRONG[case]
    model = flatbuffer.unpack(small_network.convolutional())
    change(model)
    path = tmp_path / "my.tflite"
    path.write_bytes(flatbuffer.pack(model))
    for use in (check, litert.interpreter):
        with pytest.raises(RecipeError) as caught:
            use(path)
        assert said in str(caught.value)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_buffer_behind_the_tables_may_reach_to_the_end_of_the_file_and_no_further(size: int) -> None:
    model = flatbuffer.unpack(small_network.convolutional())

    def stored(offset: int) -> Model:
        model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, offset, size
        return Model(flatbuffer.pack(model))

    end = len(stored(2).content)
    assert stored(end - size).buffers[1] == size
    with pytest.raises(Malformed, match="has a buffer that lies outside of it"):
        stored(end - size + 1)


def test_names_that_are_not_utf_8_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "my.tflite"
    path.write_bytes(small_network.convolutional().replace(b"middle/Relu6", b"middle/R\xfflu6"))
    with pytest.raises(RecipeError, match="has a name that is not UTF-8"):
        check(path)


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", bytes(64), b"\xff\xff\xff\xffTFL3" + bytes(64), b"x" * 100]
)
def test_what_is_no_flatbuffer_is_one_sentence(content: bytes) -> None:
    with pytest.raises(RecipeError, match=r"^the file (is not a TensorFlow Lite file|points|has a)"):
        check(content)


def test_a_vector_that_claims_to_be_endless_is_not_walked() -> None:
    content = bytearray(small_network.convolutional())
    for place in range(8, len(content) - 4, 12):  # a loop over 2**31 entries would take hours
        wrong = bytearray(content)
        wrong[place : place + 4] = b"\xff\xff\xff\x7f"
        try:
            tflite_check.check(bytes(wrong))
        except Malformed:
            continue


def test_what_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.tflite")
    for path in (tmp_path / "fifo.tflite", tmp_path, tmp_path / "missing.tflite", Path("/dev/zero")):
        with pytest.raises(RecipeError, match="cannot be read as a TensorFlow Lite file"):
            check(path)


@pytest.mark.parametrize("what", [b"edgetpu-custom-op", b"ethos-u"])
def test_a_file_for_a_chip_is_data_and_cannot_be_executed(what: bytes, tmp_path: Path) -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = what
    path = tmp_path / "chip.tflite"
    path.write_bytes(flatbuffer.pack(model))
    check(path)
    with pytest.raises(RecipeError, match=r"is compiled for an .* and cannot be executed here"):
        litert.interpreter(path)


@pytest.mark.parametrize("key", [b"max_detections", b"num_classes", b"y_scale"])
def test_options_of_a_detection_that_are_changed_are_refused(key: bytes) -> None:
    content = brightness_detector()
    check(content)
    with pytest.raises(RecipeError, match="has a TFLite_Detection_PostProcess"):
        check(content.replace(key, b"n" * len(key)).replace(b"num_classes", b"num_klasses"))


@pytest.mark.parametrize("make", [small_network.convolutional, dense_classifier, brightness_detector])
def test_flipped_bits_and_cuts_are_one_sentence_or_nothing(make: Callable[[], bytes]) -> None:
    content, rng = make(), random.Random(9)
    check(content)
    for number in range(100):
        wrong = bytearray(content)
        for _ in range(rng.choice((1, 1, 4, 30))):
            wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
        damaged = bytes(wrong[: rng.randrange(len(wrong))] if number % 5 == 0 else wrong)
        try:
            check(damaged)
        except RecipeError:
            continue
        flatbuffer.unpack(damaged)


@pytest.mark.parametrize("facts", [b"[]", b"{", b"\xff", json.dumps({"task": "x"}).encode(), b"{" * 9999])
def test_facts_that_are_not_ours_are_refused(facts: bytes, tmp_path: Path) -> None:
    model = flatbuffer.unpack(with_facts(small_network.convolutional(), {"a": 1}))
    model.buffers[model.metadata[-1].buffer].data = np.frombuffer(facts, np.uint8)
    path = tmp_path / "my.tflite"
    path.write_bytes(flatbuffer.pack(model))
    with pytest.raises(
        RecipeError, match=r"says of itself what cannot be true: in its tflbuild\.facts"
    ) as caught:
        flatbuffer.read_facts(path)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")
def test_quantized_files_of_ours_are_well_formed(tmp_path: Path) -> None:
    for scheme in ("int8", "int16x8"):
        check(small_network.quantized(tmp_path, scheme))


def test_real_files_are_well_formed(shared_models: Path) -> None:
    files = [path for path in sorted(shared_models.rglob("*.tflite")) if path.stat().st_size < 2_000_000]
    assert files
    for path in files:
        check(path)


def constant_of(name: str, value: float) -> bytes:
    values = small_network.constants()[name]
    return small_network.convolutional({name: np.full_like(values, value)})


@pytest.mark.parametrize("name", ["stem/Conv2D", "middle/depthwise", "head/MatMul"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_are_finite(name: str, value: float) -> None:
    content = constant_of(name, value)
    said = f"^the file holds values that are not finite in '{name}'; it cannot be used"
    with pytest.raises(RecipeError, match=said):
        check(content)
    assert check(content, finite=False) is content
    with pytest.raises(RecipeError, match=said):  # what one look allowed, another does not
        check(content)


def test_other_constants_may_be_infinite_and_no_nan() -> None:
    assert check(constant_of("stem/bias", np.inf))
    with pytest.raises(RecipeError, match="not finite in 'stem/bias'"):
        check(constant_of("stem/bias", np.nan))


@pytest.mark.parametrize(("kind", "dtype"), [("FLOAT16", "<f2"), ("FLOAT64", "<f8")])
def test_floats_of_every_width_are_looked_at(kind: str, dtype: str) -> None:
    for value, right in ((1.0, True), (np.nan, False)):
        model = flatbuffer.unpack(small_network.convolutional())
        bias = next(t for t in model.subgraphs[0].tensors if t.name == b"stem/bias")
        bias.type = getattr(schema.TensorType, kind)
        model.buffers[bias.buffer].data = np.array([0, 0, 0, value], dtype).view(np.uint8)
        content = flatbuffer.pack(model)
        if right:
            assert check(content) is content
        else:
            with pytest.raises(RecipeError, match="not finite in 'stem/bias'"):
                check(content)


def test_operators_with_weights_are_those_of_the_schema() -> None:
    operators = schema.BuiltinOperator
    assert set(soundness.WEIGHTED) == {
        operators.CONV_2D,
        operators.DEPTHWISE_CONV_2D,
        operators.FULLY_CONNECTED,
        operators.TRANSPOSE_CONV,
    }


def test_a_scale_that_cannot_be_one_is_refused_where_numbers_count() -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    scaled(scale=np.array([0.0], np.float32))(model)
    content = flatbuffer.pack(model)
    with pytest.raises(RecipeError, match="has a scale of the tensor 'image' that cannot be one"):
        check(content)
    assert check(content, finite=False)


def test_only_the_last_files_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(soundness, "_FAULTS", {})
    monkeypatch.setattr(soundness, "REMEMBERED", 2)
    monkeypatch.setattr(soundness.tflite_check, "check", looked.append)
    monkeypatch.setattr(soundness, "Model", lambda content: None)
    monkeypatch.setattr(soundness, "_not_finite", lambda model: "")
    for content in (b"a", b"a", b"b", b"a", b"b"):
        check(content)
    assert looked == [b"a", b"b"]
    for content in (b"c", b"c", b"a"):
        check(content)
    assert looked == [b"a", b"b", b"c", b"a"]


def test_a_file_is_given_as_it_was_read(tmp_path: Path) -> None:
    content = small_network.convolutional()
    (tmp_path / "my.tflite").write_bytes(content)
    assert check(tmp_path / "my.tflite") == content
