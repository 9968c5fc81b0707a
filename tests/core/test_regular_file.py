from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tflbuild.core.regular_file import check_regular, read_regular


def test_a_whole_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\0" * 10)
    (tmp_path / "link").symlink_to(path)
    assert read_regular(path, 10) == b"\0" * 10
    assert read_regular(str(tmp_path / "link"), 10) == b"\0" * 10
    check_regular(tmp_path / "link")
    with pytest.raises(OSError, match=r"it has 10 bytes; at most 9 are read: ") as caught:
        read_regular(path, 9)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo):
        for read in (check_regular, lambda path: read_regular(path, 10)):
            with pytest.raises(OSError, match="not a regular file") as caught:
                read(path)
            assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, str(path))
            assert caught.value.strerror == "not a regular file"


def test_a_name_that_is_none_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="embedded null byte") as caught:
        read_regular("a\0b", 10)
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, "a\0b")
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "gone", 10)


def test_what_was_opened_is_closed_and_left_to_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    opened: list[int] = []
    real = os.open

    def noted(given: Path, flags: int) -> int:
        opened.append(flags)
        return real(given, flags)

    monkeypatch.setattr(os, "open", noted)
    before = len(os.listdir("/proc/self/fd"))
    read_regular(path, 10)
    for refused, most in ((path, 0), (tmp_path, 10)):
        with pytest.raises(OSError, match=r"at most|not a regular"):
            read_regular(refused, most)
    assert len(os.listdir("/proc/self/fd")) == before
    assert opened == [os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC] * 3
