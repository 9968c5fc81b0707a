"""SavedModels and exports of the Object Detection API taken in: held to what their own exporters gave.

The numbers of the exports come from `reference/` beside them: written by the Object Detection API itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.models.file import File
from tflbuild.passes.load_saved_model import LoadSavedModel
from tflbuild.tasks.detection.boxes import decode
from tflbuild.testing import run_pass
from tflbuild.tflite import raw_outputs
from tflbuild.tflite.packed import Packed

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")]

RAW = 1e-4
"""Largest difference of encodings and scores from the exporter's own, relative to the largest."""


@dataclass(frozen=True, kw_only=True)
class Arrays(Dataset):
    """Random arrays of a shape, as codes of a modality."""

    task = "unlabelled"
    modality = "image"
    sides: tuple[int, ...] = (48, 64, 3)

    def read(self, sample: Sample) -> Example:
        rng = np.random.default_rng(int(sample.key))
        if self.modality == "image":
            values: Any = rng.integers(0, 256, self.sides, np.uint8)
        else:
            values = rng.normal(size=self.sides).astype(np.float32)
        return Example(values, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, kw_only=True)
class Numbers(Arrays):
    modality = "vector"


SAMPLES = tuple(Sample(key=str(k), digest=str(k)) for k in range(6))
UNLABELLED = Index(classes=(), splits=dict.fromkeys(("train", "val", "test"), SAMPLES))
CELLS = Index(classes=("RBC", "WBC", "Platelets"), splits=UNLABELLED.splits)


def taken(
    path: Path, folder: Path, data: Dataset | None = None, index: Index = UNLABELLED, **options: Any
) -> tuple[TFLiteModel, dict[str, Any]]:
    plugins.load(None)
    spec = File(path=str(path), **options)
    spec.check()
    ((_, preprocess),) = spec.description.inputs.values()
    notes: dict[str, Any] = {}
    data = data or Arrays(preprocess=preprocess)
    made = run_pass(LoadSavedModel(), None, folder, model_spec=spec, data=data, index=index, notes=notes)
    return made, notes


Made = Callable[[str], tuple[TFLiteModel, dict[str, Any]]]


