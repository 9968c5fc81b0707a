"""`tflbuild preprocess`, on a model made by hand."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from on_bytes import with_facts
from recordings import pcm16, wav
from single_operators import Held, Operator, network
from tflbuild.cli import main
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.samples import array_of
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector

RNG = np.random.default_rng(4)


@pytest.fixture
def model(tmp_path: Path) -> str:
    facts = Meaning.of_image(
        task="detection", height=8, width=8, labels=("bright", "dark"), preprocess=ImageModality().to_json()
    ).to_json()
    path = tmp_path / "model.tflite"
    path.write_bytes(with_facts(brightness_detector(), facts))
    return str(path)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(RNG.integers(0, 256, (24, 16, 3), np.uint8)).save(path)
    return path


def right(photo: Path) -> Any:
    with Image.open(photo) as picture:
        pixels = np.asarray(picture.resize((8, 8), Image.Resampling.BILINEAR))
    return (pixels.astype(np.float32) / 128 - 1)[None]


def test_the_tensor_is_written_exactly_as_the_file_takes_it(
    model: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.npy"
    assert main(["preprocess", model, str(photo), "--out", str(out)]) == 0
    written, wanted = np.load(out), right(photo)
    assert (written.dtype, written.shape) == (np.float32, (1, 8, 8, 3))
    assert np.array_equal(written, wanted)
    said = capsys.readouterr().out
    low, mean, high = wanted.min(), wanted.mean(dtype=np.float64), wanted.max()
    assert f"{out}: (1, 8, 8, 3) float32; min {low:.6g}, mean {mean:.6g}, max {high:.6g}" in said
    assert (
        "EXIF orientation applied; stretched to the input; bilinear kernel, averaging; channels rgb; "
        "value = pixel x 0.0078125 -1"
    ) in said


def test_a_tensor_of_an_app_is_explained(
    model: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dumped = tmp_path / "app.npy"
    np.save(dumped, right(photo)[0, ..., ::-1])
    assert main(["preprocess", model, str(photo), "--tensor", str(dumped)]) == 0
    said = capsys.readouterr().out
    assert f"{dumped}: explained by: channels in reverse, blue first\n" in said
    assert "it lacks the batch axis: (8, 8, 3), and the input takes (1, 8, 8, 3)" in said
    np.save(dumped, RNG.normal(size=(1, 8, 8, 3)))
    assert main(["preprocess", model, str(photo), "--tensor", str(dumped)]) == 0
    assert "no known mistake, and no pair of them, explains it" in capsys.readouterr().out


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("unpickled"),))


def spoil(kind: str, folder: Path) -> str:
    path = folder / "app.npy"
    if kind == "objects":
        np.save(path, np.array([Evil()], object), allow_pickle=True)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Evil()))
    elif kind == "text":
        path.write_text("1 2 3")
    elif kind == "short":
        np.save(path, np.zeros((1, 8, 8, 3), np.float32))
        path.write_bytes(path.read_bytes()[:-7])
    elif kind == "archive":
        with path.open("wb") as file:
            np.savez(file, a=np.zeros(3))
    elif kind == "folder":
        path.mkdir()
    return str(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("objects", "holds"),
        ("pickle", "cannot be read as arrays"),
        ("text", "cannot be read as arrays"),
        ("short", "app.npy"),
        ("archive", "is an archive of arrays; the tensor is one array in an .npy file"),
        ("folder", "not a regular file"),
        ("nothing", "does not exist; expected the tensor as an .npy file"),
    ],
)
def test_what_is_no_tensor_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError) as error:
        array_of(Path(spoil(kind, tmp_path)), "tensor")
    assert said in str(error.value)
    assert "app.npy" in str(error.value)
    assert not (tmp_path / "unpickled").exists()


def test_other_bad_input_is_refused_in_a_sentence(
    model: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    out, shape, numbers = (tmp_path / name for name in ("x.npy", "shape.npy", "objects.npy"))
    np.save(shape, np.zeros((1, 9, 8, 3), np.float32))
    np.save(numbers, np.array([Evil()], object), allow_pickle=True)
    for words, said in (
        (
            ["preprocess", model, str(photo), "--tensor", str(shape)],
            "shape.npy has the shape (1, 9, 8, 3), and the input takes (1, 8, 8, 3).",
        ),
        (
            ["preprocess", model, str(photo), "--tensor", str(numbers)],
            "the array holds pickled objects (1,), which are never loaded",
        ),
        (["preprocess", model, str(photo)], "usage: tflbuild preprocess"),
        (["preprocess", model, str(photo), "--into", str(out)], "usage: tflbuild preprocess"),
        (["preprocess", model, str(broken), "--out", str(out)], "broken.jpg"),
        (["preprocess", model, str(tmp_path / "no.jpg"), "--out", str(out)], "no.jpg"),
        (["preprocess", str(tmp_path / "no.tflite"), str(photo), "--out", str(out)], "no.tflite"),
        (["preprocess", str(photo), str(photo), "--out", str(out)], "photo.png"),
    ):
        assert main(words) == 2, words
        error = capsys.readouterr().err
        assert said in error, words
        assert "Traceback" not in error
    assert not out.exists()
    assert main(["preprocess", model, str(photo), "--out", str(tmp_path / "no" / "x.npy")]) == 4
    assert "cannot be written" in capsys.readouterr().err


@pytest.fixture
def listener(tmp_path: Path) -> str:
    """Give a file that takes one second of sound as 49 frames of 10 coefficients."""
    floats = {"dtype": "float32", "scale": None}
    tensors = {
        "sound": Held((1, 49, 10, 1), **floats),
        "weights": Held((2, 490), values=np.full((2, 490), 0.01, np.float32), **floats),
        "bias": Held((2,), values=np.zeros(2, np.float32), **floats),
        "scores": Held((1, 2), **floats),
    }
    dense = Operator("FULLY_CONNECTED", ["sound", "weights", "bias"], ["scores"], {}, "FullyConnected")
    graph = flatbuffer.unpack(network(tensors, [dense]))
    flatbuffer.add_signature(graph)
    given = Input(modality="audio", shape=(49, 10, 1), preprocess=Audio().to_json())
    facts = Meaning(task="classification", labels=("no", "yes"), inputs={"sound": given}).to_json()
    path = tmp_path / "keywords.tflite"
    path.write_bytes(with_facts(flatbuffer.pack(graph), facts))
    return str(path)


def test_a_recording_becomes_a_tensor_and_a_tensor_of_it_is_explained(
    listener: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = 0.3 * np.sin(2 * np.pi * np.cumsum(np.linspace(200, 1800, 16000)) / 16000)
    clip, out = tmp_path / "clip.wav", tmp_path / "x.npy"
    clip.write_bytes(wav(pcm16(np.stack([sound, np.roll(sound[::-1], 300)], 1).reshape(-1)), channels=2))
    assert main(["preprocess", listener, str(clip), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert (np.load(out).shape, np.load(out).dtype) == ((1, 49, 10, 1), np.float32)
    assert "channels averaged; resampled to 16000 Hz" in said
    assert "49 frames of 30 ms (480 samples, hann), one every 20 ms; magnitudes of 512 samples" in said
    assert main(["preprocess", listener, str(clip), "--tensor", str(out)]) == 0
    assert "the numbers are right" in capsys.readouterr().out
    left = np.rint(sound * 32767).astype(np.int16)
    np.save(out, Audio(window_shape="hamming").encode(left, (49, 10, 1)).codes[None])
    assert main(["preprocess", listener, str(clip), "--tensor", str(out)]) == 0
    said = capsys.readouterr().out
    assert "explained by: the left channel alone; with a hamming window" in said
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF nothing")
    for file in (broken, tmp_path / "none.wav"):
        assert main(["preprocess", listener, str(file), "--out", str(out)]) == 2
        assert file.name in capsys.readouterr().err
