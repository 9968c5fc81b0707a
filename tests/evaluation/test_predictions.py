"""Predictions of models on splits, of files made by hand and of stand-ins."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from pictures import QUARTER, Boxed, GreyClasses, Greys, Numbered, meaning_of, split_of
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.runtime import Runtime
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.evaluation import arrays as array_files
from tflbuild.evaluation import predictions
from tflbuild.evaluation.predictions import predict, predict_file
from tflbuild.evaluation.truth import truth, truth_file
from tflbuild.runtimes.keras import Keras
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.tiny import brightness_detector

LITERT = Litert()
FLOAT = TensorSpec((-1, 4, 8, 3), "float32")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Keep no model loaded of other tests, and none for them."""
    predictions._opened.cache_clear()
    yield
    predictions._opened.cache_clear()


def model_of(path: Path, meaning: Meaning, digest: str = "d") -> TFLiteModel:
    return TFLiteModel(path=path, digest=digest, fingerprint="", meta={"facts": meaning.to_json()})


@pytest.fixture
def detector(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    return model_of(path, meaning_of("detection"))


@pytest.fixture
def classifier(float_classifier: Path) -> TFLiteModel:
    return model_of(float_classifier, meaning_of("classification"))


def meant(model: TFLiteModel, **changed: Any) -> TFLiteModel:
    """Give another meaning to a model."""
    return replace(model, meta={"facts": meaning_of(Meaning.of(model).task, **changed).to_json()})


@pytest.mark.parametrize("task", ["detection", "classification"])
def test_parts_join_to_the_bytes_of_the_whole(
    task: str, detector: TFLiteModel, classifier: TFLiteModel, tmp_path: Path
) -> None:
    model, kind = (detector, Greys) if task == "detection" else (classifier, GreyClasses)
    data = split_of(kind(grey=tuple(range(0, 256, 3))))
    for name, write in (
        ("predictions", lambda part, out: predict_file(LITERT, model, part, out)),
        ("truth", truth_file),
    ):
        whole, joined = tmp_path / f"{name}.npz", tmp_path / f"{name}_joined.npz"
        write(data, whole)
        parts = []
        for start, stop in ((0, 1), (1, 40), (40, 86)):
            parts.append(tmp_path / f"{name}.{start}")
            write(data.part(start, stop), parts[-1])
        array_files.merge(parts, joined)
        assert joined.read_bytes() == whole.read_bytes()


def test_a_part_of_a_split_is_read_once(detector: TFLiteModel, monkeypatch: pytest.MonkeyPatch) -> None:
    data = split_of(Greys(grey=tuple(range(7, 47))))
    parts = [data.part(0, 20), data.part(20, 40)]
    for part in parts:
        predict(LITERT, detector, part)
    monkeypatch.setattr(Greys, "read", None)
    for part in parts:
        predict(LITERT, detector, part)
        assert len(truth(part)["labels"]) == 20


def test_the_same_arrays_give_the_same_bytes(detector: TFLiteModel, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.npz", "two.npz")]
    for path in paths:
        predict_file(LITERT, detector, split_of(Greys()), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    arrays = array_files.load(paths[0])
    assert arrays["boxes"].dtype == arrays["scores"].dtype == np.float32
    assert (arrays["classes"].dtype, arrays["offsets"].dtype) == (np.int32, np.int64)


def test_boxes_come_back_from_the_letterbox(detector: TFLiteModel) -> None:
    letterboxed = meant(detector, aspect="letterbox")
    arrays, _ = predict(LITERT, letterboxed, split_of(Greys(grey=(255,))))
    # By hand: the 8x16 image fills rows 2 to 6 of the 8x8 input; the input's upper half is rows -2 to 2 of 4.
    assert arrays["boxes"][0].tolist() == pytest.approx([0.0, 0.0, 0.5, 0.5])
    stretched, _ = predict(LITERT, detector, split_of(Greys(grey=(255,))))
    assert stretched["boxes"][0].tolist() == pytest.approx(list(QUARTER))


def test_boxes_come_back_from_a_centred_crop(detector: TFLiteModel) -> None:
    cropped = meant(detector, aspect="center_crop")
    arrays, _ = predict(LITERT, cropped, split_of(Greys(grey=(255,))))
    # By hand: the input shows columns 4 to 12 of 16; its left half is columns 4 to 8.
    assert arrays["boxes"][0].tolist() == pytest.approx([0.0, 0.25, 0.5, 0.5])


def test_labels_in_another_order_are_matched_by_name(detector: TFLiteModel) -> None:
    swapped = meant(detector, labels=("dark", "bright"))
    arrays, _ = predict(LITERT, swapped, split_of(Greys(grey=(255, 0)), ("dark", "bright")))
    plain, _ = predict(LITERT, detector, split_of(Greys(grey=(255, 0)), ("dark", "bright")))
    best = arrays["offsets"][:-1]
    assert arrays["classes"][best].tolist() == [0, 1]
    assert plain["classes"][best].tolist() == [1, 0]


def test_classes_that_only_one_side_knows_are_left_out_and_said(detector: TFLiteModel) -> None:
    other = meant(detector, labels=("bright", "dim"))
    arrays, _ = predict(LITERT, other, split_of(Greys(grey=(255, 0))))
    assert arrays["classes"].tolist() == [0]
    assert arrays["offsets"].tolist() == [0, 1, 1]
    assert arrays["missing"].tolist() == ["dark"]


def test_a_classifiers_scores_follow_the_datas_classes(classifier: TFLiteModel) -> None:
    data = split_of(GreyClasses(), ("dark", "cat", "bright"))
    arrays, _ = predict(LITERT, meant(classifier, labels=("bright", "dark")), data)
    plain, _ = predict(LITERT, classifier, split_of(GreyClasses()))
    assert arrays["scores"][:, [2, 0]].tolist() == plain["scores"].tolist()
    assert (arrays["scores"][:, 1] == -math.inf).all()
    assert arrays["missing"].tolist() == ["cat"]


def test_a_label_that_the_data_lacks_gets_a_column_that_is_never_right(classifier: TFLiteModel) -> None:
    arrays, _ = predict(LITERT, meant(classifier, labels=("zebra", "dark")), split_of(GreyClasses()))
    plain, _ = predict(LITERT, classifier, split_of(GreyClasses()))
    assert arrays["scores"].shape == (5, 3)
    assert arrays["scores"][:, 2].tolist() == plain["scores"][:, 0].tolist()


def test_outputs_that_nobody_gave_a_meaning_are_kept_as_they_are(classifier: TFLiteModel) -> None:
    data = split_of(GreyClasses())
    plain, _ = predict(LITERT, classifier, data)
    meaning = replace(Meaning.of(classifier), task="unlabelled", labels=())
    found, _ = predict(LITERT, model_of(classifier.path, meaning), data)
    assert found.keys() == {"output:scores"}
    assert np.array_equal(found["output:scores"], plain["scores"])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((16, 16), r"takes \(8, 8, 3\), but it was made for \(16, 16, 3\)"),
        ((9, 8), r"takes \(8, 8, 3\), but it was made for \(9, 8, 3\)"),  # as wide, and not as high
    ],
)
def test_a_file_of_another_input_size_than_its_meaning_is_refused(
    shape: tuple[int, int], said: str, detector: TFLiteModel
) -> None:
    with pytest.raises(PassError, match=rf"detector\.tflite: its input 'image' {said}\.$"):
        predict(LITERT, meant(detector, shape=shape), split_of(Greys()))


def test_a_file_without_an_input_of_its_meaning_is_refused(detector: TFLiteModel) -> None:
    inputs = {"picture": Meaning.of(detector).only}
    other = model_of(detector.path, replace(Meaning.of(detector), inputs=inputs))
    with pytest.raises(PassError, match=r"detector\.tflite has no input 'picture'; it has image\.$"):
        predict(LITERT, other, split_of(Greys()))


@dataclass(frozen=True, kw_only=True)
class StandIn(Runtime):
    """Score an image by its first pixel; notes what it opens."""

    name: ClassVar[str] = "stand_in"
    opened: ClassVar[list[tuple[str, str]]] = []
    threads: int = 1

    def open(self, model: Artifact) -> Any:
        self.opened.append((model.path.name, model.digest))

        def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
            image = inputs["image"]
            return {"scores": np.stack([image[:, 0, 0, 0], image[:, 4, 4, 1]], axis=1)}

        signature = Signature({"image": TensorSpec((1, 8, 8, 3), "float32")}, {})
        return SimpleNamespace(signature=signature, kernels="fake", run=run)


def test_a_model_is_loaded_once_for_the_parts_of_a_split_whatever_it_means() -> None:
    StandIn.opened.clear()

    def found(digest: str = "d", name: str = "m", runtime: Runtime | None = None, **preprocess: Any) -> Any:
        meaning = meaning_of("classification", **{"scale": 1.0, "offset": 0.0, **preprocess})
        model = model_of(Path(name), meaning, digest)
        found, kernels = predict(runtime or StandIn(), model, split_of(GreyClasses(grey=(10, 20))))
        assert kernels == "fake"
        return found["scores"].tolist()

    assert found() == found() == [[10, 10], [20, 20]]
    assert StandIn.opened == [("m", "d")]
    assert found(scale=0.5) == [[5, 5], [10, 10]]
    assert found(scale=0.5, offset=0.25) == [[5.25, 5.25], [10.25, 10.25]]
    assert StandIn.opened == [("m", "d")]
    found(digest="another")
    found(digest="another", name="n")
    found(digest="another", name="n", runtime=StandIn(threads=2))
    assert StandIn.opened[1:] == [("m", "another"), ("n", "another"), ("n", "another")]


class TracedStandIn:
    """Stand in for a Keras model: score an image by the grey of its first pixel."""

    kernels = "keras"
    signature = Signature({"image": FLOAT}, {})
    sizes: ClassVar[list[int]] = []

    def __init__(self, path: Path, task: Any) -> None:
        assert (path, task.name) == (Path("model.h5"), "classification")

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        batch = inputs["image"]
        self.sizes.append(len(batch))
        assert batch.dtype == np.float32
        return {"scores": np.stack([batch[:, 0, 0, 0], batch[:, 3, 7, 2], -batch[:, 0, 0, 0]], axis=1)}


def keras_model(meaning: Meaning) -> KerasModel:
    return KerasModel(path=Path("model.h5"), digest="", fingerprint="", meta={"facts": meaning.to_json()})


@pytest.mark.parametrize("count", [1, 31, 32, 33, 64, 70])
def test_a_keras_model_is_given_every_image_once_in_batches_of_one_size(
    count: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    TracedStandIn.sizes.clear()
    monkeypatch.setitem(sys.modules, "tflbuild.backends.keras", SimpleNamespace(Traced=TracedStandIn))
    meaning = meaning_of("classification", ("a", "b", "c"), (4, 8), scale=0.5, offset=-3.0)
    told: list[tuple[float, float]] = []
    kernels = predict_file(
        Keras(),
        keras_model(meaning),
        split_of(Numbered(count=count)),
        tmp_path / "found",
        lambda done, total: told.append((done, total)),
    )
    assert kernels == "keras"
    wanted = [number * 0.5 - 3 for number in range(count)]
    found = array_files.load(tmp_path / "found")
    assert found["scores"][:, :2].tolist() == [[value, value] for value in wanted]
    assert TracedStandIn.sizes == [32] * math.ceil(count / 32)
    assert told == [(k, count) for k in range(1, count + 1)]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (4, [4]), (6, [4, 2])])
