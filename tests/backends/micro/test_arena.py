"""What a file needs of the arena."""

from __future__ import annotations

from pathlib import Path

import pytest

import small_network
import tflite_files
from tflbuild.backends.micro import arena, session
from tflbuild.backends.micro.session import MicroSession, Refused
from tflbuild.core import toolchain
from tflbuild.tflite.tiny import dense_classifier

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
needs_package = pytest.mark.skipif(
    toolchain.version(session.TOOL) is None, reason="tflite-micro is not installed"
)


@needs_package
def test_the_smallest_arena_is_enough_and_sixteen_bytes_less_are_not(tmp_path: Path) -> None:
    path = small_network.quantized(tmp_path)
    found = arena.measure(path)
    assert found.smallest % arena.ALIGNMENT == 0
    with MicroSession(path) as opened:
        opened.load(found.smallest)
        with pytest.raises(Refused):
            opened.load(found.smallest - arena.ALIGNMENT)


@needs_package
def test_the_parts_are_what_the_interpreter_says(tmp_path: Path) -> None:
    found = arena.measure(tflite_files.written(tmp_path, dense_classifier()))
    assert found.used == found.head + found.tail <= found.smallest
    assert found.parts["NodeAndRegistration struct"] == 2 * 64  # a dense layer and a softmax
    assert sum(found.parts.values()) <= found.tail


class Planner:
    """A session in which planning takes more than what is used in the end."""

    def __init__(self, enough: int) -> None:
        self.enough, self.asked = enough, 0

    def load(self, size: int) -> None:
        self.asked += 1
        if size < self.enough:
            raise Refused("too small")


@pytest.mark.parametrize("enough", [5_008, 5_024, 20_000, 300_000, 2_000_000])
def test_planning_may_take_more_than_is_used(enough: int) -> None:
    planner = Planner(enough)
    found = arena._smallest(planner, 5_008)  # type: ignore[arg-type]
    assert found == -(-enough // 16) * 16
    assert planner.asked < 30
