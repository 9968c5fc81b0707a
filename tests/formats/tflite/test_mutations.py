"""Whatever byte of a file is wrong, it is described, or refused in one sentence."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import tflite_files
from on_bytes import with_facts
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import FORMATS, Description
from tflbuild.formats.tflite import packed_files
from tflbuild.formats.tflite.metadata import read
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.tflite.tables import Malformed
from tflbuild.tflite.tiny import brightness_detector
from tflite_files import Tensor, written

TFLITE = FORMATS.get("tflite")()

INPUTS = [Tensor(2, 1, [127.5, 127.5, 127.5], [1.0, 2.0, 3.0], [("a.txt", 1)])]
METADATA = tflite_files.metadata(
    INPUTS, [Tensor(3), Tensor(1, files=[("names.txt", 3)]), Tensor(), Tensor()], [("b.txt", 2)]
)
NAMES = {"names.txt": b"dark\nbright\n", "b.txt": b"x\ny\n"}
SMALL = tflite_files.with_metadata(brightness_detector(), METADATA, NAMES)

VALUES = (0, 1, 0x7F, 0x80, 0xFF)


def mutations(
    content: bytes, count: int, seed: int, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """Give copies of which a few bytes between two places are others, or which are cut short."""
    rng = random.Random(seed)
    end = len(content) if end is None else end
    for number in range(count):
        wrong = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            place = rng.randrange(start, end)
            wrong[place] = rng.choice((*VALUES, wrong[place] ^ 1 << rng.randrange(8)))
        if number % 7 == 0:  # a whole number elsewhere
            place = rng.randrange(start, end - 4)
            wrong[place : place + 4] = rng.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", bytes(4)))
        yield bytes(wrong[: rng.randrange(start, end)] if number % 11 == 0 else wrong)


def check_sane(found: Description) -> None:
    assert found.task in ("", "classification", "detection")
    assert set(found.inputs) == set(found.signature.inputs)
    for modality, options in found.inputs.values():
        assert modality in ("image", "vector")
        if modality == "image":
            ImageModality.check_options("preprocess.", options)
            assert all(map(math.isfinite, ImageModality.of(options).affine[0]))
    for names in found.labels.values():
        assert all(isinstance(name, str) for name in names)
    for one in found.recognised:
        assert one.what
        assert one.value
        assert one.evidence
        assert "\n" not in "".join(one)


def described(path: Path) -> bool:
    """Describe a file, and say whether it was not refused."""
    try:
        found = TFLITE.describe(path)
    except RecipeError as error:
        check_sentence(error)
        return False
    check_sane(found)
    return True


def check_sentence(error: Exception) -> None:
    assert str(error)
    assert "\n" not in str(error)


def test_a_small_file_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    found = TFLITE.describe(path)
    check_sane(found)
    assert found.labels == {"names.txt in model.tflite": ("dark", "bright")}
    assert found.inputs["image"][1]["std"] == [1.0, 2.0, 3.0]


def test_a_small_file_of_which_any_bytes_are_others(tmp_path: Path) -> None:
    taken = [described(written(tmp_path, wrong)) for wrong in mutations(SMALL, 200, seed=1)]
    assert any(taken)
    assert not all(taken)


def test_metadata_of_which_any_bytes_are_others(tmp_path: Path) -> None:
    """All of these leave the model whole, so that it is described."""
    start = SMALL.index(METADATA)
    for wrong in mutations(SMALL, 150, seed=2, start=start, end=start + len(METADATA)):
        if len(wrong) == len(SMALL):
            assert described(written(tmp_path, wrong))


def test_an_archive_of_which_any_bytes_are_others(tmp_path: Path) -> None:
    start = SMALL.index(b"PK\x03\x04")
    for wrong in mutations(SMALL, 150, seed=3, start=start):
        assert described(written(tmp_path, wrong))


def test_every_byte_of_metadata_in_turn() -> None:
    read(METADATA)
    for place in range(len(METADATA)):
        for value in VALUES:
            wrong = METADATA[:place] + bytes([value]) + METADATA[place + 1 :]
            try:
                found = read(wrong)
            except Malformed:
                continue
            assert all(len(one.std) <= 4096 for one in found.inputs)


def test_every_byte_of_an_archive_in_turn() -> None:
    archive = tflite_files.packed_behind(b"", {"a.txt": b"cat"})
    for place in range(len(archive)):
        for value in VALUES:
            wrong = archive[:place] + bytes([value]) + archive[place + 1 :]
            try:
                assert isinstance(packed_files.member(wrong, "a.txt"), bytes)
            except ValueError as error:
                check_sentence(error)


def test_facts_of_which_any_bytes_are_others(tmp_path: Path) -> None:
    facts = Meaning.of_image(
        task="classification",
        height=8,
        width=8,
        labels=("a", "b", "c"),
        preprocess={"scale": 0.5, "offset": 0.0},
    )
    content = with_facts(tflite_files.classifier("SOFTMAX"), facts.to_json())
    start = content.index(b'{"head"')
    length = content[start:].index(b"}}}") if b"}}}" in content[start:] else 200
    for wrong in mutations(content, 100, seed=4, start=start, end=start + length):
        if len(wrong) == len(content):
            described(written(tmp_path, wrong))


REAL = ("mobilenet_v1_0.25_224_quant.tflite", "mobilenet_v1_0.25_224_1_metadata_1.tflite")


@pytest.mark.parametrize("name", REAL)
def test_metadata_and_labels_of_a_real_file(name: str, shared_models: Path, tmp_path: Path) -> None:
    """The flatbuffer of metadata, the archive behind the model, and the tables before them."""
    content = (shared_models / "tflite_support" / name).read_bytes()
    assert described(written(tmp_path, content))
    metadata = content.index(b"M001") - 4
    archive = content.index(b"PK\x03\x04")
    for seed, start, end in ((5, metadata, metadata + 800), (6, archive, len(content))):
        for wrong in mutations(content, 10, seed, start, end):
            described(written(tmp_path, wrong))
    for wrong in mutations(content, 10, seed=7, start=0, end=4096):
        described(written(tmp_path, wrong))
    for wrong in mutations(content, 250, seed=8, start=metadata, end=metadata + 800):
        try:
            read(wrong[metadata : metadata + 4000])
        except Malformed:
            continue
    for wrong in mutations(content[archive:], 250, seed=9):
        try:
            packed_files.member(wrong, "labels.txt")
        except ValueError as error:
            check_sentence(error)
