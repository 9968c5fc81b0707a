"""A form of the float model: observed once, learned once, and what it gives away is nobody else's to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dense_chain import FIRST, IMAGE, SECOND, DenseChain
from samples import samples
from tflbuild.quantization import variant as module
from tflbuild.quantization.form import Form
from tflbuild.quantization.variant import Variant
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.tiny import brightness_detector, dense_classifier
from tflbuild.tflite.weights import weights_in

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

CHAIN = DenseChain()


def counted(name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Count the calls of a function that a variant uses."""
    calls: list[tuple[Any, ...]] = []
    real = getattr(module, name)

    def call(*given: Any, **options: Any) -> Any:
        calls.append((*given, options))
        return real(*given, **options)

    monkeypatch.setattr(module, name, call)
    return calls


@pytest.fixture
def variant() -> Variant:
    return Variant(Packed(CHAIN.content()), CHAIN.samples[:5])


def test_images_are_run_once_however_many_ranges_are_tried(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, told = counted("observe", monkeypatch), list[tuple[float, float]]()
    observed = variant.observed(lambda done, total: told.append((done, total)))
    assert variant.observed() is observed
    for method in ("minmax", "mse", "minmax"):
        variant.ranges(method)  # type: ignore[arg-type]
    assert len(calls) == 1
    assert told[-1] == (10, 10), "twice each image"


def test_each_way_has_its_own_ranges_and_they_are_the_callers_to_change(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = {"minmax": 1.0, "mse": 2.0}
    monkeypatch.setattr(
        module, "ranges_of", lambda observed, method, groups: dict.fromkeys(observed, (0.0, ends[method]))
    )
    for method, end in (*ends.items(), *ends.items()):
        found = variant.ranges(method)  # type: ignore[arg-type]
        assert found == dict.fromkeys((IMAGE, FIRST, SECOND), (0.0, end))
        found[IMAGE] = (0.0, 9.0)


def test_values_that_are_only_moved_share_the_range_of_their_source() -> None:
    detector = Packed(brightness_detector())
    images = samples(np.full((8, 8, 3), value, np.float32) for value in np.linspace(-0.9, 0.7, 9))
    found = Variant(detector, images).ranges("mse")
    assert found["flat_boxes"] == found["box_encodings"]
    assert found["flat_scores"] == found["class_scores"]
    alone = module.ranges_of(module.observe(detector.graph, images), "mse")
    assert found["flat_logits"] != alone["flat_logits"], "what becomes scores is weighed by them"


def test_the_inputs_are_named(variant: Variant) -> None:
    assert variant.entries == [IMAGE]
    assert Variant(Packed(dense_classifier()), []).entries == ["image"]
    graph = Graph.unpacked(dense_classifier())
    entry = graph.model.signatureDefs[0].inputs[0]
    graph.tensors[entry.tensorIndex].name, entry.name = b"x:0", b"pixels"
    assert Variant(Packed(graph), []).entries == ["x:0"], "of the tensors, as ranges have them"


@pytest.mark.parametrize(
    "form",
    [Form(), Form(weight_bits=4), Form(granularity="tensor")],
    ids=["plain", "4 bits", "one scale a tensor"],
)
def test_rounding_is_learned_once_on_the_grid_of_the_form(
    variant: Variant, form: Form, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = counted("learned_rounding", monkeypatch)
    assert variant.rounded_layers == []

    def progress(done: float, total: float) -> None:
        pass

    rounded = variant.rounded(form, progress)
    assert variant.rounded(form, progress) is rounded is not variant.model
    ((graph, images, options),) = calls
    assert (graph, len(images)) == (variant.model.graph, 5)
    assert options == {"bits": form.weight_bits, "granularity": form.granularity, "progress": progress}
    assert [layer.layer for layer in variant.rounded_layers] == [FIRST, SECOND]
    assert {layer.bits for layer in variant.rounded_layers} == {form.weight_bits}
    path = tmp_path / "rounded.tflite"
    path.write_bytes(rounded.content)
    assert [kernel.dtype for kernel in weights_in(path)] == ["float32", "float32"]
    assert rounded.content != variant.model.graph.packed() == CHAIN.content(), (
        "what was given stays as it was"
    )
