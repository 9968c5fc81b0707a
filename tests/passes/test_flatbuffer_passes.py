"""What passes that write a `.tflite` do around their tools, which are others' here: no TensorFlow is needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import small_network
from no_frameworks import Fake
from on_bytes import Bare
from samples import samples
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.passes import convert_quantized, correct_bias, equalize, quantize, quantize_mixed, sensitivity
from tflbuild.passes import round as rounding_pass
from tflbuild.passes.convert import Convert
from tflbuild.passes.convert_quantized import ConvertQuantized
from tflbuild.passes.correct_bias import CorrectBias
from tflbuild.passes.equalize import Equalize
from tflbuild.passes.quantize import Quantize
from tflbuild.passes.quantize_mixed import QuantizeMixed
from tflbuild.passes.quantizing import parity, writing
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.passes.quantizing.float_model import FloatModel
from tflbuild.passes.round import Round
from tflbuild.passes.sensitivity import MeasureSensitivity
from tflbuild.passes.training.distillation import Distill, with_teacher
from tflbuild.quantization import (
    bias_correction,
    equalization,
    execution,
    observation,
    output_error,
    promises,
    quantizer,
    rounding,
    storage,
    unchanged,
)
from tflbuild.quantization.form import Form
from tflbuild.quantization.mixed import Addition, Group
from tflbuild.quantization.rounding import RoundedLayer
from tflbuild.quantization.sensitivity import LayerCost, Sensitivity
from tflbuild.quantization.settings import Setting
from tflbuild.quantization.unchanged import Equalized
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess
from tflbuild.tflite import bias_scales, scales
from tflbuild.tflite.packed import Packed

FACTS = Meaning.of_image(
    task="classification",
    height=8,
    width=8,
    labels=("a", "b"),
    preprocess={"scale": 0.0078125, "offset": -1.0},
)
TASK = FACTS.kind
SAMPLES = samples(np.full((8, 8, 3), number, np.float32) for number in range(10))


class Context:
    """A pass's context; what is emitted is kept."""

    def __init__(self, folder: Path, **models: Any) -> None:
        self.label, self.seed, self.scratch = "step", 3, folder
        self.notes, self.said, self.told = dict[str, Any](), list[str](), list[Any]()
        self.emitted: list[Any] = []
        self._models = models
        self.model_spec: Any = None

    def log(self, text: str) -> None:
        self.said.append(text)

    def progress(self, *given: Any) -> None:
        self.told.append(given)

    def model(self, label: str) -> Any:
        return self._models[label]

    def emit(self, kind: Any, content: bytes, *, fingerprint: str = "", **meta: Any) -> Any:
        self.emitted.append((kind, content, fingerprint, meta))
        return "emitted"


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a context, while a file is emitted with its facts alone and ten images are there to calibrate on.

    The graph of a file is its own bytes.
    """
    made = Context(tmp_path)

    def emit(ctx: Any, graph: Any, facts: Any, **meta: Any) -> Any:
        made.emitted.append((graph, facts, meta))
        return SimpleNamespace(path=tmp_path / "emitted.tflite", meta=meta)

    monkeypatch.setattr(writing, "emit_tflite", emit)
    monkeypatch.setattr("tflbuild.tflite.packed.Packed", Bare)
    monkeypatch.setattr("tflbuild.tflite.graph.Graph.unpacked", lambda content: content)
    monkeypatch.setattr(FloatModel, "inputs", ["image"])
    monkeypatch.setattr(correct_bias, "inputs_in_order", lambda packed, meaning: ["image"])
    for module in (correct_bias, equalize, rounding_pass, sensitivity):
        monkeypatch.setattr(module, "quantizable", lambda model, ctx: floating(model))
    for module in (convert_quantized, correct_bias, equalize, quantize, rounding_pass):
        monkeypatch.setattr(
            module,
            "calibration_samples",
            lambda calibration, meaning, names, ctx: samples(sample["image"].copy() for sample in SAMPLES),
        )
    return made


def floating(model: TFLiteModel) -> FloatModel:
    packed: Any = Bare(model.path.read_bytes())
    return FloatModel(packed, Meaning.of(model))


def flat(folder: Path, content: bytes = b"float", **meta: Any) -> TFLiteModel:
    path = folder / "given.tflite"
    path.write_bytes(content)
    return TFLiteModel(path=path, digest="d", fingerprint="f", meta={"facts": FACTS.to_json(), **meta})


def numbers(given: Any) -> list[int]:
    return [int(sample["image"][0, 0, 0]) for sample in given]


# --- correct_bias


class Error:
    """Says how far a file is, as a test wrote down; keeps which images it measured on."""

    measured: Any = None

    def __init__(self, floating: Bare, images: Any) -> None:
        type(self).measured = (floating.content, numbers(images))

    def of(self, made: Bare) -> float:
        return {b"given": 0.5, b"better": 0.25, b"same": 0.5, b"worse": 0.75}[made.content]


@pytest.fixture
def correcting(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[bytes]]:
    """Give what biases are corrected on, and the file that comes of it, which a test may change."""
    seen: list[Any] = []
    monkeypatch.setattr(output_error, "OutputError", Error)
    monkeypatch.setattr(bias_correction, "matching", lambda graph, floating: ["one", "two", "three"])

    def correct(graph: Any, floating: bytes, images: Any, progress: Any, left: dict[str, str]) -> None:
        seen.append((bytes(graph), floating, numbers(images)))
        progress(1, 3)
        left["two"] = "no"
        graph[:] = made[0]

    made = [b"better"]
    monkeypatch.setattr(Bare, "copy", lambda packed: bytearray(packed.content))
    monkeypatch.setattr(
        Bare, "__init__", lambda packed, given: vars(packed).update(content=bytes(given), graph=given)
    )
    monkeypatch.setattr(bias_correction, "correct", correct)
    return seen, made


@pytest.mark.parametrize(
    ("made", "kept", "after", "said"),
    [
        (b"better", True, 0.25, "output error 0.5000 -> 0.2500"),
        (b"same", False, 0.5, "output error 0.5000 -> 0.5000; the file stays as it is"),
        (b"worse", False, 0.75, "output error 0.5000 -> 0.7500; the file stays as it is"),
    ],
)
def test_corrected_biases_are_kept_only_where_held_out_images_say_so(
    ctx: Any, correcting: Any, tmp_path: Path, made: bytes, kept: bool, after: float, said: str
) -> None:
    seen, result = correcting
    result[0] = made
    (tmp_path / "float").mkdir()
    ctx._models["convert"] = flat(tmp_path / "float")
    CorrectBias().run(flat(tmp_path, b"given", quantized="int8"), ctx)
    ((content, floating, learned),) = seen
    of, measured = Error.measured
    assert (content, floating, of) == (b"given", b"float", b"float")
    assert sorted(learned + measured) == list(range(10))
    assert (len(learned), len(measured)) == (7, 3), "30 % are held out, and learned from is none of them"
    assert ctx.notes["correct_bias"] == {
        "layers": 2,
        "left": {"two": "no"},
        "error_before": 0.5,
        "error_after": after,
        "held_out": 3,
        "kept": kept,
    }
    assert (ctx.said, ctx.told) == ([said], [(1, 3, "layers")])
    assert ctx.emitted == [(made if kept else b"given", FACTS, {})]


def test_a_corrected_file_that_does_not_run_is_not_kept(
    ctx: Any, correcting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(self: Error, made: Bare) -> float:
        if made.content != b"given":
            raise PassError("LiteRT cannot execute it.")
        return 0.5

    monkeypatch.setattr(Error, "of", of)
    (tmp_path / "float").mkdir()
    ctx._models["convert"] = flat(tmp_path / "float")
    CorrectBias().run(flat(tmp_path, b"given", quantized="int8"), ctx)
    found = ctx.notes["correct_bias"]
    assert (found["error_after"], found["kept"], found["failed"]) == (None, False, "LiteRT cannot execute it")
    assert ctx.said == ["output error 0.5000 -> LiteRT cannot execute it; the file stays as it is"]
    assert ctx.emitted[0][0] == b"given"


def test_scales_of_a_corrected_file_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Path] = []
    monkeypatch.setattr(scales, "check_scales", checked.append)
    (tmp_path / "result").mkdir()
    given, result = (
        flat(folder, small_network.convolutional()) for folder in (tmp_path, tmp_path / "result")
    )
    CorrectBias().verify(given, result)
    assert checked == [result.path]


# --- round


def test_rounding_is_learned_as_the_options_say(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    layer = RoundedLayer(
        layer="one", operator="CONV_2D", bits=4, nearest_error=2.0, learned_error=1.0, turned=3, weights=9
    )

    def learned(graph: bytes, images: Any, **options: Any) -> Any:
        options.pop("progress")(1, 2)
        asked.append((graph, numbers(images), options))
        return b"rounded", [layer]

    monkeypatch.setattr(rounding, "learned_rounding", learned)
    Round(bits=4, granularity="tensor", steps=7).run(flat(tmp_path), ctx)
    assert asked == [(b"float", list(range(10)), {"bits": 4, "granularity": "tensor", "steps": 7, "seed": 3})]
    assert ctx.notes["round"] == [asdict(layer)]
    assert ctx.told == [(1, 2, "layers rounded")]
    assert ctx.emitted == [(b"rounded", FACTS, {})]
    with pytest.raises(PassError, match="its kernels are clustered"):
        Round().run(flat(tmp_path, clusters={"layers": {}}), ctx)
    with pytest.raises(PassError, match="sparse_encoding=false"):
        Round().run(flat(tmp_path, sparse_encoding=True), ctx)


def test_a_rounded_file_is_held_to_its_source_and_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(rounding, "check_rounded", lambda *given: asked.append(given))
    monkeypatch.setattr("tflbuild.tflite.flatbuffer.load", lambda path: path.read_bytes())
    monkeypatch.setattr("tflbuild.tflite.graph.Graph", lambda content: content)
    (tmp_path / "result").mkdir()
    Round(bits=4, granularity="tensor").verify(flat(tmp_path), flat(tmp_path / "result", b"rounded"))
    assert asked == [(b"float", b"rounded", 4, "tensor")]
    assert Round(calibration=Calibration(source="data.val")).reads() == ("data.val",)


# --- equalize


@pytest.fixture
def equalizing(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []

    class Equalizer:
        def __init__(self, given: Bare, observed: Any, images: Any, **ways: Any) -> None:
            asked.append((given.content, observed, numbers(images), ways))

        def run(self) -> Equalized:
            factors = {"one": np.array([0.5, 4.0]), "two": np.array([1.0])}
            made: Any = Bare(b"equalized")
            return Equalized(model=made, factors=factors, difference=3e-6, left={"three": "it is odd"})

    def observe(graph: bytes, images: Any, progress: Any) -> Any:
        progress(1, 20)
        return {bytes(graph).decode(): SimpleNamespace(channel_low="low")}

    monkeypatch.setattr(unchanged, "Equalizer", Equalizer)
    monkeypatch.setattr(observation, "observe", observe)
    return asked


def test_equalization_is_as_the_options_say_and_exact_unless_relu6_is_replaced(
    ctx: Any, equalizing: list[Any], tmp_path: Path
) -> None:
    Equalize(balance="activations").run(flat(tmp_path), ctx)
    Equalize(relu6="replace").run(flat(tmp_path), ctx)
    (first, observed, images, ways), (_, _, _, others) = equalizing
    assert (first, list(observed), images) == (b"float", ["float"], list(range(10)))
    assert ways == {"balance": "activations", "relu6": "keep", "tolerance": 1e-5}
    assert (others["balance"], others["relu6"]) == ("weights", "replace")
    assert others["tolerance"] > 1e300, "finite, so what does not run is still too far"
    assert np.isfinite(others["tolerance"])
    assert ctx.notes["equalize"] == {
        "layers": 2,
        "factors": {"one": [0.5, 4.0], "two": [1.0, 1.0]},
        "largest_difference": 3e-6,
        "left": {"three": "it is odd"},
        "images": 10,
    }
    assert ctx.said[:2] == [
        "2 layers share sizes with the layers after them; outputs change by 3.0e-06",
        "'three' was left as it was: it is odd",
    ]
    assert ctx.told[0] == (1, 20, "activations")
    assert ctx.emitted[0] == (b"equalized", FACTS, {})


@pytest.mark.parametrize(("moved", "kept"), [(1e-5, True), (1.1e-5, False)])
def test_biases_are_absorbed_unless_that_changes_an_output(
    ctx: Any, equalizing: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: float, kept: bool
) -> None:
    compared = list[Any]()

    def difference(one: Bare, other: Bare, images: Any) -> float:
        compared.append((one.content, numbers(images)))
        return moved if one.content == b"absorbable" else 2e-6

    def absorb(graph: Any, smallest: Any) -> int:
        assert smallest == {"absorbable": "low"}, "of the equalized model"
        graph[:] = b"absorbed"
        return 5

    monkeypatch.setattr(equalization, "absorb_bias", absorb)
    monkeypatch.setattr(output_error, "largest_difference", difference)
    monkeypatch.setattr(equalize, "TOLERANCE", 1e-5)
    monkeypatch.setattr(Bare, "copy", lambda packed: bytearray(packed.content))
    given, absorbable = (Bare(content) for content in (b"float", b"absorbable"))
    made, notes = Equalize(absorb_bias=True)._absorbed(
        given, absorbable, SAMPLES, {"left": {}, "largest_difference": 1.0}, ctx
    )
    assert made.content == (b"absorbed" if kept else b"absorbable")
    assert notes["absorbed_channels"] == (5 if kept else 0)
    assert notes["largest_difference"] == (2e-6 if kept else 1.0), "of what is delivered, to what was given"
    assert [one for one, _ in compared] == [b"absorbable", b"float"][: 1 + kept]
    assert all(images == list(range(10)) for _, images in compared)
    assert bool(ctx.said) != kept


@pytest.mark.parametrize("kind", [Round, Equalize, MeasureSensitivity], ids=lambda kind: kind.name)
def test_what_is_read_is_a_file_of_others_in_a_form_that_can_be_quantized(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    (tmp_path / "brought").mkdir()
    brought, read = flat(tmp_path / "brought", b"brought into form"), list[bytes]()

    def stop(found: Any, *given: Any, **named: Any) -> None:
        read.append(found if isinstance(found, bytes) else found.packed.content)
        raise PassError("enough")

    for module in (equalize, rounding_pass, sensitivity):
        monkeypatch.setattr(module, "quantizable", lambda model, ctx: floating(brought))
    monkeypatch.setattr(rounding, "learned_rounding", stop)
    monkeypatch.setattr(observation, "observe", stop)
    monkeypatch.setattr(FloatModel, "with_even_inputs", stop)
    with pytest.raises(PassError, match="enough"):
        kind().run(flat(tmp_path), ctx)
    assert read == [b"brought into form"]


# --- convert


@dataclass(frozen=True)
class Of:
    """Stands for the graph of a model."""

    model: bytes


def keras_model(folder: Path, **meta: Any) -> KerasModel:
    path = folder / "given.h5"
    return KerasModel(path=path, digest="d", fingerprint="print", meta={"facts": FACTS.to_json(), **meta})


@dataclass(frozen=True)
class Reference:
    """A model whose outputs are written down."""

    name: str
    scores: list[float]
    task: str = ""

    def outputs(self, batch: Any) -> dict[str, Any]:
        assert (batch, self.task) == ("batch", FACTS.task), "of the task that the model's outputs are of"
        return {"scores": np.array(self.scores)}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake(monkeypatch)
    made.module(monkeypatch, "keras", load=lambda path: "built", output_kind=lambda model: model.kind)
    made.module(
        monkeypatch,
        "converter",
        to_float=lambda built, task, tail, sparse=False: b"sparse file" if sparse else b"the dense file",
        post_training=lambda *given, **options: b"quantized",
    )
    made.module(
        monkeypatch,
        "float_islands",
        convert=lambda *given: b"integers",
        islands=lambda built: ["class_0"],
        found_in=lambda path, layers: ["found", *layers],
    )
    made.module(
        monkeypatch,
        "keras_reference",
        Reference=SimpleNamespace(of=lambda built, name, task: Reference(name, [1.0, 0.5])),
    )
    made.module(monkeypatch, "raw_outputs", run=lambda made, batch: {"scores": np.array([1.0, 0.5])})
    monkeypatch.setattr(
        parity,
        "sample_batch",
        lambda facts, ctx, count: made.calls.append(("count", (count,), {})) or "batch",
    )
    return made


@pytest.mark.parametrize("loaded", ["print", "another"], ids=["as loaded", "trained since"])
@pytest.mark.parametrize("original", [True, False], ids=["of a file", "built here"])
def test_a_float_file_is_held_to_the_users_model_or_to_what_was_trained_of_it(
    fake: Fake, ctx: Any, tmp_path: Path, loaded: str, original: bool
) -> None:
    users = Reference("'m.h5'", [1.0, 0.5]) if original else None
    ctx.model_spec = SimpleNamespace(original=lambda: users)
    Convert(parity=4).run(keras_model(tmp_path, loaded=loaded), ctx)
    name = "'m.h5'" if original and loaded == "print" else "the model that it was converted from"
    assert ctx.notes["parity"]["of"] == name
    assert ctx.notes["parity"]["outputs"] == {
        "scores": {"difference": 0.0, "size": 1.0, "images": 2, "spread": 0.25}
    }
    assert fake.of("count") == [(4,)]
    ((made, batch),) = fake.of("raw_outputs.run")
    assert (made.content, batch) == (b"the dense file", "batch"), "the file that is delivered"
    assert ctx.emitted == [(b"the dense file", FACTS, {})]


def test_a_file_that_computes_something_else_breaks_the_promise(fake: Fake, ctx: Any, tmp_path: Path) -> None:
    ctx.model_spec = SimpleNamespace(original=lambda: Reference("'m.h5'", [1.0, 0.5002]))
    with pytest.raises(
        BrokenPromise, match=r"^the file does not compute what 'm\.h5' does: scores differ by up to 0\.0002"
    ):
        Convert(parity=1).run(keras_model(tmp_path, loaded="print"), ctx)
    assert not ctx.emitted
    Convert().run(keras_model(tmp_path), ctx)
    assert "parity" not in fake.calls, "without images nothing is compared"


def test_a_file_without_its_zeros_is_held_to_the_model_too_and_its_bytes_are_noted(
    fake: Fake, ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.tflite import constants

    monkeypatch.setattr(
        Bare, "__init__", lambda packed, given: vars(packed).update(content=given, graph=Of(given))
    )
    monkeypatch.setattr(
        constants, "sparse_names", lambda model: ["a", "b"] if model == b"sparse file" else []
    )
    ctx.model_spec = SimpleNamespace(original=lambda: None)
    Convert(sparse_encoding=True, parity=1).run(keras_model(tmp_path), ctx)
    assert ctx.notes["sparse_encoding"] == {"kernels": 2, "bytes": 11, "dense_bytes": 14}
    ((made, batch),) = fake.of("raw_outputs.run")
    assert (made.content, batch) == (b"sparse file", "batch")
    assert ctx.emitted == [(Of(b"sparse file"), FACTS, {"sparse_encoding": True})]


@pytest.mark.parametrize(
    ("options", "borders"),
    [({}, ("uint8", "float32")), ({"input_dtype": "int8", "output_dtype": "uint8"}, ("int8", "uint8"))],
    ids=str,
)
def test_a_fake_quantized_model_becomes_integers_but_for_what_was_left_out(
    fake: Fake, ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, borders: Any
) -> None:
    monkeypatch.setattr(
        writing, "check_full_integer", lambda path, activations, islands: (path.name, activations, islands)
    )
    Convert(**options).run(keras_model(tmp_path, quantized="qat"), ctx)
    # scale 1/128 and zero point 128 of raw bytes: by hand
    assert fake.of("float_islands.convert") == [("built", TASK, None, *borders, (1 / 128, 128))]
    assert ctx.emitted == [(b"integers", FACTS, {"quantized": "int8", "islands": ["class_0"]})]
    assert ctx.notes["islands"] == ("emitted.tflite", "int8", ["found", "class_0"])
    with pytest.raises(PassError, match=r"^step\.sparse_encoding: the model is fake-quantized"):
        Convert(sparse_encoding=True).run(keras_model(tmp_path, quantized="qat"), ctx)


@pytest.mark.parametrize("option", ["input_dtype", "output_dtype"])
def test_a_float_model_has_no_integer_borders(fake: Fake, ctx: Any, tmp_path: Path, option: str) -> None:
    with pytest.raises(BrokenPromise, match=rf"^step\.{option}: a float model cannot have uint8 borders"):
        Convert(**{option: "uint8"}).run(keras_model(tmp_path), ctx)
    Convert(**{option: "float32"}).run(keras_model(tmp_path), ctx)


def test_a_converted_file_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, whole = keras_model(tmp_path), small_network.model(tmp_path)
    Convert().verify(model, whole)
    for options, message in (({"sparse_encoding": True}, "no kernel with enough zeros"),):
        with pytest.raises(BrokenPromise, match=message):
            Convert(**options).verify(model, whole)  # type: ignore[arg-type]
    from tflbuild.tflite import flatbuffer

    checked: list[str] = []
    monkeypatch.setattr(scales, "check_scales", lambda path: checked.append("scales"))
    monkeypatch.setattr(writing, "check_declared", lambda result: checked.append("declared"))
    monkeypatch.setattr(writing, "check_inputs", lambda result, dtypes: checked.append(dtypes["image"]))
    monkeypatch.setattr(Convert, "_check_integers", lambda self, result: checked.append("integers"))
    Convert().verify(model, whole)
    fake_quantized = replace(model, meta={"quantized": "qat"})
    Convert().verify(fake_quantized, whole)
    Convert(input_dtype="int8").verify(fake_quantized, whole)
    assert checked == [
        *("scales", "declared", "float32"),
        *("scales", "declared", "integers", "uint8"),
        *("scales", "declared", "integers", "int8"),
    ]
    monkeypatch.setattr(flatbuffer, "signature", lambda path: {"inputs": [{"name": "pixels"}], "outputs": []})
    with pytest.raises(BrokenPromise, match=r"^an input 'image' was promised, but there is \['pixels'\]\.$"):
        Convert().verify(model, whole)


# --- convert_quantized


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({}, ("int8", "uint8", "float32", {"per_channel": True})),
        (
            {"input_dtype": "int8", "output_dtype": "int8", "granularity": "tensor"},
            ("int8", "int8", "int8", {"per_channel": False}),
        ),
        ({"scheme": "int16x8"}, ("int16x8", "float32", "float32", {"per_channel": True})),
        ({"scheme": "dynamic"}, ("dynamic", "float32", "float32", {"per_channel": True})),
    ],
    ids=str,
)
def test_the_converter_is_told_scheme_borders_and_images(
    fake: Fake, ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, given: Any
) -> None:
    monkeypatch.setattr(storage, "stored", lambda path: f"stored in {path.name}")
    monkeypatch.setattr(bias_scales, "restate", lambda graph: [])
    ConvertQuantized(**options).run(keras_model(tmp_path), ctx)
    ((built, task, tail, scheme, images, entry, exit_, more),) = fake.of("converter.post_training")
    assert (built, task, tail, (scheme, entry, exit_, more)) == ("built", TASK, None, given)
    measured = list(images())
    if scheme == "dynamic":
        assert measured == []
    else:
        assert [int(sample["image"][1, 0, 0]) for sample in measured] == list(range(10))
        # one black and one white pixel, as raw bytes express them, in the first image alone
        first, second = (sample["image"] for sample in measured[:2])
        assert (first[0, 0].tolist(), first[-1, -1].tolist()) == ([-1.0] * 3, [127 / 128] * 3)
        assert np.all(second == 1)
    assert ctx.emitted == [(b"quantized", FACTS, {"quantized": scheme})]
    assert ctx.notes["stored"] == "stored in emitted.tflite"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, ["scales", ("int8", Form(), 0), "declared", "uint8", "float32", "int8"]),
        ({"scheme": "dynamic"}, ["scales", ("dynamic", Form(), 1024), "declared", "float32", "float32"]),
        (
            {"scheme": "int16x8", "granularity": "tensor"},
            ["scales", ("int16x8", Form(granularity="tensor"), 0), "declared", "float32", "float32", "int16"],
        ),
    ],
    ids=str,
)
def test_every_promise_of_the_converters_file_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, wanted: list[Any]
) -> None:
    checked: list[Any] = []
    monkeypatch.setattr(scales, "check_scales", lambda path: checked.append("scales"))
    monkeypatch.setattr(
        storage, "check_stored", lambda path, scheme, form, least: checked.append((scheme, form, least))
    )
    monkeypatch.setattr(writing, "check_declared", lambda result: checked.append("declared"))
    monkeypatch.setattr(writing, "check_inputs", lambda result, dtypes: checked.append(dtypes["image"]))
    monkeypatch.setattr(writing, "check_outputs", lambda result, dtype: checked.append(dtype))
    monkeypatch.setattr(writing, "check_full_integer", lambda path, activations: checked.append(activations))
    ConvertQuantized(**options).verify(keras_model(tmp_path), flat(tmp_path))
    assert checked == wanted


def test_calibration_is_read_only_where_ranges_are_needed() -> None:
    few = Calibration(source="data.val")
    for kind in (ConvertQuantized, Quantize):
        assert {
            scheme: bool(kind(scheme=scheme, calibration=few).reads()) for scheme in quantize.SCHEMES
        } == {
            "int8": True,
            "int16x8": True,
            "float16": False,
            "dynamic": False,
        }
    assert Quantize(scheme="dynamic", round="learned", calibration=few).reads() == ("data.val",)


# --- quantize


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, ["scales", ("int8", Form()), "declared", "weights", "uint8", "float32", "int8"]),
        (
            {"scheme": "dynamic", "weight_bits": 4},
            ["scales", ("dynamic", Form(weight_bits=4)), "declared", "weights", "float32", "float32"],
        ),
        (
            {"scheme": "int16x8"},
            ["scales", ("int16x8", Form()), "declared", "weights", "float32", "float32", "int16"],
        ),
    ],
    ids=str,
)
def test_every_promise_of_a_quantized_file_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, wanted: list[Any]
) -> None:
    checked: list[Any] = []
    monkeypatch.setattr(scales, "check_scales", lambda path: checked.append("scales"))
    monkeypatch.setattr(storage, "check_stored", lambda path, scheme, form: checked.append((scheme, form)))
    monkeypatch.setattr(promises, "check_weights", lambda source, result: checked.append("weights"))
    monkeypatch.setattr(writing, "check_declared", lambda result: checked.append("declared"))
    monkeypatch.setattr(writing, "check_inputs", lambda result, dtypes: checked.append(dtypes["image"]))
    monkeypatch.setattr(writing, "check_outputs", lambda result, dtype: checked.append(dtype))
    monkeypatch.setattr(
        writing, "check_full_integer", lambda path, activations, **how: checked.append(activations)
    )
    Quantize(**options).verify(flat(tmp_path), flat(tmp_path))
    assert checked == wanted


@pytest.mark.parametrize(("scheme", "learned"), [("dynamic", False), ("dynamic", True), ("float16", False)])
def test_weights_alone_are_quantized_without_ranges(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: Any, learned: bool
) -> None:
    asked: list[Any] = []
    layer = RoundedLayer(
        layer="a", operator="b", bits=8, nearest_error=1, learned_error=1, turned=0, weights=1
    )

    def round_(graph: bytes, images: Any, **options: Any) -> Any:
        options.pop("progress")(1, 2)
        asked.append((graph, len(images), options))
        return b"rounded", [layer]

    def quantized(source: Bare, *given: Any, **options: Any) -> bytes:
        asked.append((source.content, given, options))
        return b"made"

    monkeypatch.setattr(rounding, "learned_rounding", round_)
    monkeypatch.setattr(quantizer, "quantize", quantized)
    form: dict[str, Any] = {} if scheme == "float16" else {"weight_bits": 4}
    options = Quantize(scheme=scheme, round="learned" if learned else "nearest", **form)
    model = flat(tmp_path)
    assert options._quantized(floating(model), model, ctx).content == b"made"
    borders = {"float_input": True, "float_output": True, "form": Form(**form)}
    if learned:
        assert asked == [
            (b"float", 10, {"bits": 4, "granularity": "channel"}),
            (b"rounded", (scheme,), borders),
        ]
        assert ctx.notes["round"] == [asdict(layer)]
    else:
        assert asked == [(b"float", (scheme,), borders)]
    with pytest.raises(PassError, match="sparse_encoding=false"):
        options.run(flat(tmp_path, sparse_encoding=True), ctx)


class Bench:
    """A workbench that gives a file of a setting's text."""

    rounded = (
        RoundedLayer(layer="a", operator="b", bits=8, nearest_error=1, learned_error=1, turned=0, weights=1),
    )

    def build(self, setting: Setting) -> bytes:
        return setting.text.encode()