@pytest.fixture(scope="module")
def export(shared_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give what becomes of an export, each converted once for all tests."""
    known: dict[str, tuple[TFLiteModel, dict[str, Any]]] = {}

    def make(name: str) -> tuple[TFLiteModel, dict[str, Any]]:
        if name not in known:
            known[name] = taken(shared_models / "odapi" / name, tmp_path_factory.mktemp("export"))
        return known[name]

    return make


EXPORTS = [
    "ssd_mobilenet_v2/exporter_main_v2",
    "ssd_mobilenet_v2/export_tflite_graph_tf2",
    "ssd_mobilenet_v2_fpnlite/export_tflite_graph_tf2_regular_nms100",
    "efficientdet_d0/export_tflite_graph_tf2",
]


def reference(models: Path, name: str, kind: str) -> Mapping[str, Any]:
    return np.load(models / "odapi" / name.split("/")[0] / "reference" / f"{kind}.npz")


@pytest.mark.parametrize("name", EXPORTS)
def test_raw_outputs_are_those_of_the_exporter(name: str, export: Made, shared_models: Path) -> None:
    stored = reference(shared_models, name, "b_export_tflite_graph_tf2_raw_heads")
    content = export(name)[0].path.read_bytes()
    for image in ("img0", "img1"):
        found = raw_outputs.run(Packed(content), {"image": stored[f"{image}_input"]})
        for ours, theirs in (("box_encodings", "box_encodings"), ("class_scores", "class_predictions")):
            wanted = stored[f"{image}_{theirs}"]
            np.testing.assert_allclose(found[ours], wanted, atol=RAW * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("name", EXPORTS)
def test_the_recipes_pixels_are_those_of_the_feature_extractor(
    name: str, export: Made, shared_models: Path
) -> None:
    stored = reference(shared_models, name, "b_export_tflite_graph_tf2_raw_heads")
    meaning = Meaning.of(export(name)[0])
    codes = meaning.only.kind.encode(stored["img0_resized_uint8"][0], meaning.only.shape).codes
    np.testing.assert_array_equal(codes, stored["img0_resized_uint8"][0], "they need no resizing any more")
    np.testing.assert_allclose(meaning.only.kind.values(codes), stored["img0_input"][0], atol=1e-6)


def detections(content: bytes, image: Any) -> dict[str, Any]:
    interpreter = Interpreter(model_content=content)
    return dict(interpreter.get_signature_runner()(image=image))


@pytest.mark.parametrize("name", EXPORTS[1:3])
def test_detections_are_those_of_the_exporters_own_file(name: str, export: Made, shared_models: Path) -> None:
    stored = reference(shared_models, name, "c_float_regular_nms100")
    for image in ("img0", "img1"):
        found = detections(export(name)[0].path.read_bytes(), stored[f"{image}_input"])
        assert int(found["num_detections"][0]) == int(stored[f"{image}_num"]) == 100
        np.testing.assert_allclose(found["detection_scores"][0], stored[f"{image}_scores"], atol=1e-3)
        same = found["detection_classes"][0] == stored[f"{image}_classes"]
        assert same.mean() >= 0.98, "near-ties may change places"
        close = np.abs(found["detection_boxes"][0] - stored[f"{image}_boxes"]).max(axis=1) < 1e-3
        assert close.mean() >= 0.98


def test_detections_of_an_efficientdet_are_found_again(export: Made, shared_models: Path) -> None:
    """The exporter's own file gives ten, of all classes together; class by class, these are among the hundred."""
    stored = reference(shared_models, EXPORTS[3], "c_float_max10")
    content = export(EXPORTS[3])[0].path.read_bytes()
    for image in ("img0", "img1"):
        found = detections(content, stored[f"{image}_input"])
        ours = np.column_stack([found[f"detection_{name}"][0] for name in ("classes", "scores", "boxes")])
        theirs = np.column_stack([stored[f"{image}_{name}"] for name in ("classes", "scores", "boxes")])
        nearest = np.abs(ours[None] - theirs[:, None]).max(axis=2).min(axis=1)
        assert nearest.max() < 1e-4


def test_detections_of_the_main_exporter_are_found_again(export: Made, shared_models: Path) -> None:
    name = EXPORTS[0]
    stored = reference(shared_models, name, "a_exporter_main_v2")
    made, _ = export(name)
    for image in ("img0", "img1"):
        values = Meaning.of(made).only.kind.values(stored[f"{image}_resized_input_tensor"][0])[None]
        found = detections(made.path.read_bytes(), np.asarray(values, np.float32))
        wanted = stored[f"{image}_resized_detection_scores"][0]
        np.testing.assert_allclose(found["detection_scores"][0], wanted, atol=1e-3)
        clipped = np.clip(found["detection_boxes"][0], 0, 1)
        theirs = stored[f"{image}_resized_detection_boxes"][0]
        assert (np.abs(clipped - theirs).max(axis=1) < 1e-3).mean() >= 0.98
        ids = stored[f"{image}_resized_detection_classes"][0]
        assert (found["detection_classes"][0] == ids - 1).mean() >= 0.98, "ids begin with 1"


def test_raw_boxes_are_decoded_with_the_exports_anchors(export: Made, shared_models: Path) -> None:
    stored = reference(shared_models, EXPORTS[0], "a_exporter_main_v2")
    heads = reference(shared_models, EXPORTS[0], "b_export_tflite_graph_tf2_raw_heads")
    content = export(EXPORTS[0])[0].path.read_bytes()
    found = raw_outputs.run(Packed(content), {"image": heads["img0_input"]})
    boxes = decode(found["box_encodings"], heads["anchors_ycxchw"])
    np.testing.assert_allclose(boxes, stored["img0_resized_raw_detection_boxes"], atol=1e-5)


def test_the_file_is_like_that_of_a_detector_trained_here(export: Made) -> None:
    made, notes = export(EXPORTS[0])
    meaning = Meaning.of(made)
    assert (meaning.task, meaning.labels, meaning.only.shape) == ("detection", (), (192, 192, 3))
    assert meaning.only.preprocess["scale"] == pytest.approx(2 / 255)
    assert meaning.only.preprocess["offset"] == -1.0
    signature = {one["name"]: one["shape"] for one in made.meta["signature"]["outputs"]}
    assert signature == {
        "detection_boxes": [1, 100, 4],
        "detection_classes": [1, 100],
        "detection_scores": [1, 100],
        "num_detections": [1],
    }
    assert made.meta["census"]["operators"]["TFLite_Detection_PostProcess"] == 1
    assert set(notes["parity"]["outputs"]) == {"raw_detection_boxes", "raw_detection_scores"}
    assert all(found["difference"] <= 1e-5 for found in notes["parity"]["outputs"].values())


def test_parity_is_held_on_samples_that_have_other_sides(export: Made) -> None:
    for name in EXPORTS[1:]:
        outputs = export(name)[1]["parity"]["outputs"]
        assert set(outputs) == {"box_encodings", "class_scores"}
        assert all(found["images"] == len(SAMPLES) for found in outputs.values())
        assert all(found["difference"] <= 1e-4 * found["size"] for found in outputs.values())


def pascal(found: list[tuple[int, float, Any]], truth: Mapping[int, Any]) -> float:
    """Give the average precision of one class at an overlap of 0.5: the area under its curve, as in Pascal VOC 2010.

    Args:
        found: photo, score and box (ymin, xmin, ymax, xmax) of each detection.
        truth: boxes by photo.
    """
    open_boxes = {photo: np.ones(len(boxes), bool) for photo, boxes in truth.items()}
    hits = []
    for photo, _, box in sorted(found, key=lambda one: -one[1]):
        boxes = truth.get(photo, np.zeros((0, 4)))
        low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2]) - shared
        overlaps = shared / areas
        best = int(overlaps.argmax()) if len(boxes) else -1
        hit = best >= 0 and overlaps[best] >= 0.5 and bool(open_boxes[photo][best])
        hits.append(hit)
        if hit:
            open_boxes[photo][best] = False
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    recall = np.concatenate([[0.0], np.cumsum(hits) / sum(map(len, truth.values()))])
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * highest))