def test_a_device_is_given_as_many_samples_as_there_are(
    count: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last batch that is filled up would be run there for nothing."""
    TracedStandIn.sizes.clear()
    meaning = meaning_of("classification", ("a", "b", "c"), (4, 8), scale=0.5, offset=-3.0)

    class OnDevice(Runtime):
        batch, whole_batches = 4, False

        def open(self, model: Any) -> Any:
            return TracedStandIn(model.path, meaning.kind)

    found, _ = predict(OnDevice(), keras_model(meaning), split_of(Numbered(count=count)))
    assert found["scores"][:, 0].tolist() == [number * 0.5 - 3 for number in range(count)]
    assert TracedStandIn.sizes == sizes


def test_a_detectors_raw_outputs_go_through_the_devices_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """One anchor in the middle; the code says nothing, so that the box is the anchor."""

    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        count = len(inputs["image"])
        scores = np.zeros((count, 1, 2), np.float32)
        scores[np.arange(count), 0, (np.arange(count) % 2)] = 0.75
        return {"box_encodings": np.zeros((count, 1, 4), np.float32), "class_scores": scores}

    signature = Signature({"image": TensorSpec((-1, 8, 8, 3), "float32")}, {})
    traced = SimpleNamespace(signature=signature, kernels="keras", run=run)
    monkeypatch.setitem(
        sys.modules, "tflbuild.backends.keras", SimpleNamespace(Traced=lambda path, task: traced)
    )
    anchors = {"aspect_ratios": [1.0], "min_scale": 0.5, "max_scale": 0.5}
    anchors |= {"extra_square": False, "reduced_finest": False}
    head = {"feature_maps": [[1, 1]], "anchors": anchors, "postprocess": {"max_detections": 1}}
    meaning = meaning_of("detection", ("a", "b"), head=head, aspect="letterbox")
    found, _ = predict(Keras(), keras_model(meaning), split_of(Boxed()))
    assert found["classes"].tolist() == [0, 1, 0]
    assert found["scores"].tolist() == pytest.approx([0.75] * 3)
    # By hand: rows 2 to 6 of 8 show the image of 4 x 8, so the middle half of the input is all of its height.
    np.testing.assert_allclose(found["boxes"], [[0, 0.25, 1, 0.75]] * 3, atol=1e-6)


@dataclass(frozen=True, kw_only=True)
class Pairs(Dataset):
    """Samples of two arrays each, by the names of a model's inputs."""

    task = "unlabelled"
    modality = "vector"

    def index(self, look: Any = None) -> Index:
        samples = tuple(Sample(key=str(k), digest=f"pair{k}") for k in range(3))
        return Index(classes=(), splits={"test": samples})

    def read(self, sample: Sample) -> Example:
        number = int(sample.key)
        value = {"left": np.array([number, 2.0]), "right": np.array([[10.0], [20.0]])}
        return Example(value, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


def test_a_model_of_several_inputs_is_given_each_by_its_name(tmp_path: Path) -> None:
    kind, options = schema.BuiltinOptions.SubOptions, schema.SubOptionsT()
    step = Step(schema.BuiltinOperator.SUB, ["left", "right"], ["difference"], kind, options)
    shapes = {"left": (1, 2), "right": (1, 2), "difference": (1, 2)}
    path = tmp_path / "two.tflite"
    path.write_bytes(assemble(shapes, [step], ["left", "right"], ["difference"]))
    inputs = {name: Input(modality="vector", shape=(2,)) for name in ("right", "left")}
    model = model_of(path, Meaning(task="unlabelled", inputs=inputs))
    found, _ = predict(LITERT, model, split_of(Pairs()))
    assert found["output:difference"].tolist() == [[-10, -18], [-9, -18], [-8, -18]]
