"""`model.weights=imagenet`: what is asked for, and what is said where the network does not give it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.models.mobilenet_v1 import MobileNetV1
from tflbuild.models.mobilenet_v2 import MobileNetV2
from tflbuild.models.mobilenet_v3_small import MobileNetV3Small
from tflbuild.models.resnet import ResNet
from tflbuild.models.ssd_mobilenet_v2 import SSDMobileNetV2
from tflbuild.models.trainable import Trainable
from tflbuild.weights import download

URL = "https://storage.googleapis.com/tensorflow/keras-applications"
V2 = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96.h5"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.mark.parametrize(
    ("spec", "url"),
    [  # as tf_keras.applications names its files
        (MobileNetV1(alpha=0.25, input_size=128), f"{URL}/mobilenet/mobilenet_2_5_128_tf.h5"),
        (MobileNetV1(alpha=1.0, input_size=96), f"{URL}/mobilenet/mobilenet_1_0_224_tf.h5"),
        (MobileNetV2(alpha=0.35, input_size=96), f"{URL}/mobilenet_v2/{V2}"),
        (SSDMobileNetV2(alpha=0.35, input_size=96), f"{URL}/mobilenet_v2/{V2}"),
        (MobileNetV2(alpha=1.4, input_size=96), f"{URL}/mobilenet_v2/{V2.replace('0.35_96', '1.4_224')}"),
        (
            MobileNetV3Small(alpha=1.0, minimalistic=True),
            f"{URL}/mobilenet_v3/weights_mobilenet_v3_small_minimalistic_224_1.0_float.h5",
        ),
    ],
)
def test_the_file_follows_from_the_architecture(spec: Trainable, url: str) -> None:
    assert spec.published() == url


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ResNet(weights="imagenet"), "weights: tf_keras.applications has no resnet; give a file: model.weights=FILE"),
        (MobileNetV2(alpha=0.3, weights="imagenet"), "none for alpha 0.3; it has alpha 0.35, 0.5, 0.75, 1, 1.3, 1.4"),
        (MobileNetV3Small(alpha=0.75, minimalistic=True, weights="imagenet"), "none for alpha 0.75; it has alpha 1"),
    ],
)  # fmt: skip
def test_what_is_not_published_is_refused_while_planning(spec: Trainable, message: str) -> None:
    with pytest.raises(ValueError, match="weights: ") as caught:
        spec.check()
    assert message in str(caught.value)


class Answer(io.BytesIO):
    """What a host gives."""

    def __init__(self, content: bytes, told: int | None = None) -> None:
        super().__init__(content)
        self.headers = {} if told is None else {"Content-Length": str(told)}


def host(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception, told: int | None = None) -> list[Any]:
    """Put a host in the place of the network; gives what it is asked."""
    asked: list[Any] = []

    def urlopen(url: str, timeout: float) -> Answer:
        asked.append((url, timeout))
        if isinstance(content, Exception):
            raise content
        return Answer(content, told)

    monkeypatch.setattr(download.urllib.request, "urlopen", urlopen)
    return asked


def test_a_file_is_downloaded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = b"\x89HDF\r\n\x1a\n" + b"weights"
    asked = host(monkeypatch, content, len(content))
    for _ in range(2):
        path = download.downloaded(f"{URL}/mobilenet_v2/{V2}")
        assert (path.read_bytes(), path.name) == (content, V2)
    assert asked == [(f"{URL}/mobilenet_v2/{V2}", 20.0)]
    assert [one.name for one in path.parent.iterdir()] == [V2]


def test_what_keras_has_downloaded_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = host(monkeypatch, URLError("no network"))
    kept = tmp_path / "keras" / "models" / V2
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert (download.downloaded(f"{URL}/mobilenet_v2/{V2}"), asked) == (kept, [])


@pytest.mark.parametrize(
    ("content", "told", "reason"),
    [
        (URLError("Name or service not known"), None, "Name or service not known"),
        (TimeoutError("timed out"), None, "timed out"),
        (b"<html>sign in</html>", None, "what came is no HDF5 file"),
        (b"\x89HDF\r\n\x1a\n", 100, "8 of 100 bytes came"),
    ],
)
def test_without_the_network_the_sentence_says_what_to_give(
    content: bytes | Exception, told: int | None, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host(monkeypatch, content, told)
    with pytest.raises(RecipeError) as caught:
        download.downloaded(f"{URL}/mobilenet_v2/{V2}")
    assert str(caught.value) == (
        f"model.weights: imagenet asks for {URL}/mobilenet_v2/{V2}, and storage.googleapis.com gave no weights "
        f"({reason}); download the file elsewhere and give it: model.weights={V2}."
    )
    assert not [*tmp_path.rglob(f"*{V2}*")]


def test_a_download_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    host(monkeypatch, b"\x89HDF\r\n\x1a\n" * 4)
    monkeypatch.setattr(download, "LONGEST", -1.0)
    with pytest.raises(RecipeError, match="it is larger or slower than weights are"):
        download.downloaded(f"{URL}/mobilenet_v2/{V2}")