def boxes_of(annotation: Path, names: tuple[str, ...]) -> dict[int, Any]:
    """Read the boxes of a photo of BCCD by class, in 0..1; all photos have 640 x 480 pixels."""
    rows: dict[int, list[list[float]]] = {}
    for one in ElementTree.parse(annotation).iter("object"):
        box = [float(one.findtext(f"bndbox/{side}") or 0) for side in ("ymin", "xmin", "ymax", "xmax")]
        sides = [box[0] / 480, box[1] / 640, box[2] / 480, box[3] / 640]
        rows.setdefault(names.index(one.findtext("name") or ""), []).append(sides)
    return {label: np.array(boxes) for label, boxes in rows.items()}


def test_its_map_on_the_test_photos_is_that_of_the_original(export: Made, shared_data: Path) -> None:
    """The Object Detection API's own evaluation gives 0.7506 of `exporter_main_v2` on photos resized to uint8."""
    import tensorflow as tf

    root = shared_data / "bccd"
    made, _ = export(EXPORTS[0])
    kind = Meaning.of(made).only.kind
    run = Interpreter(model_content=made.path.read_bytes()).get_signature_runner()
    found: dict[int, list[tuple[int, float, Any]]] = {0: [], 1: [], 2: []}
    truth: dict[int, dict[int, Any]] = {0: {}, 1: {}, 2: {}}
    stems = (root / "ImageSets/Main/test.txt").read_text().split()
    for photo, stem in enumerate(stems):
        pixels = tf.io.decode_jpeg(
            (root / f"JPEGImages/{stem}.jpg").read_bytes()
        ).numpy()  # others decode otherwise
        assert pixels.shape == (480, 640, 3)
        resized = tf.compat.v1.image.resize_bilinear(pixels[None].astype(np.float32), [192, 192])
        image = np.asarray(kind.values(np.rint(resized.numpy()).astype(np.uint8)), np.float32)
        one = run(image=image)
        detected = zip(*(one[f"detection_{what}"][0] for what in ("classes", "scores", "boxes")), strict=True)
        for label, score, box in detected:
            found[int(label)].append((photo, float(score), np.clip(box, 0, 1)))
        for label, boxes in boxes_of(root / f"Annotations/{stem}.xml", CELLS.classes).items():
            truth[label][photo] = boxes
    assert len(stems) == 72
    by_class = [pascal(found[label], truth[label]) for label in range(3)]
    assert by_class == pytest.approx([0.7957, 0.9424, 0.5137], abs=0.001)
    assert np.mean(by_class) == pytest.approx(0.7506, abs=0.0005)


KWS = "mlperf_tiny/kws_ref_model"


def test_a_signature_is_held_to_itself(shared_models: Path, tmp_path: Path) -> None:
    made, notes = taken(shared_models / KWS, tmp_path, Numbers(sides=(49, 10, 1)))
    found = notes["parity"]["outputs"]["dense"]
    assert found["difference"] <= 1e-6
    assert found["images"] == len(SAMPLES)
    assert Meaning.of(made).head == {"outputs": {"scores": "dense"}, "scores": "softmax"}
    (given,) = made.meta["signature"]["inputs"]
    assert (given["name"], given["shape"]) == ("input_1", [1, 49, 10, 1])


