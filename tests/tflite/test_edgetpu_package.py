"""What the Edge TPU's operator holds, read from packages that the flatbuffers library wrote, and from Google's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetpu_files import chain, compiled, package
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.edgetpu_package import packages, read
from tflbuild.tflite.tables import Malformed


def test_parameters_that_are_loaded_once_are_told_from_those_that_are_sent() -> None:
    assert read(package(cached=4096, streamed=64)) == (14, "cl/384591198", 4096, 64)
    assert read(package(streamed=512, runtime=10)) == (10, "cl/384591198", 0, 512)
    assert read(package()).cached == 0


def test_only_the_chips_operators_of_a_file_are_read() -> None:
    model = flatbuffer.unpack(compiled(chain(), (1, 2), package(cached=128)))
    assert [one.cached for one in packages(model)] == [128]
    assert [*packages(flatbuffer.unpack(chain()))] == []


@pytest.mark.parametrize("options", [b"", b"nothing", b"DWN1", b"1234DWN1"])
def test_options_without_a_package_are_refused(options: bytes) -> None:
    with pytest.raises(Malformed):
        read(options)


def test_a_package_that_was_cut_short_or_altered_is_refused_or_read() -> None:
    whole = package(cached=40, streamed=8)
    for end in range(len(whole) - 2):
        with pytest.raises(Malformed):
            read(whole[:end])
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 0xFF
        try:
            read(bytes(altered))
        except Malformed:
            continue


def test_googles_own_file_says_what_its_log_said(shared_models: Path) -> None:
    path = shared_models / "coral" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    if not path.is_file():
        pytest.skip("it is not there")
    (held,) = packages(flatbuffer.load(path))
    assert (held.min_runtime, held.streamed) == (12, 0)
    assert 478_804 < held.cached < path.stat().st_size  # the weights and biases of the source, padded