@pytest.mark.parametrize(
    ("options", "measuring", "made"),
    [
        ({"method": "fixed"}, False, b"minmax"),
        ({"method": "fixed", "round": "learned"}, False, b"minmax, learned rounding"),
        ({"scheme": "int16x8"}, False, b"minmax"),  # its errors are too small to choose by
    ],
    ids=str,
)
def test_images_are_held_out_only_where_something_is_chosen(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, measuring: bool, made: bytes
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        Quantize,
        "bench",
        lambda self, model, ctx, scheme, measuring: asked.append((scheme, measuring)) or Bench(),
    )
    model = flat(tmp_path)
    found: Any = Quantize(**options)._quantized(floating(model), model, ctx)
    assert found == made
    assert asked == [(options.get("scheme", "int8"), measuring)]
    assert ("round" in ctx.notes) == ("round" in options)
    monkeypatch.setattr(Quantize, "setting", lambda *given: Setting(ranges="mse"))
    found = Quantize()._quantized(floating(model), model, ctx)
    assert found == b"mse"
    assert asked[-1] == ("int8", True)


def test_the_schemes_that_work_are_told_where_one_does_not(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []

    def works(self: Quantize, floating: Any, model: Any, ctx: Any) -> bool:
        tried.append(
            (self.scheme, self.weight_bits, self.granularity, self.activations, self.round, self.method)
        )
        return self.scheme in ("int8", "float16")

    monkeypatch.setattr(Quantize, "_works", works)
    options = Quantize(weight_bits=4, granularity="tensor", activations="symmetric")
    model = flat(tmp_path)
    brought = floating(model)
    said = options._instead(brought, model, ctx)
    plain = ("channel", "asymmetric", "nearest", "fixed")
    assert tried == [(scheme, 8, *plain) for scheme in ("int8", "int16x8", "float16", "dynamic")]
    assert said == "what it executes: step.weight_bits=8, step.scheme=float16"
    tried.clear()
    assert Quantize(scheme="dynamic")._instead(brought, model, ctx) == "what it executes: step.scheme=float16"
    assert [scheme for scheme, *_ in tried] == ["float16"], (
        "calibration was not read, so that others cannot be tried"
    )
    monkeypatch.setattr(Quantize, "_works", lambda *given: False)
    assert options._instead(brought, model, ctx) == "it executes none of the other schemes"


def test_a_file_is_tried_on_noise_of_all_pixels(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(
        execution,
        "failure",
        lambda source, made, path, sample: tried.append((source, made, path, sample)) or "no",
    )
    given, made = floating(flat(tmp_path, small_network.convolutional())), Packed(b"made")
    assert quantize._failure(given, made, ctx) == "no"
    ((source, found, path, sample),) = tried
    image = sample["image"]
    assert (source, found, path.parent) == (given.packed, made, tmp_path)
    assert (image.shape, image.dtype) == ((8, 8, 3), np.float32)
    assert (image.min(), image.max()) == (pytest.approx(-1.0, abs=0.05), pytest.approx(127 / 128, abs=0.05))


# --- quantize_mixed and sensitivity


def step(layer: str, gain: float = 0.1) -> Addition:
    names = frozenset({f"{layer}/z", f"{layer}/a"})
    return Addition(
        group=Group(layer=layer, tensors=names),
        tensors=names,
        bytes=12,
        before=0.987654321,
        after=0.987654321 - gain,
    )


def test_a_kept_step_is_noted_with_its_tensors_and_errors() -> None:
    assert quantize_mixed._entry(step("one")) == {
        "layer": "one",
        "tensors": ["one/a", "one/z"],
        "weight_bytes": 12,
        "error_before": 0.9876543,
        "error_after": 0.8876543,
    }


class Needing:
    """Candidates that hold the budget where they keep certain layers; keeps what was asked."""

    def __init__(self, *needed: str) -> None:
        self.needed, self.asked = set(needed), list[str]()

    def of(self, steps: tuple[Addition, ...]) -> Any:
        kept = "".join(step.group.layer for step in steps)
        self.asked.append(kept)
        return SimpleNamespace(steps=steps, ok=self.needed <= set(kept))


def test_what_gains_least_is_tried_without_first_and_no_more_after_three_misses() -> None:
    order = [step(layer, gain) for layer, gain in zip("abcdef", (0.3, 0.1, 0.5, 0.2, 0.4, 0.6), strict=True)]
    trials: Any = Needing(*"abcdef")
    found = quantize_mixed.smallest(trials, order)
    assert found is not None
    assert len(found.steps) == 6
    assert trials.asked[-3:] == ["acdef", "abcef", "bcdef"]
    assert quantize_mixed.smallest(Needing("z"), order) is None  # type: ignore[arg-type]


def test_the_share_that_is_kept_is_of_all_weights(tmp_path: Path) -> None:
    """108 weights of the stem, 36 depthwise ones, 128 of the head."""
    path = small_network.model(tmp_path).path
    made = flat(tmp_path, path.read_bytes(), islands=[{"tensor": "stem/Relu"}, {"tensor": "scores"}])
    assert quantize_mixed._share(made) == pytest.approx(108 / 272)
    assert quantize_mixed._share(replace(made, meta={"islands": []})) == 0.0


def test_a_share_of_exactly_what_is_allowed_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Any] = []
    monkeypatch.setattr(scales, "check_scales", lambda path: checked.append("scales"))
    monkeypatch.setattr(promises, "check_weights", lambda source, result: checked.append("weights"))
    monkeypatch.setattr(writing, "check_declared", lambda result: checked.append("declared"))
    monkeypatch.setattr(writing, "check_inputs", lambda result, dtypes: checked.append(dtypes["image"]))
    monkeypatch.setattr(quantize_mixed, "_check_dtypes", lambda result: checked.append("dtypes"))
    monkeypatch.setattr(quantize_mixed, "_share", lambda result: 0.25)
    QuantizeMixed(max_kept=0.25).verify(flat(tmp_path), flat(tmp_path))
    assert checked == ["scales", "weights", "declared", "uint8", "dtypes"]
    with pytest.raises(BrokenPromise, match=r"^25\.0% of the weights are kept, not at most max_kept=0\.2\."):
        QuantizeMixed(max_kept=0.2).verify(flat(tmp_path), flat(tmp_path))


def test_operators_are_held_to_the_dtypes_that_they_are_said_to_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(writing, "check_full_integer", lambda *given, **how: asked.append(given))
    made = flat(tmp_path, islands=[{"tensor": "a", "layer": "l", "dtype": "int16", "reason": "kept"}])
    quantize_mixed._check_dtypes(made)
    ((path, activations, (island,)),) = asked
    assert (path, activations, asdict(island)) == (
        made.path,
        "int8",
        {"name": "a", "dtype": "int16", "reason": "kept"},
    )


def cost(layer: str, weights: float | None = 0.123456789) -> LayerCost:
    return LayerCost(
        layer=layer,
        tensor=f"{layer}/t",
        operator="CONV_2D",
        weights=weights,
        activations=None,
        alone=0.5,
        left_out=0.25,
        bytes=12345,
        macs=7,
    )


def test_the_table_shows_twelve_layers_and_the_report_all() -> None:
    found = Sensitivity(
        error_of_all=0.123456789,
        error_of_weights=0.2,
        error_of_activations=0.1,
        layers=tuple(cost(f"layer_{number}") for number in range(14)),
    )
    lines = sensitivity.table(found)
    assert lines[0] == (
        "output error with everything quantized 0.1235; only weights 0.2000, only activations 0.1000: "
        "weights cost more"
    )
    assert len(lines) == 2 + 12 + 1
    assert lines[2].split() == ["layer_0", "CONV_2D", "0.1235", "-", "0.5000", "0.2500", "12,345"]
    assert lines[-1] == "... and 2 more in report.json"
    assert len(sensitivity.table(replace(found, layers=found.layers[:12]))) == 14
    report = sensitivity.to_json(found)
    assert (report["error_of_all"], report["error_of_weights"], report["error_of_activations"]) == (
        0.1234568,
        0.2,
        0.1,
    )
    assert (report["guilty"], len(report["layers"])) == ("weights", 14)
    assert report["layers"][3] == asdict(cost("layer_3")) | {"weights": 0.1234568}


def test_layers_are_measured_on_so_many_images_and_the_file_is_given_back(
    ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Sensitivity(
        error_of_all=1.0, error_of_weights=0.2, error_of_activations=0.3, layers=(cost("one"),)
    )
    asked: list[Any] = []
    bench = SimpleNamespace(sensitivity=lambda setting, images: asked.append((setting, images)) or found)
    monkeypatch.setattr(
        MeasureSensitivity,
        "bench",
        lambda self, model, ctx, scheme, measuring: asked.append((scheme, measuring)) or bench,
    )
    clock = iter((10.0, 12.5))
    monkeypatch.setattr(sensitivity.time, "perf_counter", lambda: next(clock))
    options = MeasureSensitivity(scheme="int16x8", images=5, ranges="mse")
    options.run(flat(tmp_path), ctx)
    assert ctx.notes["sensitivity"]["seconds"] == 2.5
    assert asked == [("int16x8", True), (Setting(ranges="mse"), 5)]
    assert ctx.emitted == [(TFLiteModel, b"float", "f", {})]
    assert ctx.said == sensitivity.table(found)
    assert ctx.notes["sensitivity"].items() >= sensitivity.to_json(found).items()


# --- distillation and parity


def teacher(**changed: Any) -> Any:
    return SimpleNamespace(
        **{"input_shape": (None, 8, 8, 3), "output_shape": (None, 2), "kind": "softmax"} | changed
    )


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_the_loss_is_that_of_the_task_with_the_ends_of_student_and_teacher(
    fake: Fake, ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    fake.module(monkeypatch, "keras", load=lambda path: teacher(), output_kind=lambda model: model.kind)
    fake.module(
        monkeypatch,
        "distillation",
        detection=lambda *given: ("detection", *given),
        classification=lambda *given: ("classification", *given),
        query_teacher=lambda model: f"asks {model.kind}",
    )
    fake.module(monkeypatch, "losses")

    @dataclass(frozen=True)
    class Hooks:
        before: Any = "nothing"
        targets: Any = "as they are"

    fake.module(monkeypatch, "loop", Hooks=Hooks)
    fake.fresh(monkeypatch, f"tflbuild.tasks.{task}.training")
    facts = replace(FACTS, task=task)
    given = replace(keras_model(tmp_path), meta={"facts": facts.to_json()})
    options = Distill(weight=0.25, temperature=3.0)
    loss, hooks = with_teacher(options, teacher(kind="logits"), facts, "hard", Hooks("masks"), given, ctx)
    ends = (True, False) if task == "classification" else ()
    assert loss == (task, "hard", 0.25, 3.0, *ends)
    assert hooks == Hooks("masks", "asks softmax"), "what else happens in a step stays"
    assert ctx.notes["distill"] == {"teacher": "input", "weight": 0.25, "temperature": 3.0}
    assert with_teacher(options, teacher(), facts, "hard", None, given, ctx)[1] == Hooks(
        "nothing", "asks softmax"
    )


def seeing(**changed: Any) -> dict[str, Input]:
    """Give the inputs of the facts with other fields."""
    return {"image": replace(FACTS.only, **changed)}


def anchored(scale: float) -> dict[str, Any]:
    """Give the head of a detector whose largest boxes are of a scale."""
    anchors = asdict(AnchorOptions(max_scale=scale))
    return {"feature_maps": [[1, 1]], "anchors": anchors, "postprocess": asdict(Postprocess())}


@pytest.mark.parametrize(
    ("changed", "facts", "message"),
    [
        (
            {"input_shape": (None, 4, 4, 3)},
            {},
            r"has the input shape \(None, 4, 4, 3\), the model that is trained \(None, 8",
        ),
        ({"output_shape": (None, 3)}, {}, r"has the output shape \(None, 3\)"),
        ({}, {"inputs": seeing(shape=(8, 9, 3))}, "was made for another shape than"),
        (
            {},
            {"inputs": seeing(modality="vector", preprocess={})},
            "was made for another modality, preprocess",
        ),
        ({}, {"task": "detection", "labels": ("a",)}, "was made for another task, labels than"),
        ({}, {"inputs": seeing(preprocess={"scale": 0.5})}, "was made for another preprocess than"),
        ({}, {"head": anchored(0.75)}, "was made for another anchors than"),
    ],
    ids=str,
)
def test_a_teacher_that_sees_or_says_something_else_is_refused(
    fake: Fake,
    ctx: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: Any,
    facts: Any,
    message: str,
) -> None:
    fake.module(
        monkeypatch, "keras", load=lambda path: teacher(**changed), output_kind=lambda model: model.kind
    )
    fake.module(monkeypatch, "distillation")
    fake.module(monkeypatch, "loop")
    own = replace(FACTS, task="detection", head=anchored(0.5)) if "head" in facts else FACTS
    ctx._models["train"] = replace(keras_model(tmp_path), meta={"facts": replace(own, **facts).to_json()})
    with pytest.raises(PassError, match=rf"^step\.distill\.teacher: train {message}"):
        with_teacher(Distill(weight=1.0, teacher="train"), teacher(), own, "hard", None, None, ctx)


def test_nobody_and_a_flatbuffer_cannot_teach(
    fake: Fake, ctx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.module(monkeypatch, "distillation")
    fake.module(monkeypatch, "loop")
    with pytest.raises(PassError, match=r"^step\.distill\.teacher: the pass has no input that could teach"):
        with_teacher(Distill(weight=1.0), teacher(), FACTS, "hard", None, None, ctx)
    ctx._models["convert"] = flat(tmp_path)
    with pytest.raises(PassError, match=r"'convert' gives a TFLiteModel; only a KerasModel can teach"):
        with_teacher(Distill(weight=1.0, teacher="convert"), teacher(), FACTS, "hard", None, None, ctx)


class Numbered(list[Any]):
    """A split of examples whose keys are their positions."""

    @property
    def samples(self) -> list[Any]:
        return [SimpleNamespace(key=str(number)) for number in range(len(self))]


@pytest.mark.parametrize(
    ("count", "images", "chosen"), [(40, 16, None), (4, 16, [0, 1, 2, 3]), (9, 3, [0, 3, 6])]
)
def test_models_are_compared_on_images_from_all_over_the_train_split(
    count: int, images: int, chosen: Any
) -> None:
    split = Numbered(SimpleNamespace(value=np.full((4, 4, 3), number, np.uint8)) for number in range(count))
    ctx: Any = SimpleNamespace(dataset={"data.train": split}.__getitem__)
    (batch,) = parity.sample_batch(FACTS, ctx, images).values()
    found = [int((image[0, 0, 0] + 1) * 128) for image in batch]  # by hand: pixel = (value + 1) * 128
    assert found == (chosen or [count * number // 16 for number in range(16)])
    assert (batch.shape[1:], batch.dtype) == ((8, 8, 3), np.float32)


def test_a_difference_of_exactly_the_tolerance_is_none() -> None:
    found = {"scores": {"difference": 1e-4, "size": 1.0}, "boxes": {"difference": 2.1e-4, "size": 2.0}}
    assert parity.breaches(found) == ["boxes differ by up to 0.00021, where they reach 2"]
    assert parity.breaches(found, 1e-5)[0] == "scores differ by up to 0.0001, where they reach 1"
    compared = parity.compared(
        {"a": np.array([[1.0, -3.0]])}, {"a": np.array([[1.5, -5.0]]), "b": np.zeros(1)}
    )
    assert compared == {"a": {"difference": 2.0, "size": 3.0, "images": 1}}


def test_images_to_compare_on_are_sixteen_where_the_model_came_from_a_file() -> None:
    facts = DataFacts(task="classification", train=1, classes=2, input_size=8)
    assert Convert().resolve(facts).parity is None
    assert Convert().resolve(replace(facts, from_file=True)).parity == 32
    assert Convert(parity=3).resolve(replace(facts, from_file=True)).parity == 3
    assert (Convert(parity=1).reads(), Convert().reads(), Convert().asks_model()) == (
        ("data.train",),
        (),
        False,
    )
