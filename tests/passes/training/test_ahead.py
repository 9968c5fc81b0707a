"""What is computed beside who takes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tflbuild.passes.training.fitting import ahead


def test_items_computed_ahead_come_in_order_and_end() -> None:
    assert list(ahead(k * k for k in range(5))) == [0, 1, 4, 9, 16]
    assert list(ahead([])) == []


def test_the_next_item_is_computed_while_the_last_one_is_used() -> None:
    begun = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        begun.set()
        yield 1

    numbers = ahead(items())
    assert next(numbers) == 0
    assert begun.wait(20)
    assert list(numbers) == [1]
