"""Weights beside an ONNX file: which files they are, how far each reaches, and what is no place for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from onnx_files import Given, end, model, tensor
from tflbuild.core.protobuf import Malformed
from tflbuild.formats.onnx import external

Place = Mapping[str, str]


def files(folder: Path, *places: Place) -> tuple[Path, ...]:
    values = np.ones(2, np.float32)
    constants = [tensor(f"w{number}", values, place) for number, place in enumerate(places)]
    given = Given([], [end("x", (1,))], [end("y", (1,))], [*constants, tensor("own", values)])
    return external.files_of(model(given), folder / "model.onnx")


def refusal(folder: Path, place: Place) -> str:
    with pytest.raises(Malformed) as caught:
        files(folder, place)
    return str(caught.value)


def test_each_file_is_named_once_and_must_reach_as_far_as_any_tensor_in_it(tmp_path: Path) -> None:
    for name, size in (("b.bin", 30), ("a.bin", 8)):
        (tmp_path / name).write_bytes(bytes(size))
    first = {"location": "b.bin", "offset": "22", "length": "8"}
    places = [first, {"location": "b.bin", "length": "8"}, {"location": "a.bin"}]
    assert files(tmp_path, *places) == (tmp_path / "a.bin", tmp_path / "b.bin")
    (tmp_path / "b.bin").write_bytes(bytes(29))
    with pytest.raises(
        Malformed, match=r"^keeps weights in 'b.bin', which has 29 bytes; expected at least 30"
    ):
        files(tmp_path, *places)
    assert files(tmp_path) == ()


@pytest.mark.parametrize("name", ["", "../w", "a/../../w", "/etc/passwd", "a\\w", "w\0"])
def test_what_is_no_file_in_the_folder_is_no_place(name: str, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(bytes(8))
    assert refusal(tmp_path / "inner", {"location": name}).endswith(
        ", which is not a file in its own folder: files elsewhere are not read"
    )


def test_a_file_in_a_folder_below_is_one_and_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "w").write_bytes(bytes(8))
    assert files(tmp_path, {"location": "below/w"}) == (tmp_path / "below" / "w",)
    assert refusal(tmp_path, {"location": "below"}).startswith(
        "keeps weights in 'below', which cannot be read: "
    )
    assert refusal(tmp_path, {"location": "w"}) == (
        "keeps weights in 'w', which is missing; put it beside the model"
    )


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(bytes(8))
    (tmp_path / "w").symlink_to("real")
    assert files(tmp_path, {"location": "w", "length": "8"}) == (tmp_path / "w",)


@pytest.mark.parametrize("number", ["-1", "1.5", "x", "", " 1", "1" * 19])
@pytest.mark.parametrize("key", ["offset", "length"])
def test_a_place_that_is_no_whole_number_is_refused(key: str, number: str, tmp_path: Path) -> None:
    said = refusal(tmp_path, {"location": "w", key: number})
    assert said == f"says '{number}' where the place of its weights is due"


def test_a_place_may_have_as_many_digits_as_64_bits_hold(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(bytes(8))
    far = {"location": "w", "offset": "9" * 18}
    assert "expected at least 999999999999999999" in refusal(tmp_path, far)


def test_more_files_than_a_model_needs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")
    both = [{"location": "a"}, {"location": "b"}]
    monkeypatch.setattr(external, "MOST_FILES", 2)
    assert len(files(tmp_path, *both)) == 2
    monkeypatch.setattr(external, "MOST_FILES", 1)
    with pytest.raises(Malformed, match=r"^keeps its weights in more files than a model needs$"):
        files(tmp_path, *both)


def test_a_file_without_a_graph_has_none_beside_it(tmp_path: Path) -> None:
    assert external.files_of(b"\x08\x08", tmp_path / "model.onnx") == ()