def test_a_model_that_scales_its_pixels_takes_raw_ones(shared_cases: Path, tmp_path: Path) -> None:
    path = shared_cases / "keras/savedmodel_rescaling"
    made, notes = taken(path, tmp_path)
    preprocess = Meaning.of(made).only.preprocess
    assert (preprocess["scale"], preprocess["offset"]) == (1.0, 0.0)
    assert notes["parity"]["outputs"]["dense_3"]["difference"] <= 1e-6


def test_an_archive_gives_the_same_file(shared_cases: Path, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", shared_cases / "keras/savedmodel_rescaling")
    once, again = tmp_path / "once", tmp_path / "again"
    once.mkdir()
    again.mkdir()
    folder, _ = taken(shared_cases / "keras/savedmodel_rescaling", once)
    archive, _ = taken(Path(packed), again)
    values = np.random.default_rng(3).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    both = [raw_outputs.run(Packed(one.path.read_bytes()), {"input_4": values}) for one in (folder, archive)]
    np.testing.assert_array_equal(both[0]["dense_3"], both[1]["dense_3"])


def test_a_file_that_computes_something_else_breaks_the_promise(
    shared_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = raw_outputs.run
    monkeypatch.setattr(
        raw_outputs, "run", lambda *given: {name: values + 2e-4 for name, values in whole(*given).items()}
    )
    with pytest.raises(
        BrokenPromise,
        match=r"the .tflite does not compute what '.*savedmodel_rescaling' in TensorFlow computes: dense_3",
    ):
        taken(shared_cases / "keras/savedmodel_rescaling", tmp_path)


def test_a_checkpoint_of_another_model_is_one_sentence(shared_models: Path, tmp_path: Path) -> None:
    odapi = shared_models / "odapi"
    folder = tmp_path / "mixed"
    shutil.copytree(odapi / "ssd_mobilenet_v2/export_tflite_graph_tf2", folder)
    (folder / "saved_model/variables").chmod(0o755)
    for old in (folder / "saved_model/variables").iterdir():
        old.chmod(0o644)
        old.unlink()
    for one in (shared_models / KWS / "variables").iterdir():
        shutil.copyfile(one, folder / "saved_model/variables" / one.name)
    with pytest.raises(RecipeError, match=r"^model\.path: the variable '.*' is not among the stored ones\.$"):
        taken(folder, tmp_path)


def test_classes_of_the_data_are_those_of_the_scores(shared_models: Path, tmp_path: Path) -> None:
    path = shared_models / "odapi/ssd_mobilenet_v2/exporter_main_v2"
    spec = File(path=str(path))
    assert spec.misfit("image", CELLS.classes) == ""
    assert spec.misfit("image", ("a", "b")).endswith("has 3 classes, but the data have 2 (a, b)")


@pytest.fixture(scope="module")
def open_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model of TensorFlow whose pictures may have any size, with two signatures, and a variable."""
    import tensorflow as tf

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(tf.reshape(tf.range(54, dtype=tf.float32), [3, 3, 3, 2]) / 54 - 0.5)

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, name="pixels")])
        def small(self, pixels: Any) -> dict[str, Any]:
            found = tf.nn.conv2d(pixels / 255.0, self.kernel, 2, "SAME")
            return {"chances": tf.nn.softmax(tf.reduce_mean(found, [1, 2]))}

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="numbers")])
        def other(self, numbers: Any) -> dict[str, Any]:
            return {"twice": numbers * 2.0}

    path, module = tmp_path_factory.mktemp("open") / "saved", Module()
    tf.saved_model.save(module, str(path), signatures={"small": module.small, "other": module.other})
    return path


def test_open_sides_are_converted_as_the_recipe_says(open_model: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"has 2 signatures, 'other', 'small'|has 2 signatures, 'small', 'other'"
    ):
        File(path=str(open_model)).check()
    with pytest.raises(
        RecipeError, match=r"the input 'pixels' .* is \(\?, \?, \?, 3\) float32, whose sides are not fixed"
    ):
        File(path=str(open_model), signature="small").check()
    made, notes = taken(open_model, tmp_path, signature="small", shape=(1, 20, 28, 3))
    (given,) = made.meta["signature"]["inputs"]
    assert (given["name"], given["shape"]) == ("pixels", [1, 20, 28, 3])
    assert notes["parity"]["outputs"]["chances"]["difference"] <= 1e-6
    assert Meaning.of(made).head == {"outputs": {"scores": "chances"}, "scores": "softmax"}
    assert Meaning.of(made).only.preprocess["scale"] == 1.0, "it divides by 255 itself"
