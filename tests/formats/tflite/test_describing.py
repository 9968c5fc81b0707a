"""Delivered files that say what they are: the metadata of classifiers and detectors, and what a user's file brought."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import small_network
import stateful_files
import tflite_files
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.model_format import FORMATS
from tflbuild.formats.tflite import brought, packed_files
from tflbuild.formats.tflite.describing import described
from tflbuild.formats.tflite.metadata import NAME, metadata_of
from tflbuild.formats.tflite.metadata_form import (
    AssociatedFile,
    Box,
    Calibration,
    Metadata,
    Sound,
    TensorMetadata,
)
from tflbuild.formats.tflite.metadata_writing import written
from tflbuild.tflite import entries, flatbuffer, runtime_version
from tflbuild.tflite.model import Model
from tflbuild.tflite.tiny import brightness_detector

LABELS = ("cat", "dog", "owl")
PICTURE = {"scale": 1 / 127.5, "offset": -1.0}


def meaning(**fields: Any) -> Meaning:
    known: dict[str, Any] = {"task": "classification", "labels": LABELS, "preprocess": PICTURE}
    return Meaning.of_image(height=8, width=8, **known | fields)


def made(folder: Path, content: bytes, facts: Meaning, **meta: Any) -> TFLiteModel:
    path = tflite_files.written(folder, content, "made.tflite")
    return TFLiteModel(path=path, digest="", fingerprint="", meta={"facts": facts.to_json(), **meta})


def delivered(folder: Path, content: bytes, facts: Meaning, **meta: Any) -> bytes:
    return described(content, made(folder, content, facts, **meta))[0]


def read(content: bytes) -> Metadata:
    found = metadata_of(Model(content))
    assert found is not None
    return found


def detector(**fields: Any) -> Meaning:
    return meaning(task="detection", labels=("stop", "yield"), **fields)


def test_a_classifier_says_how_pixels_are_normalized_and_what_its_scores_are(tmp_path: Path) -> None:
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning())
    found = read(content)
    assert (found.name, found.min_parser_version) == ("classification of 3 classes", "1.0.0")
    (image,), (scores,) = found.inputs, found.outputs
    assert (image.name, image.content, image.colour) == ("image", "image", "rgb")
    assert (image.mean, image.std) == (pytest.approx((127.5,)), pytest.approx((127.5,)))
    assert (image.low, image.high) == ((-1.0,), pytest.approx((1.0,)))
    assert (scores.name, scores.content, scores.low, scores.high) == (
        "probability",
        "feature",
        (0.0,),
        (1.0,),
    )
    assert [file[:2] for file in scores.files] == [("labels.txt", 2)]
    assert packed_files.member(content, "labels.txt") == b"cat\ndog\nowl\n"


def test_the_delivered_file_holds_the_models_own_bytes_and_is_the_same_every_time(tmp_path: Path) -> None:
    given = tflite_files.classifier("SOFTMAX")
    content = delivered(tmp_path, given, meaning())
    assert given in content
    assert content == delivered(tmp_path, given, meaning())
    tflite_files.written(tmp_path, content)
    flatbuffer.check(tmp_path / "model.tflite")


def test_files_behind_the_model_are_not_compressed_and_can_be_read_by_anybody(tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning()))
    with zipfile.ZipFile(path) as archive:
        (one,) = archive.infolist()
        assert archive.testzip() is None
    assert (one.compress_type, one.date_time, oct(one.external_attr >> 16)) == (
        zipfile.ZIP_STORED,
        (1980, 1, 1, 0, 0, 0),
        "0o100644",
    )


def test_means_and_deviations_by_channel_are_said_of_a_float_input(tmp_path: Path) -> None:
    by_channel = {"mean": [123.0, 116.0, 103.0], "std": [58.0, 57.0, 56.0]}
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning(preprocess=by_channel))
    (image,) = read(content).inputs
    assert image.mean == pytest.approx((123.0, 116.0, 103.0))
    assert image.std == pytest.approx((58.0, 57.0, 56.0))
    assert image.low == pytest.approx((-123 / 58, -116 / 57, -103 / 56))


def test_bgr_is_no_image_to_tools_that_would_feed_rgb(tmp_path: Path) -> None:
    facts = meaning(preprocess={**PICTURE, "channels": "bgr"})
    (image,) = read(delivered(tmp_path, tflite_files.classifier("SOFTMAX"), facts)).inputs
    assert (image.content, image.colour) == ("feature", "")
    assert "blue, green, red" in image.description


@pytest.mark.parametrize(
    ("preprocess", "said"),
    [
        ({}, "A picture of 8 x 8 pixels, red, green, blue, stretched to that size."),
        (
            {"aspect": "letterbox"},
            "A picture of 8 x 8 pixels, red, green, blue, which keeps its shape and is padded evenly.",
        ),
        (
            {"aspect": "center_crop", "crop": 0.875},
            "A picture of 8 x 8 pixels, red, green, blue, the middle of a larger one, 0.875 of each side.",
        ),
    ],
)
def test_how_a_picture_is_made_to_fit_is_said_in_words(
    tmp_path: Path, preprocess: dict[str, Any], said: str
) -> None:
    facts = meaning(preprocess=PICTURE | preprocess)
    assert read(delivered(tmp_path, tflite_files.classifier("SOFTMAX"), facts)).inputs[0].description == said


def test_logits_are_not_called_probabilities(tmp_path: Path) -> None:
    facts = replace(meaning(), head={"outputs": {"scores": "scores"}, "scores": "logits"})
    (scores,) = read(delivered(tmp_path, tflite_files.classifier(), facts)).outputs
    assert (scores.name, scores.low, scores.high) == ("logit", (), ())


def test_one_number_is_that_of_the_second_class_alone(tmp_path: Path) -> None:
    head = {"outputs": {"scores": "scores"}, "scores": "sigmoid"}
    facts = replace(meaning(labels=("cat", "dog")), head=head)
    content = delivered(tmp_path, tflite_files.classifier("LOGISTIC", classes=1), facts)
    assert "second of two" in read(content).outputs[0].description
    assert packed_files.member(content, "labels.txt") == b"dog\n"


def test_names_of_another_number_of_classes_are_left_out(tmp_path: Path) -> None:
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning(labels=("cat", "dog")))
    assert read(content).outputs[0].files == ()


def test_names_that_no_line_can_hold_become_one_line(tmp_path: Path) -> None:
    facts = meaning(labels=("two\nlines", "", "  wide  name "))
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), facts)
    assert packed_files.member(content, "labels.txt") == b"two lines\n???\nwide name\n"


def test_a_detector_says_the_roles_that_mediapipe_looks_for_in_the_order_of_its_graph(tmp_path: Path) -> None:
    content = brightness_detector()
    graph = flatbuffer.unpack(content).subgraphs[0]
    order = {"detection_boxes": "location", "detection_classes": "category", "detection_scores": "score"}
    order["num_detections"] = "number of detections"
    by_index = {index: name for name, index in flatbuffer.ends_of(flatbuffer.unpack(content))[1].items()}
    made = delivered(tmp_path, content, detector())
    found = {one.name: one for one in read(made).outputs}
    assert list(found) == [order[by_index[int(index)]] for index in graph.outputs]
    assert found["location"].box == Box((1, 0, 3, 2), "boundaries", "ratio")
    assert [file[:2] for file in found["category"].files] == [("labels.txt", 3)]
    assert packed_files.member(made, "labels.txt") == b"stop\nyield\n"


def test_outputs_in_another_order_keep_their_roles(tmp_path: Path) -> None:
    model = flatbuffer.unpack(brightness_detector())
    model.subgraphs[0].outputs = model.subgraphs[0].outputs[::-1]
    usual = [one.name for one in read(delivered(tmp_path, brightness_detector(), detector())).outputs]
    turned = read(delivered(tmp_path, flatbuffer.pack(model), detector()))
    assert [one.name for one in turned.outputs] == usual[::-1]


def test_a_compiled_file_without_a_signature_is_described_by_the_places_of_its_ends(tmp_path: Path) -> None:
    given = tflite_files.classifier("SOFTMAX")
    compiled = flatbuffer.unpack(given)
    compiled.signatureDefs = None
    for tensor in compiled.subgraphs[0].tensors:
        tensor.name = tensor.name + b"_compiled"
    content, _ = described(flatbuffer.pack(compiled), made(tmp_path, given, meaning()))
    assert [one.name for one in (*read(content).inputs, *read(content).outputs)] == ["image", "probability"]


@pytest.mark.parametrize("form", [{"shape": (1, 4, 4, 3)}, {"classes": 5}])
def test_ends_of_another_form_than_those_of_the_model_have_no_meaning(
    form: dict[str, Any], tmp_path: Path
) -> None:
    """What a compiler made of a file may have other ends: those that changed are not taken for ours."""
    model = made(tmp_path, tflite_files.classifier("SOFTMAX"), meaning())
    found = read(described(tflite_files.classifier("SOFTMAX", **form), model)[0])
    image, scores = found.inputs[0], found.outputs[0]
    if "shape" in form:
        assert (image.name, image.content, image.mean) == ("", "feature", ())
        assert (scores.name, len(scores.files)) == ("probability", 1)
    else:
        assert (image.name, image.content) == ("image", "image")
        assert (scores.name, scores.files, scores.low) == ("", (), ())


def test_what_is_no_flatbuffer_is_left_as_it_is(tmp_path: Path) -> None:
    model = made(tmp_path, tflite_files.classifier("SOFTMAX"), meaning())
    assert described(b"const char model[] = {};", model) == (b"const char model[] = {};", {})


def test_a_line_says_what_the_metadata_name(tmp_path: Path) -> None:
    content = brightness_detector()
    _, said = described(content, made(tmp_path, content, detector()))
    assert said["metadata"] == "image to location, category, score, number of detections; labels.txt"


def test_what_an_app_has_to_take_care_of_is_in_the_report(tmp_path: Path) -> None:
    content = stateful_files.lstm(4, clip=0.0, peepholes=False)
    facts = Meaning(task="unlabelled", inputs={"rows": Input(modality="vector", shape=(4, 3), preprocess={})})
    _, said = described(content, made(tmp_path, content, facts))
    assert [text.split(" (")[0] for text in said["cautions"]] == ["it keeps state between calls"]
    content = tflite_files.classifier("SOFTMAX")
    assert "cautions" not in described(content, made(tmp_path, content, meaning()))[1]


def test_the_oldest_runtime_is_written_in_the_place_of_what_another_tool_said(tmp_path: Path) -> None:
    given = tflite_files.with_metadata(
        tflite_files.classifier("SOFTMAX"), b"9.9.9" + bytes(11), name="min_runtime_version"
    )
    content, said = described(given, made(tmp_path, given, meaning()))
    needed = runtime_version.needed_by(flatbuffer.unpack(given))
    assert said["min_runtime"] == {"version": needed.version, "by": needed.by, "unknown": []}
    assert entries.entry(content, "min_runtime_version") == needed.version.encode().ljust(16, b"\0")
    assert [one.name for one in flatbuffer.unpack(content).metadata].count(b"min_runtime_version") == 1


def test_inputs_that_are_no_pictures_are_numbers(tmp_path: Path) -> None:
    vector = Input(modality="vector", shape=(8, 8, 3), preprocess={})
    facts = Meaning(task="unlabelled", inputs={"image": vector})
    found = read(delivered(tmp_path, tflite_files.classifier("SOFTMAX"), facts))
    assert found.inputs == (
        TensorMetadata(name="image", description="Numbers, 8 x 8 x 3.", content="feature"),
    )
    assert found.outputs == (TensorMetadata(name="scores", content="feature"),)


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")
def test_bytes_go_into_an_input_of_codes_whatever_they_mean(tmp_path: Path) -> None:
    content = small_network.quantized(tmp_path).read_bytes()
    names = flatbuffer.ends_of(flatbuffer.unpack(content))[0]
    dtype = flatbuffer.signature(small_network.quantized(tmp_path))["inputs"][0]["dtype"]
    facts = meaning(labels=("cat", "dog"))
    facts = replace(facts, inputs={next(iter(names)): facts.inputs["image"]})
    (image,) = read(delivered(tmp_path, content, facts)).inputs
    assert (image.low[0], image.high[0]) == {"uint8": (0, 255), "int8": (-128, 127)}.get(
        dtype, (-1.0, pytest.approx(1.0))
    )


# what a user's file brought


BROUGHT = Metadata(
    name="Pets",
    description="Knows pets.",
    version="v3",
    author="somebody",
    license="MIT",
    inputs=(TensorMetadata(name="old", content="image", mean=(0.0,), std=(255.0,)),),
    outputs=(
        TensorMetadata(
            name="old",
            calibration=Calibration(1, 0.25),
            threshold=0.5,
            files=(
                AssociatedFile("pets.txt", 2, "names", "en"),
                AssociatedFile("tiere.txt", 2, "Namen", "de"),
                AssociatedFile("curve.txt", 4),
            ),
        ),
    ),
    files=(AssociatedFile("about.txt", 1), AssociatedFile("gone.txt", 1)),
)
FILES = {
    "pets.txt": b"cat\ndog\nowl\n",
    "tiere.txt": b"Katze\nHund\nEule\n",
    "curve.txt": b"1,2,3\n",
    "about.txt": b"pets",
}


def users(metadata: Metadata = BROUGHT, content: bytes | None = None) -> bytes:
    return tflite_files.with_metadata(content or tflite_files.classifier("SOFTMAX"), written(metadata), FILES)


def test_what_a_users_file_brought_is_kept_and_what_changed_is_written_anew(tmp_path: Path) -> None:
    meta, _ = brought.of_file(users())
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning(), **meta)
    found = read(content)
    for kept in ("name", "description", "version", "author", "license"):
        assert getattr(found, kept) == getattr(BROUGHT, kept)
    (image,), (scores,) = found.inputs, found.outputs
    assert (image.name, image.mean) == ("image", pytest.approx((127.5,)))
    assert scores.name == "probability"
    assert scores.files == BROUGHT.outputs[0].files
    assert (scores.calibration, scores.threshold) == (Calibration(1, 0.25), 0.5)
    assert found.files == BROUGHT.files[:1], "a file that was not there is named no more"
    assert {name: packed_files.member(content, name) for name in FILES} == FILES


def test_translations_of_other_classes_are_not_kept(tmp_path: Path) -> None:
    meta, _ = brought.of_file(users())
    content = delivered(
        tmp_path, tflite_files.classifier("SOFTMAX"), meaning(labels=("dog", "cat", "owl")), **meta
    )
    assert [file.name for file in read(content).outputs[0].files] == ["labels.txt", "curve.txt"]
    assert packed_files.member(content, "labels.txt") == b"dog\ncat\nowl\n"
    with pytest.raises(ValueError, match="is not in the archive"):
        packed_files.member(content, "tiere.txt")


def test_a_file_of_the_same_name_as_ours_is_not_lost(tmp_path: Path) -> None:
    other = replace(BROUGHT, files=(AssociatedFile("labels.txt", 1),), outputs=())
    given = tflite_files.with_metadata(
        tflite_files.classifier("SOFTMAX"), written(other), {"labels.txt": b"a readme"}
    )
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning(), **brought.of_file(given)[0])
    assert packed_files.member(content, "labels.txt") == b"a readme"
    assert packed_files.member(content, "labels_2.txt") == b"cat\ndog\nowl\n"


def test_a_file_without_metadata_or_with_malformed_ones_brings_nothing() -> None:
    content = tflite_files.classifier("SOFTMAX")
    assert brought.of_file(content) == ({}, [])
    assert brought.of_file(tflite_files.with_metadata(content, b"no metadata")) == ({}, [])


def test_a_file_that_cannot_be_packed_again_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("../up.txt", "gone.txt", "pets.txt", "tiere.txt")
    given = Metadata(files=tuple(AssociatedFile(name, 1) for name in names))
    monkeypatch.setattr(brought, "MOST_BYTES", len(FILES["pets.txt"]))
    meta, left_out = brought.of_file(
        tflite_files.with_metadata(
            tflite_files.classifier("SOFTMAX"), written(given), {**FILES, "../up.txt": b"1"}
        )
    )
    assert brought.of_meta(meta)[1] == {"pets.txt": FILES["pets.txt"]}
    assert left_out == [
        "'../up.txt', which the file's metadata name, has a name that is not a file's, and is skipped",
        "'gone.txt', which the file's metadata name, is not in the archive after the model, and is skipped",
        "'tiere.txt', which the file's metadata name, is one of more than 12 bytes together, and is skipped",
    ]


def test_old_metadata_in_the_file_are_replaced(tmp_path: Path) -> None:
    content = delivered(tmp_path, users(), meaning())
    found = read(content)
    assert found.name == "classification of 3 classes"
    assert entries.entry(content, NAME) == written(found)


def test_a_delivered_file_is_recognised_as_what_it_is(tmp_path: Path) -> None:
    """Without our own facts the metadata alone give classes and normalisation again."""
    content = delivered(tmp_path, tflite_files.classifier("SOFTMAX"), meaning())
    found = FORMATS.get("tflite")().describe(tflite_files.written(tmp_path, content))
    assert found.task == "classification"
    assert next(iter(found.labels.values())) == LABELS
    modality, options = found.inputs["image"]
    assert modality == "image"
    assert (options["scale"], options["offset"]) == (pytest.approx(1 / 127.5), pytest.approx(-1.0))


def test_a_real_classifier_of_1001_classes_keeps_its_names(shared_models: Path, tmp_path: Path) -> None:
    path = shared_models / "tflite_support/mobilenet_v1_0.25_224_1_metadata_1.tflite"
    given = path.read_bytes()
    labels = next(iter(FORMATS.get("tflite")().describe(path).labels.values()))
    facts = Meaning.of_image(task="classification", height=224, width=224, labels=labels, preprocess=PICTURE)
    name, output = (next(iter(found)) for found in flatbuffer.ends_of(flatbuffer.unpack(given)))
    facts = replace(
        facts, inputs={name: facts.only}, head={"outputs": {"scores": output}, "scores": "softmax"}
    )
    content = delivered(tmp_path, entries.without_entry(given, NAME), facts, **brought.of_file(given)[0])
    found = read(content)
    assert (found.author, found.outputs[0].name) == ("TensorFlow", "probability")
    names = packed_files.member(content, "labels.txt").decode().splitlines()
    assert (len(names), names[0]) == (1001, "background")


@pytest.mark.parametrize(
    ("options", "sound", "version"),
    [
        ({"front_end": "waveform", "level": "recorded", "rate": 8000}, Sound(8000, 1), "1.3.0"),
        ({"front_end": "waveform", "level": "largest"}, None, "1.0.0"),
        ({"front_end": "mfcc"}, None, "1.0.0"),
    ],
)
def test_only_a_recording_as_it_is_is_called_audio(
    options: dict[str, Any], sound: Sound | None, version: str, tmp_path: Path
) -> None:
    given = Input(modality="audio", shape=(8, 8, 3), preprocess=options)
    facts = Meaning(task="classification", labels=LABELS, inputs={"image": given})
    found = read(delivered(tmp_path, tflite_files.classifier("SOFTMAX"), facts))
    (one,) = found.inputs
    assert (one.content, one.sound) == ("audio" if sound else "feature", sound)
    assert found.min_parser_version == version
    assert "sound" in one.description
