"""Sizes as people write and read them."""

from __future__ import annotations

import pytest

from tflbuild.core.file_size import read_size, size, sizes_apart


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("500KB", 500_000),
        ("500kb", 500_000),
        ("500 KiB", 512_000),
        ("1.5MB", 1_500_000),
        ("2MiB", 2 * 1024**2),
        ("5G", 5_000_000_000),
        ("5GiB", 5 * 1024**3),
        (".5k", 500),
        ("1024", 1024),
        ("17B", 17),
    ],
)
def test_a_size_is_read_in_every_usual_spelling(text: str, held: float) -> None:
    assert read_size(text) == held


@pytest.mark.parametrize("text", ["", "KB", "five", "5X", "-5K", "5iB", "5 K B", "1e3", "nan", "5,000"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert read_size(text) is None


def test_sizes_that_read_the_same_are_written_to_the_byte() -> None:
    assert [size(value) for value in (0, 1023, 1024, 1024**2 - 1, 1024**2, 5 * 1024**3)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1,024.0 KiB",
        "1.0 MiB",
        "5.0 GiB",
    ]
    assert sizes_apart(1_048_577, 1_048_576) == ("1.0 MiB (1,048,577 bytes)", "1.0 MiB (1,048,576 bytes)")
    assert sizes_apart(2048, 2048) == ("2.0 KiB", "2.0 KiB")
